"""What carries out one run: in this process, in one of this machine's pool, or on another machine of a cluster."""

from collections.abc import Callable, Iterator, Mapping
import contextlib
from dataclasses import dataclass, field
import functools
import io
import os
from pathlib import Path
import pickle
import platform
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from unittest import mock

import cloudpickle
from fashion_utils import data, training
from fashion_utils.experiments import provenance
from joblib.externals.loky import process_executor
import keras
import numpy as np
import psutil
import tensorflow as tf
from threadpoolctl import threadpool_limits

SETTINGS = ("FASHION_DATA", "FASHION_SAMPLE")  # which data, where a worker's own environment says nothing
_own_settings = {name for name in SETTINGS if name in os.environ}
_process, _asked_for = os.getpid(), None
_at_work = threading.RLock()  # whatever has threads takes turns: TensorFlow's and Python's seeds are the process's
with contextlib.suppress(RuntimeError):  # it is in use already, with as many threads as it then got
    tf.config.threading.set_intra_op_parallelism_threads(1)


class Refused(RuntimeError):
    """A worker is not like the process that asks it; the message says in what."""


@dataclass(frozen=True)
class Job:
    """One run, as it travels: settings, not arrays.

    `run` and `arguments` are pickled by `packed`; `made_from` has what the worker must have too: `data`, `code`,
    `versions` and `threads`; `found` is where the data lie, for a worker on the same machine.
    """

    run: bytes
    arguments: bytes
    seed: int
    made_from: Mapping
    settings: Mapping[str, str]
    found: data.Source | None


@dataclass
class Answer:
    """What a run gave: its metrics, a network among them as such or as the bytes of its file; or else an error."""

    rows: list[dict] = field(default_factory=list)
    seconds: float = 0.0
    error: Exception | None = None


def carry_out(run: Callable, arguments: Mapping, seed: int) -> Answer:
    """Do one run: seeded, on one thread, in `training.fast()`, alone in this process. Raises only what interrupts."""
    answer = Answer()
    try:
        with _at_work, _random_of_its_own(seed), threadpool_limits(1), training.fast():
            start = time.perf_counter()
            returned = run(seed=seed, **arguments)
            answer.seconds = time.perf_counter() - start
        answer.rows = _checked_rows(returned)
    except Exception as error:
        answer.error = error
    return answer


def work(job: Job) -> Answer:
    """Do one run in a worker, if this is like the process that asks; networks come back as the bytes of a .keras file.

    Raises Refused if it is not.
    """
    with _at_work:
        run = _check(job)
        answer = carry_out(run, pickle.loads(job.arguments), job.seed)
    try:
        answer.rows = [{metric: _bytes_if_model(value) for metric, value in row.items()} for row in answer.rows]
    except Exception as error:
        answer = Answer(error=error)
    if answer.error:
        answer.error.add_note("".join(traceback.format_exception(answer.error)))  # a traceback does not travel
        try:
            pickle.loads(pickle.dumps(answer.error))
        except Exception:
            answer.error = RuntimeError(f"{type(answer.error).__name__}: {answer.error}")
    sys.stdout.flush()
    return answer


def packed(value) -> bytes:
    """Pickle a function, even one defined in a notebook, with all that it reaches. Raises what pickle raises."""
    with io.BytesIO() as file:
        _Pickler(file).dump(value)
        return file.getvalue()


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    found = {module.__name__: module.__version__ for module in (tf, keras, np)}
    return found | {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}


def threads() -> int:
    """Return how many threads TensorFlow computes with in this process; the last digits of a result depend on it."""
    set_by_code = tf.config.threading.get_intra_op_parallelism_threads()
    return set_by_code or int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0) or os.cpu_count()


def code_of(run: Callable, arrays: dict | None = None) -> str:
    """Return the fingerprint of what a run does; `arrays` as in `provenance.fingerprint`. Raises Untraceable."""
    return provenance.fingerprint((run, training.fast), "run", {} if arrays is None else arrays)


def start(caller: int) -> None:
    """Make a process of this machine's pool one that ends with its caller and leaves interrupts to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal, and Jupyter too, sends it to every process
    process_executor._USE_PSUTIL = False  # else loky takes the first large data for a leak, and starts the process anew

    def follow():
        while os.getppid() == caller and psutil.pid_exists(caller):  # the first notices it at once, except on Windows
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _check(job) -> Callable:
    """Return the job's run; raise Refused unless this process would make the same of it as the one that asks."""
    if os.getpid() != _process:
        cure = "ProcessPoolExecutor(mp_context=multiprocessing.get_context('spawn'))"
        raise Refused(f"A worker is a fork of another process, in which TensorFlow would hang: use {cure}.")
    _compare("packages", job.made_from["versions"], versions())
    _compare("number of TensorFlow threads", job.made_from["threads"], threads())
    _find_data(job.found, job.settings)
    _compare("data", job.made_from["data"], data.source().fingerprint)
    try:
        run, code = _unpacked_once(job.run)
    except Exception as error:
        raise Refused(f"{_here()} cannot load what it is to run ({type(error).__name__}: {error}).") from error
    cure = " It read the files anew: restart this session, so that it does, too." if job.found else ""
    _compare("code (fashion_utils, or a file of yours)", job.made_from["code"], code, cure)
    return run


def _compare(what, asked, found, cure=""):
    if asked is not None and asked != found:
        raise Refused(f"{_here()} was refused: its {what} differs, {found} in place of {asked}.{cure}")


def _here() -> str:
    return f"A worker (process {os.getpid()} on {platform.node()})"


def _find_data(found, settings):
    """Use the data that the caller found, or, on another machine, find it here; once, until another is asked for."""
    global _asked_for
    if _asked_for == (found, settings):
        return
    if found is None:
        os.environ.update({name: value for name, value in settings.items() if name not in _own_settings})
        data.prepare()
    else:
        data.use(found)
    _asked_for = found, settings


def unpacked(run: bytes) -> tuple[Callable, str | None]:
    """Return a run and its fingerprint, None if it cannot be told."""
    run = pickle.loads(run)
    try:
        return run, code_of(run)
    except provenance.Untraceable:
        return run, None


_unpacked_once = functools.lru_cache(maxsize=1)(unpacked)  # for all jobs the same, so that what it has loaded stays


class _Pickler(cloudpickle.Pickler):
    def reducer_override(self, value):
        if isinstance(value, functools._lru_cache_wrapper) and _is_ours_alone(value):
            return _cached, (value.__wrapped__, value.cache_parameters())
        return super().reducer_override(value)


def _is_ours_alone(function) -> bool:
    """Return whether a function is one that no other process could import."""
    return function.__module__ == "__main__" or "<locals>" in function.__qualname__


def _cached(function, parameters):
    return functools.lru_cache(**parameters)(function)


@contextlib.contextmanager
def _random_of_its_own(seed: int) -> Iterator[None]:
    """Set all seeds, and keep Python's `random` for this thread, whatever others draw from it meanwhile.

    Keras takes the seeds of its layers from there; other threads of a Dask worker draw from it too. Functions imported
    from `random` by name are not kept apart.
    """
    keras.utils.set_random_seed(seed)
    ours, us = random.Random(seed), threading.get_ident()

    def kept_apart(shared):
        own = getattr(ours, shared.__name__)
        return lambda *args, **kwargs: (own if threading.get_ident() == us else shared)(*args, **kwargs)

    methods = {
        name: value for name, value in vars(random).items() if type(getattr(value, "__self__", 0)) is random.Random
    }
    with mock.patch.multiple(random, **{name: kept_apart(value) for name, value in methods.items()}):
        yield


def _checked_rows(returned) -> list[dict]:
    """Return the metrics as a list of dicts; raise ValueError for what cannot be one."""
    rows = [returned] if isinstance(returned, Mapping) else returned
    if not (isinstance(rows, (list, tuple)) and rows and all(isinstance(row, Mapping) and row for row in rows)):
        empty = "an empty " if isinstance(returned, (list, tuple, Mapping)) and not returned else ""
        what = f"{empty}{type(returned).__name__}"
        raise ValueError(f"run must return a dict of numbers, or a list of such dicts, not {what}.")
    return [{metric: _checked(metric, value) for metric, value in row.items()} for row in rows]


def _checked(metric, value):
    """Return a metric's value as a float, or the model that it is."""
    if not isinstance(metric, str) or metric in ("variant", "seed", "seconds"):
        raise ValueError(f"A metric cannot be called {metric!r}: choose another text.")
    if isinstance(value, keras.Model):
        return value
    if isinstance(value, (str, list, tuple)) or np.shape(value) != () or np.asarray(value).dtype.kind not in "biuf":
        raise ValueError(f"The metric {metric!r} must be one number, not {type(value).__name__}.")
    return float(value)


def _bytes_if_model(value):
    return model_bytes(value) if isinstance(value, keras.Model) else value


def model_bytes(model: keras.Model) -> bytes:
    """Return what `model.save` writes to a .keras file. Raises what it raises."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        return path.read_bytes()

"""One run: its seeds are its own, it travels without what is large, and a worker that differs refuses it."""

from concurrent.futures import ThreadPoolExecutor
import contextlib
import dataclasses
import functools
import os
import pickle
import random
import subprocess
import sys
import threading
import time

from fashion_utils import data
from fashion_utils.experiments import worker
import keras
from made_up_runs import train
import numpy as np
import pytest
import threadpoolctl


def job(run=train, seed=3, **differing):
    """A job as `repeat` makes it, for a worker that is like this process but for what differs."""
    packed = worker.packed(run)
    asked = {"data": data.source().fingerprint, "versions": worker.versions(), "threads": worker.threads()}
    made_from = asked | {"code": worker.unpacked(packed)[1]} | differing
    return worker.Job(packed, worker.packed({}), seed, made_from, {}, data.source())


@contextlib.contextmanager
def drawing():
    """Another thread that draws from Python's `random` all the time, as one of a Dask worker does now and then."""
    stop = threading.Event()

    def draw():
        while not stop.is_set():
            random.random()
            random.sample(range(100), 10)
            time.sleep(0)

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


# --- Seeds ------------------------------------------------------------------------------------------------------------


def test_another_thread_that_draws_random_numbers_changes_nothing():
    expected = worker.carry_out(train, {}, 3).rows
    with drawing():
        assert worker.carry_out(train, {}, 3).rows == expected


def test_the_other_thread_draws_from_its_own_sequence():
    shared = random.random.__self__

    def run(seed):
        drawn = []
        thread = threading.Thread(target=lambda: drawn.append(random.random()))
        before = shared.getstate()
        mine = random.random()
        assert shared.getstate() == before
        thread.start()
        thread.join()
        assert shared.getstate() != before
        return {"mine": mine, "theirs": drawn[0]}

    answer = worker.carry_out(run, {}, 5)
    assert answer.rows[0]["mine"] == random.Random(5).random()


def test_python_has_its_own_functions_back_afterwards():
    before = dict(vars(random))
    worker.carry_out(lambda seed: 1 / 0, {}, 0)
    assert dict(vars(random)) == before


def test_threads_of_one_process_take_turns():
    expected = [worker.carry_out(train, {}, seed).rows for seed in range(4)]
    with ThreadPoolExecutor(4) as threads:
        assert [answer.rows for answer in threads.map(lambda s: worker.carry_out(train, {}, s), range(4))] == expected


def test_one_thread_for_tensorflow_and_for_numpy():
    def run(seed):
        return {"threads": max(library["num_threads"] for library in threadpoolctl.threadpool_info())}

    assert worker.threads() == 1
    assert worker.carry_out(run, {}, 0).rows == [{"threads": 1}]


def test_threads_of_a_process_that_has_computed_already():
    code = "import tensorflow as tf; tf.zeros(1) + 1\n"
    code += "from fashion_utils.experiments import worker; print(worker.threads())"
    environment = os.environ | {"TF_NUM_INTRAOP_THREADS": "3"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "3", done.stderr


# --- What travels -----------------------------------------------------------------------------------------------------


def test_a_function_of_a_notebook_travels_with_what_it_caches():
    """In a process of its own: here the function would be found by its name."""
    namespace = {"__name__": "__main__"}
    cell = "import functools\nloads = 0\n"
    cell += "@functools.cache\ndef load():\n    global loads\n    loads += 1\n    return [loads]\n"
    exec(cell + "def run(seed):\n    return {'loads': load()[0], 'again': load()[0]}", namespace)
    packed = worker.packed(namespace["run"])
    code = "import sys\nfrom fashion_utils.experiments import worker\n"
    code += "print(worker.unpacked(sys.stdin.buffer.read())[0](0))"
    done = subprocess.run([sys.executable, "-c", code], input=packed, capture_output=True, check=True)
    assert done.stdout.decode().strip() == "{'loads': 1, 'again': 1}"
    assert namespace["loads"] == 0


def test_a_function_of_a_module_travels_by_its_name():
    assert len(worker.packed(functools.partial(train, units=3))) < 200


def test_a_network_travels_as_the_bytes_of_its_file(tmp_path):
    def run(seed):
        return {"model": keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(3)])}

    answer = pickle.loads(pickle.dumps(worker.work(job(run))))
    (tmp_path / "model.keras").write_bytes(answer.rows[0]["model"])
    assert keras.models.load_model(tmp_path / "model.keras").count_params() == 9


class Unpicklable(Exception):
    def __init__(self, first, second):
        super().__init__(first)


@pytest.mark.parametrize("arguments", [(ZeroDivisionError, "by zero"), (Unpicklable, "by zero", 2)])
def test_an_error_comes_back_whatever_it_is(arguments):
    def run(seed):
        kind, *rest = arguments
        raise kind(*rest)

    answer = pickle.loads(pickle.dumps(worker.work(job(run))))
    assert "by zero" in str(answer.error) and type(answer.error).__name__ in ("ZeroDivisionError", "RuntimeError")


def test_the_traceback_comes_along():
    def run(seed):
        return 1 / 0

    assert "return 1 / 0" in worker.work(job(run)).error.__notes__[0]


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("differing", "word"),
    [
        ({"data": "stand-in"}, "its data differs"),
        ({"code": "0123"}, "its code .* differs, .* in place of 0123. .* restart this session"),
        ({"versions": worker.versions() | {"keras": "2.0"}}, "its packages differs"),
        ({"threads": 8}, "its number of TensorFlow threads differs, 1 in place of 8"),
    ],
)
def test_a_worker_that_differs_refuses(differing, word):
    assert worker.work(job()).rows
    with pytest.raises(worker.Refused, match=word):
        worker.work(job(**differing))


def test_a_fork_of_a_process_is_refused(monkeypatch):
    monkeypatch.setattr(worker, "_process", -1)
    with pytest.raises(worker.Refused, match="get_context"):
        worker.work(job())


def test_what_cannot_be_loaded_is_refused():
    with pytest.raises(worker.Refused, match=r"cannot load what it is to run \(ModuleNotFoundError: .*not_here"):
        worker.work(dataclasses.replace(job(), run=b"cnot_here\nrun\n."))


@pytest.mark.parametrize(("own", "expected"), [({}, "600"), ({"FASHION_SAMPLE"}, "100")])
def test_settings_travel_where_a_worker_has_none_of_its_own(own, expected, monkeypatch):
    monkeypatch.setenv("FASHION_SAMPLE", "100")
    monkeypatch.setattr(worker, "_own_settings", own)
    monkeypatch.setattr(worker, "_asked_for", None)
    found = []
    monkeypatch.setattr(data, "prepare", lambda: found.append(os.environ["FASHION_SAMPLE"]))
    for _ in range(2):  # it looks once
        worker.work(dataclasses.replace(job(), found=None, settings={"FASHION_SAMPLE": "600"}))
    assert found == [expected]


def test_versions_name_what_a_result_depends_on():
    assert worker.versions()["numpy"] == np.__version__ and worker.versions()["keras"] == keras.__version__

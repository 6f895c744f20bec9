"""Experiments that can carry error bars: every variant from several seeds, kept run by run so that nothing is lost.

`repeat` is what a notebook needs; `networks` has three that are trained with it, for the last notebooks. It uses every
core of the machine (`pool`), or the executor that it is given, a cluster's for one; `worker` carries out a run,
`results` keeps what it gave, `provenance` tells what that was made from.
Importing this module has TensorFlow compute with one thread, if nothing has been computed yet: see `repeat`.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
import math
import os
import re

from fashion_utils import data, printable
from fashion_utils.experiments import pool, results, worker
from fashion_utils.experiments.networks import trained  # noqa: F401 (for notebooks)
from IPython import get_ipython
from IPython.display import display
import numpy as np
import pandas as pd

SEEDS_ON_A_SAMPLE = 2  # the least that has a spread
LARGE = 1_000_000  # bytes; what weighs more does not travel to a worker
SHOWN = 4  # runs at work, by name


def repeat(
    name: str,
    variants: Mapping[str, Mapping],
    run: Callable,
    seeds: Iterable[int],
    train_missing: bool = True,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Run an experiment once for each variant and seed, and return all results as one tidy table.

    Each finished run is written to `artifacts/<data>/<name>/` at once, so an interrupted experiment goes on where it
    was. A kept result is used again only if all that it came from is the same: data, seed, arguments, versions, and
    whatever `run` reaches, see `provenance.fingerprint`. On a sample, which is for trying out, only two seeds are run.

    The runs go to processes of this machine, as many as it has cores and memory for, where that pays (FASHION_WORKERS
    says how many, 0: none), or to `executor`. The numbers are the same to the last digit wherever they are computed:
    each run has TensorFlow for itself, with one thread. If this process has more and does the runs, their number is
    part of what a result was made from.

    Args:
        name: what the experiment is called; a folder name.
        variants: for each variant's name, the keyword arguments that `run` gets for it.
        run: called as `run(seed=seed, **arguments)` inside `training.fast()`, after the global seed has been set;
            returns the metrics: a dict of numbers, or a list of such dicts (one an epoch, say). A Keras model among
            them is saved. It should load its data itself: a worker gets `run` and what it reaches, but no large array.
        seeds: whole numbers; every variant gets the same ones, so that differences can be paired.
        train_missing: False runs nothing and returns what is kept.
        executor: anything with the interface of `concurrent.futures.Executor` whose workers have this package, such as
            Dask's `Client("tcp://...").get_executor()`. Each finds the data itself; one that differs from this process
            in data, code or versions is refused.

    Returns one row for each dict returned: `variant`, `seed` (int), the metrics (float; for a model, the path of its
    .keras file, str), and `seconds` of the whole run. Raises ValueError for arguments that cannot be used. An error in
    `run`, or a worker that dies twice, is raised when all other runs are done and kept; a note names variant and seed.
    """
    seeds = _checked_seeds(name, variants, seeds)
    places, found, engine, jobs, notes = _planned(name, variants, run, seeds, train_missing, executor)
    kept, problems, failures, shown = len(found), {}, {}, _Shown()

    def tell(running=()):
        names = "; ".join(f"{variant}, seed {seed}" for variant, seed in running[:SHOWN])
        running = f", running {names}{f' and {len(running) - SHOWN} more' * (len(running) > SHOWN)}" if running else ""
        shown(f"{name}: {len(found)} of {len(places)} done{_failed(failures)}{running}")

    answers = _here(jobs, run, variants, tell) if engine is None else pool.hand_out(jobs, engine, tell)
    try:
        for key, answer in answers:
            if answer.error:
                failures[key] = answer.error
                continue
            found[key], problem = places[key].keep(answer.rows, answer.seconds)
            if problem and places[key].made_from:
                problems[key] = problem
    except BaseException:
        if isinstance(engine, pool.Pool):
            pool.end()  # a run that is under way cannot be stopped otherwise
        raise
    now = f"{len(found) - kept} of them now, {kept} kept from before"
    done = now if train_missing else f"{kept} of them kept, none run"
    shown(f"{name}: {len(places)} runs, {done}{_failed(failures)}{_not_finite(found)}{notes}{_not_kept(problems)}")
    if failures:
        raise _one_error(failures)
    table = [
        {"variant": variant, "seed": seed, **row, "seconds": found[variant, seed][1]}
        for variant, seed in places
        for row in found.get((variant, seed), ([], 0))[0]
    ]
    metrics = [key for row in table for key in row if key != "seconds"]
    return pd.DataFrame(table, columns=list(dict.fromkeys(["variant", "seed", *metrics, "seconds"])))


def _planned(name, variants, run, seeds, train_missing, executor) -> tuple:
    """Return the place of each run, the results that are kept, who does the others, what these are, and what to note.

    Who does them is an executor, or None for this process; with more threads than one it gets other numbers than a
    worker, so that other kept results count.
    """
    notes, found = "", {}
    for threads in dict.fromkeys((1, worker.threads())):
        places, arrays, warning = results.places(name, variants, run, seeds, threads)
        before = {} if train_missing else found  # to look at what is kept, either will do
        found = before | {key: result for key, place in places.items() if (result := place.read())}
        missing = [key for key in places if key not in found]
        if not missing:
            break
        if not train_missing:
            continue
        seconds = 0 if data.source().sample is not None else results.seconds_before(places.values())
        engine = executor or pool.of_this_machine(len(missing), seconds, alike=worker.threads() == 1)
        if engine is not None:
            try:
                jobs = _jobs(missing, places, run, variants, arrays, local=executor is None)
                return places, found, engine, jobs, warning
            except ValueError as error:
                if executor is not None:
                    raise
                notes = f". All in this process: {error}"
    return places, found, None, missing if train_missing else [], notes + warning


def _checked_seeds(name, variants, seeds) -> list[int]:
    """Return the seeds to be run; raise ValueError for anything that `repeat` cannot work with."""
    if not (isinstance(name, str) and re.fullmatch(r"\w[\w .-]*", name)):
        raise ValueError(f"name={name!r} becomes a folder: give it letters, digits, spaces, - and _ only.")
    if not (isinstance(variants, Mapping) and variants and all(isinstance(v, Mapping) for v in variants.values())):
        raise ValueError('variants must be a dict with a dict of arguments for each name, such as {"plain": {}}.')
    if wrong := [variant for variant in variants if not isinstance(variant, str)]:
        raise ValueError(f"The name of a variant is text, not {wrong[0]!r}.")
    if wrong := [variant for variant in variants if "seed" in variants[variant]]:
        raise ValueError(f"Variant {wrong[0]!r} has an argument seed: give all seeds in seeds=...")
    seeds = list(seeds)
    for seed in seeds:
        if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or not 0 <= seed < 2**32:
            raise ValueError(f"A seed is a whole number from 0 to {2**32 - 1}, not {seed!r}.")
    if not 0 < len(seeds) == len(set(seeds)):
        raise ValueError(f"Give at least one seed, and each of them once, not {seeds}.")
    return [int(seed) for seed in seeds[: SEEDS_ON_A_SAMPLE if data.source().sample is not None else None]]


def _jobs(missing, places, run, variants, arrays, local) -> dict[tuple, worker.Job]:
    """Return the missing runs as they travel, to this machine's own workers if `local`; ValueError if they cannot."""
    try:
        packed, arguments = worker.packed(run), {variant: worker.packed(variants[variant]) for variant, _ in missing}
        _, code = worker.unpacked(packed)  # of the copy that a worker gets
    except Exception as error:
        raise ValueError(f"run cannot travel to a worker ({type(error).__name__}: {error})") from error
    if (size := max(map(len, (packed, *arguments.values())))) > LARGE:
        large = dict.fromkeys(where for _, array, where in arrays.values() if array.nbytes > LARGE // 10)
        names = f" ({', '.join(large)})" if large else ""
        cure = "load them in run, with a function that has @functools.cache, and each worker does so once"
        raise ValueError(f"run would take {size / 1e6:,.0f} MB of arrays along to each worker{names}: {cure}")
    settings = {name: os.environ.get(name, "") for name in worker.SETTINGS}
    source = data.source() if local else None
    return {
        (variant, seed): worker.Job(
            packed, arguments[variant], seed, places[variant, seed].asked | {"code": code}, settings, source
        )
        for variant, seed in missing
    }


def _here(missing, run, variants, tell):
    """Do the missing runs in this process, one after the other."""
    for variant, seed in missing:
        tell([(variant, seed)])
        yield (variant, seed), worker.carry_out(run, variants[variant], seed)


def _one_error(failures) -> Exception:
    """Return the first error, with notes of what else has failed."""
    (variant, seed), error = next(iter(failures.items()))
    error.add_note(f"This was variant {variant!r}, seed {seed}.")
    if others := [f"{variant!r}, seed {seed}" for variant, seed in list(failures)[1:]]:
        error.add_note(f"{len(others)} more failed: {'; '.join(others[:SHOWN])}{' ...' * (len(others) > SHOWN)}")
    return error


def _failed(failures) -> str:
    if not failures:
        return ""
    (variant, seed), error = next(iter(failures.items()))
    return f", {len(failures)} failed ({variant}, seed {seed}: {type(error).__name__}: {str(error)[:80]})"


def _not_finite(results) -> str:
    found = {}
    for (variant, seed), (rows, _) in results.items():
        for metric, value in (item for row in rows for item in row.items()):
            if isinstance(value, float) and not math.isfinite(value):
                found[f"{metric} of {variant}, seed {seed}"] = value
    return f". NaN or infinite: {'; '.join(found)}" if found else ""


def _not_kept(problems) -> str:
    if not problems:
        return ""
    (variant, seed), problem = next(iter(problems.items()))
    more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
    return f". Not kept for the next time: {variant}, seed {seed}{more} ({problem})"


class _Shown:
    """Shows a text in the place of the one before, of which a notebook saves the last; elsewhere, prints it if new."""

    text = handle = None

    def __call__(self, text: str) -> None:
        if text == self.text:
            return
        self.text = text
        if get_ipython() is None:
            print(printable(text), flush=True)
        elif self.handle is None:
            self.handle = display({"text/plain": text}, raw=True, display_id=True)
        else:
            self.handle.update({"text/plain": text}, raw=True)

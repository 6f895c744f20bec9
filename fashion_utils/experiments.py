"""Experiments that can carry error bars: every variant from several seeds, kept run by run so that nothing is lost."""

from collections.abc import Callable, Iterable, Mapping
import hashlib
import inspect
import json
from pathlib import Path
import re
import time

from fashion_utils import artifacts, data
from fashion_utils.progress import LiveText
from fashion_utils.sources.files import write_atomically
import pandas as pd

SEEDS_ON_A_SAMPLE = 2  # the least that has a spread


def repeat(
    name: str,
    variants: Mapping[str, Mapping],
    run: Callable,
    seeds: Iterable[int],
    settings: Mapping | None = None,
) -> pd.DataFrame:
    """Run an experiment once for each variant and seed, and return all results as one tidy table.

    Each finished run is written to `artifacts/<data>/<name>/` at once, so an interrupted experiment goes on where it
    was: a kill loses at most the run under way. A kept result is used again only if everything it came from is the
    same: data, variant, seed, settings, the source of `run` and of the modules `models` and `training`, and versions.

    On a sample (FASHION_SAMPLE), which is for trying things out, only the first two seeds are run.

    Args:
        name: what the experiment is called; a folder name.
        variants: for each variant's name, the keyword arguments that `run` gets for it; values JSON can hold.
        run: called as `run(seed=seed, **arguments)` after the global seed has been set; returns the metrics, a dict of
            numbers, or a list of such dicts (one an epoch, say).
        seeds: the seeds; every variant gets the same ones, so that differences can be paired.
        settings: what else `run` uses from outside and shapes its result (epochs, batch size …), for the provenance.

    Returns:
        one row for each dict returned: `variant`, `seed`, the metrics, and `seconds` of the whole run.
    """
    import keras

    seeds, folder = list(seeds), artifacts.folder() / name
    if data.source().sample is not None:
        seeds = seeds[:SEEDS_ON_A_SAMPLE]
    todo = [(variant, seed) for variant in variants for seed in seeds]
    rows, new_runs, live = [], 0, LiveText()
    for i, (variant, seed) in enumerate(todo):
        made_from = _provenance(variants[variant], seed, run, settings or {})
        file = folder / f"{re.sub(r'[^a-z0-9]+', '-', variant.lower()).strip('-')}-{seed}.json"
        result = _read(file, made_from)
        if result is None:
            live.show(f"{name}: run {i + 1} of {len(todo)}, {variant}, seed {seed}")
            keras.utils.set_random_seed(seed)
            start = time.perf_counter()
            metrics = run(seed=seed, **variants[variant])
            metrics = [metrics] if isinstance(metrics, Mapping) else metrics
            metrics = [{key: float(value) for key, value in row.items()} for row in metrics]
            result = {"made_from": made_from, "metrics": metrics, "seconds": time.perf_counter() - start}
            write_atomically(file, json.dumps(result).encode())
            new_runs += 1
        for row in result["metrics"]:
            rows.append({"variant": variant, "seed": seed, **row, "seconds": result["seconds"]})
    live.show(f"{name}: {len(todo)} runs, {new_runs} of them now, {len(todo) - new_runs} kept from before")
    return pd.DataFrame(rows)


def _provenance(variant: Mapping, seed: int, run: Callable, settings: Mapping) -> dict:
    """Return what a result depends on, as it reads back from JSON."""
    import keras
    import tensorflow

    modules = [Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("models.py", "training.py")]
    code = hashlib.sha256("\n".join([inspect.getsource(run), *modules]).encode()).hexdigest()[:16]
    versions = [tensorflow.__version__, keras.__version__]
    made_from = {
        "data": data.source().fingerprint,
        "variant": dict(variant),
        "seed": seed,
        "settings": dict(settings),
        "code": code,
        "versions": versions,
    }
    return json.loads(json.dumps(made_from))


def _read(file: Path, made_from: dict) -> dict | None:
    try:
        result = json.loads(file.read_text(encoding="utf-8"))
        return result if result["made_from"] == made_from and result["metrics"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # none yet, or not one of ours: the run is done anew

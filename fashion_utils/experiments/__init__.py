"""Experiments that can carry error bars: every variant from several seeds, kept run by run so that nothing is lost."""

from collections.abc import Callable, Iterable, Mapping
import hashlib
import itertools
import json
import math
from pathlib import Path
import re
import sys
import tempfile
import time

from fashion_utils import data, training
from fashion_utils.experiments import provenance
from fashion_utils.sources import files
from IPython import get_ipython
from IPython.display import display
import keras
import numpy as np
import pandas as pd
import tensorflow as tf

SEEDS_ON_A_SAMPLE = 2  # the least that has a spread


def repeat(
    name: str, variants: Mapping[str, Mapping], run: Callable, seeds: Iterable[int], train_missing: bool = True
) -> pd.DataFrame:
    """Run an experiment once for each variant and seed, and return all results as one tidy table.

    Each finished run is written to `artifacts/<data>/<name>/` at once, so an interrupted experiment goes on where it
    was. A kept result is used again only if all that it came from is the same: data, seed, arguments, versions, and
    whatever `run` reaches, see `provenance.fingerprint`. On a sample, which is for trying out, only two seeds are run.

    Args:
        name: what the experiment is called; a folder name.
        variants: for each variant's name, the keyword arguments that `run` gets for it.
        run: called as `run(seed=seed, **arguments)` inside `training.fast()`, after the global seed has been set;
            returns the metrics: a dict of numbers, or a list of such dicts (one an epoch, say). A Keras model among
            them is saved.
        seeds: whole numbers; every variant gets the same ones, so that differences can be paired.
        train_missing: False runs nothing and returns what is kept.

    Returns one row for each dict returned: `variant`, `seed` (int), the metrics (float; for a model, the path of its
    .keras file, str), and `seconds` of the whole run. Raises ValueError for arguments or metrics that cannot be used.
    """
    seeds = _checked_seeds(name, variants, seeds)
    places, warning = _places(name, variants, run, seeds)
    results = {key: result for key, place in places.items() if (result := _read(*place))}
    missing = [key for key in places if key not in results]
    shown, problems = None, {}
    for variant, seed in missing if train_missing else ():
        key = variant, seed
        shown = _show(f"{name}: run {list(places).index(key) + 1} of {len(places)}, {variant}, seed {seed}", shown)
        answer = _run(run, variant, variants[variant], seed)
        results[key], problem = _keep(*places[key], *answer)
        if problem and not warning:
            problems[f"{variant}, seed {seed}"] = problem
    kept = len(places) - len(missing)
    done = f"{len(missing)} of them now, {kept} kept from before" if train_missing else f"{kept} of them kept, none run"
    _show(f"{name}: {len(places)} runs, {done}{_not_finite(results)}{warning}{_not_kept(problems)}", shown)
    table = [
        {"variant": variant, "seed": seed, **row, "seconds": results[variant, seed][1]}
        for variant, seed in places
        for row in results.get((variant, seed), ([], 0))[0]
    ]
    metrics = [key for row in table for key in row if key != "seconds"]
    return pd.DataFrame(table, columns=list(dict.fromkeys(["variant", "seed", *metrics, "seconds"])))


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


def _places(name, variants, run, seeds) -> tuple[dict, str]:
    """Return for each variant and seed its file and what its result is made from, and a sentence if that is unknown."""
    versions = {module.__name__: module.__version__ for module in (tf, keras, np)}
    versions["python"] = f"{sys.version_info.major}.{sys.version_info.minor}"
    arrays, folder, warning = {}, data.artifacts() / name, ""
    try:
        code = provenance.fingerprint((run, training.fast), "run", arrays)
        arguments = {key: provenance.fingerprint(item, f"variant {key!r}", arrays) for key, item in variants.items()}
    except provenance.Untraceable as error:
        warning = f". No result is kept for the next time: {error}, and nothing tells whether that has changed"
        folder = files.temporary_folder() / name
    places = {}
    for variant, seed in itertools.product(variants, seeds):
        slug = re.sub(r"[^a-z0-9]+", "-", variant.lower()).strip("-")[:40]
        slug += "-" + hashlib.sha256(variant.encode()).hexdigest()[:8]  # two names can have the same letters
        made_from = None
        if not warning:
            made_from = {"data": data.source().fingerprint, "code": code, "arguments": arguments[variant]}
            made_from |= {"variant": variant, "seed": seed, "versions": versions}
        places[variant, seed] = folder / f"{slug}-{seed}.json", made_from
    return places, warning


def _run(run, variant, arguments, seed) -> tuple[list[dict], float]:
    """Run one variant from one seed; return its metrics, checked, and the seconds it took."""
    keras.utils.set_random_seed(seed)
    start = time.perf_counter()
    try:
        with training.fast():
            returned = run(seed=seed, **arguments)
    except BaseException as error:
        error.add_note(f"This was variant {variant!r}, seed {seed}.")
        raise
    seconds = time.perf_counter() - start
    rows = [returned] if isinstance(returned, Mapping) else returned
    try:
        if not (isinstance(rows, (list, tuple)) and rows and all(isinstance(row, Mapping) and row for row in rows)):
            empty = "an empty " if isinstance(returned, (list, tuple, Mapping)) and not returned else ""
            what = f"{empty}{type(returned).__name__}"
            raise ValueError(f"run must return a dict of numbers, or a list of such dicts, not {what}.")
        return [{metric: _checked(metric, value) for metric, value in row.items()} for row in rows], seconds
    except ValueError as error:
        raise ValueError(f"Variant {variant!r}, seed {seed}: {error}") from None


def _checked(metric, value):
    """Return a metric's value as a float, or the model that it is."""
    if not isinstance(metric, str) or metric in ("variant", "seed", "seconds"):
        raise ValueError(f"A metric cannot be called {metric!r}: choose another text.")
    if isinstance(value, keras.Model):
        return value
    if isinstance(value, (str, list, tuple)) or np.shape(value) != () or np.asarray(value).dtype.kind not in "biuf":
        raise ValueError(f"The metric {metric!r} must be one number, not {type(value).__name__}.")
    return float(value)


def _keep(file: Path, made_from, rows, seconds) -> tuple[tuple, str]:
    """Write a result, its models beside it; return it as the table has it, and what was in the way, if anything was.

    What cannot be kept in its place is put in a folder for this session; failing that, the table gets the model itself.
    """
    problem = ""
    for place in (file, files.temporary_folder() / file.parent.name / file.name):
        try:
            cards, shown = [dict(row) for row in rows], [dict(row) for row in rows]
            for i, row in enumerate(rows):
                for metric in (metric for metric, value in row.items() if isinstance(value, keras.Model)):
                    path = place.with_name(f"{place.stem}-{i}-{list(row).index(metric)}.keras")
                    shown[i][metric] = str(path)
                    cards[i][metric] = {"file": path.name, "sha256": _save_model(row[metric], path)}
            card = {"made_from": made_from, "metrics": cards, "seconds": seconds}
            files.write_atomically(place, json.dumps(card).encode())
            return (shown, seconds), problem
        except Exception as error:  # the training was not in vain, whatever is wrong
            problem = problem or getattr(error, "strerror", None) or str(error)
    return (rows, seconds), problem


def _save_model(model, path: Path) -> str:
    """Save a model so that nobody ever sees a part of the file; return its SHA-256."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder, "model.keras"))
        content = Path(folder, "model.keras").read_bytes()
    files.write_atomically(path, content)
    return hashlib.sha256(content).hexdigest()


def _read(file: Path, made_from) -> tuple | None:
    """Return a kept result as the table has it; None if there is none that fits and is whole."""
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
        if made_from is None or card["made_from"] != made_from or not card["metrics"]:
            return None
        for row in card["metrics"]:
            for metric, value in row.items():
                if isinstance(value, dict):
                    files.read_verified(file.with_name(value["file"]), value["sha256"])
                    row[metric] = str(file.with_name(value["file"]))
        return card["metrics"], float(card["seconds"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, data.DataError):
        return None  # none yet, or not one of ours: the run is done anew


def _not_finite(results) -> str:
    found = {}
    for (variant, seed), (rows, _) in results.items():
        for metric, value in (item for row in rows for item in row.items()):
            if isinstance(value, float) and not math.isfinite(value):
                found[f"{metric} of {variant}, seed {seed}"] = value
    return f". NaN or infinite: {'; '.join(found)}" if found else ""


def _not_kept(problems) -> str:
    more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
    first = next(iter(problems), "")
    return f". Not kept for the next time: {first}{more} ({problems[first]})" if problems else ""


def _show(text: str, shown=None):
    """Show a text in the place of the one shown before: a notebook saves only its last state. Return what it is in."""
    if get_ipython() is None:
        return print(text)
    if shown is None:
        return display({"text/plain": text}, raw=True, display_id=True)
    shown.update({"text/plain": text}, raw=True)
    return shown

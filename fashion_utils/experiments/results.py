"""Where the results of an experiment are kept, each in a file of its own with what it was made from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import hashlib
import itertools
import json
from pathlib import Path
import re

from fashion_utils import data
from fashion_utils.experiments import provenance, worker
from fashion_utils.sources import files


@dataclass(frozen=True)
class Place:
    """Where the result of one run is kept, and what a result must be made from to be used.

    `made_from` is None if nobody can tell; `asked` is the part of it that a worker must have too.
    """

    file: Path
    asked: dict
    made_from: dict | None

    def keep(self, rows: list[dict], seconds: float) -> tuple[tuple, str]:
        """Write a result, its models beside it; return it as the table has it, and what was in the way, if anything.

        What cannot be kept in its place is put in a folder for this session; failing that, the table gets the model
        itself.
        """
        problem = ""
        for file in (self.file, files.temporary_folder() / self.file.parent.name / self.file.name):
            try:
                cards, shown = [dict(row) for row in rows], [dict(row) for row in rows]
                for i, row in enumerate(rows):
                    for metric in (metric for metric, value in row.items() if not isinstance(value, float)):
                        model = row[metric]
                        content = model if isinstance(model, bytes) else worker.model_bytes(model)
                        path = file.with_name(f"{file.stem}-{i}-{list(row).index(metric)}.keras")
                        files.write_atomically(path, content)
                        shown[i][metric] = str(path)
                        cards[i][metric] = {"file": path.name, "sha256": hashlib.sha256(content).hexdigest()}
                card = {"made_from": self.made_from, "metrics": cards, "seconds": seconds}
                files.write_atomically(file, json.dumps(card).encode())
                return (shown, seconds), problem
            except Exception as error:  # the training was not in vain, whatever is wrong
                problem = problem or getattr(error, "strerror", None) or str(error)
        return (rows, seconds), problem

    def read(self) -> tuple | None:
        """Return a kept result as the table has it; None if there is none that fits and is whole."""
        try:
            card = json.loads(self.file.read_text(encoding="utf-8"))
            if self.made_from is None or card["made_from"] != self.made_from or not card["metrics"]:
                return None
            for row in card["metrics"]:
                for metric, value in row.items():
                    if isinstance(value, dict):
                        files.read_verified(self.file.with_name(value["file"]), value["sha256"])
                        row[metric] = str(self.file.with_name(value["file"]))
            return card["metrics"], float(card["seconds"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, data.DataError):
            return None  # none yet, or not one of ours: the run is done anew


def places(name, variants: Mapping, run, seeds: Iterable[int], threads: int) -> tuple[dict, dict, str]:
    """Return the place for each variant and seed, the arrays that the runs reach, and why no result can be kept.

    The arrays are those of `provenance.fingerprint`; `threads` is how many TensorFlow computes with.
    """
    arrays, folder, warning = {}, data.artifacts() / name, ""
    common = {"data": data.source().fingerprint, "versions": worker.versions(), "threads": threads}
    try:
        common["code"] = worker.code_of(run, arrays)
        arguments = {key: provenance.fingerprint(item, f"variant {key!r}", arrays) for key, item in variants.items()}
    except provenance.Untraceable as error:
        warning = f". No result is kept for the next time: {error}, and nothing tells whether that has changed"
        folder = files.temporary_folder() / name
    found = {}
    for variant, seed in itertools.product(variants, seeds):
        slug = re.sub(r"[^a-z0-9]+", "-", variant.lower()).strip("-")[:40]
        slug += "-" + hashlib.sha256(variant.encode()).hexdigest()[:8]  # two names can have the same letters
        own = None if warning else {"arguments": arguments[variant], "variant": variant, "seed": seed}
        found[variant, seed] = Place(folder / f"{slug}-{seed}.json", common, own and common | own)
    return found, arrays, warning


def seconds_before(found: Iterable[Place]) -> float | None:
    """Return the longest time that a run of this experiment took, whatever it was made from; None if none is kept."""
    seconds = []
    for file in {file for folder in {place.file.parent for place in found} for file in folder.glob("*.json")}:
        try:
            seconds.append(float(json.loads(file.read_text(encoding="utf-8"))["seconds"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return max(seconds, default=None)

"""Folders that the environment names, and what may be the data in one of them, whoever put it there."""

import contextlib
import os
from pathlib import Path

from fashion_utils import REPOSITORY

# Where, below a folder, others put the four files: torchvision (two of its levels), Keras, Zalando's repository.
BELOW = ("", "raw", "FashionMNIST/raw", "fashion-mnist", "data/fashion")
NOT_READ = {".csv": "CSV tables are not read", ".zip": "archives are not unpacked"}
MOST_NAMED = 4  # entries of a folder, in a message


def named_folder(variable: str, holding: str = "") -> Path | None:
    """The folder that an environment variable names, absolute; None where it names none.

    ~ is the home folder, and the quotes that Windows' `set` keeps are no part of the name. A relative one is the
    current folder's if that has it, with a folder `holding` in it, or else the project's: `make` and a notebook start
    in different folders and must mean the same. ValueError for a home folder that cannot be found.
    """
    value = os.environ.get(variable, "").strip()
    if value[:1] == value[-1:] and value[:1] in ("'", '"'):
        value = value[1:-1].strip()
    if not value:
        return None
    folder = os.path.expanduser(value)
    if folder.startswith("~"):
        raise ValueError(f"{variable}={value}: no home folder can be found for that; give the whole path.")
    is_here = os.path.isdir(os.path.join(folder, holding))
    return Path(folder).absolute() if is_here else REPOSITORY / folder


def keras_cache() -> Path:
    """Where Keras keeps data sets; a relative KERAS_HOME is the current folder's only if the data are in it."""
    home = named_folder("KERAS_HOME", holding=os.path.join("datasets", "fashion-mnist"))
    return (home or Path(os.path.expanduser("~/.keras")).absolute()) / "datasets"


def candidates(folder: Path, name: str) -> list[Path]:
    """Files that may be `name`, a .gz in small letters, or the same unpacked, in any case of letters, best first."""
    plain = name.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")  # as some write it
    found = []
    for below in (*BELOW, plain):  # the last as some programs unpack it
        with contextlib.suppress(OSError):
            there = sorted(os.listdir(folder / below))
            spellings = (name, plain, f"{dotted}.gz", dotted)
            found += [folder / below / entry for wanted in spellings for entry in there if entry.lower() == wanted]
    return [path for path in found if not os.path.isdir(path)]


def what_else(folder: Path, names: set[str]) -> str:
    """Say in a clause what a folder has besides `names`; "" where nothing can be seen."""
    others = []
    with contextlib.suppress(OSError):
        others = sorted(f"{p.name}{'/' * os.path.isdir(p)}" for p in folder.iterdir() if p.name not in names)
    if not others:
        return ""
    more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
    notes = "; ".join(note for end, note in NOT_READ.items() if any(other.lower().endswith(end) for other in others))
    return f"there is {', '.join(others[:MOST_NAMED])}{more}{f' ({notes})' if notes else ''}"

"""Pack the workshop for machines without a network: `make pack DIR=/media/usb`.

Usage: python -m fashion_utils.workshop.pack DIR

DIR/fashion-workshop then holds

    the project's own files  notebooks, code, README, as they are in this folder
    GNUmakefile              tells `make` where to find the next two; GNU make reads it in the place of Makefile
    offline/wheels/          the packages of requirements.txt, for this kind of machine and this Python
    offline/data/            the four data files
    offline/files.txt        which of the project's files are here

While anything is missing its name is fashion-workshop.part. A second call goes on where the first stopped, replaces
what is damaged or older, and leaves other files alone. Wheels that an earlier call put there from another kind of
machine, or with another Python, stay as long as the lock names them.
"""

import argparse
import hashlib
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile

from fashion_utils import data
from fashion_utils.sources.files import write_atomically

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "fashion-workshop"
NEEDED = 600e6  # bytes: wheels 475 MB, data 31 MB, the rest 5 MB

# What pip is told in the packed folder. Relative, for pip splits PIP_FIND_LINKS at spaces. The machine's own pip
# configuration, which may name an index or constraints, is left unread.
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "offline/wheels", "PIP_CONFIG_FILE": os.devnull}


class PackError(Exception):
    """The folder cannot be packed; the message says what to do."""


def pack(stick: Path) -> Path:
    """Pack everything into `stick`/fashion-workshop and return that folder. Progress goes to stdout.

    Raises:
        PackError: if `stick` is not a folder or too full, or the packages cannot be had.
        fashion_utils.data.DataError: if the data cannot be had.
        OSError: if something cannot be written.
    """
    if not stick.is_dir():
        raise PackError(f"There is no folder {stick}: plug in the stick, or make the folder first.")
    finished, folder = stick / NAME, stick / f"{NAME}.part"
    if finished.exists() and folder.exists():
        raise PackError(f"Both {finished} and {folder} exist: remove the one that you do not need.")
    _check_space(stick, already_there=finished if finished.exists() else folder)
    names = _project_files()
    originals = data.original_files()

    if finished.exists():
        os.replace(finished, folder)
    folder.mkdir(exist_ok=True)
    for name in set(_listed(folder)) - set(names):
        if (folder / name).resolve().is_relative_to(folder.resolve()):  # anybody may have written that list
            (folder / name).unlink(missing_ok=True)
    _put(folder / "offline" / "files.txt", "".join(f"{name}\n" for name in names).encode())
    for name in names:
        _put(folder / name, (REPOSITORY / name).read_bytes())
    for name, path in originals.items():
        _put(folder / "offline" / "data" / name, path.read_bytes())
    _put(folder / "GNUmakefile", _makefile().encode())
    _add_wheels(folder)
    if hasattr(os, "sync"):
        os.sync()  # or the new name could reach the stick before the files do
    os.replace(folder, finished)
    return finished


def _check_space(stick: Path, already_there: Path) -> None:
    """pip collects what it fetches in the temporary folder before it copies it."""
    needed = NEEDED - sum(path.stat().st_size for path in already_there.glob("offline/*/*"))
    for place in (stick, Path(tempfile.gettempdir())):
        free = shutil.disk_usage(place).free
        if free < needed:
            raise PackError(f"{place} has {free / 1e6:,.0f} MB free, and {needed / 1e6:,.0f} MB are needed.")


def _project_files() -> list[str]:
    """Return the paths of the project's files: those that git tracks; in a packed folder, those that were packed."""
    names = _listed(REPOSITORY)
    if not names:
        try:
            tracked = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True)
        except FileNotFoundError:
            raise PackError("git is needed to tell the project's files from others: install it.") from None
        names = tracked.stdout.split("\0")
    names = [name for name in names if name and (REPOSITORY / name).is_file()]
    if "Makefile" not in names:
        raise PackError(f"{REPOSITORY} is neither a git clone nor a packed folder: make a clone and pack from there.")
    return names


def _listed(folder: Path) -> list[str]:
    try:
        return (folder / "offline" / "files.txt").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _put(path: Path, content: bytes) -> None:
    """Write a file, unless it is there already: sticks are slow."""
    if not path.is_file() or path.read_bytes() != content:
        write_atomically(path, content)


def _makefile() -> str:
    exports = "".join(f"export {name} := {value}\n" for name, value in OFFLINE.items())
    return (
        "# Written by `make pack`. GNU make reads this file in the place of Makefile: no target needs a network here.\n"
        "# With one, or where the wheels do not fit: make -f Makefile\n"
        f"{exports}"
        "export FASHION_MNIST_DIR ?= offline/data\n"
        f"PYTHON ?= python{sysconfig.get_python_version()}\n"
        "include Makefile\n"
    )


def _add_wheels(folder: Path) -> None:
    wheels = folder / "offline" / "wheels"
    wheels.mkdir(exist_ok=True)
    allowed = set(
        re.findall(r"--hash=sha256:([0-9a-f]{64})", (folder / "requirements.txt").read_text(encoding="utf-8"))
    )
    for wheel in wheels.iterdir():
        if hashlib.sha256(wheel.read_bytes()).hexdigest() not in allowed:
            print(f"Removing {wheel.name}: it is damaged, or of another version.")
            wheel.unlink()
    if not any(wheels.iterdir()) or _missing_wheels(folder):
        print("Fetching the packages of requirements.txt, as far as they are not there.")
        _pip("download", "--dest", str(wheels.resolve()), cwd=REPOSITORY)
        if problem := _missing_wheels(folder):
            raise PackError(f"The packages fetched are not enough to install from: {problem}")


def _missing_wheels(folder: Path) -> str:
    """Try what the set-up in the packed folder will do, as far as the installation; return what is wrong."""
    try:
        _pip("install", "--dry-run", "--ignore-installed", "--quiet", cwd=folder, env=os.environ | OFFLINE, quiet=True)
    except PackError as error:
        return str(error)
    return ""


def _pip(command: str, *options: str, quiet: bool = False, **where) -> None:
    arguments = [sys.executable, "-m", "pip", "--disable-pip-version-check", command, *options]
    arguments += ["--require-hashes", "--only-binary", ":all:", "--requirement", "requirements.txt"]
    done = subprocess.run(
        arguments, stdout=subprocess.PIPE if quiet else None, stderr=subprocess.PIPE, text=True, **where
    )
    if done.returncode:
        raise PackError(f"pip failed:\n{done.stderr.strip()}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, or 1 with a sentence on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m fashion_utils.workshop.pack", description="Pack the workshop for machines without a network."
    )
    parser.add_argument("folder", metavar="DIR", help="an existing folder, such as that of a USB stick")
    options = parser.parse_args(arguments)
    if not options.folder:
        print("Name a folder, such as that of a USB stick: make pack DIR=/media/usb", file=sys.stderr)
        return 1
    try:
        folder = pack(Path(options.folder))
    except (PackError, data.DataError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Call it again to go on.", file=sys.stderr)
        return 130
    size = sum(path.stat().st_size for path in folder.glob("offline/*/*"))
    print(
        f"Packed: {folder}, {size / 1e6:,.0f} MB, for Python {sysconfig.get_python_version()} "
        f"on {sysconfig.get_platform()}. Eject the stick before you unplug it.\n"
        f"On the other machines, copy {NAME} to the disk and call `make lab` there."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

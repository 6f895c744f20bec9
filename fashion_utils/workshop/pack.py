"""Pack the workshop for machines without a network: `make pack DIR=/media/usb`.

DIR/fashion-workshop then holds the project's own files as they are here, named in offline/files.txt; GNUmakefile, which
GNU make reads first; offline/wheels, the packages for this kind of machine and this Python; and offline/data. While
anything is missing its name is fashion-workshop.part. A second call goes on where the first stopped, replaces what is
damaged or older, and leaves other files alone, wheels for other machines as long as the lock names them.
"""

import argparse
import hashlib
import os
from pathlib import Path
import shutil
import subprocess
import sys
import sysconfig
import tempfile

from fashion_utils import REPOSITORY, data
from fashion_utils.sources.files import write_atomically
from fashion_utils.workshop import print_anything

NAME = "fashion-workshop"
NEEDED = 600e6  # bytes: wheels 475 MB, data 31 MB, the rest 5 MB

# What pip is told in the packed folder. Relative, for pip splits PIP_FIND_LINKS at spaces. The machine's own pip
# configuration, which may name an index or constraints, is left unread.
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "offline/wheels", "PIP_CONFIG_FILE": os.devnull}

GNUMAKEFILE = """\
# Written by `make pack`. GNU make reads this file in the place of Makefile: no target needs a network here.
# With one, or where the wheels do not fit: make -f Makefile
{exports}export FASHION_MNIST_DIR ?= offline/data
PYTHON ?= python{python}
include Makefile
"""


def pack(stick: Path) -> Path:
    """Pack everything into `stick`/fashion-workshop and return that; DataError for the data, OSError for the rest."""
    if not stick.is_dir():
        raise OSError(f"There is no folder {stick}: plug in the stick, or make the folder first.")
    finished, folder = stick / NAME, stick / f"{NAME}.part"
    if finished.exists() and folder.exists():
        raise OSError(f"Both {finished} and {folder} exist: remove the one that you do not need.")
    needed = NEEDED - _size(finished) - _size(folder)
    for place in (stick, Path(tempfile.gettempdir())):  # where pip collects what it fetches before it copies it
        if (free := shutil.disk_usage(place).free) < needed:
            raise OSError(f"{place} has {free / 1e6:,.0f} MB free, and {needed / 1e6:,.0f} MB are needed.")
    names = _project_files()
    originals = data.original_files()

    if finished.exists():
        os.replace(finished, folder)
    folder.mkdir(exist_ok=True)
    for name in set(_listed(folder)) - set(names):
        if (folder / name).resolve().is_relative_to(folder.resolve()):  # anybody may have written that list
            (folder / name).unlink(missing_ok=True)
    _put(folder / "offline" / "files.txt", "".join(f"{name}\n" for name in names).encode())
    copies = {name: REPOSITORY / name for name in names} | {f"offline/data/{n}": path for n, path in originals.items()}
    for name, path in copies.items():
        _put(folder / name, path.read_bytes())
    exports = "".join(f"export {name} := {value}\n" for name, value in OFFLINE.items())
    _put(folder / "GNUmakefile", GNUMAKEFILE.format(exports=exports, python=sysconfig.get_python_version()).encode())
    _add_wheels(folder)
    if hasattr(os, "sync"):
        os.sync()  # or the new name could reach the stick before the files do
    os.replace(folder, finished)
    return finished


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("offline/*/*"))


def _project_files() -> list[str]:
    """Return the paths of the project's files: those that git tracks; in a packed folder, those that were packed."""
    names = _listed(REPOSITORY)
    if not names:
        if shutil.which("git") is None:
            raise OSError("git is needed to tell the project's files from others: install it.")
        git = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, encoding="utf-8")
        names = git.stdout.split("\0")
        if "Makefile" not in names:
            problem = git.stderr.strip() or f"git lists no Makefile in {REPOSITORY}"
            raise OSError(f"Packing needs a git clone, or a packed folder: {problem}")
    return [name for name in names if name and (REPOSITORY / name).is_file()]


def _listed(folder: Path) -> list[str]:
    listed = folder / "offline" / "files.txt"
    return listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else []


def _put(path: Path, content: bytes) -> None:
    """Write a file, unless it is there already: sticks are slow."""
    if not path.is_file() or path.read_bytes() != content:
        write_atomically(path, content)


def _add_wheels(folder: Path) -> None:
    wheels = folder / "offline" / "wheels"
    wheels.mkdir(exist_ok=True)
    lock = (folder / "requirements.txt").read_text(encoding="utf-8")
    for wheel in wheels.iterdir():
        if hashlib.sha256(wheel.read_bytes()).hexdigest() not in lock:
            print(f"Removing {wheel.name}: requirements.txt does not have its SHA-256.")
            wheel.unlink()
    # What the set-up in the packed folder will do, as far as the installation.
    trial = ("install", "--dry-run", "--ignore-installed", "--quiet")
    if not any(wheels.iterdir()) or _pip(*trial, cwd=folder, env=os.environ | OFFLINE):
        print("Fetching the packages of requirements.txt, as far as they are not there.")
        problem = _pip("download", "--dest", str(wheels.resolve()), cwd=REPOSITORY)
        if problem := problem or _pip(*trial, cwd=folder, env=os.environ | OFFLINE):
            raise OSError(problem)


def _pip(command: str, *options: str, **where) -> str:
    """Run pip on the lock; return what it says if it fails, else ""."""
    arguments = [sys.executable, "-m", "pip", "--disable-pip-version-check", command, *options]
    arguments += ["--require-hashes", "--only-binary", ":all:", "--requirement", "requirements.txt"]
    done = subprocess.run(arguments, stderr=subprocess.PIPE, text=True, errors="replace", **where)
    return f"pip {command} failed:\n{done.stderr.strip()}" if done.returncode else ""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exit with a sentence if the folder cannot be packed."""
    print_anything()
    parser = argparse.ArgumentParser(prog="python -m fashion_utils.workshop.pack", description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="DIR", help="an existing folder, such as that of a USB stick")
    stick = parser.parse_args(arguments).folder
    if not stick:
        sys.exit("Name a folder, such as that of a USB stick: make pack DIR=/media/usb")
    try:
        folder = pack(Path(stick))
    except (data.DataError, OSError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("Stopped. Call it again to go on.", file=sys.stderr)
        sys.exit(130)
    packed = f"{folder}, {_size(folder) / 1e6:,.0f} MB"
    print(f"Packed: {packed}, for Python {sysconfig.get_python_version()} on {sysconfig.get_platform()}.")
    print(f"Eject the stick before you unplug it. On the others, copy {NAME} to the disk and call `make lab` there.")


if __name__ == "__main__":
    main()

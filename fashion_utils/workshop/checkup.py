"""Is this machine ready for the workshop? `make check-up`, or `python -m fashion_utils`.

One line for each check, OK or what to do; the exit status is 0 if all are OK, else 1. Nothing is installed, nothing
downloaded. Any package may be missing, so this module itself needs only the standard library. TensorFlow and JupyterLab
are tried in processes of their own: on a processor that it cannot use, TensorFlow ends the process without a word.
"""

import argparse
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import tempfile
import time

REPOSITORY = Path(__file__).resolve().parents[2]
LOCK = REPOSITORY / "requirements.txt"
PYTHONS = ((3, 11), (3, 12), (3, 13))
MEMORY = 2.5  # GB; one epoch on all pictures takes 1.8, JupyterLab and a browser the rest
DISK = {True: 0.5, False: 3.0}  # GB, with the packages installed and without
SAMPLE = 6000  # pictures
SECONDS = 300  # after which a process that was tried is given up; loading TensorFlow from a slow disk can take a minute


class NotReady(Exception):
    """A check failed; the message says what was found and what to do."""


def main(arguments=None):
    """Run all checks, printing each line as soon as it is known; return the exit status."""
    argparse.ArgumentParser(
        prog="python -m fashion_utils",
        description="Say whether this machine is ready for the workshop. Exit status: 0 if it is, 1 if it is not.",
    ).parse_args(arguments)
    failed = 0
    for name, check in CHECKS.items():
        try:
            found, line = "OK", check()
        except NotReady as problem:
            found, line = "TO DO", problem
        except ImportError as error:
            found, line = "TO DO", f"cannot be checked ({_in_one_line(error)}): first do what `packages` says"
        except Exception as error:  # a check-up must not need one itself
            found, line = "TO DO", f"cannot be checked: {type(error).__name__}: {_in_one_line(error)}"
        failed += found != "OK"
        print(f"{found:5}  {name:10}  {line}", flush=True)
        if failed and check is check_python:
            break  # what the others would find says nothing about the Python that will do
    if failed:
        print("Not ready. Do what the lines with TO DO say, then run this again.")
    else:
        print("Ready.")
    return 1 if failed else 0


# --- The checks: each returns what to say after OK, or raises NotReady ------------------------------------------------


def check_python():
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] not in PYTHONS:
        raise NotReady(
            f"this is Python {found}: install 3.11, 3.12 or 3.13; then `make clean` and `make lab PYTHON=python3.12`"
        )
    return f"{found}, {sys.executable}"


def check_packages():
    """Compare the installed versions with the lock's. Whether they also work, the later checks show."""
    from importlib import metadata

    try:
        from packaging.requirements import Requirement
    except ImportError:
        raise NotReady(f"the environment is not set up: {_how_to_install()}") from None
    installed = {distribution.metadata["Name"]: distribution.version for distribution in metadata.distributions()}
    installed = {_normal(name): version for name, version in installed.items() if name}
    if "tensorflow" in installed:  # the README's way to use a GPU puts it in the place of tensorflow-cpu
        installed.setdefault("tensorflow-cpu", installed["tensorflow"])
    pins = [Requirement(line.rstrip(" \\")) for line in LOCK.read_text().splitlines() if line[:1].isalnum()]
    pins = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
    missing = [pin.name for pin in pins if _normal(pin.name) not in installed]
    differing = [
        f"{pin.name} {installed[_normal(pin.name)]} instead of {str(pin.specifier)[2:]}"
        for pin in pins
        if _normal(pin.name) in installed and not pin.specifier.contains(installed[_normal(pin.name)], prereleases=True)
    ]
    problems = [f"missing: {_some(missing)}"] * bool(missing) + [f"differing: {_some(differing)}"] * bool(differing)
    if problems:
        raise NotReady(f"{'; '.join(problems)}; {_how_to_install()}")
    return f"all {len(pins)} as in requirements.txt"


def check_memory():
    import psutil

    memory = psutil.virtual_memory()
    found = f"{memory.available / 1e9:.1f} GB free of {memory.total / 1e9:.1f}"
    if memory.available < MEMORY * 1e9:
        raise NotReady(f"{found}, less than {MEMORY}: close other programs, or set FASHION_SAMPLE=6000")
    return found


def check_disk():
    from importlib.util import find_spec

    free = shutil.disk_usage(REPOSITORY).free / 1e9
    needed = DISK[find_spec("tensorflow") is not None]
    if free < needed:
        raise NotReady(f"{free:.1f} GB free in {REPOSITORY}, {needed} needed: delete something")
    return f"{free:.1f} GB free"


def check_data():
    """Find and verify the data, without a network."""
    from fashion_utils import data

    try:
        origin, problems = data.look()
    except (data.DataError, ValueError) as error:
        raise NotReady(error) from None
    if problems:
        raise NotReady(
            f"not here yet ({_some(problems)}): `{_python()} -m fashion_utils.data` fetches 31 MB; without a network, "
            "set FASHION_MNIST_DIR to a folder with the four files"
        )
    if origin == data.STAND_IN_ORIGIN:
        return "the stand-in, as FASHION_DATA=standin asks"
    return f"the four original files, SHA-256 checked, {origin}"


def check_training():
    """Import the packages as a notebook does, in its folder, and train for one epoch."""
    return _try(
        [sys.executable, "-c", "from fashion_utils.workshop import checkup; checkup.train()"],
        cwd=REPOSITORY / "notebooks",
        env={**os.environ, "FASHION_SAMPLE": str(SAMPLE)},
    )


def check_jupyterlab():
    version = _try([sys.executable, "-m", "jupyterlab", "--version"])
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        raise NotReady(f"JupyterLab {version} has no kernel python3: {_how_to_install()}") from None
    # A kernel of this name in the user's own folder can come before the environment's. Jupyter puts this very Python
    # in the place of a bare `python`.
    if os.path.dirname(command) and os.path.abspath(command) != os.path.abspath(sys.executable):
        raise NotReady(
            f"JupyterLab's kernel python3 runs another Python, {command}: "
            f"`{_python()} -m jupyter kernelspec remove python3`"
        )
    return f"{version}, kernel python3"


def check_writing():
    """The folders for trained models and results, and the notebooks, which JupyterLab saves."""
    models = Path(os.environ.get("FASHION_ARTIFACTS") or REPOSITORY / "artifacts")
    for folder in (models, REPOSITORY / "build", REPOSITORY / "notebooks"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise NotReady(
                f"cannot write in {folder} ({error.strerror}): change its permissions, or copy the project elsewhere"
            ) from None
    return "artifacts/, build/ and notebooks/"


CHECKS = {
    "Python": check_python,
    "packages": check_packages,
    "memory": check_memory,
    "disk": check_disk,
    "data": check_data,
    "training": check_training,
    "JupyterLab": check_jupyterlab,
    "writing": check_writing,
}


# --- What runs in a process of its own --------------------------------------------------------------------------------


def train():
    """Train the series' network for one epoch, on the real data where it is here, else on noise; print one line.

    Exits with an error if it does not learn from the real data.
    """
    start = time.perf_counter()
    from fashion_utils import data, models, training
    import numpy as np

    loaded = time.perf_counter()
    kind, images, labels = _pictures(data, np)
    began = time.perf_counter()
    (accuracy,) = training.fit(models.mlp(), images / np.float32(255), labels, seed=0).history["accuracy"]
    trained = time.perf_counter()
    if kind == "pictures" and accuracy < 0.4:
        sys.exit(f"one epoch gave an accuracy of {accuracy:.2f} where 0.6 is usual: please report this")
    print(
        f"one epoch on {len(images):,} {kind} in {trained - began:.1f} s, "
        f"after {loaded - start:.0f} s to load TensorFlow; accuracy {accuracy:.2f}"
    )


def _pictures(data, np):
    try:
        origin, problems = data.look()
    except (data.DataError, ValueError):
        origin, problems = "", ["check_data says which"]
    if not problems and origin != data.STAND_IN_ORIGIN:
        images, labels = data.load_train()
        return "pictures", images, labels
    rng = np.random.default_rng(0)
    return "pictures of noise", rng.integers(256, size=(SAMPLE, 28, 28)), rng.integers(10, size=SAMPLE)


def _try(command, **options):
    """Run a command and return the last line that it prints; raise NotReady with its last words if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, **options)
    except subprocess.TimeoutExpired:
        raise NotReady(f"gave no answer in {SECONDS} s: close other programs and try again") from None
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        why = {
            "SIGILL": "this processor lacks what TensorFlow needs (AVX): use another machine",
            "SIGKILL": "the system ended it, perhaps for want of memory: close other programs",
        }.get(name, _how_to_install())
        raise NotReady(f"Python died of {name}; {why}")
    said = [
        line.strip() for line in (done.stdout if done.returncode == 0 else done.stderr).splitlines() if line.strip()
    ]
    last = said[-1] if said else "without a word"
    if done.returncode:
        raise NotReady(f"failed: {last[:300]}; {_how_to_install()}")
    return last


# --- Words ------------------------------------------------------------------------------------------------------------


def _how_to_install():
    """Return what to type: for an environment, a repair; without one, its set-up."""
    if sys.prefix == sys.base_prefix and not Path(sys.prefix, "conda-meta").is_dir():
        return "`make lab` sets up what is needed (the README has other ways)"
    pip = f"{_python()} -m pip install"
    return f"`{pip} --require-hashes -r requirements.txt`, then `{pip} --no-deps --no-build-isolation --editable .`"


def _python():
    """Return what to type for this Python: its path from the project's folder where it lies in it."""
    try:
        path = str(Path(os.path.abspath(sys.executable)).relative_to(REPOSITORY))
    except ValueError:
        path = sys.executable
    return f'"{path}"' if " " in path else path


def _some(things, at_most=3):
    more = len(things) - at_most
    return ", ".join(things[:at_most]) + (f" and {more} more" if more > 0 else "")


def _normal(name):
    return name.lower().replace("_", "-").replace(".", "-")


def _in_one_line(error):
    return " ".join(str(error).split())

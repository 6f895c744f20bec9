"""Is this machine ready for the workshop? `make check-up`, or `python -m fashion_utils`.

One line for each check, OK or what to do. Nothing is installed or downloaded. Any package may be missing, so this
module needs only the standard library. What needs TensorFlow or JupyterLab is tried in processes of their own: on a
processor that it cannot use, TensorFlow ends the process without a word.
"""

import argparse
import contextlib
from importlib import metadata, util
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from fashion_utils import REPOSITORY
from fashion_utils.workshop import print_anything

LOCK = REPOSITORY / "requirements.txt"
PYTHONS = ((3, 11), (3, 12), (3, 13))
MEMORY = 2.5  # GB; one epoch on all pictures takes 1.8, JupyterLab and a browser the rest
SAMPLE = 6000  # pictures
SECONDS = 300  # after which a process that was tried is given up; loading TensorFlow from a slow disk can take a minute


class NotReady(Exception):
    """What a check raises, saying what was found and what to do, where it does not return what to say after OK."""


def main(arguments=None):
    """Run all checks, printing each line as soon as it is known; return the exit status."""
    print_anything()
    argparse.ArgumentParser(prog="python -m fashion_utils", description=__doc__).parse_args(arguments)
    failed = []
    for name, check in CHECKS.items():
        found = "TO DO"
        try:
            found, line = "OK", check()
        except NotReady as problem:
            line = problem
        except ImportError as error:
            remedy = "first do what `packages` says" if "packages" in failed else _how_to_install("--force-reinstall ")
            line = f"cannot be checked ({error}): {remedy}"
        except Exception as error:  # a check-up must not need one itself
            line = f"cannot be checked: {type(error).__name__}: {error}"
        failed += [name] * (found != "OK")
        print(f"{found:5}  {name:10}  {' '.join(str(line).split())}", flush=True)
        if failed and check is check_python:
            break  # what the others would find says nothing about the Python that will do
    print("Not ready. Do what the lines with TO DO say, then run this again." if failed else "Ready.")
    return 1 if failed else 0


def check_python():
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] not in PYTHONS:
        raise NotReady(f"this is Python {found}: install 3.11, 3.12 or 3.13, then `make lab PYTHON=python3.12`")
    return f"{found}, {sys.executable}"


def check_packages():
    """Compare the installed versions with the lock's. Whether they also work, the later checks show."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    installed = {canonicalize_name(n): d.version for d in metadata.distributions() if (n := d.metadata["Name"])}
    if "tensorflow" in installed:  # the README's way to use a GPU puts it in the place of tensorflow-cpu
        installed.setdefault("tensorflow-cpu", installed["tensorflow"])
    pins = [Requirement(line.rstrip(" \\")) for line in LOCK.read_text().splitlines() if line[:1].isalnum()]
    wanted = {canonicalize_name(pin.name): pin.specifier for pin in pins if pin.marker is None or pin.marker.evaluate()}
    problems = []
    for name, specifier in wanted.items():
        version = installed.get(name)
        if version is None or not specifier.contains(version, prereleases=True):
            problems.append(f"{name} is {f'{version} instead of {str(specifier)[2:]}' if version else 'missing'}")
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise NotReady(f"{', '.join(problems[:3])}{more}; {_how_to_install()}")
    return f"all {len(wanted)} as in requirements.txt"


def check_memory():
    import psutil

    memory = psutil.virtual_memory()
    found = f"{memory.available / 1e9:.1f} GB free of {memory.total / 1e9:.1f}"
    if memory.available < MEMORY * 1e9:
        raise NotReady(f"{found}, less than {MEMORY}: close other programs, or set FASHION_SAMPLE=6000")
    return found


def check_disk():
    free, needed = shutil.disk_usage(REPOSITORY).free / 1e9, 0.5 if util.find_spec("tensorflow") else 3.0
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
        fetch = f"`{_python()} -m fashion_utils.data` fetches the rest, 31 MB at most"
        offline = "without a network, set FASHION_MNIST_DIR to a folder with the four files"
        raise NotReady(f"not all here ({', '.join(problems)}): {fetch}; {offline}")
    if origin == data.STAND_IN_ORIGIN:
        return "the stand-in, as FASHION_DATA=standin asks"
    return f"the four original files, SHA-256 checked, {origin}"


def check_training():
    """Import the packages as a notebook does, in its folder, and train for one epoch."""
    code = "from fashion_utils.workshop import checkup; checkup.train()"
    environment = os.environ | {"FASHION_SAMPLE": str(SAMPLE)}
    return _try([sys.executable, "-c", code], cwd=REPOSITORY / "notebooks", env=environment)


def check_jupyterlab():
    version = _try([sys.executable, "-m", "jupyterlab", "--version"])
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        raise NotReady(f"JupyterLab {version} has no kernel python3: {_how_to_install('--force-reinstall ')}") from None
    # One in the user's own folder can come before the environment's. A bare `python` is this very Python to Jupyter.
    if os.path.dirname(command) and os.path.abspath(command) != os.path.abspath(sys.executable):
        remedy = f"`{_python()} -m jupyter kernelspec remove python3`"
        raise NotReady(f"JupyterLab's kernel python3 runs another Python, {command}: {remedy}")
    return f"{version}, kernel python3"


def check_writing():
    """The folders for trained models and results, and the notebooks, which JupyterLab saves."""
    models = Path(os.environ.get("FASHION_ARTIFACTS") or REPOSITORY / "artifacts").expanduser()
    for folder in (models, REPOSITORY / "build", REPOSITORY / "notebooks"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            elsewhere = "set FASHION_ARTIFACTS to a folder" if folder == models else "copy the project to a place"
            raise NotReady(f"cannot write in {folder} ({error.strerror}): {elsewhere} that can be written") from None
    return f"{models}, build/ and notebooks/"


CHECKS = {"Python": check_python, "packages": check_packages, "memory": check_memory, "disk": check_disk}
CHECKS |= {"data": check_data, "training": check_training, "JupyterLab": check_jupyterlab, "writing": check_writing}


def train():
    """Train a network for an epoch, on the real data where it is here, else on noise; say how long it took, or exit."""
    from fashion_utils import data
    import numpy as np

    rng = np.random.default_rng(0)
    kind, images, labels = "noise", rng.integers(256, size=(SAMPLE, 28, 28)), rng.integers(10, size=SAMPLE)
    with contextlib.suppress(data.DataError, ValueError):  # `check_data` says them
        if data.look() in (("from FASHION_MNIST_DIR", []), ("from the Keras cache", [])):
            kind, (images, labels) = "the real data", data.load_train()
    start = time.perf_counter()
    from fashion_utils import models, training

    loaded = time.perf_counter()
    with training.fast():
        (accuracy,) = models.mlp().fit(images / np.float32(255), labels, verbose=0).history["accuracy"]
    if kind != "noise" and accuracy < 0.4:
        sys.exit(f"one epoch gave an accuracy of {accuracy:.2f} where 0.6 is usual")
    took = f"{time.perf_counter() - loaded:.1f} s, after {loaded - start:.0f} s to load TensorFlow"
    print(f"one epoch on {len(images):,} pictures of {kind} in {took}; accuracy {accuracy:.2f}")


def _try(command, **options):
    """Run a command and return the last line that it prints; raise NotReady with its last words if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, **options)
    except subprocess.TimeoutExpired:
        raise NotReady(f"gave no answer in {SECONDS} s: try again with other programs closed") from None
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        why = {"SIGILL": "perhaps this processor lacks what TensorFlow needs (AVX): try another machine"}
        why |= {"SIGKILL": "perhaps the system ended it for want of memory: close other programs"}
        raise NotReady(f"Python died of {name}; {why.get(name, 'please report this')}")
    said = (done.stderr if done.returncode else done.stdout).strip()
    last = said.splitlines()[-1].strip() if said else "without a word"
    if done.returncode:
        imports = "ImportError" in last or "No module named" in last
        remedy = _how_to_install("--force-reinstall ") if imports else "please report this"
        raise NotReady(f"failed: {last[:300]}; {remedy}")
    return last


def _how_to_install(option=""):
    """Return what to type: for an environment, a repair; without one, its set-up."""
    if sys.prefix == sys.base_prefix and not Path(sys.prefix, "conda-meta").is_dir():
        return "`make lab` sets up what is needed (the README has other ways)"
    pip = f"{_python()} -m pip install"
    return f"`{pip} {option}--require-hashes -r requirements.txt`, then `{pip} --no-deps --no-build-isolation -e .`"


def _python():
    """Return what to type for this Python: its path, from the project's folder where it lies in it."""
    path = os.path.abspath(sys.executable).removeprefix(f"{REPOSITORY}{os.sep}")
    return f'"{path}"' if " " in path else path

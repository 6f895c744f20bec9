"""Is this machine ready for the workshop? `make check-up`, or `python -m fashion_utils`.

One line for each check, OK or what to do. Nothing is installed, downloaded or changed. Any package may be missing, so
this module needs only the standard library. What needs TensorFlow or JupyterLab is tried in processes of their own: on
a processor that it cannot use, TensorFlow ends the process without a word.
"""

import argparse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
import contextlib
from importlib import metadata, util
import json
import os
from pathlib import Path
import platform
import shutil
import signal
import subprocess
import sys
import tempfile

from fashion_utils import REPOSITORY, free_memory
from fashion_utils.sources.places import named_folder
from fashion_utils.workshop import BUILD, NOTEBOOKS, machine, print_anything, tryout

LOCK = REPOSITORY / "requirements.txt"
PYTHONS = ((3, 11), (3, 12), (3, 13))
MEMORY = {60_000: 2.5, 6_000: 1.5}  # GB, by pictures; an epoch takes 1.8 and 0.9, JupyterLab and a browser the rest
SECONDS = 300  # after which a process that was tried is given up; loading TensorFlow from a slow disk can take a minute
AGAIN, FIRST = "--force-reinstall ", "first do what `packages` says"
KERAS = {"backend": "tensorflow", "floatx": "float32", "image_data_format": "channels_last", "epsilon": 1e-07}
CHANGING_KERAS = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "TF_USE_LEGACY_KERAS")  # variables


class NotReady(Exception):
    """What a check raises, saying what was found and what to do, where it does not return what to say after OK."""

    def __init__(self, found: object, remedy: str = "", between: str = ": "):
        super().__init__(f"{found}{between}{remedy}" if remedy else found)
        self.found, self.remedy = found, remedy


def main(arguments=None):
    """Run all checks, printing each line as soon as it is known; return the exit status."""
    print_anything()
    argparse.ArgumentParser(prog="python -m fashion_utils", description=__doc__).parse_args(arguments)
    failed, running = [], {}
    with ThreadPoolExecutor(2) as pool:
        for name, check in CHECKS.items():
            if check in SLOW and not running:  # after the check of the memory that they take
                running = {slow: pool.submit(slow).result for slow in SLOW}
            is_ready, line = _found(running.get(check, check), failed)
            failed += [name] * (not is_ready)
            print(f"{'OK' if is_ready else 'TO DO':5}  {name:10}  {' '.join(str(line).split())}", flush=True)
            if failed and check in (check_python, check_machine):
                break  # what the others would find says nothing about the Python, machine or folder that will do
    print("Not ready. Do what the lines with TO DO say, then run this again." if failed else "Ready.")
    return 1 if failed else 0


def _found(check, failed):
    """Return whether a check found everything ready, and its line."""
    try:
        return True, check()
    except NotReady as problem:
        again = "packages" in failed and problem.remedy == _how_to_install(AGAIN)
        return False, f"{problem.found}; {FIRST}" if again else problem
    except ImportError as error:
        return False, f"cannot be checked ({error}): {FIRST if 'packages' in failed else _how_to_install(AGAIN)}"
    except Exception as error:  # a check-up must not need one itself
        return False, f"cannot be checked: {type(error).__name__}: {error}"


def check_python():
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] not in PYTHONS:
        windows = sys.platform == "win32"
        then = "set up with `py -3.12` as the README says" if windows else "`make lab PYTHON=python3.12`"
        raise NotReady(f"this is Python {found}", f"install 3.11, 3.12 or 3.13, then {then}")
    return f"{found}, {sys.executable}"


def check_machine():
    """Find what would make the installation fail, or leave the project where Python does not find it."""
    if found := machine.obstacle():
        raise NotReady(found)
    return f"{platform.system()} on {platform.machine()}, for which there are packages"


def check_packages():
    """Compare the installed versions with the lock's. Whether they also work, the later checks show."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    installed = {canonicalize_name(n): d.version for d in metadata.distributions() if (n := d.metadata["Name"])}
    if "tensorflow" in installed:  # the README's way to use a GPU puts it in the place of tensorflow-cpu
        installed.setdefault("tensorflow-cpu", installed["tensorflow"])
    pins = [Requirement(line.rstrip(" \\")) for line in LOCK.read_text("utf-8").splitlines() if line[:1].isalnum()]
    wanted = {canonicalize_name(pin.name): pin.specifier for pin in pins if pin.marker is None or pin.marker.evaluate()}
    problems = []
    for name, specifier in wanted.items():
        version = installed.get(name)
        if version is None or not specifier.contains(version, prereleases=True):
            problems.append(f"{name} is {f'{version} instead of {str(specifier)[2:]}' if version else 'missing'}")
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise NotReady(f"{', '.join(problems[:3])}{more}", _how_to_install(), "; ")
    _find_the_project()
    return f"all {len(wanted)} as in requirements.txt"


def _find_the_project():
    """Import this package as a notebook does, from outside the project's folder."""
    again = f"`{_python()} -m pip install --no-deps --no-build-isolation -e .`"
    code = "import fashion_utils, pathlib; print(pathlib.Path(fashion_utils.__file__).resolve().parents[1])"
    try:
        found = Path(_try([sys.executable, "-c", code], cwd=NOTEBOOKS))
    except NotReady:
        raise NotReady(machine.misread() or f"the notebooks do not find this project: {again}") from None
    if found != REPOSITORY:
        raise NotReady(f"the notebooks would use the project in {found}, not this one", again)


def check_memory():
    free, there = free_memory()
    found = f"{free / 1e9:.1f} GB free of {there / 1e9:.1f}"
    sample = os.environ.get("FASHION_SAMPLE", "").strip()
    pictures = 6_000 if sample.isdecimal() and int(sample) <= 6_000 else 60_000
    if free < MEMORY[pictures] * 1e9:
        remedies = ["close other programs"] if there >= MEMORY[pictures] * 1e9 else []
        remedies += ["set FASHION_SAMPLE=6000"] if pictures == 60_000 and there >= MEMORY[6_000] * 1e9 else []
        raise NotReady(f"{found}, less than {MEMORY[pictures]}", ", or ".join(remedies) or "take another machine")
    return found


def check_disk():
    free, needed = shutil.disk_usage(REPOSITORY).free / 1e9, 0.5 if util.find_spec("tensorflow") else 3.0
    if free < needed:
        raise NotReady(f"{free:.1f} GB free in {REPOSITORY}, {needed} needed", "delete something")
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
        raise NotReady(f"not all here ({', '.join(problems)})", f"{fetch}; {offline}")
    if origin == data.STAND_IN_ORIGIN:
        return "the stand-in, as FASHION_DATA=standin asks"
    return f"the four original files, SHA-256 checked, {origin}"


def check_training():
    """Import the packages as a notebook does, in its folder, and train every kind of network."""
    _find_what_is_in_the_way()
    _compare_keras_settings()
    return _try_as_configured(_runs("train"), "MPLCONFIGDIR")  # which what is trained with imports, too


def _find_what_is_in_the_way():
    """Python imports a file beside the notebooks in the place of a module of the same name."""
    for path in sorted(NOTEBOOKS.glob("*.py")):
        if util.find_spec(path.stem):
            raise NotReady(f"the notebooks import {path} in the place of another {path.stem}", "rename that file")


def _compare_keras_settings():
    """The text and its numbers are about Keras' settings as they are without a keras.json and without variables."""
    for name in CHANGING_KERAS:
        if os.environ.get(name, "0") not in ("", "0", "false", "False"):
            raise NotReady(f"{name}={os.environ[name]} changes how Keras trains", "unset it")
    found, place = {}, "no file"
    for _, place in tryout.settings("KERAS_HOME"):
        with contextlib.suppress(OSError, ValueError):  # Keras leaves such a file unread
            found = json.loads(place.read_text(encoding="utf-8"))
    variable = os.environ.get("KERAS_BACKEND")
    if variable and variable != KERAS["backend"]:
        raise NotReady(f"KERAS_BACKEND={variable}, and this is about TensorFlow", "unset it")
    for name, value in KERAS.items():
        if found.get(name, value) != value and not (name == "backend" and variable):
            raise NotReady(f"{place} sets Keras' {name} to {json.dumps(found[name])}", f"set it to {json.dumps(value)}")


def check_kernel():
    """Start a kernel, as JupyterLab does, and draw in it."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    from jupyter_core.paths import jupyter_path

    specs = KernelSpecManager(kernel_dirs=jupyter_path("kernels"))  # by itself it also makes a folder, ~/.ipython
    try:
        command = specs.get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        raise NotReady("there is no kernel python3", _how_to_install(AGAIN)) from None
    # One in the user's own folder can come before the environment's. A bare `python` is this very Python to Jupyter.
    if os.path.dirname(command) and os.path.abspath(command) != os.path.abspath(sys.executable):
        remedy = f"`{_python()} -m jupyter kernelspec remove python3`"
        raise NotReady(f"JupyterLab's kernel python3 runs another Python, {command}", remedy)
    return _try_as_configured(_runs("draw"), "MPLCONFIGDIR", "IPYTHONDIR")


def check_jupyterlab():
    """Start JupyterLab itself, as it is configured."""
    return _try_as_configured(_start_jupyterlab, "JUPYTER_CONFIG_DIR")


def _start_jupyterlab(environment):
    version, how = metadata.version("jupyterlab"), ""
    problem = tryout.start_jupyterlab(environment)
    if "as root" in problem:
        how = "; as root, with `make lab ARGS=--allow-root`"
        problem = tryout.start_jupyterlab(environment, "--allow-root")
    if problem:
        raise NotReady(f"JupyterLab {version} does not start ({problem})", "please report this")
    return f"{version} starts{how}"


def _try_as_configured(trial: Callable[[dict], str], *programs: str) -> str:
    """Return what a trial says; if it fails only with the user's own settings of these programs, say so."""
    try:
        with tryout.untouched() as environment:
            return trial(environment)
    except NotReady as error:
        problem = error
    own = [str(path) for _, path in tryout.settings(*programs)]
    if "MPLCONFIGDIR" in programs:
        own += [f"{name}={os.environ[name]}" for name in tryout.VARIABLES if name in os.environ]
    if own:
        with contextlib.suppress(NotReady), tryout.untouched(own=False) as environment:
            trial(environment)
            problem = NotReady(problem.found, f"without {', '.join(own)} it works, so correct or remove that", "; ")
    raise problem


def check_writing():
    """The folders for trained models and results, and the notebooks, which JupyterLab saves; none of them is made."""
    models = named_folder("FASHION_ARTIFACTS") or REPOSITORY / "artifacts"
    for folder in (models, BUILD, NOTEBOOKS):
        try:
            there = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
            tempfile.TemporaryFile(dir=there).close()
        except OSError as error:
            elsewhere = "set FASHION_ARTIFACTS to a folder" if folder == models else "copy the project to a place"
            raise NotReady(f"cannot write in {folder} ({error.strerror})", f"{elsewhere} that can be written") from None
    return f"{models}, build/ and notebooks/"


CHECKS = {"Python": check_python, "machine": check_machine, "packages": check_packages, "memory": check_memory}
CHECKS |= {"disk": check_disk, "data": check_data, "training": check_training, "kernel": check_kernel}
CHECKS |= {"JupyterLab": check_jupyterlab, "writing": check_writing}
SLOW = (check_training, check_kernel, check_jupyterlab)  # which run at the same time


def _runs(name):
    """Return a trial that runs a function of `tryout` in a process of its own, beside the notebooks, on a sample."""
    command = [sys.executable, "-c", f"from fashion_utils.workshop import tryout; tryout.{name}()"]
    sample = {"FASHION_SAMPLE": str(tryout.SAMPLE)}
    return lambda environment: _try(command, cwd=NOTEBOOKS, env=environment | sample)


def _try(command, **options):
    """Run a command and return the last line that it prints; raise NotReady with its last words if it fails."""
    options["env"] = options.get("env", os.environ) | {"PYTHONIOENCODING": "utf-8"}
    text = {"capture_output": True, "encoding": "utf-8", "errors": "replace"}
    try:
        done = subprocess.run(command, timeout=SECONDS, **text, **options)
    except subprocess.TimeoutExpired:
        raise NotReady(f"gave no answer in {SECONDS} s", "try again with other programs closed") from None
    if done.returncode < 0 or done.returncode >= 0xC0000000:  # Windows gives its own number of what happened
        name = signal.Signals(-done.returncode).name if done.returncode < 0 else f"error {done.returncode:#X}"
        avx = "perhaps this processor lacks what TensorFlow needs (AVX): try another machine"
        why = {"SIGILL": avx, "error 0XC000001D": avx}
        why |= {"SIGKILL": "perhaps the system ended it for want of memory: close other programs"}
        raise NotReady(f"Python died of {name}; {why.get(name, 'please report this')}")
    said = (done.stderr if done.returncode else done.stdout).strip()
    last = said.splitlines()[-1].strip() if said else "without a word"
    if done.returncode:
        raise NotReady(f"failed: {last[:300].rstrip('.')}", _remedy(last), "; ")
    return last


def _remedy(last):
    """Return what to do about an error."""
    if "DLL load failed" in last:
        return "install Microsoft's Visual C++ Redistributable (x64); if it is there, perhaps this processor lacks AVX"
    if "ImportError" in last or "No module named" in last:
        return _how_to_install(AGAIN)
    return "correct that, or unset it" if "FASHION_WORKERS=" in last else "please report this"


def _how_to_install(option=""):
    """Return what to type: for an environment, a repair; without one, its set-up."""
    if sys.prefix == sys.base_prefix and not Path(sys.prefix, "conda-meta").is_dir():
        if sys.platform != "win32":
            return "`make lab` sets up what is needed (the README has other ways)"
        there = (REPOSITORY / ".venv").is_dir()
        return r"`.venv\Scripts\activate` first" if there else "set it up as the README says, Windows without make"
    pip = f"{_python()} -m pip install"
    return f"`{pip} {option}--require-hashes -r requirements.txt`, then `{pip} --no-deps --no-build-isolation -e .`"


def _python():
    """Return what to type for this Python: its path, from the project's folder where it lies in it."""
    path = os.path.abspath(sys.executable).removeprefix(f"{REPOSITORY}{os.sep}")
    return f'"{path}"' if " " in path else path

"""What the check-up tries: to train every kind of network, to draw in a kernel, to start JupyterLab.

What is tried finds the user's own settings of Keras, Matplotlib, IPython and Jupyter, as copies, and writes into a
temporary folder only. Everything but `train` and `draw`, which have processes of their own, needs only the standard
library.
"""

from collections.abc import Iterator
import contextlib
import json
import os
from pathlib import Path
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from urllib import error, request

from fashion_utils import REPOSITORY, free_memory
from fashion_utils.sources.places import keras_cache
from fashion_utils.workshop import NOTEBOOKS, print_anything

SAMPLE = 6000  # pictures
FEW = 256  # pictures, for what need not be good
SECONDS = 60  # for a server or a kernel to start

# The variable that names each program's folder, and what holds the user's settings there.
SETTINGS = {
    "KERAS_HOME": ("keras.json",),
    "MPLCONFIGDIR": ("matplotlibrc",),
    "IPYTHONDIR": ("profile_default/*.py", "profile_default/*.json", "profile_default/startup/*.*py"),
    "JUPYTER_CONFIG_DIR": ("jupyter_*.py", "jupyter_*.json", "*.d/*", "lab/user-settings/**/*"),
}
FONTS = "fontlist-*.json"  # Matplotlib's, made anew in half a minute where there are many
VARIABLES = ("MPLBACKEND", "MATPLOTLIBRC")  # settings, too


@contextlib.contextmanager
def untouched(own: bool = True) -> Iterator[dict[str, str]]:
    """Yield the environment for a trial, with or without the user's own settings; it leaves no trace."""
    with tempfile.TemporaryDirectory(prefix="fashion-utils-", ignore_cleanup_errors=True) as temporary:
        environment = {name: value for name, value in os.environ.items() if own or name not in VARIABLES}
        # The last is npm's, which a server of JupyterLab's asks what it has.
        for name in (*SETTINGS, "JUPYTER_RUNTIME_DIR", "FASHION_ARTIFACTS", "NPM_CONFIG_CACHE"):
            environment[name] = str(Path(temporary, name))
        copied = settings(*SETTINGS) if own else []
        for folder, path in (*copied, *_found("MPLCONFIGDIR", FONTS)):
            name = next(name for name in SETTINGS if folder in _folders(name))
            copy = Path(temporary, name, path.relative_to(folder))
            copy.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):  # one that cannot be read is none for the program either
                shutil.copyfile(path, copy)
        cache = keras_cache() / "fashion-mnist"
        if cache.is_dir():
            environment.setdefault("FASHION_MNIST_DIR", str(cache.resolve()))
        yield environment


def settings(*names: str) -> list[tuple[Path, Path]]:
    """Return the user's own files of settings, each after the folder in which the program looks for it."""
    return [found for name in names for pattern in SETTINGS[name] for found in _found(name, pattern)]


def _found(name, pattern) -> list[tuple[Path, Path]]:
    return [(folder, path) for folder in _folders(name) for path in sorted(folder.glob(pattern)) if path.is_file()]


def _folders(name) -> list[Path]:
    """Return where a program has its settings, and Matplotlib its fonts."""
    if given := os.environ.get(name):
        return [Path(given).expanduser()]
    home = Path.home()
    if name != "MPLCONFIGDIR":
        return [home / {"KERAS_HOME": ".keras", "IPYTHONDIR": ".ipython"}.get(name, ".jupyter")]
    if sys.platform in ("win32", "darwin"):
        folders = [home / ".matplotlib", Path(os.environ.get("LOCALAPPDATA") or home, "matplotlib")]
        return folders[: 2 if sys.platform == "win32" and not folders[0].is_dir() else 1][-1:]
    defaults = {"XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache"}
    return [Path(os.environ.get(name) or home / folder, "matplotlib") for name, folder in defaults.items()]


def start_jupyterlab(environment: dict[str, str], *options: str) -> str:
    """Start JupyterLab as `make lab` does, but for the browser, and end it; return why it does not start, or ""."""
    command = [sys.executable, "-m", "jupyterlab", "notebooks", "--no-browser", *options]
    environment = environment | {"JUPYTER_DATA_DIR": environment["JUPYTER_RUNTIME_DIR"]}  # where it makes a folder
    streams = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    with tempfile.TemporaryFile() as said:
        server = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=said, **streams)
        try:
            limit = time.monotonic() + SECONDS
            while server.poll() is None:
                if any(map(_answers, Path(environment["JUPYTER_RUNTIME_DIR"]).glob("jpserver-*.json"))):
                    return ""
                if time.monotonic() > limit:
                    return f"it gave no answer in {SECONDS} s"
                time.sleep(0.1)
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
        said.seek(0)
        lines = [line.strip() for line in said.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return re.sub(r"^\[\w [^]]*\] ", "", lines[-1])[:300] if lines else "it ends without a word"


def _answers(note: Path) -> bool:
    """Return whether the server that left a note of its address answers there, be it only to ask for a password."""
    try:
        server = json.loads(note.read_text(encoding="utf-8"))
        opener = request.build_opener(  # without the proxy of the environment
            request.ProxyHandler({}), request.HTTPSHandler(context=ssl._create_unverified_context())
        )
        opener.open(f"{server['url']}api/status?token={server['token']}", timeout=SECONDS).close()
    except error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True


def draw() -> None:
    """Draw a figure in a kernel, as a notebook does, and say so; exit with what is wrong."""
    from jupyter_client.manager import run_kernel

    print_anything()
    code = "from fashion_utils import plots\nimport matplotlib.pyplot as plt\nplots.set_up()\n"
    code += "plt.plot([0, 1])\nplt.title('It draws')\nplt.show()"
    options = ["--IPKernelApp.log_level=ERROR", "--HistoryManager.enabled=False"]
    messages = []
    try:
        with run_kernel(cwd=str(NOTEBOOKS), startup_timeout=SECONDS, extra_arguments=options) as client:
            reply = client.execute_interactive(code, timeout=SECONDS, output_hook=messages.append, allow_stdin=False)
    except TimeoutError:
        sys.exit(f"the kernel gave no answer in {SECONDS} s")
    except RuntimeError:
        sys.exit("the kernel died")
    if "ename" in reply["content"]:
        sys.exit(f"{reply['content']['ename']}: {' '.join(reply['content']['evalue'].split())}")
    if not any("image/png" in message["content"].get("data", {}) for message in messages):
        sys.exit("a figure was drawn, but no picture came back from the kernel")
    print("python3 starts and draws")


def train() -> None:
    """Train every kind of network, the first on the real data where it is here, the others on noise; say how it went.

    Exits with what is wrong: an error, a network that has learned nothing, one that cannot be saved.
    """
    from fashion_utils import data
    import numpy as np

    print_anything()
    rng = np.random.default_rng(0)
    kind, images, labels = "noise", rng.integers(256, size=(SAMPLE, 28, 28)), rng.integers(10, size=SAMPLE)
    with contextlib.suppress(data.DataError, ValueError):  # `check_data` says them
        origin, missing = data.look()
        if not missing and origin != data.STAND_IN_ORIGIN:
            kind, (images, labels) = "the real data", data.load_train()
    start = time.perf_counter()
    if kind == "noise":
        data.use(data.Source("stand-in", "noise", SAMPLE, "noise"))  # so that nobody looks for any
    from fashion_utils import experiments, models, training

    loaded = time.perf_counter()
    with training.fast():
        (accuracy,) = models.mlp().fit(images / np.float32(255), labels, verbose=0).history["accuracy"]
    took = f"{time.perf_counter() - loaded:.1f} s, after {loaded - start:.0f} s to load TensorFlow"
    if kind != "noise" and accuracy < 0.4:
        sys.exit(f"one epoch gave an accuracy of {accuracy:.2f} where 0.6 is usual")
    kinds = {"dropout": {"dropout": 0.5}, "CNN": {"filters": (16, 32, 64)}, "augmentation": {"augment": True}}
    noise = rng.random((FEW, 28, 28, 1), "float32"), rng.integers(10, size=FEW)

    def run(seed, **network):
        images, labels = noise
        model = models.mlp(**network) if "dropout" in network else models.cnn(**network)
        images = images[..., 0] if "dropout" in network else images
        return {"loss": model.fit(images, labels, verbose=0).history["loss"][0], "model": model}

    workers = int(free_memory()[0] >= experiments.pool.MEMORY)  # a process of its own, as experiments have them
    os.environ.setdefault("FASHION_WORKERS", str(workers))
    try:
        found = experiments.repeat("check-up", kinds, run, [0])
    except Exception as problem:  # without the notes behind its last line
        sys.exit(f"{type(problem).__name__}: {problem}")
    if not found.model.map(os.path.isfile).all():
        sys.exit("a trained network cannot be saved")
    print(f"one epoch on {len(images):,} pictures of {kind} in {took}; accuracy {accuracy:.2f}; {', '.join(kinds)}")

"""What the check-up tries: with copies of the user's settings, and nothing left behind."""

import gzip
import os
from pathlib import Path
import subprocess
import sys
import time
from types import SimpleNamespace

from data_fixtures import make_world
from fashion_utils import REPOSITORY
from fashion_utils.workshop import checkup, tryout
import pandas as pd
import pytest

AS_ROOT = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of its own, with a function that writes files of settings there."""
    for name in (*tryout.SETTINGS, *tryout.VARIABLES, "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "FASHION_MNIST_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    def write(name, text=""):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    return SimpleNamespace(path=tmp_path, write=write)


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


OWN = {
    "KERAS_HOME": (".keras/keras.json", "keras.json"),
    "MPLCONFIGDIR": (".config/matplotlib/matplotlibrc", "matplotlibrc"),
    "IPYTHONDIR": (".ipython/profile_default/startup/00.py", "profile_default/startup/00.py"),
    "JUPYTER_CONFIG_DIR": (".jupyter/jupyter_lab_config.py", "jupyter_lab_config.py"),
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Matplotlib's folder is another there")
def test_what_is_tried_finds_copies_of_the_users_settings_and_leaves_the_originals(home):
    for name, _ in OWN.values():
        home.write(name, name)
    home.write(".cache/matplotlib/fontlist-v1.json", "fonts")
    home.write(".ipython/profile_default/history.sqlite", "is no setting")
    home.write(".ipython/profile_default/startup/README", "is none either")
    before = files(home.path)
    with tryout.untouched() as environment:
        for variable, (original, name) in OWN.items():
            copy = Path(environment[variable], name)
            assert copy.read_text() == original
            copy.write_text("changed")
        assert Path(environment["MPLCONFIGDIR"], "fontlist-v1.json").read_text() == "fonts"
        assert not Path(environment["IPYTHONDIR"], "profile_default", "history.sqlite").exists()
        Path(environment["FASHION_ARTIFACTS"]).mkdir()
    assert not Path(environment["FASHION_ARTIFACTS"]).exists()
    assert files(home.path) == before
    with tryout.untouched(own=False) as environment:
        assert not any(Path(environment[variable], name).exists() for variable, (_, name) in OWN.items())
        assert Path(environment["MPLCONFIGDIR"], "fontlist-v1.json").read_text() == "fonts"
    named = [path.relative_to(home.path).as_posix() for _, path in tryout.settings(*OWN)]
    assert named == [original for original, _ in OWN.values()]


def test_variables_are_settings_too(home, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    monkeypatch.setenv("KERAS_HOME", str(home.path / "elsewhere"))
    home.write("elsewhere/keras.json", "{}")
    assert [path for _, path in tryout.settings("KERAS_HOME")] == [home.path / "elsewhere" / "keras.json"]
    with tryout.untouched() as environment:
        assert environment["MPLBACKEND"] == "nonsense"
    with tryout.untouched(own=False) as environment:
        assert "MPLBACKEND" not in environment


def test_data_in_the_cache_are_found_from_there(home, monkeypatch):
    with tryout.untouched() as environment:
        assert "FASHION_MNIST_DIR" not in environment
    home.write(".keras/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz")
    with tryout.untouched() as environment:
        assert environment["FASHION_MNIST_DIR"] == str((home.path / ".keras/datasets/fashion-mnist").resolve())
    monkeypatch.setenv("FASHION_MNIST_DIR", "mine")
    with tryout.untouched() as environment:
        assert environment["FASHION_MNIST_DIR"] == "mine"


@pytest.mark.parametrize(
    ("system", "old_folder", "expected"),
    [("win32", False, "local/matplotlib"), ("win32", True, ".matplotlib"), ("darwin", False, ".matplotlib")],
)
def test_where_matplotlib_has_its_settings_elsewhere(home, monkeypatch, system, old_folder, expected):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setenv("LOCALAPPDATA", str(home.path / "local"))
    if old_folder:
        home.write(".matplotlib/matplotlibrc")
    assert tryout._folders("MPLCONFIGDIR") == [home.path / expected]


# --- JupyterLab -------------------------------------------------------------------------------------------------------


def start(*options):
    with tryout.untouched() as environment:
        return tryout.start_jupyterlab(environment, *options)


@pytest.mark.slow
def test_jupyterlab_starts_and_ends_whatever_proxy_is_set(home, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert start(*AS_ROOT) == ""
    assert list(home.path.iterdir()) == []  # not even what npm keeps of having been asked


@pytest.mark.slow
@pytest.mark.skipif(not AS_ROOT, reason="needs root")
def test_jupyterlab_refuses_root_unless_the_user_has_allowed_it(home):
    assert "as root" in start()
    home.write(".jupyter/jupyter_server_config.py", "c.ServerApp.allow_root = True")
    assert start() == ""


@pytest.mark.slow
def test_jupyterlab_that_is_set_up_wrongly_says_why(home):
    home.write(".jupyter/jupyter_server_config.py", "c.ServerApp.port = 'many'")
    assert "The 'port' trait of a ServerApp instance expected an int" in start(*AS_ROOT)
    with pytest.raises(checkup.NotReady, match=r"without .*jupyter_server_config\.py it works, so correct or remove"):
        checkup.check_jupyterlab()


def test_jupyterlab_that_never_answers_is_given_up_and_ended(home, monkeypatch):
    processes, popen = [], subprocess.Popen

    def sleep(command, **options):
        processes.append(popen([sys.executable, "-c", "import time; time.sleep(60)"], **options))
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", sleep)
    monkeypatch.setattr(tryout, "SECONDS", 0.5)
    begin = time.monotonic()
    assert start() == "it gave no answer in 0.5 s"
    assert time.monotonic() - begin < 40 and processes[0].poll() is not None


# --- The kernel -------------------------------------------------------------------------------------------------------


def test_a_kernel_draws(home):
    assert checkup.check_kernel() == "python3 starts and draws"
    assert files(home.path) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="Matplotlib's folder is another there")
@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (".config/matplotlib/matplotlibrc", "font.family: " + "\udcfc", "'utf-8' codec can't decode"),
        (".ipython/profile_default/ipython_kernel_config.py", "import os; os._exit(1)", "the kernel died"),
    ],
)
def test_a_kernel_that_the_users_settings_break(home, name, text, expected):
    (home.path / name).parent.mkdir(parents=True)
    (home.path / name).write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(checkup.NotReady, match=f"^failed: .*{expected}.*; without .*{name} it works, so correct"):
        checkup.check_kernel()


@pytest.mark.slow
def test_a_kernel_that_a_variable_breaks(home, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    with pytest.raises(checkup.NotReady, match=r"'nonsense' is not a valid .*without MPLBACKEND=nonsense it works"):
        checkup.check_kernel()


# --- Training ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def training(tmp_path, monkeypatch):
    """A world without data, in which networks are trained in this process, on few pictures."""
    world = make_world(tmp_path, monkeypatch)
    monkeypatch.setenv("FASHION_WORKERS", "0")
    monkeypatch.setenv("FASHION_ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.setattr(tryout, "SAMPLE", 640)
    return world


@pytest.mark.slow
def test_training_on_noise_where_there_is_no_data(training, capsys):
    tryout.train()
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("one epoch on 640 pictures of noise in ") and last.endswith("; dropout, CNN, augmentation")
    assert not training.cache.exists() and training.times_drawn == 0


@pytest.mark.parametrize(("accuracy", "unpacked"), [(0.1, False), (0.65, False), (0.65, True)])
def test_training_must_learn_from_the_real_data(training, monkeypatch, tmp_path, capsys, accuracy, unpacked):
    from fashion_utils import experiments, models

    def fit(images, labels, **options):
        assert (images.shape, images.max(), labels.shape) == ((600, 28, 28), 1.0, (600,))
        return SimpleNamespace(history={"accuracy": [accuracy]})

    if unpacked:
        (tmp_path / "own").mkdir()
        for name, content in training.contents.items():
            (tmp_path / "own" / name.removesuffix(".gz")).write_bytes(gzip.decompress(content))
        monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path / "own"))
    else:
        training.fill(training.cache)
    monkeypatch.setattr(models, "mlp", lambda: SimpleNamespace(fit=fit))
    monkeypatch.setattr(experiments, "repeat", lambda *arguments: pd.DataFrame({"model": [__file__]}))
    if accuracy > 0.5:
        tryout.train()
        assert "; accuracy 0.65; dropout" in capsys.readouterr().out
    else:
        with pytest.raises(SystemExit, match=r"accuracy of 0\.10 where 0\.6 is usual"):
            tryout.train()


@pytest.mark.parametrize(
    ("broken", "expected"),
    [("the CNN", "^ValueError: no convolutions here$"), ("saving", "^a trained network cannot be saved$")],
)
def test_every_kind_of_network_must_train_and_be_saved(training, monkeypatch, tmp_path, broken, expected):
    from fashion_utils import experiments, models

    def cnn(**network):
        raise ValueError("no convolutions here")

    if broken == "saving":
        lost = pd.DataFrame({"model": [str(tmp_path / "lost.keras")]})
        monkeypatch.setattr(experiments, "repeat", lambda *arguments: lost)
    else:
        monkeypatch.setattr(models, "cnn", cnn)
    with pytest.raises(SystemExit, match=expected):
        tryout.train()


# --- All of it --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_whole_check_up_takes_less_than_a_minute_and_changes_nothing(home, monkeypatch):
    kept = [path for path in REPOSITORY.iterdir() if path.name not in (".git", ".venv", "build", "artifacts")]
    before = {path: os.stat(path).st_mtime_ns for top in kept for path in (top, *top.rglob("*")) if is_ours(path)}
    there = {name: (REPOSITORY / name).exists() for name in ("build", "artifacts")}
    environment = os.environ | {"FASHION_DATA": "standin"}
    begin = time.monotonic(), seconds_of_processor()
    done = subprocess.run(
        [sys.executable, "-m", "fashion_utils"], cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )
    took = time.monotonic() - begin[0], seconds_of_processor() - begin[1]
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert min(took) < 60, "the first, on a machine with nothing else to do"
    assert done.stdout.endswith("Ready.\n")
    assert [path.relative_to(home.path).as_posix() for path in home.path.rglob("*")] == []
    assert {name: (REPOSITORY / name).exists() for name in there} == there
    after = {path: os.stat(path).st_mtime_ns for top in kept for path in (top, *top.rglob("*")) if is_ours(path)}
    assert after == before


def seconds_of_processor():
    """What the processes that have ended took."""
    times = os.times()
    return times.children_user + times.children_system


def is_ours(path):
    """Not what Python and the tools write for themselves; nor the folder in which writing is tried."""
    return path.is_file() and not {"__pycache__", ".pytest_cache", ".ruff_cache"} & set(path.parts)

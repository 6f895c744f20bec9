"""The check-up: OK where all is well, what to do where it is not; never a traceback, never a download."""

import json
import os
from pathlib import Path
import re
import shutil
import signal
import subprocess
import sys
import threading
import tomllib
from types import SimpleNamespace

from data_fixtures import FAULTS, IMAGES, make_world
from fashion_utils import REPOSITORY
from fashion_utils.sources import finding
from fashion_utils.workshop import checkup, tryout
from mirror_server import Mirror
from packaging.specifiers import SpecifierSet
import pytest

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and a shell")


@pytest.fixture
def world(tmp_path, monkeypatch):
    return make_world(tmp_path, monkeypatch)


# --- The report -------------------------------------------------------------------------------------------------------


def fails(error):
    def check():
        raise error

    return check


def test_every_check_has_its_line_and_one_that_fails_decides(monkeypatch, capsys):
    monkeypatch.setattr(checkup, "CHECKS", {"one": lambda: "fine", "two": lambda: "fine too"})
    assert checkup.main([]) == 0
    assert capsys.readouterr().out == "OK     one         fine\nOK     two         fine too\nReady.\n"
    checkup.CHECKS |= {
        "packages": fails(checkup.NotReady("do this")),
        "four": fails(ModuleNotFoundError("No module named 'numpy'")),
        "five": fails(OSError("broken\npipe")),
        "six": lambda: "still checked",
    }
    assert checkup.main([]) == 1
    assert capsys.readouterr().out.splitlines()[2:] == [
        "TO DO  packages    do this",
        "TO DO  four        cannot be checked (No module named 'numpy'): first do what `packages` says",
        "TO DO  five        cannot be checked: OSError: broken pipe",
        "OK     six         still checked",
        "Not ready. Do what the lines with TO DO say, then run this again.",
    ]


def test_the_slow_ones_run_at_the_same_time_and_after_the_others(monkeypatch, capsys):
    together, memory = threading.Barrier(2, timeout=20), []

    def slow():
        together.wait()
        return f"after {memory}"

    def other():
        together.wait()
        return "too"

    checks = {"memory": lambda: memory.append("memory") or "fine", "training": slow, "kernel": other}
    monkeypatch.setattr(checkup, "CHECKS", checks)
    monkeypatch.setattr(checkup, "SLOW", (slow, other))
    assert checkup.main([]) == 0
    lines = ["OK     memory      fine", "OK     training    after ['memory']", "OK     kernel      too", "Ready."]
    assert capsys.readouterr().out.splitlines() == lines


def test_what_is_missing_is_not_prescribed_in_two_ways(monkeypatch, capsys):
    trained = fails(checkup.NotReady("failed: no numpy", checkup._how_to_install(checkup.AGAIN), "; "))
    for packages, expected in ((lambda: "fine", "; `"), (fails(checkup.NotReady("no numpy")), "; first do what")):
        monkeypatch.setattr(checkup, "CHECKS", {"packages": packages, "training": trained})
        assert checkup.main([]) == 1
        assert f"training    failed: no numpy{expected}" in capsys.readouterr().out


def test_an_import_that_fails_is_not_laid_to_packages_that_are_all_right(monkeypatch, capsys):
    monkeypatch.setattr(checkup, "CHECKS", {"packages": lambda: "fine", "data": fails(ImportError("DLL load failed"))})
    assert checkup.main([]) == 1
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("TO DO  data        cannot be checked (DLL load failed): `")
    assert "first do" not in line and ("--force-reinstall" in line or "make lab" in line)


def test_without_any_package_it_says_what_to_do():
    code = (
        f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n"
        "from fashion_utils.workshop import checkup\n"
        "checkup._try = lambda *command, **options: 'tried'\n"
        "sys.exit(checkup.main([]))"
    )
    # -S: without site-packages.
    done = subprocess.run([sys.executable, "-S", "-E", "-c", code], capture_output=True, text=True, timeout=60)
    said = dict(line.split(maxsplit=1) for line in done.stdout.replace("TO DO", "TODO").splitlines())
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (1, "", len(checkup.CHECKS) + 1)
    assert said["TODO"].startswith("JupyterLab"), said  # the last of several
    assert "No module named 'packaging'" in done.stdout
    assert done.stdout.count("first do what `packages` says") == 4  # memory, data, kernel, JupyterLab


def test_with_a_broken_tensorflow_it_says_what_to_do(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('libcudart.so.99: cannot open')")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPOSITORY)])}
    done = subprocess.run(
        [sys.executable, "-m", "fashion_utils"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (1, "")
    assert [line[7:17].strip() for line in lines[:-1]] == list(checkup.CHECKS)
    (training,) = (line for line in lines if line[7:15] == "training")
    assert training.startswith("TO DO")
    assert "ImportError: libcudart.so.99: cannot open" in training
    assert "install --require-hashes -r requirements.txt" in training or "make lab" in training


@posix_only
def test_make_takes_the_environment_or_else_the_python_that_is_there(tmp_path):
    for name in ("system", "venv/bin/python"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*"\n')
        (tmp_path / name).chmod(0o755)
    for venv, expected in ((tmp_path / "venv", "venv/bin/python"), (tmp_path / "none", "system")):
        command = ["make", "-s", "check-up", f"VENV={venv}", f"PYTHON={tmp_path / 'system'}"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60)
        assert done.stdout == f"{expected} -m fashion_utils\n", done.stderr
    assert not (tmp_path / "none").exists()  # nothing was set up


# --- Python, packages, the machine ------------------------------------------------------------------------------------


def test_pythons_are_those_of_the_project():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    allowed = SpecifierSet(project["requires-python"])
    assert tuple((3, minor) for minor in range(6, 30) if f"3.{minor}.4" in allowed) == checkup.PYTHONS


@pytest.mark.parametrize("version", [(3, 10, 14), (3, 14, 0)])
def test_a_python_that_does_not_fit_ends_the_check_up(monkeypatch, capsys, version):
    monkeypatch.setattr(sys, "version_info", version)
    assert checkup.main([]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"TO DO  Python      this is Python {'.'.join(map(str, version))}: install 3.11")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A function that says what is installed, by name, where the lock is of four pins."""
    lock = tmp_path / "requirements.txt"
    lock.write_text(
        "numpy==2.4.6 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n    # via keras\n"
        "ml-dtypes==0.6.0 \\\n    --hash=sha256:00\n"
        "tensorflow-cpu==2.21.0 ; sys_platform != 'no such platform' \\\n    --hash=sha256:00\n"
        "tensorflow==2.21.0 ; sys_platform == 'no such platform' \\\n    --hash=sha256:00\n"
    )
    monkeypatch.setattr(checkup, "LOCK", lock)

    def install(**versions):
        found = [SimpleNamespace(metadata={"Name": name}, version=version) for name, version in versions.items()]
        monkeypatch.setattr("importlib.metadata.distributions", lambda: found)

    return install


def test_packages_as_in_the_lock(installed):
    installed(NumPy="2.4.6", ml_dtypes="0.6.0", **{"tensorflow-cpu": "2.21.0"}, other="1.0")
    assert checkup.check_packages() == "all 3 as in requirements.txt"


def test_tensorflow_for_gpus_in_the_place_of_the_cpu_build(installed):
    installed(numpy="2.4.6", ml_dtypes="0.6.0", tensorflow="2.21.0")
    assert checkup.check_packages() == "all 3 as in requirements.txt"


def test_packages_that_are_missing_or_differ(installed, monkeypatch):
    installed(numpy="1.26.4")
    with pytest.raises(checkup.NotReady) as caught:
        checkup.check_packages()
    expected = "numpy is 1.26.4 instead of 2.4.6, ml-dtypes is missing, tensorflow-cpu is missing; "
    assert str(caught.value).startswith(expected)
    monkeypatch.setattr(sys, "prefix", str(REPOSITORY / ".venv"))
    monkeypatch.setattr(sys, "executable", str(REPOSITORY / ".venv/bin/python"))
    with pytest.raises(checkup.NotReady, match=r"`.venv.bin.python -m pip install --require-hashes -r requirements"):
        checkup.check_packages()
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    with pytest.raises(checkup.NotReady, match="`make lab` sets up"):
        checkup.check_packages()


@pytest.mark.parametrize(
    ("free", "there", "sample", "expected"),
    [
        (2.6, 8, "", None),
        (1.0, 8, "", r"1\.0 GB free of 8\.0, less than 2\.5: close other programs, or set FASHION_SAMPLE=6000$"),
        (1.6, 8, "6000", None),
        (1.4, 8, "6000", r"1\.4 GB free of 8\.0, less than 1\.5: close other programs$"),
        (2.1, 2.2, "", r"2\.1 GB free of 2\.2, less than 2\.5: set FASHION_SAMPLE=6000$"),
        (0.5, 1.0, "", "take another machine$"),
        (2.4, 8, "many", "less than 2.5"),
    ],
)
def test_memory(monkeypatch, free, there, sample, expected):
    monkeypatch.setattr(checkup, "free_memory", lambda: (int(free * 1e9), int(there * 1e9)))
    monkeypatch.setenv("FASHION_SAMPLE", sample)
    if expected is None:
        assert checkup.check_memory() == f"{free} GB free of {there:.1f}"
    else:
        with pytest.raises(checkup.NotReady, match=expected):
            checkup.check_memory()


def test_disk(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1e9))
    assert checkup.check_disk() == "1.0 GB free"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # TensorFlow is still to be installed
    with pytest.raises(checkup.NotReady, match=r"1\.0 GB free in .*, 3\.0 needed"):
        checkup.check_disk()


def test_writing_is_tried_and_nothing_made(tmp_path, monkeypatch):
    monkeypatch.setattr(checkup, "BUILD", tmp_path / "build")
    monkeypatch.setattr(checkup, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setenv("FASHION_ARTIFACTS", str(tmp_path / "models" / "of mine"))
    assert checkup.check_writing() == f"{tmp_path / 'models' / 'of mine'}, build/ and notebooks/"
    assert list(tmp_path.iterdir()) == []
    for name in ("models", "build", "notebooks"):
        (tmp_path / name).touch()  # no folder can be made here
        with pytest.raises(checkup.NotReady) as caught:
            checkup.check_writing()
        assert f"cannot write in {tmp_path / name}" in str(caught.value)
        assert "permissions" not in str(caught.value)  # which are not what stands in the way here
        assert ("set FASHION_ARTIFACTS to" in str(caught.value)) == (name == "models")
        (tmp_path / name).unlink()


# --- The data ---------------------------------------------------------------------------------------------------------


def test_data_that_is_here(world, tmp_path, monkeypatch):
    world.fill(world.cache)
    assert checkup.check_data() == "the four original files, SHA-256 checked, from the Keras cache"
    monkeypatch.setenv("FASHION_MNIST_DIR", str(world.fill(tmp_path / "stick")))
    assert checkup.check_data() == "the four original files, SHA-256 checked, from FASHION_MNIST_DIR"
    monkeypatch.setenv("FASHION_DATA", "standin")
    assert checkup.check_data() == "the stand-in, as FASHION_DATA=standin asks"


def test_data_that_is_not_here_is_not_fetched(world, monkeypatch):
    with Mirror(world.contents) as mirror:
        monkeypatch.setattr(finding, "MIRRORS", (mirror.url,))
        with pytest.raises(checkup.NotReady, match=r"not all here \(.* is missing.*fetches the rest, 31 MB at most"):
            checkup.check_data()
    assert mirror.requested == []
    assert not world.cache.exists()


@pytest.mark.parametrize("where", ["own folder", "cache"])
def test_damaged_data_is_named_and_left_alone(world, tmp_path, monkeypatch, where):
    folder = world.fill(tmp_path / "stick" if where == "own folder" else world.cache)
    damaged = FAULTS["truncated"](world.contents[IMAGES])
    (folder / IMAGES).write_bytes(damaged)
    if where == "own folder":
        monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    with pytest.raises(checkup.NotReady, match=f"{IMAGES} is not the expected file"):
        checkup.check_data()
    assert len(list(folder.iterdir())) == 4
    assert (folder / IMAGES).read_bytes() == damaged


def test_nonsense_in_the_environment(world, monkeypatch):
    monkeypatch.setenv("FASHION_SAMPLE", "many")
    with pytest.raises(checkup.NotReady, match="FASHION_SAMPLE=many"):
        checkup.check_data()


# --- What is tried in processes of its own ----------------------------------------------------------------------------


@posix_only
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f"import os; os.kill(os.getpid(), {signal.SIGILL:d})", "died of SIGILL; perhaps this processor lacks"),
        (f"import os; os.kill(os.getpid(), {signal.SIGKILL:d})", "died of SIGKILL; perhaps .* want of memory"),
        (f"import os; os.kill(os.getpid(), {signal.SIGABRT:d})", "died of SIGABRT; please report this$"),
        ("import sys; sys.exit('one\\ntwo')", "failed: two; please report this$"),
        (
            "import sys; sys.exit('ValueError: FASHION_WORKERS=x is to be a whole number')",
            "a whole number; correct that, or unset it$",
        ),
        ("import os; os._exit(3)", "failed: without a word; please report this$"),
        ("import numpy", "failed: ModuleNotFoundError.*; `(make lab|.*--force-reinstall)"),
        ("import time; time.sleep(60)", r"gave no answer in 0\.5 s"),
    ],
)
def test_a_process_that_fails(monkeypatch, code, expected):
    if "sleep" in code:
        monkeypatch.setattr(checkup, "SECONDS", 0.5)
    with pytest.raises(checkup.NotReady, match=expected):
        checkup._try([sys.executable, "-S", "-c", code])


@pytest.mark.parametrize(
    ("code", "expected"),
    [(0xC000001D, "died of error 0XC000001D; perhaps this processor lacks"), (0xC0000005, "0XC0000005; please report")],
)
def test_a_process_that_dies_on_windows(monkeypatch, code, expected):
    done = SimpleNamespace(returncode=code, stdout="", stderr="")
    monkeypatch.setattr(subprocess, "run", lambda *command, **options: done)
    with pytest.raises(checkup.NotReady, match=expected):
        checkup._try(["python"])


def test_a_library_of_windows_that_is_missing_is_no_fault_of_the_packages():
    with pytest.raises(checkup.NotReady, match=r"install Microsoft's Visual C\+\+ Redistributable"):
        checkup._try([sys.executable, "-c", "raise ImportError('DLL load failed while importing _pywrap')"])


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_what_a_process_says_is_read_whatever_the_environment_says(monkeypatch, encoding):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    assert checkup._try([sys.executable, "-c", "print('J\\xfcrgen \\u2713')"]) == "Jürgen ✓"


@pytest.fixture
def tried(monkeypatch):
    """A list of what is tried in processes of their own, none of which is started."""
    commands = []
    monkeypatch.setattr(checkup, "_try", lambda command, **options: commands.append(command[-1]) or "well")
    return commands


@pytest.fixture
def keras_json(tmp_path, monkeypatch):
    """A function that writes the user's own settings of Keras."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for name in ("KERAS_BACKEND", *checkup.CHANGING_KERAS):
        monkeypatch.delenv(name, raising=False)
    return lambda text: (tmp_path / "keras.json").write_text(text, encoding="utf-8") and tmp_path / "keras.json"


def test_keras_as_it_is_without_settings(keras_json, tried, monkeypatch):
    assert checkup.check_training() == "well" and "tryout.train()" in tried[0]
    keras_json('{"backend": "tensorflow", "floatx": "float32", "epsilon": 1e-07, "image_data_format": "channels_last"}')
    assert checkup.check_training() == "well"
    keras_json("no JSON, which Keras leaves unread")
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "")
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")
    assert checkup.check_training() == "well"
    keras_json('{"backend": "jax"}')
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")  # which Keras prefers
    assert checkup.check_training() == "well"


@pytest.mark.parametrize(
    ("name", "value"),
    [("backend", "jax"), ("floatx", "float64"), ("image_data_format", "channels_first"), ("epsilon", 0.001)],
)
def test_keras_set_to_something_else_by_the_user(keras_json, tried, name, value):
    path = keras_json(json.dumps({name: value}))
    with pytest.raises(checkup.NotReady) as caught:
        checkup.check_training()
    right = json.dumps(checkup.KERAS[name])
    assert str(caught.value) == f"{path} sets Keras' {name} to {json.dumps(value)}: set it to {right}"
    assert tried == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("KERAS_BACKEND", "torch"), ("KERAS_MAX_EPOCHS", "1"), ("TF_USE_LEGACY_KERAS", "True")],
)
def test_keras_set_to_something_else_by_a_variable(keras_json, tried, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(checkup.NotReady, match=f"^{name}={value}.*: unset it$"):
        checkup.check_training()
    assert tried == []


def test_keras_settings_checked_are_all_that_keras_reads():
    from keras.src.backend import config

    found = {name: getattr(config, name)() for name in checkup.KERAS}
    assert found == checkup.KERAS, "these are its defaults"
    read = set(re.findall(r'_config\.get\("(\w+)"', Path(config.__file__).read_text(encoding="utf-8")))
    assert read - {"nnx_enabled"} == set(checkup.KERAS)  # that one is JAX's


def test_training_that_fails_by_a_setting_of_matplotlib(keras_json, monkeypatch):
    def run(command, env, **options):
        if "MPLBACKEND" in env:
            raise checkup.NotReady("failed: no such backend", "please report this", "; ")
        return "well"

    monkeypatch.setattr(checkup, "_try", run)
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    with pytest.raises(checkup.NotReady, match=r"^failed: no such backend; without .*MPLBACKEND=nonsense it works"):
        checkup.check_training()


def test_a_file_beside_the_notebooks_that_hides_a_module(tmp_path, keras_json, tried, monkeypatch):
    monkeypatch.setattr(checkup, "NOTEBOOKS", tmp_path)
    (tmp_path / "my_own_functions.py").touch()
    assert checkup.check_training() == "well"
    for name in ("random", "keras", "fashion_utils"):
        (tmp_path / f"{name}.py").touch()
        with pytest.raises(checkup.NotReady, match=f"import .*{name}.py in the place of another {name}: rename"):
            checkup.check_training()
        (tmp_path / f"{name}.py").unlink()


def test_the_project_as_the_notebooks_find_it(monkeypatch, tmp_path):
    checkup._find_the_project()
    again = r"pip install --no-deps --no-build-isolation -e \.`$"
    monkeypatch.setattr(checkup, "REPOSITORY", tmp_path)
    with pytest.raises(checkup.NotReady, match=f"would use the project in {REPOSITORY}, not this one: .*{again}"):
        checkup._find_the_project()
    (tmp_path / "fashion_utils.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(checkup.NotReady, match=f"the notebooks do not find this project: .*{again}"):
        checkup._find_the_project()
    monkeypatch.setattr(checkup.machine, "misread", lambda: "Python 3.11.9 misreads ü")  # the same would not help
    with pytest.raises(checkup.NotReady, match=r"^Python 3.11.9 misreads ü$"):
        checkup._find_the_project()


def test_a_kernel_of_this_python(tmp_path, monkeypatch, tried):
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    def none(manager, name):
        raise NoSuchKernel(name)

    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    assert checkup.check_kernel() == "well" and "tryout.draw()" in tried[0]
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    for command, fits in (("python3", True), (sys.executable, True), ("/opt/other/bin/python", False)):
        (kernel / "kernel.json").write_text(f'{{"argv": ["{command}"], "display_name": "", "language": "python"}}')
        if fits:
            assert checkup.check_kernel() == "well"
        else:
            with pytest.raises(checkup.NotReady, match="runs another Python, /opt/other/bin/python"):
                checkup.check_kernel()
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", none)
    with pytest.raises(checkup.NotReady, match="there is no kernel python3"):
        checkup.check_kernel()


def has_settings(environment):
    return Path(environment["IPYTHONDIR"], "profile_default", "ipython_config.py").exists()


@pytest.mark.parametrize(
    ("own", "fails", "expected"),
    [
        (True, lambda environment: False, "well"),
        (True, lambda environment: True, "^broken: please report this$"),
        (True, has_settings, r"^broken; without .*ipython_config\.py it works, so correct"),
        (False, lambda environment: True, "^broken: please report this$"),
    ],
    ids=["works", "fails anyway", "by its settings", "without any"],
)
def test_whether_the_users_own_settings_are_the_cause(tmp_path, monkeypatch, own, fails, expected):
    (tmp_path / "profile_default").mkdir()
    if own:
        (tmp_path / "profile_default" / "ipython_config.py").touch()
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    times = []

    def trial(environment):
        times.append(environment)
        if fails(environment):
            raise checkup.NotReady("broken", "please report this")
        return "well"

    if expected == "well":
        assert checkup._try_as_configured(trial, "IPYTHONDIR") == "well"
        assert len(times) == 1
    else:
        with pytest.raises(checkup.NotReady, match=expected):
            checkup._try_as_configured(trial, "IPYTHONDIR")
        assert len(times) == 1 + own


def test_jupyterlab_as_root(monkeypatch):
    asked = []

    def start(environment, *options):
        asked.append(options)
        return "" if options else "Running as root is not recommended. Use --allow-root to bypass."

    monkeypatch.setattr(tryout, "start_jupyterlab", start)
    assert checkup.check_jupyterlab().endswith(" starts; as root, with `make lab ARGS=--allow-root`")
    assert asked == [(), ("--allow-root",)]
    monkeypatch.setattr(tryout, "start_jupyterlab", lambda environment, *options: "")
    assert checkup.check_jupyterlab().endswith(" starts")
    monkeypatch.setattr(tryout, "start_jupyterlab", lambda environment, *options: "no port is free")
    with pytest.raises(checkup.NotReady, match=r"^JupyterLab [\d.]+ does not start \(no port is free\): please"):
        checkup.check_jupyterlab()

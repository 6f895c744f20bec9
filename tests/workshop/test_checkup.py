"""The check-up: OK where all is well, what to do where it is not; never a traceback, never a download."""

import gzip
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from types import SimpleNamespace

from data_fixtures import FAULTS, IMAGES, make_world
from fashion_utils import REPOSITORY
from fashion_utils.sources import finding
from fashion_utils.workshop import checkup
from mirror_server import Mirror
from packaging.specifiers import SpecifierSet
import psutil
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
    assert done.stdout.count("first do what `packages` says") == 3  # memory, data, JupyterLab


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


def test_memory(monkeypatch):
    for free, ready in ((2.6e9, True), (1.0e9, False)):
        monkeypatch.setattr(psutil, "virtual_memory", lambda free=free: SimpleNamespace(available=free, total=8e9))
        if ready:
            assert checkup.check_memory() == "2.6 GB free of 8.0"
        else:
            with pytest.raises(checkup.NotReady, match=r"1\.0 GB free of 8\.0, less than 2\.5: .*FASHION_SAMPLE=6000"):
                checkup.check_memory()


def test_disk(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1e9))
    assert checkup.check_disk() == "1.0 GB free"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # TensorFlow is still to be installed
    with pytest.raises(checkup.NotReady, match=r"1\.0 GB free in .*, 3\.0 needed"):
        checkup.check_disk()


def test_writing(tmp_path, monkeypatch):
    monkeypatch.setattr(checkup, "REPOSITORY", tmp_path)
    monkeypatch.setenv("FASHION_ARTIFACTS", str(tmp_path / "models"))
    assert checkup.check_writing() == f"{tmp_path / 'models'}, build/ and notebooks/"
    for name in ("models", "build", "notebooks"):
        (tmp_path / name).rmdir()
        (tmp_path / name).touch()  # no folder can be made here
        with pytest.raises(checkup.NotReady) as caught:
            checkup.check_writing()
        assert f"cannot write in {tmp_path / name} (" in str(caught.value)
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


# --- Training and JupyterLab ------------------------------------------------------------------------------------------


def test_training_on_noise_where_there_is_no_data(world, monkeypatch, capsys):
    monkeypatch.setattr(checkup, "SAMPLE", 640)
    checkup.train()
    assert capsys.readouterr().out.startswith("one epoch on 640 pictures of noise in ")
    assert not world.cache.exists() and world.times_drawn == 0


@pytest.mark.parametrize("accuracy", [0.1, 0.65])
def test_training_must_learn_from_the_real_data(world, monkeypatch, capsys, accuracy):
    from fashion_utils import models

    def fit(images, labels, **options):
        assert (images.shape, images.max(), labels.shape) == ((600, 28, 28), 1.0, (600,))
        return SimpleNamespace(history={"accuracy": [accuracy]})

    world.fill(world.cache)
    monkeypatch.setattr(models, "mlp", lambda: SimpleNamespace(fit=fit))
    if accuracy > 0.5:
        checkup.train()
        assert capsys.readouterr().out.endswith("to load TensorFlow; accuracy 0.65\n")
    else:
        with pytest.raises(SystemExit, match=r"accuracy of 0\.10 where 0\.6 is usual"):
            checkup.train()


@posix_only
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f"import os; os.kill(os.getpid(), {signal.SIGILL:d})", "died of SIGILL; perhaps this processor lacks"),
        (f"import os; os.kill(os.getpid(), {signal.SIGKILL:d})", "died of SIGKILL; perhaps .* want of memory"),
        (f"import os; os.kill(os.getpid(), {signal.SIGABRT:d})", "died of SIGABRT; please report this$"),
        ("import sys; sys.exit('one\\ntwo')", "failed: two; please report this$"),
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


def test_jupyterlab_and_its_kernel(tmp_path, monkeypatch):
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    def none(manager, name):
        raise NoSuchKernel(name)

    monkeypatch.setattr(checkup, "_try", lambda command: "4.4.0")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    assert checkup.check_jupyterlab() == "4.4.0, kernel python3"
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    for command, fits in (("python3", True), (sys.executable, True), ("/opt/other/bin/python", False)):
        (kernel / "kernel.json").write_text(f'{{"argv": ["{command}"], "display_name": "", "language": "python"}}')
        if fits:
            assert checkup.check_jupyterlab() == "4.4.0, kernel python3"
        else:
            with pytest.raises(checkup.NotReady, match="runs another Python, /opt/other/bin/python"):
                checkup.check_jupyterlab()
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", none)
    with pytest.raises(checkup.NotReady, match="has no kernel python3"):
        checkup.check_jupyterlab()


def test_training_is_on_the_real_data_in_any_form(world, tmp_path, monkeypatch, capsys):
    from fashion_utils import models

    (tmp_path / "unpacked").mkdir()
    for name, content in world.contents.items():
        (tmp_path / "unpacked" / name.removesuffix(".gz")).write_bytes(gzip.decompress(content))
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path / "unpacked"))
    network = SimpleNamespace(fit=lambda *arrays, **options: SimpleNamespace(history={"accuracy": [0.65]}))
    monkeypatch.setattr(models, "mlp", lambda: network)
    checkup.train()
    assert capsys.readouterr().out.startswith("one epoch on 600 pictures of the real data in ")

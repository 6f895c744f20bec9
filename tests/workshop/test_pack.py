"""The packed folder: complete or not there, repaired by a second call, and set up from with the network cut off.

The lock of these tests names two small wheels. `.ci/run` packs the real one.
"""

import gzip
import os
from pathlib import Path
import shutil
import subprocess
import sys
import sysconfig
from types import SimpleNamespace

from data_fixtures import make_world
from fashion_utils import REPOSITORY
from fashion_utils.sources import finding
from fashion_utils.workshop import pack
import no_network
import pytest
from wheels import flit_core, wheel

needs_make = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("make") is None, reason="needs make and a POSIX shell"
)


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Tiny data in Keras' cache, and a project, a git clone in all but its name, whose lock has two wheels.

    `project` is its folder, `stick` an empty one, `index` has the wheels and is where pip finds them.
    """
    world = make_world(tmp_path, monkeypatch)
    world.fill(world.cache)
    world.project, world.stick, world.index = (tmp_path / name for name in ("project", "USB STICK", "index"))
    for folder in (world.project, world.stick, world.index):
        folder.mkdir()
    pins = flit_core(world.index)
    pins += wheel(world.index, "tiny", "1.0", {"tiny.py": b"answer = 42\n"})
    for name in ("Makefile", "pyproject.toml", "README.md", "LICENSE", "notebooks/01_explore.ipynb"):
        (world.project / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(REPOSITORY / name, world.project / name)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "fashion_utils", world.project / "fashion_utils", ignore=ignored)
    (world.project / "requirements.txt").write_text(pins)
    world.names = sorted(str(path.relative_to(world.project)) for path in world.project.rglob("*") if path.is_file())
    (world.project / "offline").mkdir()
    (world.project / "offline" / "files.txt").write_text("\n".join(world.names))
    (world.project / "diary.txt").write_text("of no concern to others")
    monkeypatch.setattr(pack, "REPOSITORY", world.project)
    for name in os.environ:
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(world.index))
    return world


@pytest.fixture
def quick_pip(world, monkeypatch):
    """Stand in for pip, which takes a second a call: `download` copies the wheels, `install` wants them all."""

    def pip(command, *options, cwd, **_):
        wheels = cwd / "offline" / "wheels" if command == "install" else Path(options[options.index("--dest") + 1])
        if command == "download":
            for path in world.index.iterdir():
                shutil.copy(path, wheels)
        elif not all((wheels / path.name).is_file() for path in wanted):
            return "pip install failed: a wheel is missing"
        return ""

    wanted = list(world.index.iterdir())
    monkeypatch.setattr(pack, "_pip", pip)


def quick_python(path):
    """Write this Python as a command whose new environments get its own pip: `ensurepip` takes four seconds more."""
    pip = Path(sysconfig.get_path("purelib")) / "pip"
    path.write_text(
        f"""#!/bin/sh
if [ "$1 $2 $3" = "-m venv --clear" ]; then
    "{sys.executable}" -m venv --clear --without-pip "$4" && ln -s "{pip}" "$4"/lib/python*/site-packages/
else
    exec "{sys.executable}" "$@"
fi
"""
    )
    path.chmod(0o755)
    return path


def contents(folder):
    """Return the content of every file in a folder and those below, by its relative path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- With pip itself, and make ----------------------------------------------------------------------------------------


@needs_make
def test_set_up_from_a_packed_folder_without_a_network(world, tmp_path, monkeypatch, capfd):
    pack.main([str(world.stick)])
    assert "Packed: " in capfd.readouterr().out
    folder = tmp_path / "copied to the disk"
    shutil.move(world.stick / pack.NAME, folder)
    shutil.rmtree(world.index)

    command, environment, how = no_network.cut_off(
        ["make", "-C", str(folder), ".venv/ready", f"PYTHON={quick_python(tmp_path / 'python')}"]
    )
    # What a machine's own configuration may hold.
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = http://127.0.0.1:9/simple\nconstraint = /there/is/none.txt\nretries = 0\n")
    environment = {name: value for name, value in environment.items() if name not in ("MAKEFLAGS", "PYTHONPATH")}
    done = subprocess.run(
        command, env=environment | {"PIP_CONFIG_FILE": str(config)}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{how}: {done.stdout}{done.stderr}"
    code = "import tiny, fashion_utils; print(tiny.answer, fashion_utils.__file__)"
    done = subprocess.run(
        [folder / ".venv/bin/python", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout == f"42 {folder / 'fashion_utils' / '__init__.py'}\n", done.stderr


def test_the_network_is_cut_off_but_for_this_machine():
    code = (
        "import socket, urllib.request\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname()).close()\n"
        "try:\n    urllib.request.urlopen('http://192.0.2.1/', timeout=5)\n"  # an address kept for examples
        "except OSError as error:\n    print(error)\n"
    )
    command, environment, how = no_network.cut_off([sys.executable, "-S", "-c", code])
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    reason = "unreachable" if "namespace" in how else "refused"
    assert reason in done.stdout, done.stderr


@needs_make
def test_make_pack_asks_for_a_folder(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / "bin" / "python").chmod(0o755)
    (tmp_path / "ready").touch()
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "DIR")}
    done = subprocess.run(
        ["make", "pack", f"VENV={tmp_path}"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == "Name a folder, such as that of a USB stick: make pack DIR=/media/usb"


# --- What the folder holds --------------------------------------------------------------------------------------------


def test_everything_is_there_and_nothing_else(world, quick_pip):
    folder = pack.pack(world.stick)
    assert folder == world.stick / pack.NAME
    assert os.listdir(world.stick) == [pack.NAME]
    packed = contents(folder)
    source = contents(world.project)
    assert {name: packed.pop(name) for name in world.names} == {name: source[name] for name in world.names}
    assert {name: packed.pop(f"offline/data/{name}") for name in finding.FILES} == world.contents
    assert {name: packed.pop(f"offline/wheels/{name}") for name in os.listdir(world.index)} == contents(world.index)
    assert set(packed) == {"GNUmakefile", "offline/files.txt"}
    assert f"PYTHON ?= python{sys.version_info[0]}.{sys.version_info[1]}\n".encode() in packed["GNUmakefile"]


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_in_a_clone_git_says_which_files_are_the_projects(world, monkeypatch):
    shutil.rmtree(world.project / "offline")
    with pytest.raises(OSError, match="needs a git clone, or a packed folder: fatal: not a git repository"):
        pack._project_files()
    for arguments in (["init", "--quiet"], ["add", *world.names]):
        subprocess.run(["git", *arguments], cwd=world.project, check=True)
    with monkeypatch.context() as other:
        other.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # as on a stick or a folder that another user made
        with pytest.raises(OSError, match="detected dubious ownership"):
            pack._project_files()
    (world.project / "LICENSE").unlink()  # deleted, but not yet from the index
    assert sorted(pack._project_files()) == [name for name in world.names if name != "LICENSE"]


def test_a_packed_folder_can_be_packed_again(world, quick_pip, tmp_path, monkeypatch):
    first = pack.pack(world.stick)
    monkeypatch.setattr(pack, "REPOSITORY", first)
    (tmp_path / "second").mkdir()
    assert contents(pack.pack(tmp_path / "second")) == contents(first)


def test_unpacked_data_is_packed_and_then_found(world, quick_pip, tmp_path, monkeypatch):
    (tmp_path / "unpacked").mkdir()
    for name, content in world.contents.items():
        (tmp_path / "unpacked" / name.removesuffix(".gz")).write_bytes(gzip.decompress(content))
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path / "unpacked"))
    folder = pack.pack(world.stick)
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder / "offline" / "data"))
    packed = {path.name: gzip.decompress(path.read_bytes()) for path in (folder / "offline" / "data").iterdir()}
    assert packed == {name: gzip.decompress(content) for name, content in world.contents.items()}
    assert finding.look()[1] == []


def test_a_second_call_repairs_updates_and_leaves_other_files(world, quick_pip, capsys):
    folder = pack.pack(world.stick)
    as_packed = contents(folder)
    damaged = ["offline/wheels/tiny-1.0-py3-none-any.whl", f"offline/data/{next(iter(finding.FILES))}", "README.md"]
    for name in damaged:
        (folder / name).write_bytes(as_packed[name][:-1])
    (folder / "GNUmakefile").unlink()
    old = folder / "offline" / "wheels" / "tiny-0.9-py3-none-any.whl"
    old.write_bytes(b"of an earlier lock")
    (folder / "notebooks" / "mine.ipynb").write_text("{}")
    (world.project / "notebooks" / "01_explore.ipynb").rename(world.project / "notebooks" / "01_look.ipynb")
    listed = world.project / "offline" / "files.txt"
    listed.write_text(listed.read_text().replace("01_explore", "01_look"))
    pack.pack(world.stick)
    expected = {name.replace("01_explore", "01_look"): content for name, content in as_packed.items()}
    expected["offline/files.txt"] = as_packed["offline/files.txt"].replace(b"01_explore", b"01_look")
    assert contents(folder) == expected | {"notebooks/mine.ipynb": b"{}"}
    assert capsys.readouterr().out.count("does not have its SHA-256") == 2


def test_wheels_for_another_machine_stay(world, quick_pip):
    folder = pack.pack(world.stick)
    wheels = folder / "offline" / "wheels"
    lock = world.project / "requirements.txt"
    lock.write_text(lock.read_text() + wheel(wheels, "elsewhere", "1.0", {}))
    pack.pack(world.stick)
    assert (wheels / "elsewhere-1.0-py3-none-any.whl").is_file()


def test_a_list_of_files_cannot_reach_outside_the_folder(world, quick_pip):
    folder = pack.pack(world.stick)
    treasure = world.stick / "thesis.txt"
    treasure.write_text("the only copy")
    with (folder / "offline" / "files.txt").open("a") as listed:
        listed.write(f"../thesis.txt\n../{pack.NAME}.part/../thesis.txt\n{treasure}\n")
    pack.pack(world.stick)
    assert treasure.is_file()


# --- What goes wrong --------------------------------------------------------------------------------------------------


def stopped_with(stick):
    """Call the command line, which must stop; return its status, or the sentence that Python prints, with status 1."""
    with pytest.raises(SystemExit) as stopped:
        pack.main([str(stick)])
    return stopped.value.code


@pytest.mark.parametrize("moment", ["_put", "_add_wheels"])
def test_an_interrupted_call_leaves_no_folder_of_the_final_name(world, quick_pip, monkeypatch, capsys, moment):
    for call in ("first", "repeated"):

        def stop(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as interrupted:
            interrupted.setattr(pack, moment, stop)
            assert stopped_with(world.stick) == 130, call
        assert "Call it again" in capsys.readouterr().err
        assert os.listdir(world.stick) == [f"{pack.NAME}.part"]
        left = contents(world.stick / f"{pack.NAME}.part")
        assert (call, moment) == ("first", "_put") or left
        assert not any(name.endswith(".part") for name in left)
        pack.main([str(world.stick)])
        assert os.listdir(world.stick) == [pack.NAME]
        assert len(os.listdir(world.stick / pack.NAME / "offline" / "wheels")) == 2


def test_packages_that_cannot_be_had(world):
    next(world.index.glob("tiny*")).unlink()
    assert "No matching distribution found for tiny==1.0" in stopped_with(world.stick)
    assert os.listdir(world.stick) == [f"{pack.NAME}.part"]


def test_too_few_packages_are_not_taken_for_enough(world, quick_pip):
    next(world.index.glob("tiny*")).unlink()
    assert "a wheel is missing" in stopped_with(world.stick)
    assert os.listdir(world.stick) == [f"{pack.NAME}.part"]


def test_data_that_cannot_be_had(world, quick_pip):
    (world.cache / next(iter(finding.FILES))).unlink()
    assert "no mirror delivered train-images-idx3-ubyte.gz" in stopped_with(world.stick)
    assert os.listdir(world.stick) == []


def test_a_home_that_is_nobodys(world, quick_pip, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", "~nobody-of-that-name/keras")
    if os.path.expanduser("~nobody-of-that-name") == "~nobody-of-that-name":  # not so on Windows
        assert stopped_with(world.stick).startswith("KERAS_HOME=~nobody-of-that-name/keras: no home folder can")


def test_no_such_folder(world):
    assert f"There is no folder {world.stick / 'none'}" in stopped_with(world.stick / "none")
    assert os.listdir(world.stick) == []


def test_two_folders_are_not_mixed(world, quick_pip):
    pack.pack(world.stick)
    (world.stick / f"{pack.NAME}.part").mkdir()
    with pytest.raises(OSError, match=r"Both .* exist"):
        pack.pack(world.stick)


@pytest.mark.parametrize("full", ["stick", "temporary folder"])
def test_too_little_space_is_said_before_anything_is_written(world, quick_pip, monkeypatch, full):
    def disk_usage(place):
        return SimpleNamespace(free=1e9 if (place == world.stick) == (full != "stick") else 123e6)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    assert "has 123 MB free, and 600 MB are needed." in stopped_with(world.stick)
    assert os.listdir(world.stick) == []


def test_what_is_there_already_needs_no_space(world, quick_pip, monkeypatch):
    folder = pack.pack(world.stick)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=598e6))
    with pytest.raises(OSError, match="has 598 MB free, and 599 MB are needed"):
        pack.pack(world.stick)
    with (folder / "offline" / "wheels" / "tiny-1.0-py3-none-any.whl").open("ab") as there:
        there.truncate(2_000_000)
    assert pack.pack(world.stick) == folder

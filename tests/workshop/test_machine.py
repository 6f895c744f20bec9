"""Machines, Pythons and folders that cannot be used, imitated, and known before pip fails."""

from importlib import metadata
import os
from pathlib import Path, PureWindowsPath
import platform
import subprocess
import sys
import sysconfig
from types import SimpleNamespace

from fashion_utils import REPOSITORY
from fashion_utils.workshop import checkup, machine
import pytest


@pytest.fixture
def imitate(monkeypatch):
    """A function that makes this another machine: sys.platform, and what platform and sysconfig say of it."""

    def make(system, architecture, *, version=(3, 12, 4), encoding="utf-8", kernel="", **others):
        monkeypatch.setattr(sys, "platform", system)
        monkeypatch.setattr(sys, "version_info", version)
        monkeypatch.setattr(platform, "machine", lambda: architecture)
        monkeypatch.setattr(platform, "system", lambda: {"win32": "Windows", "darwin": "Darwin"}.get(system, "Linux"))
        monkeypatch.setattr(platform, "version", lambda: kernel)
        monkeypatch.setattr(platform, "mac_ver", lambda: (others.get("macos", "15.1"), ("", "", ""), ""))
        monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", others.get("glibc", "2.36")))
        monkeypatch.setattr(platform, "python_implementation", lambda: others.get("python", "CPython"))
        monkeypatch.setattr(sysconfig, "get_platform", lambda: architecture)
        variables = {"SOABI": others.get("soabi"), "Py_GIL_DISABLED": others.get("without_gil")}
        monkeypatch.setattr(sysconfig, "get_config_var", variables.get)
        monkeypatch.setattr(machine.struct, "calcsize", lambda kind: others.get("bits", 64) // 8)
        monkeypatch.setattr(machine.locale, "getencoding", lambda: encoding)
        monkeypatch.setattr(machine, "REPOSITORY", others.get("project", REPOSITORY))
        monkeypatch.setattr(machine, "_long_paths_allowed", lambda: others.get("long_paths", False))
        monkeypatch.setattr(sys, "base_prefix", sys.prefix)  # nothing is set up yet

    return make


# --- Machines and Pythons ---------------------------------------------------------------------------------------------


def test_this_machine():
    assert machine.obstacle() == ""
    assert checkup.check_machine() == f"{platform.system()} on {platform.machine()}, for which there are packages"


@pytest.mark.parametrize(
    ("system", "architecture"),
    [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "win-amd64")],
)
def test_machines_that_can(imitate, system, architecture):
    imitate(system, architecture, project=PureWindowsPath("C:/fashion"))
    assert machine.obstacle() == ""


ARM = "Darwin Kernel Version 24.1.0: root:xnu-11215/RELEASE_ARM64_T6000"
INTEL = "Darwin Kernel Version 24.1.0: root:xnu-11215/RELEASE_X86_64"


@pytest.mark.parametrize(
    ("system", "architecture", "others", "expected"),
    [
        ("darwin", "x86_64", {"kernel": INTEL}, "no longer made for Macs with an Intel processor: run this on another"),
        (
            "darwin",
            "x86_64",
            {"kernel": ARM},
            "this Python is made for Intel Macs.*: install .* Apple silicon",
        ),
        ("darwin", "arm64", {"macos": "11.7.10"}, "needs macOS 12 or later, and this is 11.7.10: update"),
        ("win32", "win-arm64", {}, "not made for Windows on ARM: run this in Linux under WSL, on another machine, or"),
        ("win32", "win32", {"bits": 32}, "this Python is one of 32 bits.*: install the other"),
        ("linux", "armv7l", {"bits": 32}, "this Python is one of 32 bits"),
        ("linux", "riscv64", {}, "not made for Linux on riscv64: run this on another machine, or in Google Colab"),
        ("freebsd14", "amd64", {}, "not made for Linux on amd64"),
        ("linux", "x86_64", {"soabi": "cpython-312-x86_64-linux-musl"}, "needs glibc 2.27 or later.* has musl: run"),
        ("linux", "x86_64", {"glibc": "2.17"}, "needs glibc 2.27 or later, and this Linux has glibc 2.17: run this"),
        ("linux", "x86_64", {"python": "PyPy"}, "made for CPython with its GIL.*: install the usual one"),
        ("linux", "x86_64", {"without_gil": 1}, "made for CPython with its GIL.*: install the usual one"),
    ],
)
def test_machines_that_cannot(imitate, system, architecture, others, expected):
    imitate(system, architecture, **others)
    with pytest.raises(checkup.NotReady, match=expected):
        checkup.check_machine()


def test_the_check_up_ends_there_and_make_gets_one_sentence(imitate, capsys):
    imitate("darwin", "x86_64", kernel=INTEL)
    assert checkup.main([]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[1].startswith("TO DO  machine     TensorFlow is no longer made for Macs")
    with pytest.raises(SystemExit, match=r"^TensorFlow is no longer made .* Google Colab\.$"):
        machine.main()
    imitate("linux", "x86_64")
    machine.main()


def test_it_needs_no_package():
    code = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\nfrom fashion_utils.workshop import machine"
    code += "; machine.main()"
    done = subprocess.run([sys.executable, "-S", "-E", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- Folders ----------------------------------------------------------------------------------------------------------


def test_no_path_below_site_packages_is_longer():
    files = (str(file) for found in metadata.distributions() for file in found.files or ())
    assert max(len(file) for file in files if not file.startswith("..")) <= machine.LONGEST


@pytest.mark.parametrize(("length", "excess"), [(71, 0), (72, 1), (120, 49)])
def test_a_project_path_too_long_for_windows(imitate, length, excess):
    folder = "C:\\Users\\Sam\\" + "x" * (length - len("C:\\Users\\Sam\\"))
    imitate("win32", "win-amd64", project=PureWindowsPath(folder))
    found = machine.obstacle()
    longest = f"{folder}\\.venv\\Lib\\site-packages\\" + "x" * machine.LONGEST
    assert (len(longest) > machine.ALLOWED) == bool(excess)
    assert (f"a path shorter by {excess} characters, such as C:\\fashion, and set it up there" in found) == bool(excess)
    assert bool(found) == bool(excess)
    imitate("win32", "win-amd64", project=PureWindowsPath(folder), long_paths=True)
    assert machine.obstacle() == ""
    imitate("linux", "x86_64", project=Path(folder))
    assert machine.obstacle() == ""


def test_an_environment_elsewhere_has_paths_of_its_own(imitate, monkeypatch):
    imitate("win32", "win-amd64", project=PureWindowsPath("C:/" + "x" * 200))
    monkeypatch.setattr(sys, "prefix", "C:\\conda\\envs\\fashion-mnist")
    assert machine.obstacle() == ""


@pytest.mark.parametrize(("value", "allowed"), [(1, True), (0, False), (None, False)])
def test_whether_windows_allows_long_paths(monkeypatch, value, allowed):
    def query(key, name):
        assert (key, name) == ("SYSTEM\\CurrentControlSet\\Control\\FileSystem", "LongPathsEnabled")
        if value is None:
            raise FileNotFoundError
        return value, 4

    class Key:
        def __init__(self, root, path):
            self.path = path

        def __enter__(self):
            return self.path

        def __exit__(self, *_):
            pass

    registry = SimpleNamespace(HKEY_LOCAL_MACHINE=0, OpenKey=Key, QueryValueEx=query)
    monkeypatch.setitem(sys.modules, "winreg", registry)
    assert machine._long_paths_allowed() is allowed
    monkeypatch.setitem(sys.modules, "winreg", None)  # no Windows
    assert machine._long_paths_allowed() is False


JUERGEN = PureWindowsPath("C:/Users/Jürgen/fashion")


@pytest.mark.parametrize(
    ("version", "encoding", "project", "misread"),
    [
        ((3, 11, 9), "cp1252", JUERGEN, True),
        ((3, 12, 3), "cp1252", JUERGEN, True),
        ((3, 12, 4), "cp1252", JUERGEN, False),
        ((3, 13, 0), "cp1252", JUERGEN, False),
        ((3, 11, 9), "utf-8", JUERGEN, False),
        ((3, 11, 9), "cp1252", PureWindowsPath("C:/Users/Jurgen/fashion"), False),
        ((3, 11, 9), "cp1252", PureWindowsPath("C:/Users/Nováček/fashion"), True),  # a byte that cp1252 does not have
    ],
)
def test_letters_in_the_path_that_python_misreads(imitate, version, encoding, project, misread):
    imitate("win32", "win-amd64", version=version, encoding=encoding, project=project)
    found = machine.obstacle()
    assert bool(found) == misread == bool(machine.misread())
    if misread:
        letters = "".join(letter for letter in str(project) if not letter.isascii())
        assert f"misreads {letters} in {project}" in found
        assert "use Python 3.12.4 or later, or move the project to a folder without such letters" in found
        assert "pip" not in found and "PYTHONUTF8" not in found, "neither helps"


@pytest.mark.skipif(sys.platform == "win32", reason="the system's encoding is set by POSIX variables here")
@pytest.mark.parametrize("utf8_mode", ["0", "1"])
def test_python_itself_misreads_it_whatever_the_mode(tmp_path, utf8_mode):
    """That is why PYTHONUTF8=1 is not among what helps."""
    (tmp_path / "Jürgen").mkdir()
    (tmp_path / "project.pth").write_text(str(tmp_path / "Jürgen"), encoding="utf-8")
    code = (
        "import site, sys\n"
        f"try: site.addpackage({str(tmp_path)!r}, 'project.pth', set())\n"
        "except UnicodeDecodeError: pass  # as the site module of a start, this ends Python\n"
        "print(any(path.endswith('rgen') for path in sys.path))"
    )
    environment = os.environ | {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": utf8_mode}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{sys.version_info >= (3, 12, 4)}\n", done.stderr

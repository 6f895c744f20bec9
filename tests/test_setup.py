"""pyproject.toml, requirements.txt and environment.yml agree, and the Makefile fails with one clear sentence."""

from importlib import metadata
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import tomllib

from fashion_utils import REPOSITORY
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
import pytest
import yaml

PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
DEPENDENCIES = [
    Requirement(line) for line in (*PYPROJECT["project"]["dependencies"], *PYPROJECT["dependency-groups"]["dev"])
]
LOCK = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8")
CONDA = yaml.safe_load((REPOSITORY / "environment.yml").read_text(encoding="utf-8"))

PLATFORMS = {
    "linux-x86_64": {"sys_platform": "linux", "platform_machine": "x86_64", "os_name": "posix"},
    "linux-aarch64": {"sys_platform": "linux", "platform_machine": "aarch64", "os_name": "posix"},
    "macos-arm64": {"sys_platform": "darwin", "platform_machine": "arm64", "os_name": "posix"},
    "windows-amd64": {"sys_platform": "win32", "platform_machine": "AMD64", "os_name": "nt"},
}
PYTHONS = ("3.11", "3.12", "3.13")
ENVIRONMENTS = [
    pytest.param({**platform, "python_version": python, "python_full_version": f"{python}.4"}, id=f"{name}-{python}")
    for name, platform in PLATFORMS.items()
    for python in PYTHONS
]


def locked():
    """Return each pin of the lock as (requirement, its hashes)."""
    pins = []
    for line in LOCK.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            pin, *hashes = line.split("--hash=")
            pins.append((Requirement(pin.strip()), [text.strip() for text in hashes]))
    return pins


def versions_for(environment):
    """Return the locked version of each distribution that an environment installs."""
    fitting = [pin for pin, _ in locked() if pin.marker is None or pin.marker.evaluate(environment)]
    names = [canonicalize_name(pin.name) for pin in fitting]
    assert len(names) == len(set(names)), "a distribution is pinned twice for the same environment"
    return {name: str(pin.specifier).removeprefix("==") for name, pin in zip(names, fitting, strict=True)}


# --- The lock ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_lock_satisfies_every_dependency(environment):
    versions = versions_for(environment)
    for dependency in DEPENDENCIES:
        if dependency.marker is None or dependency.marker.evaluate(environment):
            name = canonicalize_name(dependency.name)
            assert name in versions, f"{name} is not in requirements.txt: run make lock"
            assert dependency.specifier.contains(versions[name]), f"{dependency}, but {versions[name]} is locked"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_one_tensorflow_and_a_cpu_build_where_there_is_one(environment):
    has_cpu_build = environment["sys_platform"] == "win32" or environment["platform_machine"] == "x86_64"
    tensorflows = {"tensorflow", "tensorflow-cpu", "tensorflow-gpu"} & set(versions_for(environment))
    assert tensorflows == {"tensorflow-cpu" if has_cpu_build else "tensorflow"}


def test_keras_is_new_enough_to_load_models_safely():
    (dependency,) = (dependency for dependency in DEPENDENCIES if dependency.name == "keras")
    assert "3.15.0" not in dependency.specifier
    assert "3.15.1" in dependency.specifier


def test_every_pin_is_exact_and_has_hashes():
    pins = locked()
    assert len(pins) > len(DEPENDENCIES)
    for pin, hashes in pins:
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), f"{pin} is not one version"
        assert hashes, f"{pin} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", text) for text in hashes), f"{pin} has a hash that is none"


def test_the_lock_names_no_host():
    assert "://" not in LOCK
    assert " @ " not in LOCK
    options = {word.partition("=")[0] for word in LOCK.split() if word.startswith("-")}
    assert options == {"--hash"}


def installed_closure():
    """Return the version of every distribution that pyproject.toml needs, directly or not, in this environment."""
    waiting = [(dependency, "") for dependency in DEPENDENCIES]
    seen, versions = set(), {}
    while waiting:
        requirement, wanted_by_extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": wanted_by_extra}):
            continue
        name = canonicalize_name(requirement.name)
        distribution = metadata.distribution(name)
        versions[name] = distribution.version
        for extra in {"", *requirement.extras} - {extra for done, extra in seen if done == name}:
            seen.add((name, extra))
            waiting += [(Requirement(line), extra) for line in distribution.requires or ()]
    return versions


def test_the_lock_holds_everything_that_is_needed():
    assert set(installed_closure()) - set(versions_for({})) == set()


def test_the_versions_installed_are_those_of_the_lock():
    if not (Path(sys.prefix) / "ready").is_file():
        pytest.skip("this environment was not made by `make` from requirements.txt: it has no file `ready`")
    versions = versions_for({})
    differing = {name: version for name, version in installed_closure().items() if versions[name] != version}
    assert differing == {}


# --- environment.yml --------------------------------------------------------------------------------------------------


def test_conda_gives_python_and_pip_only():
    *from_conda, from_pip = CONDA["dependencies"]
    python, pip = from_conda
    assert pip == "pip"
    assert from_pip == {"pip": ["-r requirements.txt"]}
    name, version = python.split("=")
    assert name == "python"
    assert version in PYTHONS
    assert set(CONDA) == {"name", "channels", "dependencies"}


def test_pythons_tested_here_are_those_allowed():
    allowed = SpecifierSet(PYPROJECT["project"]["requires-python"])
    assert [minor for minor in range(8, 20) if f"3.{minor}.4" in allowed] == [11, 12, 13]
    assert PYTHONS == ("3.11", "3.12", "3.13")


# --- The Makefile -----------------------------------------------------------------------------------------------------

needs_make = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("make") is None, reason="needs make and a POSIX shell"
)


def make(*arguments, path=""):
    """Run make in the repository, with nothing from a make that this test may itself run under; `path` comes first."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    inherited["PATH"] = f"{path}{os.pathsep * bool(path)}{inherited['PATH']}"
    return subprocess.run(
        ["make", *arguments], cwd=REPOSITORY, env=inherited, capture_output=True, text=True, timeout=60
    )


def interpreter(path, before="pass", python_of_venv="exit 1"):
    """Write a fake interpreter: the real one, which runs the statement `before` in front of every `-c` program.

    `-m venv --clear FOLDER` makes a folder whose own python is the shell command `python_of_venv`.
    """
    path.write_text(
        f"""#!/bin/sh
if [ "$1" = -c ]; then
    exec "{sys.executable}" -c "{before}\n$2"
elif [ "$1 $2 $3" = "-m venv --clear" ]; then
    mkdir -p "$4/bin"
    printf '%s\\n' '#!/bin/sh' '{python_of_venv}' > "$4/bin/python"
    chmod +x "$4/bin/python"
fi
""",
        encoding="utf-8",
    )
    path.chmod(0o755)
    return path


@needs_make
@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("import sys; sys.version_info = (3, 10, 14, 'final', 0)", "3.11, 3.12 or 3.13"),
        ("import sys; sys.version_info = (3, 14, 0, 'final', 0)", "3.11, 3.12 or 3.13"),
        ("import sys; sys.modules['venv'] = None", "has no venv module"),
        ("import sys; sys.modules['ensurepip'] = None", "has no venv module"),
        (None, "There is no"),
    ],
    ids=["too-old", "too-new", "no-venv", "no-ensurepip", "missing"],
)
def test_a_python_that_does_not_fit_gets_one_sentence(tmp_path, before, expected):
    python, venv = tmp_path / "python", tmp_path / "venv"
    if before is not None:
        interpreter(python, before)
    result = make("run", f"PYTHON={python}", f"VENV={venv}")
    said = (result.stdout + result.stderr).splitlines()
    sentences = [line for line in said if not line.startswith("make: ***")]
    assert result.returncode != 0
    assert len(sentences) == 1, said
    assert expected in sentences[0]
    assert str(python) in sentences[0]
    assert "PYTHON=" in sentences[0]
    assert not venv.exists()


@needs_make
def test_a_machine_that_cannot_gets_one_sentence_before_anything_is_set_up(tmp_path):
    python = interpreter(tmp_path / "python", "import platform; platform.machine = lambda: 'riscv64'")
    result = make("run", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}")
    said = (result.stdout + result.stderr).splitlines()
    (sentence,) = (line for line in said if not line.startswith("make: ***"))
    assert result.returncode != 0
    assert "TensorFlow is not made for" in sentence and "on riscv64" in sentence
    assert not (tmp_path / "venv").exists()


@needs_make
@pytest.mark.parametrize(
    ("user", "arguments", "status", "allowed"),
    [("0", "", 1, True), ("0", "--allow-root --ip=0.0.0.0", 1, False), ("0", "", 0, False), ("1000", "", 1, False)],
)
def test_make_lab_passes_arguments_on_and_says_how_root_is_allowed(tmp_path, user, arguments, status, allowed):
    """`id` and the environment's jupyter are stand-ins."""
    (tmp_path / "bin").mkdir()
    for path, line in (("id", f"echo {user}"), ("bin/jupyter", f'echo "called with $*"; exit {status}')):
        (tmp_path / path).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (tmp_path / path).chmod(0o755)
    (tmp_path / "ready").touch()
    result = make("lab", f"VENV={tmp_path}", f"ARGS={arguments}", path=tmp_path)
    assert result.stdout.splitlines()[0].split() == ["called", "with", "lab", "notebooks", *arguments.split()]
    assert (result.returncode == 0) == (status == 0)
    sentence = "If JupyterLab refused to run as root, allow it with: make lab ARGS=--allow-root"
    assert (sentence in result.stdout) == allowed


@needs_make
def test_a_set_up_that_fails_is_done_again(tmp_path):
    python_of_venv = 'case "$*" in *--require-hashes*) exit 1;; esac'
    python = interpreter(tmp_path / "python", python_of_venv=python_of_venv)
    for _ in range(2):
        result = make("run", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}")
        assert result.returncode != 0
        assert "Setting up" in result.stdout
        assert not (tmp_path / "venv" / "ready").exists()


@needs_make
def test_a_set_up_that_is_done_is_used_again(tmp_path):
    python = interpreter(tmp_path / "python", python_of_venv='echo "called with $*"')
    first = make("run", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}")
    assert first.returncode == 0, first.stderr
    assert re.search("called with -m pip install .*--require-hashes -r requirements.txt", first.stdout)
    second = make("run", f"PYTHON={tmp_path / 'none'}", f"VENV={tmp_path / 'venv'}")
    assert second.returncode == 0, second.stderr
    assert "called with -m fashion_utils.workshop.run" in second.stdout
    assert "called with -m pip" not in second.stdout


@needs_make
def test_help_lists_every_target():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[1].split()
    listed = {line.split()[0]: line.split()[1:] for line in make("help").stdout.splitlines()}
    assert sorted(listed) == sorted(targets)
    assert all(listed.values()), "a target is listed without a word on what it does"


def test_the_readme_names_both_commands():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert "make run" in readme
    assert "make test" in readme

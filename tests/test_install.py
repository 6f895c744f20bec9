"""An ordinary `pip install`, without the repository: what notebooks import works, commands say what is wrong."""

from email.parser import Parser
import json
import os
from pathlib import Path
import subprocess
import sys
import zipfile

from data_fixtures import make_world
from fashion_utils import REPOSITORY
from fashion_utils.sources import finding
from fashion_utils.workshop import address
from flit_core import buildapi
import pytest

COMMANDS = sorted(
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
    for path in (REPOSITORY / "fashion_utils" / "workshop").glob("*.py")
    if "__main__" in path.read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def site_packages(tmp_path_factory):
    """A folder with the package as pip installs it, beside a pyproject.toml that another package has left there."""
    folder = tmp_path_factory.mktemp("site-packages")
    before = Path.cwd()
    os.chdir(REPOSITORY)  # as build frontends do
    try:
        wheel = buildapi.build_wheel(str(folder))
    finally:
        os.chdir(before)
    with zipfile.ZipFile(folder / wheel) as archive:
        archive.extractall(folder)
    (folder / "pyproject.toml").write_text('[project]\nname = "something-else"\n', encoding="utf-8")
    return folder


@pytest.fixture
def python(site_packages, tmp_path):
    """A function that runs this Python with the installed package; it starts in an empty folder of its own."""
    (tmp_path / "elsewhere").mkdir()

    def run(*arguments):
        environment = os.environ | {"PYTHONPATH": str(site_packages), "PYTHONDONTWRITEBYTECODE": "1"}
        options = {"cwd": tmp_path / "elsewhere", "env": environment, "capture_output": True, "text": True}
        return subprocess.run([sys.executable, *arguments], timeout=60, **options)

    return run


def files_in(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("command", [*COMMANDS, "fashion_utils"])
def test_a_command_says_that_it_needs_the_repository(python, site_packages, tmp_path, command):
    before = files_in(site_packages)
    done = python("-m", command)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert f"needs the project's whole repository, and {site_packages / 'fashion_utils'} was installed" in done.stderr
    assert files_in(site_packages) == before
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_relative_paths_are_meant_from_where_python_was_started(python, tmp_path, monkeypatch):
    monkeypatch.delenv("FASHION_ARTIFACTS", raising=False)
    world = make_world(tmp_path, monkeypatch)
    world.fill(tmp_path / "elsewhere" / "mine")
    monkeypatch.setenv("FASHION_MNIST_DIR", "mine")
    code = (
        "import json, os, sys\n"
        "from fashion_utils import data\n"
        "from fashion_utils.sources import finding\n"
        "finding.FILES, finding.SIZES = json.loads(sys.argv[1])\n"
        "os.chdir('..')\n"
        "print(data.source().origin, data.artifacts(), sep='\\n')"
    )
    done = python("-c", code, json.dumps([finding.FILES, finding.SIZES]))
    assert done.stdout.splitlines() == ["from FASHION_MNIST_DIR", str(tmp_path / "elsewhere" / "artifacts" / "real")]


def test_everything_that_the_notebooks_need_is_installed(site_packages):
    package = REPOSITORY / "fashion_utils"
    ours = {path.relative_to(REPOSITORY) for path in package.rglob("*.*") if "__pycache__" not in path.parts}
    assert {path for path in ours if not (site_packages / path).is_file()} == set()
    (metadata,) = site_packages.glob("fashion_utils-*.dist-info/METADATA")
    urls = Parser().parsestr(metadata.read_text(encoding="utf-8")).get_all("Project-URL")
    assert urls == [f"Repository, {address.address()}"]

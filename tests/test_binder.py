"""binder/, by repo2docker's conventions, as far as they can be checked without Docker."""

import os
from pathlib import Path
import subprocess
import sys

from fashion_utils import REPOSITORY
import pytest
from test_setup import PYTHONS

BINDER = REPOSITORY / "binder"
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Binder runs Linux")


def run(script, *arguments, **environment):
    """Run a script from the repository, as repo2docker does; return what it prints."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FASHION_")}
    options = {"cwd": REPOSITORY, "env": inherited | environment, "capture_output": True, "text": True}
    return subprocess.run([BINDER / script, *arguments], check=True, timeout=60, **options).stdout


def test_repo2docker_finds_a_python_that_is_tested_and_the_lock():
    assert {path.name for path in BINDER.iterdir()} == {"runtime.txt", "requirements.txt", "postBuild", "start"}
    name, version = (BINDER / "runtime.txt").read_text(encoding="utf-8").strip().split("-")
    assert name == "python" and version in PYTHONS
    lines = (BINDER / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["-r ../requirements.txt"]


def test_pip_reads_the_lock_from_there():
    if not (Path(sys.prefix) / "ready").is_file():
        pytest.skip("this environment was not made by `make` from requirements.txt: it has no file `ready`")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--dry-run", "--no-index", "--quiet"]
    command = [*pip, "--requirement", "binder/requirements.txt"]  # all of which is installed already
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@posix_only
def test_the_image_gets_the_package_and_the_real_data(tmp_path):
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$FASHION_DATA $*"\n')
    python.chmod(0o755)
    said = run("postBuild", PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}").splitlines()
    assert said == [
        " -m pip install --no-cache-dir --no-deps --no-build-isolation --editable .",
        "real -m fashion_utils.data",
    ]
    python.write_text('#!/bin/sh\ncase "$*" in *pip*) exit 1; esac\n')
    with pytest.raises(subprocess.CalledProcessError):
        run("postBuild", PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")


@posix_only
def test_a_session_gets_a_sample_and_no_workers_unless_asked_otherwise():
    program = "import os, sys; print(os.environ['FASHION_SAMPLE'], os.environ['FASHION_WORKERS'], sys.argv[1:])"
    command = (sys.executable, "-c", program, "lab", "a b")
    assert run("start", *command) == "6000 0 ['lab', 'a b']\n"
    assert run("start", *command, FASHION_SAMPLE="3000", FASHION_WORKERS="1") == "3000 1 ['lab', 'a b']\n"

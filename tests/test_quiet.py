"""`import fashion_utils` makes TensorFlow start without a word, and hides nothing that went wrong."""

import os
import subprocess
import sys

import pytest


def run(code, folder=None, **environment):
    """Run Python code in a process of its own, TensorFlow's own settings unset; return what it did."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    if folder is not None:
        variables["PYTHONPATH"] = str(folder)
    return subprocess.run(
        [sys.executable, "-c", code], env=variables | environment, capture_output=True, text=True, timeout=300
    )


@pytest.fixture
def fake_tensorflow(tmp_path):
    """A function that puts a `tensorflow` with the given code before the real one, and returns the folder it is in."""

    def write(code):
        package = tmp_path / "tensorflow"
        package.mkdir()
        (package / "__init__.py").write_text(code)
        return tmp_path

    return write


def test_tensorflow_starts_without_a_word_and_with_onednn():
    done = run(
        "import fashion_utils, tensorflow, os\n"
        "print(tensorflow.reduce_sum([1, 2]).numpy(), os.environ.get('TF_ENABLE_ONEDNN_OPTS'))"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "3 None\n", "")


def test_the_package_itself_does_not_import_tensorflow():
    done = run("import fashion_utils, sys; print({'tensorflow', 'keras'} & set(sys.modules))")
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_only_the_import_is_held_back(fake_tensorflow):
    folder = fake_tensorflow("import os; os.write(2, b'chatter\\n')")
    done = run(
        "import fashion_utils, os, sys\nprint('before', file=sys.stderr)\nimport tensorflow\nos.write(2, b'after\\n')",
        folder,
    )
    assert (done.returncode, done.stderr) == (0, "before\nafter\n")


def test_a_failing_import_shows_what_it_wrote(fake_tensorflow):
    folder = fake_tensorflow("import os; os.write(2, b'no AVX here\\n'); raise ImportError('broken build')")
    done = run("import fashion_utils, tensorflow", folder)
    assert done.returncode == 1
    written, _, traceback = done.stderr.partition("Traceback")
    assert written == "no AVX here\n"
    assert traceback.endswith("ImportError: broken build\n")


def test_a_missing_tensorflow_is_reported_as_python_does():
    done = run("import fashion_utils, sys; sys.path[:] = []; import tensorflow")
    assert "ModuleNotFoundError: No module named 'tensorflow'" in done.stderr


def test_the_users_own_log_level_stays():
    done = run("import fashion_utils, os; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])", TF_CPP_MIN_LOG_LEVEL="0")
    assert done.stdout == "0\n"

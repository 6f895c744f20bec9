"""Nothing raises because stdout is in cp1252, as a pipe or a file is on Windows, or in ASCII."""

import io
import os
from pathlib import Path
import subprocess
import sys

from data_fixtures import IMAGES, make_world
from fashion_utils import data, exercises, experiments, models, printable, promises
from fashion_utils.sources import finding
from fashion_utils.workshop import run as series
from mirror_server import Mirror
import nbformat
from nbformat import v4
import pytest

ENCODINGS = ("cp1252", "ascii", "utf-8")


@pytest.fixture(params=ENCODINGS)
def stdout(request, monkeypatch):
    """A function that begins a strict stdout of each encoding, and returns one that returns what was written to it."""

    def begin():  # in the test, for pytest puts its own there before
        stream = io.TextIOWrapper(io.BytesIO(), encoding=request.param, write_through=True)
        monkeypatch.setattr(sys, "stdout", stream)
        return lambda: stream.buffer.getvalue().decode(request.param).replace("\r\n", "\n")

    return begin


def mark(sign, plain):
    """What a stream makes of a sign."""
    return sign if sys.stdout.encoding == "utf-8" else plain


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("cp1252", "+ x o ± … - ?"), ("ascii", "+ x o ? ... - ?"), ("utf-8", "✓ ✗ ○ ± … − č"), (None, "✓ ✗ ○ ± … − č")],
)
def test_what_an_encoding_lacks_becomes_plain(monkeypatch, encoding, shown):
    monkeypatch.setattr(sys, "stdout", io.StringIO() if encoding is None else io.TextIOWrapper(io.BytesIO(), encoding))
    assert printable("✓ ✗ ○ ± … − č") == shown


def test_a_name_that_is_in_no_encoding_is_printable_too(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "utf-8"))
    assert printable(os.fsdecode(b"J\xfcrgen")) == "J?rgen"  # Latin-1, in a file system where the rest is UTF-8


def test_exercises(stdout, use_data):
    written = stdout()
    exercises.check("01.brightness", None)
    exercises.check("01.brightness", "x" * 10 + "č")
    exercises.check("01.nonsense", 1)
    lines = written().splitlines()
    begins = (mark("○", "o") + " nothing", mark("✗", "x") + " not yet", mark("○", "o") + " there is no exercise")
    assert len(lines) == 3 and all(map(str.startswith, lines, begins))


def test_promises(stdout, use_data, monkeypatch):
    written = stdout()
    monkeypatch.delenv("PYTEST_VERSION")
    promises.keep(("accuracy → 1", 1, 0, 1), ("loss", 2, 0, 1))
    assert f"{mark('✓', '+')} held" in written() and f"{mark('✗', 'x')} broken" in written()


def test_the_stand_in_banner(stdout):
    written = stdout()
    data._announce(data.Source("stand-in", "", None, "", asked=("auto",), reason="no file in C:\\Nováček"))
    assert "no file in C:\\Nov" in written() and f"{mark('č', '?')}ek" in written()


def test_a_trained_network_that_is_not_used(stdout, use_data, monkeypatch, tmp_path):
    written = stdout()
    monkeypatch.setenv("FASHION_ARTIFACTS", str(tmp_path / "Nováček"))
    path = models.file("mlp")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"no network")
    models.file("mlp")
    path.parent.rename(tmp_path / "other")
    path.parent.write_bytes(b"no folder")
    models.file("mlp")
    assert "mlp.keras is damaged" in written() and "Nothing can be kept in" in written()


def test_an_experiment(stdout):
    written = stdout()
    experiments._Shown()("α → β")
    assert written() == mark("α → β", "? ? ?") + "\n"


def test_a_file_in_the_cache_that_is_set_aside_and_the_bar_of_a_download(stdout, tmp_path, monkeypatch):
    written = stdout()
    world = make_world(tmp_path, monkeypatch)
    other = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4])
    (world.fill(world.cache) / IMAGES).write_bytes(other)
    with Mirror(world.contents) as mirror:
        monkeypatch.setattr(finding, "MIRRORS", (mirror.url,))
        assert finding.find().kind == "real"
    times = "?" if sys.stdout.encoding == "ascii" else "×"
    assert f"an IDX file of 2 {times} 2 values" in written() and IMAGES in written().partition("it is set aside")[2]


def test_the_runner_its_report_and_its_error(stdout, use_data, monkeypatch, tmp_path):
    written = stdout()
    held = "from fashion_utils import promises\npromises.keep(('α', 1, 0, 1), report=['α'])"
    cells = [v4.new_markdown_cell("# Ω → α"), v4.new_code_cell(held), v4.new_code_cell("raise ValueError('β → γ')")]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "notebooks" / "01_α.ipynb")
    monkeypatch.setattr(series, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(series, "BUILD", tmp_path / "build")
    monkeypatch.setattr(series, "LONG_SECONDS", -1)
    with pytest.raises(SystemExit, match="stopped in cell 2: ValueError: β → γ"):
        series.main([])
    assert f"01_{mark('α', '?')}: 2 cells" in written() and f"  {mark('α', '?')}: 1\n" in written()


@pytest.mark.parametrize("module", ["handout", "learners", "pack", "best", "checkup"])
def test_every_other_command_can_print_anything(stdout, monkeypatch, module):
    """Until the first thing it does that can print."""
    written = stdout()
    from importlib import import_module

    command = import_module(f"fashion_utils.workshop.{module}")

    def stop(*arguments, **options):
        print("→")
        raise KeyboardInterrupt

    first = {"handout": "write_handout", "learners": "write_learners_copy", "pack": "pack"}
    if module in first:
        monkeypatch.setattr(command, first[module], stop)
    elif module == "best":
        monkeypatch.setattr(data, "prepare", stop)
    else:
        monkeypatch.setattr(command, "CHECKS", {"→": stop})
    arguments = {"learners": (), "pack": (["."],), "handout": (["."],)}.get(module, ([],))
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        command.main(*arguments)
    assert written().startswith(mark("→", "?"))


@pytest.mark.parametrize(
    "encoding", ["ascii", *(pytest.param(name, marks=pytest.mark.slow) for name in ("cp1252", "utf-8"))]
)
def test_as_a_program_with_its_output_in_a_pipe(encoding, tmp_path):
    code = "from fashion_utils import exercises; exercises.check('01.brightness', ...)"
    environment = os.environ | {"PYTHONIOENCODING": encoding, "FASHION_DATA": "standin", "KERAS_HOME": str(tmp_path)}
    environment.pop("FASHION_MNIST_DIR", None)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "nothing entered yet" in done.stdout.decode(encoding)
    assert Path(tmp_path, "datasets").is_dir()

"""`series`, the main job, run on notebooks of a few lines, in real kernels."""

import contextlib
from dataclasses import dataclass
from html.parser import HTMLParser
import io
import json
from pathlib import Path
import signal
import subprocess
import sys
import time

from fashion_utils import data
from fashion_utils.workshop import run as series
import nbformat
from nbformat import v4
import psutil
import pytest
from rich.console import Console

SENTENCE = 'Shirts & coats are "confused" in <half> of the cases.'
SETUP = (
    "from fashion_utils import data, plots, promises\n"
    "import matplotlib.pyplot as plt\n"
    "plots.set_up()\n"
    "data.source = lambda: data.Source('real', 'a test', None, '0')\n"
    "print(open('beside.txt').read())"
)
HELD = "promises.keep(('accuracy', 0.88, 0.87, 0.9), ('loss', lambda: 0.3, 0.2, 0.4), report=['accuracy'])"
NOT_CHECKED = "data.source = lambda: data.Source('stand-in', 'a test', None, '0')\n" + HELD.replace("0.88", "0.1")
BROKEN = HELD.replace("0.3", "0.5")
FIGURE = f"plots.image_grid([[[0, 1]]]).set_label({SENTENCE!r})\nplt.show()"
BUTTON = "from ipywidgets import FileUpload\nprint('press it')\nFileUpload()"
FILES = {"train-labels-idx1-ubyte.gz": (Path("somewhere"), "0")}
REAL, STAND_IN = (data.Source(kind, "made up by a test", None, "0", FILES) for kind in ("real", "stand-in"))


@dataclass
class Run:
    """What a run of the series left: its exit status, what it printed, at last why it stopped, and two folders."""

    status: int
    printed: str
    notebooks: Path
    build: Path

    def summary(self):
        return json.loads((self.build / "summary.json").read_text(encoding="utf-8"))["notebooks"]


def write_notebook(path, cells):
    """Write a notebook as one that was executed before, out of order, with results that are no longer true."""
    stale = v4.new_output("stream", text="stale")
    code = [v4.new_code_cell(cell, execution_count=7, outputs=[stale]) for cell in cells]
    nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell("# Look at it\n\nText."), *code]), path)


def run_series(folder, notebooks, *options, source=REAL):
    """Run the series on notebooks given as {name: cells}."""
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / "beside.txt").write_text("read beside the notebook")
    for name, cells in notebooks.items():
        write_notebook(folder / "notebooks" / f"{name}.ipynb", cells)
    printed, status = io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.delenv("PYTEST_VERSION")  # with which every broken promise raises
        patch.setattr(series, "NOTEBOOKS", folder / "notebooks")
        patch.setattr(series, "BUILD", folder / "build")
        patch.setattr(data, "prepare", lambda: source)
        try:
            series.main(list(options))
        except SystemExit as stopped:
            status = 1  # as Python makes it of a sentence, which it prints
            assert isinstance(stopped.code, str)
            print(stopped.code)
    return Run(status, printed.getvalue(), folder / "notebooks", folder / "build")


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".running")


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


# --- A run that succeeds, with --refresh ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory):
    return run_series(tmp_path_factory.mktemp("refreshed"), {"01_good": (SETUP, HELD, FIGURE, BUTTON)}, "--refresh")


class Page(HTMLParser):
    """The alternative texts of an HTML page, and what a browser would fetch for it."""

    def __init__(self, path):
        super().__init__()
        self.alternative_texts, self.fetched = [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "img":
            self.alternative_texts.append(attributes.get("alt"))
        if tag != "a":
            self.fetched += [attributes[name] for name in ("src", "href") if name in attributes]


def test_success(refreshed):
    assert refreshed.status == 0, refreshed.printed
    assert names(refreshed.build) == ["01_good.html", "01_good.ipynb", "index.html", "summary.json"]
    assert "01_good: 4 cells" in refreshed.printed
    assert "Open build/index.html" in refreshed.printed


def test_the_summary_counts_promises_and_holds_the_results(refreshed):
    (outcome,) = refreshed.summary()
    assert [(promise["name"], promise["state"]) for promise in outcome["promises"]] == [
        ("accuracy", "held"),
        ("loss", "held"),
    ]
    assert outcome["report"] == ["accuracy: 0.88"]
    assert outcome["error"] == "" and outcome["seconds"] > 0
    for text in (refreshed.printed, (refreshed.build / "index.html").read_text(encoding="utf-8")):
        assert "2 held" in text and "accuracy: 0.88" in text


def test_refresh_rewrites_the_notebook(refreshed):
    path = refreshed.notebooks / "01_good.ipynb"
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == [1, 2, 3, 4]
    assert [output.text for output in cells[0].outputs] == ["read beside the notebook\n"]
    assert [output.output_type for output in cells[3].outputs] == ["stream"], "a button is nothing without its kernel"
    assert all(cell.metadata == {} for cell in cells), "when a cell ran changes from run to run"
    assert path.read_bytes() == (refreshed.build / "01_good.ipynb").read_bytes()
    assert names(refreshed.notebooks) == ["01_good.ipynb", "beside.txt"]


def test_the_page_needs_no_network_and_has_the_alternative_text(refreshed):
    page = Page(refreshed.build / "01_good.html")
    assert page.alternative_texts == [SENTENCE]
    assert [address.partition(",")[0] for address in page.fetched] == ["data:image/png;base64"]


def test_the_index_links_to_the_page_and_fetches_nothing(refreshed):
    path = refreshed.build / "index.html"
    assert '<a href="01_good.html">01_good</a>' in path.read_text(encoding="utf-8")
    assert Page(path).fetched == []


# --- Runs that fail ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    notebooks = {
        "01_good": (SETUP, HELD, NOT_CHECKED),
        "02_failing": ("x = 1", "", "print('so far')\nx / 0", "x"),
        "03_after": ("1",),
    }
    return run_series(tmp_path_factory.mktemp("failed"), notebooks)


def test_a_failing_cell_is_named_with_its_error(failed):
    assert failed.status == 1
    assert "02_failing stopped in cell 3: ZeroDivisionError: division by zero" in failed.printed
    assert "x / 0" in failed.printed
    assert "Open build/index.html" not in failed.printed


def test_what_ran_before_a_failing_cell_is_kept(failed):
    built = [f"{name}{ending}" for name in ("01_good", "02_failing") for ending in (".html", ".ipynb")]
    assert names(failed.build) == [*built, "index.html", "summary.json"]
    first, _empty, second, third = code_cells(failed.build / "02_failing.ipynb")
    assert [output.output_type for output in second.outputs] == ["stream", "error"]
    assert (first.execution_count, second.execution_count, third.execution_count) == (1, 2, None)
    assert third.outputs == [], "results of an earlier run"


def test_the_summary_of_a_failed_run(failed):
    good, failing = failed.summary()
    assert [promise["state"] for promise in good["promises"]] == ["held", "held", "not checked", "not checked"]
    assert failing["error"].startswith("cell 3: ZeroDivisionError")
    index = (failed.build / "index.html").read_text(encoding="utf-8")
    assert "2 held, 2 not checked" in index and "<td>failed</td>" in index


def test_without_refresh_the_notebooks_stay_as_they_are(failed):
    for name, cells in (("01_good", 3), ("02_failing", 4), ("03_after", 1)):
        assert [cell.execution_count for cell in code_cells(failed.notebooks / f"{name}.ipynb")] == [7] * cells


def test_a_broken_promise_stops_the_run_and_is_shown(tmp_path):
    ran = run_series(tmp_path, {"01_broken": (SETUP, BROKEN), "02_after": ("1",)})
    assert ran.status == 1
    assert "01_broken stopped in cell 2: AssertionError" in ran.printed and "loss is 0.5" in ran.printed
    (outcome,) = ran.summary()
    assert [promise["state"] for promise in outcome["promises"]] == ["held", "broken"]
    for text in (ran.printed, (ran.build / "index.html").read_text(encoding="utf-8")):
        assert "1 held, 1 broken" in text


def test_a_cell_that_kills_its_kernel_is_reported(tmp_path):
    ran = run_series(tmp_path, {"01_deadly": ("1", "import os; os._exit(1)")})
    assert ran.status == 1
    assert "01_deadly stopped in cell 2: the kernel died" in ran.printed
    assert "os._exit(1)" in ran.printed
    assert names(ran.build) == ["01_deadly.html", "01_deadly.ipynb", "index.html", "summary.json"]


SIGNALLED = """
import sys
from pathlib import Path
from fashion_utils import data
from fashion_utils.workshop import run
run.NOTEBOOKS, run.BUILD = (Path(sys.argv[1], name) for name in ("notebooks", "build"))
data.prepare = lambda: data.Source("real", "made up by a test", None, "0")
run.main([])
"""


@pytest.fixture
def started(tmp_path):
    """A run of two notebooks in a process of its own, the first done, the second at a cell that prints and waits."""
    (tmp_path / "notebooks").mkdir()
    waiting = f"print('x' * 10**6); open({str(tmp_path / 'waiting')!r}, 'w'); import time; time.sleep(100)"
    for name, cells in {"01_good": ["print('so far')"], "02_long": [waiting], "03_after": ["1"]}.items():
        write_notebook(tmp_path / "notebooks" / f"{name}.ipynb", cells)
    command = [sys.executable, "-c", SIGNALLED, tmp_path]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    limit = time.monotonic() + 60
    while not (tmp_path / "waiting").exists():
        assert process.poll() is None and time.monotonic() < limit, process.communicate()[0]
        time.sleep(0.1)
    kernels = psutil.Process(process.pid).children(recursive=True)
    yield process, kernels
    process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_a_sentence_and_keeps_what_ran(number, started, tmp_path):
    process, kernels = started
    process.send_signal(number)
    printed, _ = process.communicate(timeout=20)
    assert process.returncode == 1 and "Traceback" not in printed
    assert printed.endswith(f"Interrupted in 02_long. What ran before is kept in {tmp_path / 'build'}.\n")
    assert kernels and not psutil.wait_procs(kernels, timeout=5)[1]
    built = [f"{name}{ending}" for name in ("01_good", "02_long") for ending in (".html", ".ipynb")]
    assert names(tmp_path / "build") == [*built, "index.html", "summary.json"]
    assert code_cells(tmp_path / "build" / "01_good.ipynb")[0].outputs[0].text == "so far\n"
    assert "<td>interrupted</td>" in (tmp_path / "build" / "index.html").read_text(encoding="utf-8")


def test_two_runs_in_one_folder_do_not_mix(started, tmp_path):
    second = subprocess.run([sys.executable, "-c", SIGNALLED, tmp_path], capture_output=True, text=True)
    assert second.returncode == 1
    assert second.stderr == f"Another run is writing into {tmp_path / 'build'}: wait until it has ended.\n"
    assert second.stdout == ""
    started[0].kill()  # the lock ends with the process, however that ends
    started[0].wait()
    with series.alone_in(tmp_path / "build"):
        pass


def test_a_full_disk_is_said_in_a_sentence_and_what_ran_before_is_kept(tmp_path, monkeypatch):
    write, written = series.write_atomically, []

    def write_until_full(path, content):
        written.append(path.name)
        if path.name == "02_more.ipynb":
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(series, "write_atomically", write_until_full)
    ran = run_series(tmp_path, {"01_good": ("1",), "02_more": ("2",)})
    assert ran.status == 1 and written[-1] == "02_more.ipynb"
    assert ran.printed.endswith(f"{ran.build}: No space left on device. What was written before is kept.\n")
    assert names(ran.build) == ["01_good.html", "01_good.ipynb", "index.html", "summary.json"]


# --- What needs no kernel ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--strict", "--refresh"])
def test_strict_runs_refuse_anything_but_the_full_real_data(option, tmp_path):
    ran = run_series(tmp_path, {"01_good": ()}, option, source=STAND_IN)
    assert ran.status == 1
    assert ran.printed == "This needs the full real data, and what was found is stand-in data.\n"
    assert not ran.build.exists()


@pytest.mark.parametrize(
    ("states", "said"),
    [(["held", "not checked"], "1 held, 1 not checked"), (["broken"], "1 broken"), ([], "no promises")],
)
@pytest.mark.parametrize(("options", "status"), [(["--strict"], 1), ([], 0)])
def test_strict_fails_unless_every_promise_was_checked_and_held(options, status, states, said, tmp_path, monkeypatch):
    def execute(path, console):
        found = {"01_good": ["held"], "02_bad": states}[path.stem]
        promises = [{"name": "it", "state": state} for state in found]
        outcome = series.Outcome(path.stem, promises=promises, report=["a long line " * 20])
        return nbformat.read(path, 4), outcome

    monkeypatch.setattr(series, "execute", execute)
    ran = run_series(tmp_path, {"01_good": (), "02_bad": ()}, *options)
    assert ran.status == status
    assert said in ran.printed
    assert "  " + "a long line " * 19 in ran.printed, "broken in two"
    assert ("Not every promise was checked and held in 02_bad." in ran.printed) == bool(status)


@pytest.mark.parametrize("error", [data.DataError("no mirror"), ValueError("FASHION_SAMPLE=x: no")])
def test_what_is_wrong_with_the_data_is_said_in_a_line(error, tmp_path, monkeypatch):
    def prepare():
        raise error

    monkeypatch.setattr(data, "prepare", prepare)
    write_notebook(tmp_path / "01.ipynb", ["1"])
    with pytest.raises(SystemExit) as stopped:
        series.main([str(tmp_path / "01.ipynb")])
    assert stopped.value.code == str(error)


def test_a_notebook_that_is_not_there(tmp_path):
    ran = run_series(tmp_path, {}, "nowhere.ipynb")
    assert (ran.status, ran.printed) == (1, "There is no notebook nowhere.ipynb.\n")


def test_on_a_terminal_lines_say_what_is_running(tmp_path):
    write_notebook(tmp_path / "01_good.ipynb", ["import time; time.sleep(1)"])
    terminal = io.StringIO()
    series.execute(tmp_path / "01_good.ipynb", Console(file=terminal, force_terminal=True, width=100))
    assert "cell 1/1  Look at it" in terminal.getvalue()


def test_where_there_is_no_terminal_a_long_cell_gets_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr(series, "LONG_SECONDS", 0)
    write_notebook(tmp_path / "01_good.ipynb", ["1"])
    printed = io.StringIO()
    series.execute(tmp_path / "01_good.ipynb", Console(file=printed))
    assert printed.getvalue().splitlines()[1] == "  cell 1/1  Look at it: 0 s"

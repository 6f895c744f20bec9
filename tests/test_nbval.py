"""nbval, with the options that `make test` gives it, fails on notebooks that it should fail on."""

from pathlib import Path
import re
import subprocess
import sys

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

MAKEFILE = Path(__file__).resolve().parents[1] / "Makefile"
DATA = """from fashion_utils import data, promises
faked = data.Source(kind="real", origin="this test", sample=None, fingerprint="none")
data.source = lambda: faked"""
SAMPLE = DATA.replace("None", "6000")
HELD = "promises.keep(('test accuracy', 0.88, 0.87, 0.90), ('spread', lambda: spread, 0, 1))"
BROKEN = HELD.replace("0.88", "0.5")


def run_nbval(folder, *cells):
    """Write a notebook of (source, saved output to compare or None), test it; return exit status, results and report.

    The results map each cell, by its number from 0, to "PASSED" or "FAILED".
    """
    notebook = new_notebook()
    for count, (source, saved) in enumerate(cells, start=1):
        cell = new_code_cell(source, execution_count=count)
        if saved is not None:
            cell.metadata.tags = ["nbval-check-output"]
            cell.outputs = [new_output("stream", name="stdout", text=saved)]
        notebook.cells.append(cell)
    nbformat.write(notebook, folder / "notebook.ipynb")
    options = sorted(set(re.findall(r"--nbval\S+", MAKEFILE.read_text(encoding="utf-8"))))
    assert "--nbval-lax" in options
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *options, "notebook.ipynb"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    found = re.findall(r"::Cell (\d+) (PASSED|FAILED)", result.stdout)
    return result.returncode, {int(number): outcome for number, outcome in found}, result.stdout


def test_broken_cells_broken_promises_and_changed_outputs_fail(tmp_path):
    status, results, said = run_nbval(
        tmp_path,
        (f"{DATA}\nspread = 0.5", None),
        ("raise RuntimeError('deliberately broken')", None),
        (BROKEN, None),
        ("print(109_386)", "109,000\n"),
        ("del spread", None),
        (HELD, None),
        ("print('the last cell still runs')", None),
    )
    assert status == 1
    assert results == {0: "PASSED", 1: "FAILED", 2: "FAILED", 3: "FAILED", 4: "PASSED", 5: "FAILED", 6: "PASSED"}
    assert "deliberately broken" in said
    assert "test accuracy is 0.5, not 0.87 to 0.9" in said
    assert "name 'spread' is not defined" in said
    assert "109386" in said and "109,000" in said


def test_a_sound_notebook_passes(tmp_path):
    status, results, said = run_nbval(
        tmp_path,
        (f"{DATA}\nspread = 0.5", None),
        (HELD, None),
        (SAMPLE, None),
        (BROKEN, None),
        ("print(109_386)", "109386\n"),
    )
    assert status == 0, said
    assert set(results.values()) == {"PASSED"} and len(results) == 5

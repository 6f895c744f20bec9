"""Outputs of a bounded size: one real kernel that prints, shows and raises too much."""

import time

from fashion_utils.workshop import kernel
from nbclient.exceptions import CellExecutionError
from nbformat import v4
import pytest

CELLS = {
    "one line": "print('x' * 500_000)",
    "a huge line": "print('y' * 50_000_000)",
    "many lines": "for i in range(100_000): print(i)",
    "both streams": "import sys\nfor i in range(3): print(i); print(-i, file=sys.stderr, flush=True)",
    "a large value": "'z' * 300_000",
    "many values": "for i in range(2_000): display(i)",
    "a large page": "from IPython.display import HTML\nHTML('w' * 300_000)",
    "an update": "shown = display('a', display_id=True)\nshown.update('b' * 300_000)",
    "a bar": "for i in range(5): print(f'\\r{i} of 5', end='')",
    "cleared": "from IPython.display import clear_output\nfor i in range(3): clear_output(wait=True); print(i)",
    "wiped out": "print('12\\b\\b34')",
    "as it is": "print('short')",
    "an error": "raise ValueError('v' * 300_000)",
}
NOTICE = "more characters are not kept here.\n"


@pytest.fixture(scope="module")
def outputs():
    """The outputs of each cell, by its name; all within seconds."""
    notebook = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in CELLS.values()])
    client, start = kernel.Client(notebook, kernel_name="python3", allow_errors=True), time.monotonic()
    client.execute()
    client.tidy()
    assert time.monotonic() - start < 60, "it was minutes, and with the huge line it never ended"
    return dict(zip(CELLS, [cell.outputs for cell in notebook.cells], strict=True))


def size(outputs):
    return sum(len(str(output)) for output in outputs)


@pytest.mark.parametrize("name", CELLS)
def test_no_cell_keeps_more_than_the_most(name, outputs):
    assert size(outputs[name]) < 5 * kernel.MOST_TEXT


@pytest.mark.parametrize(
    ("name", "left_out"),
    [("one line", 400_001), ("a huge line", 49_900_001), ("a large value", 200_002), ("a large page", 300_000)],
)
def test_what_is_left_out_is_said(name, left_out, outputs):
    assert outputs[name][-1].text == f"... {left_out:,} {NOTICE}"


@pytest.mark.parametrize("name", ["many lines", "many values", "an update", "an error"])
def test_that_something_is_left_out_is_said(name, outputs):
    assert outputs[name][-1].text.endswith(NOTICE)


def test_what_is_short_stays_as_it_is(outputs):
    assert [output.text for output in outputs["as it is"]] == ["short\n"]


def test_what_a_cell_clears_is_gone(outputs):
    assert [output.text for output in outputs["cleared"]] == ["2\n"]


def test_a_stream_is_one_output(outputs):
    assert {output.name: output.text for output in outputs["both streams"]} == {
        "stdout": "0\n1\n2\n",
        "stderr": "0\n-1\n-2\n",
    }
    assert len(outputs["both streams"]) == 2


def test_a_progress_bar_leaves_its_last_state(outputs):
    assert [output.text for output in outputs["a bar"]] == ["4 of 5"]
    assert [output.text for output in outputs["wiped out"]] == ["34\n"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a\nb\n", "a\nb\n"),
        ("a\rb\n", "b\n"),
        ("a\r\nb", "a\nb"),
        ("1\r2\r3\nx\ry", "3\ny"),
        ("ab\bc", "ac"),
        ("ab\b\bc", "c"),
        ("\b\bc\n\bd", "c\nd"),
        ("a\n\bb", "a\nb"),
    ],
)
def test_text_is_left_as_a_terminal_shows_it(text, shown):
    assert kernel.as_a_terminal_shows(text) == shown


def test_an_error_is_raised_all_the_same():
    notebook = v4.new_notebook(cells=[v4.new_code_cell("raise ValueError('v' * 300_000)")])
    with pytest.raises(CellExecutionError) as raised:
        kernel.Client(notebook, kernel_name="python3").execute()
    assert raised.value.ename == "ValueError"

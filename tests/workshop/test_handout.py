"""The hand-out opens without a network, is complete, and its links lead somewhere."""

import re

from fashion_utils.workshop import NOTEBOOKS, handout
from html_pages import links_that_lead_nowhere, read
import nbformat
from nbformat import v4
import pytest

# --- The hand-out of the series ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handout")
    handout.write_handout(folder)
    return read(folder)


def test_every_notebook_the_guide_and_an_index_are_there(pages):
    notebooks = [f"{path.stem}.html" for path in NOTEBOOKS.glob("[0-9]*.ipynb")]
    assert sorted(pages) == sorted([*notebooks, "TEACHING.html", "index.html"])
    assert set(pages) - {"index.html"} <= set(pages["index.html"].links)
    assert all("index.html" in pages[name].links for name in notebooks)


def test_nothing_is_loaded(pages):
    assert {name: page.loaded for name, page in pages.items() if page.loaded} == {}


def test_every_picture_is_inside_and_has_its_sentence(pages):
    for path in NOTEBOOKS.glob("[0-9]*.ipynb"):
        alts = []
        for cell in nbformat.read(path, 4).cells:
            alts += re.findall(r"!\[(.*?)\]\(attachment:", cell.source)
            outputs = [output for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
            alts += [output.metadata["image/png"]["alt"] for output in outputs]
        assert pages[f"{path.stem}.html"].alternative_texts == alts
    assert all(alt and alt.strip() for page in pages.values() for alt in page.alternative_texts)


def test_links_lead_somewhere(pages):
    assert links_that_lead_nowhere(pages) == []


# --- What the series may not have yet ---------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path):
    """Write a series of one small notebook; return its folder, its cells and a function that makes the hand-out."""
    cells = [
        v4.new_markdown_cell("# 1 · What is it?\n\n**Takes about** 12 minutes. A [loss](TEACHING.md#loss)."),
        v4.new_code_cell("shown = 1", execution_count=1),
    ]
    (tmp_path / "TEACHING.md").write_text('- <a id="loss"></a>**Loss**: [notebook 1](01_small.ipynb)')

    def make():
        nbformat.write(v4.new_notebook(cells=cells), tmp_path / "01_small.ipynb")
        handout.write_handout(tmp_path / "handout", tmp_path)
        return read(tmp_path / "handout")

    return cells, make


def test_links_between_notebook_and_glossary(small):
    pages = small[1]()
    assert "TEACHING.html#loss" in pages["01_small.html"].links
    assert pages["TEACHING.html"].links == ["01_small.html"]
    assert "loss" in pages["TEACHING.html"].ids
    assert links_that_lead_nowhere(pages) == []


def test_the_index_says_what_a_notebook_asks(small):
    index = small[1]()["index.html"].open_text
    assert "What is it?" in index and "12" in index


def test_a_notebook_without_results_is_refused(small):
    cells, make = small
    cells[1].execution_count = None
    with pytest.raises(ValueError, match=r"01_small.ipynb: cell 2 .*make notebooks"):
        make()


def test_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(handout, "write_handout", lambda folder: None)
    handout.main([str(tmp_path)])
    assert str(tmp_path / "index.html") in capsys.readouterr().out


def test_the_command_line_says_what_is_wrong(tmp_path, monkeypatch, capsys):
    def write_handout(folder):
        raise ValueError("There are no notebooks.")

    monkeypatch.setattr(handout, "write_handout", write_handout)
    with pytest.raises(SystemExit) as stopped:
        handout.main([str(tmp_path)])
    assert (stopped.value.code, capsys.readouterr().err) == (1, "There are no notebooks.\n")


def test_no_notebooks(tmp_path):
    with pytest.raises(ValueError, match="no notebooks"):
        handout.write_handout(tmp_path / "handout", tmp_path)

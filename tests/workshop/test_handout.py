"""The hand-out opens without a network, its links lead somewhere, and what JupyterLab folds is folded."""

import base64
from html.parser import HTMLParser
import re
from urllib.parse import unquote

from fashion_utils.workshop import handout
from fashion_utils.workshop import run as series
import nbformat
from nbformat import v4
import pytest

PIXEL = base64.b64encode(b"not much of a picture").decode()
LOADING = {"audio", "embed", "iframe", "img", "input", "link", "object", "script", "source", "track", "video"}


class Page(HTMLParser):
    """What a page loads, shows and links to, and the text inside its <details>."""

    def __init__(self, text):
        super().__init__()
        self.loaded, self.alternative_texts, self.links, self.ids = [], [], [], set()
        self.summaries, self.folded, self.open_text = [], "", ""
        self._depth, self._summary = 0, False
        self.feed(text)
        self.loaded += re.findall(r"@import\s+['\"]?([^;]+)", text)
        self.loaded += re.findall(r"url\(\s*['\"]?(?!data:)([^)'\"]+)", text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "img":
            self.alternative_texts.append(attributes.get("alt"))
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if tag in LOADING:
            addresses = [
                attributes[name] for name in ("src", "srcset", "href", "data", "poster") if attributes.get(name)
            ]
            self.loaded += [address for address in addresses if not address.startswith("data:")]
        if "id" in attributes:
            self.ids.add(attributes["id"])
        self._depth += tag == "details"
        self._summary |= tag == "summary"

    def handle_endtag(self, tag):
        self._depth -= tag == "details"
        self._summary &= tag != "summary"

    def handle_data(self, data):
        if self._summary:
            self.summaries.append(data)
        elif self._depth:
            self.folded += data
        else:
            self.open_text += data


def read(folder):
    return {path.name: Page(path.read_text(encoding="utf-8")) for path in folder.glob("*.html")}


def links_that_lead_nowhere(pages):
    broken = []
    for name, page in pages.items():
        for link in page.links:
            file, _, anchor = unquote(link).partition("#")
            target = pages.get(file or name)
            if "://" not in link and (target is None or (anchor and anchor not in target.ids)):
                broken.append(f"{name}: {link}")
    return broken


# --- The hand-out of the series ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handout")
    written = handout.write_handout(folder)
    assert sorted(written) == sorted(folder.iterdir())
    return read(folder)


def test_every_notebook_the_guide_and_an_index_are_there(pages):
    notebooks = [f"{path.stem}.html" for path in series.NOTEBOOKS.glob("[0-9]*.ipynb")]
    assert sorted(pages) == sorted([*notebooks, "TEACHING.html", "index.html"])
    assert set(pages) - {"index.html"} <= set(pages["index.html"].links)
    assert all("index.html" in pages[name].links for name in notebooks)


def test_nothing_is_loaded(pages):
    assert {name: page.loaded for name, page in pages.items() if page.loaded} == {}


def test_every_picture_is_inside_and_has_its_sentence(pages):
    for path in series.NOTEBOOKS.glob("[0-9]*.ipynb"):
        outputs = [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]
        alts = [output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.get("data", {})]
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
        v4.new_markdown_cell("<details><summary>Why?</summary>\n\nAn *answer*.\n\n</details>"),
        v4.new_code_cell("shown = 1", execution_count=1),
        v4.new_code_cell("worked = 2", execution_count=2, outputs=[v4.new_output("stream", text="the answer")]),
        v4.new_code_cell("hidden = 3", execution_count=3),
    ]
    cells[3].metadata = {"jupyter": {"source_hidden": True}, "tags": ["solution"]}
    cells[4].metadata = {"jupyter": {"source_hidden": True}}
    (tmp_path / "TEACHING.md").write_text('- <a id="loss"></a>**Loss**: [notebook 1](01_small.ipynb)')

    def make():
        nbformat.write(v4.new_notebook(cells=cells), tmp_path / "01_small.ipynb")
        handout.write_handout(tmp_path / "handout", tmp_path)
        return read(tmp_path / "handout")

    return cells, make


def test_answers_solutions_and_hidden_code_are_folded(small):
    page = small[1]()["01_small.html"]
    assert page.summaries == ["Why?", "Show the worked solution", "Show the code"]
    for text in ("worked = 2", "the answer", "hidden = 3", "An answer."):
        assert text in page.folded and text not in page.open_text
    assert "shown = 1" in page.open_text


def test_links_between_notebook_and_glossary(small):
    pages = small[1]()
    assert "TEACHING.html#loss" in pages["01_small.html"].links
    assert pages["TEACHING.html"].links == ["01_small.html"]
    assert "loss" in pages["TEACHING.html"].ids
    assert links_that_lead_nowhere(pages) == []


def test_the_index_says_what_a_notebook_asks(small):
    index = small[1]()["index.html"].open_text
    assert "What is it?" in index and "12" in index


def test_a_broken_link_and_a_loaded_file_are_noticed():
    page = Page(
        '<a href="gone.html">x</a><a href="#gone">y</a><style>@import "a.css"; b{background:url(c.png)}</style>'
    )
    assert links_that_lead_nowhere({"here.html": page}) == ["here.html: gone.html", "here.html: #gone"]
    assert page.loaded == ['a.css"', "c.png"]
    assert Page('<script src="https://x/y.js"></script><link href="z.css"><img src="p.png">').loaded != []


def test_a_notebook_without_results_is_refused(small):
    cells, make = small
    cells[2].execution_count = None
    with pytest.raises(ValueError, match=r"01_small.ipynb: cell 3 .*make notebooks"):
        make()


def test_the_command_line(tmp_path, small, monkeypatch, capsys):
    small[1]()
    monkeypatch.setattr(handout, "write_handout", lambda folder: [folder / "index.html"])
    (tmp_path / "index.html").write_text("x")
    assert handout.main([str(tmp_path)]) == 0
    assert "index.html" in capsys.readouterr().out


def test_no_notebooks(tmp_path):
    with pytest.raises(ValueError, match="no notebooks"):
        handout.write_handout(tmp_path / "handout", tmp_path)

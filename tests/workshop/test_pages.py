"""Pages of notebooks: nothing is loaded, pictures have their words, what JupyterLab folds is folded."""

from fashion_utils.promises import PROMISES_TYPE
from fashion_utils.workshop import pages
from html_pages import Page, links_that_lead_nowhere, read
from nbformat import v4
import pytest

FIGURE = v4.new_output(
    "display_data",
    {"image/png": "bm90IG11Y2g=", "text/plain": 'A "curve".'},
    metadata={"image/png": {"alt": 'A "curve" & <more>.', "width": 300, "height": 200}},
)
SAID = v4.new_output("stream", text="what it said")


def promised(*states):
    content = {"promises": [{"name": "it", "state": state, "value": "1"} for state in states], "report": ["it: 1"]}
    return v4.new_output("display_data", {"text/plain": "a table", "text/html": "a table", PROMISES_TYPE: content})


def page_of(*cells):
    return Page(pages.to_html(v4.new_notebook(cells=list(cells)), "a page"))


def code(source, outputs=(), hidden=False, tags=()):
    metadata = {"tags": list(tags), **({"jupyter": {"source_hidden": True}} if hidden else {})}
    return v4.new_code_cell(source, execution_count=1, outputs=list(outputs), metadata=metadata)


def test_code_that_is_not_hidden_stays_open():
    page = page_of(code("shown = 1", [SAID]))
    assert page.summaries == [] and page.folded == ""
    assert "shown = 1" in page.open_text and "what it said" in page.open_text


def test_an_answer_is_folded():
    page = page_of(v4.new_markdown_cell("<details><summary>Why?</summary>\n\nAn *answer*.\n\n</details>"))
    assert page.summaries == ["Why?"]
    assert "An answer." in page.folded and "An answer." not in page.open_text


def test_a_solution_is_folded_with_its_output():
    page = page_of(code("worked = 2", [SAID], hidden=True, tags=["solution"]), code("after = 3"))
    assert page.summaries == ["Show the worked solution"]
    for text in ("worked = 2", "what it said"):
        assert text in page.folded and text not in page.open_text
    assert "after = 3" in page.open_text


def test_a_solution_and_its_answer_have_lines_of_their_own():
    answer = code("# Its answer\nprint(worked)", [SAID], hidden=True, tags=["solution"])
    page = page_of(code("worked = 2", hidden=True, tags=["solution"]), answer)
    assert page.summaries == ["Show the worked solution", "Show the answer"]
    assert "what it said" in page.folded and "what it said" not in page.open_text


def test_the_cell_that_installs_is_left_out():
    page = page_of(code("install()", hidden=True, tags=["install"]), code("after = 3"))
    assert page.summaries == [] and "install()" not in page.folded + page.open_text
    assert "after = 3" in page.open_text


def test_of_a_folded_figure_only_the_code_is_folded():
    page = page_of(code("draw()", [FIGURE, SAID], hidden=True))
    assert page.summaries == ["Show the code"]
    assert "draw()" in page.folded and "draw()" not in page.open_text
    assert "what it said" in page.open_text
    assert page.open_pictures == 1


def test_a_folded_solution_hides_its_figure():
    page = page_of(code("draw()", [FIGURE], hidden=True, tags=["solution"]))
    assert page.open_pictures == 0 and len(page.alternative_texts) == 1


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["held"] * 12, "What the text relies on: 12 held"),
        (["held", "broken", "held"], "What the text relies on: 2 held, 1 broken"),
        (["not checked"], "What the text relies on: 1 not checked"),
    ],
)
def test_promises_are_folded_and_their_state_is_seen(states, expected):
    page = page_of(code("promises.keep()", [SAID, promised(*states)], hidden=True, tags=["promises"]))
    assert page.summaries == [expected]
    assert "a table" in page.folded and "a table" not in page.open_text


def test_promises_that_printed_nothing_are_seen_as_well():
    page = page_of(code("promises.keep()", hidden=True, tags=["promises"]))
    assert page.summaries == ["What the text relies on: no promises"]


def test_nothing_is_loaded_and_a_picture_keeps_its_words():
    page = page_of(code("draw()", [FIGURE]))
    assert page.loaded == []
    assert page.alternative_texts == ['A "curve" & <more>.']


def test_links_to_other_notebooks_lead_to_their_html_copies():
    cell = v4.new_markdown_cell(
        "See [notebook 2](02_preprocess.ipynb), the [glossary](TEACHING.md#loss) and [a file](https://x.org/02_x.ipynb)."
    )
    assert page_of(cell).links == ["02_preprocess.html", "TEACHING.html#loss", "https://x.org/02_x.ipynb"]


ROWS = {"01_small": {"question": "Is |w| <b & *bold*?", "results": "one\ntwo"}}


def test_the_index_lists_the_notebooks_and_the_guide(tmp_path):
    (tmp_path / "TEACHING.md").write_text("[notebook 1](01_small.ipynb)")
    pages.write(tmp_path, v4.new_notebook(cells=[v4.new_markdown_cell("x")]), "01_small")
    pages.write_index(tmp_path, "What they *are*.", ROWS, tmp_path)
    found = read(tmp_path)
    assert sorted(found) == ["01_small.html", "TEACHING.html", "index.html"]
    assert found["index.html"].links == ["01_small.html", "TEACHING.html"]
    assert links_that_lead_nowhere(found) == []
    for text in ("What they are.", "Is |w| <b & *bold*?", "one", "two"):
        assert text in found["index.html"].open_text


def test_without_a_guide_the_index_has_no_link_to_it(tmp_path):
    pages.write_index(tmp_path, "Here.", ROWS, tmp_path)
    assert read(tmp_path)["index.html"].links == ["01_small.html"]


def test_the_question_and_minutes_of_a_notebook():
    cell = v4.new_markdown_cell("# 1 · What is it?\n\n**Takes about** 12 minutes.")
    assert pages.opening(v4.new_notebook(cells=[cell])) == {"question": "What is it?", "minutes": "12"}
    plain = v4.new_notebook(cells=[v4.new_markdown_cell("Text.")])
    assert pages.opening(plain) == {"question": "", "minutes": ""}


def test_a_broken_link_and_a_loaded_file_are_noticed():
    page = Page(
        '<a href="gone.html">x</a><a href="#gone">y</a><style>@import "a.css"; b{background:url(c.png)}</style>'
    )
    assert links_that_lead_nowhere({"here.html": page}) == ["here.html: gone.html", "here.html: #gone"]
    assert page.loaded == ['a.css"', "c.png"]
    assert Page('<script src="https://x/y.js"></script><link href="z.css"><img src="p.png">').loaded != []

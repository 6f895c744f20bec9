"""The series as HTML pages that open without a network: notebooks, the teacher's guide, and a page that lists them."""

from collections import Counter
from html import escape
from pathlib import Path
import re

from fashion_utils.promises import PROMISES_TYPE
from fashion_utils.sources.files import write_atomically
from jinja2 import DictLoader
from nbconvert import HTMLExporter
import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook

GUIDE = "TEACHING"  # the notebooks link to its glossary

# nbconvert's own page fetches scripts (we use none: no formulas, diagrams or widgets), has no alternative texts, and
# shows what JupyterLab folds. A figure stays in sight when its code is folded; an answer and a check do not.
_PAGE = """
{%- extends "lab/index.html.j2" -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block data_png scoped -%}
{%- set alt = output | get_metadata("alt", "image/png") -%}
{{ super().replace("<img ", '<img alt="' ~ (alt | escape_html) ~ '" ', 1) if alt else super() }}
{%- endblock -%}
{%- block codecell scoped -%}{{ super() | fold(cell, "all") }}{%- endblock -%}
{%- block input_group -%}{{ super() | fold(cell, "source") }}{%- endblock -%}
"""


def promises_of(cell: nbformat.NotebookNode) -> dict[str, list]:
    """Return what a cell's saved output says of promises, see `fashion_utils.promises`; empty lists if nothing."""
    found = [output.get("data", {}).get(PROMISES_TYPE) for output in cell.get("outputs", [])]
    return next(filter(None, found), {"promises": [], "report": []})


def states(promises: list[dict]) -> str:
    """Return how many promises are in which state, as in "11 held, 1 broken"."""
    counts = Counter(promise["state"] for promise in promises)
    return ", ".join(f"{count} {state}" for state, count in counts.most_common()) or "no promises"


def _fold(content: str, cell: nbformat.NotebookNode, part: str) -> str:
    """Return the HTML of a code cell's part, "all" of it or its "source", folded if this is what is hidden of it."""
    tags = cell.metadata.get("tags", [])
    if "install" in tags:  # nothing runs on a page
        return ""
    hidden, line = "source", "Show the code"
    if "solution" in tags:
        hidden, line = "all", f"Show the {'answer' if cell.source.startswith('# Its answer') else 'worked solution'}"
    if "promises" in tags:  # a broken one is seen without a click
        hidden, line = "all", f"What the text relies on: {states(promises_of(cell)['promises'])}"
    if part != hidden or not cell.metadata.get("jupyter", {}).get("source_hidden"):
        return content
    style = 'class="jp-RenderedHTMLCommon" style="padding-left: 80px"'
    return f"<details {style}><summary>{line}</summary>\n{content}\n</details>"


EXPORTER = HTMLExporter(template_file="page", extra_loaders=[DictLoader({"page": _PAGE})], exclude_anchor_links=True)
EXPORTER.register_filter("fold", _fold)


def to_html(notebook: nbformat.NotebookNode, title: str) -> str:
    """Return the notebook as one HTML page that needs no network: pictures inside, no scripts, hidden cells folded."""
    body, _ = EXPORTER.from_notebook_node(notebook, resources={"metadata": {"name": title}})
    # The other notebooks and the teacher's guide have HTML copies beside this one.
    return re.sub(rf'href="(\d\d_\w+|{GUIDE})\.(?:ipynb|md)(?=["#])', r'href="\1.html', body)


def write(folder: Path, notebook: nbformat.NotebookNode, name: str) -> None:
    """Write a notebook as a page."""
    write_atomically(folder / f"{name}.html", to_html(notebook, name).encode())


def write_index(folder: Path, intro: str, rows: dict[str, dict[str, str]], notebooks: Path) -> None:
    """Write the page that lists the notebooks, each name with its columns, and the guide's page if there is a guide."""
    head = "".join(f"<th>{column}</th>" for column in ("notebook", *next(iter(rows.values()))))
    lines = [[f'<a href="{name}.html">{name}</a>', *map(escape, row.values())] for name, row in rows.items()]
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in line)}</tr>" for line in lines).replace("\n", "<br>")
    text = f"# Learn image classification from scratch\n\n{intro}\n\n<table><tr>{head}</tr>{body}</table>"
    if (guide := notebooks / f"{GUIDE}.md").is_file():
        text += f"\n\nFor teachers, and for every term: [the teacher's guide and glossary]({guide.name})."
        write(folder, new_notebook(cells=[new_markdown_cell(guide.read_text(encoding="utf-8"))]), GUIDE)
    write(folder, new_notebook(cells=[new_markdown_cell(text)]), "index")


def opening(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Return a notebook's question and minutes, as its first cell says them, for its row of the index."""
    title = re.search(r"^# +(?:\d+ · )?(.+)", notebook.cells[0].source, re.MULTILINE)
    minutes = re.search(r"\*\*Takes about\*\* (\d+) minutes", notebook.cells[0].source)
    return {"question": title[1] if title else "", "minutes": minutes[1] if minutes else ""}

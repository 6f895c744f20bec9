"""Make the hand-out of the series: `make handout`.

A folder of HTML pages that open without a network: every notebook with its saved results, its figures inside and its
answers folded, the teacher's guide with the glossary, and a page that lists them. Nothing is executed.

Usage: python -m fashion_utils.workshop.handout [FOLDER]
"""

import argparse
from pathlib import Path
import re
import sys

from fashion_utils.sources.files import write_atomically
from fashion_utils.workshop import run as series
import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook

HANDOUT = series.BUILD / "handout"
GUIDE = "TEACHING.md"


def write_handout(folder: Path, notebooks: Path = series.NOTEBOOKS) -> list[Path]:
    """Write the hand-out, over what is there.

    Args:
        folder: where to; made if it does not exist.
        notebooks: the folder with the executed notebooks and the teacher's guide.

    Returns:
        the pages written, the index first.

    Raises:
        ValueError: if there are no notebooks, or if a code cell has not been executed; it is named.
    """
    paths = sorted(notebooks.glob("[0-9]*.ipynb"))
    if not paths:
        raise ValueError(f"There are no notebooks in {notebooks}.")
    rows, pages = [], {}
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        for number, cell in enumerate(notebook.cells, start=1):
            if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
                raise ValueError(f"{path.name}: cell {number} has no saved results. Run `make notebooks` first.")
        rows.append(_row(path, notebook.cells[0].source))
        notebook.cells.insert(0, new_markdown_cell("[All notebooks](index.html)"))
        pages[path.stem] = series.to_html(notebook, path.stem)
    guide = notebooks / GUIDE
    if guide.is_file():
        pages[guide.stem] = series.text_to_html(guide)
    index = new_notebook(cells=[new_markdown_cell(_index(rows, guide.is_file()))])
    pages = {"index": series.to_html(index, "Learn image classification from scratch"), **pages}
    for stem, page in pages.items():
        write_atomically(folder / f"{stem}.html", page.encode())
    return [folder / f"{stem}.html" for stem in pages]


def _row(path: Path, opening: str) -> str:
    """Return a notebook's row of the index, from its first cell: a link, its question, its minutes."""
    title = re.search(r"^# +(?:\d+ · )?(.+)", opening, re.MULTILINE)
    minutes = re.search(r"\*\*Takes about\*\* (\d+) minutes", opening)
    return f"| [{path.stem}]({path.name}) | {title[1] if title else ''} | {minutes[1] if minutes else ''} |"


def _index(rows: list[str], has_guide: bool) -> str:
    guide = f"\n\nFor teachers, and for every term: [the teacher's guide and glossary]({GUIDE})." if has_guide else ""
    return (
        "# Learn image classification from scratch\n\n"
        "The notebooks with their saved results. These pages need no network. Answers and worked solutions are folded: "
        "click on their line to see them.\n\n"
        "| notebook | question | minutes |\n|---|---|---|\n" + "\n".join(rows) + guide
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m fashion_utils.workshop.handout", description="Write the series as HTML that needs no network."
    )
    parser.add_argument("folder", nargs="?", type=Path, default=HANDOUT, help="where to (default: build/handout)")
    folder = parser.parse_args(arguments).folder
    try:
        pages = write_handout(folder)
    except ValueError as error:
        print(error)
        return 1
    size = sum(page.stat().st_size for page in pages)
    print(f"{len(pages)} pages, {size / 1e6:.0f} MB. Open {pages[0]} or copy the whole folder.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Make the hand-out: the notebooks with their saved results as HTML pages. `make handout`; nothing is executed."""

import argparse
from pathlib import Path

from fashion_utils.workshop import BUILD, NOTEBOOKS, pages, print_anything
import nbformat
from nbformat.v4 import new_markdown_cell

HANDOUT = BUILD / "handout"
INTRO = "The notebooks with their saved results. What is folded, answers and solutions, opens with a click on its line."


def write_handout(folder: Path, notebooks: Path = NOTEBOOKS) -> None:
    """Write all pages, over what is there; ValueError for no notebooks, or for a code cell without saved results."""
    found = {path.stem: nbformat.read(path, as_version=4) for path in sorted(notebooks.glob("[0-9]*.ipynb"))}
    if not found:
        raise ValueError(f"There are no notebooks in {notebooks}.")
    for name, notebook in found.items():
        for number, cell in enumerate(notebook.cells, start=1):
            if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
                raise ValueError(f"{name}.ipynb: cell {number} has no saved results. Run `make notebooks` first.")
    pages.write_index(folder, INTRO, {name: pages.opening(notebook) for name, notebook in found.items()}, notebooks)
    for name, notebook in found.items():
        notebook.cells.insert(0, new_markdown_cell("[All notebooks](index.html)"))
        pages.write(folder, notebook, name)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exit with status 1 and a sentence if there is nothing to hand out."""
    print_anything()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=HANDOUT, help="where to (default: build/handout)")
    folder = parser.parse_args(arguments).folder
    try:
        write_handout(folder)
    except ValueError as error:
        parser.exit(1, f"{error}\n")
    print(f"Open {folder / 'index.html'} or copy the whole folder.")


if __name__ == "__main__":
    main()

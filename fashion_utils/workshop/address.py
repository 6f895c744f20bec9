"""The first cell of every notebook, which installs this package where it is missing, as on Colab: `make address`.

The repository's address stands in pyproject.toml. Whoever moves or forks the project changes it there and calls this.
"""

import tomllib

from fashion_utils import REPOSITORY
from fashion_utils.sources.files import write_atomically
from fashion_utils.workshop import NOTEBOOKS, print_anything
import nbformat
from nbformat.v4 import new_code_cell

# An archive and no clone: pip needs no git for it, and a wrong address is an error where git would ask for a password.
# HEAD is the default branch. Colab's own packages are compiled for each other, so there nothing but ours is installed.
_CELL = """\
# Install what this notebook imports, where it is missing: on Colab or Kaggle, for instance
from importlib.util import find_spec

if find_spec("fashion_utils") is None:
    repository = "{address}"
    options = "--quiet --no-deps" if find_spec("tensorflow") else "--quiet"
    %pip install $options $repository/archive/HEAD.zip
    if find_spec("fashion_utils") is None:
        raise ImportError("fashion_utils is still missing: read pip's words above or restart the kernel.")
"""
METADATA = {"jupyter": {"source_hidden": True}, "tags": ["install"]}


def address() -> str:
    """Return the address of the repository, as pyproject.toml has it."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"].rstrip("/")


def source() -> str:
    """Return the source of the first code cell."""
    return _CELL.format(address=address()).rstrip("\n")


def put_first(notebook: nbformat.NotebookNode) -> bool:
    """Put the cell before the other code cells, or bring it up to date; return whether that changed anything.

    Results stay: the cell prints nothing where they were made, so what a saved notebook lacks is its number only.
    """
    index = next((i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"), len(notebook.cells))
    if notebook.cells[index:] and "install" in notebook.cells[index].metadata.get("tags", []):
        before, notebook.cells[index].source = notebook.cells[index].source, source()
        return before != source()
    for cell in notebook.cells:
        for numbered in (cell, *cell.get("outputs", [])):
            if numbered.get("execution_count") is not None:
                numbered.execution_count += 1
    executed = notebook.cells[index:] and notebook.cells[index].execution_count
    first = new_code_cell(source(), id="install", metadata=METADATA, execution_count=1 if executed else None)
    notebook.cells.insert(index, first)
    return True


def main() -> None:
    """Write the cell into all notebooks."""
    print_anything()
    changed = []
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        if put_first(notebook):
            write_atomically(path, (nbformat.writes(notebook) + "\n").encode())
            changed.append(path.name)
    print(f"{address()}: written into {', '.join(changed) or 'no notebook, for all have it'}.")


if __name__ == "__main__":
    main()

"""Write the learners' copy of the notebooks: `make exercises`."""

from pathlib import Path
import re

from fashion_utils.sources.files import write_atomically
from fashion_utils.workshop import BUILD, NOTEBOOKS, print_anything
import nbformat

FOLDER = BUILD / "exercises"
LINK = re.compile(r"(?:\]\(|\bsrc=\")([^)\"#:\s]+)")


def write_learners_copy(folder: Path, notebooks: Path = NOTEBOOKS) -> list[Path]:
    """Write the notebooks without solutions, outputs and execution counts, and the files that they link to.

    Makes the folder if need be, replaces files of the same names, copies none from outside the folder of the notebooks.
    Returns the paths of what was written, notebooks first.
    """
    written, linked = [], set()
    for path in sorted(notebooks.glob("[0-9]*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [cell for cell in notebook.cells if "solution" not in cell.metadata.get("tags", [])]
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        linked.update(companions(notebook, notebooks))
        written.append(folder / path.name)
        write_atomically(written[-1], (nbformat.writes(notebook) + "\n").encode())
    for name in sorted(linked):
        written.append(folder / name)
        write_atomically(written[-1], (notebooks / name).read_bytes())
    return written


def companions(notebook: nbformat.NotebookNode, notebooks: Path) -> set[str]:
    """Return the names of the files that a notebook's text links to.

    Other notebooks are no such files, nor is anything outside the folder of the notebooks.
    """
    linked = LINK.findall("\n".join(cell.source for cell in notebook.cells if cell.cell_type != "code"))
    named = {name for name in linked if not name.endswith(".ipynb") and ".." not in Path(name).parts}
    return {name for name in named if (notebooks / name).is_file()}


def main() -> None:
    print_anything()
    print(f"{len(write_learners_copy(FOLDER))} files in {FOLDER}. Work in a copy: the next call writes them anew.")


if __name__ == "__main__":
    main()

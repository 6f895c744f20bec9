"""Write the learners' copy of the notebooks: `make exercises`."""

import argparse
from pathlib import Path
import re

from fashion_utils import REPOSITORY
from fashion_utils.exercises import SOLUTION_TAG
from fashion_utils.sources.files import write_atomically
import nbformat

NOTEBOOKS, FOLDER = REPOSITORY / "notebooks", REPOSITORY / "build" / "exercises"
LINK = re.compile(r"(?:\]\(|\bsrc=\")([^)\"#:\s]+)")


def write_learners_copy(folder: Path, notebooks: Path = NOTEBOOKS) -> list[Path]:
    """Write the notebooks without solutions, outputs and execution counts, and the local files that they link to.

    Returns the paths of what was written, notebooks first.

    Args:
        folder: where to; made if need be. Files of the same names are replaced.
        notebooks: their folder; no file outside of it is copied.
    """
    written, linked = [], set()
    for path in sorted(notebooks.glob("[0-9]*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [cell for cell in notebook.cells if SOLUTION_TAG not in cell.metadata.get("tags", [])]
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
            else:
                linked.update(LINK.findall(cell.source))
        written.append(folder / path.name)
        write_atomically(written[-1], (nbformat.writes(notebook) + "\n").encode())
    for name in sorted(linked):
        if not name.endswith(".ipynb") and ".." not in Path(name).parts and (notebooks / name).is_file():
            written.append(folder / name)
            write_atomically(written[-1], (notebooks / name).read_bytes())
    return written


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m fashion_utils.workshop.learners", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where to (build/exercises)")
    folder = parser.parse_args(arguments).folder
    print(f"{len(write_learners_copy(folder))} files in {folder}. Work in a copy: the next call writes them anew.")


if __name__ == "__main__":
    main()

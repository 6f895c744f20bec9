"""Write the exercises as assignments for nbgrader, one for each notebook: `make nbgrader`.

The folder is a course as nbgrader expects it: `nbgrader generate_assignment 01_explore`, called in it, makes the
learners' version of source/01_explore. Nothing here needs nbgrader itself.
"""

import ast
from pathlib import Path

from fashion_utils.sources.files import write_atomically
from fashion_utils.workshop import BUILD, NOTEBOOKS, print_anything
from fashion_utils.workshop.learners import companions
import nbformat
from nbformat.v4 import new_code_cell

FOLDER = BUILD / "nbgrader"
POINTS = 1  # for each exercise
CONFIG = """\
# Written by `make nbgrader`.
c = get_config()
c.CourseDirectory.course_id = "fashion-mnist"
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE"}  # raises nothing: the check below it says what is missing
c.Execute.timeout = 1800  # seconds; the usual 30 are too few for a cell that trains networks
"""


def to_assignment(notebook: nbformat.NotebookNode) -> None:
    """Make a notebook the teacher's version of an assignment, which nbgrader turns into the learners'.

    Each exercise's cell gets its worked solution, between the marks that nbgrader looks for, and is followed by a
    locked cell that grades the answer. Cells with solutions and all outputs are taken out.
    """
    cells, solutions = [], [cell for cell in notebook.cells if _is_solution(cell) and _check(cell)]
    for cell in notebook.cells:
        if _is_solution(cell):
            continue
        cells.append(cell)
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        if check := _check(cell):
            cells.append(_graded(cell, check, solutions.pop(0)))
    notebook.cells = cells


def _graded(starter, check: ast.Call, solution) -> nbformat.NotebookNode:
    """Put a solution into the cell of its exercise, and return the cell that grades what a learner puts there."""
    worked = _check(solution)
    answer = f"{ast.unparse(check.args[1])} = {ast.unparse(worked.args[1])}"
    solved = [*solution.source.splitlines()[1 : worked.lineno - 1], answer]  # without the line "A worked solution"
    lines = starter.source.splitlines()
    above, below = "\n".join(lines[: check.lineno - 1]).rstrip(), "\n".join(lines[check.lineno - 1 :])
    within = "\n".join(solved).strip()
    starter.source = f"{above}\n### BEGIN SOLUTION\n{within}\n### END SOLUTION\n\n{below}"
    starter.metadata["nbgrader"] = _metadata(starter.id, solution=True)
    source = f"# Graded automatically\nfrom fashion_utils import exercises\n\n{below.replace('.check(', '.grade(', 1)}"
    grading = new_code_cell(source, id=f"{starter.id}-grade")
    grading.metadata["nbgrader"] = _metadata(grading.id, grade=True, locked=True, points=POINTS)
    return grading


def _metadata(name: str, **changes) -> dict:
    kinds = {"grade": False, "solution": False, "locked": False, "task": False}
    return {"schema_version": 3, "grade_id": name, "cell_type": "code", **kinds, **changes}


def _is_solution(cell) -> bool:
    return "solution" in cell.metadata.get("tags", [])


def _check(cell) -> ast.Call | None:
    """Return the call that checks an exercise, if it is what a code cell ends in."""
    if cell.cell_type != "code" or "exercises.check(" not in cell.source:
        return None
    last = ast.parse(cell.source).body[-1]
    is_call = isinstance(last, ast.Expr) and isinstance(last.value, ast.Call)
    return last.value if is_call and ast.unparse(last.value.func) == "exercises.check" else None


def write_course(folder: Path, notebooks: Path = NOTEBOOKS) -> list[str]:
    """Write the course, over what is there of the same names; return the names of its assignments."""
    write_atomically(folder / "nbgrader_config.py", CONFIG.encode())
    names = []
    for path in sorted(notebooks.glob("[0-9]*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        to_assignment(notebook)
        assignment = folder / "source" / path.stem
        write_atomically(assignment / path.name, (nbformat.writes(notebook) + "\n").encode())
        for name in companions(notebook, notebooks):
            write_atomically(assignment / name, (notebooks / name).read_bytes())
        names.append(path.stem)
    return names


def main() -> None:
    print_anything()
    names = write_course(FOLDER)
    print(f"{len(names)} assignments in {FOLDER}. With nbgrader, there: nbgrader generate_assignment {names[0]}")


if __name__ == "__main__":
    main()

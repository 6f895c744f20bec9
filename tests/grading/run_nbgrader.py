"""The assignments, released and graded by nbgrader itself: `make grading`.

It takes a minute, so its name does not start with test_: pytest runs it only where it is named.
"""

import csv
import json
import os
import shutil
import subprocess
import sys

from fashion_utils.workshop import nbgrader
import nbformat
import pytest

NBGRADER = shutil.which("nbgrader")
pytestmark = pytest.mark.skipif(NBGRADER is None, reason="nbgrader is not installed: run `make grading`")

ASSIGNMENT = "01_explore"
WRONG = "average_of_all = train_images.mean()\nbrightness = average_of_all"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A folder with the course, and the function that runs nbgrader in it; this Python is the notebooks' kernel."""
    folder = tmp_path_factory.mktemp("course")
    nbgrader.write_course(folder)
    kernel = folder / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    environment = {"FASHION_SAMPLE": "3000", **os.environ, "JUPYTER_PATH": str(folder / "jupyter")}
    environment |= {"JUPYTER_CONFIG_DIR": str(folder / "config"), "IPYTHONDIR": str(folder / "ipython")}

    def run(*arguments):
        done = subprocess.run(
            [NBGRADER, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr[-3000:]

    run("generate_assignment", ASSIGNMENT)
    return folder, run


def test_right_wrong_and_missing_answers_get_their_points(course):
    folder, run = course
    released = nbformat.read(folder / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    solved = nbformat.read(folder / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in released.cells)
    assert "SOLUTION" not in text and "mean_of_each" not in text and text.count("# YOUR CODE HERE") == 3
    solutions = {cell.id: cell.source for cell in solved.cells}
    for student in ("ada", "ben", "eve"):
        notebook = nbformat.from_dict(json.loads(json.dumps(released)))
        for cell in notebook.cells:
            if cell.id.endswith("-starter") and student == "ada":
                cell.source = solutions[cell.id]
            if cell.id == "exercise-brightness-starter" and student == "ben":
                cell.source = cell.source.replace("# YOUR CODE HERE", WRONG)
            if cell.id == "exercise-emptiest-starter" and student == "ben":
                cell.source = solutions[cell.id]
            if "exercises.grade(" in cell.source and student == "eve":
                cell.source = "pass  # nbgrader puts the locked cell back"
        submitted = folder / "submitted" / student / ASSIGNMENT
        submitted.mkdir(parents=True)
        nbformat.write(notebook, submitted / f"{ASSIGNMENT}.ipynb")
    run("autograde", ASSIGNMENT)
    run("export", "--to", "grades.csv")
    with open(folder / "grades.csv", encoding="utf-8", newline="") as file:
        rows = {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(file)}
    assert rows == {"ada": (3, 3), "ben": (1, 3), "eve": (0, 3)}
    graded = nbformat.read(folder / "autograded" / "ben" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    (cell,) = [cell for cell in graded.cells if cell.id == "exercise-brightness-starter-grade"]
    (error,) = cell.outputs
    assert error.ename == "AssertionError" and error.evalue.startswith("✗ not yet: ")

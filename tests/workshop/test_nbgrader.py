"""Assignments for nbgrader: a learner's cell, its solution between nbgrader's marks, and a locked cell that grades."""

import ast

from fashion_utils.workshop import NOTEBOOKS, nbgrader
import nbformat
from nbformat import v4
import pytest

STARTER = """print("Look.")
double = ...

exercises.check("05.double", double, given=given)"""
SOLUTION = """# A worked solution
# Twice.
twice = 2 * given

exercises.check("05.double", twice + 0, given=given)"""
SOLVED = """print("Look.")
double = ...
### BEGIN SOLUTION
# Twice.
twice = 2 * given

double = twice + 0
### END SOLUTION

exercises.check("05.double", double, given=given)"""
GRADED = """# Graded automatically
from fashion_utils import exercises

exercises.grade("05.double", double, given=given)"""


def code(source, name, **metadata):
    output = v4.new_output("stream", text="it")
    return v4.new_code_cell(source, id=name, execution_count=3, outputs=[output], metadata=metadata)


def series(folder):
    cells = [
        v4.new_markdown_cell("![a](picture.png), [web](https://example.org), [Next](02_b.ipynb)", id="text"),
        code("from fashion_utils import exercises", "imports"),
        code(STARTER, "double-starter"),
        code(SOLUTION, "double-solution", tags=["solution"]),
        code("# Its answer\ntwice", "double-answer", tags=["solution"]),
        code("check = exercises.check", "no-exercise"),
    ]
    nbformat.write(v4.new_notebook(cells=cells), folder / "05_a.ipynb")
    (folder / "picture.png").write_bytes(b"a picture")


def test_an_assignment(tmp_path):
    series(tmp_path)
    assert nbgrader.write_course(tmp_path / "course", tmp_path) == ["05_a"]
    folder = tmp_path / "course" / "source" / "05_a"
    assert sorted(path.name for path in folder.iterdir()) == ["05_a.ipynb", "picture.png"]
    notebook = nbformat.read(folder / "05_a.ipynb", as_version=4)
    nbformat.validate(notebook)
    names = ["text", "imports", "double-starter", "double-starter-grade", "no-exercise"]
    assert [cell.id for cell in notebook.cells] == names
    starter, graded = notebook.cells[2:4]
    assert (starter.source, graded.source) == (SOLVED, GRADED)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in notebook.cells[1:])
    kinds = {"schema_version": 3, "cell_type": "code", "task": False}
    solution = {"grade_id": "double-starter", "grade": False, "solution": True, "locked": False}
    assert starter.metadata.nbgrader == kinds | solution
    grade = {"grade_id": "double-starter-grade", "grade": True, "solution": False, "locked": True, "points": 1}
    assert graded.metadata.nbgrader == kinds | grade
    assert all("nbgrader" not in cell.metadata for cell in notebook.cells if cell not in (starter, graded))


def test_the_configuration_is_python_that_nbgrader_can_read(tmp_path):
    nbgrader.write_course(tmp_path, tmp_path)
    tree = ast.parse((tmp_path / "nbgrader_config.py").read_text(encoding="utf-8"))
    targets = [ast.unparse(node.targets[0]) for node in tree.body]
    assert targets == ["c", "c.CourseDirectory.course_id", "c.ClearSolutions.code_stub", "c.Execute.timeout"]


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("[0-9]*.ipynb")), ids=lambda path: path.stem)
def test_every_exercise_of_the_series_is_graded(path):
    notebook = nbformat.read(path, as_version=4)
    solutions = [cell.source for cell in notebook.cells if cell.source.startswith("# A worked solution")]
    nbgrader.to_assignment(notebook)
    graded = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    solved = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    assert len(graded) == len(solved) == len(solutions) >= 2
    for answer, grade, solution in zip(solved, graded, solutions, strict=True):
        ast.parse(answer.source)
        called = [ast.parse(cell.source).body[-1].value.args[0].value for cell in (answer, grade)]
        assert called[0] == called[1] and f'"{called[0]}"' in solution
    released = [cell.source for cell in notebook.cells if cell not in solved]
    assert not any(text.startswith(("# A worked solution", "# Its answer")) for text in released)


def test_the_command_line(monkeypatch, capsys):
    monkeypatch.setattr(nbgrader, "write_course", lambda folder: ["01_a", "02_b"])
    nbgrader.main()
    said = capsys.readouterr().out
    assert said == f"2 assignments in {nbgrader.FOLDER}. With nbgrader, there: nbgrader generate_assignment 01_a\n"

"""The learners' copy of the notebooks."""

from fashion_utils.workshop import learners
import nbformat

TEXT = "[Next](02_b.ipynb#part), ![a](picture.png), [web](https://example.org/x.png), [out](../out.txt), [no](no.png)"
IMAGE = '<img src="images/wall.svg" alt="a wall">'
LAST = "keep()"
PROMISES = {"tags": ["promises"], "jupyter": {"source_hidden": True}}


def cells():
    output = nbformat.v4.new_output("stream", text="○")
    return [
        nbformat.v4.new_markdown_cell(TEXT, id="text"),
        nbformat.v4.new_markdown_cell(IMAGE, id="image"),
        nbformat.v4.new_code_cell("x = ...", id="starter", execution_count=3, outputs=[output]),
        nbformat.v4.new_code_cell(
            "x = 42", id="solved", execution_count=4, metadata={"tags": ["solution", "nbval-check-output"]}
        ),
        nbformat.v4.new_code_cell(LAST, id="promises", execution_count=5, metadata=PROMISES, outputs=[output]),
    ]


def test_the_learners_copy(tmp_path):
    source = tmp_path / "series" / "notebooks"
    for name in ("images", "mine"):
        (source / name).mkdir(parents=True)
    for name in ("picture.png", "unused.png", "images/wall.svg", "mine/me.jpg", "../out.txt"):
        (source / name).write_bytes(name.encode())
    for name in ("01_a", "02_b"):
        nbformat.write(nbformat.v4.new_notebook(cells=cells()), source / f"{name}.ipynb")
    folder = tmp_path / "build" / "exercises"
    written = learners.write_learners_copy(folder, source)
    names = ["01_a.ipynb", "02_b.ipynb", "images/wall.svg", "picture.png"]
    assert written == [folder / name for name in names]
    assert sorted(path for path in tmp_path.rglob("*.*") if "build" in path.parts) == sorted(written)
    assert (folder / "images" / "wall.svg").read_bytes() == b"images/wall.svg"
    copy = nbformat.v4.reads((folder / "02_b.ipynb").read_text(encoding="utf-8"))
    assert [cell.id for cell in copy.cells] == ["text", "image", "starter", "promises"]
    assert [cell.source for cell in copy.cells] == [TEXT, IMAGE, "x = ...", LAST]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in copy.cells[2:])
    assert copy.cells[3].metadata == PROMISES
    assert nbformat.read(source / "02_b.ipynb", as_version=4).cells[3].source == "x = 42"


def test_the_command_line(monkeypatch, capsys):
    monkeypatch.setattr(learners, "write_learners_copy", lambda folder: [folder / "01_a.ipynb"])
    learners.main()
    assert capsys.readouterr().out.startswith(f"1 files in {learners.FOLDER}. ")

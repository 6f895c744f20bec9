"""Every notebook keeps the promises in `notebook_checks`, and every check there catches a notebook that breaks them."""

import base64
from copy import deepcopy

from fashion_utils.promises import PROMISES_TYPE
from fashion_utils.workshop import NOTEBOOKS, address, learners
from fashion_utils.workshop.run import normalise
import nbformat
from nbformat import from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
import notebook_checks
from notebook_checks import CHECKS, Notebook
import pytest

PATHS = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))


def test_the_series_has_its_notebooks():
    expected = ["01_explore", "02_preprocess", "03_learn", "04_train_mlp", "05_evaluate", "06_regularize", "07_cnn"]
    expected += ["08_trust", "09_your_pictures"]
    assert [path.stem for path in PATHS] == expected


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_notebook(path, check):
    assert list(check(Notebook.read(path))) == []


def test_every_allowed_number_is_still_in_use():
    found = {number for path in PATHS for _, number, _ in notebook_checks.prose_numbers(Notebook.read(path))}
    assert set(notebook_checks.ALLOWED_NUMBERS) - found == set()


# --- The checks can fail ----------------------------------------------------------------------------------------------

OPENING = """# 5 · How good is it?

**You will learn**

- one
- two, which needs
  a second line
- three

**You need** nothing.

**Takes about** 20 minutes."""
INSTALL = address.source()
IMPORTS = """from fashion_utils import data, plots
import matplotlib.pyplot as plt
import tensorflow as tf"""
TRAIN, TEST = notebook_checks.TRAIN_LINE, notebook_checks.TEST_LINE
LOAD = f"""data.prepare()
{TRAIN}
train_images = train_images / 255"""
ALL_LOADED = "(train_images, train_labels), (test_images, test_labels) = tf.keras.datasets.fashion_mnist.load_data()"
DESCRIBE = f"""{ALL_LOADED}
arrays = {{"train": train_images, "test": test_images}}
def describe(array):
    return array.shape, array.min(), array.max()
print({{name: describe(array) for name, array in arrays.items()}})"""
MODEL = notebook_checks.MISSION_LINES["04"][1]
FIT = """EPOCHS = 10
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(train_images, train_labels, epochs=EPOCHS, validation_split=0.1, verbose=0)"""
OPEN = f"""{TEST}
test_loss, test_accuracy = model.evaluate(test_images, test_labels, verbose=0)
print(f"Test Accuracy: {{test_accuracy:.2f}}")"""
RESULT = """plots.image_grid(images)
summary(5)
more = summary(6)
rest = more.head(7)
rest.mean()
rest.std()"""
FOLDED_FIGURE = """# Draw it
figure, axes = plt.subplots(3)
for axis in axes:
    axis.plot(rest)"""
PROMISES = """# What the text relies on, checked
from fashion_utils import promises

promises.keep(
    ("test accuracy", lambda: test_accuracy, 0.87, 0.90),
    ("change", lambda: change, -0.1, 0.1),
    report=["test accuracy"],
)"""
PROMISES_WITHOUT_TEST = PROMISES.replace("test_accuracy", "accuracy")
PREDICT = "### Guess\n\n**Predict.** How good?"
ANSWERS = "\n\n".join(["<details><summary>Answer</summary>\n\nRather good.\n\n</details>"] * 3)
RECAP = "## Recap\n\nIt is 89 % right, or 0.885. It was measured with 10,000 pictures! Was it luck?"
TASK = "### Change a thing (3 minutes)\n\n**Objective 1:** one."
STARTER = """print("Look.")
mine = ...

exercises.check("NUMBER.it", mine)"""
SOLUTION = """# A worked solution
def count(pictures): return len(pictures)
yours = count(train_images)

exercises.check("NUMBER.it", yours)"""
ITS_ANSWER = """# Its answer
count(train_images)"""
PROJECT = "### Project: Find out (60 minutes)\n\nWhat is it?"
A_GOOD_ANSWER = "<details><summary>What a good answer has</summary>\n\n- a\n- b\n  and\n- c\n\n</details>"
EXERCISE = (TASK, STARTER, SOLUTION, ITS_ANSWER)
YOUR_TURN = ("## Your turn", TASK, FOLDED_FIGURE, *EXERCISE[1:], *EXERCISE, PROJECT, A_GOOD_ANSWER)
SAVED = {
    LOAD: "found\n",
    "found = data.prepare()": "found\n",
    STARTER: "Look.\n○ nothing entered yet\n",
    SOLUTION: "✓ right\n",
    ITS_ANSWER: "60000\n",
}
FOLDED = {
    INSTALL: address.METADATA,
    SOLUTION: {"jupyter": {"source_hidden": True}, "tags": ["solution", "nbval-check-output"]},
    ITS_ANSWER: {"jupyter": {"source_hidden": True, "outputs_hidden": True}, "tags": ["solution"]},
    FOLDED_FIGURE: {"jupyter": {"source_hidden": True}},
    PROMISES: {"jupyter": {"source_hidden": True}, "tags": ["promises"]},
}
FOLDED[PROMISES_WITHOUT_TEST] = FOLDED[PROMISES]
WHERE_NEXT = "## Where to go next\n\n[On](01_explore.ipynb)"

COMPARED = "nbval-check-output"

MIDDLE = {
    "01": ("## Load it", DESCRIBE, "## Read the result", RESULT, FOLDED_FIGURE, PROMISES_WITHOUT_TEST),
    "02": ("## Read the result", RESULT, PROMISES_WITHOUT_TEST),
    "03": ("## Nudge it", RESULT, FOLDED_FIGURE, PROMISES_WITHOUT_TEST),
    "04": (MODEL, "## Train it", FIT, "## Read the result", RESULT, PROMISES_WITHOUT_TEST),
    "05": ("## Open the test set", OPEN, "## Read the result", RESULT, FOLDED_FIGURE, PROMISES),
    "06": (MODEL, FIT, "## Compare them on the test set", OPEN, RESULT, PROMISES),
    "07": (MODEL, FIT, "## Compare them on the test set", OPEN, RESULT, PROMISES),
    "08": (MODEL, FIT, "## Open the test set, once", OPEN, RESULT, PROMISES),
    "09": (MODEL, FIT, "## Open the test set as photographs", OPEN, "## Read the result", RESULT, PROMISES),
}


def good_notebook(number):
    """Build a notebook in which there is nothing to find; its result cell has one output of each kind."""
    load = "found = data.prepare()" if number == "01" else LOAD  # 01 loads all in a section of its own
    texts = (
        OPENING,
        "## Get ready",
        INSTALL,
        IMPORTS,
        PREDICT,
        load,
        ANSWERS,
        *MIDDLE[number],
        RECAP,
        *YOUR_TURN,
        WHERE_NEXT,
    )
    cells = []
    for i, text in enumerate(texts):
        is_prose = text.startswith(("#", "<")) and text not in FOLDED
        cells.append((new_markdown_cell if is_prose else new_code_cell)(text.replace("NUMBER", number), id=f"step-{i}"))
        if text in SAVED:
            cells[-1].outputs = [new_output("stream", name="stdout", text=SAVED[text])]
        if text in FOLDED:
            cells[-1].metadata = from_dict(deepcopy(FOLDED[text]))
    code_cells = [cell for cell in cells if cell.cell_type == "code"]
    for count, cell in enumerate(code_cells, start=1):
        cell.execution_count = count
    image = {"image/png": base64.b64encode(b"not much of a picture").decode(), "text/plain": "A curve that falls."}
    result_cell = next(cell for cell in code_cells if cell.source == RESULT)
    result_cell.outputs = [
        new_output("display_data", image, metadata={"image/png": {"alt": "A curve that falls."}}),
        new_output("stream", name="stdout", text="Test Accuracy: 0.88\n"),
        new_output("execute_result", {"text/plain": "0.8812"}, execution_count=result_cell.execution_count),
    ]
    result_cell.metadata.tags = ["nbval-check-output"]
    promised = [{"name": name, "state": "held", "value": "0"} for name in ("test accuracy", "change")]
    kept = {"text/plain": "a table", PROMISES_TYPE: from_dict({"promises": promised, "report": []})}
    promises_cell(cells).outputs = [new_output("display_data", kept)]
    notebook = Notebook(f"{number}_test", new_notebook(cells=cells))
    normalise(notebook.node)
    return notebook


def promises_cell(cells):
    return next(cell for cell in cells if "promises.keep" in cell.source)


@pytest.mark.parametrize("number", MIDDLE)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_good_notebook_passes(number, check):
    assert list(check(good_notebook(number))) == []


def replace(old, new):
    """Return a change that replaces a text, which must be there, in all sources."""

    def change(notebook):
        assert any(old in cell.source for cell in notebook.node.cells)
        for cell in notebook.node.cells:
            cell.source = cell.source.replace(old, new)

    return change


def add_code(after, source):
    """Return a change that adds a code cell after the one that holds a text."""

    def change(notebook):
        cells = notebook.node.cells
        index = next(i for i, cell in enumerate(cells) if after in cell.source)
        cells.insert(index + 1, new_code_cell(source, id="added"))

    return change


def repeat_exercises(notebook):
    notebook.node.cells[-3:-3] = notebook.node.cells[-12:-3]


def move_project(notebook):
    """Move the project and what a good answer has before the last exercise."""
    cells = notebook.node.cells
    cells[-7:-1] = cells[-3:-1] + cells[-7:-3]


def drop_project(notebook):
    del notebook.node.cells[-3:-1]


def repeat_its_answer(notebook):
    """Let two answers follow the last solution."""
    answer = new_code_cell(ITS_ANSWER, id="added", metadata=deepcopy(FOLDED[ITS_ANSWER]))
    notebook.node.cells[-1:-1] = [answer, answer]


def swap_answers(notebook):
    """Let the last answer stand before its solution."""
    cells = notebook.node.cells
    cells[-5:-3] = cells[-4], cells[-5]


def result_cell(notebook):
    return next(cell for cell in notebook.code_cells if "summary(5)" in cell.source)


def in_promises(change):
    """Return a change of the promises cell."""
    return lambda notebook: change(promises_cell(notebook.node.cells))


def state(value):
    """Return a change of what the promises cell says of its first promise."""
    return in_promises(lambda cell: cell.outputs[0].data[PROMISES_TYPE]["promises"][0].update(state=value))


def add_text(before, text):
    """Return a change that adds a Markdown cell before the one that holds a text."""

    def change(notebook):
        cells = notebook.node.cells
        cells.insert(
            next(i for i, cell in enumerate(cells) if before in cell.source), new_markdown_cell(text, id="added")
        )

    return change


def set_in_code(**values):
    """Return a change that sets fields of the result cell."""
    return lambda notebook: result_cell(notebook).update(values)


def change_cells(text, change):
    """Return a change that is made to all cells whose source holds a text."""

    def change_all(notebook):
        for cell in notebook.node.cells:
            if text in cell.source:
                change(cell)

    return change_all


def set_output(text):
    """Return a change of a cell that replaces what it printed."""
    return lambda cell: cell.update(outputs=[new_output("stream", name="stdout", text=text)])


def drop_cells(text, keep=0):
    """Return a change that removes the cells whose source holds a text, but for the first few."""

    def drop(notebook):
        found = [cell for cell in notebook.node.cells if text in cell.source]
        for cell in found[keep:]:
            notebook.node.cells.remove(cell)

    return drop


def set_id(value):
    return lambda notebook: notebook.node.cells[2].update(id=value)


def say(text):
    """Return a change that adds this to the standard output of the result cell."""
    return lambda notebook: result_cell(notebook).outputs.append(new_output("stream", name="stdout", text=text))


def output(output_type, *arguments, **values):
    return lambda notebook: result_cell(notebook).outputs.append(new_output(output_type, *arguments, **values))


def change_accuracy(text):
    return lambda notebook: result_cell(notebook).outputs[1].update(text=f"Test Accuracy: {text}\n")


def picture(kind, size, alt):
    return output("display_data", {kind: base64.b64encode(bytes(size)).decode()}, metadata={kind: {"alt": alt}})


def show_output(cell):
    cell.metadata.jupyter.pop("outputs_hidden")


def unfold_and_double(cell):
    cell.metadata.pop("jupyter")
    cell.source += "\n    axis.set_title(axis)" * 2


BROKEN = {
    "executed_in_order": [
        ("05", set_in_code(execution_count=None), "None, expected 5"),
        ("05", set_in_code(execution_count=9), "9, expected 5"),
        ("05", add_code("# 5", "print()"), "None, expected 1"),
    ],
    "no_stderr": [("05", output("stream", name="stderr", text="a warning"), "a warning")],
    "no_error": [("05", output("error", ename="ValueError", evalue="bad", traceback=[]), "ValueError: bad")],
    "no_absolute_path": [
        ("05", say("saved to /home/ada/model.keras"), "/home/ada"),
        ("05", say(r"saved to C:\ada\model.keras"), r"'C:"),
        ("05", replace("verbose=0", "verbose='/tmp/x'"), "/tmp/x"),
        ("05", output("display_data", {"text/html": "<a href='/Users/ada'>"}), "/Users/ada"),
        ("05", output("display_data", {"text/plain": "/root/x"}), "/root/x"),
        ("05", replace("It was measured", "See /work/x. It was measured"), "/work/x"),
    ],
    "clean_outputs": [
        ("05", say("\x1b[1mbold"), "ANSI"),
        ("05", say("1/10\r2/10"), "carriage return"),
        ("05", say("1/10\x08\x082/10"), "backspace"),
        ("05", say("<Figure size 640x480 with 1 Axes>"), "repr"),
        ("05", output("display_data", {"text/plain": "<object at 0x7f0012ab>"}), "memory address"),
    ],
    "full_real_data": [
        ("05", in_promises(lambda cell: cell.outputs.pop()), "0 of 2 promises held"),
        ("05", state("not checked"), "1 of 2 promises held"),
        ("05", state("broken"), "1 of 2 promises held"),
        ("05", replace('    ("change",', '    ("another", it, 0, 1),\n    ("change",'), "2 of 3 promises held"),
        ("05", say("STAND-IN DATA: THIS IS NOT FASHION-MNIST"), "stand-in"),
        ("05", say("found. FASHION_SAMPLE=6000: only a sample"), "sample"),
        ("05", output("display_data", {"text/plain": "A curve (sample of 6,000)"}), "sample"),
        ("05", output("display_data", {"text/plain": "A curve (stand-in data)"}), "sample"),
    ],
    "described_images": [
        ("05", picture("image/png", 100, alt=" "), "without alternative text"),
        ("05", picture("image/png", 300_000, alt="A big one."), "300,000 bytes"),
        ("05", picture("image/jpeg", 100, alt="A photograph."), "expected image/png"),
    ],
    "repeatable_checked_outputs": [
        ("05", say("0.88123"), "decimals"),
        ("05", say("in 12.3 s"), "timing"),
        ("05", say("in 20ms"), "timing"),
    ],
    "small_file": [("05", say("long " * 300_000), "more than 1,500,000")],
    "normal_metadata": [
        ("05", lambda notebook: notebook.node.metadata.language_info.update(version="3.12.1"), "metadata"),
        ("05", set_in_code(metadata={"execution": {"iopub.execute_input": "2024-01-01"}}), "metadata"),
    ],
    "readable_ids": [
        ("05", lambda notebook: notebook.node.update(nbformat_minor=4), "before 4.5"),
        ("05", set_id("0a1b2c3d"), "says nothing"),
        ("05", set_id("0a1b2c3d-1234-4567-89ab-0123456789ab"), "says nothing"),
        ("05", set_id("Get_data"), "says nothing"),
        ("05", set_id("step-1"), "2 cells have this id"),
    ],
    "opening": [
        ("05", replace("How good is it?", "Evaluation"), "a question"),
        ("05", replace("# 5 ·", "## 5 ·"), "a question"),
        ("05", replace("**Takes about** 20", "# Two?\n\n**Takes about** 20"), "one title"),
        ("05", replace("- one\n", ""), "three points"),
        ("05", replace("- one\n", "- one\n- four\n"), "three points"),
        ("05", replace("**You will learn**", "Contents"), "You will learn"),
        ("05", replace("**You need**", "You want"), "You need"),
        ("05", replace("**Takes about** 20", "It takes 20"), "Takes about"),
        ("05", replace("**Takes about** 20", "**Takes about** 90"), "10 to 25"),
    ],
    "closing": [
        ("05", replace("## Recap", "## Summary"), "0 sections called Recap"),
        ("05", replace("## Read the result", "## Recap"), "2 sections called Recap"),
        ("05", replace("Was it luck?", ""), "2 sentences"),
        ("05", replace("Was it luck?", "A. B. C. D. E."), "7 sentences"),
        ("05", replace("## Where to go next", "## Goodbye"), "Goodbye"),
    ],
    "your_turn": [
        ("05", replace("## Your turn", "## Exercises"), "ends in Recap, Exercises, Where"),
        ("05", replace("## Your turn", "## Recap"), "ends in Recap, Recap, Where"),
        ("05", drop_cells("### Change a thing", keep=1), "1 exercises"),
        ("05", repeat_exercises, "4 exercises"),
        ("05", replace(" (3 minutes)", " (a while)"), "without its (… minutes)"),
        ("05", replace("**Objective 1:**", "**Objective 4:**"), "without its **Objective"),
        ("05", drop_cells("yours = "), "1 starters and 0 solutions"),
        ("05", drop_cells("mine = "), "0 starters and 1 solutions"),
        (
            "05",
            change_cells("yours = ", lambda cell: cell.metadata.tags.remove("solution")),
            "2 starters and 0 solutions",
        ),
        ("05", replace('exercises.check("05.it", mine)', "print(mine)"), "does not end in exercises.check"),
        ("05", replace('exercises.check("05.it", yours)', "print(yours)"), "does not end in exercises.check"),
        ("05", replace("05.it", "04.it"), "does not end in exercises.check"),
        ("05", replace('"05.it", yours', '"05.other", yours'), "another exercise"),
        ("05", replace("yours", "mine"), "overwrites what the learner made: mine"),
        ("05", replace("mine = ...", "def count(n): ..."), "overwrites what the learner made: count"),
        ("05", change_cells("mine = ", set_output("✓ right\n")), "nothing is entered yet"),
        ("05", change_cells("mine = ", set_output("")), "nothing is entered yet"),
        ("05", change_cells("yours = ", set_output("✗ not yet\n")), "does not start with ✓"),
        ("05", change_cells("yours = ", lambda cell: cell.update(outputs=[])), "does not start with ✓"),
        ("05", replace("# A worked solution\n", ""), "the first line"),
        ("05", change_cells("yours = ", lambda cell: cell.metadata.pop("jupyter")), "not folded"),
        ("05", change_cells("yours = ", lambda cell: cell.metadata.tags.pop()), "nbval does not compare"),
        ("05", drop_cells("# Its answer"), "0 cells that show its answer, expected 1"),
        ("05", change_cells("mine = ", lambda cell: cell.metadata.update(FOLDED[FOLDED_FIGURE])), "0 starters and 1"),
        ("06", repeat_its_answer, "3 cells that show its answer, expected 1"),
        ("05", replace("# Its answer\n", "# It\n"), "1 starters and 2 solutions"),
        ("05", change_cells("# Its answer", lambda cell: cell.metadata.pop("tags")), "2 starters and 1 solutions"),
        ("05", replace("# Its answer\n", "# Its answer\nmine = 1\n"), "overwrites what the learner made: mine"),
        ("05", change_cells("# Its answer", lambda cell: cell.metadata.pop("jupyter")), "not folded"),
        ("05", change_cells("# Its answer", lambda cell: cell.update(outputs=[])), "its saved output is empty"),
        ("05", change_cells("# Its answer", set_output(" \n")), "its saved output is empty"),
        ("05", change_cells("# Its answer", show_output), "gives the answer away"),
        ("05", change_cells("# Its answer", lambda cell: cell.metadata.tags.append(COMPARED)), "differs on a sample"),
        ("05", add_text("# Its answer", "So:"), "does not follow its solution"),
        ("05", swap_answers, "does not follow its solution"),
    ],
    "project": [
        ("05", drop_project, "0 projects"),
        ("05", add_text("### Project", PROJECT), "2 projects"),
        ("05", replace("(60 minutes)", "(30 minutes)"), "45 to 90 minutes"),
        ("05", replace("(60 minutes)", "(120 minutes)"), "45 to 90 minutes"),
        ("05", replace("(60 minutes)", "(an hour)"), "45 to 90 minutes"),
        ("05", replace("Project: Find out", "Project"), "45 to 90 minutes"),
        ("05", replace("What is it?", "### What is it?"), "one heading"),
        ("05", replace("### Project", "#### Project"), "one heading"),
        ("05", drop_cells("What a good answer has"), "no cell follows"),
        ("05", add_text("What a good answer has", "Some more."), "no cell follows"),
        ("05", replace("What a good answer has", "Answer"), "no cell follows"),
        ("05", change_cells("What a good answer has", lambda cell: cell.update(cell_type="code")), "no cell follows"),
        ("05", replace("</summary>\n\n- a", "</summary>\n- a"), "blank lines"),
        ("05", replace("- c\n\n</details>", "- c\n</details>"), "blank lines"),
        ("05", replace("- c\n\n</details>", "- c\n\n</details>\n\nSo."), "blank lines"),
        ("05", replace("- b\n", ""), "three points"),
        ("05", add_code("What a good answer has", "1"), "follows the project"),
        ("05", move_project, "follows the project"),
    ],
    "folded_answers": [
        ("05", replace("</details>\n\n<details><summary>Answer", "</details>\n\n<details><summary>Hint"), "1 folded"),
        ("05", replace("</summary>\n\n", "</summary>\n"), "blank lines"),
        ("05", replace("\n\n</details>", "\n</details>"), "blank lines"),
        ("05", replace("**Predict.**", "By the way:"), "without a **Predict**"),
        ("05", change_cells("data.prepare()", lambda cell: cell.update(outputs=[])), "without a **Predict**"),
        (
            "05",
            change_cells("<details>", lambda cell: cell.update(source=cell.source + "\n\nSo.")),
            "a cell of its own",
        ),
        ("05", replace("</details>\n\n<details>", "</details>\n\nSo.\n\n<details>"), "a cell of its own"),
        (
            "05",
            change_cells("<details>", lambda cell: cell.update(source="So.\n\n" + cell.source)),
            "a cell of its own",
        ),
        ("05", add_text("<details>", "**Predict.** Again?"), "without a **Predict**"),
    ],
    "heading_levels": [
        ("05", replace("## Read the result", "#### Read the result"), "level 4 follows one of level 2"),
        ("05", replace("## Read the result", "# Read the result"), "second title"),
    ],
    "links": [
        ("05", replace("01_explore.ipynb", "99_gone.ipynb"), "99_gone.ipynb"),
        ("05", replace("01_explore.ipynb", "attachment:gone.png"), "gone.png"),
    ],
    "folded_code": [
        ("05", replace("# Draw it\n", ""), "no comment"),
        ("05", replace("# Draw it\n", "#\n"), "no comment"),
    ],
    "promises_cell": [
        ("05", drop_cells("promises.keep"), "0 cells with promises"),
        ("05", add_code("## Read the result", "promises.keep()"), "2 cells with promises"),
        ("05", in_promises(lambda cell: cell.metadata.pop("tags")), 'the tag "promises"'),
        ("05", in_promises(lambda cell: cell.metadata.pop("jupyter")), "source_hidden"),
        ("05", replace("# What the text relies on, checked\n", ""), "the first line"),
        ("05", replace("promises.keep(", "check("), "promises.keep, once"),
        ("05", replace("promises.keep(", "promises.keep()\npromises.keep("), "promises.keep, once"),
        ("05", add_code("promises.keep", "1"), "the last code cell before the recap"),
        ("05", replace(", -0.1, 0.1)", ", low, 0.1)"), "no promise of the form"),
        ("05", replace(", -0.1, 0.1)", ", 0.1)"), "no promise of the form"),
        ("05", replace('    ("change"', '    *others,\n    ("change"'), "no promise of the form"),
    ],
    "plain_page": [
        ("05", add_code("## Read the result", "expect('it', 1, between=(0, 1))"), "expect on a page"),
        ("05", add_code("## Read the result", "headline('it', 1)"), "headline on a page"),
        ("05", add_code("## Read the result", "model.fit(x, callbacks=[LiveProgress()])"), "LiveProgress on a page"),
        ("05", add_code("## Read the result", "artifacts.save(model)"), "artifacts on a page"),
        ("05", add_code("## Read the result", "import artifacts"), "artifacts on a page"),
        ("05", add_code("## Read the result", "plots.show(figure, 'A.')"), "plots.show on a page"),
        ("05", add_code("## Read the result", "training.fit(model)"), "training.fit on a page"),
        ("05", add_code("## Read the result", "training.evaluate(model)"), "training.evaluate on a page"),
        ("05", add_code("## Read the result", "training.predict(model)"), "training.predict on a page"),
        ("05", add_code("## Read the result", "pair = data.load_train()"), "load_train on a page"),
        ("05", add_code("## Read the result", "from fashion_utils.claims import x"), "fashion_utils.claims"),
        ("05", add_code("## Read the result", "from fashion_utils import workshop"), "fashion_utils.workshop"),
        ("05", add_code("## Read the result", "from fashion_utils.sources import files"), "fashion_utils.sources"),
    ],
    "page_measure": [
        ("05", replace("summary(5)", "plt.plot(rest)\n" * 9), "of the visible code is plotting"),
        ("05", replace("summary(5)", "assert exercises\n" * 9), "of the visible code is plotting"),
        ("05", change_cells("# Draw it", unfold_and_double), "of the visible code is plotting"),
        ("05", replace("summary(5)", "data.a, data.b, data.c"), "6 names of ours, expected 4: data.a, "),
        ("05", replace("summary(5)", "summary(5)\n" * 16), "21 lines, more than 20"),
        (
            "05",
            change_cells("", lambda cell: cell.update(source=cell.source + "\nx" * 3)),
            "the median visible code cell",
        ),
    ],
    "install_cell": [
        ("05", drop_cells("find_spec"), "run `make address`"),
        ("05", replace("https://", "https://elsewhere."), "run `make address`"),
        ("05", change_cells("find_spec", lambda cell: cell.metadata.pop("jupyter")), "run `make address`"),
        ("05", add_code("# 5", "print()"), "run `make address`"),
        ("05", change_cells("find_spec", set_output("Note: ")), "installs what is there"),
    ],
    "quiet_start": [
        ("05", replace(IMPORTS, "import tensorflow as tf\nfrom fashion_utils import data"), "before fashion_utils"),
        ("05", replace(IMPORTS, "from tensorflow import keras\nimport fashion_utils"), "before fashion_utils"),
        ("05", replace(IMPORTS, "import tensorflow as tf"), "must import fashion_utils"),
    ],
    "prepares_data": [("05", replace("data.prepare()", "prepare"), "data.prepare()")],
    "mission_lines": [
        ("01", replace(ALL_LOADED, "train, test = tf.keras.datasets.fashion_mnist.load_data()"), "load_data()"),
        ("04", replace("Dense(128", "Dense(256"), "Sequential"),
        ("04", replace("tf.keras.layers.Flatten(),", ""), "Sequential"),
        ("04", replace('"adam"', '"sgd"'), "compile"),
        ("04", replace("EPOCHS = 10", "EPOCHS = 100"), "EPOCHS = 10"),
        ("04", replace("validation_split=0.1", "validation_split=0.2"), "model.fit"),
        ("04", replace("epochs=EPOCHS, ", ""), "model.fit"),
        ("04", replace("model.fit(", "training.fit(model, "), "model.fit"),
        ("05", replace("test_loss, test_accuracy", "loss, accuracy"), "model.evaluate"),
        *(
            (number, replace(TRAIN, "train = data.load()"), "(train_images, train_labels), _")
            for number in ("02", "03", "06")
        ),
        *((number, replace(TEST, "test = data.load()"), "(test_images, test_labels)") for number in ("05", "07")),
        ("05", set_in_code(outputs=[]), "Test Accuracy"),
        ("05", change_accuracy("0.79"), "0.8..."),
    ],
    "sealed_test_data": [
        ("01", add_code("## Read the result", "plt.imshow(test_images[0])"), "test_images"),
        ("01", add_code("## Read the result", "arrays['test'].mean()"), "arrays"),
        ("01", add_code(ALL_LOADED, "plt.imshow(test_images)"), "only be described: plt.imshow"),
        ("01", add_code(ALL_LOADED, "first = test_images[0]"), "only be described: test_images[0]"),
        ("01", replace(ALL_LOADED, f"def f(a): return a.mean()\n{ALL_LOADED}\nf(test_images)"), "described: a.mean()"),
        ("01", add_code(ALL_LOADED, "print(test_images.mean())"), "only be described: test_images.mean()"),
        ("02", add_code("## Read the result", "pair = data.load_test()"), "load_test"),
        ("02", add_code("## Read the result", TEST), "test_images"),
        ("02", add_code("## Read the result", "sealed = _[0]"), "sealed: _"),
        ("03", add_code("## Nudge it", TEST), "test_images"),
        ("03", add_code("## Nudge it", "sealed = _[0]"), "sealed: _"),
        ("04", add_code("## Read the result", "data_sets = tf.keras.datasets.fashion_mnist.load_data()"), "load_data"),
        ("04", add_code("## Read the result", TRAIN.replace("_ =", "rest =")), "load_data"),
        ("04", add_code("## Read the result", f"def load():\n    {TRAIN}\n    return _"), "sealed: _"),
        ("05", add_code("## Get ready", TEST), "test_images"),
        ("05", replace("## Open the test set", "## Go on"), "test_images"),
        ("05", add_code("## Read the result", TEST), "loaded 2 times"),
        ("06", add_code("## Get ready", TEST), "test_images"),
        ("06", replace("## Recap", "## One more section\n\n## Recap"), "test_images"),
        ("08", add_code("## Get ready", TEST), "test_images"),
        ("08", replace("## Recap", "## One more section\n\n## Recap"), "test_images"),
        ("09", add_code("## Get ready", TEST), "test_images"),
        ("09", replace("## Open the test set as", "## Look at"), "test_images"),
    ],
    "no_choice_by_test_data": [
        ("05", replace(RESULT, "model.fit(a, b, validation_data=(a, test_labels))"), "test_labels"),
        ("05", replace(RESULT, "check_on = (test_images, 0)\nfit(model, a, b, validation_data=check_on)"), "check_on"),
        ("06", replace(RESULT, "training.fit(model, test_images, test_labels)"), "test_images"),
        ("06", replace(RESULT, "model.fit(x=test_images)"), "test_images"),
    ],
    "guarded_numbers": [
        ("05", replace("89 %", "93 %"), "93 %"),
        ("05", replace("89 %", "89 to 93 %"), "93 %"),
        ("05", replace("89 %", "82–89 %"), "82 %"),
        ("05", replace("89 %", "93 per cent"), "93 %"),
        ("05", replace("89 %", "**93.1%**"), "93.1 %"),
        ("05", replace("0.885", "0.915"), "0.915"),
        ("05", replace("0.885. It", "0.915. It"), "0.915"),
        ("05", replace("10,000", "12,000"), "12,000"),
        ("05", replace("0.87, 0.90)", "0.5, 0.6)"), "89 %"),
    ],
}


def test_every_check_is_shown_to_fail():
    assert list(BROKEN) == [check.__name__ for check in CHECKS]


@pytest.mark.parametrize(
    ("check", "number", "change", "expected"),
    [(name, *case) for name, cases in BROKEN.items() for case in cases],
    ids=[f"{name}-{i}" for name, cases in BROKEN.items() for i, _ in enumerate(cases)],
)
def test_the_check_finds(check, number, change, expected):
    notebook = good_notebook(number)
    untouched = deepcopy(notebook.node)
    change(notebook)
    assert notebook.node != untouched
    problems = list(getattr(notebook_checks, check)(notebook))
    assert any(expected in problem for problem in problems), problems


def test_the_learners_copy_keeps_the_project_without_the_solutions(tmp_path):
    notebook = good_notebook("05")
    source = tmp_path / "05_test.ipynb"
    source.write_text(nbformat.v4.writes(notebook.node), encoding="utf-8")
    copied = Notebook.read(*learners.write_learners_copy(tmp_path / "copy", tmp_path)).node.cells
    kept = [
        cell.source for cell in notebook.node.cells if cell.source not in (SOLUTION.replace("NUMBER", "05"), ITS_ANSWER)
    ]
    assert [cell.source for cell in copied] == kept and {PROJECT, A_GOOD_ANSWER} < set(kept)
    assert len(copied) == len(notebook.node.cells) - 4


def test_what_is_fine_in_prose_and_code_is_not_reported():
    notebook = good_notebook("05")
    prose = (
        "Version `2.21`, [93 %](https://example.org/0.77), 28 by 28, in 1999, notebook 5, https://example.org/home/0.5."
    )
    recap = next(i for i, cell in enumerate(notebook.node.cells) if "## Recap" in cell.source)
    notebook.node.cells.insert(recap, new_markdown_cell(f"{prose}\n\n```\n# no heading\n```", id="prose"))
    found = [number for _, number, _ in notebook_checks.prose_numbers(notebook)]
    assert found == ["93 %", "89 %", "0.885", "10,000"]
    assert list(notebook_checks.heading_levels(notebook)) == []
    assert list(notebook_checks.no_absolute_path(notebook)) == []


PLOTTING = """
# a comment
figure, (left, right) = plt.subplots(1, 2)               # P
values = [1, 2]

for panel, value in zip((left, right), values):          # P
    panel.plot(value)                                    # P
    value += 1
for i, (one, two) in enumerate(zip(figure.axes, names)): # P
    one.plot(                                            # P
        i,                                               # P
    )                                                    # P
print(panel, one)                                        # P
print(value, two, i)
left = values[0]
print(left)
def draw(axis, value):                                   # P
    "Draw."                                              # P
    axis.plot(value)                                     # P
draw(right, 1)                                           # P
if values:                                               # P
    sns.heatmap(values)                                  # P
with np.errstate():
    values = np.mean(values, axis=0)
table.plot()                                             # P
plots.image_grid(values)                                 # P
"""
CHECKED = """from fashion_utils import data, exercises
from fashion_utils.experiments import tables as t
data.prepare(); data.prepare
t(1)
exercises.check("05.it", 1)
"""


def test_what_counts_as_plotting():
    imports = new_code_cell("from fashion_utils import plots\nimport matplotlib.pyplot as plt\nimport seaborn as sns")
    found = notebook_checks.measure(Notebook("05_test", new_notebook(cells=[imports, new_code_cell(PLOTTING)])))
    lines = [line for line in PLOTTING.splitlines() if line.strip() and not line.startswith("#")]
    assert found.plotting == PLOTTING.count("# P")
    assert (found.lines, found.checking, found.cells) == (3 + len(lines), 0, [3, len(lines)])
    assert found.own_names == ["plots.image_grid"]


def test_what_counts_as_checking_and_as_a_name_of_ours():
    cells = [new_code_cell(CHECKED), new_markdown_cell("## Your turn"), new_code_cell("models.mlp()\n" + CHECKED)]
    found = notebook_checks.measure(Notebook("05_test", new_notebook(cells=cells)))
    assert (found.lines, found.plotting, found.checking) == (11, 0, 1)
    assert found.own_names == ["data.prepare", "exercises.check", "experiments.tables"]


def test_what_is_folded_is_not_measured():
    notebook = good_notebook("05")
    before = notebook_checks.measure(notebook)
    add_code("## Read the result", "# Draw\nplt.plot(1)\nplots.image_grid(1)")(notebook)
    next(cell for cell in notebook.node.cells if cell.id == "added").metadata = from_dict(FOLDED[FOLDED_FIGURE])
    assert notebook_checks.measure(notebook) == before


def test_the_table_of_measures_names_every_notebook(capsys):
    notebook_checks.main()
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == [path.stem for path in PATHS]


def test_reading_a_notebook_repairs_nothing(tmp_path):
    notebook = good_notebook("05")
    set_id("step-1")(notebook)
    path = tmp_path / "05_evaluate.ipynb"
    path.write_text(nbformat.v4.writes(notebook.node), encoding="utf-8")
    read = Notebook.read(path)
    assert read.name == "05_evaluate"
    assert read.node == notebook.node

"""What the series promises of every notebook, as far as a program can tell.

Each check takes a `Notebook` and yields its problems, one sentence each, naming the cell. `CHECKS` lists them all.
`python -m tests.notebook_checks` prints how much of each page is plotting and checking.
"""

import ast
import base64
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
import re
from statistics import median

from fashion_utils.workshop import NOTEBOOKS, address
from fashion_utils.workshop.pages import promises_of
from fashion_utils.workshop.run import normalise
from IPython.core.inputtransformer2 import TransformerManager
import nbformat
from nbformat import NotebookNode

MAX_BYTES = 1_500_000
MAX_IMAGE_BYTES = 300_000
MIN_FOLDED_ANSWERS = 3

# What a learner meets (DESIGN section 1), in visible lines of code.
MAX_SHARE = 0.20  # of plotting and checking
MAX_OWN_NAMES = 4
MEDIAN_CELL_LINES = (1, 3)
MAX_CELL_LINES = 20

OWN_MODULES = {"data", "models", "training", "experiments", "pictures", "plots", "promises", "exercises"}
NOT_ON_A_PAGE = {
    "expect": "promises.keep in the folded cell",
    "headline": "report= in promises.keep",
    "LiveProgress": "verbose=2",
    "artifacts": "model.save and load_model with models.file",
    "load_train": "the line of every tutorial",
    "load_test": "the line of every tutorial",
    "plots.show": "plt.show()",
    "training.fit": "model.fit, within training.fast() if it is repeated",
    "training.evaluate": "model.evaluate",
    "training.predict": "model.predict",
}
CHECKING = {"promises", "expect", "headline"}  # the last two, so that old pages can be measured as well
A_SOLUTION, ITS_ANSWER = "# A worked solution", "# Its answer"
A_GOOD_ANSWER = "<details><summary>What a good answer has</summary>"
PROMISES_LINE = "# What the text relies on, checked"  # JupyterLab shows the first line of a folded cell

TRAIN_LINE = "(train_images, train_labels), _ = tf.keras.datasets.fashion_mnist.load_data()"
TEST_LINE = "_, (test_images, test_labels) = tf.keras.datasets.fashion_mnist.load_data()"
TEST_DATA = {"load_test", "load_data", "test_images", "test_labels"}

# Numbers in prose that no cell has to guard, each with the reason.
ALLOWED_NUMBERS = {
    "10,000": "size of the published test set",
    "70,000": "size of the published data set",
    "109,386": "parameters of the network, counted by a cell whose output is checked",
    "5,000": "pictures that 04 breaks the network with, set in the code",
    "1,000": "number of guessing models in 02, set in the code",
    "66.7 %": "published: one person's accuracy, Fashion-MNIST-H",
    "82.0 %": "published: accuracy of the most frequent answer of about 67 people, Fashion-MNIST-H",
    "26.7 %": "published: the same, of shirts only",
    "83.5 %": "published: human accuracy in the data set's own table",
    "88.3 %": "published: a similar network in the data set's own table",
    "95 %": "level of the confidence intervals",
    "1.5": "pixels by which 07 moves a picture at most, set in the code",
    "1.96": "standard errors that hold 95 % of a normal distribution",
    "2.30": "ln 10, a constant",
    "0.1": "probability of each of ten classes to one who guesses, and the share that validation_split sets aside",
    "0.001": "Adam's default learning rate",
}

# Lines that the series promises to teach as they are (DESIGN section 3); a call may have further keyword arguments.
MISSION_LINES = {
    "01": ("(train_images, train_labels), (test_images, test_labels) = tf.keras.datasets.fashion_mnist.load_data()",),
    "02": (TRAIN_LINE,),
    "03": (TRAIN_LINE,),
    "04": (
        TRAIN_LINE,
        """model = tf.keras.Sequential(
            [
                tf.keras.layers.Input((28, 28)),
                tf.keras.layers.Flatten(),
                tf.keras.layers.Dense(128, activation="relu"),
                tf.keras.layers.Dense(64, activation="relu"),
                tf.keras.layers.Dense(10, activation="softmax"),
            ]
        )""",
        'model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])',
        "EPOCHS = 10",
        "history = model.fit(train_images, train_labels, epochs=EPOCHS, validation_split=0.1)",
    ),
    "05": (TEST_LINE, "test_loss, test_accuracy = model.evaluate(test_images, test_labels)"),
    "06": (TRAIN_LINE,),
    "07": (TRAIN_LINE, TEST_LINE),
    "08": (TRAIN_LINE, TEST_LINE),
    "09": (TRAIN_LINE, TEST_LINE),
}


@dataclass(frozen=True)
class Section:
    """A second-level heading ("" before the first) and the cells from there to the next."""

    title: str
    cells: list[NotebookNode]


@dataclass(frozen=True)
class Notebook:
    """A notebook and the name of its file without the ending, as in "05_evaluate"."""

    name: str
    node: NotebookNode

    @classmethod
    def read(cls, path: Path) -> "Notebook":
        # nbformat.read would give cells with the same id new ones, so that no check could see it.
        return cls(path.stem, nbformat.v4.reads(path.read_text(encoding="utf-8")))

    @property
    def number(self) -> str:
        return self.name.partition("_")[0]

    @property
    def code_cells(self) -> list[NotebookNode]:
        return [cell for cell in self.node.cells if cell.cell_type == "code" and cell.source.strip()]

    @property
    def markdown_cells(self) -> list[NotebookNode]:
        return [cell for cell in self.node.cells if cell.cell_type == "markdown"]

    @property
    def visible_cells(self) -> list[NotebookNode]:
        """The code cells whose source is not folded, and that are no solution: what a learner meets."""
        return [cell for cell in self.code_cells if not is_folded(cell) and "solution" not in tags(cell)]

    @property
    def promises_cells(self) -> list[NotebookNode]:
        return [cell for cell in self.code_cells if "promises" in tags(cell) or calls(tree(cell), "keep")]

    @property
    def outputs(self) -> list[tuple[NotebookNode, NotebookNode]]:
        """Every output with its cell."""
        return [(cell, output) for cell in self.code_cells for output in cell.outputs]

    @property
    def sections(self) -> list[Section]:
        sections = [Section("", [])]
        for cell in self.node.cells:
            titles = [title for level, title in headings(cell) if level == 2]
            if titles:
                sections.append(Section(titles[0], []))
            sections[-1].cells.append(cell)
        return sections


# --- Parts of cells ---------------------------------------------------------------------------------------------------


def headings(cell: NotebookNode) -> list[tuple[int, str]]:
    """Return level and text of each Markdown heading of a cell."""
    if cell.cell_type != "markdown":
        return []
    prose = re.sub(r"^```.*?^```", "", cell.source, flags=re.DOTALL | re.MULTILINE)
    return [(len(marks), text.strip()) for marks, text in re.findall(r"^(#{1,6}) +(.+)$", prose, re.MULTILINE)]


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def is_folded(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden"))


def tree(cell: NotebookNode) -> ast.Module:
    """Return the syntax tree of a code cell; magics become the calls they stand for."""
    return _parse(_plain_python(cell.source))


@cache
def _plain_python(source: str) -> str:
    return TransformerManager().transform_cell(source)  # without leading blank lines


_parse = cache(ast.parse)


def names(node: ast.AST) -> set[str]:
    """Return every name and attribute that occurs below a syntax node."""
    found = {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
    return found | {child.attr for child in ast.walk(node) if isinstance(child, ast.Attribute)}


def calls(node: ast.AST, name: str) -> list[ast.Call]:
    """Return the calls of a function or method of this name below a syntax node."""
    found = [child for child in ast.walk(node) if isinstance(child, ast.Call)]
    return [call for call in found if name in (getattr(call.func, "id", None), getattr(call.func, "attr", None))]


def texts(output: NotebookNode) -> list[str]:
    """Return what an output says in words: its stream, its traceback, every text format of its data."""
    if output.output_type == "stream":
        return [output.text]
    if output.output_type == "error":
        return output.traceback
    return [text for kind, text in output.data.items() if kind.startswith("text/")]


def contains(tree: ast.AST, wanted: ast.AST) -> bool:
    """Return whether a syntax tree has a part like the wanted one, whose calls may have more keyword arguments."""
    return any(_like(part, wanted) for part in ast.walk(tree))


def _like(found, wanted) -> bool:
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_like, found, wanted))
    if not isinstance(wanted, ast.AST):
        return found == wanted
    if type(found) is not type(wanted):
        return False
    if isinstance(wanted, ast.Call):
        given = {keyword.arg: keyword.value for keyword in found.keywords}
        has_keywords = all(word.arg in given and _like(given[word.arg], word.value) for word in wanted.keywords)
        return has_keywords and _like(found.func, wanted.func) and _like(found.args, wanted.args)
    return all(_like(getattr(found, field), getattr(wanted, field)) for field in wanted._fields)


# --- Execution and outputs --------------------------------------------------------------------------------------------


def executed_in_order(notebook: Notebook) -> Iterator[str]:
    for expected, cell in enumerate(notebook.code_cells, start=1):
        if cell.execution_count != expected:
            yield f"cell {cell.id}: execution count {cell.execution_count}, expected {expected}"


def no_stderr(notebook: Notebook) -> Iterator[str]:
    for cell, output in notebook.outputs:
        if output.output_type == "stream" and output.name == "stderr":
            yield f"cell {cell.id}: stderr: {output.text[:80]!r}"


def no_error(notebook: Notebook) -> Iterator[str]:
    for cell, output in notebook.outputs:
        if output.output_type == "error":
            yield f"cell {cell.id}: {output.ename}: {output.evalue}"


def no_absolute_path(notebook: Notebook) -> Iterator[str]:
    machine_path = re.compile(r"(?<![\w.~])/(?:home|root|Users|work|tmp)/|\b[A-Z]:\\")
    sources = [(cell, cell.source) for cell in notebook.node.cells]
    outputs = [(cell, text) for cell, output in notebook.outputs for text in texts(output)]
    for cell, text in sources + outputs:
        if found := machine_path.search(text):
            yield f"cell {cell.id}: a path of one machine: {text[found.start() : found.start() + 40]!r}"


def clean_outputs(notebook: Notebook) -> Iterator[str]:
    unwanted = {
        "\x1b": "an ANSI escape",
        "\r": "a carriage return",
        "\x08": "a backspace",
        "<Figure size": "a figure's repr",
        r"\b0x[0-9a-f]{6,}": "a memory address",
    }
    for cell, output in notebook.outputs:
        for pattern, what in unwanted.items():
            if any(re.search(pattern, text) for text in texts(output)):
                yield f"cell {cell.id}: {what} in its output"


def full_real_data(notebook: Notebook) -> Iterator[str]:
    """The promises of a sample or the stand-in are not checked; in a committed notebook every one was, and held."""
    for cell in notebook.promises_cells:
        states = [promise["state"] for promise in promises_of(cell)["promises"]]
        made = sum(len(call.args) for call in calls(tree(cell), "keep"))
        if states != ["held"] * made:
            held = states.count("held")
            yield f"cell {cell.id}: {held} of {made} promises held when it was executed; run `make notebooks`"
    signs = re.compile(r"STAND-IN DATA|FASHION_SAMPLE=|\((?:stand-in data|sample of)")  # the last in pictures' texts
    for cell, output in notebook.outputs:
        if any(signs.search(text) for text in texts(output)):
            yield f"cell {cell.id}: executed on a sample or the stand-in; run `make notebooks`"


def described_images(notebook: Notebook) -> Iterator[str]:
    for cell, output in notebook.outputs:
        for kind in output.get("data", {}):
            if not kind.startswith("image/"):
                continue
            if not output.metadata.get(kind, {}).get("alt", "").strip():
                yield f"cell {cell.id}: a picture without alternative text"
            size = len(base64.b64decode(output.data[kind])) if kind == "image/png" else None
            if size is None:
                yield f"cell {cell.id}: a picture as {kind}, expected image/png"
            elif size >= MAX_IMAGE_BYTES:
                yield f"cell {cell.id}: a picture of {size:,} bytes, more than {MAX_IMAGE_BYTES:,}"


def repeatable_checked_outputs(notebook: Notebook) -> Iterator[str]:
    for cell, output in notebook.outputs:
        if "nbval-check-output" not in tags(cell):
            continue
        for text in texts(output):
            if found := re.search(r"\d\.\d{5,}", text):
                yield f"cell {cell.id}: more decimals than repeat everywhere, but compared by nbval: {found[0]}..."
            if found := re.search(r"\d ?(?:[mµn]?s|seconds?|minutes?)\b", text):
                yield f"cell {cell.id}: a timing, but compared by nbval: {found[0]}"


def small_file(notebook: Notebook) -> Iterator[str]:
    size = len(nbformat.writes(notebook.node).encode())
    if size >= MAX_BYTES:
        yield f"{size:,} bytes, more than {MAX_BYTES:,}"


def normal_metadata(notebook: Notebook) -> Iterator[str]:
    normal = deepcopy(notebook.node)
    normalise(normal)
    if normal != notebook.node:
        yield "metadata that changes from machine to machine: run `make notebooks`"


def readable_ids(notebook: Notebook) -> Iterator[str]:
    if (notebook.node.nbformat, notebook.node.nbformat_minor) < (4, 5):
        yield "a format before 4.5, which has no cell ids"
        return
    ids = [cell.id for cell in notebook.node.cells]
    for cell_id in ids:
        if not re.fullmatch(r"[a-z0-9-]+", cell_id) or re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f-]+)?", cell_id):
            yield f"cell {cell_id}: an id that says nothing; use words-with-hyphens"
    for cell_id in sorted({cell_id for cell_id in ids if ids.count(cell_id) > 1}):
        yield f"cell {cell_id}: {ids.count(cell_id)} cells have this id"


# --- The reader's arc -------------------------------------------------------------------------------------------------


def opening(notebook: Notebook) -> Iterator[str]:
    first = notebook.node.cells[0]
    titles = [title for level, title in headings(first) if level == 1]
    if len(titles) != 1 or not titles[0].endswith("?"):
        yield f"cell {first.id}: the first cell needs one title, a question"
    objectives = re.search(r"\*\*You will learn\*\*\n\n((?:- .*\n(?:  .*\n)*)+)", first.source)
    if objectives is None or len(re.findall(r"^- ", objectives[1], re.MULTILINE)) != 3:
        yield f"cell {first.id}: needs **You will learn** with three points"
    if "**You need**" not in first.source:
        yield f"cell {first.id}: needs **You need**"
    minutes = re.search(r"\*\*Takes about\*\* (\d+) minutes", first.source)
    if minutes is None or not 10 <= int(minutes[1]) <= 25:
        yield f"cell {first.id}: needs **Takes about** 10 to 25 minutes"


def closing(notebook: Notebook) -> Iterator[str]:
    recaps = [section for section in notebook.sections if section.title == "Recap"]
    if len(recaps) != 1:
        yield f"{len(recaps)} sections called Recap, expected one"
    for recap in recaps:
        prose = "\n".join(cell.source for cell in recap.cells if cell.cell_type == "markdown")
        sentences = len(re.findall(r"[.!?](?=\s|$)", prose))
        if not 3 <= sentences <= 6:
            yield f"a recap of {sentences} sentences, expected 3 to 6"
    if notebook.sections[-1].title != "Where to go next":
        yield f"the last section is {notebook.sections[-1].title!r}, expected 'Where to go next'"


def your_turn(notebook: Notebook) -> Iterator[str]:
    """Exercises stand between the recap and the end: each a task, a starter with its check, and a folded solution.

    A second folded cell after the solution shows its answer. nbval does not compare that: on a sample it differs.
    """
    last_three = [section.title for section in notebook.sections[-3:]]
    if last_three != ["Recap", "Your turn", "Where to go next"]:
        yield f"ends in {', '.join(last_three)}; expected Recap, Your turn, Where to go next"
    exercises = _exercises(notebook)
    if not 2 <= len(exercises) <= 3:
        yield f"{len(exercises)} exercises, expected 2 or 3"
    for task, starters, solutions, answers in exercises:
        titles = [title for _, title in headings(task)]
        if not re.search(r"\(\d+ minutes\)$", titles[0]):
            yield f"cell {task.id}: an exercise without its (… minutes)"
        if not re.search(r"^\*\*Objective [1-3]:\*\* ", task.source, re.MULTILINE):
            yield f"cell {task.id}: an exercise without its **Objective 1:**, 2 or 3"
        if len(starters) != 1 or len(solutions) != 1:
            yield f"cell {task.id}: {len(starters)} starters and {len(solutions)} solutions, expected one of each"
            continue
        starter, solution = starters[0], solutions[0]
        checked = [_checked_exercises(cell) for cell in (starter, solution)]
        for cell, names_checked in zip((starter, solution), checked, strict=True):
            if len(names_checked) != 1 or not names_checked[0].startswith(f"{notebook.number}."):
                yield f'cell {cell.id}: does not end in exercises.check("{notebook.number}.…", …)'
        if checked[0] != checked[1]:
            yield f"cell {solution.id}: checks another exercise than its starter"
        for cell in (solution, *answers):
            if assigned := _assigned(starter) & _assigned(cell):
                yield f"cell {cell.id}: overwrites what the learner made: {', '.join(sorted(assigned))}"
        if not re.search(r"^○ nothing entered yet.*\n\Z", _printed(starter), re.MULTILINE):
            yield f"cell {starter.id}: its check does not say that nothing is entered yet"
        if not _printed(solution).startswith("✓"):
            yield f"cell {solution.id}: its saved output does not start with ✓"
        if not solution.source.startswith(f"{A_SOLUTION}\n"):
            yield f"cell {solution.id}: JupyterLab shows the first line of a folded cell; let it say A worked solution"
        for cell in (solution, *answers):
            if not is_folded(cell):
                yield f"cell {cell.id}: a solution that is not folded (jupyter.source_hidden)"
        if "nbval-check-output" not in tags(solution):
            yield f"cell {solution.id}: a solution whose output nbval does not compare"
        if len(answers) != 1:
            yield f"cell {solution.id}: {len(answers)} cells that show its answer, expected 1"
        for answer in answers:
            yield from (f"cell {answer.id}: {problem}" for problem in _answer_problems(answer))
            cells = [cell.id for cell in notebook.node.cells]
            if cells.index(answer.id) != cells.index(solution.id) + 1:
                yield f"cell {answer.id}: does not follow its solution at once"


def _answer_problems(answer: NotebookNode) -> Iterator[str]:
    if not any(text.strip() for output in answer.outputs for text in texts(output)):
        yield "shows no answer: its saved output is empty"
    if not answer.metadata.get("jupyter", {}).get("outputs_hidden"):
        yield "gives the answer away: JupyterLab shows its output until jupyter.outputs_hidden is set"
    if "nbval-check-output" in tags(answer):
        yield "nbval compares its output, which differs on a sample"


def _exercises(notebook: Notebook) -> list[tuple[NotebookNode, list, list, list]]:
    """Return the exercises: the cell with the task, and the starters, the solutions and their answers that follow."""
    exercises = []
    for cell in _your_turn_cells(notebook):
        if any(level == 3 for level, _ in headings(cell)) and not _is_project(cell):
            exercises.append((cell, [], [], []))
        elif exercises and cell.cell_type == "code" and not _is_folded_figure(cell):
            is_answer = cell.source.startswith(f"{ITS_ANSWER}\n")
            exercises[-1][1 + ("solution" in tags(cell)) * (1 + is_answer)].append(cell)
    return exercises


def _your_turn_cells(notebook: Notebook) -> list[NotebookNode]:
    return [cell for section in notebook.sections if section.title == "Your turn" for cell in section.cells]


def _is_folded_figure(cell: NotebookNode) -> bool:
    """Return whether a cell draws what a task is about, folded away."""
    first_lines = (f"{A_SOLUTION}\n", f"{ITS_ANSWER}\n")
    return is_folded(cell) and "solution" not in tags(cell) and not cell.source.startswith(first_lines)


def _is_project(cell: NotebookNode) -> bool:
    return any(re.match(r"project\b", title, re.IGNORECASE) for _, title in headings(cell))


def project(notebook: Notebook) -> Iterator[str]:
    """An open task ends "Your turn": one cell with the task, one folded cell that says what a good answer has."""
    cells = _your_turn_cells(notebook)
    found = [i for i, cell in enumerate(cells) if _is_project(cell)]
    if len(found) != 1:
        yield f"{len(found)} projects, expected one"
    for i in found:
        task, after = cells[i], cells[i + 1 :]
        level, title = headings(task)[0]
        minutes = re.fullmatch(r"Project: \S.* \((\d+) minutes\)", title)
        if len(headings(task)) != 1 or level != 3 or minutes is None or not 45 <= int(minutes[1]) <= 90:
            yield f"cell {task.id}: a project needs one heading, '### Project: … (45 to 90 minutes)'"
        if not after or not after[0].source.startswith(A_GOOD_ANSWER) or after[0].cell_type != "markdown":
            yield f"cell {task.id}: no cell follows that begins with {A_GOOD_ANSWER}"
            continue
        points = re.fullmatch(rf"{A_GOOD_ANSWER}\n\n(\S[\s\S]*?)\n\n</details>\s*", after[0].source)
        if points is None:
            yield f"cell {after[0].id}: blank lines are missing around what is folded, or there is more in the cell"
        elif len(re.findall(r"^- \S", points[1], re.MULTILINE)) < 3:
            yield f"cell {after[0].id}: what a good answer has takes at least three points"
        if len(after) > 1:
            yield f"cell {after[1].id}: follows the project, which ends Your turn"


def _checked_exercises(cell: NotebookNode) -> list[str]:
    """Return the exercise that the last statement of a cell checks, in a list; an empty one if there is none."""
    last = tree(cell).body[-1]
    return [ast.literal_eval(call.args[0]) for call in calls(last, "check")] if isinstance(last, ast.Expr) else []


def _assigned(cell: NotebookNode) -> set[str]:
    stored = [
        node.id for node in ast.walk(tree(cell)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    return {*stored, *(node.name for node in ast.walk(tree(cell)) if isinstance(node, ast.FunctionDef))}


def _printed(cell: NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def folded_answers(notebook: Notebook) -> Iterator[str]:
    """A reader predicts, runs, and only then unfolds the answer, which stands in a cell of its own."""
    answers, predicted, ran = 0, False, False
    for cell in notebook.node.cells:
        if cell.cell_type == "code":
            ran = ran or bool(cell.outputs)
            continue
        if "<details>" in cell.source and re.sub(r"<details>.*?</details>", "", cell.source, flags=re.DOTALL).strip():
            yield f"cell {cell.id}: a folded answer stands in a cell of its own; this one has more"
        for part in re.split(r"(?=\*\*Predict|<details>)", cell.source):
            if part.startswith("**Predict"):
                predicted, ran = True, False
            elif part.startswith("<details><summary>Answer"):
                answers += 1
                if not re.match(r"<details><summary>Answer</summary>\n\n\S[\s\S]*?\n\n</details>", part):
                    yield f"cell {cell.id}: blank lines are missing around a folded answer, so its Markdown is not read"
                if not (predicted and ran):
                    yield f"cell {cell.id}: an answer without a **Predict** and an output that settles it before"
    if answers < MIN_FOLDED_ANSWERS:
        yield f"{answers} folded answers, expected at least {MIN_FOLDED_ANSWERS}"


def heading_levels(notebook: Notebook) -> Iterator[str]:
    before = 0
    for cell in notebook.node.cells:
        for level, title in headings(cell):
            if level > before + 1:
                yield f"cell {cell.id}: heading {title!r} of level {level} follows one of level {before}"
            if level == 1 and before > 0:
                yield f"cell {cell.id}: a second title, {title!r}"
            before = level


def links(notebook: Notebook) -> Iterator[str]:
    for cell in notebook.markdown_cells:
        for target in re.findall(r"\]\(([^)#\s]+)", cell.source):
            kind, _, name = target.rpartition(":")
            there = name in cell.get("attachments", {}) if kind == "attachment" else (NOTEBOOKS / target).is_file()
            if "://" not in target and not there:
                yield f"cell {cell.id}: a link to {target}, which does not exist"


# --- What a learner meets ---------------------------------------------------------------------------------------------


def folded_code(notebook: Notebook) -> Iterator[str]:
    """JupyterLab shows the first line of a folded cell: it says what is in it."""
    for cell in notebook.code_cells:
        if is_folded(cell) and not re.match(r"# \w", cell.source):
            yield f"cell {cell.id}: a folded cell whose first line is no comment"


def promises_cell(notebook: Notebook) -> Iterator[str]:
    """All promises stand in one folded cell, the last before the recap, each with a range that can be read off."""
    if len(found := notebook.promises_cells) != 1:
        yield f"{len(found)} cells with promises, expected one"
        return
    cell = found[0]
    kept = calls(tree(cell), "keep")
    if len(kept) != 1 or ast.unparse(kept[0].func) != "promises.keep":
        yield f"cell {cell.id}: has to call promises.keep, once"
    if "promises" not in tags(cell) or not is_folded(cell):
        yield f'cell {cell.id}: needs the tag "promises" and jupyter.source_hidden'
    if not cell.source.startswith(f"{PROMISES_LINE}\n"):
        yield f"cell {cell.id}: JupyterLab shows the first line of a folded cell; let it be {PROMISES_LINE!r}"
    titles = [title for cell in notebook.node.cells for _, title in headings(cell)]
    before_recap = [cell for section in notebook.sections for cell in section.cells]
    for section in notebook.sections[::-1]:
        if section.title == "Recap":
            before_recap = before_recap[: before_recap.index(section.cells[0])]
    if "Recap" in titles and [other for other in before_recap if other.cell_type == "code"][-1:] != [cell]:
        yield f"cell {cell.id}: has to be the last code cell before the recap"
    for promise in [promise for call in kept for promise in call.args]:
        if _range(promise) is None:
            yield f"cell {cell.id}: no promise of the form (name, value, least, greatest): {ast.unparse(promise)[:60]}"


def _range(promise: ast.AST) -> tuple[float, float] | None:
    """Return the least and the greatest value of a promise, if they are written down."""
    try:
        _, _, least, greatest = promise.elts
        return ast.literal_eval(least), ast.literal_eval(greatest)
    except (AttributeError, ValueError):
        return None


def plain_page(notebook: Notebook) -> Iterator[str]:
    """What stands on a page works in any other notebook; of ours only the modules meant for it."""
    for cell in notebook.code_cells:
        for node in ast.walk(tree(cell)):
            used = {getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "name", None)}
            used |= {ast.unparse(node)} if isinstance(node, ast.Attribute) else set()
            for name in used & set(NOT_ON_A_PAGE):
                yield f"cell {cell.id}: {name} on a page; {NOT_ON_A_PAGE[name]} instead"
    for module, _ in _own_imports(notebook).values():
        if module not in OWN_MODULES:
            yield f"imports fashion_utils.{module}, which is not for notebooks"


@dataclass(frozen=True)
class Measure:
    """How much of a page is what (DESIGN section 1), in visible lines of code, without blank ones and comments."""

    lines: int
    plotting: int
    checking: int
    own_names: list[str]
    cells: list[int]

    @property
    def share(self) -> float:
        return (self.plotting + self.checking) / max(self.lines, 1)


def measure(notebook: Notebook) -> Measure:
    """Measure what a learner meets.

    Plotting is every statement that uses Matplotlib, seaborn, `plots`, `.plot` or a name that was made from these, such
    as a figure; checking one that uses `promises` or, outside of "Your turn", `exercises.check`. Imports are neither.
    """
    your_turn = {cell.id for cell in _your_turn_cells(notebook)}
    drawing, imports = {"figure", "fig", "axis", "axes", "ax", ".plot"}, _own_imports(notebook)
    own, plotting, checking, cells = set(), 0, 0, []
    for cell in notebook.code_cells:
        parsed = tree(cell)
        drawing |= _drawing_imports(parsed)
        drawn = _lines_that_use(
            parsed.body, drawing
        )  # in folded cells, too: they may make a name that a later one uses
        if cell not in notebook.visible_cells:
            continue
        source = _plain_python(cell.source).splitlines()
        lines = {i for i, line in enumerate(source, 1) if line.strip() and line.strip()[0] != "#"}
        checks = _lines_that_use(parsed.body, CHECKING | (set() if cell.id in your_turn else {"exercises"}))
        cells.append(len(lines))
        plotting += len(lines & drawn)
        checking += len(lines & checks - drawn)
        if cell.id not in your_turn:
            own |= _own_names(parsed, imports)
    if any(calls(tree(cell), "check") for cell in notebook.code_cells):
        own.add("exercises.check")
    return Measure(sum(cells), plotting, checking, sorted(own), cells)


def _drawing_imports(tree: ast.AST) -> set[str]:
    """Return the names by which Matplotlib, seaborn and our plots are imported."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                path = f"{getattr(node, 'module', None) or ''}.{alias.name}".strip(".")
                if path.startswith(("matplotlib", "seaborn", "fashion_utils.plots")):
                    found.add(alias.asname or alias.name.partition(".")[0])
    return found


def _lines_that_use(statements: list[ast.stmt], wanted: set[str]) -> set[int]:
    """Return the lines of the statements that use the wanted names; names made from these are added to the wanted.

    The head of a loop, a condition or a function belongs to them if its own expressions do or its whole body does.
    """
    lines = set()
    for statement in statements:
        parts = [part for name in ("body", "orelse", "finalbody") for part in getattr(statement, name, [])]
        parts += [part for handler in getattr(statement, "handlers", []) for part in handler.body]
        if not parts:
            made = {name for target in getattr(statement, "targets", []) for name in _stored(target)}
            if _uses(statement, wanted):
                lines |= _span(statement)
                wanted |= made
            else:
                wanted -= made
            continue
        heads = [value for name in ("iter", "test") if (value := getattr(statement, name, None)) is not None]
        heads += [item.context_expr for item in getattr(statement, "items", [])]
        if isinstance(statement, ast.For):
            bound = _bound(statement.target, statement.iter, wanted)
            wanted -= _stored(statement.target)
            wanted |= bound
        within = _lines_that_use(parts, wanted)
        whole = within and set().union(*(_span(part) for part in parts if not _is_docstring(part))) <= within
        if whole or any(_uses(head, wanted) for head in heads):
            within |= _span(statement) if whole else set(range(statement.lineno, parts[0].lineno))
        if within and isinstance(statement, ast.FunctionDef):
            wanted.add(statement.name)  # to call it is to draw
        lines |= within
    return lines


def _bound(target: ast.AST, values: ast.AST, wanted: set[str]) -> set[str]:
    """Return the loop variables that run over wanted values; `zip` and `enumerate` are taken apart."""
    function = getattr(getattr(values, "func", None), "id", None)
    if function == "zip" and isinstance(target, ast.Tuple):
        return set().union(*(_bound(*pair, wanted) for pair in zip(target.elts, values.args, strict=True)))
    if function == "enumerate" and isinstance(target, ast.Tuple):
        return _bound(target.elts[1], values.args[0], wanted)
    return _stored(target) if _uses(values, wanted) else set()


def _uses(node: ast.AST, wanted: set[str]) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return False
    found = {child.id for child in ast.walk(node) if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load)}
    found |= {f".{child.attr}" for child in ast.walk(node) if isinstance(child, ast.Attribute)}
    return bool(found & wanted)


def _stored(target: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _span(statement: ast.stmt) -> set[int]:
    decorators = [decorator.lineno for decorator in getattr(statement, "decorator_list", [])]
    return set(range(min([statement.lineno, *decorators]), statement.end_lineno + 1))


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _own_imports(notebook: Notebook) -> dict[str, tuple[str, str]]:
    """Return what is imported from `fashion_utils`, by the name in the notebook: the module, and what of it or ""."""
    found = {}
    for cell in notebook.code_cells:
        for node in ast.walk(tree(cell)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "fashion_utils":
                for alias in node.names:
                    path = [*node.module.split(".")[1:], alias.name]
                    found[alias.asname or alias.name] = (path[0], ".".join(path[1:]))
    return found


def _own_names(tree: ast.AST, imports: dict[str, tuple[str, str]]) -> set[str]:
    """Return what code uses of ours, as "data.prepare"."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imports:
            module, of_it = imports[node.value.id]
            found.add(f"{module}.{of_it or node.attr}")
        elif isinstance(node, ast.Name) and imports.get(node.id, ("", ""))[1]:
            found.add(".".join(imports[node.id]))
    return found


def page_measure(notebook: Notebook) -> Iterator[str]:
    found = measure(notebook)
    if found.share >= MAX_SHARE:
        yield f"{found.share:.0%} of the visible code is plotting and checking, expected under {MAX_SHARE:.0%}"
    if len(found.own_names) > MAX_OWN_NAMES:
        yield f"{len(found.own_names)} names of ours, expected {MAX_OWN_NAMES}: {', '.join(found.own_names)}"
    low, high = MEDIAN_CELL_LINES
    if not low <= median(found.cells) <= high:
        yield f"the median visible code cell has {median(found.cells):g} lines, expected {low} to {high}"
    for cell, lines in zip(notebook.visible_cells, found.cells, strict=True):
        if lines > MAX_CELL_LINES:
            yield f"cell {cell.id}: {lines} lines, more than {MAX_CELL_LINES}"


# --- Code and data ----------------------------------------------------------------------------------------------------


def install_cell(notebook: Notebook) -> Iterator[str]:
    """A notebook that is alone, on Colab for instance, installs what it imports; elsewhere that cell says nothing."""
    first = notebook.code_cells[0]
    if first.source != address.source() or first.metadata != address.METADATA:
        yield f"cell {first.id}: the first code cell does not install what is missing; run `make address`"
    elif first.outputs:
        yield f"cell {first.id}: installs what is there"


def quiet_start(notebook: Notebook) -> Iterator[str]:
    """`fashion_utils` holds back TensorFlow's start-up messages, if it is imported first."""
    first = next(cell for cell in notebook.code_cells if "install" not in tags(cell))
    imports = [
        alias.name.partition(".")[0] if isinstance(statement, ast.Import) else statement.module.partition(".")[0]
        for statement in ast.walk(tree(first))
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for alias in statement.names
    ]
    if "fashion_utils" not in imports:
        yield f"cell {first.id}: the first code cell must import fashion_utils"
    elif "tensorflow" in imports[: imports.index("fashion_utils")]:
        yield f"cell {first.id}: imports tensorflow before fashion_utils"


def prepares_data(notebook: Notebook) -> Iterator[str]:
    if not any(contains(tree(cell), ast.parse("data.prepare()").body[0].value) for cell in notebook.code_cells):
        yield "no cell calls data.prepare(), which finds and checks the data"


def mission_lines(notebook: Notebook) -> Iterator[str]:
    for line in MISSION_LINES.get(notebook.number, ()):
        if not any(contains(tree(cell), ast.parse(line).body[0]) for cell in notebook.code_cells):
            yield f"a line the series promises to teach is missing: {line}"
    printed = [text for _, output in notebook.outputs for text in texts(output)]
    if notebook.number == "05" and not any(re.search(r"^Test Accuracy: 0\.8\d$", text, re.M) for text in printed):
        yield "no output says 'Test Accuracy: 0.8...'"


def sealed_test_data(notebook: Notebook) -> Iterator[str]:
    """Test data is named only where its rule lets it: see `_open_cells`. 01 may describe it, with nothing taken out."""
    allowed = {cell.id for cell in _open_cells(notebook)}
    tainted, taken, dropped = set(TEST_DATA), 0, 0
    for cell in notebook.code_cells:
        parsed, loads = _without_train_line(tree(cell))
        dropped += loads  # "_" then holds the test data
        used = names(parsed) & tainted | ({"_"} if dropped and _uses(parsed, {"_"}) else set())
        taken += len(calls(parsed, "load_test") + calls(parsed, "load_data"))
        if used and cell.id not in allowed:
            yield f"cell {cell.id}: uses test data where it is sealed: {', '.join(sorted(used))}"
        elif used and notebook.number == "01":
            yield from (f"cell {cell.id}: {problem}" for problem in _more_than_described(parsed))
        tainted |= _made_from(parsed, tainted)
    if taken > 1:
        yield f"the test set is loaded {taken} times, expected once"


def _without_train_line(parsed: ast.Module) -> tuple[ast.Module, int]:
    """Return a cell, and the functions in it, without the lines that load the training data only, and their number."""
    line, found = ast.parse(TRAIN_LINE).body[0], []

    class Drop(ast.NodeTransformer):
        def visit_Assign(self, node):
            if not _like(node, line):
                return node
            found.append(node)
            return ast.Pass()

    return Drop().visit(deepcopy(parsed)), len(found)


def _open_cells(notebook: Notebook) -> list[NotebookNode]:
    """Return the cells that may name test data.

    01: the section that loads the data. 02 to 04: none. 05 and 09: from the section that opens the test set. The
    others: the last section before the recap.
    """
    sections = notebook.sections
    titles = [section.title for section in sections]
    if notebook.number == "01":
        chosen = [section for section in sections if any("load_data" in cell.source for cell in section.cells)][:1]
    elif notebook.number in ("02", "03", "04"):
        chosen = []
    elif notebook.number in ("05", "09"):
        opens = [i for i, title in enumerate(titles) if re.search(r"\bopen\b.*\btest set\b", title, re.IGNORECASE)]
        chosen = sections[opens[0] :] if opens else []
    else:
        chosen = [sections[titles.index("Recap") - 1]] if "Recap" in titles else []
    return [cell for section in chosen for cell in section.cells]


def _made_from(tree: ast.AST, tainted: set[str]) -> set[str]:
    """Return the variables that are assigned something made from tainted ones."""
    assignments = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    made = [target for node in assignments if names(node.value) & tainted for target in node.targets]
    return {
        node.id
        for target in made
        for node in ast.walk(target)
        if isinstance(node, ast.Name) and node.id not in ("train_images", "train_labels", "_")  # load_data() gives both
    }


def _more_than_described(tree: ast.AST) -> Iterator[str]:
    """In 01 the test arrays may be loaded and put into a table of shapes, types and ranges; nothing else."""
    describing = {"prepare", "load_data", "DataFrame", "items", "min", "max", "print", "len"}
    describing |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}  # looked at themselves
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            yield f"takes a part of an array where test data may only be described: {ast.unparse(node)}"
        if isinstance(node, ast.Call) and not names(node.func) & describing:
            yield f"computes where test data may only be described: {ast.unparse(node)}"


def no_choice_by_test_data(notebook: Notebook) -> Iterator[str]:
    tainted = set(TEST_DATA)
    for cell in notebook.code_cells:
        parsed, _ = _without_train_line(tree(cell))
        tainted |= _made_from(parsed, tainted)
        for call in calls(parsed, "fit"):
            given = call.args + [word.value for word in call.keywords if word.arg in ("x", "y", "validation_data")]
            for argument in given:
                if used := names(argument) & tainted:
                    yield f"cell {cell.id}: fit is given test data: {', '.join(sorted(used))}"


# --- Numbers in prose -------------------------------------------------------------------------------------------------


def guarded_numbers(notebook: Notebook) -> Iterator[str]:
    """A decimal, a percentage or a large count in prose lies within a range that is promised, or is allowed."""
    kept = [call for cell in notebook.promises_cells for call in calls(tree(cell), "keep")]
    ranges = [found for call in kept for promise in call.args if (found := _range(promise))]
    for cell, number, value in prose_numbers(notebook):
        if number not in ALLOWED_NUMBERS and not any(low <= value <= high for low, high in ranges):
            yield f"cell {cell.id}: no promise guards the number {number}"


def prose_numbers(notebook: Notebook) -> Iterator[tuple[NotebookNode, str, float]]:
    """Yield the numbers of the Markdown cells as (cell, as in `ALLOWED_NUMBERS`, value; a percentage as a share)."""
    number = r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?!\w|[.,]\d)"
    to = r"(?:\s?[–-]\s?|\s(?:to|and|or)\s)"
    percent = rf"{number}(?=(?:{to}{number})?\s?(?:%|per\s?cent))"  # "88 to 89 %" is two percentages
    for cell in notebook.markdown_cells:
        prose = re.sub(r"`[^`]*`|\]\([^)]*\)|https?://\S+", " ", cell.source)  # no code, no addresses
        percentages = {found.start() for found in re.finditer(percent, prose)}
        for found in re.finditer(number, prose):
            value = float(found[0].replace(",", ""))
            if found.start() in percentages:
                yield cell, f"{found[0]} %", value / 100
            elif "," in found[0] or "." in found[0]:
                yield cell, found[0], value


CHECKS = (
    executed_in_order,
    no_stderr,
    no_error,
    no_absolute_path,
    clean_outputs,
    full_real_data,
    described_images,
    repeatable_checked_outputs,
    small_file,
    normal_metadata,
    readable_ids,
    opening,
    closing,
    your_turn,
    project,
    folded_answers,
    heading_levels,
    links,
    folded_code,
    promises_cell,
    plain_page,
    page_measure,
    install_cell,
    quiet_start,
    prepares_data,
    mission_lines,
    sealed_test_data,
    no_choice_by_test_data,
    guarded_numbers,
)


def main() -> None:
    """Print the measure of every page."""
    print(
        f"{'notebook':16} {'lines':>5} {'plotting':>8} {'checking':>8} {'share':>6} {'median':>6} {'longest':>7}  names"
    )
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        found = measure(Notebook.read(path))
        numbers = f"{found.lines:5} {found.plotting:8} {found.checking:8} {found.share:6.1%} {median(found.cells):6g}"
        print(f"{path.stem:16} {numbers} {max(found.cells):7}  {', '.join(found.own_names)}")


if __name__ == "__main__":
    main()

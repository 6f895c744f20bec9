"""What the series promises of every notebook, as far as a program can tell.

Each check takes a `Notebook` and yields its problems, one sentence each, naming the cell. `CHECKS` lists them all.
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

from fashion_utils.claims import CLAIM_TYPE
from fashion_utils.exercises import SOLUTION_TAG
from fashion_utils.workshop import run as series
from IPython.core.inputtransformer2 import TransformerManager
import nbformat
from nbformat import NotebookNode

MAX_BYTES = 1_500_000
MAX_IMAGE_BYTES = 100_000
MAX_CELL_LINES = 25
MIN_FOLDED_ANSWERS = 3
# Three to six is the aim (DESIGN section 8). But a figure takes ten to twenty lines, and up to half of the cells of a
# notebook draw one, so only a median above eight says that cells have become too long.
MEDIAN_CELL_LINES = (3, 8)

TEST_DATA = {"load_test", "load_data", "test_images", "test_labels"}

# Numbers in prose that no cell has to guard, each with the reason.
ALLOWED_NUMBERS = {
    "10,000": "size of the published test set",
    "70,000": "size of the published data set",
    "109,386": "parameters of the network, counted by a cell whose output is checked",
    "1,000": "number of guessing models in 02, set in the code",
    "83.5 %": "published: human accuracy in the data set's own table",
    "88.3 %": "published: a similar network in the data set's own table",
    "95 %": "level of the confidence intervals",
    "1.96": "standard errors that hold 95 % of a normal distribution",
    "2.30": "ln 10, a constant",
    "0.1": "probability of each of ten classes to one who guesses, and the share that validation_split sets aside",
    "0.001": "Adam's default learning rate",
}

# Lines that the series promises to teach as they are (DESIGN section 3); a call may have further keyword arguments.
MISSION_LINES = {
    "01": ("(train_images, train_labels), (test_images, test_labels) = tf.keras.datasets.fashion_mnist.load_data()",),
    "03": (
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
    "04": ("test_loss, test_accuracy = model.evaluate(test_images, test_labels)",),
}


@dataclass(frozen=True)
class Section:
    """A second-level heading ("" before the first) and the cells from there to the next."""

    title: str
    cells: list[NotebookNode]


@dataclass(frozen=True)
class Notebook:
    """A notebook and the name of its file without the ending, as in "04_evaluate"."""

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


def tree(cell: NotebookNode) -> ast.Module:
    """Return the syntax tree of a code cell; magics become the calls they stand for."""
    return _parse(cell.source)


@cache
def _parse(source: str) -> ast.Module:
    return ast.parse(TransformerManager().transform_cell(source))


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
        r"\dm?s/step": "a timing",
        "<Figure size": "a figure's repr",
        r"\b0x[0-9a-f]{6,}": "a memory address",
    }
    for cell, output in notebook.outputs:
        for pattern, what in unwanted.items():
            if any(re.search(pattern, text) for text in texts(output)):
                yield f"cell {cell.id}: {what} in its output"


def full_real_data(notebook: Notebook) -> Iterator[str]:
    """The claims of a sample or the stand-in are not checked; in a committed notebook every one was, and held."""
    for cell in notebook.code_cells:
        states = [output.get("data", {}).get(CLAIM_TYPE, {}).get("state") for output in cell.outputs]
        made, held = len(calls(tree(cell), "expect")), states.count("held")
        if held < made:
            yield f"cell {cell.id}: {held} of {made} claims held when it was executed; run `make notebooks`"
    for cell, output in notebook.outputs:
        if any(sign in text for text in texts(output) for sign in ("STAND-IN DATA", "FASHION_SAMPLE=")):
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
        if "nbval-check-output" not in cell.metadata.get("tags", []):
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
    series._normalise(normal)
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
    """Exercises stand between the recap and the end: each a task, a starter with its check, and a folded solution."""
    last_three = [section.title for section in notebook.sections[-3:]]
    if last_three != ["Recap", "Your turn", "Where to go next"]:
        yield f"ends in {', '.join(last_three)}; expected Recap, Your turn, Where to go next"
    exercises = _exercises(notebook)
    if not 2 <= len(exercises) <= 3:
        yield f"{len(exercises)} exercises, expected 2 or 3"
    for task, starters, solutions in exercises:
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
        if assigned := _assigned(starter) & _assigned(solution):
            yield f"cell {solution.id}: overwrites what the learner made: {', '.join(sorted(assigned))}"
        if not re.search(r"^○ nothing entered yet.*\n\Z", _printed(starter), re.MULTILINE):
            yield f"cell {starter.id}: its check does not say that nothing is entered yet"
        if not _printed(solution).startswith("✓"):
            yield f"cell {solution.id}: its saved output does not start with ✓"
        if not solution.source.startswith("# A worked solution\n"):
            yield f"cell {solution.id}: JupyterLab shows the first line of a folded cell; let it say A worked solution"
        if not solution.metadata.get("jupyter", {}).get("source_hidden"):
            yield f"cell {solution.id}: a solution that is not folded (jupyter.source_hidden)"
        if "nbval-check-output" not in solution.metadata.get("tags", []):
            yield f"cell {solution.id}: a solution whose output nbval does not compare"


def _exercises(notebook: Notebook) -> list[tuple[NotebookNode, list[NotebookNode], list[NotebookNode]]]:
    """Return the exercises: the cell with the task, the starters and the solutions that follow it."""
    exercises = []
    for section in notebook.sections:
        for cell in section.cells if section.title == "Your turn" else ():
            if any(level == 3 for level, _ in headings(cell)):
                exercises.append((cell, [], []))
            elif exercises and cell.cell_type == "code":
                exercises[-1][1 + (SOLUTION_TAG in cell.metadata.get("tags", []))].append(cell)
    return exercises


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
    """A reader predicts, runs, and only then unfolds the answer."""
    answers, predicted, ran = 0, False, False
    for cell in notebook.node.cells:
        if cell.cell_type == "code":
            ran = ran or bool(cell.outputs)
            continue
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


def cell_lengths(notebook: Notebook) -> Iterator[str]:
    for cell in notebook.code_cells:
        if (lines := len(cell.source.splitlines())) > MAX_CELL_LINES:
            yield f"cell {cell.id}: {lines} lines, more than {MAX_CELL_LINES}"
    low, high = MEDIAN_CELL_LINES
    middle = median(sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in notebook.code_cells)
    if not low <= middle <= high:
        yield f"the median code cell has {middle:g} lines, expected {low} to {high}"


def links(notebook: Notebook) -> Iterator[str]:
    for cell in notebook.markdown_cells:
        for target in re.findall(r"\]\(([^)#\s]+)", cell.source):
            if "://" not in target and not (series.NOTEBOOKS / target).is_file():
                yield f"cell {cell.id}: a link to {target}, which does not exist"


# --- Code and data ----------------------------------------------------------------------------------------------------


def quiet_start(notebook: Notebook) -> Iterator[str]:
    """`fashion_utils` holds back TensorFlow's start-up messages, if it is imported first."""
    imports = [
        alias.name.partition(".")[0] if isinstance(statement, ast.Import) else statement.module.partition(".")[0]
        for statement in ast.walk(tree(notebook.code_cells[0]))
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for alias in statement.names
    ]
    if "fashion_utils" not in imports:
        yield f"cell {notebook.code_cells[0].id}: the first code cell must import fashion_utils"
    elif "tensorflow" in imports[: imports.index("fashion_utils")]:
        yield f"cell {notebook.code_cells[0].id}: imports tensorflow before fashion_utils"


def prepares_data(notebook: Notebook) -> Iterator[str]:
    if not any(contains(tree(cell), ast.parse("data.prepare()").body[0].value) for cell in notebook.code_cells):
        yield "no cell calls data.prepare(), which finds and checks the data"


def mission_lines(notebook: Notebook) -> Iterator[str]:
    for line in MISSION_LINES.get(notebook.number, ()):
        if not any(contains(tree(cell), ast.parse(line).body[0]) for cell in notebook.code_cells):
            yield f"a line the series promises to teach is missing: {line}"
    printed = [text for _, output in notebook.outputs for text in texts(output)]
    if notebook.number == "04" and not any(re.search(r"^Test Accuracy: 0\.8\d$", text, re.M) for text in printed):
        yield "no output says 'Test Accuracy: 0.8...'"


def sealed_test_data(notebook: Notebook) -> Iterator[str]:
    """Test data is named only where its rule lets it: see `_open_cells`. 01 may describe it, with nothing taken out."""
    allowed = {cell.id for cell in _open_cells(notebook)}
    tainted = set(TEST_DATA)
    for cell in notebook.code_cells:
        parsed = tree(cell)
        used = names(parsed) & tainted
        if used and cell.id not in allowed:
            yield f"cell {cell.id}: uses test data where it is sealed: {', '.join(sorted(used))}"
        elif used and notebook.number == "01":
            yield from (f"cell {cell.id}: {problem}" for problem in _more_than_described(parsed))
        tainted |= _made_from(parsed, tainted)
    loads = sum(len(calls(tree(cell), "load_test")) for cell in notebook.code_cells)
    if loads > 1:
        yield f"the test set is loaded {loads} times, expected once"


def _open_cells(notebook: Notebook) -> list[NotebookNode]:
    """Return the cells that may name test data.

    01: the section that loads the data. 02 and 03: none. 04: from the section that opens the test set. Later: the last
    section before the recap.
    """
    sections = notebook.sections
    titles = [section.title for section in sections]
    if notebook.number == "01":
        chosen = [section for section in sections if any("load_data" in cell.source for cell in section.cells)][:1]
    elif notebook.number in ("02", "03"):
        chosen = []
    elif notebook.number == "04":
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
        if isinstance(node, ast.Name) and node.id not in ("train_images", "train_labels")  # load_data() gives both
    }


def _more_than_described(tree: ast.AST) -> Iterator[str]:
    """In 01 the test arrays may be loaded and put into a table of shapes, types and ranges; nothing else."""
    describing = {"prepare", "load_data", "DataFrame", "items", "min", "max", "print", "len"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            yield f"takes a part of an array where test data may only be described: {ast.unparse(node)}"
        if isinstance(node, ast.Call) and not names(node.func) & describing:
            yield f"computes where test data may only be described: {ast.unparse(node)}"


def no_choice_by_test_data(notebook: Notebook) -> Iterator[str]:
    tainted = set(TEST_DATA)
    for cell in notebook.code_cells:
        parsed = tree(cell)
        tainted |= _made_from(parsed, tainted)
        for call in calls(parsed, "fit"):
            given = call.args + [word.value for word in call.keywords if word.arg in ("x", "y", "validation_data")]
            for argument in given:
                if used := names(argument) & tainted:
                    yield f"cell {cell.id}: fit is given test data: {', '.join(sorted(used))}"


# --- Numbers in prose -------------------------------------------------------------------------------------------------


def guarded_numbers(notebook: Notebook) -> Iterator[str]:
    """A decimal, a percentage or a large count in prose lies within a range that an `expect` holds, or is allowed."""
    claims = [call for cell in notebook.code_cells for call in calls(tree(cell), "expect")]
    ranges = [ast.literal_eval(word.value) for call in claims for word in call.keywords if word.arg == "between"]
    for cell, number, value in prose_numbers(notebook):
        if number not in ALLOWED_NUMBERS and not any(low <= value <= high for low, high in ranges):
            yield f"cell {cell.id}: no expect() guards the number {number}"


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
    folded_answers,
    heading_levels,
    cell_lengths,
    links,
    quiet_start,
    prepares_data,
    mission_lines,
    sealed_test_data,
    no_choice_by_test_data,
    guarded_numbers,
)

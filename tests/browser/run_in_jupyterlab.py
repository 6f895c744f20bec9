"""Every notebook in the real JupyterLab, in a real browser, as a learner uses it: `make browser`.

It takes minutes, so its name does not start with test_: pytest runs it only where it is named.
Screenshots of what was seen go to build/browser/.
"""

import ast
from contextlib import closing
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

from fashion_utils import REPOSITORY
from fashion_utils.workshop import NOTEBOOKS
import nbformat
import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: run `make browser`")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium or Chrome here (Debian, Ubuntu: apt install chromium)"
)

PATHS = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
SCREENSHOTS = REPOSITORY / "build" / "browser"
SAMPLE = "3000"  # as in `make test`
START_SECONDS, RUN_SECONDS, CELL_SECONDS = 120, 900, 120
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},  # no question about news
    "notebook-extension/tracker": {"windowingMode": "none"},  # else only the cells in view are on the page
}


# --- A server and a browser of our own --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of notebooks/ without outputs, so that what is seen was made here and nothing of ours is changed."""
    copy = tmp_path_factory.mktemp("browser") / "notebooks"
    shutil.copytree(NOTEBOOKS, copy, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for path in copy.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, path)
    return copy


@pytest.fixture(scope="module")
def server(folder):
    """The address of a JupyterLab that has its settings, its kernels' files and its port to itself."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    private = folder.parent
    for name, values in SETTINGS.items():
        path = private / "config" / "lab" / "user-settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    token = secrets.token_hex()
    environment = {
        **os.environ,
        "FASHION_SAMPLE": os.environ.get("FASHION_SAMPLE", SAMPLE),
        "FASHION_ARTIFACTS": str(private / "artifacts"),
        "IPYTHONDIR": str(private / "ipython"),
        "JUPYTER_CONFIG_DIR": str(private / "config"),
        "JUPYTER_DATA_DIR": str(private / "data"),
        "JUPYTER_RUNTIME_DIR": str(private / "runtime"),
        "JUPYTER_TOKEN": token,
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--ServerApp.port_retries=0"]
    command += [f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container
    log_path = private / "server.log"
    with open(log_path, "w") as log:
        process = subprocess.Popen(command, env=environment, cwd=private, stdout=log, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(f"http://127.0.0.1:{port}/api"):
            said = log_path.read_text(encoding="utf-8", errors="replace")[-2000:]
            assert process.poll() is None and time.monotonic() < deadline, f"JupyterLab does not start:\n{said}"
            time.sleep(0.3)
        yield f"http://127.0.0.1:{port}/lab/tree/{{}}?token={token}&reset"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _answers(address):
    try:
        with urlopen(address, timeout=5):
            return True
    except (URLError, OSError):
        return False


@pytest.fixture(scope="module")
def browser():
    options = {"args": ["--no-sandbox"]} if hasattr(os, "geteuid") and os.geteuid() == 0 else {}
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, **options)
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=PATHS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture(scope="module")
def notebook(browser, server, path):
    """The page of a notebook whose cells have all been run, and the execution counts."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(1000 * CELL_SECONDS)
    open_notebook(page, server, path.name)
    yield page, run_all_cells(page, path)
    choose(page, "Kernel", "Shut Down Kernel")
    page.close()


# --- What a learner does ----------------------------------------------------------------------------------------------

# Execution counts of all code cells, and whether the kernel waits for more: JupyterLab's own tests read them like this.
# (The prompt of a folded cell is not on the page.)
STATE = """() => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    const status = document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status;
    const code = [...notebook.model.cells].filter(cell => cell.type === 'code');
    return {idle: status === 'idle', counts: code.map(cell => cell.executionCount)};
}"""
# The notebook shows "idle" a moment too early, before its kernel is connected, and a run asked for then is lost.
KERNEL_READY = """async () => {
    const context = window.jupyterapp.shell.currentWidget.sessionContext;
    await context.ready;
    const kernel = context.session?.kernel;
    await kernel?.info;
    return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
# Width as a file and width on the page of each picture. JupyterLab does not put alternative texts on the page; a test
# of the saved notebooks sees to them.
PICTURES = """() => [...document.querySelectorAll('.jp-Notebook .jp-OutputArea-output img')]
    .map(image => [image.complete ? image.naturalWidth : 0, image.getBoundingClientRect().width])"""
ERRORS = ", ".join(f".jp-Notebook [data-mime-type='application/vnd.jupyter.{kind}']" for kind in ("error", "stderr"))


def open_notebook(page, server, name):
    """Open a notebook and wait until its kernel is there."""
    page.goto(server.format(name))
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_function(KERNEL_READY, timeout=1000 * START_SECONDS)


def choose(page, menu, item):
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{menu}$")).click()
    page.get_by_role("menuitem", name=item, exact=True).click()


def code_cells(page):
    return page.locator(".jp-Notebook .jp-CodeCell")


def is_folded(cell):
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden"))


def run_all_cells(page, path):
    """Run all cells; return the execution counts once all have run, folded ones too, or once one has failed."""
    choose(page, "Run", "Run All Cells")
    wanted = [i for i, cell in enumerate(saved_code_cells(path)) if cell.source.strip()]
    done = f"""wanted => {{
        const {{idle, counts}} = ({STATE})();
        return idle && (document.querySelector("{ERRORS}") || wanted.every(i => counts[i]));
    }}"""
    page.wait_for_function(done, arg=wanted, timeout=1000 * RUN_SECONDS, polling=500)
    counts = page.evaluate(STATE)["counts"]
    return [counts[i] for i in wanted]


def screenshot(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def saved_code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


# --- What it should look like -----------------------------------------------------------------------------------------


def test_run_all_cells(path, notebook):
    page, counts = notebook
    screenshot(page, f"{path.stem}-end")
    assert page.locator(ERRORS).all_inner_texts() == []
    assert all(counts) and counts == sorted(counts)

    written = saved_code_cells(path)
    pictures = page.evaluate(PICTURES)
    assert len(pictures) == sum("image/png" in output.get("data", {}) for cell in written for output in cell.outputs)
    assert all(width > 1.9 * drawn_width > 95 for width, drawn_width in pictures), f"not sharp: {pictures}"
    if pictures:
        page.locator(".jp-Notebook .jp-OutputArea-output img").first.scroll_into_view_if_needed()
        screenshot(page, f"{path.stem}-figure")

    hidden = [i for i, cell in enumerate(written) if is_folded(cell)]
    for i in range(len(written)):
        folded = code_cells(page).nth(i).locator(".jp-Cell-inputWrapper .jp-InputPlaceholder").count()
        assert folded == (i in hidden), f"code cell {i + 1} is {'' if folded else 'not '}folded"
    code_cells(page).nth(hidden[-1]).scroll_into_view_if_needed()
    screenshot(page, f"{path.stem}-folded-solution")


def test_promises_are_a_table_below_a_folded_cell(path, notebook):
    page, _ = notebook
    (number,) = [i for i, cell in enumerate(saved_code_cells(path)) if "promises" in cell.metadata.get("tags", [])]
    cell = code_cells(page).nth(number)
    cell.scroll_into_view_if_needed()
    screenshot(page, f"{path.stem}-promises")
    said = cell.locator(".jp-OutputArea-output").first.inner_text()
    assert "what the text relies on" in said and ("held" in said or "not checked" in said) and "✗" not in said


def test_folded_answers_open_with_a_click(path, notebook):
    page, _ = notebook
    answers = page.locator(".jp-Notebook .jp-RenderedMarkdown details")
    assert answers.count() >= 3
    for answer in answers.all():
        text = answer.locator(":scope > :not(summary)").first
        assert not text.is_visible()
        answer.locator("summary").click()
        assert text.is_visible() and text.inner_text().strip()
    answers.first.scroll_into_view_if_needed()
    screenshot(page, f"{path.stem}-answer")


# --- Exercises --------------------------------------------------------------------------------------------------------


def exercises_in(path):
    """Return (number of the starter cell among the code cells, source of its solution) of each exercise."""
    cells = saved_code_cells(path)
    is_solution = ["solution" in cell.metadata.get("tags", []) for cell in cells]
    found = []
    for i, cell in enumerate(cells):
        if "exercises.check(" in cell.source and not is_solution[i]:
            solution = next(j for j in range(i + 1, len(cells)) if is_solution[j])
            found.append((i, cells[solution].source))
    return found


def wrong(solution):
    """Return a solution that hands in something that cannot be right."""
    tree = ast.parse(solution)
    check = next(
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "exercises.check"
    )
    check.args[1] = ast.Constant("surely not")
    return ast.unparse(check)


def run_in_cell(page, number, source):
    """Replace a code cell's text as a learner would, run it, and return what it answers."""
    cell = code_cells(page).nth(number)
    cell.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(source)
    run_selected(page, number)
    assert cell.locator(ERRORS).all_inner_texts() == [], "a check answers in a sentence, never with a traceback"
    return last_line(cell)


def run_cell(page, number):
    """Run a code cell as it is, a folded one too."""
    code_cells(page).nth(number).locator(".jp-InputArea-prompt, .jp-InputPlaceholder").first.click()
    run_selected(page, number)


def run_selected(page, number):
    """Run the code cell that the cursor is in, which has this number, and wait until it has run."""
    before = page.evaluate(STATE)["counts"][number]
    page.keyboard.press("Control+Enter")
    done = f"""([number, before]) => {{
        const {{idle, counts}} = ({STATE})();
        return idle && counts[number] && counts[number] !== before;
    }}"""
    page.wait_for_function(done, arg=[number, before], polling=200)


def last_line(cell):
    """Return the last line of a cell's output: a check answers there, below what the learner's own code prints."""
    return cell.locator(".jp-OutputArea-output").last.inner_text().strip().splitlines()[-1]


def test_checks_answer_a_right_and_a_wrong_solution(path, notebook):
    page, _ = notebook
    for number, (starter, solution) in enumerate(exercises_in(path), start=1):
        assert last_line(code_cells(page).nth(starter)).startswith("○")
        assert run_in_cell(page, starter, wrong(solution)).startswith("✗")
        screenshot(page, f"{path.stem}-exercise-{number}-wrong")
        assert run_in_cell(page, starter, solution).startswith("✓")
        screenshot(page, f"{path.stem}-exercise-{number}-right")


# --- A picture of the reader's own ------------------------------------------------------------------------------------


def upload(page, button, file):
    """Choose a file as a reader does after a click on the button, and wait until the kernel can have it."""
    cell = code_cells(page).nth(button)
    cell.scroll_into_view_if_needed()
    with page.expect_file_chooser() as chooser:
        cell.locator("button.widget-upload").click()
    chooser.value.set_files(file)
    page.wait_for_timeout(1000)  # the file goes to the kernel as a message, before that of the next cell
    cell.get_by_text("(1)").wait_for()


@pytest.mark.parametrize("path", [NOTEBOOKS / "09_your_pictures.ipynb"], indirect=True, ids=["09_your_pictures"])
def test_a_picture_is_uploaded_and_answered(path, notebook, tmp_path):
    page, _ = notebook
    sources = [cell.source for cell in saved_code_cells(path)]
    (button,) = [i for i, source in enumerate(sources) if "= FileUpload(" in source]
    takes, draws, answers = range(button + 1, button + 4)
    before = code_cells(page).nth(answers).locator(".jp-OutputArea-output").inner_text()

    picture = tmp_path / "my own é.png"
    shutil.copy(REPOSITORY / "fashion_utils" / "drawings" / "t-shirt.png", picture)
    upload(page, button, picture)
    for number in (takes, draws, answers):
        run_cell(page, number)
    screenshot(page, f"{path.stem}-uploaded")
    after = code_cells(page).nth(answers).locator(".jp-OutputArea-output").inner_text()
    assert after != before and "T-shirt" in after, after

    picture = tmp_path / "notes.jpg"
    picture.write_text("not a picture at all")
    upload(page, button, picture)
    run_cell(page, takes)
    screenshot(page, f"{path.stem}-refused")
    assert "is no picture" in last_line(code_cells(page).nth(takes))

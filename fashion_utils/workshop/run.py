"""Execute the whole series: `make run` (into build/) and `make notebooks` (back into notebooks/).

Usage: python -m fashion_utils.workshop.run [--refresh] [--strict] [NOTEBOOK ...]
"""

import argparse
from dataclasses import dataclass, field
from functools import cache
from html import escape
import json
from pathlib import Path
import re
import sys
import time

from fashion_utils import data
from fashion_utils.claims import CLAIM_TYPE, HEADLINE_TYPE
from fashion_utils.sources.files import write_atomically
from jinja2 import DictLoader
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from nbconvert.filters import strip_ansi
import nbformat
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

REPOSITORY = Path(__file__).resolve().parents[2]
NOTEBOOKS = REPOSITORY / "notebooks"
BUILD = REPOSITORY / "build"
CELL_SECONDS = 1800  # a cell that takes longer hangs


@dataclass
class Outcome:
    """What one notebook's run gave."""

    name: str
    seconds: float = 0.0
    claims: list[dict] = field(default_factory=list)
    headlines: list[str] = field(default_factory=list)
    error: str = ""

    def claims_in_state(self, state: str) -> int:
        return sum(claim["state"] == state for claim in self.claims)


class Progress:
    """Says live which notebook and cell is running, and for how long: one moving line on a terminal, else lines."""

    def __init__(self, console: Console):
        self.console = console
        self.name, self.cells, self.where = "", 0, ""
        self.started = self.cell_started = time.monotonic()
        self.live = Live(console=console, get_renderable=self._line, refresh_per_second=4, transient=True)

    def __enter__(self):
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_):
        if self.console.is_terminal:
            self.live.stop()

    def notebook(self, name: str, cells: int):
        self.name, self.cells, self.started = name, cells, time.monotonic()
        if not self.console.is_terminal:
            self._print(f"{name}: {cells} cells")

    def cell(self, number: int, heading: str):
        self.where, self.cell_started = f"cell {number}/{self.cells}  {heading}", time.monotonic()

    def cell_done(self):
        if not self.console.is_terminal and (seconds := time.monotonic() - self.cell_started) > 5:
            self._print(f"  {time.monotonic() - self.started:5.0f} s  {self.where}: {seconds:.0f} s")

    def done(self, outcome: Outcome):
        self.where = ""
        self._print(f"{'failed' if outcome.error else 'done'}: {outcome.name}, {outcome.seconds:.0f} s")

    def _line(self) -> Text:
        seconds, cell_seconds = (int(time.monotonic() - start) for start in (self.started, self.cell_started))
        return Text(f"{self.name}  {seconds} s  {self.where}  {cell_seconds} s" if self.where else "")

    def _print(self, line: str):
        self.console.print(line, highlight=False, markup=False)


def execute(path: Path, progress: Progress) -> tuple[nbformat.NotebookNode, Outcome]:
    """Execute a notebook in a fresh kernel, in its own folder.

    Returns:
        the notebook with its outputs, as far as it got, and the outcome; a failing cell is in `outcome.error`.
    """
    notebook = nbformat.read(path, as_version=4)
    code_cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code_cells:
        cell.outputs, cell.execution_count = [], None
    headings, heading = {}, ""
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and cell.source.startswith("#"):
            heading = cell.source.splitlines()[0].lstrip("# ")
        headings[i] = heading
    number = {id(cell): i for i, cell in enumerate(code_cells, start=1)}
    running = 0

    def on_cell_execute(cell, cell_index):
        nonlocal running
        running = number.get(id(cell), running)
        progress.cell(running, headings[cell_index])

    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # else each kernel warns that its sockets are local TCP
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_execute=on_cell_execute,
        on_cell_executed=lambda **_: progress.cell_done(),
    )
    outcome = Outcome(path.stem)
    progress.notebook(path.stem, len(code_cells))
    start = time.monotonic()
    try:
        client.execute()
    except CellExecutionError as error:
        outcome.error = f"cell {running}: {error.ename}: {error.evalue}"
    except CellTimeoutError:
        outcome.error = f"cell {running}: ran for more than {CELL_SECONDS} s"
    except (DeadKernelError, RuntimeError):  # RuntimeError: it died before its first cell
        outcome.error = f"cell {running}: the kernel died, perhaps for want of memory"
    outcome.seconds = time.monotonic() - start
    if outcome.error:
        outcome.error += f"\n\n{code_cells[max(running - 1, 0)].source}"
    for cell in code_cells:
        for output in cell.outputs:
            found = output.get("data", {})
            if CLAIM_TYPE in found:
                outcome.claims.append(found[CLAIM_TYPE])
            if HEADLINE_TYPE in found:
                outcome.headlines.append(found[HEADLINE_TYPE]["text"])
    _normalise(notebook)
    progress.done(outcome)
    return notebook, outcome


def _normalise(notebook: nbformat.NotebookNode) -> None:
    """Remove what changes from run to run and machine to machine, so that a refreshed notebook has a small diff."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if "text/plain" in output.get("data", {}):  # `model.summary()` colours its text
                output["data"]["text/plain"] = strip_ansi(output["data"]["text/plain"])


# nbconvert's own page fetches scripts (we use none: no formulas, diagrams or widgets), has no alternative texts, and
# shows what JupyterLab folds.
_PAGE = """
{%- extends "lab/index.html.j2" -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block data_png scoped -%}
{%- set alt = output | get_metadata("alt", "image/png") -%}
{{ super().replace("<img ", '<img alt="' ~ (alt | escape_html) ~ '" ', 1) if alt else super() }}
{%- endblock -%}
{%- block codecell scoped -%}
{%- if cell.metadata.get("jupyter", {}).get("source_hidden") -%}
<details class="jp-RenderedHTMLCommon" style="padding-left: 80px">
<summary>{{ "Show the worked solution" if "solution" in cell.metadata.get("tags", []) else "Show the code" }}</summary>
{{ super() }}
</details>
{%- else -%}
{{ super() }}
{%- endif -%}
{%- endblock -%}
"""


@cache
def _exporter() -> HTMLExporter:
    return HTMLExporter(template_file="page", extra_loaders=[DictLoader({"page": _PAGE})], exclude_anchor_links=True)


def to_html(notebook: nbformat.NotebookNode, title: str) -> str:
    """Return the notebook as one HTML page that needs no network: pictures inside, no scripts, hidden cells folded."""
    body, _ = _exporter().from_notebook_node(notebook, resources={"metadata": {"name": title}})
    # The other notebooks and the teacher's guide have HTML copies beside this one.
    return re.sub(r'href="(\d\d_\w+|TEACHING)\.(?:ipynb|md)(?=["#])', r'href="\1.html', body)


def text_to_html(path: Path) -> str:
    """Return a Markdown file as an HTML page that looks like the notebooks' pages."""
    cell = nbformat.v4.new_markdown_cell(path.read_text(encoding="utf-8"))
    return to_html(nbformat.v4.new_notebook(cells=[cell]), path.stem)


def index_page(outcomes: list[Outcome], source_line: str) -> str:
    """Return the page that lists the notebooks with their results."""
    rows = "".join(
        f'<tr><td><a href="{o.name}.html">{o.name}</a></td><td>{o.seconds:.0f} s</td>'
        f"<td>{_claims_text(o)}</td><td>{'<br>'.join(escape(line) for line in o.headlines)}</td></tr>"
        for o in outcomes
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Learn image classification from scratch</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; vertical-align: top; padding: .5rem; border-bottom: 1px solid #ccc }}
</style></head><body>
<h1>Learn image classification from scratch</h1>
<p>{escape(source_line)}</p>
<table><thead><tr><th>Notebook</th><th>Ran in</th><th>Claims</th><th>Results</th></tr></thead>
<tbody>{rows}</tbody></table>
</body></html>
"""


def _claims_text(outcome: Outcome) -> str:
    if outcome.error:
        return "failed"
    return f"{outcome.claims_in_state('held')} held, {outcome.claims_in_state('not checked')} not checked"


def print_summary(console: Console, outcomes: list[Outcome], source: data.Source) -> None:
    table = Table(
        "notebook", "seconds", "claims", "results", title=f"The series on {source.label or 'the full real data'}"
    )
    for outcome in outcomes:
        table.add_row(outcome.name, f"{outcome.seconds:.0f}", _claims_text(outcome), "\n".join(outcome.headlines))
    console.print(table)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, or 1 when a cell, the data or a strict check fails."""
    parser = argparse.ArgumentParser(
        prog="python -m fashion_utils.workshop.run", description="Execute the notebooks in order."
    )
    parser.add_argument("notebooks", nargs="*", type=Path, help="which ones; all of notebooks/ if none is named")
    parser.add_argument("--refresh", action="store_true", help="write the results back into the committed notebooks")
    parser.add_argument(
        "--strict", action="store_true", help="fail unless the full real data was used, all claims checked"
    )
    options = parser.parse_args(arguments)
    # Where there is no terminal to ask, a table 80 columns wide would break every result in two.
    console = Console() if sys.stdout.isatty() else Console(width=120)

    paths = options.notebooks or sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
    if missing := [path for path in paths if not path.is_file()]:
        return _fail(console, f"There is no notebook {missing[0]}.")
    try:
        source = data.prepare()
    except (data.DataError, ValueError) as error:
        return _fail(console, str(error))
    strict = options.strict or options.refresh
    if strict and not source.is_full_real:
        return _fail(console, f"This needs the full real data, and what was found is {source.label}.")

    outcomes = []
    with Progress(console) as progress:
        for path in paths:
            notebook, outcome = execute(path, progress)
            outcomes.append(outcome)
            text = nbformat.writes(notebook) + "\n"
            _write(BUILD / path.name, text)
            _write(BUILD / f"{path.stem}.html", to_html(notebook, path.stem))
            _write(BUILD / "index.html", index_page(outcomes, f"Executed on {source.label or 'the full real data'}."))
            _write(
                BUILD / "summary.json",
                json.dumps({"data": vars(source), "notebooks": [vars(o) for o in outcomes]}, indent=1),
            )
            if outcome.error:
                break
            if options.refresh:
                _write(path, text)
    if (guide := NOTEBOOKS / "TEACHING.md").is_file():  # the notebooks link to its glossary
        _write(BUILD / f"{guide.stem}.html", text_to_html(guide))
    print_summary(console, outcomes, source)
    if outcomes[-1].error:
        return _fail(console, f"{outcomes[-1].name} stopped in {outcomes[-1].error}")
    if strict and any(outcome.claims_in_state("not checked") for outcome in outcomes):
        return _fail(console, "Some claims were not checked.")
    console.print("Open build/index.html to read the executed notebooks.", highlight=False)
    return 0


def _write(path: Path, text: str) -> None:
    write_atomically(path, text.encode())


def _fail(console: Console, message: str) -> int:
    console.print(message, style="bold red", highlight=False, markup=False)
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""Execute the whole series: `make run` (into build/) and `make notebooks` (back into notebooks/)."""

import argparse
import asyncio
from collections.abc import Iterator
import contextlib
from dataclasses import dataclass, field
import json
import os
from pathlib import Path
import sys

from fashion_utils import data
from fashion_utils.sources.files import write_atomically
from fashion_utils.workshop import BUILD, NOTEBOOKS, kernel, pages, print_anything
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbconvert.filters import strip_ansi
import nbformat
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

CELL_SECONDS = 1800  # a cell that takes longer hangs
WIDGET = "application/vnd.jupyter.widget-view+json"
LONG_SECONDS = 5  # a cell that takes longer gets a line, where no line can move


@dataclass
class Outcome:
    """What one notebook's run gave."""

    name: str
    seconds: float = 0.0
    promises: list[dict] = field(default_factory=list)
    report: list[str] = field(default_factory=list)
    error: str = ""
    interrupted: bool = False

    def columns(self) -> dict[str, str]:
        """Return the outcome in words, for its row of the index."""
        promises = "failed" if self.error and not self.promises else pages.states(self.promises)
        promises = "interrupted" if self.interrupted else promises
        return {"ran in": f"{self.seconds:.0f} s", "promises": promises, "results": "\n".join(self.report)}


def execute(path: Path, console: Console) -> tuple[nbformat.NotebookNode, Outcome]:
    """Execute a notebook in a fresh kernel, in its own folder, as far as it gets; say live which cell is running."""
    notebook, outcome = nbformat.read(path, as_version=4), Outcome(path.stem)
    code_cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code_cells:
        cell.outputs, cell.execution_count = [], None
    running, heading = 0, ""
    live = Progress("{task.description}", TimeElapsedColumn(), console=console, transient=True)
    live.disable = not console.is_terminal  # there, a line that moves would be lines by the thousand
    live.add_task(path.stem)
    live.add_task("")
    whole, line = live.tasks

    def starts(cell, cell_index):
        nonlocal running, heading
        if cell.cell_type == "code":
            running += 1
            live.reset(line.id, description=f"cell {running}/{len(code_cells)}  {heading}")
        elif cell.source.startswith("#"):
            heading = cell.source.splitlines()[0].lstrip("# ")

    def ends(**_):
        if live.disable and line.elapsed > LONG_SECONDS:
            console.print(f"  {line.description}: {line.elapsed:.0f} s")

    client = kernel.Client(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # else each kernel warns that its sockets are local TCP
        on_cell_start=starts,
        on_cell_executed=ends,
    )
    if live.disable:
        console.print(f"{path.stem}: {len(code_cells)} cells")
    try:
        with live:
            client.execute(cwd=path.parent, env=os.environ | {"FASHION_PROMISES": "raise"})
    except CellExecutionError as error:
        outcome.error = f"{error.ename}: {error.evalue}"
    except (asyncio.CancelledError, KeyboardInterrupt):
        outcome.interrupted = True
    except CellTimeoutError:
        outcome.error = f"ran for more than {CELL_SECONDS} s"
    except RuntimeError:  # nbclient's DeadKernelError is one; it is a plain one before the first cell
        outcome.interrupted = client.was_stopped
        outcome.error = "the kernel died, perhaps for want of memory"
    client.tidy()
    outcome.seconds = whole.elapsed
    if outcome.error:
        outcome.error = f"cell {running}: {outcome.error}\n\n{code_cells[max(running - 1, 0)].source}"
    for kept in map(pages.promises_of, code_cells):
        outcome.promises += kept["promises"]
        outcome.report += kept["report"]
    normalise(notebook)
    return notebook, outcome


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Remove what changes from run to run and machine to machine, so that a refreshed notebook has a small diff."""
    kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernelspec, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":  # a widget, such as a button, is nothing without its kernel
            cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
        for output in cell.get("outputs", []):
            if "text/plain" in output.get("data", {}):  # `model.summary()` colours its text
                output["data"]["text/plain"] = strip_ansi(output["data"]["text/plain"])


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Exit with a sentence if another run is writing into this folder. The lock ends with the process that has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".running").open("a+") as file:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(f"Another run is writing into {folder}: wait until it has ended.")
        yield


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exit with a sentence when a cell, the data, the disk or a strict check fails."""
    print_anything()
    parser = argparse.ArgumentParser(prog="python -m fashion_utils.workshop.run", description="Execute the notebooks.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="which ones; all of notebooks/ if none is named")
    parser.add_argument("--refresh", action="store_true", help="write the results back into the committed notebooks")
    parser.add_argument("--strict", action="store_true", help="fail unless every promise was checked, on the real data")
    options = parser.parse_args(arguments)
    console = Console(markup=False, highlight=False, soft_wrap=True)
    paths = options.notebooks or sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
    if missing := [path for path in paths if not path.is_file()]:
        sys.exit(f"There is no notebook {missing[0]}.")
    try:
        source = data.prepare()
    except (data.DataError, ValueError) as error:
        sys.exit(str(error))
    strict = options.strict or options.refresh
    if strict and not source.is_full_real:
        sys.exit(f"This needs the full real data, and what was found is {source.label}.")

    try:
        with alone_in(BUILD):
            execute_all(paths, source, options.refresh, strict, console)
    except OSError as error:
        sys.exit(f"{error.filename or BUILD}: {error.strerror}. What was written before is kept.")
    console.print("Open build/index.html to read the executed notebooks.")


def execute_all(paths: list[Path], source: data.Source, refresh: bool, strict: bool, console: Console) -> None:
    """Execute notebooks one after the other and write what they gave; exit with a sentence where one fails."""
    outcomes, rows, label = [], {}, source.label or "the full real data"
    for path in paths:
        notebook, outcome = execute(path, console)
        outcomes.append(outcome)
        found = outcome.columns()
        console.print(f"{path.stem}: {found['ran in']}, {found['promises']}", *outcome.report, sep="\n  ")
        rows[path.stem] = {"question": pages.opening(notebook)["question"], **found}
        text = nbformat.writes(notebook) + "\n"
        summary = {"data": vars(source), "notebooks": [vars(outcome) for outcome in outcomes]}
        write_atomically(BUILD / path.name, text.encode())
        write_atomically(BUILD / "summary.json", json.dumps(summary, indent=1, default=str).encode())  # str: paths
        pages.write(BUILD, notebook, path.stem)
        pages.write_index(BUILD, f"Executed on {label}.", rows, NOTEBOOKS)
        if outcome.error or outcome.interrupted:
            break
        if refresh:
            write_atomically(path, text.encode())
    if outcome.interrupted:
        sys.exit(f"Interrupted in {outcome.name}. What ran before is kept in {BUILD}.")
    if outcome.error:
        sys.exit(f"{outcome.name} stopped in {outcome.error}")
    bad = [outcome.name for outcome in outcomes if {promise["state"] for promise in outcome.promises} != {"held"}]
    if strict and bad:
        sys.exit(f"Not every promise was checked and held in {', '.join(bad)}.")


if __name__ == "__main__":
    main()

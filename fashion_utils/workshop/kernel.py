"""A notebook's kernel, as a long unattended run needs it: outputs of a bounded size, and signals that are heard."""

import asyncio
from collections import Counter
import contextlib
import signal

from nbclient import NotebookClient
import nbformat
from nbformat.v4 import new_output

MOST_TEXT = 100_000  # characters kept of what one cell prints and shows
MOST_OTHER = 5_000_000  # characters of one picture or the like
LEAST = 100  # what each output counts at least, so that their number is bounded too


class Client(NotebookClient):
    """Executes a notebook; `was_stopped` says whether a signal ended it, for what is raised then does not."""

    was_stopped = False

    def __init__(self, notebook: nbformat.NotebookNode, **settings):
        self._kept, self._left_out = Counter(), Counter()
        super().__init__(notebook, on_notebook_start=self._listen, **settings)

    def process_message(self, msg, cell, cell_index):
        """Shorten what a message brings before it is kept: nbclient and nbconvert go over it again and again."""
        content, room = msg["content"], MOST_TEXT - self._kept[cell_index]
        if msg["msg_type"] == "stream":
            content["text"] = self._shortened(content["text"], room, cell_index)
            self._kept[cell_index] += len(content["text"])
            if not content["text"]:
                return None
        elif msg["msg_type"] == "error":
            lines = "\n".join(content["traceback"])
            content["traceback"] = self._shortened(lines, MOST_TEXT, cell_index).split("\n")
            content["evalue"] = content["evalue"][:MOST_TEXT]
        elif "data" in content and msg["msg_type"] != "update_display_data":
            if room <= 0:
                self._left_out[cell_index] += sum(map(len, map(str, content["data"].values())))
                return None
            self._kept[cell_index] += LEAST + self._shorten_data(content["data"], room, cell_index)
        elif "data" in content:
            self._shorten_data(content["data"], MOST_TEXT, cell_index)
        output = super().process_message(msg, cell, cell_index)  # which may clear what there was before
        if msg["msg_type"] == "stream" and output is not None:
            first = next(out for out in cell.outputs if out.output_type == "stream" and out.name == output.name)
            if first is not output:
                first.text += cell.outputs.pop().text
        return output

    def _shorten_data(self, data, room, cell_index) -> int:
        """Shorten a plain text, drop what else is too large; return how many characters of text are left."""
        kept = 0
        for kind, value in list(data.items()):
            if kind == "text/plain":
                data[kind] = self._shortened(value, room, cell_index)
            elif len(str(value)) > (room if kind.startswith("text/") else MOST_OTHER):
                self._left_out[cell_index] += len(str(value))
                del data[kind]
            kept += len(data.get(kind, "")) if kind.startswith("text/") else 0
        return kept

    def _shortened(self, text, room, cell_index) -> str:
        self._left_out[cell_index] += max(0, len(text) - max(0, room))
        return text[: max(0, room)]

    def tidy(self) -> None:
        """Leave of each stream what a terminal would show, and say what was left out of each cell."""
        for index, cell in enumerate(self.nb.cells):
            outputs = cell.get("outputs", [])
            for output in outputs:
                if output.output_type == "stream":
                    output.text = as_a_terminal_shows(output.text)
            if left_out := self._left_out[index]:
                text = f"... {left_out:,} more characters are not kept here.\n"
                outputs.append(new_output("stream", name="stdout", text=text))

    def _listen(self, **_):
        """Have signals end the whole run. nbclient would only end the kernel, which looks as if it had died."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # Windows; not the main thread
                loop.add_signal_handler(number, self._stop, task)

    def _stop(self, task):
        self.was_stopped, self.shutdown_kernel = True, "immediate"
        task.cancel()


def as_a_terminal_shows(text: str) -> str:
    """Return a text without what a carriage return or a backspace wiped out, in time proportional to its length."""
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    return "\n".join(_wiped_out(line) if "\b" in line else line for line in lines)


def _wiped_out(line: str) -> str:
    left = []
    for character in line:
        if character != "\b":
            left.append(character)
        elif left:
            left.pop()
    return "".join(left)

"""What the notebooks share: data, models, training, experiments, plots, exercises. See each module's first lines.

Importing this package loads none of them and not TensorFlow either; it only makes sure that TensorFlow, once it is
imported, starts without a word on stderr. So import it before TensorFlow.
"""

import codecs
import contextlib
import functools
from importlib.machinery import PathFinder
import os
from pathlib import Path
import sys
import tempfile

_AROUND = Path(__file__).resolve().parents[1]
_PROJECT = _AROUND / "pyproject.toml"
# An ordinary `pip install` has no repository around it, but a folder full of other packages, which are no place to look
# for data or to write results in. What would lie in the repository then lies in the folder that Python was started in.
IN_REPOSITORY = _PROJECT.is_file() and 'name = "fashion-utils"' in _PROJECT.read_text(encoding="utf-8")
REPOSITORY = _AROUND if IN_REPOSITORY else Path.cwd()
CONTAINER = Path("/sys/fs/cgroup")  # where Linux tells of the limits of the container in which this runs
# 2 = errors only; without it every process lists its instruction sets and XLA devices. A value set by the user stays.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
PLAIN = {"✓": "+", "✗": "x", "○": "o", "−": "-", "…": "..."}  # for what an encoding lacks; "?" for all else


def _plain(error):
    return "".join(PLAIN.get(character, "?") for character in error.object[error.start : error.end]), error.end


codecs.register_error("fashion_utils.plain", _plain)  # an error handler for any stream: errors="fashion_utils.plain"


def printable(text: str) -> str:
    """Return a text as stdout takes it, which on Windows, as a pipe or a file, has neither ✓ nor all names of folders.

    Characters that its encoding lacks become plain ones, see PLAIN; in a notebook, nothing does.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "fashion_utils.plain").decode(encoding)


def free_memory() -> tuple[int, int]:
    """Return how many bytes of memory are free, and how many there are: of this machine, or of its container."""
    import psutil

    memory = psutil.virtual_memory()
    with contextlib.suppress(OSError, ValueError, KeyError):  # no container, or one without a limit
        used = dict(line.split() for line in (CONTAINER / "memory.stat").read_text().splitlines())
        limit = int((CONTAINER / "memory.max").read_text())
        return min(memory.available, limit - int(used["anon"])), min(memory.total, limit)
    return memory.available, memory.total


def _load_quietly(load, module):
    """Load a module; what C++ code writes to file descriptor 2 meanwhile is shown only if that fails."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            load(module)
            held.truncate(0)
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            os.write(2, held.read())


class _QuietTensorFlow:
    """Import TensorFlow with its start-up messages held back.

    TensorFlow 2.21 prints "oneDNN custom operations are on" twice while it loads, before any log level is in force, so
    TF_CPP_MIN_LOG_LEVEL cannot stop it; and TF_ENABLE_ONEDNN_OPTS=0, which can, doubles the time of a CNN epoch.
    """

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        spec = PathFinder.find_spec(fullname, path, target) if fullname == "tensorflow" else None
        if spec is not None:
            spec.loader.exec_module = functools.partial(_load_quietly, spec.loader.exec_module)
        return spec


sys.meta_path.insert(0, _QuietTensorFlow)

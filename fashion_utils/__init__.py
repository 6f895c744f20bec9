"""What the notebooks share: data, models, training, experiments, plots, exercises. See each module's first lines.

Importing this package loads none of them and not TensorFlow either; it only makes sure that TensorFlow, once it is
imported, starts without a word on stderr. So import it before TensorFlow.
"""

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
# 2 = errors only; without it every process lists its instruction sets and XLA devices. A value set by the user stays.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


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

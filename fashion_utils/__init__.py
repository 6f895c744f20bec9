"""What the notebooks share: data, models, training, evaluation, plots. See each module's first lines.

Importing this package loads none of them and not TensorFlow either; it only makes sure that TensorFlow, once it is
imported, starts without a word on stderr. So import it before TensorFlow.
"""

import contextlib
import importlib.abc
import importlib.machinery
import os
from pathlib import Path
import sys
import tempfile

REPOSITORY = Path(__file__).resolve().parents[1]
# 2 = errors only; without it every process lists its instruction sets and XLA devices. A value set by the user stays.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@contextlib.contextmanager
def _hold_back_native_stderr():
    """Keep what C++ code writes to file descriptor 2 in a temporary file; show it only if the block raises."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(saved, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


class _QuietTensorFlow(importlib.abc.MetaPathFinder):
    """Import TensorFlow with its start-up messages held back.

    TensorFlow 2.21 prints "oneDNN custom operations are on" twice while it loads, before any log level is in force, so
    TF_CPP_MIN_LOG_LEVEL cannot stop it; and TF_ENABLE_ONEDNN_OPTS=0, which can, doubles the time of a CNN epoch.
    """

    def find_spec(self, fullname, path=None, target=None):
        is_it = fullname == "tensorflow"
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target) if is_it else None
        if spec is None:
            return None
        load = spec.loader.exec_module

        def load_quietly(module):
            with _hold_back_native_stderr():
                load(module)

        spec.loader.exec_module = load_quietly
        return spec


sys.meta_path.insert(0, _QuietTensorFlow())

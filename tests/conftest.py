"""Fixtures for the tests of what reports to a reader: which data is in use, and a running IPython."""

import os

os.environ.setdefault("MPLBACKEND", "agg")  # before Matplotlib: no test opens a window

from fashion_utils import data, experiments  # noqa: F401 (TensorFlow gets one thread before any test computes)
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
import pytest
from traitlets.config import Config


@pytest.fixture
def use_data(monkeypatch):
    """A function that says which data is in use, `use_data(kind, sample)`; at first it is the full real data."""

    def use(kind="real", sample=None):
        source = data.Source(kind, "made up by a test", sample, f"fingerprint of {kind} {sample}")
        monkeypatch.setattr(data, "source", lambda: source)
        monkeypatch.setattr(data, "label", lambda: source.label)
        monkeypatch.setattr(data, "prepare", lambda: source)
        return source

    use()
    return use


@pytest.fixture
def displayed(monkeypatch, tmp_path):
    """IPython running, as it does in a notebook; the list of what it displays, dictionaries with `data`, `metadata`."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.display_pub = CapturingDisplayPublisher()
    yield shell.display_pub.outputs
    shell.restore_sys_module_state()
    InteractiveShell.clear_instance()

"""What the tests of experiments share: a folder for results."""

import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, use_data):
    """The folder for results; experiments stay in this process unless a test says otherwise."""
    monkeypatch.setenv("FASHION_ARTIFACTS", str(tmp_path))
    monkeypatch.setenv("FASHION_WORKERS", "0")
    return tmp_path

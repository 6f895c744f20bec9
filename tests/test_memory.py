"""How much memory is free: to this machine, or to the container in which this runs."""

from types import SimpleNamespace

import fashion_utils
import psutil
import pytest


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(None, (5000, 8000)), ("max\n", (5000, 8000)), ("1000\n", (700, 1000)), ("20000\n", (5000, 8000))],
    ids=["no container", "no limit", "a limit", "a limit above what there is"],
)
def test_the_memory_of_a_machine_or_a_container(tmp_path, monkeypatch, limit, expected):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=5000, total=8000))
    monkeypatch.setattr(fashion_utils, "CONTAINER", tmp_path)
    if limit is not None:
        (tmp_path / "memory.stat").write_text("anon 300\nfile 9000\n")
        (tmp_path / "memory.max").write_text(limit)
    assert fashion_utils.free_memory() == expected

"""Experiments on a real Dask cluster, started by the README's commands, on this machine: `make cluster`.

It takes minutes and packages that not everybody needs, so its name does not start with test_: pytest runs it only where
it is named.
"""

import contextlib
import os
from pathlib import Path
import shutil
import socket
import subprocess
import sys

from fashion_utils import REPOSITORY, data, experiments, models
from fashion_utils.experiments import worker
import pytest

distributed = pytest.importorskip("distributed", reason="Dask is not installed: run `make cluster`")

DASK = Path(sys.executable).with_name("dask")
SEEDS = range(3)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_ARTIFACTS", str(tmp_path))
    monkeypatch.setenv("FASHION_WORKERS", "0")
    return tmp_path


@contextlib.contextmanager
def cluster(folder, workers=2, repository=REPOSITORY, **environment):
    """A scheduler, workers with the package of this repository, and a client."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    environment = os.environ | {"PYTHONPATH": str(repository)} | environment
    common = {"cwd": folder, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    port = address.rpartition(":")[2]
    processes = [
        subprocess.Popen([DASK, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"], **common)
    ]
    try:
        many = ["--nworkers", str(workers), "--nthreads", "1", "--no-dashboard"]
        processes.append(subprocess.Popen([DASK, "worker", address, *many], **common))
        with distributed.Client(address, timeout=60) as client:
            client.wait_for_workers(workers, timeout=120)
            yield client
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait(timeout=60)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with cluster(tmp_path_factory.mktemp("cluster")) as client:
        yield client


def notebook(cell, **names):
    """The `run` of a notebook's cell."""
    namespace = {"__name__": "__main__", **names}
    exec(cell, namespace)
    return namespace["run"]


TRAIN = """
import functools
from fashion_utils import data, models

@functools.cache
def load():
    images, labels = data.load_train()
    return images[:3000].astype("float32") / 255, labels[:3000]

def run(seed, dropout):
    images, labels = load()
    model = models.mlp(dropout)
    history = model.fit(images, labels, epochs=3, verbose=0).history
    return {"loss": history["loss"][-1], "first": model.get_weights()[0][400, 0], "model": model}
"""
VARIANTS = {"plain": {"dropout": 0.0}, "dropout": {"dropout": 0.3}}


NOISE = """
import random, threading, time

def draw():
    while True:
        random.random()
        time.sleep(0)

def run():
    threading.Thread(target=draw, daemon=True).start()
"""


def digits(table):
    return table.drop(columns=["seconds", "model"]).to_dict("list")


def test_the_same_to_the_last_digit_though_others_draw_random_numbers(client):
    here = experiments.repeat("here", VARIANTS, notebook(TRAIN), SEEDS)
    client.run(notebook(NOISE))  # all the time what Dask's own threads do now and then
    there = experiments.repeat("there", VARIANTS, notebook(TRAIN), SEEDS, executor=client.get_executor())
    assert digits(there) == digits(here)
    assert len(set(here.loss)) == 6
    assert Path(there.model[0]).is_file()


DEADLY = """
import os, pathlib, signal

def run(seed, marks, always):
    with pathlib.Path(marks, str(seed)).open("a") as file:
        file.write("x")
    if seed == 1 and (always or pathlib.Path(marks, "1").read_text() == "x"):
        os.kill(os.getpid(), signal.SIGKILL)
    return {"accuracy": seed}
"""


@pytest.mark.parametrize("always", [False, True])
def test_a_killed_worker(client, tmp_path, always):
    arguments = {"deadly": {"marks": str(tmp_path), "always": always}}
    executor = client.get_executor()
    if always:
        with pytest.raises(RuntimeError, match="The worker died, twice") as raised:
            experiments.repeat("deadly", arguments, notebook(DEADLY), SEEDS, executor=executor)
        assert raised.value.__notes__ == ["This was variant 'deadly', seed 1."]
    else:
        experiments.repeat("deadly", arguments, notebook(DEADLY), SEEDS, executor=executor)
    kept = experiments.repeat("deadly", arguments, notebook(DEADLY), SEEDS, train_missing=False)
    assert kept.seed.tolist() == ([0, 2] if always else [0, 1, 2])
    assert len((tmp_path / "1").read_text()) >= 2  # Dask itself tries again, more than once


def refused(folder, tmp_path, **differing):
    with cluster(folder, workers=1, **differing) as client, pytest.raises(worker.Refused) as raised:
        experiments.repeat("refused", VARIANTS, notebook(TRAIN), [0], executor=client.get_executor())
    assert not list((tmp_path / data.source().slug).rglob("*.json"))
    return str(raised.value)


def test_a_worker_with_other_data_is_refused(tmp_path):
    assert "its data differs" in refused(tmp_path, tmp_path, FASHION_SAMPLE="600")


def test_a_worker_with_other_code_is_refused(tmp_path):
    other = tmp_path / "other"
    shutil.copytree(REPOSITORY / "fashion_utils", other / "fashion_utils")
    path = other / "fashion_utils" / "models.py"
    assert models.mlp and "(128, 64)" in path.read_text()
    path.write_text(path.read_text().replace("(128, 64)", "(128, 65)"))
    assert "its code (fashion_utils, or a file of yours) differs" in refused(other, tmp_path, repository=other)

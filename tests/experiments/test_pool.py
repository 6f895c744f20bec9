"""Who carries out the runs: this machine's processes, any executor; what happens when one of them dies."""

from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
import contextlib
import importlib
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time

from fashion_utils import experiments
from fashion_utils.experiments import pool, worker
from made_up_runs import begun, mark, run_or_die, train
import numpy as np
import psutil
import pytest

SEEDS = range(4)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left():
    yield
    pool.end()


@pytest.fixture
def two_workers(monkeypatch):
    monkeypatch.setenv("FASHION_WORKERS", "2")


def repeat(run, seeds=SEEDS, name="pool", executor=None, **arguments):
    return experiments.repeat(name, {"only": arguments}, run, seeds, executor=executor)


def digits(table):
    """All that must be the same to the last digit."""
    return table.drop(columns="seconds").to_dict("list")


# --- The same numbers -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_to_the_last_digit_here_in_processes_and_in_threads(monkeypatch):
    here = digits(repeat(train, name="0"))
    assert len(set(here["loss"])) == len(SEEDS)
    for workers in ("1", "2"):
        monkeypatch.setenv("FASHION_WORKERS", workers)
        assert digits(repeat(train, name=workers)) == here
    with ThreadPoolExecutor(2) as threads:
        assert digits(repeat(train, name="threads", executor=threads)) == here


def test_what_one_has_kept_the_other_uses(two_workers, monkeypatch, tmp_path):
    repeat(run_or_die, folder=tmp_path)
    monkeypatch.setenv("FASHION_WORKERS", "0")
    repeat(run_or_die, folder=tmp_path)
    assert begun(tmp_path) == dict.fromkeys(SEEDS, 1)


@pytest.mark.slow
def test_each_worker_loads_its_data_once(two_workers, tmp_path):
    cell = "import functools\n@functools.cache\ndef load():\n    mark(folder, 0)\n    return 1\n"
    namespace = {"__name__": "__main__", "mark": mark, "folder": str(tmp_path)}
    exec(cell + "def run(seed):\n    import time\n    time.sleep(0.2)\n    return {'loaded': load()}", namespace)
    assert repeat(namespace["run"], range(8)).loaded.sum() == 8
    assert begun(tmp_path)[0] == 2


@pytest.mark.slow
def test_a_process_that_loads_much_is_not_taken_for_a_leak(two_workers, tmp_path, recwarn):
    cell = "import functools, time, numpy\n@functools.cache\ndef load(much):\n    mark(folder, 0)\n"
    cell += "    return numpy.ones(much, 'float32')\n"
    namespace = {"__name__": "__main__", "mark": mark, "folder": str(tmp_path)}
    cell += "def run(seed, much):\n    time.sleep(1.1)\n    return {'loaded': load(much).sum()}"
    exec(cell, namespace)
    repeat(namespace["run"], range(4), much=1)
    assert set(repeat(namespace["run"], range(6), much=2**27).loaded) == {2**27}
    assert begun(tmp_path)[0] <= 4, "a process was started anew"
    assert not [warning for warning in recwarn if "worker stopped" in str(warning.message)]


# --- What is large stays ----------------------------------------------------------------------------------------------


def test_large_arrays_do_not_travel(two_workers, capsys):
    images = np.zeros((1000, 28, 28), "float32")

    def run(seed):
        return {"process": os.getpid(), "mean": images.mean()}

    assert set(repeat(run).process) == {os.getpid()}
    last = capsys.readouterr().out.splitlines()[-1]
    assert "All in this process: run would take 3 MB of arrays along to each worker (images): load them in run" in last
    with ThreadPoolExecutor() as threads, pytest.raises(ValueError, match=r"3 MB of arrays along .* \(images\)"):
        repeat(run, range(9), executor=threads)


def test_what_cannot_travel_stays_here(two_workers, capsys):
    lock = threading.Lock()

    def run(seed):
        with lock:
            return {"process": os.getpid()}

    assert set(repeat(run).process) == {os.getpid()}
    assert "All in this process: run cannot travel to a worker (TypeError" in capsys.readouterr().out


# --- What goes wrong --------------------------------------------------------------------------------------------------


def test_an_error_in_a_run_is_raised_when_the_others_are_done(two_workers, tmp_path):
    def run(seed, folder):
        mark(folder, seed)
        return {"accuracy": 1 / (seed - 1)}

    with pytest.raises(ZeroDivisionError) as raised:
        repeat(run, folder=tmp_path)
    assert "This was variant 'only', seed 1." in raised.value.__notes__
    assert begun(tmp_path) == dict.fromkeys(SEEDS, 1)
    with pytest.raises(ZeroDivisionError):
        repeat(run, folder=tmp_path)
    assert begun(tmp_path) == {0: 1, 1: 2, 2: 1, 3: 1}, "what was done is kept"


def test_a_killed_worker_costs_only_a_second_try(two_workers, tmp_path):
    assert repeat(run_or_die, folder=tmp_path, deaths=[1]).accuracy.tolist() == list(SEEDS)
    assert begun(tmp_path) == {0: 1, 1: 2, 2: 1, 3: 1}


def test_a_run_that_always_kills_its_worker_is_named_and_the_others_are_done(two_workers, tmp_path):
    with pytest.raises(RuntimeError, match="The worker died, twice, perhaps for want of memory") as raised:
        repeat(run_or_die, folder=tmp_path, deaths=[2], times=9)
    assert raised.value.__notes__ == ["This was variant 'only', seed 2."]
    assert begun(tmp_path) == {0: 1, 1: 1, 2: 2, 3: 1}
    assert len(list((tmp_path / "real" / "pool").glob("*.json"))) == 3


@pytest.mark.slow
def test_a_refused_process_is_replaced_by_a_fresh_one(two_workers, tmp_path, monkeypatch):
    """Where the reader has loaded a module anew, warm processes still have it as it was before."""
    (tmp_path / "readers_own.py").write_text("def value():\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    import readers_own

    def run(seed):
        return {"value": readers_own.value()}

    assert set(repeat(run).value) == {1}
    (tmp_path / "readers_own.py").write_text("def value():\n    return 1 + 1 + 1\n")
    importlib.reload(readers_own)
    assert set(repeat(run).value) == {3}


class Told(Executor):
    """An executor that answers as it is told to: for each submission the next of these errors, None for an answer."""

    def __init__(self, *errors):
        self.errors = list(errors)

    def submit(self, function, job):
        future, error = Future(), self.errors.pop(0) if self.errors else None
        if isinstance(error, BaseException):
            future.set_exception(error)
        elif error == "cancelled":
            future.cancel()
            future.set_running_or_notify_cancel()
        else:
            future.set_result(function(job))
        return future


@pytest.mark.parametrize("error", [BrokenExecutor("died"), worker.Refused("its data differs"), "cancelled"])
def test_what_an_executor_fails_at_is_tried_once_more(error, tmp_path):
    assert repeat(run_or_die, executor=Told(error), folder=tmp_path).accuracy.tolist() == list(SEEDS)
    last = [None, None, None, error]  # the second try comes after the others
    with pytest.raises(RuntimeError) as raised:
        repeat(run_or_die, range(4, 8), executor=Told(error, *last), folder=tmp_path)
    assert raised.value.__notes__ == ["This was variant 'only', seed 4."]
    assert begun(tmp_path) == dict.fromkeys([0, 1, 2, 3, 5, 6, 7], 1), "a refused result was filed, or others were not"


def test_an_executor_that_was_shut_down():
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(RuntimeError, match="cannot schedule new futures") as raised:
        repeat(train, executor=executor)
    assert raised.value.__notes__[1] == "3 more failed: 'only', seed 1; 'only', seed 2; 'only', seed 3"


SCRIPT = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
sys.path[:0] = {paths}
from made_up_runs import mark
from fashion_utils import data, experiments
data.use(data.Source("real", "made up by a test", None, "0"))

def run(seed, folder):
    mark(folder, seed)
    time.sleep(0 if seed == 0 else 60)
    return {{"accuracy": seed}}

if __name__ == "__main__":
    experiments.repeat("script", {{"only": {{"folder": sys.argv[1]}}}}, run, range(3))
"""


@pytest.fixture
def script(tmp_path, two_workers):
    """A script with three runs in two processes, the first done and the other two under way; and its processes."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(paths=[str(Path(__file__).parent)]))
    started = subprocess.Popen(
        [sys.executable, path, tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    until(lambda: sorted(begun(tmp_path)) == [0, 1, 2] and list(tmp_path.glob("real/script/*.json")))
    processes = psutil.Process(started.pid).children(recursive=True)
    assert len(processes) >= 2
    yield started, processes
    started.kill()
    for process in processes:
        if process.is_running():
            process.kill()


def until(condition, seconds=60):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "nothing happened"
        time.sleep(0.1)


def only_the_first_is_kept(folder):
    (kept,) = folder.glob("real/script/*")
    return kept.name.endswith("-0.json")


@pytest.mark.slow
def test_an_interrupt_keeps_what_is_done_and_ends_the_workers(script, tmp_path):
    started, processes = script
    os.killpg(started.pid, signal.SIGINT)  # to all of them, as Ctrl-C in a terminal and Jupyter send it
    output, _ = started.communicate(timeout=20)
    assert "KeyboardInterrupt" in output
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive
    assert only_the_first_is_kept(tmp_path)


@pytest.mark.slow
def test_when_the_caller_dies_so_do_its_workers(script, tmp_path):
    started, processes = script
    started.kill()
    _, alive = psutil.wait_procs(processes, timeout=20)
    assert not alive
    assert only_the_first_is_kept(tmp_path)


# --- How many there are, and for how long -----------------------------------------------------------------------------


def workers():
    """The processes of this process's pool that are alive."""
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.Error):  # it has just ended
            if "popen_loky" in " ".join(process.cmdline()):
                yield process


@pytest.mark.slow
def test_an_idle_pool_ends_and_comes_back(two_workers, monkeypatch, tmp_path):
    pool.end()
    monkeypatch.setattr(pool, "IDLE_SECONDS", 1)
    repeat(run_or_die, [0], folder=tmp_path)
    until(lambda: not list(workers()), 20)
    assert not pool._pool.is_warm()
    repeat(run_or_die, [1], folder=tmp_path)
    pool.end()


@pytest.fixture
def machine(monkeypatch):
    """A machine of so many cores and bytes of memory, on which nothing has been started yet."""

    def of(cores=4, memory=16e9, workers=None):
        pool.end()
        monkeypatch.setattr(pool.loky, "cpu_count", lambda: cores)
        monkeypatch.setattr(pool, "free_memory", lambda: (memory, memory))
        monkeypatch.delenv("FASHION_WORKERS")
        if workers:
            monkeypatch.setenv("FASHION_WORKERS", workers)

    return of


@pytest.mark.parametrize(
    ("made", "asked", "workers"),
    [
        ({}, {}, 4),
        ({"memory": 3.7e9}, {}, 3),
        ({"memory": 2e9}, {}, None),
        ({"memory": 2e9}, {"alike": False}, 1),  # this process has more threads: its numbers would be others
        ({"memory": 1e9}, {"alike": False}, None),
        ({"cores": 1}, {}, None),
        ({}, {"runs": 1}, None),
        ({}, {"seconds": 0}, None),
        ({}, {"seconds": 0.3}, None),
        ({}, {"seconds": 3}, 4),
        ({"workers": "1"}, {}, 1),
        ({"workers": "9"}, {"runs": 1, "seconds": 0}, 9),
        ({"workers": "0"}, {"alike": False}, None),
    ],
)
def test_as_many_as_cores_and_memory_allow_and_none_for_little(made, asked, workers, machine):
    machine(**made)
    found = pool.of_this_machine(**({"runs": 10, "seconds": None, "alike": True} | asked))
    assert getattr(found, "workers", None) == workers


def test_a_pool_that_is_there_is_used_for_little_too(machine, monkeypatch):
    machine()
    assert pool.of_this_machine(2, 0.3, True) is None
    started = pool.of_this_machine(10, None, True)
    monkeypatch.setattr(started, "last_used", time.monotonic())
    monkeypatch.setattr(pool, "free_memory", lambda: (0, 0))  # it has taken it
    assert pool.of_this_machine(2, 0.3, True) is started
    assert pool.of_this_machine(2, 0, True) is None, "a sample"


@pytest.mark.parametrize("workers", ["two", "-1", "1.5", "²"])
def test_nonsense_in_the_environment_is_said(workers, machine):
    machine(workers=workers)
    with pytest.raises(ValueError, match=r"FASHION_WORKERS=.* is to be a whole number"):
        repeat(train)


def test_says_what_runs(displayed):
    with ThreadPoolExecutor(2) as threads:
        repeat(train, executor=threads)
    texts = [output["data"]["text/plain"] for output in displayed]
    assert texts[0].startswith("pool: 0 of 4 done, running only, seed 0")
    assert texts[-1] == "pool: 4 runs, 4 of them now, 0 kept from before"

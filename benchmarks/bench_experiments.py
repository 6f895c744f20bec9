"""Measure how many networks an hour `experiments.repeat` trains, by the number of workers: `make bench`.

Each row of the table is a fresh process that trains the same networks from as many seeds, the start of its workers
included; one plain loop with all of TensorFlow's threads is what the others are compared with. Then workers are
simulated, which only wait, to see how many the calling process can hand out runs to, and file what they return.
"""

import argparse
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
import functools
import heapq
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from unittest import mock

from fashion_utils import data, models, training  # experiments later: it would leave TensorFlow one thread
import keras

from benchmarks.bench_training import machine, publish

WAYS = {"one process, all threads": None, "0 workers": "0", "1 worker": "1", "2 workers": "2"}
SIMULATED = (1, 10, 100, 1000)  # workers
SIMULATED_SECONDS = 1.0  # for a run


@functools.cache
def load():
    """Return the training pictures, scaled, and their labels: read once in each process."""
    images, labels = data.load_train()
    return images.astype("float32") / 255, labels


def mlp(seed: int, dropout: float, epochs: int) -> dict:
    """Train the series' perceptron on all pictures."""
    images, labels = load()
    history = models.mlp(dropout).fit(images, labels, epochs=epochs, batch_size=32, verbose=0).history
    return {"accuracy": history["accuracy"][-1]}


def cnn(seed: int, epochs: int) -> dict:
    """Train the series' small convolutional network on 12,800 pictures."""
    images, labels = (array[:12_800] for array in load())
    history = models.cnn().fit(images[..., None], labels, epochs=epochs, batch_size=128, verbose=0).history
    return {"accuracy": history["accuracy"][-1]}


CASES = {  # a run, its arguments, how many runs, how often the first way's rate is wanted of two workers
    "MLP": (mlp, {"dropout": 0.0, "epochs": 5}, 20, 1.4),
    "MLP with dropout": (mlp, {"dropout": 0.3, "epochs": 5}, 20, 1.6),
    "CNN": (cnn, {"epochs": 2}, 20, 1.6),
}


def train(case: str, way: str, runs: int) -> float:
    """Return the seconds that so many runs take, in this process, which has computed nothing yet."""
    run, arguments, _, _ = CASES[case]
    data.prepare()
    if WAYS[way] is None:
        start = time.perf_counter()
        for seed in range(runs):
            keras.utils.set_random_seed(seed)
            with training.fast():
                run(seed, **arguments)
        return time.perf_counter() - start
    from fashion_utils import experiments

    start = time.perf_counter()
    experiments.repeat("bench", {case: arguments}, run, range(runs))
    return time.perf_counter() - start


def in_a_fresh_process(case: str, way: str, runs: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"FASHION_ARTIFACTS": folder, "FASHION_WORKERS": WAYS[way] or ""}
        command = [sys.executable, "-m", "benchmarks.bench_experiments", "--train", case, way, str(runs)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1])


class Simulated(Executor):
    """So many workers that take their time over each job and do nothing."""

    def __init__(self, workers: int, seconds: float):
        self._seconds, self._free, self._waiting = seconds, workers, deque()
        self._busy, self._changed, self._count = [], threading.Condition(), itertools.count()
        threading.Thread(target=self._finish, daemon=True).start()

    def submit(self, function: Callable, job) -> Future:
        future = Future()
        with self._changed:
            self._waiting.append(future)
            self._start()
            self._changed.notify()
        return future

    def _start(self):
        while self._free and self._waiting:
            self._free -= 1
            heapq.heappush(self._busy, (time.monotonic() + self._seconds, next(self._count), self._waiting.popleft()))

    def _finish(self):
        from fashion_utils.experiments.worker import Answer

        while True:
            with self._changed:
                while not self._busy or self._busy[0][0] > time.monotonic():
                    self._changed.wait(self._busy[0][0] - time.monotonic() if self._busy else None)
                _, _, future = heapq.heappop(self._busy)
                self._free += 1
                self._start()
            future.set_result(Answer([{"accuracy": 0.9}], self._seconds))


def simulate(workers: int, runs: int) -> float:
    """Return the seconds in which `repeat` has so many workers do so many runs, each of SIMULATED_SECONDS."""
    from fashion_utils import experiments

    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, FASHION_ARTIFACTS=folder):
        start = time.perf_counter()
        executor = Simulated(workers, SIMULATED_SECONDS)
        experiments.repeat("simulated", {"CNN": {"epochs": 1}}, cnn, range(runs), executor=executor)
        return time.perf_counter() - start


def report(rows: list[dict], simulated: list[dict], description: dict) -> str:
    """Return both tables as text; a star marks what misses the mark the series set itself."""
    lines = [f"{name}: {value}" for name, value in description.items()]
    for row in rows:
        if row["way"] == next(iter(WAYS)):
            lines += [
                "",
                f"{row['case']}, {row['runs']} runs",
                f"{'':26}{'seconds':>9}{'networks/hour':>15}{'times':>8}",
            ]
        missed = row["way"] == "2 workers" and row["times"] < CASES[row["case"]][3]
        rate = f"{row['networks_an_hour']:15,.0f}{row['times']:8.2f}{'*' if missed else ''}"
        lines.append(f"{row['way']:26}{row['seconds']:9.1f}{rate}")
    lines += ["", f"Simulated workers, {SIMULATED_SECONDS:g} s a run"]
    lines.append(f"{'workers':>9}{'runs':>8}{'runs/s':>9}{'of ideal':>10}")
    for row in simulated:
        lines.append(f"{row['workers']:9}{row['runs']:8}{row['runs_a_second']:9.1f}{row['share_of_ideal']:10.0%}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_experiments", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a fifth of the runs")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases with TEXT in their name")
    parser.add_argument("--train", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        case, way, runs = options.train
        print(train(case, way, int(runs)))
        return
    rows, simulated = [], []
    for case in (name for name in CASES if options.only in name):
        runs = CASES[case][2] // (5 if options.quick else 1)
        for way in WAYS:
            seconds = in_a_fresh_process(case, way, runs)
            rows.append({"case": case, "way": way, "runs": runs, "seconds": seconds})
            first = next(row["seconds"] for row in rows if row["case"] == case)
            rows[-1] |= {"networks_an_hour": 3600 * runs / seconds, "times": first / seconds}
            print(f"{case}: {way}: {seconds:.1f} s", file=sys.stderr, flush=True)
    data.prepare()
    for workers in SIMULATED:
        runs = workers * (3 if options.quick else 10)
        seconds = simulate(workers, runs)
        share = runs / workers * SIMULATED_SECONDS / seconds
        simulated.append({"workers": workers, "runs": runs, "runs_a_second": runs / seconds, "share_of_ideal": share})
    description = machine() | {"data": data.source().kind}
    text = report(rows, simulated, description)
    publish("experiments", text, {"machine": description, "rows": rows, "simulated": simulated})


if __name__ == "__main__":
    main()

"""Measure `training.fast` against plain `fit`, NumPy by hand and the machine's arithmetic.

Run it with `make bench`, or with ARGS=--quick for a fraction of the time. Every way of training gets the same images
and is timed by the epoch, the first epoch (tracing and compiling) apart. The ways take turns, round by round, so that a
busy moment of the machine does not fall on one of them; medians are compared. The floor is the time that the arithmetic
of an epoch, counted from the layers, takes at the rate of a large matrix product measured in the same rounds. The table
and the machine's description go to build/bench/.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
import json
import math
import os
from pathlib import Path
import platform
from statistics import median
import sys
import textwrap
import time

from fashion_utils import data, models, training
from fashion_utils.sources.files import write_atomically
import keras
import numpy as np
import tensorflow as tf
import threadpoolctl

LEGEND = """
first: seconds of the first epoch, tracing and compiling included; s/epoch: median of the others; ten: seconds of ten
epochs, the first and nine times the median; x plain: how often plain fit's rate, by the medians; of floor: share of
the rate at which this machine's matrix product would do the same arithmetic. Wanted of training.fast, * if missed: the
MLP 10 times plain fit (6 with dropout) and 40 % of the floor's rate, the CNN 60 %.
""".strip()
FOLDER = Path(__file__).resolve().parents[1] / "build" / "bench"
STEPS_PER_EXECUTION = 100

# --- The networks -----------------------------------------------------------------------------------------------------


def mlp(dropout: float = 0.0) -> list[keras.Layer]:
    """Return the series' network of notebook 04, with dropout behind both hidden layers if it is not 0."""
    return [keras.Input((28, 28)), *models.mlp(dropout).layers]


def cnn() -> list[keras.Layer]:
    """Return the series' convolutional network."""
    return [keras.Input((28, 28, 1)), *models.cnn().layers]


def tensorflow_tutorial() -> list[keras.Layer]:
    """Return the architecture of TensorFlow's tutorial "Basic classification: Classify images of clothing"."""
    return [
        keras.Input((28, 28)),
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]


def keras_convnet() -> list[keras.Layer]:
    """Return the architecture of Keras' example "Simple MNIST convnet"."""
    return [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(64, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(10, activation="softmax"),
    ]


def compiled(layers: list[keras.Layer], **arguments) -> keras.Sequential:
    model = keras.Sequential(layers)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"], **arguments)
    return model


def operations_per_example(model: keras.Sequential) -> int:
    """Return the floating-point operations that the matrix products and convolutions of one training step need.

    A kernel is applied once for each position of its output, at two operations (multiply, add) a weight. Training does
    that three times (outputs, gradient of the weights, gradient of the inputs), except that nobody needs the gradient
    of the images.
    """
    forward = [
        2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
        for layer in model.layers
        if hasattr(layer, "kernel")
    ]
    return 3 * sum(forward) - forward[0]


# --- The ways to train ------------------------------------------------------------------------------------------------
# Each takes (make_layers, images, labels, batch_size, epochs) and returns the seconds of each epoch and the last loss.


class EpochClock(keras.callbacks.Callback):
    """Take the time at the start of each epoch and at the end of the last: cleaning up after an epoch belongs to it."""

    def on_train_begin(self, logs=None):
        self.times = []

    def on_epoch_begin(self, epoch, logs=None):
        self.times.append(time.perf_counter())

    def on_train_end(self, logs=None):
        self.times.append(time.perf_counter())

    def seconds(self) -> list[float]:
        return np.diff(self.times).tolist()


def plain_fit(make_layers, images, labels, batch_size, epochs, **arguments):
    clock = EpochClock()
    model = compiled(make_layers(), **arguments)
    history = model.fit(images, labels, batch_size=batch_size, epochs=epochs, callbacks=[clock], verbose=0)
    return clock.seconds(), history.history["loss"][-1]


def fit_with_steps_per_execution(*arguments):
    return plain_fit(*arguments, steps_per_execution=STEPS_PER_EXECUTION)


def fast_fit(*arguments):
    with training.fast():
        return plain_fit(*arguments)


@threadpoolctl.threadpool_limits.wrap(limits=1)
def numpy_by_hand(make_layers, images, labels, batch_size, epochs):
    """Train dense layers with backpropagation and Adam written in NumPy, starting from Keras' initial weights.

    On one BLAS thread: matrices this small gain nothing from a second, and where other programs are running, two
    OpenBLAS threads that wait for each other have taken thirty times as long.
    """
    rng = np.random.default_rng()
    layers = make_layers()
    rates = [layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)] or [0.0, 0.0]
    parameters = keras.Sequential(layers).get_weights()  # kernel, bias, kernel, bias ...
    means = [np.zeros_like(parameter) for parameter in parameters]
    squares = [np.zeros_like(parameter) for parameter in parameters]
    images = images.reshape(len(images), -1)
    step, times = 0, [time.perf_counter()]
    for _ in range(epochs):
        order = rng.permutation(len(images))
        loss = 0.0
        for start in range(0, len(images), batch_size):
            rows = order[start : start + batch_size]
            activations, slopes = [images[rows]], []
            for kernel, bias, rate in zip(parameters[:-2:2], parameters[1:-2:2], rates, strict=True):
                hidden = activations[-1] @ kernel + bias
                slope = (hidden > 0).astype("float32")
                if rate:
                    slope *= (rng.random(hidden.shape, "float32") >= rate) * np.float32(1 / (1 - rate))
                activations.append(hidden * slope)
                slopes.append(slope)
            logits = activations[-1] @ parameters[-2] + parameters[-1]
            probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
            probabilities /= probabilities.sum(axis=1, keepdims=True)
            example = np.arange(len(rows)), labels[rows]
            loss -= np.log(probabilities[example] + 1e-7).sum()
            error = probabilities
            error[example] -= 1
            error /= len(rows)
            gradients = []
            for index in reversed(range(len(activations))):
                gradients[:0] = [activations[index].T @ error, error.sum(axis=0)]
                if index:
                    error = (error @ parameters[2 * index].T) * slopes[index - 1]
            step += 1
            rate = 0.001 * math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            for parameter, gradient, mean, square in zip(parameters, gradients, means, squares, strict=True):
                mean += 0.1 * (gradient - mean)
                square += 0.001 * (gradient * gradient - square)
                parameter -= rate * mean / (np.sqrt(square) + 1e-7)
        times.append(time.perf_counter())
    return np.diff(times).tolist(), float(loss / len(images))


DENSE_WAYS = {
    "plain fit": plain_fit,
    f"fit, steps_per_execution={STEPS_PER_EXECUTION}": fit_with_steps_per_execution,
    "NumPy by hand": numpy_by_hand,
    "training.fast": fast_fit,
}
CONVOLUTION_WAYS = {name: way for name, way in DENSE_WAYS.items() if way is not numpy_by_hand}
PEER_WAYS = {name: way for name, way in DENSE_WAYS.items() if way in (plain_fit, fast_fit)}


@dataclass(frozen=True)
class Case:
    """A network, and how often plain fit's rate and which share of the floor's rate is wanted of training.fast."""

    make_layers: Callable[[], list[keras.Layer]]
    batch_size: int
    ways: dict[str, Callable]
    wanted_times_plain: float = 0
    wanted_share: float = 0
    quick_examples: int = 60_000


CASES = {
    "MLP, batch 32": Case(mlp, 32, DENSE_WAYS, 10, 1 / 2.5),
    "MLP, batch 64": Case(mlp, 64, DENSE_WAYS, 10, 1 / 2.5),
    "MLP with dropout, batch 32": Case(lambda: mlp(0.3), 32, DENSE_WAYS, 6, 1 / 2.5),
    "MLP with dropout, batch 64": Case(lambda: mlp(0.3), 64, DENSE_WAYS, 6, 1 / 2.5),
    "CNN, batch 128": Case(cnn, 128, CONVOLUTION_WAYS, 0, 0.6, quick_examples=12_800),
    "TensorFlow's tutorial, batch 32": Case(tensorflow_tutorial, 32, PEER_WAYS),
    "Keras' MNIST convnet, batch 128": Case(keras_convnet, 128, PEER_WAYS, quick_examples=12_800),
}

# --- Measuring and reporting ------------------------------------------------------------------------------------------


def matrix_product_rate(size: int = 2048, repeats: int = 5) -> float:
    """Return floating-point operations a second of TensorFlow's float32 matrix product, the best of `repeats`."""
    matrix = tf.random.normal((size, size))
    tf.matmul(matrix, matrix).numpy()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        tf.matmul(matrix, matrix).numpy()
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


def machine() -> dict:
    """Return what a reader needs to judge the numbers."""
    processor = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next((line.split(": ")[1] for line in lines if line.startswith("model name")), processor)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
    }


def measure(cases: dict[str, Case], rounds: int, epochs: int, quick: bool) -> tuple[list[dict], list[float]]:
    """Return one row for each case and way, and the matrix-product rates measured along the way."""
    images, labels = data.load_train()
    images = images.astype("float32") / 255
    seconds, first, losses, rates = defaultdict(list), defaultdict(list), {}, []
    examples = {name: min(len(images), case.quick_examples if quick else len(images)) for name, case in cases.items()}
    runs = [(name, way) for _ in range(rounds) for name, case in cases.items() for way in case.ways]
    for done, (name, way) in enumerate(runs, start=1):
        case, number = cases[name], examples[name]
        rates.append(matrix_product_rate())
        keras.utils.set_random_seed(done)
        times, losses[name, way] = case.ways[way](
            case.make_layers, images[:number], labels[:number], case.batch_size, epochs
        )
        first[name, way].append(times[0])
        seconds[name, way] += times[1:]
        print(f"{done}/{len(runs)} {name}: {way}: {median(times[1:]):.2f} s an epoch", file=sys.stderr, flush=True)
    rows = []
    for (name, way), times in seconds.items():
        operations = operations_per_example(keras.Sequential(cases[name].make_layers())) * examples[name]
        row = {"case": name, "way": way, "examples": examples[name], "seconds": times, "last_loss": losses[name, way]}
        row["first_epoch_seconds"] = median(first[name, way])
        row["seconds_an_epoch"] = median(times)
        row["seconds_for_ten_epochs"] = row["first_epoch_seconds"] + 9 * median(times)
        row["images_a_second"] = examples[name] / median(times)
        row["times_plain_fit"] = median(seconds[name, "plain fit"]) / median(times)
        row["share_of_floor_rate"] = operations / median(rates) / median(times)
        rows.append(row)
    return rows, rates


def report(rows: list[dict], rates: list[float], description: dict) -> str:
    """Return the table as text; a star marks what misses the mark the series set itself."""
    lines = [f"{name}: {value}" for name, value in description.items()]
    slowest, typical, fastest = (f"{pick(rates) / 1e9:.0f}" for pick in (min, median, max))
    lines.append(f"matrix product: {typical} GFLOP/s, the median of {len(rates)} between {slowest} and {fastest}")
    header = f"{'':29}{'first':>9}{'s/epoch':>9}{'ten':>8}{'images/s':>10}{'x plain':>9}{'of floor':>10}"
    for row in rows:
        if row["way"] == "plain fit":
            lines += ["", row["case"], header]
        faster, share = row["times_plain_fit"], row["share_of_floor_rate"]
        case, ours = CASES[row["case"]], row["way"] == "training.fast"
        lines.append(
            f"{row['way']:29}{row['first_epoch_seconds']:9.2f}{row['seconds_an_epoch']:9.2f}"
            f"{row['seconds_for_ten_epochs']:8.1f}{row['images_a_second']:10,.0f}"
            f"{faster:8.1f}{'*' if ours and faster < case.wanted_times_plain else ' '}"
            f"{share:9.0%}{'*' if ours and share < case.wanted_share else ' '}"
        )
    return "\n".join([*lines, "", *textwrap.wrap(LEGEND, 100)])


def publish(name: str, text: str, results: dict) -> None:
    """Print a table, and write it and its numbers to build/bench/."""
    write_atomically(FOLDER / f"{name}.json", json.dumps(results, indent=1).encode())
    write_atomically(FOLDER / f"{name}.txt", f"{text}\n".encode())
    print(text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_training", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds and epochs, convolutions on 12,800 images")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases with TEXT in their name")
    options = parser.parse_args()
    cases = {name: case for name, case in CASES.items() if options.only in name}
    rounds, epochs = (3, 2) if options.quick else (5, 4)
    description = machine() | {"data": data.source().kind, "rounds": rounds, "epochs a round": epochs}
    rows, rates = measure(cases, rounds, epochs, options.quick)
    text = report(rows, rates, description)
    publish("training", text, {"machine": description, "matrix_product_flops": rates, "rows": rows})


if __name__ == "__main__":
    main()

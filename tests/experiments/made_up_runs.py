"""Experiments of a second, which say how often and where they ran."""

import os
from pathlib import Path
import random
import signal

import keras
import numpy as np


def train(seed, units=16, dropout=0.2):
    """Train a small network on made-up pictures; the metrics change in the last digit with anything that matters."""
    rng = np.random.default_rng(0)
    images, labels = rng.random((640, 8, 8), "float32"), np.arange(640) % 10
    layers = [keras.layers.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(units, activation="relu")]
    model = keras.Sequential([*layers, keras.layers.Dropout(dropout), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    loss = model.fit(images, labels, epochs=3, verbose=0).history["loss"][-1]
    drawn = random.random() + np.random.rand()  # noqa: NPY002 (that the old way is seeded)
    return {"loss": loss, "weights": np.sum([np.sum(np.abs(w)) for w in model.get_weights()]), "drawn": drawn}


def mark(folder, seed):
    """Note that a run was begun, and return how often it has been by now."""
    path = Path(folder, f"begun {seed}")
    with path.open("a") as file:
        file.write(f"{os.getpid()}\n")
    return len(path.read_text().splitlines())


def begun(folder):
    """How often each seed was begun."""
    return {int(path.name.split()[1]): len(path.read_text().splitlines()) for path in folder.glob("begun *")}


def run_or_die(seed, folder, deaths=(), times=1):
    """Kill the process the first `times` that one of these seeds is run, as a system short of memory does."""
    if mark(folder, seed) <= times and seed in deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"accuracy": seed}

"""The series' networks. Each is built inline in its notebook first; later notebooks take it from here."""

from collections.abc import Sequence
import json
import math
from pathlib import Path
import tempfile
from urllib.parse import quote
import zipfile

from fashion_utils import data, printable
from fashion_utils.sources import files
import keras
import numpy as np

RECIPES = {
    "CNN": {"filters": (16, 32, 64, 128), "epochs": 12},
    "CNN with augmentation": {"filters": (16, 32, 64, 128), "epochs": 30, "augment": True},
}
"""The arguments of `train_recipe` for each network of `make best`."""


def mlp(dropout: float = 0.0) -> keras.Sequential:
    """Return the multilayer perceptron of notebook 4, 784-128-64-10 with 109,386 parameters, compiled and untrained.

    It takes images (n, 28, 28), float in [0, 1], and gives probabilities (n, 10), float32; labels are integers 0 to 9.
    `dropout` is the share of the units dropped after each hidden layer, as in notebook 6; 0 adds no such layers.
    """
    model = keras.Sequential([keras.layers.Input((28, 28)), keras.layers.Flatten()])
    for units in (128, 64):
        model.add(keras.layers.Dense(units, activation="relu"))
        if dropout:
            model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def cnn(filters: Sequence[int] = (16, 32, 64), dropout: float = 0.2, augment: bool = False) -> keras.Sequential:
    """Return the convolutional network of notebook 7, compiled and untrained.

    It takes images (n, 28, 28, 1), float in [0, 1], and gives probabilities (n, 10), float32; labels are integers.

    Args:
        filters: how many 3×3 filters each block has. A block is a convolution, in the first three blocks a 2×2 max
            pooling, batch normalization, and ReLU.
        dropout: share of the units dropped before and after the hidden layer of 128 units.
        augment: whether the network, while it is trained, mirrors half of the images, moves each by up to a pixel and
            covers three in ten with a rectangle of noise, 4 to 12 pixels wide and high.
    """
    model = keras.Sequential([keras.layers.Input((28, 28, 1))])
    if augment:
        model.add(keras.layers.RandomFlip("horizontal"))
        # Rounded to whole pixels, -1.5 to 1.5 makes moves by -1, 0 and 1 equally likely.
        to = {"fill_mode": "constant", "interpolation": "nearest"}
        model.add(keras.layers.RandomTranslation(1.5 / 28, 1.5 / 28, **to))
        sides = ((4 / 28) ** 2, (12 / 28) ** 2)  # the layer takes the root of what it draws as a share of the side
        model.add(keras.layers.RandomErasing((0.3, 0.3), sides, value_range=(0, 1)))
    for block, n in enumerate(filters):
        model.add(keras.layers.Conv2D(n, 3, padding="same"))
        if block < 3:  # from 28 × 28 to 3 × 3
            model.add(keras.layers.MaxPooling2D())
        # Behind the pooling, batch normalization has a quarter of the numbers to work on: it costs a tenth of the
        # speed in place of four tenths. For ReLU the order makes no difference.
        model.add(keras.layers.BatchNormalization())
        model.add(keras.layers.ReLU())
    model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(128, activation="relu"))
    model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def one_cycle(highest: float, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a learning rate that rises from a tenth of the highest in 30 % of the steps, then falls to 0 as a cosine.

    After L. N. Smith and N. Topin, "Super-Convergence", 2017 (https://arxiv.org/abs/1708.07120). `steps`, at least 2,
    is the number of mini-batches in the whole training.
    """
    rising = max(1, round(0.3 * steps))
    return keras.optimizers.schedules.CosineDecay(
        highest / 10, decay_steps=steps - rising, warmup_target=highest, warmup_steps=rising
    )


def train_recipe(seed: int, filters: Sequence[int], epochs: int, augment: bool = False, batch_size: int = 128) -> dict:
    """Train a `cnn` on the training part of the data, a `run` for `experiments.repeat`, which sets the seed.

    Returns "accuracy", that on the validation part, and "model".
    """
    images, labels, val_images, val_labels = validation_split()
    model = cnn(filters, augment=augment)
    model.optimizer.learning_rate = one_cycle(0.005, epochs * math.ceil(len(images) / batch_size))
    model.fit(images, labels, batch_size=batch_size, epochs=epochs, verbose=0)
    return {"accuracy": model.evaluate(val_images, val_labels, verbose=0, return_dict=True)["accuracy"], "model": model}


def validation_split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return images for a `cnn` and labels of the training part, then of the validation part: see `data.split`."""
    images, labels = data.load_train()
    return data.split(images[..., np.newaxis].astype("float32") / 255, labels, seed=0)


def file(name: str, **settings) -> Path:
    """Return where a notebook keeps a trained network; a file that is there is whole and of this version of Keras.

    The settings it is trained with become part of the file's name, so one trained otherwise is not found. The folder is
    `data.artifacts()`, or, where that cannot be written, one for this session only.
    """
    parts = [name, *(f"{key}={value}" for key, value in settings.items())]
    name = quote("-".join(parts), safe="=,() ") + ".keras"
    for find_folder in (data.artifacts, lambda: files.temporary_folder() / data.artifacts().name):
        path = find_folder() / name
        try:
            if path.exists():
                fault = _fault(path)
                if not fault:
                    return path
                print(printable(f"{name} {fault}: it is not used."))
                if not files.set_aside(path):
                    raise PermissionError(None, "it cannot be set aside")
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path.parent):
                return path
        except OSError as error:
            why = f"Nothing can be kept in {path.parent} ({error.strerror})"
            print(printable(f"{why}, so it will last as long as this session."))
    return path


def _fault(path: Path) -> str:
    """Say what is wrong with a file that should hold a model, "" if nothing is."""
    try:
        with zipfile.ZipFile(path) as archive:
            version = json.loads(archive.read("metadata.json"))["keras_version"]
            if archive.testzip():
                raise zipfile.BadZipFile
    except Exception:  # each kind of damage has an error of its own
        return "is damaged or incomplete"
    return "" if version == keras.__version__ else f"is from Keras {version}, this is {keras.__version__}"

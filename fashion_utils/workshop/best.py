"""The long trainings of notebook 6, whose networks are kept in `artifacts/`: `make best`.

Usage: python -m fashion_utils.workshop.best [--all]

Each recipe is what the notebook does in small, with larger numbers. A network that is kept and fits (same data, recipe,
seed and versions) is not trained again, so an interrupted call goes on where it was.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
import math
import re
import sys
import time

from fashion_utils import artifacts, data, evaluation, models, training
from fashion_utils.progress import LiveProgress
import keras
import numpy as np

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Recipe:
    """How a convolutional network is trained: see `models.cnn`, `training.fit` and `one_cycle`."""

    filters: tuple[int, ...]
    epochs: int
    augment: bool
    batch_size: int = 128
    highest_rate: float = 0.005


LONG = {
    "CNN": Recipe(filters=(16, 48, 96, 128), epochs=8, augment=False),
    "CNN with augmentation": Recipe(filters=(16, 48, 96, 128), epochs=19, augment=True),
}
BEST = "CNN with augmentation"
"""The recipe whose networks, one for each seed, decide together in `make best`."""


@dataclass(frozen=True)
class Trained:
    """A trained network, the seed it is from, and how long the training took."""

    model: keras.Model
    seed: int
    seconds: float


def one_cycle(highest: float, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a learning rate that rises from a tenth of the highest in 30 % of the steps, then falls to 0 as a cosine.

    After L. N. Smith and N. Topin, "Super-Convergence", 2017 (https://arxiv.org/abs/1708.07120).

    Args:
        highest: the highest learning rate.
        steps: mini-batches in the whole training, at least 2.
    """
    rising = max(1, round(0.3 * steps))
    return keras.optimizers.schedules.CosineDecay(
        highest / 10, decay_steps=steps - rising, warmup_target=highest, warmup_steps=rising
    )


def build(recipe: Recipe, examples: int) -> keras.Sequential:
    """Return a recipe's network, untrained, compiled for training on so many examples."""
    model = models.cnn(recipe.filters)
    steps = recipe.epochs * math.ceil(examples / recipe.batch_size)
    model.optimizer.learning_rate = one_cycle(recipe.highest_rate, steps)
    return model


def kept(name: str) -> list[Trained]:
    """Return the networks of one of the `LONG` recipes that are kept in `artifacts/` and fit: none, some, or all."""
    found = []
    for seed in SEEDS:
        model, history, _ = artifacts.load_model(*_card(name, seed))
        if model is not None:
            found.append(Trained(model, seed, sum(history["seconds"])))
    return found


def train(name: str) -> list[Trained]:
    """Return the networks of one of the `LONG` recipes, one for each seed; train and keep those that are missing."""
    recipe, found = LONG[name], {trained.seed: trained for trained in kept(name)}
    if missing := [seed for seed in SEEDS if seed not in found]:
        images, labels, _, _ = _split()
    for seed in missing:
        print(f"{name}, seed {seed}: {recipe.epochs} epochs on {len(images):,} pictures", flush=True)
        keras.utils.set_random_seed(seed)
        model = build(recipe, len(images))
        start = time.perf_counter()
        history = training.fit(
            model,
            images,
            labels,
            batch_size=recipe.batch_size,
            epochs=recipe.epochs,
            augment=training.flip_shift_erase if recipe.augment else None,
            seed=seed,
            callbacks=[LiveProgress()],
        ).history
        seconds = time.perf_counter() - start
        file, _, settings = _card(name, seed)
        artifacts.save_model(file, model, history | {"seconds": [seconds]}, settings)
        found[seed] = Trained(model, seed, seconds)
    return [found[seed] for seed in SEEDS]


def predict(networks: Sequence[keras.Model], images: np.ndarray, mirror: bool = True) -> np.ndarray:
    """Return the mean of what several networks say of each image and of its mirror image.

    Args:
        networks: built models that take (n, 28, 28, 1).
        images: (n, 28, 28, 1), float in [0, 1].
        mirror: False leaves out the mirror images.

    Returns:
        probabilities, float32 of shape (n, 10).
    """
    views = (images, images[:, :, ::-1]) if mirror else (images,)
    return np.mean([training.predict(network, view) for network in networks for view in views], axis=0)


def _split():
    images, labels = data.load_train()
    return data.split(images[..., np.newaxis].astype("float32") / 255, labels, seed=0)


def _card(name: str, seed: int) -> tuple[str, keras.Model, dict]:
    """Return what `artifacts` needs to find a network: its file name, one like it, its settings."""
    settings = {"recipe": asdict(LONG[name]), "seed": seed}
    return f"{re.sub('[^a-z]+', '-', name.lower())}-{seed}", models.cnn(LONG[name].filters), settings


def main(arguments: list[str] | None = None) -> int:
    """Train what is missing, then say how good the networks of `BEST` are, each and together."""
    parser = argparse.ArgumentParser(prog="python -m fashion_utils.workshop.best", description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help=f"train every recipe: {', '.join(LONG)}")
    options = parser.parse_args(arguments)
    try:
        source = data.prepare()
    except (data.DataError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    trained = {name: [one.model for one in train(name)] for name in (LONG if options.all else [BEST])}
    _, _, images, labels = _split()
    for name, networks in trained.items():
        mirror = LONG[name].augment  # a network that has never seen a mirrored picture is not asked about one
        right = [np.mean(predict([network], images, mirror).argmax(axis=1) == labels) for network in networks]
        print(f"{name}: validation accuracy {np.mean(right):.4f} ± {np.std(right, ddof=1):.4f} over {len(SEEDS)} seeds")
    networks = trained[BEST]
    images, labels = data.load_test()
    right = predict(networks, images[..., np.newaxis].astype("float32") / 255).argmax(axis=1) == labels
    low, high = evaluation.accuracy_interval(right.sum(), len(right))
    print(f"Test accuracy of the {len(networks)} together: {right.mean():.4f} (95 % interval {low:.4f} to {high:.4f})")
    if source.label:
        print(f"Measured on {source.label}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

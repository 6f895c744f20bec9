"""The long trainings of notebook 7, whose networks are kept in `artifacts/`: `make best`.

A network that is kept and fits is not trained again, so an interrupted call goes on where it was.
"""

import argparse
from collections.abc import Sequence
import sys

from fashion_utils import data, experiments, models, training
from fashion_utils.workshop import print_anything
import keras
import numpy as np
from scipy.stats import binomtest

SEEDS = range(4)
BEST = "CNN with augmentation"  # the recipe whose networks, one for each seed, decide together


def predict(networks: Sequence[keras.Model], images: np.ndarray, mirror: bool = True) -> np.ndarray:
    """Return the mean of what several networks say of each image and, if `mirror`, of its mirror image.

    The networks are built and take images (n, 28, 28, 1), float in [0, 1]. Returns probabilities, float32 (n, 10).
    """
    views = (images, images[:, :, ::-1]) if mirror else (images,)
    with training.fast():
        return np.mean([network.predict(view, verbose=0) for network in networks for view in views], axis=0)


def main(arguments: list[str] | None = None) -> None:
    """Train what is missing, then say how good the networks of `BEST` are, each and together."""
    print_anything()
    parser = argparse.ArgumentParser(prog="python -m fashion_utils.workshop.best", description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help=f"train every recipe: {', '.join(models.RECIPES)}")
    options = parser.parse_args(arguments)
    try:
        source = data.prepare()
    except (data.DataError, ValueError) as error:
        sys.exit(str(error))
    recipes = {name: recipe for name, recipe in models.RECIPES.items() if options.all or name == BEST}
    trained = experiments.repeat("best", recipes, models.train_recipe, SEEDS)
    _, _, images, labels = models.validation_split()
    for name, recipe in recipes.items():
        networks = [keras.models.load_model(path) for path in trained.model[trained.variant == name]]
        mirror = recipe.get("augment", False)  # a network that has never seen a mirrored picture is not asked about one
        right = [np.mean(predict([network], images, mirror).argmax(axis=1) == labels) for network in networks]
        spread = f"{np.mean(right):.4f} ± {np.std(right, ddof=1):.4f} over {len(networks)} seeds"
        print(f"{name}: validation accuracy {spread}")
    images, labels = data.load_test()  # of the networks of the last recipe, which is BEST
    right = predict(networks, images[..., np.newaxis].astype("float32") / 255).argmax(axis=1) == labels
    low, high = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    print(f"Test accuracy of the {len(networks)} together: {right.mean():.4f} (95 % interval {low:.4f} to {high:.4f})")
    if source.label:
        print(f"Measured on {source.label}.")


if __name__ == "__main__":
    main()

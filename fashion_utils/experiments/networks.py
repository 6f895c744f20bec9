"""The trained networks that the last notebooks look into: trained once, kept, and shared by them."""

from fashion_utils import experiments, models
import keras

RECIPES = {
    "MLP": {"epochs": 10},
    "CNN": {"filters": (16, 32, 64), "epochs": 5},
    "CNN with augmentation": {"filters": (16, 32, 64), "epochs": 5, "augment": True},
}
"""The arguments of `train` for each network: notebook 4's, and two like notebook 7's, made for a minute of training."""


def trained() -> dict[str, keras.Sequential]:
    """Return a network for each of `RECIPES`, trained on the training part of the data; a kept one is loaded.

    Each takes images, float in [0, 1], (n, 28, 28) for the "MLP" and (n, 28, 28, 1) for the others, and gives
    probabilities (n, 10), float32. The training part is the first two arrays of `data.split(images, labels)`, so
    that the last two can be used for validation. Raises what `experiments.repeat` raises.
    """
    kept = experiments.repeat("trained", RECIPES, train, seeds=[0])
    return {name: keras.models.load_model(path) for name, path in zip(kept.variant, kept.model, strict=True)}


def train(seed: int, epochs: int, **recipe) -> dict:
    """Train `models.cnn` as `models.train_recipe` does, or without a recipe the MLP as in notebook 4: see `repeat`."""
    if recipe:
        return models.train_recipe(seed, epochs=epochs, **recipe)
    images, labels, val_images, val_labels = models.validation_split()
    model = models.mlp()
    model.fit(images[..., 0], labels, epochs=epochs, batch_size=32, verbose=0)
    scores = model.evaluate(val_images[..., 0], val_labels, verbose=0, return_dict=True)
    return {"accuracy": scores["accuracy"], "model": model}

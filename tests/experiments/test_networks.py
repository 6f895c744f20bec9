"""The networks that the last notebooks share: trained as their notebooks do, on the training part, and only once."""

from fashion_utils import data, experiments, models
from fashion_utils.experiments import networks
import numpy as np
import pytest

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (200, 28, 28), "uint8"), np.arange(200, dtype="uint8") % 10
TINY = {
    "MLP": {"epochs": 3},
    "CNN": {"filters": (1,), "epochs": 1},
    "CNN with augmentation": {"filters": (1,), "epochs": 1, "augment": True},
}


@pytest.fixture(autouse=True)
def two_hundred_pictures(monkeypatch):
    monkeypatch.setattr(data, "load_train", lambda: (IMAGES, LABELS))
    monkeypatch.setattr(networks, "RECIPES", TINY)


def test_three_networks_that_take_what_is_said_and_are_trained_once(capsys):
    trained = experiments.trained()
    assert list(trained) == list(TINY)
    assert "3 of them now" in capsys.readouterr().out
    again = experiments.trained()
    assert "3 kept from before" in capsys.readouterr().out
    for name, network in trained.items():
        pictures = IMAGES[:5].astype("float32") / 255
        said = network.predict(pictures if name == "MLP" else pictures[..., np.newaxis], verbose=0)
        assert said.shape == (5, 10) and said.dtype == np.float32
        assert np.allclose(said.sum(axis=1), 1, atol=1e-5)
        assert all(np.array_equal(*pair) for pair in zip(network.get_weights(), again[name].get_weights(), strict=True))
    assert "flip" in trained["CNN with augmentation"].layers[0].name
    assert "flip" not in trained["CNN"].layers[0].name


def test_the_mlp_learns_the_training_part_and_is_scored_on_the_rest(monkeypatch):
    seen = {}

    class Spy:
        def fit(self, images, labels, **settings):
            seen.update(images=images, labels=labels, settings=settings)

        def evaluate(self, images, labels, **settings):
            seen.update(val_images=images, val_labels=labels)
            return {"accuracy": 0.25}

    monkeypatch.setattr(models, "mlp", Spy)
    result = networks.train(seed=0, epochs=3)
    images, labels, val_images, val_labels = data.split(IMAGES, LABELS)
    assert np.array_equal(seen["images"], images.astype("float32") / 255) and seen["images"].dtype == np.float32
    assert np.array_equal(seen["labels"], labels)
    assert np.allclose(seen["val_images"], val_images / 255) and np.array_equal(seen["val_labels"], val_labels)
    assert (seen["settings"]["epochs"], seen["settings"]["batch_size"]) == (3, 32)
    assert result["accuracy"] == 0.25 and isinstance(result["model"], Spy)

"""`make best`: what is trained, what is kept and used again, predictions by several networks together."""

from fashion_utils import data, models
from fashion_utils.workshop import best
import numpy as np
import pytest

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (200, 28, 28), "uint8"), np.arange(200, dtype="uint8") % 10


@pytest.fixture
def trained(tmp_path, monkeypatch, use_data, capsys):
    """Tiny recipes on 200 pictures, trained from two seeds; a function that returns what it said in the last run."""
    tiny = {"CNN": {"filters": (1,), "epochs": 0}, best.BEST: {"filters": (1, 1), "epochs": 0, "augment": True}}
    monkeypatch.setenv("FASHION_ARTIFACTS", str(tmp_path))
    monkeypatch.setenv("FASHION_WORKERS", "0")  # nothing of what is replaced here is so in another process
    monkeypatch.setattr(data, "load_train", lambda: (IMAGES, LABELS))
    monkeypatch.setattr(data, "load_test", lambda: (IMAGES[:30], LABELS[:30]))
    monkeypatch.setattr(models, "RECIPES", tiny)
    monkeypatch.setattr(models, "train_recipe", untrained)
    monkeypatch.setattr(best, "SEEDS", range(2))

    def run(*arguments):
        best.main(list(arguments))
        return capsys.readouterr().out

    return run


def untrained(seed, filters, epochs, augment=False):
    network = models.cnn(filters, augment=augment)
    network.optimizer.build(network.trainable_variables)  # as training does; else Keras warns when it loads the model
    return {"accuracy": 0.5, "model": network}


def test_trains_what_is_missing_and_reports(trained, monkeypatch):
    said = trained()
    assert "best: 2 runs, 2 of them now" in said and "CNN, seed" not in said
    assert "CNN with augmentation: validation accuracy 0." in said and "over 2 seeds" in said
    assert "Test accuracy of the 2 together: 0." in said and "95 % interval" in said
    said = trained("--all")
    assert "best: 4 runs, 2 of them now, 2 kept from before" in said
    assert "\nCNN: validation accuracy 0." in said and "CNN with augmentation: validation accuracy 0." in said
    assert "Test accuracy of the 2 together" in said
    monkeypatch.setitem(models.RECIPES, best.BEST, {"filters": (1, 2), "epochs": 0, "augment": True})
    assert "2 runs, 2 of them now" in trained()


def test_says_when_it_is_not_the_full_real_data(trained, use_data):
    use_data("stand-in", 120)
    assert "Measured on stand-in data, sample of 120." in trained()


def test_without_data_says_what_is_wrong(trained, monkeypatch):
    def fail():
        raise data.DataError("no such folder")

    monkeypatch.setattr(data, "prepare", fail)
    with pytest.raises(SystemExit) as stopped:
        best.main([])
    assert stopped.value.code == "no such folder"


def test_the_best_is_one_of_the_recipes():
    assert list(models.RECIPES)[-1] == best.BEST


def test_predictions_are_the_mean_over_networks_and_mirror_images():
    networks = [models.cnn((2,)) for _ in range(2)]
    images = RNG.random((5, 28, 28, 1), "float32")
    straight = [network(images).numpy() for network in networks]
    mirrored = [network(images[:, :, ::-1]).numpy() for network in networks]
    np.testing.assert_allclose(best.predict(networks, images), np.mean(straight + mirrored, axis=0), rtol=1e-5)
    np.testing.assert_allclose(best.predict(networks[:1], images, mirror=False), straight[0], rtol=1e-5)


def test_a_network_that_never_saw_a_mirrored_picture_is_not_asked_about_one(trained, monkeypatch):
    asked = []
    predict = best.predict

    def noting(networks, images, mirror=True):
        asked.append((networks[0].layers[0].name.startswith("random_flip"), mirror))
        return predict(networks, images, mirror)

    monkeypatch.setattr(best, "predict", noting)
    trained("--all")
    assert asked == [(False, False)] * 2 + [(True, True)] * 3

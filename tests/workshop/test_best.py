"""The long trainings: the schedule, what is kept and used again, predictions by several networks together."""

from dataclasses import replace
from types import SimpleNamespace

from fashion_utils import artifacts, data, models, training
from fashion_utils.workshop import best as recipes
import keras
import numpy as np
import pytest

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (120, 28, 28), "uint8"), np.arange(120, dtype="uint8") % 10
TINY = {
    "CNN": recipes.Recipe(filters=(1,), epochs=1, augment=False, batch_size=16),
    "CNN with augmentation": recipes.Recipe(filters=(1, 1), epochs=2, augment=True, batch_size=16),
}


@pytest.fixture
def tiny(tmp_path, monkeypatch, use_data):
    """Recipes on 120 pictures with a `training.fit` that only notes its keywords: the list of them, call by call."""
    monkeypatch.setattr(artifacts, "ROOT", tmp_path)
    monkeypatch.setattr(data, "load_train", lambda: (IMAGES, LABELS))
    monkeypatch.setattr(data, "load_test", lambda: (IMAGES[:30], LABELS[:30]))
    monkeypatch.setattr(recipes, "LONG", dict(TINY))
    monkeypatch.setattr(recipes, "SEEDS", (0, 1))
    calls = []

    def noting_fit(model, images, labels, **words):
        calls.append(words | {"images": images.shape})
        model.optimizer.build(model.trainable_variables)  # as training does; else Keras warns when it loads the model
        return SimpleNamespace(history={"loss": [1.0] * words["epochs"]})

    monkeypatch.setattr(training, "fit", noting_fit)
    return calls


def seeds(calls):
    return [call["seed"] for call in calls]


def test_the_learning_rate_rises_and_falls():
    schedule = recipes.one_cycle(0.003, steps=1000)
    rates = np.array([float(schedule(step)) for step in range(1001)])
    np.testing.assert_allclose([rates[0], rates[300], rates[-1]], [0.0003, 0.003, 0], atol=1e-7)
    assert (np.diff(rates[:301]) > 0).all() and (np.diff(rates[300:]) <= 0).all()
    assert float(recipes.one_cycle(1.0, steps=2)(1)) == 1


def test_the_schedule_lasts_as_long_as_the_training():
    recipe = replace(TINY["CNN"], epochs=3, batch_size=16)
    schedule = recipes.build(recipe, examples=33).optimizer._learning_rate
    assert schedule.warmup_steps + schedule.decay_steps == 3 * 3


def test_every_seed_is_trained_once_and_kept(tiny):
    assert recipes.kept("CNN") == []
    trained = recipes.train("CNN")
    assert [one.seed for one in trained] == seeds(tiny) == [0, 1]
    assert all(one.seconds > 0 for one in trained)
    again = recipes.train("CNN")
    assert seeds(tiny) == [0, 1]
    images = np.zeros((3, 28, 28, 1), "float32") + 0.5
    for one, other in zip(trained, again, strict=True):
        np.testing.assert_array_equal(one.model(images), other.model(images))
    assert not np.array_equal(trained[0].model(images), trained[1].model(images))


def test_an_interrupted_training_goes_on_with_the_missing_seed(tiny, tmp_path):
    recipes.train("CNN")
    next(tmp_path.rglob("cnn-1.keras")).unlink()
    assert [one.seed for one in recipes.kept("CNN")] == [0]
    assert [one.seed for one in recipes.train("CNN")] == [0, 1]
    assert seeds(tiny) == [0, 1, 1]


def test_another_recipe_or_other_data_needs_new_networks(tiny, monkeypatch, use_data):
    recipes.train("CNN")
    assert recipes.kept("CNN with augmentation") == []
    use_data("stand-in")
    assert recipes.kept("CNN") == []
    use_data()
    monkeypatch.setitem(recipes.LONG, "CNN", replace(TINY["CNN"], highest_rate=0.001))
    assert recipes.kept("CNN") == []


def test_a_recipe_is_trained_as_it_says_on_the_training_part(tiny):
    recipes.train("CNN")
    recipes.train("CNN with augmentation")
    assert {call["images"] for call in tiny} == {(108, 28, 28, 1)}  # the validation pictures are left out
    assert [(call["epochs"], call["batch_size"]) for call in tiny] == [(1, 16)] * 2 + [(2, 16)] * 2
    assert [call["augment"] for call in tiny] == [None] * 2 + [training.flip_shift_erase] * 2


def test_predictions_are_the_mean_over_networks_and_mirror_images():
    networks = [models.cnn((2,)) for _ in range(2)]
    images = RNG.random((5, 28, 28, 1), "float32")
    straight = [network(images).numpy() for network in networks]
    mirrored = [network(images[:, :, ::-1]).numpy() for network in networks]
    np.testing.assert_allclose(recipes.predict(networks, images), np.mean(straight + mirrored, axis=0), rtol=1e-5)
    np.testing.assert_allclose(recipes.predict(networks[:1], images, mirror=False), straight[0], rtol=1e-5)


def test_command_line_trains_what_is_missing_and_reports(tiny, capsys):
    keras.utils.set_random_seed(0)
    assert recipes.main([]) == 0
    assert seeds(tiny) == [0, 1]
    out = capsys.readouterr().out
    assert "CNN with augmentation: validation accuracy 0." in out
    assert "Test accuracy of the 2 together: 0." in out
    assert recipes.main(["--all"]) == 0
    assert seeds(tiny) == [0, 1, 0, 1]  # the other recipe
    assert "CNN: validation accuracy 0." in capsys.readouterr().out


def test_command_line_says_when_it_is_not_the_full_real_data(tiny, capsys, use_data):
    use_data("stand-in", 120)
    recipes.main([])
    assert "Measured on stand-in data, sample of 120." in capsys.readouterr().out


def test_command_line_without_data_says_what_is_wrong(tiny, capsys, monkeypatch):
    def fail():
        raise data.DataError("no such folder")

    monkeypatch.setattr(data, "prepare", fail)
    assert recipes.main([]) == 1
    assert capsys.readouterr().err == "no such folder\n"

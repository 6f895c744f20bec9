"""`artifacts`: a trained model comes back only when it is the one wanted, and nothing else goes wrong."""

import json
import os
from types import SimpleNamespace

from fashion_utils import artifacts
import keras
import numpy as np
import pytest

SETTINGS = {"epochs": 2, "batch_size": 32, "learning_rate": 0.001, "hidden": (128, 64)}
HISTORY = {"loss": [0.5, 0.25], "accuracy": [0.75, 0.875]}
INPUTS = np.eye(4, dtype="float32").reshape(4, 2, 2)


def build(units=3, activation="softmax", shape=(2, 2)):
    model = keras.Sequential(
        [keras.layers.Input(shape), keras.layers.Flatten(), keras.layers.Dense(units, activation=activation)]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)  # as training does; else Keras warns when it loads the model
    return model


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch, use_data):
    monkeypatch.setattr(artifacts, "ROOT", tmp_path / "artifacts")
    return tmp_path / "artifacts"


@pytest.fixture
def saved(root):
    """A saved model: the model, its file and its card."""
    model = build()
    artifacts.save_model("mlp", model, HISTORY, SETTINGS)
    return model, root / "real" / "mlp.keras", root / "real" / "mlp.json"


def load(like=None, settings=SETTINGS):
    return artifacts.load_model("mlp", like or build(), settings)


def reason_not_loaded(**arguments):
    model, history, reason = load(**arguments)
    assert model is None and history is None
    return reason


def outputs(model):
    return model.predict(INPUTS, verbose=0)


def test_a_saved_model_comes_back_with_its_history_ready_to_use(saved):
    model, history, reason = load()
    assert reason == ""
    assert history == HISTORY
    np.testing.assert_array_equal(outputs(model), outputs(saved[0]))
    assert model.loss == "sparse_categorical_crossentropy"


def test_nothing_but_the_pair_is_left(saved):
    _, model_file, card_file = saved
    assert sorted(model_file.parent.iterdir()) == [card_file, model_file]


def test_a_history_of_numpy_numbers_is_kept():
    artifacts.save_model("mlp", build(), {"loss": [np.float32(0.5)]}, SETTINGS)
    assert load()[1] == {"loss": [0.5]}


def test_without_a_saved_model(root):
    assert reason_not_loaded() == "there is none yet"
    assert not root.exists()


def test_data_are_kept_apart(saved, root, use_data):
    use_data("stand-in", 6000)
    assert artifacts.folder() == root / "stand-in-6000"
    assert reason_not_loaded() == "there is none yet"


def test_made_from_other_data_in_the_same_folder(saved, monkeypatch, use_data):
    source = artifacts.data.Source("real", "a test", None, "another fingerprint")
    monkeypatch.setattr(artifacts.data, "source", lambda: source)
    assert reason_not_loaded() == "the saved one was made with other data"


@pytest.mark.parametrize("change", [{"epochs": 3}, {"seed": 0}, {"hidden": (128, 32)}])
def test_made_with_other_settings(saved, change):
    assert reason_not_loaded(settings=SETTINGS | change) == "the saved one was made with other settings"


@pytest.mark.parametrize("change", [{"units": 4}, {"activation": "sigmoid"}, {"shape": (4, 1)}, {"shape": (3, 3)}])
def test_made_with_another_architecture(saved, change):
    assert reason_not_loaded(like=build(**change)) == "the saved one was made with other architecture"


def test_made_with_other_versions(saved, monkeypatch):
    monkeypatch.setattr(keras, "__version__", "9.9.9")
    assert reason_not_loaded() == "the saved one was made with other versions"


def test_every_difference_is_named(saved):
    reason = reason_not_loaded(like=build(4), settings={})
    assert reason == "the saved one was made with other settings and architecture"


@pytest.mark.parametrize("content", [lambda old: old[: len(old) // 2], lambda old: b"", lambda old: b"<html>"])
def test_a_damaged_model(saved, content):
    _, model_file, _ = saved
    model_file.write_bytes(content(model_file.read_bytes()))
    assert reason_not_loaded() == "the saved one is damaged or incomplete"


@pytest.mark.parametrize("which", [1, 2])
def test_half_of_the_pair_is_missing(saved, which):
    saved[which].unlink()
    assert reason_not_loaded() == "there is none yet"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"3", b"{}", b'{"sha256": ""}'])
def test_a_card_that_is_no_card(saved, content):
    saved[2].write_bytes(content)
    assert reason_not_loaded() == "the saved one cannot be read"


@pytest.mark.parametrize("field", ["provenance", "history", "sha256"])
@pytest.mark.parametrize("value", [None, "nonsense", ["nonsense"]])
def test_a_card_with_a_nonsense_field(saved, field, value):
    card = json.loads(saved[2].read_text())
    saved[2].write_text(json.dumps(card | {field: value}))
    assert reason_not_loaded() in ("the saved one cannot be read", "the saved one is damaged or incomplete")


@pytest.fixture
def interrupt(monkeypatch):
    """A function that lets the given call of `os.replace`, 1 or 2, raise."""

    def at(call):
        calls, replace = [], os.replace

        def replace_or_raise(*arguments):
            calls.append(arguments)
            if len(calls) == call:
                raise KeyboardInterrupt
            replace(*arguments)

        monkeypatch.setattr(os, "replace", replace_or_raise)

    return at


def test_a_save_interrupted_before_the_model_is_in_place_leaves_the_old_one(saved, interrupt):
    old, model_file, card_file = saved
    interrupt(1)
    with pytest.raises(KeyboardInterrupt):
        artifacts.save_model("mlp", build(), HISTORY, SETTINGS)
    np.testing.assert_array_equal(outputs(load()[0]), outputs(old))
    assert sorted(model_file.parent.iterdir()) == [card_file, model_file]


def test_a_save_interrupted_between_model_and_card_never_gives_a_wrong_model(saved, interrupt):
    _, model_file, card_file = saved
    interrupt(2)
    with pytest.raises(KeyboardInterrupt):
        artifacts.save_model("mlp", build(), HISTORY, SETTINGS | {"epochs": 3})
    assert reason_not_loaded() == "the saved one is damaged or incomplete"
    assert reason_not_loaded(settings=SETTINGS | {"epochs": 3}) == "the saved one is damaged or incomplete"
    assert sorted(model_file.parent.iterdir()) == [card_file, model_file]


def test_a_first_save_interrupted_between_model_and_card_counts_as_none(interrupt):
    interrupt(2)
    with pytest.raises(KeyboardInterrupt):
        artifacts.save_model("mlp", build(), HISTORY, SETTINGS)
    assert reason_not_loaded() == "there is none yet"


def test_load_or_train_trains_only_when_it_must_and_says_which(capsys):
    trained = []

    def train(model):
        trained.append(model)
        model.set_weights([weights + 1 for weights in model.get_weights()])
        return SimpleNamespace(history=HISTORY)

    like = build()
    model, history = artifacts.load_or_train("mlp", like, SETTINGS, train)
    assert trained == [like] and model is like
    assert history == HISTORY
    assert capsys.readouterr().out == "No trained model to load (there is none yet): training one now.\n"

    loaded, loaded_history = artifacts.load_or_train("mlp", build(), SETTINGS, train)
    assert trained == [like], "it trained again"
    assert loaded_history == history
    np.testing.assert_array_equal(outputs(loaded), outputs(model))
    assert capsys.readouterr().out == "Loaded the trained model from artifacts/.\n"

    artifacts.load_or_train("mlp", build(), SETTINGS | {"epochs": 3}, train)
    assert len(trained) == 2
    assert "(the saved one was made with other settings): training one now." in capsys.readouterr().out

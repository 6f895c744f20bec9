"""The series' networks are the ones its notebooks describe."""

import ast
import io
import json
import zipfile

from fashion_utils import REPOSITORY, data, models
from fashion_utils.sources import files
import keras
from notebook_checks import Notebook, tree
import numpy as np
import pytest


@pytest.fixture(scope="module")
def mlp():
    return models.mlp()


def test_mlp_has_the_parameters_counted_in_notebook_3(mlp):
    assert mlp.count_params() == (784 * 128 + 128) + (128 * 64 + 64) + (64 * 10 + 10) == 109_386
    assert [type(layer).__name__ for layer in mlp.layers] == ["Flatten", "Dense", "Dense", "Dense"]
    assert [layer.activation.__name__ for layer in mlp.layers[1:]] == ["relu", "relu", "softmax"]


def test_mlp_gives_probabilities(mlp):
    images = np.random.default_rng(0).random((5, 28, 28), "float32")
    probabilities = mlp.predict(images, verbose=0)
    assert probabilities.shape == (5, 10) and probabilities.dtype == np.float32
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_mlp_is_compiled_for_whole_number_labels(mlp):
    assert isinstance(mlp.optimizer, keras.optimizers.Adam)
    assert mlp.loss == "sparse_categorical_crossentropy"
    assert list(mlp.evaluate(np.zeros((4, 28, 28)), np.array([0, 3, 9, 9]), verbose=0, return_dict=True)) == [
        "accuracy",
        "loss",
    ]


def test_every_call_gives_a_new_model(mlp):
    assert models.mlp() is not mlp


def test_mlp_with_dropout_has_it_behind_both_hidden_layers(mlp):
    layers = models.mlp(dropout=0.2).layers
    assert [type(layer).__name__ for layer in layers] == ["Flatten", "Dense", "Dropout", "Dense", "Dropout", "Dense"]
    assert [layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)] == [0.2, 0.2]


def test_cnn_has_the_parameters_counted_in_notebook_6():
    cnn = models.cnn()
    convolutions = 16 * (9 + 1) + 32 * (9 * 16 + 1) + 64 * (9 * 32 + 1)
    normalizations = 4 * (16 + 32 + 64)
    assert cnn.count_params() == convolutions + normalizations + 128 * (3 * 3 * 64 + 1) + 10 * (128 + 1)
    assert [layer.rate for layer in cnn.layers if isinstance(layer, keras.layers.Dropout)] == [0.2, 0.2]
    images = np.random.default_rng(0).random((3, 28, 28, 1), "float32")
    probabilities = cnn.predict(images, verbose=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), np.ones(3), rtol=1e-5)


def test_cnn_pools_in_the_first_three_blocks_only():
    shapes = [layer.output.shape[1:] for layer in models.cnn((2, 3, 4, 5, 6)).layers if layer.name.startswith("re_lu")]
    assert shapes == [(14, 14, 2), (7, 7, 3), (3, 3, 4), (3, 3, 5), (3, 3, 6)]


# --- The recipes of `make best` ---------------------------------------------------------------------------------------


def augmented(images, copies=400):
    """What the layers of an augmented network make of one image, many times over, as arrays (copies, 28, 28)."""
    keras.utils.set_random_seed(0)
    layers = models.cnn((1,), augment=True).layers[:3]
    stack = np.repeat(images[None, ..., None].astype("float32"), copies, axis=0)
    found = []
    for layer in layers:
        found.append(np.asarray(layer(stack, training=True))[..., 0])
    return found


def test_augmentation_mirrors_half_of_the_images():
    image = np.random.default_rng(0).random((28, 28))
    mirrored, _, _ = augmented(image)
    same = np.isclose(mirrored, image).all(axis=(1, 2))
    assert np.isclose(mirrored[~same], image[:, ::-1]).all()
    assert 0.4 < same.mean() < 0.6


def test_augmentation_moves_by_up_to_one_pixel_and_fills_with_background():
    image = np.random.default_rng(0).random((28, 28)) + 0.1
    _, moved, _ = augmented(image)
    padded = np.pad(image, 1)
    for down in range(3):
        for right in range(3):
            share = np.isclose(moved, padded[down : down + 28, right : right + 28]).all(axis=(1, 2)).mean()
            assert 0.06 < share < 0.17, (down, right)  # a ninth


def test_augmentation_covers_three_in_ten_with_a_rectangle():
    _, _, erased = augmented(np.full((28, 28), 0.3))
    covered = ~np.isclose(erased, 0.3)
    chosen = covered[covered.any(axis=(1, 2))]
    assert 0.24 < len(chosen) / len(covered) < 0.36
    for axis in (1, 2):
        sides = chosen.any(axis=axis).sum(axis=1)
        assert sides.min() >= 3 and sides.max() <= 12 and 7 < sides.mean() < 10
    assert erased.min() >= 0 and erased.max() <= 1


def test_augmentation_is_for_training_only_and_is_saved(tmp_path):
    images = np.random.default_rng(0).random((3, 28, 28, 1), "float32")
    network = models.cnn((2,), augment=True)
    probabilities = network.predict(images, verbose=0)
    np.testing.assert_array_equal(probabilities, network.predict(images, verbose=0))
    network.optimizer.build(network.trainable_variables)  # as training does; else Keras warns when it loads the model
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(probabilities, loaded.predict(images, verbose=0))
    assert [layer.name for layer in models.cnn((2,)).layers if "random" in layer.name] == []


def test_the_learning_rate_rises_and_falls():
    schedule = models.one_cycle(0.003, steps=1000)
    rates = np.array([float(schedule(step)) for step in range(1001)])
    np.testing.assert_allclose([rates[0], rates[300], rates[-1]], [0.0003, 0.003, 0], atol=1e-7)
    assert (np.diff(rates[:301]) > 0).all() and (np.diff(rates[300:]) <= 0).all()
    assert float(models.one_cycle(1.0, steps=2)(1)) == 1


def test_the_notebook_asks_for_the_recipes_that_make_best_trains():
    (path,) = REPOSITORY.glob("notebooks/*_cnn.ipynb")
    nodes = [node for cell in Notebook.read(path).code_cells for node in tree(cell).body]
    assigned = {ast.unparse(node.targets[0]): node.value for node in nodes if type(node) is ast.Assign}
    assert ast.literal_eval(assigned["recipes"]) == models.RECIPES


def test_a_recipe_is_trained_as_it_says_on_the_training_part(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (200, 28, 28), "uint8")
    monkeypatch.setattr(data, "load_train", lambda: (images, np.arange(200, dtype="uint8") % 10))
    asked = []

    def noting_fit(model, images, labels, **words):
        asked.append(words | {"shape": images.shape, "highest": images.max()})
        return plain_fit(model, images, labels, **words)

    plain_fit = keras.Model.fit
    monkeypatch.setattr(keras.Model, "fit", noting_fit)
    result = models.train_recipe(seed=0, filters=(1,), epochs=2, augment=True, batch_size=64)
    assert asked == [{"shape": (180, 28, 28, 1), "highest": 1, "batch_size": 64, "epochs": 2, "verbose": 0}]
    schedule = result["model"].optimizer._learning_rate
    assert schedule.warmup_steps + schedule.decay_steps == 2 * 3  # 180 pictures make three batches
    _, _, val_images, val_labels = models.validation_split()
    right = result["model"].predict(val_images, verbose=0).argmax(axis=1) == val_labels
    assert result["accuracy"] == pytest.approx(right.mean())
    assert result["model"].layers[0].name.startswith("random_flip")


# --- Where a notebook keeps a network ---------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch, use_data):
    monkeypatch.setenv("FASHION_ARTIFACTS", str(tmp_path / "artifacts"))
    return tmp_path / "artifacts" / "real"


@pytest.fixture
def saved(folder, mlp):
    """A network in its place."""
    path = models.file("mlp", epochs=10)
    mlp.optimizer.build(mlp.trainable_variables)  # as training does; else Keras warns when it loads the model
    mlp.save(path)
    return path


def test_the_settings_are_in_the_name_and_the_folder_is_made(folder, use_data):
    path = models.file("mlp", epochs=10, batch_size=32, seed=0)
    assert path == folder / "mlp-epochs=10-batch_size=32-seed=0.keras"
    assert path.parent.is_dir() and not path.exists()
    use_data("stand-in", 600)
    assert models.file("mlp").parent.name == "stand-in-600"


def test_other_settings_never_share_a_name(folder):
    settings = [{}, {"a": 1}, {"a": 2}, {"a": "../1"}, {"a": ".._1"}, {"a": (1, 2)}, {"a": "ä"}, {"a": "ö"}, {"b": 1}]
    paths = {models.file("mlp", **words) for words in settings}
    assert len(paths) == len(settings) and {path.parent for path in paths} == {folder}


def test_a_whole_network_is_left_alone(saved, capsys):
    content = saved.read_bytes()
    assert models.file("mlp", epochs=10) == saved and saved.read_bytes() == content
    assert keras.models.load_model(saved).count_params() == 109_386
    assert capsys.readouterr().out == ""


def bit_flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def of_version(content, version):
    """The same network as if another version of Keras had saved it."""
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made := io.BytesIO(), "w") as new:
        for name in old.namelist():
            other = json.dumps({"keras_version": version}).encode()
            new.writestr(name, other if name == "metadata.json" else old.read(name))
    return made.getvalue()


DAMAGES = {
    "empty": (lambda content: b"", "is damaged or incomplete"),
    "half": (lambda content: content[: len(content) // 2], "is damaged or incomplete"),
    "web page": (lambda content: b"<html>", "is damaged or incomplete"),
    "bit": (bit_flipped, "is damaged or incomplete"),
    "version": (lambda content: of_version(content, "2.0"), f"is from Keras 2.0, this is {keras.__version__}"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_cannot_be_loaded_safely_is_set_aside(damage, saved, capsys):
    change, reason = DAMAGES[damage]
    saved.write_bytes(change(saved.read_bytes()))
    assert models.file("mlp", epochs=10) == saved
    assert not saved.exists() and len(list(saved.parent.iterdir())) == 1
    assert capsys.readouterr().out == f"mlp-epochs=10.keras {reason}: it is not used.\n"


def test_a_folder_that_cannot_be_written(folder, capsys, mlp):
    folder.parent.mkdir()
    folder.write_text("a file where the folder should be")
    path = models.file("mlp", epochs=10)
    mlp.save(path)
    assert models.file("mlp", epochs=10) == path and folder not in path.parents
    first, second = capsys.readouterr().out.splitlines()
    assert first == second and first.startswith(f"Nothing can be kept in {folder} (")


def test_a_damaged_network_that_cannot_be_set_aside_is_not_offered(folder, monkeypatch, capsys):
    damaged = models.file("another")
    damaged.write_bytes(b"<html>")
    with monkeypatch.context() as stuck:
        stuck.setattr(files, "set_aside", lambda path: False)
        path = models.file("another")
    assert path != damaged and path.parent.name == "real" and not path.exists()
    assert "Nothing can be kept in" in capsys.readouterr().out


def test_what_was_kept_for_the_session_is_looked_at_as_well(folder):
    folder.parent.mkdir()
    folder.write_text("a file where the folder should be")
    path = models.file("a third")
    path.write_bytes(b"<html>")
    assert models.file("a third") == path and not path.exists()

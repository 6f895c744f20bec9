"""What notebooks use of `data`: announced, loaded, read by Keras, split. See sources/test_finding.py for the places."""

import os
import subprocess
import sys

from data_fixtures import FAULTS, IMAGES, listing, make_world, same, tiny_arrays
from fashion_utils import REPOSITORY, data, plots
from fashion_utils.sources import finding
import nbclient
import nbformat
import numpy as np
import pytest


@pytest.fixture
def world(tmp_path, monkeypatch):
    return make_world(tmp_path, monkeypatch)


def test_own_folder_is_used_and_announced(world, tmp_path, monkeypatch, capsys):
    folder = world.fill(tmp_path / "stick")
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    source = data.source()
    assert (source.kind, source.origin, source.sample) == ("real", "from FASHION_MNIST_DIR", None)
    assert source.is_full_real and source.label == "" and source.slug == "real"
    assert same(data.load_train(), world.arrays[0]) and same(data.load_test(), world.arrays[1])
    assert data.load_train()[0].flags.writeable
    assert capsys.readouterr() == ("", "")  # quiet, for this is what everybody expects
    data._announce(data._find())
    out, err = capsys.readouterr()
    assert out == (
        "Fashion-MNIST: 60,000 training and 10,000 test pictures, the original files, "
        "SHA-256 checked (from FASHION_MNIST_DIR).\n"
    )
    assert err == "" and not world.cache.exists()


def test_label_finds_nothing(world, monkeypatch):
    """A figure drawn before any data was looked for says nothing of data, and starts no download."""
    monkeypatch.setenv("FASHION_DATA", "standin")
    monkeypatch.setenv("FASHION_SAMPLE", "120")
    assert data.label() == "" and world.times_drawn == 0 and data._prepared is None
    data.source()
    assert data.label() == data.source().label == "stand-in data, sample of 120"


def test_artifacts_are_apart_by_data_and_not_made(world, tmp_path, monkeypatch):
    world.fill(world.cache)
    monkeypatch.delenv("FASHION_ARTIFACTS", raising=False)
    assert data.artifacts() == REPOSITORY / "artifacts" / "real"
    monkeypatch.setenv("FASHION_ARTIFACTS", str(tmp_path / "mine"))
    monkeypatch.setenv("FASHION_SAMPLE", "120")
    data._prepared = None
    assert data.artifacts() == tmp_path / "mine" / "real-120" and not (tmp_path / "mine").exists()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.setenv("FASHION_ARTIFACTS", "~/kept")
    assert data.artifacts() == tmp_path / "home" / "kept" / "real-120"


def test_prepare_sets_up_the_figures_in_ipython_only(world, monkeypatch, keras_loader, request):
    set_up = []
    monkeypatch.setattr(plots, "set_up", lambda: set_up.append(data.label()))
    world.fill(world.cache)
    monkeypatch.setenv("FASHION_SAMPLE", "120")
    data.prepare()
    assert set_up == []
    request.getfixturevalue("displayed")  # from here on IPython is running
    data.prepare()
    assert set_up == ["sample of 120"]  # once the data is known, whose name is stamped on the figures


def test_file_that_changes_after_it_was_found(world, tmp_path, monkeypatch):
    folder = world.fill(tmp_path / "stick")
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    data.source()
    (folder / IMAGES).write_bytes(FAULTS["bit flipped"](world.contents[IMAGES]))
    with pytest.raises(data.DataError, match=f"no longer there as it was found: {IMAGES}"):
        data.load_train()
    assert same(data.load_test(), world.arrays[1])  # which does not read that file
    with pytest.raises(data.DataError, match="FASHION_MNIST_DIR"):
        data.prepare()


def test_nothing_goes_on_with_earlier_data_after_an_error(world, tmp_path, monkeypatch):
    world.fill(world.cache)
    data.source()
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path / "nowhere"))
    for find in (data.prepare, data.source, data.load_train, data.load_test):
        with pytest.raises(data.DataError, match="no folder can be found"):
            find()


def test_module_run_as_a_program(tmp_path):
    environment = {**os.environ, "FASHION_MNIST_DIR": str(tmp_path / "nowhere")}
    command = [sys.executable, "-m", "fashion_utils.data"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith("FASHION_MNIST_DIR=") and result.stderr.count("\n") == 1


def test_banner_in_a_notebook(world):
    """A box in HTML, the same in plain text, and not a word on stderr."""
    notebook = nbformat.v4.new_notebook()
    code = (
        "import os; os.environ['FASHION_DATA'] = 'standin'\n"
        "from fashion_utils import data; from fashion_utils.sources import standin; import numpy as np\n"
        "images, labels = np.zeros((600, 28, 28), np.uint8), np.arange(600, dtype=np.uint8) % 10\n"
        "standin.draw = lambda seed=0: ((images, labels), (images, labels))\n"
        "data.source();"
    )
    notebook.cells.append(nbformat.v4.new_code_cell(code))
    nbclient.NotebookClient(notebook, timeout=60).execute()
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "display_data"
    assert "<div role='alert'" in output.data["text/html"]
    for text in output.data.values():
        assert "STAND-IN DATA" in text and "FASHION_DATA=standin" in text


@pytest.fixture
def keras_loader(monkeypatch):
    import tensorflow as tf

    load_data = tf.keras.datasets.fashion_mnist.load_data
    monkeypatch.setitem(load_data.__globals__, "get_file", load_data.__globals__["get_file"])  # to be restored
    return load_data


def test_keras_reads_what_was_prepared(world, tmp_path, monkeypatch, keras_loader, capsys):
    folder = world.fill(tmp_path / "stick")
    before = listing(folder)
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    data.prepare()
    train, test = keras_loader()
    assert same(train, world.arrays[0]) and same(test, world.arrays[1])
    assert listing(folder) == before and not world.cache.exists()

    monkeypatch.setenv("FASHION_SAMPLE", "120")  # the environment changed: prepared anew
    data.prepare()
    train, _ = keras_loader()
    assert train[0].shape == (120, 28, 28) and same(train, data.load_train())

    monkeypatch.setenv("FASHION_DATA", "standin")
    monkeypatch.delenv("FASHION_SAMPLE")
    data.prepare()
    train, test = keras_loader()
    assert same(train, world.stand_in_arrays[0]) and same(test, world.stand_in_arrays[1])
    assert not world.cache.exists()
    assert capsys.readouterr().err == ""


def test_keras_never_reads_a_file_that_changed(world, keras_loader):
    world.fill(world.cache)
    data.prepare()
    (world.cache / IMAGES).write_bytes(FAULTS["truncated"](world.contents[IMAGES]))
    with pytest.raises(data.DataError, match=IMAGES):
        keras_loader()


def test_preparing_again_is_announced_again_and_draws_nothing_again(world, monkeypatch, keras_loader, capsys):
    monkeypatch.setenv("FASHION_DATA", "standin")
    monkeypatch.setenv("FASHION_SAMPLE", "120")
    first = data.prepare()
    monkeypatch.setattr(finding, "_sample_files", None)
    assert data.prepare() is first
    assert capsys.readouterr().out.count("STAND-IN DATA") == 2


def test_keras_that_finds_its_data_in_another_way(world, monkeypatch, keras_loader):
    world.fill(world.cache)
    monkeypatch.delitem(keras_loader.__globals__, "get_file")
    with pytest.raises(data.DataError, match=r"requirements\.txt"):
        data.prepare()


def test_tensorflow_imported_after_prepare(world, tmp_path):
    """In a fresh process: the import is light, both streams stay clean, and Keras reads the sample."""
    code = (
        "import sys\n"
        "from fashion_utils import data\n"
        "from fashion_utils.sources import finding\n"
        "finding.FILES = eval(sys.argv[1])\n"
        "data.source()\n"
        "assert 'tensorflow' not in sys.modules\n"
        "data.prepare()\n"
        "import tensorflow as tf\n"
        "(train_images, _), _ = tf.keras.datasets.fashion_mnist.load_data()\n"
        "print(len(train_images))\n"
    )
    folder = world.fill(tmp_path / "stick")
    environment = {**os.environ, "FASHION_MNIST_DIR": str(folder), "FASHION_SAMPLE": "120"}
    command = [sys.executable, "-c", code, repr(finding.FILES)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("\n120\n") and result.stderr == ""


@pytest.mark.parametrize("val_size, count", [(0.1, 60), (60, 60), (np.int64(60), 60), (0.25, 150)])
def test_split_is_stratified_complete_and_seeded(val_size, count):
    images, labels = tiny_arrays(seed=0)[0]
    train_images, train_labels, val_images, val_labels = data.split(images, labels, val_size)
    assert len(train_labels) == 600 - count
    assert train_images.shape == (600 - count, 28, 28) and val_images.shape == (count, 28, 28)
    assert np.array_equal(np.bincount(val_labels), [count // 10] * 10)
    together = {image.tobytes() for image in (*train_images, *val_images)}
    assert together == {image.tobytes() for image in images}
    label_of = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    assert all(label_of[image.tobytes()] == label for image, label in zip(val_images, val_labels, strict=True))
    assert same(data.split(images, labels, val_size)[2:], (val_images, val_labels))
    assert not same(data.split(images, labels, val_size, seed=1)[2:3], (val_images,))


def test_split_defaults_to_a_tenth():
    images, labels = tiny_arrays(seed=0)[0]
    assert len(data.split(images, labels)[3]) == 60


@pytest.mark.parametrize("val_size", [0, -1, -0.1, 1.0, 1.5, 600, float("nan")])
def test_split_of_nonsense_size(val_size):
    images, labels = tiny_arrays(seed=0)[0]
    with pytest.raises(ValueError, match=rf"test_size.*{val_size}"):
        data.split(images, labels, val_size)


def test_split_of_unequal_lengths():
    images, labels = tiny_arrays(seed=0)[0]
    with pytest.raises(ValueError, match="600, 599"):
        data.split(images, labels[:-1])

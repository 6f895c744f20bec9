"""The data: its sources but for the network (see test_data_download.py), the environment, samples, splits, Keras."""

import gzip
import os
from pathlib import Path
import shutil
import subprocess
import sys

from data_fixtures import FAULTS, IMAGES, TEST_LABELS, TRAIN_LABELS, listing, make_world, real_folder, tiny_arrays
from fashion_utils import data
from fashion_utils.sources import standin
import nbclient
import nbformat
import numpy as np
import pytest


@pytest.fixture
def world(tmp_path, monkeypatch):
    return make_world(tmp_path, monkeypatch)


REAL = real_folder()  # looked up before the fixture clears the environment
needs_real = pytest.mark.skipif(REAL is None, reason="needs the real files (FASHION_MNIST_DIR)")


def same(loaded, expected):
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(loaded, expected, strict=True))


# --- The reader's own folder ------------------------------------------------------------------------------------------


def test_own_folder_is_used_and_announced(world, tmp_path, monkeypatch, capsys):
    folder = world.fill(tmp_path / "stick")
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    source = data.source()
    assert (source.kind, source.origin, source.sample) == ("real", "from FASHION_MNIST_DIR", None)
    assert source.is_full_real and source.label == "" and source.slug == "real"
    assert same(data.load_train(), world.arrays[0]) and same(data.load_test(), world.arrays[1])
    assert data.load_train()[0].flags.writeable
    assert capsys.readouterr() == ("", "")  # quiet, for this is what everybody expects
    assert data._main() == 0
    out, err = capsys.readouterr()
    assert out == (
        "Fashion-MNIST: 60,000 training and 10,000 test pictures, the original files, "
        "SHA-256 checked (from FASHION_MNIST_DIR).\n"
    )
    assert err == "" and not world.cache.exists()


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_in_own_folder_is_an_error_that_names_it(world, tmp_path, monkeypatch, fault):
    folder = world.fill(tmp_path / "stick")
    (folder / IMAGES).write_bytes(FAULTS[fault](world.contents[IMAGES]))
    before = listing(folder)
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    with pytest.raises(data.DataError) as caught:
        data.source()
    message = str(caught.value)
    found = f"{len(before[IMAGES]):,} bytes with SHA-256 "
    assert IMAGES in message and found in message and "FASHION_MNIST_DIR" in message
    assert f"expected {data.SIZES[IMAGES]:,} bytes with SHA-256 {data.FILES[IMAGES][:12]}" in message
    kind = {"truncated": "cut short", "empty": "empty", "web page": "web page", "bit flipped": "other content"}[fault]
    assert kind in message
    assert listing(folder) == before


def test_three_of_four_files(world, tmp_path, monkeypatch):
    folder = world.fill(tmp_path / "stick", without=[TRAIN_LABELS])
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    with pytest.raises(data.DataError, match=f"{TRAIN_LABELS} is missing; put"):
        data.source()


def test_all_bad_files_are_named_at_once(world, tmp_path, monkeypatch):
    folder = world.fill(tmp_path / "stick", without=[TRAIN_LABELS])
    (folder / TEST_LABELS).write_bytes(b"")
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    with pytest.raises(data.DataError, match=f"{TRAIN_LABELS} is missing; {TEST_LABELS} is not"):
        data.source()


def test_missing_own_folder_is_an_error_though_the_cache_has_the_files(world, tmp_path, monkeypatch):
    world.fill(world.cache)
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(data.DataError, match=r"FASHION_MNIST_DIR=.*nowhere: there is no such folder"):
        data.source()


def test_relative_own_folder(world, tmp_path, monkeypatch):
    """From the current folder first, else from the repository's, else from the home folder where it says so."""
    world.fill(tmp_path / "here" / "stick")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("FASHION_MNIST_DIR", "stick")
    assert data.source().is_full_real
    monkeypatch.chdir(tmp_path)
    assert len(data.load_train()[0]) == 600  # what was found stays found

    repository = Path(data.__file__).resolve().parents[1]
    monkeypatch.setenv("FASHION_MNIST_DIR", os.path.relpath(tmp_path / "here" / "stick", repository))
    data._prepared = None
    assert data.source().is_full_real

    monkeypatch.setenv("HOME", str(tmp_path / "here"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "here"))
    monkeypatch.setenv("FASHION_MNIST_DIR", os.path.join("~", "stick"))
    data._prepared = None
    assert data.source().is_full_real


def test_file_that_changes_after_it_was_found(world, tmp_path, monkeypatch):
    folder = world.fill(tmp_path / "stick")
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    data.source()
    (folder / IMAGES).write_bytes(FAULTS["bit flipped"](world.contents[IMAGES]))
    with pytest.raises(data.DataError, match=f"has changed since it was prepared: {IMAGES}"):
        data.load_train()
    assert same(data.load_test(), world.arrays[1])  # which does not read that file
    with pytest.raises(data.DataError, match="FASHION_MNIST_DIR"):
        data.prepare()


def test_nothing_goes_on_with_earlier_data_after_an_error(world, tmp_path, monkeypatch):
    world.fill(world.cache)
    data.source()
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path / "nowhere"))
    for find in (data.prepare, data.source, data.load_train, data.load_test):
        with pytest.raises(data.DataError, match="no such folder"):
            find()


# --- The environment --------------------------------------------------------------------------------------------------


def test_cache_is_used(world):
    world.fill(world.cache)
    assert data.source().origin == "from the Keras cache"
    assert same(data.load_train(), world.arrays[0])


def test_cache_is_in_the_home_folder_without_keras_home(world, tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    world.fill(tmp_path / "home" / ".keras" / "datasets" / "fashion-mnist")
    assert data.source().origin == "from the Keras cache"


def test_own_folder_comes_before_the_cache(world, tmp_path, monkeypatch):
    world.fill(world.cache)
    monkeypatch.setenv("FASHION_MNIST_DIR", str(world.fill(tmp_path / "stick")))
    assert data.source().origin == "from FASHION_MNIST_DIR"


def test_stand_in_on_request_looks_at_nothing_else(world, monkeypatch, capsys):
    import IPython  # noqa: F401

    world.fill(world.cache)
    monkeypatch.setenv("FASHION_MNIST_DIR", "/nowhere")
    monkeypatch.setenv("FASHION_DATA", "standin")
    source = data.source()
    assert source.kind == "stand-in" and source.label == "stand-in data" and source.slug == "stand-in"
    assert not source.is_full_real
    out = capsys.readouterr().out
    assert out.startswith("!!!")  # plain text, though IPython is loaded here
    assert "STAND-IN DATA: THIS IS NOT FASHION-MNIST" in out and "FASHION_DATA=standin" in out


@pytest.mark.parametrize(
    "name, value, allowed",
    [
        ("FASHION_DATA", "fake", "auto, real and standin"),
        ("FASHION_DATA", "REAL", "auto, real and standin"),
        ("FASHION_SAMPLE", "many", "from 100 to 60000"),
        ("FASHION_SAMPLE", "6,000", "from 100 to 60000"),
        ("FASHION_SAMPLE", "0.1", "from 100 to 60000"),
        ("FASHION_SAMPLE", "-600", "from 100 to 60000"),
        ("FASHION_SAMPLE", "99", "from 100 to 60000"),
        ("FASHION_SAMPLE", "60001", "from 100 to 60000"),
    ],
)
def test_nonsense_in_the_environment(world, monkeypatch, name, value, allowed):
    world.fill(world.cache)
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"^{name}={value}: .*{allowed}"):
        data.source()


def test_empty_variables_are_as_good_as_unset(world, monkeypatch):
    world.fill(world.cache)
    for name in ("FASHION_MNIST_DIR", "FASHION_DATA", "FASHION_SAMPLE"):
        monkeypatch.setenv(name, "")
    assert data.source().is_full_real


def test_no_variable_is_needed_for_the_whole(world, monkeypatch):
    world.fill(world.cache)
    full = data.source()
    monkeypatch.setenv("FASHION_SAMPLE", "60000")
    data._prepared = None
    assert data.source() == full


def test_looking_changes_nothing(world, tmp_path, monkeypatch, capsys):
    assert data.look() == ("from the Keras cache", [f"{name} is missing" for name in data.FILES])
    world.fill(world.cache, without=[IMAGES])
    assert data.look() == ("from the Keras cache", [f"{IMAGES} is missing"])
    (world.cache / IMAGES).write_bytes(FAULTS["bit flipped"](world.contents[IMAGES]))
    before = listing(world.cache)
    _, (problem,) = data.look()
    assert problem.startswith(f"{IMAGES} is not the expected file")
    assert listing(world.cache) == before
    monkeypatch.setenv("FASHION_MNIST_DIR", str(world.fill(tmp_path / "stick", without=[TEST_LABELS])))
    with pytest.raises(data.DataError, match=f"{TEST_LABELS} is missing"):
        data.look()
    monkeypatch.setenv("FASHION_DATA", "standin")
    assert data.look() == (data.STAND_IN_ORIGIN, [])
    assert (world.times_drawn, capsys.readouterr()) == (0, ("", ""))


def test_original_files_are_whole_whatever_the_environment_says(world, tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_SAMPLE", "100")
    monkeypatch.setenv("FASHION_DATA", "standin")
    with pytest.raises(data.DataError, match=r"not in the Keras cache and no mirror delivered.*set FASHION_MNIST_DIR"):
        data.original_files()
    world.fill(world.cache)
    assert {name: path.read_bytes() for name, path in data.original_files().items()} == world.contents
    monkeypatch.setenv("FASHION_MNIST_DIR", str(world.fill(tmp_path / "stick")))
    assert {path.parent for path in data.original_files().values()} == {tmp_path / "stick"}


def test_module_run_as_a_program(tmp_path):
    environment = {**os.environ, "FASHION_MNIST_DIR": str(tmp_path / "nowhere")}
    command = [sys.executable, "-m", "fashion_utils.data"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith("FASHION_MNIST_DIR=") and result.stderr.count("\n") == 1


# --- The stand-in -----------------------------------------------------------------------------------------------------


def test_stand_in_is_drawn_once_and_then_cached(world, monkeypatch):
    monkeypatch.setenv("FASHION_DATA", "standin")
    data.source()
    folder = world.cache.with_name(f"fashion-mnist-stand-in-v{standin.VERSION}")
    assert sorted(listing(folder)) == sorted([*data.FILES, "SHA256SUMS"])
    data._prepared = None
    assert same(data.load_train(), world.stand_in_arrays[0]) and same(data.load_test(), world.stand_in_arrays[1])
    assert world.times_drawn == 1
    assert not world.cache.exists()  # what Keras calls Fashion-MNIST stays Fashion-MNIST


@pytest.mark.parametrize("damaged", [IMAGES, "SHA256SUMS"])
@pytest.mark.parametrize("fault", FAULTS)
def test_damaged_stand_in_is_drawn_again(world, monkeypatch, damaged, fault):
    monkeypatch.setenv("FASHION_DATA", "standin")
    data.source()
    path = world.cache.with_name(f"fashion-mnist-stand-in-v{standin.VERSION}") / damaged
    original = path.read_bytes()
    path.write_bytes(FAULTS[fault](original))
    data._prepared = None
    assert same(data.load_train(), world.stand_in_arrays[0])
    assert world.times_drawn == 2 and path.read_bytes() == original


def test_stand_in_of_other_code_is_drawn_again(world, monkeypatch):
    monkeypatch.setenv("FASHION_DATA", "standin")
    data.source()
    world.stand_in_arrays = tiny_arrays(seed=2)
    monkeypatch.setattr(standin, "DIGEST", "1" * 64)
    data._prepared = None
    assert same(data.load_train(), world.stand_in_arrays[0])


def test_stand_in_where_nothing_can_be_written(world, tmp_path, monkeypatch):
    (tmp_path / "keras").write_text("a file in the way")
    monkeypatch.setenv("FASHION_DATA", "standin")
    assert same(data.load_train(), world.stand_in_arrays[0])
    assert (tmp_path / "keras").read_text() == "a file in the way"


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


# --- Samples and fingerprints -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["real", "stand-in"])
def test_sample(world, monkeypatch, capsys, kind):
    world.fill(world.cache)
    if kind == "stand-in":
        monkeypatch.setenv("FASHION_DATA", "standin")
    monkeypatch.setenv("FASHION_SAMPLE", "120")
    source = data.source()
    assert (source.kind, source.sample, source.slug) == (kind, 120, f"{kind}-120")
    assert source.label == {"real": "sample of 120", "stand-in": "stand-in data, sample of 120"}[kind]
    assert not source.is_full_real
    assert "FASHION_SAMPLE=120: only a stratified sample of 120 and 20 of them" in " ".join(
        capsys.readouterr().out.replace("!!", "").split()
    )
    for (images, labels), whole, count in zip(
        (data.load_train(), data.load_test()),
        world.arrays if kind == "real" else world.stand_in_arrays,
        (120, 20),
        strict=True,
    ):
        assert images.shape == (count, 28, 28) and np.array_equal(np.bincount(labels), [count // 10] * 10)
        index_of = {image.tobytes(): index for index, image in enumerate(whole[0])}
        chosen = [index_of[image.tobytes()] for image in images]
        assert chosen == sorted(chosen)  # the order of the files, so that a last tenth stays as good as before
        assert np.array_equal(whole[1][chosen], labels)


def test_sample_is_the_same_every_time(world, monkeypatch):
    world.fill(world.cache)
    monkeypatch.setenv("FASHION_SAMPLE", "120")
    first = data.load_train()
    data._prepared = None
    assert same(data.load_train(), first)
    # Of known labels, exactly these, on every machine and with every version of NumPy.
    assert list(data._stratified_sample(np.arange(40) % 10, 12)) == [1, 2, 4, 9, 10, 11, 18, 20, 23, 26, 27, 35]


@pytest.mark.parametrize("count", [100, 101, 5999, 59_999])
def test_any_sample_size_is_stratified(count):
    labels = np.random.default_rng(0).permutation(np.arange(60_000) % 10)
    chosen = data._stratified_sample(labels, count)
    assert len(np.unique(chosen)) == count
    sizes = np.bincount(labels[chosen], minlength=10)
    assert sizes.max() - sizes.min() <= 1


def test_fingerprint_differs_with_the_arrays_and_only_then(world, tmp_path, monkeypatch):
    def fingerprint(**environment):
        for name in ("FASHION_MNIST_DIR", "FASHION_DATA", "FASHION_SAMPLE"):
            monkeypatch.setenv(name, environment.get(name, ""))
        data._prepared = None
        return data.source().fingerprint

    world.fill(world.cache)
    real = fingerprint()
    assert real == fingerprint(FASHION_MNIST_DIR=str(world.fill(tmp_path / "stick")), FASHION_DATA="real")
    others = [
        fingerprint(FASHION_SAMPLE="120"),
        fingerprint(FASHION_SAMPLE="180"),
        fingerprint(FASHION_DATA="standin"),
        fingerprint(FASHION_DATA="standin", FASHION_SAMPLE="120"),
    ]
    monkeypatch.setattr(standin, "DIGEST", "1" * 64)
    others.append(fingerprint(FASHION_DATA="standin"))
    assert len({real, *others}) == 6
    assert all(len(value) == 12 and int(value, 16) >= 0 for value in (real, *others))


# --- Keras ------------------------------------------------------------------------------------------------------------


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
    monkeypatch.setattr(data, "_find_anew", None)
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
        "data.FILES = eval(sys.argv[1])\n"
        "data.source()\n"
        "assert 'tensorflow' not in sys.modules\n"
        "data.prepare()\n"
        "import tensorflow as tf\n"
        "(train_images, _), _ = tf.keras.datasets.fashion_mnist.load_data()\n"
        "print(len(train_images))\n"
    )
    folder = world.fill(tmp_path / "stick")
    environment = {**os.environ, "FASHION_MNIST_DIR": str(folder), "FASHION_SAMPLE": "120"}
    command = [sys.executable, "-c", code, repr(data.FILES)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("\n120\n") and result.stderr == ""


# --- Splits -----------------------------------------------------------------------------------------------------------


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
    with pytest.raises(ValueError, match=r"fraction between 0 and 1, or a whole number from 1 to 599"):
        data.split(images, labels, val_size)


def test_split_of_unequal_lengths():
    images, labels = tiny_arrays(seed=0)[0]
    with pytest.raises(ValueError, match="600 and 599"):
        data.split(images, labels[:-1])


# --- The real files ---------------------------------------------------------------------------------------------------


@needs_real
def test_real_data(monkeypatch):
    monkeypatch.setattr(data, "_prepared", None)
    monkeypatch.setenv("FASHION_MNIST_DIR", str(REAL))
    monkeypatch.setenv("FASHION_DATA", "real")
    monkeypatch.delenv("FASHION_SAMPLE", raising=False)
    for (images, labels), count in ((data.load_train(), 60_000), (data.load_test(), 10_000)):
        assert images.shape == (count, 28, 28) and images.dtype == labels.dtype == np.uint8
        assert images.min() == 0 and images.max() == 255
        assert np.array_equal(np.bincount(labels), [count // 10] * 10)
    assert data.CLASS_NAMES[data.load_train()[1][0]] == "Ankle boot"
    assert {name: (REAL / name).stat().st_size for name in data.FILES} == data.SIZES


@needs_real
def test_fault_in_a_real_file(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "_prepared", None)
    for name in data.FILES:
        shutil.copyfile(REAL / name, tmp_path / name)
    content = bytearray((REAL / IMAGES).read_bytes())
    content[20_000_000] ^= 1
    (tmp_path / IMAGES).write_bytes(content)
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path))
    with pytest.raises(data.DataError, match=r"expected 26,421,880 bytes .* found other content, 26,421,880 bytes"):
        data.source()


def test_files_written_are_readable_like_the_originals(tmp_path):
    files = data._write_arrays(tmp_path, *tiny_arrays(seed=0))
    content = gzip.decompress(files[IMAGES][0].read_bytes())
    assert content[:16] == bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (600, 28, 28))
    assert len(content) == 16 + 600 * 28 * 28

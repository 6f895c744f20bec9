"""The four places but for the mirrors (see test_mirrors.py), the environment, and samples."""

import gzip
import os
from pathlib import Path
import shutil

from data_fixtures import FAULTS, IMAGES, TEST_LABELS, TRAIN_LABELS, listing, make_world, real_folder, same, tiny_arrays
from fashion_utils import data
from fashion_utils.sources import finding, standin
import numpy as np
import pytest


@pytest.fixture
def world(tmp_path, monkeypatch):
    return make_world(tmp_path, monkeypatch)


REAL = real_folder()  # looked up before the fixture clears the environment
needs_real = pytest.mark.skipif(REAL is None, reason="needs the real files (FASHION_MNIST_DIR)")


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
    assert f"expected {finding.SIZES[IMAGES]:,} bytes with SHA-256 {finding.FILES[IMAGES][:12]}" in message
    kind = {
        "truncated": "found a gzip file without its end, ",
        "empty": "found an empty file, ",
        "web page": "found a file that is not compressed by gzip and begins with b'<!DOCTYPE html><html><bo', ",
        "bit flipped": "found a gzip file that cannot be unpacked (",
    }
    assert kind[fault] in message
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
    with pytest.raises(data.DataError, match=r"FASHION_MNIST_DIR=.*nowhere: no folder can be found there"):
        data.source()


@pytest.mark.parametrize("there", ["a file", "nothing", "a folder in a file"])
def test_what_is_no_folder_is_not_said_to_be_missing(tmp_path, world, monkeypatch, there):
    """Only that no folder was found: whether there is something else, or one that may not be seen, is not known."""
    path = tmp_path / "thing"
    if there != "nothing":
        path.write_text("a file")
    path = path / "folder" if there == "a folder in a file" else path
    monkeypatch.setenv("FASHION_MNIST_DIR", str(path))
    with pytest.raises(data.DataError) as caught:
        data.source()
    assert str(caught.value) == (
        f"FASHION_MNIST_DIR={path}: no folder can be found there; correct the path, or unset it."
    )


def test_a_cache_with_some_of_the_files_is_not_said_to_have_none(world, monkeypatch):
    world.fill(world.cache, without=[TRAIN_LABELS])
    monkeypatch.setenv("FASHION_DATA", "real")
    with pytest.raises(data.DataError, match=rf"not all four files .* Keras cache, and no mirror .* {TRAIN_LABELS} \("):
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
    assert data.look() == ("from the Keras cache", [f"{name} is missing" for name in finding.FILES])
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
    with pytest.raises(data.DataError, match=r"not all four files .* and no mirror delivered.*set FASHION_MNIST_DIR"):
        data.original_files()
    world.fill(world.cache)
    assert {name: path.read_bytes() for name, path in data.original_files().items()} == world.contents
    monkeypatch.setenv("FASHION_MNIST_DIR", str(world.fill(tmp_path / "stick")))
    assert {path.parent for path in data.original_files().values()} == {tmp_path / "stick"}


def test_stand_in_is_drawn_once_and_then_cached(world, monkeypatch):
    monkeypatch.setenv("FASHION_DATA", "standin")
    data.source()
    folder = world.cache.with_name(f"fashion-mnist-stand-in-v{standin.VERSION}")
    assert sorted(listing(folder)) == sorted(finding.FILES)
    data._prepared = None
    assert same(data.load_train(), world.stand_in_arrays[0]) and same(data.load_test(), world.stand_in_arrays[1])
    assert world.times_drawn == 1
    assert not world.cache.exists()  # what Keras calls Fashion-MNIST stays Fashion-MNIST


@pytest.mark.parametrize("damaged", [IMAGES, TEST_LABELS])
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
    monkeypatch.setattr(standin, "DIGEST", standin.digest(world.stand_in_arrays))
    data._prepared = None
    assert same(data.load_train(), world.stand_in_arrays[0])


def test_stand_in_where_nothing_can_be_written(world, tmp_path, monkeypatch):
    (tmp_path / "keras").write_text("a file in the way")
    monkeypatch.setenv("FASHION_DATA", "standin")
    assert same(data.load_train(), world.stand_in_arrays[0])
    assert (tmp_path / "keras").read_text() == "a file in the way"


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
    assert list(finding._stratified_sample(np.arange(40) % 10, 12)) == [1, 2, 4, 9, 10, 11, 18, 20, 23, 26, 27, 35]


@pytest.mark.parametrize("count", [100, 101, 5999, 59_999])
def test_any_sample_size_is_stratified(count):
    labels = np.random.default_rng(0).permutation(np.arange(60_000) % 10)
    chosen = finding._stratified_sample(labels, count)
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
    assert {name: (REAL / name).stat().st_size for name in finding.FILES} == finding.SIZES


@needs_real
def test_fault_in_a_real_file(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "_prepared", None)
    for name in finding.FILES:
        shutil.copyfile(REAL / name, tmp_path / name)
    content = bytearray((REAL / IMAGES).read_bytes())
    content[20_000_000] ^= 1
    (tmp_path / IMAGES).write_bytes(content)
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path))
    with pytest.raises(data.DataError, match=r"26,421,880 bytes .* \(incorrect data check\), 26,421,880 bytes"):
        data.source()


def test_files_written_are_readable_like_the_originals(tmp_path):
    files = finding._write_arrays(tmp_path, *tiny_arrays(seed=0))
    content = gzip.decompress(files[IMAGES][0].read_bytes())
    assert content[:16] == bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (600, 28, 28))
    assert len(content) == 16 + 600 * 28 * 28

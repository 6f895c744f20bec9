"""Folders as people name them, and the data as others leave it there: used where it is provably the same."""

import gzip
import hashlib
import os
from pathlib import Path
import sys

from data_fixtures import FAULTS, IMAGES, TEST_LABELS, TRAIN_LABELS, listing, make_world, real_folder, same
from fashion_utils import REPOSITORY, data
from fashion_utils.sources import finding, places
import pytest

REAL = real_folder()  # looked up before the fixture clears the environment


@pytest.fixture
def world(tmp_path, monkeypatch):
    return make_world(tmp_path, monkeypatch)


# --- Folders that the environment names -------------------------------------------------------------------------------


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("spaces", ["", " "])
def test_quotes_are_no_part_of_a_path(world, tmp_path, monkeypatch, quote, spaces):
    folder = world.fill(tmp_path / "a folder with spaces")
    monkeypatch.setenv("FASHION_MNIST_DIR", f"{spaces}{quote}{folder}{quote}{spaces}")
    assert data.source().is_full_real
    monkeypatch.setenv("FASHION_ARTIFACTS", f"{quote}{tmp_path / 'kept'}{quote}")
    assert data.artifacts() == tmp_path / "kept" / "real"
    monkeypatch.delenv("FASHION_MNIST_DIR")
    world.fill(tmp_path / "cache of mine" / "datasets" / "fashion-mnist")
    monkeypatch.setenv("KERAS_HOME", f"{quote}{tmp_path / 'cache of mine'}{quote}")
    data._prepared = None
    assert data.source().origin == "from the Keras cache"


@pytest.mark.parametrize("value", ["", " ", '""', "' '", '"'])
def test_nothing_in_quotes_is_nothing(monkeypatch, value):
    monkeypatch.setenv("FASHION_ARTIFACTS", value)
    assert places.named_folder("FASHION_ARTIFACTS") is None
    monkeypatch.delenv("FASHION_ARTIFACTS")
    assert places.named_folder("FASHION_ARTIFACTS") is None


@pytest.mark.parametrize("quote", ["", '"'])
def test_home(monkeypatch, tmp_path, quote):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("FASHION_ARTIFACTS", f"{quote}~/kept{quote}")
    assert places.named_folder("FASHION_ARTIFACTS") == tmp_path / "kept"


@pytest.mark.skipif(sys.platform == "win32", reason="there, every ~name is beside the own home folder")
@pytest.mark.parametrize("variable", ["FASHION_MNIST_DIR", "KERAS_HOME"])
def test_a_home_that_is_nobodys_is_one_sentence(world, monkeypatch, variable):
    monkeypatch.setenv(variable, "~nobody-of-that-name/data")
    with pytest.raises(ValueError, match=f"^{variable}=~nobody-of-that-name/data: no home folder .* whole path.$"):
        data.source()
    monkeypatch.setenv("FASHION_ARTIFACTS", "~nobody-of-that-name/data")
    monkeypatch.setenv(variable, "")
    monkeypatch.setenv("FASHION_DATA", "standin")
    for call in (data.source, data.artifacts):  # before anything is trained
        with pytest.raises(ValueError, match=r"^FASHION_ARTIFACTS=~nobody"):
            call()


def test_a_relative_folder_means_the_same_to_make_and_to_a_notebook(tmp_path, monkeypatch):
    """`make` starts in the project's folder, a notebook's kernel in notebooks/."""
    monkeypatch.setenv("FASHION_ARTIFACTS", "results of mine")
    for folder in (REPOSITORY, REPOSITORY / "notebooks"):
        monkeypatch.chdir(folder)
        assert places.named_folder("FASHION_ARTIFACTS") == REPOSITORY / "results of mine"
    (tmp_path / "results of mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert places.named_folder("FASHION_ARTIFACTS") == tmp_path / "results of mine"


def test_a_relative_keras_home_outlives_a_change_of_folder(world, tmp_path, monkeypatch):
    world.fill(tmp_path / "here" / "cache" / "datasets" / "fashion-mnist")
    (tmp_path / "there").mkdir()
    monkeypatch.setenv("KERAS_HOME", "cache")
    monkeypatch.chdir(tmp_path / "here")
    found = data.source()
    assert found.origin == "from the Keras cache"
    monkeypatch.chdir(tmp_path / "there")
    assert len(data.load_train()[0]) == 600
    assert data._find() is found  # looked for again, as `prepare` does
    assert list((tmp_path / "there").iterdir()) == []


def test_a_relative_keras_home_is_the_projects_until_there_is_data_in_the_current_folder(tmp_path, monkeypatch):
    """Keras makes its folder, empty, in whatever is the current one when it is imported."""
    monkeypatch.setenv("KERAS_HOME", "cache of mine")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cache of mine").mkdir()
    assert places.keras_cache() == REPOSITORY / "cache of mine" / "datasets"
    (tmp_path / "cache of mine" / "datasets" / "fashion-mnist").mkdir(parents=True)
    assert places.keras_cache() == tmp_path / "cache of mine" / "datasets"


def test_without_a_home_the_cache_is_where_keras_has_it(monkeypatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert places.keras_cache() == Path.cwd() / "~" / ".keras" / "datasets"


# --- The data as others leave it --------------------------------------------------------------------------------------


def unpacked(world, folder, name=lambda name: name.removesuffix(".gz")):
    folder.mkdir(parents=True, exist_ok=True)
    for gz, content in world.contents.items():
        path = folder / name(gz)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.decompress(content))
    return folder


def upper(world, folder):
    folder.mkdir()
    for name, content in world.contents.items():
        (folder / name.upper()).write_bytes(content)


def torchvision(world, folder):
    """Both forms of each file, as its download leaves them."""
    world.fill(unpacked(world, folder / "raw"))


def packed_anew(world, folder):
    folder.mkdir()
    for name, content in world.contents.items():
        (folder / name).write_bytes(gzip.compress(gzip.decompress(content), compresslevel=9, mtime=1))


OTHERWISE = "by their contents, "
LEFT = {  # what somebody left, and where it is then said to be from
    "unpacked": (unpacked, OTHERWISE),
    "unpacked, with a dot": (
        lambda w, f: unpacked(w, f, lambda n: n[:-3].replace("-idx", ".idx")),
        "by their contents, ",
    ),
    "unpacked, upper case": (lambda w, f: unpacked(w, f, lambda n: n[:-3].upper()), OTHERWISE),
    "unpacked into folders": (lambda w, f: unpacked(w, f, lambda n: f"{n[:-3]}/{n[:-3]}"), OTHERWISE),
    "torchvision": (torchvision, ""),
    "torchvision, one level up": (lambda w, f: torchvision(w, f / "FashionMNIST"), ""),
    "torchvision, unpacked only": (lambda w, f: unpacked(w, f / "raw"), OTHERWISE),
    "Keras": (lambda w, f: w.fill(f / "fashion-mnist"), ""),
    "Zalando": (lambda w, f: w.fill(f / "data" / "fashion"), ""),
    "upper case": (upper, ""),
    "packed anew": (packed_anew, OTHERWISE),
}


@pytest.mark.parametrize("left", LEFT)
def test_the_same_data_in_another_form_is_used(world, tmp_path, monkeypatch, capsys, left):
    leave, how = LEFT[left]
    folder = tmp_path / "folder"
    leave(world, folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    assert data.look() == (f"{how}from FASHION_MNIST_DIR", [])
    source = data.source()
    assert source.is_full_real and source.origin == f"{how}from FASHION_MNIST_DIR"
    assert same(data.load_train(), world.arrays[0]) and same(data.load_test(), world.arrays[1])
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    data._announce(data._find())
    out, err = capsys.readouterr()
    assert out.endswith(f"the original files, SHA-256 checked ({how}from FASHION_MNIST_DIR).\n") and err == ""
    for path in data.original_files().values():
        assert gzip.decompress(path.read_bytes())  # which is what Keras does with them
    assert not world.cache.exists()


def test_the_same_data_has_the_same_fingerprint_in_any_form(world, tmp_path, monkeypatch):
    world.fill(world.cache)
    fingerprint = data.source().fingerprint
    monkeypatch.setenv("FASHION_MNIST_DIR", str(unpacked(world, tmp_path / "folder")))
    data._prepared = None
    assert data.source().fingerprint == fingerprint


def test_keras_reads_unpacked_files(world, tmp_path, monkeypatch):
    import tensorflow as tf

    load_data = tf.keras.datasets.fashion_mnist.load_data
    monkeypatch.setitem(load_data.__globals__, "get_file", load_data.__globals__["get_file"])  # to be restored
    monkeypatch.setenv("FASHION_MNIST_DIR", str(unpacked(world, tmp_path / "folder")))
    monkeypatch.setenv("FASHION_SAMPLE", "120")
    data.prepare()
    assert len(load_data()[0][0]) == 120


def test_the_original_is_taken_where_another_form_lies_beside_it(world, tmp_path, monkeypatch):
    folder = world.fill(unpacked(world, tmp_path / "folder"))
    for name in finding.FILES:
        (folder / name.removesuffix(".gz")).write_bytes(b"something else")
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    assert data.source().origin == "from FASHION_MNIST_DIR"


def test_another_form_is_taken_where_the_original_is_damaged(world, tmp_path, monkeypatch):
    folder = world.fill(unpacked(world, tmp_path / "folder"))
    (folder / IMAGES).write_bytes(FAULTS["truncated"](world.contents[IMAGES]))
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    assert data.source().origin == "by their contents, from FASHION_MNIST_DIR"
    assert same(data.load_train(), world.arrays[0])


@pytest.mark.parametrize("change", ["a byte", "an end", "a beginning", "behind the packed"])
def test_nothing_else_is_taken_for_it(world, tmp_path, monkeypatch, change):
    folder = unpacked(world, tmp_path / "folder")
    path = folder / IMAGES.removesuffix(".gz")
    content = path.read_bytes()
    if change == "behind the packed":
        path.unlink()
        path = folder / IMAGES
        content = gzip.compress(content) + b"more"
    changed = {"a byte": content[:-1] + bytes([content[-1] ^ 1]), "an end": content[:-1], "a beginning": content[16:]}
    path.write_bytes(changed.get(change, content))
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    for look in (data.look, data.source):
        with pytest.raises(data.DataError, match=f"^FASHION_MNIST_DIR=.*: {path.name} is not the expected file: "):
            look()


def test_the_likeliest_file_is_the_one_that_is_named(world, tmp_path, monkeypatch):
    """Of several that will not do; a folder of that name is none of them."""
    folder = unpacked(world, tmp_path / "folder", lambda name: f"{name[:-3]}/{name[:-3]}")
    inside = folder / IMAGES.removesuffix(".gz") / IMAGES.removesuffix(".gz")
    inside.write_bytes(b"bad")
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    with pytest.raises(data.DataError, match=f"FASHION_MNIST_DIR=[^:]*: {inside.name} is not the expected file"):
        data.look()
    (folder / IMAGES).write_bytes(b"bad")
    with pytest.raises(data.DataError, match=f"FASHION_MNIST_DIR=[^:]*: {IMAGES} is not the expected file"):
        data.look()


def test_a_form_that_changes_after_it_was_found(world, tmp_path, monkeypatch):
    """What was found stays found: an unpacked file is read once, one packed anew every time."""
    folder = unpacked(world, tmp_path / "folder")
    packed_anew(world, tmp_path / "other")
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    data.source()
    (folder / TRAIN_LABELS.removesuffix(".gz")).unlink()
    assert same(data.load_train(), world.arrays[0])
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path / "other"))
    data._prepared = None
    data.source()
    (tmp_path / "other" / TRAIN_LABELS).write_bytes(world.contents[TRAIN_LABELS])
    with pytest.raises(data.DataError, match="no longer there as it was found"):
        data.load_train()


def test_looking_at_unpacked_files_writes_nothing(world, tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_MNIST_DIR", str(unpacked(world, tmp_path / "folder")))
    monkeypatch.setattr(finding, "store", None)
    assert data.look() == ("by their contents, from FASHION_MNIST_DIR", [])


# --- What is there instead --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ["fashion-mnist_test.csv", "fashion-mnist_train.csv"],
            "there is fashion-mnist_test.csv, fashion-mnist_train.csv (CSV tables are not read)",
        ),
        (["archive.zip", "a/"], "there is a/, archive.zip (archives are not unpacked)"),
        (["b", "a"], "there is a, b"),
        (["1.CSV", *"23456"], "there is 1.CSV, 2, 3, 4 and 2 more (CSV tables are not read)"),
        ([], None),
    ],
)
def test_what_is_there_instead_is_said(world, tmp_path, monkeypatch, names, said):
    folder = world.fill(tmp_path / "folder", without=[TRAIN_LABELS, TEST_LABELS])
    for name in names:
        (folder / name).mkdir() if name.endswith("/") else (folder / name).write_bytes(b"a")
    before = len(list(folder.iterdir()))
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    with pytest.raises(data.DataError) as caught:
        data.source()
    middle = f"{TRAIN_LABELS} is missing; {TEST_LABELS} is missing; " + (f"{said}; " if said else "")
    assert str(caught.value) == f"FASHION_MNIST_DIR={folder}: {middle}{finding.how_to_get_it()}, or unset it."
    assert len(list(folder.iterdir())) == before


def test_a_folder_that_cannot_be_listed_is_no_traceback(world, tmp_path, monkeypatch):
    folder = world.fill(tmp_path / "folder", without=[TRAIN_LABELS])

    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(places.os, "listdir", refuse)
    monkeypatch.setattr(Path, "iterdir", refuse)
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    with pytest.raises(data.DataError, match=f": {TRAIN_LABELS} is missing; put "):
        data.source()


@pytest.mark.skipif(REAL is None, reason="needs the real files (FASHION_MNIST_DIR)")
def test_the_real_files_unpacked(tmp_path, monkeypatch):
    for name in finding.FILES:
        content = gzip.decompress((REAL / name).read_bytes())
        assert hashlib.sha256(content).hexdigest() == finding.CONTENTS[name]
        (tmp_path / name.removesuffix(".gz")).write_bytes(content)
    monkeypatch.setattr(data, "_prepared", None)
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path))
    monkeypatch.setenv("FASHION_DATA", "real")
    monkeypatch.delenv("FASHION_SAMPLE", raising=False)
    assert data.source().origin == "by their contents, from FASHION_MNIST_DIR"
    unpacked_train = data.load_train()
    monkeypatch.setenv("FASHION_MNIST_DIR", str(REAL))
    data._prepared = None
    assert same(unpacked_train, data.load_train())
    assert sorted(listing(tmp_path)) == sorted(name.removesuffix(".gz") for name in finding.FILES)

"""Repeating an experiment over seeds: a tidy table, kept run by run, and used again only where it fits."""

import functools
import json
from pathlib import Path
import random
import threading

from fashion_utils import experiments, training
from fashion_utils.experiments import worker
from fashion_utils.sources import files
import keras
import numpy as np
import pandas as pd
import pytest

VARIANTS = {"small": {"units": 1}, "large": {"units": 100}}
NAN = float("nan")


def run(seed, units):
    print(f"ran {units} {seed}")
    return {"accuracy": units + seed / 10 + random.random() * 1e-3}


@pytest.fixture
def ran(capsys):
    """A function that returns what has run since it was last called."""

    def since():
        lines = capsys.readouterr().out.splitlines()
        return [line.removeprefix("ran ") for line in lines if line.startswith("ran ")]

    return since


def repeat(run=run, variants=VARIANTS, seeds=(0,), name="sizes", **words):
    return experiments.repeat(name, variants, run, seeds, **words)


def returning(value):
    """An experiment that returns this."""

    def run(seed, units):
        print(f"ran {units} {seed}")
        return value

    return run


# --- The table --------------------------------------------------------------------------------------------------------


def test_table_has_a_row_for_each_variant_and_seed():
    table = repeat(seeds=range(3))
    assert list(table.columns) == ["variant", "seed", "accuracy", "seconds"]
    assert list(zip(table.variant, table.seed, strict=True)) == [(v, s) for v in VARIANTS for s in range(3)]
    assert table.accuracy.round(1).tolist() == [1.0, 1.1, 1.2, 100.0, 100.1, 100.2]
    assert (table.seconds >= 0).all() and table.seed.dtype == int


def test_several_rows_a_run():
    def epochs(seed, units):
        return [{"epoch": epoch, "loss": units / epoch} for epoch in (1, 2)]

    table = repeat(epochs, {"small": {"units": 4}}, [7])
    assert table[["seed", "epoch", "loss"]].to_numpy().tolist() == [[7, 1, 4], [7, 2, 2]]


def test_metrics_that_only_some_rows_have():
    table = repeat(returning([{"loss": 1}, {"loss": 2, "accuracy": 3}]), {"small": {"units": 4}})
    assert list(table.columns) == ["variant", "seed", "loss", "accuracy", "seconds"]


@pytest.mark.parametrize("number", [1, True, np.float32(1), np.ones(()), np.int64(1), keras.ops.ones(())])
def test_numbers_of_every_kind_are_metrics(number):
    assert repeat(returning({"loss": number})).loss.tolist() == [1.0, 1.0]


def test_the_seed_is_set_before_each_run():
    first, other = repeat(seeds=[3], name="one"), repeat(seeds=[3], name="another")
    assert first.accuracy.tolist() == other.accuracy.tolist()


def test_training_is_fast_in_each_run_and_not_after_it():
    plain = keras.Model.fit

    def is_fast(seed, units):
        return {"fast": keras.Model.fit is not plain}

    assert repeat(is_fast).fast.tolist() == [1, 1]
    assert keras.Model.fit is plain
    assert training.fast


def test_a_sample_gets_the_first_two_seeds(use_data):
    use_data("real", 600)
    assert repeat(seeds=[5, 3, 8, 1]).seed.tolist() == [5, 3, 5, 3]


# --- What is kept -----------------------------------------------------------------------------------------------------


def test_kept_results_are_read_and_equal(ran):
    first = repeat(seeds=range(3))
    ran()
    again = repeat(seeds=range(4))
    assert ran() == ["1 3", "100 3"]
    assert again[again.seed < 3].reset_index(drop=True).equals(first)


def test_without_training_only_what_is_kept_comes_back(ran):
    assert list(repeat(train_missing=False).columns) == ["variant", "seed", "seconds"]
    first = repeat(variants={"large": {"units": 100}}, seeds=[1])
    ran()
    assert repeat(seeds=range(3), train_missing=False).equals(first)
    assert ran() == []


def test_results_of_either_number_of_threads_come_back(ran, monkeypatch):
    repeat(variants={"small": {"units": 1}})
    monkeypatch.setattr(worker, "threads", lambda: 2)
    repeat(variants={"large": {"units": 100}})
    assert ran() == ["1 0", "100 0"]
    assert repeat(train_missing=False).variant.tolist() == ["small", "large"]
    repeat()
    assert ran() == ["1 0"], "what one thread computed has other last digits"


def test_an_interrupted_experiment_goes_on_where_it_was(folder, ran, monkeypatch):
    stop = threading.Event  # a name of a library's: what it is does not change with what happens to it

    def interrupted(seed, units):
        if seed == 1 and units == 100 and not stop.interrupted:
            stop.interrupted = True
            raise KeyboardInterrupt
        return run(seed, units)

    monkeypatch.setattr(stop, "interrupted", False, raising=False)
    with pytest.raises(KeyboardInterrupt):
        repeat(interrupted, seeds=range(3))
    assert ran() == ["1 0", "1 1", "1 2", "100 0"]
    assert [file.suffix for file in folder.rglob("*") if file.is_file()] == [".json"] * 4
    assert len(repeat(interrupted, seeds=range(3))) == 6
    assert ran() == ["100 1", "100 2"]


def notebook(**changes):
    """The functions of a notebook, as after running its cells: `run` calls `build`, which uses WIDTH."""
    cells = "WIDTH = {width}\ndef build():\n    return WIDTH {build}\n"
    cells += "def run(seed, units):\n    {run}print(f'ran {{units}} {{seed}}')\n    return {{'accuracy': build()}}\n"
    namespace = {"__name__": "__main__"}
    exec(cells.format(**{"width": 1, "build": "", "run": ""} | changes), namespace)
    return namespace["run"]


@pytest.mark.parametrize("change", [{"build": "+ 1"}, {"width": 2}, {"run": "build(); "}])
def test_what_run_reaches_is_part_of_what_a_result_was_made_from(change, ran):
    assert repeat(notebook()).accuracy.tolist() == [1, 1]
    ran()
    repeat(notebook(run="'''A docstring.'''; # and a comment\n    "))
    assert ran() == []
    changed = repeat(notebook(**change))
    assert ran() == ["1 0", "100 0"]
    assert changed.accuracy.tolist() == [notebook(**change)(0, 1)["accuracy"]] * 2


@pytest.mark.parametrize("change", ["data", "sample", "variant", "arguments", "versions", "engine"])
def test_what_was_made_from_something_else_is_not_used(change, use_data, folder, monkeypatch, ran):
    repeat(run)
    ran()
    variants = VARIANTS
    if change == "data":
        use_data("stand-in")
        (folder / "real").rename(folder / "stand-in")  # even if the results lie where they would be looked for
    elif change == "sample":
        use_data("real", 600)
        (folder / "real").rename(folder / "real-600")
    elif change == "variant":
        variants = {"small": {"units": 2}, "large": {"units": 200}}
    elif change == "arguments":
        variants = {"small": {"units": 1.0}, "large": {"units": 100.0}}  # equal, and yet not the same
    elif change == "versions":
        monkeypatch.setattr(keras, "__version__", "9.9.9")
    else:
        monkeypatch.setattr(training, "CALLS_PER_EPOCH", 7)
    repeat(run, variants)
    assert len(ran()) == 2


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"made_from": 1}', "null", "\udcff"])
def test_a_damaged_result_is_made_anew(content, folder, ran):
    repeat()
    (file,) = folder.rglob("small-*.json")
    file.write_bytes(content.encode(errors="surrogateescape"))
    ran()
    assert len(repeat()) == 2
    assert ran() == ["1 0"]


@pytest.mark.parametrize("damage", [{"metrics": []}, {"metrics": 3}, {"metrics": [3]}, {"seconds": None}])
def test_a_result_with_a_damaged_field_is_made_anew(damage, folder, ran):
    repeat()
    (file,) = folder.rglob("small-*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | damage))
    ran()
    assert len(repeat()) == 2
    assert ran() == ["1 0"]


def test_names_that_look_alike_keep_their_results_apart(ran):
    names = ["L2 = 0.01", "L2 = 0.0 1", "l2_0_01", "L2 = −0.01", "dropout", "Dropout", "ä", "ö", "", "../x", "a" * 300]
    variants = {name: {"units": place} for place, name in enumerate(names)}
    first = repeat(variants=variants, seeds=[0, 10])
    assert first.accuracy.round(1).tolist() == [place + seed / 10 for place in range(11) for seed in (0, 10)]
    ran()
    assert repeat(variants=variants, seeds=[0, 10]).equals(first)
    assert ran() == []


@pytest.mark.parametrize(
    "function",
    [
        lambda seed, units: run(seed, units),
        functools.partial(run),
        functools.partial(lambda scale, seed, units: run(seed, units), 3),
        notebook(),
        eval("lambda seed, units: print(f'ran {units} {seed}') or {'accuracy': 1}"),
    ],
)
def test_callables_of_every_kind_are_kept(function, ran):
    first = repeat(function)
    assert ran() == ["1 0", "100 0"]
    assert repeat(function).equals(first)
    assert ran() == []


# --- Networks among the metrics ---------------------------------------------------------------------------------------


def train(seed, units):
    print(f"ran {units} {seed}")
    return {"accuracy": 0.5, "model": keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(units)])}


def weights(path):
    return keras.models.load_model(path).get_weights()[0].tolist()


def test_a_network_is_kept_beside_its_result(ran, folder):
    table = repeat(train, seeds=range(2))
    assert list(table.columns) == ["variant", "seed", "accuracy", "model", "seconds"]
    assert all(type(path) is str and Path(path).parent == folder / "real" / "sizes" for path in table.model)
    assert len({str(weights(path)) for path in table.model}) == 4
    ran()
    assert repeat(train, seeds=range(2)).equals(table)
    assert ran() == []


def test_networks_of_several_rows(ran):
    def epochs(seed, units):
        return [train(seed, units), train(seed, units)]

    table = repeat(epochs)
    assert len(set(table.model)) == 4 and all(map(weights, table.model))


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-9])])
def test_a_network_that_is_missing_or_damaged_is_trained_anew(damage, ran):
    table = repeat(train)
    damage(Path(table.model[0]))
    ran()
    assert weights(repeat(train).model[0])
    assert ran() == ["1 0"]


# --- What cannot be kept is not lost ----------------------------------------------------------------------------------


def fail(*arguments):
    raise OSError(28, "No space left on device")


def test_a_full_disk_loses_no_result_and_is_said_in_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(files, "write_atomically", fail)
    assert repeat(seeds=range(2)).accuracy.round(1).tolist() == [1.0, 1.1, 100.0, 100.1]
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.endswith(" Not kept for the next time: small, seed 0 and 3 more (No space left on device)")


def test_a_network_that_cannot_be_kept_comes_back_itself(monkeypatch):
    monkeypatch.setattr(files, "write_atomically", fail)
    assert isinstance(repeat(train).model[0], keras.Model)


def test_a_folder_that_cannot_be_written_leaves_networks_for_this_session(folder, capsys, ran):
    (folder / "real").write_text("a file where the folder should be")
    table = repeat(train)
    assert weights(table.model[0]) and str(folder) not in table.model[0]
    assert "Not kept for the next time: small, seed 0 and 1 more (" in capsys.readouterr().out.splitlines()[-1]
    repeat(train)
    assert len(ran()) == 2


def test_a_network_that_keras_cannot_save_comes_back_itself(monkeypatch, capsys):
    def refuse(*arguments):
        raise TypeError("cannot be serialized")

    monkeypatch.setattr(keras.Model, "save", refuse)
    assert isinstance(repeat(train).model[0], keras.Model)
    assert "(cannot be serialized)" in capsys.readouterr().out.splitlines()[-1]


def test_a_run_that_cannot_be_followed_is_run_each_time_and_says_why(capsys, ran):
    lock = threading.Lock()

    def locked(seed, units):
        with lock:
            return run(seed, units)

    assert len(repeat(locked)) == len(repeat(locked)) == 2
    assert capsys.readouterr().out.splitlines()[-1] == (
        "sizes: 2 runs, 2 of them now, 0 kept from before. No result is kept for the next time: "
        "lock is or holds a _thread.lock, and nothing tells whether that has changed"
    )
    assert list(repeat(locked, train_missing=False).columns) == ["variant", "seed", "seconds"]


# --- What is wrong is said --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "run must return a dict of numbers, or a list of such dicts, not NoneType"),
        ("good", "run must return .*, not str"),
        (0.9, "run must return .*, not float"),
        ([], "run must return .*, not an empty list"),
        ({}, "run must return .*, not an empty dict"),
        ([{}], "run must return .*, not list"),
        ([0.9], "run must return .*, not list"),
        (np.zeros((100, 100)), "run must return .*, not ndarray"),
        (pd.DataFrame({"accuracy": [1]}), "run must return .*, not DataFrame"),
        ({"accuracy": "0.9"}, "The metric 'accuracy' must be one number, not str"),
        ({"accuracy": None}, "The metric 'accuracy' must be one number, not NoneType"),
        ({"accuracy": [0.9, 0.8]}, "The metric 'accuracy' must be one number, not list"),
        ({"accuracy": [[1], [1, 2]]}, "The metric 'accuracy' must be one number, not list"),
        ({"accuracy": np.zeros(9)}, "The metric 'accuracy' must be one number, not ndarray"),
        ({"accuracy": np.str_("0.9")}, "The metric 'accuracy' must be one number, not str_"),
        ({"accuracy": 1j}, "The metric 'accuracy' must be one number, not complex"),
        ({"seed": 1}, "A metric cannot be called 'seed'"),
        ({"variant": 1}, "A metric cannot be called 'variant'"),
        ([{"loss": 1}, {"seconds": 1}], "A metric cannot be called 'seconds'"),
        ({1: 1}, "A metric cannot be called 1"),
    ],
)
def test_what_run_returns_is_checked(value, message):
    with pytest.raises(ValueError, match=f"^{message}") as raised:
        repeat(returning(value), seeds=[7])
    assert raised.value.__notes__ == ["This was variant 'small', seed 7.", "1 more failed: 'large', seed 7"]
    assert len(str(raised.value)) < 150


def test_an_error_in_run_names_variant_and_seed():
    def broken(seed, units):
        return 1 / (100 - units)

    with pytest.raises(ZeroDivisionError) as raised:
        repeat(broken, {"large": {"units": 100}}, [7])
    assert raised.value.__notes__ == ["This was variant 'large', seed 7."]


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ([], r"at least one seed, and each of them once, not \[\]"),
        ([1, 2, 1], r"each of them once, not \[1, 2, 1\]"),
        ([1, np.int64(1)], "each of them once"),
        ([1.0], "A seed is a whole number from 0 to 4294967295, not 1.0"),
        ([True], "not True"),
        (["1"], "not '1'"),
        ([-1], "not -1"),
    ],
)
def test_seeds_are_checked(seeds, message):
    with pytest.raises(ValueError, match=message):
        repeat(seeds=seeds)


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ({}, "variants must be a dict"),
        (["small"], "variants must be a dict"),
        ({"small": 1}, "variants must be a dict with a dict of arguments"),
        ({1: {"units": 1}}, "The name of a variant is text, not 1"),
        ({"small": {"units": 1, "seed": 0}}, "Variant 'small' has an argument seed"),
    ],
)
def test_variants_are_checked(variants, message):
    with pytest.raises(ValueError, match=message):
        repeat(variants=variants)


@pytest.mark.parametrize("name", ["", "../x", "a/b", None, ".."])
def test_the_name_is_a_folder(name):
    with pytest.raises(ValueError, match="becomes a folder"):
        repeat(name=name)


def test_nan_is_kept_and_shown(ran, capsys):
    function = returning([{"loss": 1.0, "accuracy": NAN}, {"loss": float("inf"), "accuracy": 0.1}])
    for _ in range(2):
        table = repeat(function, {"small": {"units": 1}}, [4])
        assert np.isnan(table.accuracy[0])
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.endswith(" kept from before. NaN or infinite: accuracy of small, seed 4; loss of small, seed 4")


def test_says_what_was_kept(displayed):
    repeat(seeds=range(2))
    repeat(seeds=range(3))
    texts = [output["data"]["text/plain"] for output in displayed]
    assert texts[:2] == ["sizes: 0 of 4 done, running small, seed 0", "sizes: 1 of 4 done, running small, seed 1"]
    assert texts[-1] == "sizes: 6 runs, 2 of them now, 4 kept from before"
    assert [output["update"] for output in displayed] == ([False] + [True] * 4) + [False] + [True] * 2
    repeat(seeds=range(4), train_missing=False)
    assert displayed[-1]["data"]["text/plain"] == "sizes: 8 runs, 6 of them kept, none run"

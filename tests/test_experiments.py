"""Repeating an experiment over seeds: a tidy table, kept run by run, and used again only where it fits."""

import random

from fashion_utils import artifacts, experiments
import pytest

VARIANTS = {"small": {"units": 1}, "large": {"units": 100}}
calls = []


def run(seed, units):
    calls.append((units, seed))
    return {"accuracy": units + seed / 10 + random.random() * 1e-3}


def run_differently(seed, units):
    calls.append((units, seed))
    return {"accuracy": 0.0}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, use_data):
    calls.clear()
    monkeypatch.setattr(artifacts, "ROOT", tmp_path)
    return tmp_path


def test_table_has_a_row_for_each_variant_and_seed():
    table = experiments.repeat("sizes", VARIANTS, run, range(3))
    assert list(table.columns) == ["variant", "seed", "accuracy", "seconds"]
    assert list(zip(table.variant, table.seed, strict=True)) == [(v, s) for v in VARIANTS for s in range(3)]
    assert table.accuracy.round(1).tolist() == [1.0, 1.1, 1.2, 100.0, 100.1, 100.2]
    assert (table.seconds >= 0).all()


def test_several_rows_a_run():
    def epochs(seed, units):
        return [{"epoch": epoch, "loss": units / epoch} for epoch in (1, 2)]

    table = experiments.repeat("curves", {"small": {"units": 4}}, epochs, [7])
    assert table[["seed", "epoch", "loss"]].to_numpy().tolist() == [[7, 1, 4], [7, 2, 2]]


def test_the_seed_is_set_before_each_run():
    first = experiments.repeat("one", {"small": {"units": 1}}, run, [3])
    other = experiments.repeat("another", {"small": {"units": 1}}, run, [3])
    assert first.accuracy.tolist() == other.accuracy.tolist()


def test_kept_results_are_read_and_equal():
    first = experiments.repeat("sizes", VARIANTS, run, range(3))
    done = len(calls)
    again = experiments.repeat("sizes", VARIANTS, run, range(4))
    assert calls[done:] == [(1, 3), (100, 3)]
    assert again[again.seed < 3].reset_index(drop=True).equals(first)


def test_an_interrupted_experiment_goes_on_where_it_was(folder):
    def interrupted(seed, units):
        if len(calls) == 3:
            calls.append("interrupted")
            raise KeyboardInterrupt
        calls.append((units, seed))
        return {"accuracy": 1.0}

    with pytest.raises(KeyboardInterrupt):
        experiments.repeat("sizes", VARIANTS, interrupted, range(3))
    assert len(list(folder.rglob("*.json"))) == 3
    assert [file.name for file in folder.rglob("*") if file.is_file() and file.suffix != ".json"] == []
    assert len(experiments.repeat("sizes", VARIANTS, interrupted, range(3))) == 6
    assert calls[4:] == [(100, 0), (100, 1), (100, 2)]


@pytest.mark.parametrize("change", ["data", "sample", "variant", "settings", "code"])
def test_what_was_made_from_something_else_is_not_used(change, use_data, folder):
    experiments.repeat("sizes", VARIANTS, run, [0], {"epochs": 1})
    done, variants, function, settings = len(calls), VARIANTS, run, {"epochs": 1}
    if change == "data":
        use_data("stand-in")
        (folder / "real").rename(folder / "stand-in")  # even if the results lie where they would be looked for
    elif change == "sample":
        use_data("real", 600)
        (folder / "real").rename(folder / "real-600")
    elif change == "variant":
        variants = {"small": {"units": 2}, "large": {"units": 200}}
    elif change == "settings":
        settings = {"epochs": 2}
    else:
        function = run_differently
    experiments.repeat("sizes", variants, function, [0], settings)
    assert len(calls) == done + 2


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"made_from": 1}', "null"])
def test_a_damaged_result_is_made_anew(content, folder):
    experiments.repeat("sizes", VARIANTS, run, [0])
    (folder / "real" / "sizes" / "small-0.json").write_text(content)
    done = len(calls)
    assert len(experiments.repeat("sizes", VARIANTS, run, [0])) == 2
    assert calls[done:] == [(1, 0)]


def test_says_what_was_kept(displayed):
    experiments.repeat("sizes", VARIANTS, run, range(2))
    experiments.repeat("sizes", VARIANTS, run, range(3))
    texts = [output["data"]["text/plain"] for output in displayed]
    assert "sizes: run 1 of 4, small, seed 0" in texts
    assert texts[-1] == "sizes: 6 runs, 2 of them now, 4 kept from before"


def test_a_sample_gets_the_first_two_seeds(use_data):
    use_data("real", 600)
    assert experiments.repeat("sizes", VARIANTS, run, [5, 3, 8, 1]).seed.tolist() == [5, 3, 5, 3]

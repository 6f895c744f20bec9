"""`progress.LiveProgress` under Keras' own `fit`, in a notebook and outside."""

import re

from fashion_utils.progress import LiveProgress
import keras
import numpy as np
import pytest

EPOCH_LINE = r"epoch {}/2  accuracy \d\.\d{{4}}  loss \d\.\d{{4}}  val_accuracy \d\.\d{{4}}  val_loss \d\.\d{{4}}"


@pytest.fixture
def fit():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = np.ones((16, 3), "float32"), np.arange(16) % 2

    def run():
        model.fit(
            x, y, batch_size=4, epochs=2, validation_data=(x, y), verbose=0, callbacks=[LiveProgress()], shuffle=False
        )

    return run


def assert_one_line_an_epoch(text):
    for epoch, line in enumerate(text.split("\n"), start=1):
        assert re.fullmatch(EPOCH_LINE.format(epoch), line), line
    assert epoch == 2


def test_outside_a_notebook_it_prints_one_line_an_epoch(fit, capfd):
    fit()
    out, err = capfd.readouterr()
    assert_one_line_an_epoch(out.removesuffix("\n"))
    assert err == ""


def test_in_a_notebook_one_output_is_updated_and_ends_with_one_line_an_epoch(fit, displayed, capfd):
    fit()
    assert [output["update"] for output in displayed] == [False] + [True] * (len(displayed) - 1)
    assert len({output["transient"]["display_id"] for output in displayed}) == 1
    assert {frozenset(output["data"]) for output in displayed} == {frozenset({"text/plain"})}
    assert_one_line_an_epoch(displayed[-1]["data"]["text/plain"])
    assert capfd.readouterr() == ("", "")


def test_in_a_notebook_it_shows_how_far_the_epoch_is(fit, displayed, monkeypatch):
    monkeypatch.setattr(LiveProgress, "_SECONDS_BETWEEN_UPDATES", 0)
    fit()
    texts = [output["data"]["text/plain"] for output in displayed]
    assert len(texts) == 10, "four steps and an end, twice"
    for epoch in (1, 2):
        *steps, end = texts[5 * epoch - 5 : 5 * epoch]
        for share, text in zip((25, 50, 75, 100), steps, strict=True):
            *earlier, running = text.split("\n")
            assert len(earlier) == epoch - 1
            assert re.fullmatch(rf"epoch {epoch}/2  +{share} % of the epoch  accuracy [\d.]+  loss [\d.]+", running)
        assert "% of the epoch" not in end
    assert not re.search(r"[^\n\x20-\x7e]", "".join(texts)), "a control character"


def test_a_second_run_starts_anew(fit, displayed):
    fit()
    first = len(displayed)
    fit()
    assert displayed[first]["update"] is False
    assert_one_line_an_epoch(displayed[-1]["data"]["text/plain"])

"""The exercises of the notebook on how a network learns: right answers and typical mistakes."""

from fashion_utils import data
from fashion_utils.exercises import learn
from fashion_utils.workshop import NOTEBOOKS
from made_up import IMAGES, LABELS, SCALED, both_tests, draw
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from sklearn.model_selection import train_test_split

FEW, _, FEW_LABELS, _ = train_test_split(SCALED, LABELS, test_size=0.1, stratify=LABELS, random_state=0)
UNITS, SCORES = [0, 2, 1.5], [-1.25, 2.5]
ZEROS = np.zeros((784, 10))
PLACE = 14 * 28 + 14


def loss(weights, images=SCALED[:1000], labels=LABELS[:1000]):
    """The mean cross-entropy of softmax, computed as the notebook does it."""
    exps = np.exp(images.reshape(len(images), -1).astype("float64") @ weights)
    shares = exps / exps.sum(axis=1, keepdims=True)
    return -np.log(shares[np.arange(len(labels)), labels]).mean()


def nudged(size, place=PLACE, label=1):
    weights = ZEROS.copy()
    weights[place, label] = size
    return weights


def slope(size=0.001, place=PLACE, label=1, **pictures):
    """A slope found as the task says, by one nudge."""
    return (loss(nudged(size, place, label), **pictures) - loss(ZEROS, **pictures)) / size


def centred(size):
    return (loss(nudged(size)) - loss(nudged(-size))) / (2 * size)


def leaky(sums):
    return np.where(sums > 0, sums, 0.1 * sums)


def in_place(blame, sums):
    blame[sums <= 0] *= 0.1
    return blame


def numbered(blame, sums):
    sums[sums > 0] = 1
    sums[sums <= 0] = 0.1
    return blame * sums


def change_only(blame, sums):
    sums *= 2
    return np.where(sums > 0, blame, 0.1 * blame)


RIGHT = {
    "03.drawing": [UNITS + SCORES, (*UNITS, *SCORES), np.array(UNITS + SCORES, "float32")],
    "03.slope": [slope(), centred(0.001), centred(0.1), slope(0.01), np.float32(slope()), slope(-0.01)],
    "03.leaky": [
        lambda blame, sums: np.where(sums > 0, blame, 0.1 * blame),
        lambda blame, sums: blame * np.where(sums > 0, 1, 0.1),
        lambda blame, sums: (blame * np.where(sums > 0, 1, 0.1)).astype("float32"),
        lambda blame, sums: [
            [b if s > 0 else b / 10 for b, s in zip(*row, strict=True)] for row in zip(blame, sums, strict=True)
        ],
    ],
}

MISTAKES = {
    "03.drawing": [
        ([-0.5, 2, 1.5, -2.25, 3], "the bend is missing"),
        ([-0.5, 2, 1.5, -1.25, 2.5], "the first three are the sums"),
        ([0, 2.5, 1, -2, 2.25], "the biases are missing: each"),
        ([-1, 2.5, 1, -4, 3.25], "and so is the bend"),
        (UNITS + list(np.exp(SCORES) / np.exp(SCORES).sum()), "softmax"),
        ([*UNITS, 0, 2.5], "only the hidden units bend"),
        (UNITS + SCORES[::-1], "the upper one comes first"),
        (SCORES + UNITS, "the hidden units come first"),
        (UNITS, "two scores are missing"),
        (SCORES, "these are the scores"),
        (SCORES[::-1], "wrong shape: (2,)"),
        ([*UNITS, 1, 2], "the scores not yet"),
        ([0, 2, 1, -1.5, 2], "not the right values"),
        (1.5, "wrong shape: one number; asked for is (5,)"),
        ("0, 2", "numbers are asked for"),
    ],
    "03.slope": [
        (-slope(), "sign"),
        (-centred(0.01), "sign"),
        (loss(nudged(0.1)) - loss(ZEROS), "divide by the size of the nudge"),
        (loss(nudged(0.01)) - loss(ZEROS), "divide by the size of the nudge"),
        (loss(nudged(0.001)) - loss(ZEROS), "divide by the size of the nudge"),
        (loss(nudged(0.01)) - loss(nudged(-0.01)), "divide by the size of the nudge"),
        (loss(nudged(-0.01)) - loss(ZEROS), "mind the sign"),
        (2 * centred(0.01), "two nudges"),
        (slope(0.01) * 1000, "the sum over the pictures"),
        (slope(0.01) / np.log(2), "base 2"),
        (slope(0.01) / np.log(10), "base 10"),
        (loss(ZEROS), "that is the loss"),
        (loss(nudged(0.1)), "that is the loss"),
        (slope(0.001, images=IMAGES[:1000]), "factor of 255"),
        (slope(0.01, images=IMAGES[:1000]), "factor of 255"),
        (slope(images=SCALED[:1000] / 255), "factor of 255"),
        (slope(label=9), "another class"),
        (slope(0.01, label=0), "another class"),
        (slope(place=13 * 28 + 13), "counted from 1"),
        (slope(place=14), "another place"),
        (slope(images=SCALED, labels=LABELS), "all training pictures"),
        (slope(images=FEW[:1000], labels=FEW_LABELS[:1000]), "before the split"),
        (slope(0.1), "take a smaller one"),
        (slope(1), "take a smaller one"),
        ((loss(np.where(np.arange(784)[:, None] == PLACE, 0.01, ZEROS)) - loss(ZEROS)) / 0.01, "did not change"),
        (slope() / 3, "another number"),
        (ZEROS + 1, "wrong shape: (784, 10); asked for is one number"),
    ],
    "03.leaky": [
        (lambda blame, sums: blame, "all the blame goes back"),
        (lambda blame, sums: blame * (sums > 0), "plain ReLU's"),
        (lambda blame, sums: np.where(blame > 0, blame, 0.1 * blame), "the mask is made from the blame"),
        (lambda blame, sums: leaky(sums), "what the activation passes on"),
        (lambda blame, sums: blame * leaky(sums), "not by what it passed on"),
        (lambda blame, sums: np.where(sums > 0, 1, 0.1), "no blame in it"),
        (lambda blame, sums: np.where(sums > 0, blame, 0.1), "multiply the blame by the factor"),
        (lambda blame, sums: np.where(sums > 0, blame, 0.1 * sums), "multiply the blame by the factor"),
        (lambda blame, sums: np.where(sums > 0, blame, 10 * blame), "upside down"),
        (lambda blame, sums: np.where(sums > 0, 0.1 * blame, blame), "wrong way round"),
        (lambda blame, sums: np.where(sums > 0, blame, -0.1 * blame), "positive there, too"),
        (lambda blame, sums: blame / 10, "only where the sum is below zero"),
        (lambda blame, sums: np.where(sums > 0, blame, 0.1001 * blame), "not the right values"),
        (lambda blame, sums: np.where(sums > 0.01, blame, 0.1 * blame), "not the right values"),
        (lambda blame, sums: np.where(sums > 0, blame, 0.1 * blame).T, "axes swapped"),
        (lambda blame, sums: np.where(sums > 0, blame, 0.1 * blame).sum(axis=0), "wrong shape: (4,)"),
        (in_place, "changes the arrays"),
        (numbered, "changes the arrays"),
        (change_only, "changes the arrays"),
        (lambda blame, sums: sums > 0, "True or False"),
        (lambda blame: blame, "stops with TypeError"),
        (leaky(np.ones((2, 2))), "a function is asked for"),
    ],
}

test_a_right_answer, test_a_typical_mistake_gets_its_hint = both_tests(RIGHT, MISTAKES)


def test_the_drawn_network():
    """In it the bend, each bias and each weight matter, and all numbers are short."""
    found = learn.WEIGHTS @ learn.INPUTS + learn.BIASES
    assert (found < 0).sum() == 1 and list(np.maximum(found, 0)) == UNITS
    assert list(learn.OUT @ UNITS) == SCORES
    assert np.all(learn.WEIGHTS) and np.all(learn.BIASES) and np.all(learn.OUT)


def test_the_notebook_draws_this_network():
    cells = nbformat.read(NOTEBOOKS / "03_learn.ipynb", as_version=4).cells
    drawn = {"plt": plt}
    exec(next(cell.source for cell in cells if cell.id == "exercise-drawing-2"), drawn)
    plt.close(drawn["figure"])
    texts = [text.get_text().replace("−", "-") for text in drawn["axis"].texts]
    weights = [f"{weight:g}" for table in (learn.WEIGHTS, learn.OUT) for weight in table.ravel()]
    assert texts[: len(weights)] == weights
    assert texts[len(weights) :][:2] == [f"{value:g}" for value in learn.INPUTS]
    assert [text for text in texts if "bias" in text] == [f"bias {bias:g}" for bias in learn.BIASES]


@pytest.mark.parametrize("seed", range(4))
def test_a_slope_by_any_small_nudge_is_right(seed, monkeypatch, answer_to):
    images, labels = draw(seed, 1000)
    monkeypatch.setattr(data, "load_train", lambda: (images, labels))
    for size in (0.01, -0.01, 0.001, 1e-4, 1e-5, 1e-6):
        assert answer_to("03.slope", slope(size, images=images / 255, labels=labels)).startswith("✓"), size
    for off in (0.9, 1.1):
        assert answer_to("03.slope", off * slope(images=images / 255, labels=labels)).startswith("✗")


def test_two_in_a_hundred_are_allowed_where_a_nudge_costs_less(monkeypatch, answer_to):
    images, labels = np.full((1000, 28, 28), 255, "uint8"), np.arange(1000) % 10
    images[labels == 1] = 0
    monkeypatch.setattr(data, "load_train", lambda: (images, labels))
    truth = slope(1e-5, images=images / 255, labels=labels)
    assert truth > 0 and answer_to("03.slope", 1.015 * truth).startswith("✓")
    assert answer_to("03.slope", 1.03 * truth).startswith("✗")

"""`exercises.check` on right answers, typical mistakes and objects that nobody expects; and the learners' copy."""

import ast
from pathlib import Path
import re

from fashion_utils import data, exercises
from fashion_utils.workshop import run as series
import keras
import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy.signal import convolve2d
from sklearn.metrics import confusion_matrix


def draw(seed, count):
    """Pictures whose class is easy to learn but whose brightness varies so much that class means do not help."""
    rng = np.random.default_rng(seed)
    prototypes = np.random.default_rng(0).integers(0, 256, (10, 28, 28)) * np.linspace(0.5, 1, 10)[:, None, None]
    labels = rng.permutation(np.arange(count) % 10).astype("uint8")
    images = prototypes[labels] * rng.uniform(0.1, 1, (count, 1, 1)) * (rng.random((count, 28, 28)) < 0.8)
    return images.astype("uint8"), labels


TRAIN, TEST = draw(1, 1200), draw(2, 200)
IMAGES, LABELS = TRAIN
TEST_IMAGES, TEST_LABELS = TEST
SCALED = IMAGES.astype("float32") / 255
LAST_LAYER = {"units": 10, "activation": "softmax"}


@pytest.fixture(autouse=True)
def pictures(monkeypatch):
    monkeypatch.setattr(data, "load_train", lambda: tuple(array.copy() for array in TRAIN))
    monkeypatch.setattr(data, "load_test", lambda: tuple(array.copy() for array in TEST))


def answer_to(capsys, name, answer, **given):
    """Return the one line that a check prints."""
    assert exercises.check(name, answer, **given) is None
    printed, errors = capsys.readouterr()
    assert errors == "" and printed.count("\n") == 1 and printed.endswith("\n")
    return printed


def network(hidden=0, loss="sparse_categorical_crossentropy", **last):
    layers = [keras.layers.Input((28, 28)), keras.layers.Flatten()]
    layers += [keras.layers.Dense(hidden, activation="relu")] if hidden else []
    model = keras.Sequential([*layers, keras.layers.Dense(**{**LAST_LAYER, **last})])
    if loss:
        model.compile(optimizer="adam", loss=loss)
    return model


@pytest.fixture(scope="module")
def small():
    """A good classifier without training: least squares, whose largest output is the same for a dim picture."""
    model, flat = network(), SCALED.reshape(-1, 784)
    kernel = np.linalg.solve(flat.T @ flat + 10 * np.eye(784), flat.T @ np.eye(10)[LABELS])
    model.set_weights([kernel, np.zeros(10)])
    return model


# --- Answers that depend on nothing but the data ----------------------------------------------------------------------


def baseline(images, labels):
    """The accuracy of 01.baseline on any pictures, with the means of five training pictures in six."""
    fit = np.arange(len(IMAGES)) % 6 != 0
    brightness = IMAGES.mean(axis=(1, 2))
    typical = np.array([brightness[fit & (label == LABELS)].mean() for label in range(10)])
    return np.mean(np.abs(images.mean(axis=(1, 2))[:, None] - typical).argmin(axis=1) == labels)


HELD_BACK = np.arange(len(IMAGES)) % 6 == 0
EMPTY = [(IMAGES[label == LABELS] == 0).mean() for label in range(10)]
PLACE = divmod(int(IMAGES.mean(axis=0).argmax()), 28)
TENTH = np.concatenate([np.flatnonzero(label == LABELS)[3:15] for label in range(10)])
RNG = np.random.default_rng(0)
PROBABILITIES = RNG.dirichlet(np.full(10, 0.1), size=200)
PROBABILITIES[:100, :] = np.eye(10)[TEST_LABELS[:100]] * 0.9 + 0.01
PREDICTIONS = PROBABILITIES.argmax(axis=1)
CONFUSION = confusion_matrix(TEST_LABELS, PREDICTIONS)
RIGHT, SURENESS = TEST_LABELS == PREDICTIONS, PROBABILITIES.max(axis=1)
LONG = {"loss": list(np.geomspace(1, 0.01, 60)), "val_loss": [*np.linspace(1, 0.6, 7), *np.linspace(0.6, 1, 53)]}
RESULTS = pd.DataFrame(
    {"variant": variant, "seed": seed, "loss": RNG.random()}
    for variant in ("baseline", "dropout", "L2")
    for seed in range(5)
)
BY_SEED = RESULTS.pivot(index="seed", columns="variant", values="loss")
DIFFERENCES = BY_SEED["dropout"] - BY_SEED["baseline"]
MEAN, ERROR = DIFFERENCES.mean(), DIFFERENCES.sem()
UNPAIRED = np.hypot(BY_SEED["dropout"].sem(), BY_SEED["baseline"].sem())
GIVEN = {
    "04.called": {"predictions": PREDICTIONS},
    "04.sort_out": {"probabilities": PROBABILITIES},
    "05.gap": {"history": LONG},
    "05.paired": {"results": RESULTS},
    "06.blur": {"image": SCALED[0]},
}
MEANS = np.stack([IMAGES[label == LABELS].mean(axis=0) for label in range(10)])
ACROSS = np.abs(MEANS - MEANS[:, :, ::-1]).mean(axis=(1, 2))
SUMS = convolve2d(SCALED[0], np.ones((3, 3)), mode="valid")


def sorter(report):
    """A function of the threshold for 04.sort_out, from one of which pictures are above it."""
    return lambda threshold: report(threshold <= SURENESS)


RIGHT_ANSWERS = {
    "01.brightness": [IMAGES.mean(axis=(1, 2)), list(IMAGES.mean(axis=(1, 2))), pd.Series(IMAGES.mean(axis=(1, 2)))],
    "01.emptiest": [data.CLASS_NAMES[np.argmax(EMPTY)], np.array(data.CLASS_NAMES)[np.argmax(EMPTY)].lower()],
    "01.baseline": [baseline(IMAGES[HELD_BACK], LABELS[HELD_BACK])],
    "02.centred": [SCALED[:1000] * 2 - 1, keras.ops.convert_to_tensor(SCALED[:1000] * 2 - 1)],
    "02.brightest": [PLACE, list(PLACE), np.array(PLACE)],
    "02.stratified": [TENTH, TENTH[::-1], [int(position) for position in TENTH]],
    "03.parameters": [784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10],
    "03.repair": [network(64), network()],
    "04.needed": [4 * len(TEST_LABELS), 4.0 * len(TEST_LABELS)],
    "04.called": [CONFUSION / CONFUSION.sum(axis=0), pd.DataFrame(CONFUSION / CONFUSION.sum(axis=0))],
    "04.sort_out": [sorter(lambda sure: (sure.mean(), RIGHT[sure].mean()))],
    "05.survivor": [1 / 0.8, np.float32(1 / 0.8), keras.ops.convert_to_tensor(1 / 0.8)],
    "05.gap": [{"loss": list(np.linspace(1, 0.5, 20)), "val_loss": list(np.linspace(1, 0.6, 20))}],
    "05.paired": [(MEAN, ERROR), np.array([MEAN, ERROR])],
    "06.parameters": [(5 * 5 * 24 + 1) * 48, np.int64(28848)],
    "06.lopsided": [data.CLASS_NAMES[np.argmax(ACROSS)]],
    "06.blur": [SUMS / 9, (SUMS / 9).tolist()],
}

MISTAKES = {
    "01.brightness": [
        (IMAGES.mean(axis=0), "axes swapped"),
        (IMAGES.mean(axis=1), "only one of the two"),
        (IMAGES.mean(axis=2), "only one of the two"),
        (IMAGES.mean(), "one number for each picture"),
        (IMAGES.sum(axis=(1, 2)), "sums"),
        (TEST_IMAGES.mean(axis=(1, 2)), "test pictures"),
        (SCALED.mean(axis=(1, 2)), "factor of 255"),
        (IMAGES.mean(axis=(1, 2))[:5], "wrong shape: the number of axes"),
        (IMAGES, "wrong shape: this is an array of 3 axes"),
        (IMAGES[:, 0, 0] * np.nan, "nan"),
        (IMAGES[:, 0, 0], "not the right values"),
        (IMAGES > 0, "True or False"),
        ([[1, 2], [3]], "differ in length"),
    ],
    "01.emptiest": [
        (int(np.argmax(EMPTY)), "give the name"),
        (np.argmax(EMPTY), "give the name"),
        (data.CLASS_NAMES[np.argmin(EMPTY)], "least background"),
        ("Sock", "no class has this name"),
        (EMPTY, "the name of a class"),
        (data.CLASS_NAMES[np.argsort(EMPTY)[5]], "another class"),
    ],
    "01.baseline": [
        (baseline(IMAGES[~HELD_BACK], LABELS[~HELD_BACK]), "take new_images"),
        (baseline(IMAGES, LABELS), "had a part"),
        (baseline(TEST_IMAGES, TEST_LABELS), "test set"),
        (round(baseline(IMAGES[HELD_BACK], LABELS[HELD_BACK]) * 200), "how many are right"),
        (1 - baseline(IMAGES[HELD_BACK], LABELS[HELD_BACK]), "mistakes"),
        (100 * baseline(IMAGES[HELD_BACK], LABELS[HELD_BACK]), "percentages"),
        (0.5, "another number"),
    ],
    "02.centred": [
        (SCALED[:1000], "from 0 to 1"),
        (2 * SCALED[:1000], "not shifted"),
        (SCALED[:1000] - 1, "not stretched"),
        (2 * SCALED[:1000] / 255 - 1, "divided already"),
        (2 * IMAGES[:1000].astype("float32") - 1, "divide before you shift"),
        (2 * IMAGES[:1000] - 1, "wrong dtype: uint8"),
        (2 * SCALED[:1000].astype("float64") - 1, "dtype is float64"),
        (2 * SCALED - 1, "all pictures"),
        ((2 * SCALED[:1000] - 1).swapaxes(1, 2), "axes swapped"),
        (1 - 2 * SCALED[:1000], "sign"),
        ((2 * SCALED[:1000] - 1).reshape(-1, 784), "wrong shape"),
    ],
    "02.brightest": [
        (PLACE[::-1], "axes swapped"),
        (PLACE[0] * 28 + PLACE[1], "position in the flat row"),
        ((PLACE[0] + 1, PLACE[1] + 1), "counted from 1"),
        (divmod(int(IMAGES.mean(axis=0).argmin()), 28), "darkest"),
        ((0, 0, 0), "wrong shape"),
    ],
    "02.stratified": [
        (np.arange(120), "one class after the other"),
        (np.r_[TENTH[:-1], TENTH[0]], "twice"),
        (TENTH[:-20], "more or fewer"),
        (TENTH / 1, "whole numbers"),
        (TENTH + 1200, "do not exist"),
        (-TENTH - 1, "do not exist"),
        (np.isin(np.arange(1200), TENTH), "mask"),
        (TENTH.reshape(10, 12), "wrong shape"),
    ],
    "03.parameters": [
        (784 * 256 + 256 * 128 + 128 * 10, "biases"),
        (784 * 256 + 256 + 256 * 128 + 128, "last layer"),
        (network(128).count_params() - 10 * 129 + 128 * 64 + 64 + 65 * 10, "network of this notebook"),
        (784 * 128 + 128 + 128 * 256 + 256 + 257 * 10, "other order"),
        (28 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10, "sees all pixels"),
        (256 + 128 + 10, "these are the units"),
        (784 * 256 + 256 + 256 * 128 + 128 + 128 * 10, "another number"),
    ],
    "03.repair": [
        (network(activation="relu"), "no probabilities"),
        (network(activation="sigmoid"), "no probabilities"),
        (network(loss="mean_squared_error"), "does not fit labels"),
        (network(loss=keras.losses.SparseCategoricalCrossentropy(reduction="sum")), "not the cross-entropy"),
        (network(loss="categorical_crossentropy"), "does not fit labels"),
        (network(loss=None), "not compiled"),
        (network(units=1), "one number for each class"),
        (keras.Sequential([keras.layers.Input((5,)), keras.layers.Dense(10)]), "does not take pictures"),
        (keras.callbacks.History(), "the model itself"),
        (network, "a Keras model is asked for"),
    ],
    "04.needed": [
        (2 * len(TEST_LABELS), "√2"),
        (3 * len(TEST_LABELS), "all of them together"),
        (len(TEST_LABELS) // 4, "wider"),
        (len(TEST_LABELS) // 2, "wider"),
        (len(TEST_LABELS), "stays as it is"),
        ("four times", "numbers are asked for"),
    ],
    "04.called": [
        (CONFUSION / CONFUSION.sum(axis=1, keepdims=True), "its diagonal is the recall"),
        (CONFUSION / CONFUSION.sum(axis=0)[:, None], "drop the new axis"),
        (CONFUSION / CONFUSION.sum(), "everything together"),
        (CONFUSION, "still counts"),
        (CONFUSION.sum(axis=0), "sums of the columns"),
        (np.diag(CONFUSION) / CONFUSION.sum(axis=0), "the diagonal only"),
        (100 * CONFUSION / CONFUSION.sum(axis=0), "percentages"),
        ((CONFUSION / CONFUSION.sum(axis=0)).T, "axes swapped"),
    ],
    "04.sort_out": [
        (sorter(lambda sure: (RIGHT[sure].mean(), sure.mean())), "other way round"),
        (sorter(lambda sure: (sure.mean(), RIGHT.mean())), "on all pictures"),
        (sorter(lambda sure: (sure.mean(), (sure & RIGHT).mean())), "chosen pictures, not of all"),
        (sorter(lambda sure: ((~sure).mean(), RIGHT[~sure].mean())), "below the threshold"),
        (sorter(lambda sure: ((~sure).mean(), RIGHT[sure].mean())), "the share is that of"),
        (sorter(lambda sure: (sure.sum(), RIGHT[sure].mean())), "give their share"),
        (sorter(lambda sure: (100 * sure.mean(), 100 * RIGHT[sure].mean())), "percentages"),
        (sorter(lambda sure: sure.mean()), "the accuracy is missing"),
        (sorter(lambda sure: RIGHT[sure].mean()), "the share is missing"),
        (sorter(lambda sure: 1 / 0), "stops with ZeroDivisionError"),
        (lambda: (1, 1), "stops with TypeError"),
        ((0.5, 0.9), "a function is asked for"),
    ],
    "05.survivor": [
        (1, "lower the sum"),
        (0.8, "after training"),
        (5, "share that is left"),
        (1.2, "a division"),
        (2, "one half"),
        (0, "the others"),
    ],
    "05.gap": [
        (LONG, "no smaller"),
        ({key: values[:20] for key, values in LONG.items()}, "no smaller"),
        ({"loss": [1, 0.6, 0.5, 0.4]}, "validation_data"),
        ({"loss": [1, 0.6], "val_loss": [1, 0.8]}, "as many epochs"),
        ({"loss": [1] * 61, "val_loss": [1] * 61}, "as many epochs"),
        (network(), "that is the model"),
        ([1, 0.6], "a history is asked for"),
    ],
    "06.parameters": [
        (5 * 5 * 24 * 48, "biases are missing"),
        (5 * 5 * 24 * 48 + 1, "a bias of its own"),
        ((5 * 5 + 1) * 48, "for each of the channels"),
        ((5 * 5 + 1) * 24 * 48, "one bias, not one for each"),
        ((3 * 3 * 24 + 1) * 48, "3 × 3"),
        (5 * 5 * 24 + 1, "one filter"),
    ],
    "06.lopsided": [
        (data.CLASS_NAMES[np.argmin(ACROSS)], "most symmetrical"),
        (int(np.argmax(ACROSS)), "give the name"),
        ("Trousers", "no class has this name"),
    ],
    "06.blur": [
        (SUMS, "the sum of nine"),
        (SUMS / 3, "not by its width"),
        (SCALED[0], "as it was"),
        (np.full((3, 3), 1 / 9), "that is the filter"),
        (SUMS.T / 9, "axes swapped"),
        (convolve2d(SCALED[0], np.ones((3, 3)) / 9, mode="same"), "wrong shape"),
        (SUMS / 9 * 255, "factor of 255"),
    ],
    "05.paired": [
        ((-MEAN, ERROR), "sign"),
        ((MEAN, UNPAIRED), "no seed in common"),
        ((MEAN, DIFFERENCES.std(ddof=1)), "divide it by the root"),
        ((MEAN, DIFFERENCES.std(ddof=0) / np.sqrt(5)), "ddof=1"),
        ((MEAN, DIFFERENCES.std(ddof=0)), "you need ddof=1"),
        ((ERROR, MEAN), "other way round"),
        (DIFFERENCES, "these are the differences"),
        (MEAN, "is missing"),
    ],
}

MODEL_EXERCISES = {"03.small"}  # whose answers are trained, below
NAMES = sorted(exercises._EXERCISES)


def cases(table):
    return [pytest.param(name, case, id=f"{name}-{i}") for name in table for i, case in enumerate(table[name])]


def test_every_exercise_is_tested():
    assert sorted({*RIGHT_ANSWERS, *MODEL_EXERCISES}) == sorted({*MISTAKES, *MODEL_EXERCISES}) == NAMES


@pytest.mark.parametrize(("name", "answer"), cases(RIGHT_ANSWERS))
def test_a_right_answer(name, answer, capsys):
    assert answer_to(capsys, name, answer, **GIVEN.get(name, {})).startswith("✓ right: ")


@pytest.mark.parametrize(("name", "mistake"), cases(MISTAKES))
def test_a_typical_mistake_gets_its_hint(name, mistake, capsys):
    answer, hint = mistake
    line = answer_to(capsys, name, answer, **GIVEN.get(name, {}))
    assert line.startswith("✗ not yet: ") and hint in line


def test_a_history_is_as_good_as_what_it_holds(capsys):
    history = keras.callbacks.History()
    history.history = RIGHT_ANSWERS["05.gap"][0]
    assert answer_to(capsys, "05.gap", history, history=LONG).startswith("✓")


def test_a_small_network(small, capsys):
    assert answer_to(capsys, "03.small", small).startswith("✓")


def test_a_network_trained_on_raw_pixels(small, capsys):
    kernel, bias = small.get_weights()
    raw = network()
    raw.set_weights([kernel / 255, bias])
    blind_to_fractions = keras.layers.Lambda(keras.ops.floor)  # sees next to nothing in pixels up to 1
    model = keras.Sequential([keras.layers.Input((28, 28)), blind_to_fractions, raw])
    assert "factor of 255" in answer_to(capsys, "03.small", model)


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda: network(), "has it been trained"),
        (lambda: network(64), "too many parameters"),
        (lambda: network(activation=None), "no probabilities"),
    ],
)
def test_a_network_that_is_not_small_or_not_trained(make, hint, capsys):
    keras.utils.set_random_seed(0)
    assert hint in answer_to(capsys, "03.small", make())


# --- Any object at all ------------------------------------------------------------------------------------------------


class Hostile:
    """Fails at whatever is done with it."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __array__(self, *_, **__):
        raise RuntimeError("array")

    def __call__(self, *_):
        raise RuntimeError("call")


ABSURD = {
    "text": "I do not know",
    "dict": {"a": 1},
    "function": len,
    "ragged": [[1], [2, 3]],
    "model": network(),
    "set": {1, 2},
    "class": Hostile,
    "hostile": Hostile(),
    "objects": np.array([None, "x"], dtype=object),
    "complex": 1j,
    "huge": 10**400,
    "empty": [],
    "bytes": b"\xff",
    "nan": float("nan"),
    "times": pd.Timestamp(0),
    "frame": pd.DataFrame({"a": ["b"]}),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NAMES)
def test_absurd_objects_get_one_friendly_line(name, capsys):
    for what, thing in ABSURD.items():
        if (name, what) == ("03.repair", "model"):
            continue  # the right answer there
        line = answer_to(capsys, name, thing, **GIVEN.get(name, {}))
        assert line.startswith("✗ not yet: ") and "Traceback" not in line, what


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("nothing", [None, ...], ids=str)
def test_nothing_entered_yet(name, nothing, capsys):
    expected = f"○ nothing entered yet for {name}\n"
    assert answer_to(capsys, name, nothing, **GIVEN.get(name, {})) == expected


def test_a_function_left_as_it_was(capsys):
    assert "nothing entered yet" in answer_to(capsys, "04.sort_out", lambda threshold: ..., **GIVEN["04.sort_out"])


def test_an_unknown_name_is_told_the_known_ones(capsys):
    for name in ("01.nothing", "", None, 1, ["01.brightness"], Hostile()):
        line = answer_to(capsys, name, 1)
        assert line.startswith("○ there is no exercise of this name") and all(known in line for known in NAMES)


def test_data_that_cannot_be_read_is_not_the_learners_mistake(monkeypatch, capsys):
    def load():
        raise data.DataError("the file is gone")

    monkeypatch.setattr(data, "load_train", load)
    assert answer_to(capsys, "01.brightness", 1) == "○ 01.brightness could not be checked: the file is gone\n"


def test_a_name_cannot_be_given_twice():
    with pytest.raises(ValueError, match=r"01\.brightness already"):
        exercises.exercise("01.brightness", "again")(len)


# --- No key to read off -----------------------------------------------------------------------------------------------


def constants():
    tree = ast.parse(Path(exercises.__file__).read_text(encoding="utf-8"))
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]


def test_the_file_holds_no_answer():
    texts = " ".join(value for value in constants() if isinstance(value, str)).lower()
    assert [name for name in data.CLASS_NAMES if re.search(rf"\b{name.lower()}\b", texts)] == []
    numbers = {value for value in constants() if isinstance(value, int | float)}
    right = {
        float(answer) for answers in RIGHT_ANSWERS.values() for answer in answers if isinstance(answer, int | float)
    }
    assert right and not numbers & {*right, 40_000}  # 40,000: 04.needed on the published test set


@pytest.mark.parametrize("name", [name for name in RIGHT_ANSWERS if name[:2] in ("01", "02", "04")])
def test_on_other_data_another_answer_is_right(name, monkeypatch, capsys):
    images, labels = draw(3, 1100)
    labels = (labels + 3) % 10
    monkeypatch.setattr(data, "load_train", lambda: (images[:, ::-1], labels))
    monkeypatch.setattr(data, "load_test", lambda: (TEST_IMAGES[:150], (TEST_LABELS[:150] + 1) % 10))
    given = {key: value[:150] for key, value in GIVEN.get(name, {}).items()}
    assert answer_to(capsys, name, RIGHT_ANSWERS[name][0], **given).startswith("✗")


# --- The learners' copy -----------------------------------------------------------------------------------------------


def test_the_learners_copy(tmp_path, monkeypatch, capsys):
    source = tmp_path / "notebooks"
    source.mkdir()
    (source / "picture.png").write_bytes(b"picture")
    (source / "unused.png").write_bytes(b"unused")
    text = "[Next](02_b.ipynb#part), ![a picture](picture.png), [web](https://example.org/x.png)"
    solution = {"tags": ["solution", "nbval-check-output"]}
    for name in ("01_a", "02_b"):
        cells = [
            nbformat.v4.new_markdown_cell(text, id="text"),
            nbformat.v4.new_code_cell("x = ...", id="starter", execution_count=3),
            nbformat.v4.new_code_cell("x = 42", id="solved", execution_count=4, metadata=solution),
        ]
        cells[1].outputs = [nbformat.v4.new_output("stream", text="○")]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), source / f"{name}.ipynb")
    monkeypatch.setattr(series, "NOTEBOOKS", source)
    monkeypatch.setattr(series, "BUILD", tmp_path / "build")
    exercises.main([])
    folder = tmp_path / "build" / "exercises"
    assert f"3 files in {folder}" in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == ["01_a.ipynb", "02_b.ipynb", "picture.png"]
    copy = nbformat.v4.reads((folder / "02_b.ipynb").read_text(encoding="utf-8"))
    assert [(cell.id, cell.source) for cell in copy.cells] == [("text", text), ("starter", "x = ...")]
    assert copy.cells[1].outputs == [] and copy.cells[1].execution_count is None
    assert nbformat.read(source / "02_b.ipynb", as_version=4).cells[2].source == "x = 42"


def test_the_notebooks_check_every_exercise_there_is():
    text = "".join(path.read_text(encoding="utf-8") for path in series.NOTEBOOKS.glob("[0-9]*.ipynb"))
    assert sorted(set(re.findall(r'exercises\.check\(\\"([\w.]+)\\"', text))) == NAMES

"""`plots`: each figure with its sentence, honest about its data, readable."""

import io

from fashion_utils import plots
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
import pytest

pytestmark = pytest.mark.usefixtures("use_data")
SENTENCE = 'Shirts & coats are "confused" in <half> of the cases.'


@pytest.fixture(autouse=True)
def no_figure_left_open():
    yield
    plt.close("all")


def draw():
    figure, axes = plt.subplots(figsize=(3, 2))
    axes.plot([1, 2])
    return figure


def texts(figure):
    return [text.get_text() for text in figure.texts]


def test_show_gives_the_sentence_as_alternative_text_and_caption(displayed):
    plots.show(draw(), SENTENCE)
    picture, caption = displayed
    assert picture["metadata"] == {"image/png": {"alt": SENTENCE}}
    assert picture["data"]["text/plain"] == SENTENCE
    assert Image.open(io.BytesIO(picture["data"]["image/png"])).format == "PNG"
    assert caption["data"]["text/markdown"] == f"*{SENTENCE}*"


def test_show_outside_a_notebook_prints_the_sentence(capsys):
    plots.show(draw(), SENTENCE)
    assert capsys.readouterr().out == f"{SENTENCE}\n"


def test_show_closes_the_figure_and_no_other(displayed):
    other, figure = draw(), draw()
    plots.show(figure, SENTENCE)
    assert plt.get_fignums() == [other.number]


@pytest.mark.parametrize("sentence", ["", " \n"])
def test_show_refuses_a_figure_without_a_sentence(sentence, displayed):
    with pytest.raises(ValueError, match="needs its sentence"):
        plots.show(draw(), sentence)
    assert displayed == []


def test_show_says_in_the_figure_that_the_data_is_not_the_full_real_data(displayed, use_data):
    real, other = draw(), draw()
    plots.show(real, SENTENCE)
    use_data("stand-in", 6000)
    plots.show(other, SENTENCE)
    assert texts(real) == []
    assert texts(other) == ["stand-in data, sample of 6,000"]
    real_image, other_image = (Image.open(io.BytesIO(displayed[i]["data"]["image/png"])) for i in (0, 2))
    assert other_image.height > real_image.height, "the label is cut off"


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 10, 1), (10, 10, 1), (11, 10, 2), (6, 2, 3)])
def test_image_grid_fills_row_after_row(count, columns, rows):
    images = np.arange(count * 16, dtype="uint8").reshape(count, 4, 4)
    figure = plots.image_grid(images, columns=columns)
    assert len(figure.axes) == rows * columns
    drawn = [axis.get_images() for axis in figure.axes]
    assert [len(pictures) for pictures in drawn] == [1] * count + [0] * (rows * columns - count)
    for image, (picture,) in zip(images, drawn, strict=False):
        np.testing.assert_array_equal(picture.get_array(), image)
    assert not any(axis.axison for axis in figure.axes)


def test_image_grid_gives_every_picture_its_title_and_the_same_greys():
    images = np.stack([np.full((4, 4), 0.0), np.full((4, 4), 0.5), np.full((4, 4), 1.0)])
    figure = plots.image_grid(images, titles=["black", "grey", "white"], columns=3)
    assert [axis.get_title() for axis in figure.axes] == ["black", "grey", "white"]
    assert {axis.get_images()[0].get_clim() for axis in figure.axes} == {(0.0, 1.0)}


def lines(axis):
    return {line.get_label(): line for line in axis.get_lines()}


def test_learning_curves_without_validation():
    figure = plots.learning_curves({"loss": [0.6, 0.4], "accuracy": [0.8, 0.9]})
    loss, accuracy = figure.axes
    assert [axis.get_ylabel() for axis in figure.axes] == ["loss", "accuracy"]
    assert {axis.get_xlabel() for axis in figure.axes} == {"epoch"}
    assert list(lines(loss)) == list(lines(accuracy)) == ["training"]
    np.testing.assert_array_equal(lines(loss)["training"].get_xydata(), [[1, 0.6], [2, 0.4]])
    np.testing.assert_array_equal(lines(accuracy)["training"].get_xydata(), [[1, 0.8], [2, 0.9]])


def test_learning_curves_with_validation_are_told_apart_without_colour():
    history = {"loss": [0.6, 0.4], "accuracy": [0.8, 0.9], "val_loss": [0.7, 0.5], "val_accuracy": [0.7, 0.8]}
    figure = plots.learning_curves(history)
    for axis, values in zip(figure.axes, ([0.7, 0.5], [0.7, 0.8]), strict=True):
        training, validation = lines(axis)["training"], lines(axis)["validation"]
        np.testing.assert_array_equal(validation.get_ydata(), values)
        assert training.get_linestyle() != validation.get_linestyle()
        assert training.get_marker() != validation.get_marker()
        assert [text.get_text() for text in axis.get_legend().get_texts()] == ["training", "validation"]


def test_a_single_epoch_can_be_seen():
    figure = plots.learning_curves({"loss": [0.6], "accuracy": [0.8]})
    assert all(line.get_marker() == "o" for axis in figure.axes for line in axis.get_lines())

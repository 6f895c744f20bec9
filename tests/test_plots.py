"""`plots`: figures with their words, in true colours, sharp, and honest about their data."""

import io
import os

from fashion_utils import plots
from IPython import get_ipython
from IPython.core.pylabtools import select_figure_formats
from IPython.display import display
import matplotlib as mpl
import matplotlib.pyplot as plt
from nbclient import NotebookClient
import nbformat
import numpy as np
from PIL import Image
import pytest


@pytest.fixture(autouse=True)
def no_figure_left_open():
    yield
    plt.close("all")


@pytest.fixture
def shown(displayed, use_data):
    """A function that displays a figure as a notebook does, and returns its words, picture and metadata."""
    with mpl.rc_context():
        plots.set_up()

        def show(figure):
            display(figure)
            output = displayed[-1]
            image = Image.open(io.BytesIO(output["data"]["image/png"]))
            return output["data"]["text/plain"], image, output["metadata"]["image/png"]

        yield show


def draw():
    figure, axis = plt.subplots(figsize=(3, 2))
    axis.plot([1, 2], label="training")
    axis.set(title="Loss & accuracy\nfall", xlabel="epoch", ylabel="loss")
    axis.legend()
    return figure


def test_a_figure_carries_what_is_written_on_it_as_its_alternative_text(shown):
    words, _, metadata = shown(draw())
    assert words == metadata["alt"] == "Loss & accuracy fall; epoch; loss; training"


def test_a_figures_own_label_goes_before_what_is_written_on_it(shown):
    figure = draw()
    figure.set_label("A boot, in <numbers>")
    assert shown(figure)[2]["alt"] == "A boot, in <numbers>"


def test_named_ticks_texts_and_titles_of_every_panel_are_described_and_numbers_are_not(shown):
    figure, (left, right) = plt.subplots(1, 2, figsize=(6, 3))
    left.bar(["Shirt", "Coat"], [3, 4])
    left.set_title("left", loc="left")
    right.semilogy([1, 2], [3, 4])
    right.set(yticks=[3, 4], yticklabels=["low", "high"])
    right.text(0, 0, "here")
    figure.suptitle("above")
    assert shown(figure)[0] == "above; left; Shirt; Coat; low; high; here"


def test_a_picture_without_axes_is_described_by_its_title_alone(shown):
    figure = plots.image_grid(np.zeros((2, 4, 4)), titles=["Bag", "Bag"])
    assert shown(figure)[0] == "Bag"


def test_the_formatter_survives_the_inline_backend_being_chosen_again(shown):
    select_figure_formats(get_ipython(), {"png"})  # what `%matplotlib inline` does
    get_ipython().run_cell("pass")
    assert shown(draw())[2]["alt"].startswith("Loss")


def test_ten_hues_keep_their_colours(shown):
    figure, axis = plt.subplots(figsize=(4, 3))
    colors = [mpl.colors.to_rgb(color) for color in mpl.color_sequences["tab10"]]
    noise = np.random.default_rng(0).random((40, 40))  # 40 × 40 greys beside them, more than a palette holds
    axis.imshow(noise, extent=(0, 10, 1, 5))
    axis.bar(range(10), np.ones(10), color=colors)
    axis.text(3, 0.5, "text with soft edges", color="C3")
    axis.set(xlim=(-1, 10), ylim=(0, 5))
    _, image, _ = shown(figure)
    found = {color for _, color in image.convert("RGB").getcolors(2**24)}
    assert {tuple(round(255 * part) for part in color) for color in colors} <= found


@pytest.mark.parametrize(
    ("picture", "mode"),
    [
        (np.repeat(np.arange(64, dtype="uint8").reshape(8, 8, 1), 3, axis=2), "L"),
        (np.arange(192, dtype="uint8").reshape(8, 8, 3), "P"),
        (np.random.default_rng(0).integers(256, size=(40, 40, 3), dtype="uint8"), "RGB"),
    ],
    ids=["grey", "few colours", "many colours"],
)
def test_a_picture_is_packed_as_small_as_goes_without_changing_a_pixel(picture, mode):
    packed = Image.open(io.BytesIO(plots._small_png(Image.fromarray(picture))))
    assert packed.mode == mode
    np.testing.assert_array_equal(np.asarray(packed.convert("RGB")), picture)


def test_figures_are_twice_as_sharp_as_they_are_large(shown):
    figure = draw()
    _, image, metadata = shown(figure)
    assert image.width == pytest.approx(2 * metadata["width"], abs=1)
    assert image.height == pytest.approx(2 * metadata["height"], abs=1)
    assert metadata["width"] == pytest.approx(3 * 110, rel=0.1)


def test_a_figure_from_other_data_says_so_on_itself_and_in_its_words(shown, use_data):
    real_words, real, _ = shown(draw())
    use_data("stand-in", 6000)
    figure = draw()
    words, image, _ = shown(figure)
    assert words == f"{real_words} (stand-in data, sample of 6,000)"
    assert image.height > real.height, "the stamp is cut off"
    assert figure.texts == [], "the stamp stays on the figure, and a second showing would have two"


def test_in_a_kernel_figures_are_on_the_page_whatever_the_backend_of_the_environment():
    code = (
        "from fashion_utils import plots\nplots.set_up()\nimport matplotlib.pyplot as plt\nplt.title('x')\nplt.show()"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, kernel_name="python3").execute(env=os.environ | {"MPLBACKEND": "agg"})
    (output,) = notebook.cells[0].outputs
    assert output.metadata["image/png"]["alt"] == "x"


def test_outside_a_notebook_only_the_look_changes(capsys):
    with mpl.rc_context():
        plots.set_up()
        assert mpl.rcParams["image.cmap"] == "gray"
    assert capsys.readouterr().out == ""


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


@pytest.mark.parametrize(
    ("shape", "titles", "message"),
    [
        ((28, 28), None, r"shape \(28, 28\); wanted is \(n, height, width\)"),
        ((2, 28, 28, 1), None, r"shape \(2, 28, 28, 1\)"),
        ((0, 28, 28), None, r"shape \(0, 28, 28\)"),
        ((2, 28, 28), ["one"], "2 images and 1 titles"),
    ],
)
def test_image_grid_refuses_what_it_cannot_draw(shape, titles, message):
    with pytest.raises(ValueError, match=message):
        plots.image_grid(np.zeros(shape), titles=titles)

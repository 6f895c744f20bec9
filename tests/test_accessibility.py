"""Readable without colour: palette and markers told apart, contrast of text in figures; links that say where they lead.

Alternative texts and the order of headings are checked in `notebook_checks`, for every saved notebook.
"""

from itertools import combinations
import re

from fashion_utils import REPOSITORY, data, plots
from fashion_utils.workshop import NOTEBOOKS
import matplotlib as mpl
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
import matplotlib.pyplot as plt
import nbformat
import numpy as np
from PIL import Image, ImageCms
import pytest
import seaborn as sns
from sklearn.metrics import confusion_matrix

CONTRAST = 4.5  # WCAG 2.1, success criterion 1.4.3, for text of normal size
PATHS = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
STYLE = mpl.rc_params_from_file(plots.STYLE, use_default_template=False)
PALETTE, DARK = STYLE["axes.prop_cycle"].by_key()["color"], STYLE["text.color"]
TEXTS = [REPOSITORY / "README.md", NOTEBOOKS / "TEACHING.md"]


@pytest.fixture(autouse=True)
def the_series_look():
    with plt.style.context(plots.STYLE):
        yield
    plt.close("all")


# --- Colours ----------------------------------------------------------------------------------------------------------

# What a person with a dichromacy sees, in linear RGB; severity 1.0 in Machado, Oliveira and Fernandes, "A
# physiologically-based model for simulation of color vision deficiency", 2009.
VISION = {
    "full": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_LAB = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
JUST_NOTICEABLE = 2.3  # a difference in CIELAB that half of the observers see, side by side (Mahy and others, 1994)


def linear(rgb):
    rgb = np.asarray(rgb, dtype=float)
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """Return sRGB colours in [0, 1], shape (n, 3), as CIELAB."""
    pixels = Image.fromarray(np.round(255 * np.asarray([rgb])).astype("uint8"))
    values = np.asarray(ImageCms.applyTransform(pixels, TO_LAB))[0]
    return np.column_stack([values[:, 0] / 2.55, values[:, 1:].view("int8").astype(float)])


def seen(colours, matrix):
    """Return colours as a person with this colour vision sees them, in CIELAB."""
    light = np.clip(linear([to_rgb(colour) for colour in colours]) @ np.transpose(matrix), 0, 1)
    return lab(np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))


def smallest_distance(colours, matrix):
    return min(np.linalg.norm(one - other) for one, other in combinations(seen(colours, matrix), 2))


def test_known_colours_have_their_known_place_in_lab():
    np.testing.assert_allclose(lab([(1, 1, 1), (0, 0, 0)]), [[100, 0, 0], [0, 0, 0]], atol=1)
    np.testing.assert_allclose(lab([(1, 0, 0)]), [[54, 81, 70]], atol=2)  # against the white of daylight D50


@pytest.mark.parametrize("vision", VISION)
def test_the_palette_can_be_told_apart(vision):
    assert smallest_distance((*PALETTE, DARK, "white"), VISION[vision]) > 5 * JUST_NOTICEABLE


@pytest.mark.parametrize("vision", VISION)
def test_the_colours_of_most_figures_are_far_apart(vision):
    assert smallest_distance(PALETTE[:2], VISION[vision]) > 15 * JUST_NOTICEABLE


def test_colours_that_cannot_be_told_apart_are_noticed():
    red_and_green = ("#cc3311", "#5f6b00")
    assert smallest_distance(red_and_green, VISION["full"]) > 15 * JUST_NOTICEABLE
    assert smallest_distance(red_and_green, VISION["deutan"]) < 15 * JUST_NOTICEABLE


def test_lines_differ_in_marker_as_well_as_colour():
    _, axes = plt.subplots()
    drawn = [axes.plot([1, 2])[0] for _ in PALETTE]
    assert len({line.get_color() for line in drawn}) == len({line.get_marker() for line in drawn}) == len(drawn) == 6


# --- Contrast of the text in figures ----------------------------------------------------------------------------------


def luminance(rgb):
    """Relative luminance as defined by WCAG 2.1."""
    return linear(rgb) @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    lighter, darker = max(luminance(one), luminance(other)), min(luminance(one), luminance(other))
    return (lighter + 0.05) / (darker + 0.05)


def pale_texts(figure: Figure) -> list[str]:
    """Draw a figure without its text; return each text whose contrast to what lies behind it is too low."""
    figure.canvas.draw()
    no_ticks = {tick for axes in figure.axes if not axes.axison for tick in axes.xaxis.findobj() + axes.yaxis.findobj()}
    texts = [text for text in figure.findobj(plt.Text) if text.get_visible() and text.get_text().strip()]
    texts = [text for text in texts if text not in no_ticks]
    extents = [text.get_window_extent() for text in texts]
    for text in texts:
        text.set_alpha(0)
    figure.canvas.draw()
    behind = np.asarray(figure.canvas.buffer_rgba())[::-1, :, :3] / 255  # row 0 at the bottom, as in the extents
    found = []
    for text, extent in zip(texts, extents, strict=True):
        (left, bottom), (right, top) = np.maximum(extent.min.astype(int), 0), np.maximum(extent.max.astype(int), 0)
        background = behind[bottom : top + 1, left : right + 1].reshape(-1, 3)
        if len(background):
            ratio = contrast(to_rgb(text.get_color()), np.median(background, axis=0))
            if ratio < CONTRAST:
                found.append(f"{text.get_text()!r}: {ratio:.2f}")
    return found


def test_text_of_the_shared_figures_is_readable():
    assert pale_texts(plots.image_grid(np.arange(8).reshape(2, 2, 2), titles=["one", "other"], columns=2)) == []


def test_the_stamp_on_figures_of_other_data_is_readable(monkeypatch):
    figure, stamps = plt.figure(), []

    def save(*arguments, **options):
        stamps.extend((text.get_text(), text.get_color(), text.get_bbox_patch().get_fc()) for text in figure.texts)
        Figure.savefig(figure, *arguments, **options)

    monkeypatch.setattr(data, "label", lambda: "stand-in data")
    monkeypatch.setattr(figure, "savefig", save)
    plots._picture(figure)
    ((words, color, behind),) = stamps
    assert words == "stand-in data"
    assert contrast(to_rgb(color), to_rgb(behind)) >= CONTRAST


def test_pale_text_is_noticed():
    figure, axis = plt.subplots()
    axis.imshow([[0.5, 0.5]], vmin=0, vmax=1)
    axis.text(0.5, 0, "grey on grey", color="white", ha="center")
    axis.set_title("pale", color="#999999")
    assert [found.partition(":")[0] for found in pale_texts(figure)] == ["'grey on grey'", "'pale'"]


def draw(name, text, names):
    """Run the code cell of a notebook that contains a text; return the figure it draws."""
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    (source,) = [cell.source for cell in cells if cell.cell_type == "code" and text in cell.source]
    exec(source.replace("plt.show()", ""), {"plt": plt, "np": np, **names})
    return plt.gcf()


@pytest.mark.parametrize("start", range(0, 256, 64))
def test_numbers_on_a_picture_are_readable(start):
    images = np.full((1, 28, 28), 255, dtype="uint8")
    images[0, 12:20, 2:10] = np.arange(start, start + 64).reshape(8, 8)  # of all 256 greys, 64 in the part shown
    figure = draw("01_explore", "part.text(", {"train_images": images, "train_labels": [9]})
    assert pale_texts(figure) == []


def test_shares_on_the_confusion_matrix_are_readable():
    rng = np.random.default_rng(0)
    true = np.repeat(np.arange(10), 1000)
    predicted = np.where(rng.random(10_000) < np.linspace(0.1, 1, 10)[true], true, (true + rng.integers(10)) % 10)
    errors = confusion_matrix(true, predicted) / 10
    np.fill_diagonal(errors, np.nan)
    figure = draw("05_evaluate", "sns.heatmap(", {"errors": errors, "class_names": data.CLASS_NAMES, "sns": sns})
    assert pale_texts(figure) == []


# --- Links ------------------------------------------------------------------------------------------------------------


def vague_links(markdown):
    """Return the links of a Markdown text whose words do not say where they lead, and bare addresses."""
    text = re.sub(r"```.*?```|`[^`\n]*`(?!\])|<[^>]*>", " ", markdown, flags=re.DOTALL)
    words = re.findall(r"(?<!!)\[([^\[\]]+)\]\([^)]+\)", text)
    vague = re.compile(r"(?:click )?(?:here|this|link|more|this (?:page|link)|read more|https?:\S+|www\.\S+)", re.I)
    bare = re.findall(r"(?<![(\[\w])https?://[^\s)]+", text)
    return [found for found in words if vague.fullmatch(found.strip(" *`_"))] + bare


@pytest.mark.parametrize("path", [*PATHS, *TEXTS], ids=lambda path: path.stem)
def test_links_say_where_they_lead(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert vague_links(text) == []


def test_vague_links_are_noticed():
    text = "[here](a.md), [Click here](b.md), [*this*](c.md), [https://x.org](https://x.org), see https://y.org/z"
    assert len(vague_links(text)) == 5
    assert vague_links("[the glossary](a.md) and [this notebook's data](b.md), `https://x.org`") == []

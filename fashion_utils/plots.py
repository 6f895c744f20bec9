"""Figures from arrays and tables, one look for all of them, and each figure's sentence."""

import io

from fashion_utils import data
from IPython import get_ipython
from IPython.display import Markdown, display
import matplotlib as mpl
from matplotlib.figure import Figure
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

# Okabe and Ito's palette, told apart under the common colour-vision deficiencies (https://jfly.uni-koeln.de/color/).
# Yellow is left out: it is too pale on white. Lines and markers only; text stays dark.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
PALETTE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P")  # colour is never the only cue
DARK = "#222222"

_STYLE = {
    "axes.prop_cycle": mpl.cycler(color=PALETTE) + mpl.cycler(marker=MARKERS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": DARK,
    "axes.labelcolor": DARK,
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "font.size": 10,
    "grid.color": "#dddddd",
    "image.cmap": "gray",
    "image.interpolation": "nearest",  # a picture's pixels stay visible as squares, and files small
    "legend.frameon": False,
    "lines.markersize": 4,
    "text.color": DARK,
    "xtick.color": DARK,
    "ytick.color": DARK,
}


def use_style() -> None:
    """Give every figure of this process the series' look: palette, grid, size of text."""
    mpl.rcParams.update(_STYLE)


use_style()


def show(figure: Figure, sentence: str) -> None:
    """Show a figure with its sentence below it, and close it.

    In a notebook the sentence is also the picture's alternative text (the `alt` of the output's metadata), so that a
    reader who cannot see the picture gets its message. On anything but the full real data the figure says so itself.

    Args:
        figure: the figure; it is closed afterwards.
        sentence: one sentence, made from the figure's own data, that says what there is to see.

    Raises:
        ValueError: if the sentence is empty.
    """
    if not sentence.strip():
        raise ValueError("A figure needs its sentence: say in one line what there is to see.")
    if label := data.source().label:
        box = {"facecolor": "#ffe9a8", "edgecolor": "none", "pad": 2}
        figure.text(0.5, 0, label, ha="center", va="top", size=9, color=DARK, bbox=box)
    if get_ipython() is not None:
        bundle = {"image/png": _png(figure), "text/plain": sentence}
        display(bundle, raw=True, metadata={"image/png": {"alt": sentence}})
        display(Markdown(f"*{sentence}*"))
    else:
        print(sentence)
    plt.close(figure)


def _png(figure: Figure) -> bytes:
    """Return the figure as a PNG with a palette of 64 colours, a fraction of the size of one without."""
    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png", bbox_inches="tight")
    Image.open(full).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()


def image_grid(images, titles=None, columns: int = 10, size: float = 0.9) -> Figure:
    """Draw pictures side by side, row after row.

    Args:
        images: array (n, height, width), any numeric dtype, drawn from black (its least value) to white (its greatest).
        titles: n short texts, one above each picture, or None.
        columns: how many pictures in a row, at least 1.
        size: width of one picture in inches.

    Returns:
        the figure, ready for `show`.
    """
    rows = -(-len(images) // columns)
    heights = size * (1.0 if titles is None else 1.3)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * size, rows * heights), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    low, high = np.min(images), np.max(images)
    for i, (axis, image) in enumerate(zip(axes.flat, images, strict=False)):
        axis.imshow(image, vmin=low, vmax=high)
        if titles is not None:
            axis.set_title(titles[i], size=8, pad=3)
    return figure


def learning_curves(history: dict[str, list[float]]) -> Figure:
    """Draw loss and accuracy after each epoch, for the training and the validation pictures.

    Args:
        history: what `fit(...).history` holds: `loss`, `accuracy`, and with validation `val_loss`, `val_accuracy`,
            each a list with one number an epoch.

    Returns:
        the figure, ready for `show`.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2))
    epochs = range(1, len(history["loss"]) + 1)
    for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
        axis.plot(epochs, history[name], "o-", label="training")
        if f"val_{name}" in history:
            axis.plot(epochs, history[f"val_{name}"], "s--", label="validation")
        axis.set(xlabel="epoch", ylabel=name)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    return figure

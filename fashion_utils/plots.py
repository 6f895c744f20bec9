"""The look of the figures, their alternative texts, and figures that more than one notebook draws."""

from collections.abc import Mapping, Sequence
import io
from pathlib import Path

from fashion_utils import data
from IPython import get_ipython
import matplotlib as mpl
from matplotlib.figure import Figure
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

STYLE = Path(__file__).with_suffix(".mplstyle")
SHARPNESS = 2  # pixels of the saved picture for each one on the page


def set_up() -> None:
    """Give figures the series' look and, in a notebook, sharp pictures with alternative texts. `data.prepare` calls it.

    The alternative text of a figure is made from its titles, labels and legends, see `describe`. A figure drawn from
    anything but the full real data says so on itself.
    """
    plt.style.use(STYLE)
    if (shell := get_ipython()) is not None:
        if "inline" in mpl.get_backend():
            plt.switch_backend(mpl.get_backend())  # now, for it registers its own way to show a figure
        shell.events.register("pre_run_cell", _register)  # `%matplotlib inline` does so again
        _register()


def _register(*_) -> None:
    formatters = get_ipython().display_formatter.formatters
    formatters["image/png"].for_type(Figure, _picture)
    formatters["text/plain"].for_type(Figure, lambda figure, printer, cycle: printer.text(_words(figure)))


def describe(figure: Figure) -> str:
    """Return a figure in words: its own label if it has one (`figure.set_label("…")`), else what is written on it."""
    if figure.get_label():
        return figure.get_label()
    words = [figure.get_suptitle()]
    for axes in figure.axes:
        if axes.get_visible():
            words += [axes.get_title(place) for place in ("left", "center", "right")]
            if axes.axison:
                words += [axes.get_xlabel(), axes.get_ylabel()]
                words += [f"{tick.get_text()}" for axis in (axes.xaxis, axes.yaxis) for tick in _named_ticks(axis)]
            if legend := axes.get_legend():
                words += [text.get_text() for text in legend.get_texts()]
            words += [text.get_text() for text in axes.texts]
    words = [" ".join(word.split()) for word in words]
    return "; ".join(dict.fromkeys(word for word in words if word)) or "A figure without words"


def _named_ticks(axis):
    """Return the tick labels of an axis that has names in place of numbers."""
    fixed = isinstance(axis.get_major_formatter(), mpl.ticker.FixedFormatter | mpl.category.StrCategoryFormatter)
    return axis.get_ticklabels() if fixed else []


def _words(figure: Figure) -> str:
    label = data.label()
    return describe(figure) + (f" ({label})" if label else "")


def _picture(figure: Figure) -> tuple[bytes, dict]:
    """Return a figure as IPython shows and saves it: the picture, and its width on the page and its words beside it."""
    stamp = None
    if label := data.label():
        box = {"facecolor": "#ffe9a8", "edgecolor": "none", "pad": 2}
        stamp = figure.text(0.5, 0, label, ha="center", va="top", size=9, bbox=box)
    saved = io.BytesIO()
    figure.savefig(saved, format="png", dpi=SHARPNESS * figure.dpi, bbox_inches="tight", facecolor="white")
    if stamp:
        stamp.remove()
    image = Image.open(saved).convert("RGB")
    width, height = (round(pixels / SHARPNESS) for pixels in image.size)
    return _small_png(image), {"alt": _words(figure), "width": width, "height": height}


def _small_png(image: Image.Image) -> bytes:
    """Return a picture as PNG, with a palette or in grey where that loses nothing."""
    small = image.convert("L") if image.convert("L").convert("RGB") == image else image.quantize(256, dither=0)
    if small.convert("RGB") != image:
        small = image
    packed = io.BytesIO()
    small.save(packed, format="png", optimize=True)
    return packed.getvalue()


def image_grid(images: np.ndarray, titles: Sequence[str] | None = None, columns: int = 10, size: float = 0.9) -> Figure:
    """Draw pictures side by side, row after row.

    Args:
        images: array (n, height, width), any numeric dtype, drawn from black (its least value) to white (its greatest).
        titles: n short texts, one above each picture, or None.
        columns: how many pictures in a row, at least 1.
        size: width of one picture in inches.

    Raises:
        ValueError: if the shapes do not fit together.
    """
    images = np.asarray(images)
    if images.ndim != 3 or not len(images):
        raise ValueError(f"images have the shape {images.shape}; wanted is (n, height, width).")
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"There are {len(images)} images and {len(titles)} titles: give one for each.")
    rows = -(-len(images) // columns)
    heights = size * (1.0 if titles is None else 1.3)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * size, rows * heights), squeeze=False)
    for i, axis in enumerate(axes.flat):
        axis.axis("off")
        if i < len(images):
            axis.imshow(images[i], vmin=images.min(), vmax=images.max())
            axis.set_title("" if titles is None else titles[i], size=8, pad=3)
    return figure


def learning_curves(history) -> Figure:
    """Draw each metric after each epoch, for the training and, where there are any, the validation pictures.

    Args:
        history: what `fit` returns, or its `history`: a dict of lists with one number an epoch, "val_" before the names
            of what was measured in validation.

    Raises:
        ValueError: if there is not one epoch in it.
    """
    curves = getattr(history, "history", history)
    names = [name for name in curves if not name.startswith("val_")] if isinstance(curves, Mapping) else []
    if not names or not len(curves[names[0]]):
        raise ValueError("There are no epochs to draw: pass what fit returned.")
    figure, panels = plt.subplots(1, len(names), figsize=(4.5 * len(names), 3.2), squeeze=False)
    for axis, name in zip(panels[0], names, strict=True):
        for label, values, line in (("training", curves[name], "o-"), ("validation", curves.get(f"val_{name}"), "s--")):
            if values is not None:
                axis.plot(range(1, len(values) + 1), values, line, label=label)
        axis.set(xlabel="epoch", ylabel=name.replace("_", " "))
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    return figure

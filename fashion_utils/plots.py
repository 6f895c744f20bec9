"""The look of the figures, their alternative texts, and figures that more than one notebook draws."""

from collections.abc import Sequence
import io
from pathlib import Path

from fashion_utils import data, printable
from IPython import get_ipython
from matplotlib.figure import Figure
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

STYLE = Path(__file__).with_suffix(".mplstyle")
SHARPNESS = 2  # pixels of the saved picture for each one on the page


def set_up() -> None:
    """Give figures the series' look and, in a notebook, sharp pictures with alternative texts; see `describe`.

    A figure drawn from anything but the full real data says so on itself. `data.prepare` calls this.
    """
    shell = get_ipython()
    if hasattr(shell, "kernel"):
        shell.run_line_magic("matplotlib", "inline")  # on the page, whatever MPLBACKEND says
    plt.style.use(STYLE)
    if shell is not None:
        shell.events.register("pre_run_cell", _register)  # who calls `%matplotlib inline` registers its own way again
        _register()


def _register(*_) -> None:
    formatters = get_ipython().display_formatter.formatters
    formatters["image/png"].for_type(Figure, _picture)
    formatters["text/plain"].for_type(Figure, lambda figure, printer, cycle: printer.text(printable(_words(figure))))


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
                for axis in (axes.xaxis, axes.yaxis):
                    ticks = [tick.get_text() for tick in axis.get_ticklabels()]
                    words += [text for text in ticks if any(map(str.isalpha, text)) and "$" not in text]  # no numbers
            if legend := axes.get_legend():
                words += [text.get_text() for text in legend.get_texts()]
            words += [text.get_text() for text in axes.texts]
    words = [" ".join(word.split()) for word in words]
    return "; ".join(dict.fromkeys(word for word in words if word)) or "A figure without words"


def _words(figure: Figure) -> str:
    label = data.label()
    return describe(figure) + (f" ({label})" if label else "")


def _picture(figure: Figure) -> tuple[bytes, dict]:
    """Return a figure as IPython shows and saves it: the picture, and its width on the page and its words beside it."""
    box = {"facecolor": "#ffe9a8", "edgecolor": "none", "pad": 2}
    stamp = figure.text(0.5, 0, data.label(), ha="center", va="top", size=9, bbox=box)  # without text takes no place
    saved = io.BytesIO()
    figure.savefig(saved, format="png", dpi=SHARPNESS * figure.dpi, bbox_inches="tight", facecolor="white")
    stamp.remove()
    image = Image.open(saved).convert("RGB")
    width, height = (round(pixels / SHARPNESS) for pixels in image.size)
    return _small_png(image), {"alt": _words(figure), "width": width, "height": height}


def _small_png(image: Image.Image) -> bytes:
    """Return a picture as PNG, with a palette or in grey where that loses nothing."""
    choices = (image.convert("L"), image.quantize(256, dither=0), image)
    small = next(choice for choice in choices if choice.convert("RGB") == image)
    packed = io.BytesIO()
    small.save(packed, format="png", optimize=True)
    return packed.getvalue()


def image_grid(images: np.ndarray, titles: Sequence[str] | None = None, columns: int = 10, size: float = 0.9) -> Figure:
    """Draw pictures side by side, row after row, each `size` inches wide.

    Takes an array (n, height, width) of any numeric dtype, drawn from black (its least value) to white (its greatest),
    and n short texts, one above each picture, or None. Raises ValueError if the shapes do not fit together.
    """
    images = np.asarray(images)
    if images.ndim != 3 or not len(images):
        raise ValueError(f"images have the shape {images.shape}; wanted is (n, height, width).")
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"There are {len(images)} images and {len(titles)} titles: give one for each.")
    rows = -(-len(images) // columns)
    height = size if titles is None else 1.3 * size
    figure, axes = plt.subplots(rows, columns, figsize=(columns * size, rows * height), squeeze=False)
    for i, axis in enumerate(axes.flat):
        axis.axis("off")
        if i < len(images):
            axis.imshow(images[i], vmin=images.min(), vmax=images.max())
            axis.set_title("" if titles is None else titles[i], size=8, pad=3)
    return figure

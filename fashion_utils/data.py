"""Fashion-MNIST, found, verified and loaded; and never silently something else.

`prepare()` looks in four places: the folder FASHION_MNIST_DIR, Keras' cache, the public mirrors, and, when all of them
fail, it draws the stand-in of `fashion_utils.sources.standin` and says so. From then on Keras' own `load_data()` and
the functions below read those files, each checked against its SHA-256 every time. `python -m fashion_utils.data` says
what is found. Three environment variables steer it:

FASHION_MNIST_DIR  A folder with the four original files, or with the same ones unpacked; see sources/places.py.
FASHION_DATA       auto (or unset): the four places in turn; real: without the stand-in; standin: the stand-in at once.
FASHION_SAMPLE     Train on a stratified sample of so many pictures, 100 to 60000, and test on a sixth as many.
"""

import html
from pathlib import Path
import sys

from fashion_utils import REPOSITORY, printable
from fashion_utils.sources import finding
from fashion_utils.sources.files import DataError
from fashion_utils.sources.finding import STAND_IN_ORIGIN, Source, look, original_files  # noqa: F401 (for others)
from fashion_utils.sources.places import named_folder
import numpy as np

CLASS_NAMES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat")
CLASS_NAMES += ("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
_prepared: Source | None = None


def prepare() -> Source:
    """Find and verify the data, say in one line what it is, and make Keras' own `load_data()` read it.

    In IPython it also sets up the look of figures (`plots.set_up`). Imports TensorFlow; calling it again looks again.
    Raises ValueError for a nonsense environment variable; DataError when the files in FASHION_MNIST_DIR are not the
    original ones, or the real data is required and cannot be had.
    """
    _announce(_find())
    use(_prepared)
    if _ipython() is not None:
        from fashion_utils import plots

        plots.set_up()
    return _prepared


def use(found: Source) -> None:
    """Use what `prepare` found, in this process or in another on the same machine, without looking for it again."""
    global _prepared
    _prepared = found
    import tensorflow as tf

    # Keras' loader asks one function for the path of each file. Replacing that leaves the reader's folder uncopied and
    # keeps a sample or the stand-in out of Keras' cache.
    loader = tf.keras.datasets.fashion_mnist.load_data.__globals__
    if "get_file" not in loader:
        raise DataError("This version of Keras finds its data in another way: install those in requirements.txt.")

    def get_file(fname, *args, **kwargs):
        finding.read_found(source().files, fname)
        return str(source().files[fname][0])

    loader["get_file"] = get_file


def source() -> Source:
    """What data is in use; if need be found first, and announced unless full and real. Raises what `prepare` raises."""
    if _prepared is None and not _find().is_full_real:
        _announce(_prepared)
    return _prepared


def label() -> str:
    """What a figure must say of the data in use, see `Source.label`; "" where none was found yet. Looks for none."""
    return _prepared.label if _prepared is not None else ""


def artifacts() -> Path:
    """The folder for what is made from the data in use, under FASHION_ARTIFACTS or artifacts/; found, but not made."""
    return (named_folder("FASHION_ARTIFACTS") or REPOSITORY / "artifacts") / source().slug


def load_train() -> tuple[np.ndarray, np.ndarray]:
    """The training pictures, uint8 of shape (n, 28, 28), 0 background to 255, and their labels, uint8 of shape (n,).

    n is 60,000, or less with FASHION_SAMPLE. Raises DataError when a file is no longer what `prepare` found.
    """
    return finding.read_arrays(source().files, "train")


def load_test() -> tuple[np.ndarray, np.ndarray]:
    """The test pictures and labels, like `load_train`'s; n is 10,000. Sealed until a model is chosen."""
    return finding.read_arrays(source().files, "t10k")


def split(images: np.ndarray, labels: np.ndarray, val_size: float = 0.1, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Split into training and validation data, with the share of every class the same in both.

    images (n, ...) and labels (n,) of any dtype; val_size, a fraction between 0 and 1 or a whole number of pictures.
    Returns train_images, train_labels, val_images, val_labels, shuffled copies. The same seed gives the same split.

    Source: scikit-learn's train_test_split, as is its ValueError for lengths that differ or a size that cannot be.
    """
    from sklearn.model_selection import train_test_split

    parts = train_test_split(images, labels, test_size=val_size, stratify=labels, random_state=seed)
    return parts[0], parts[2], parts[1], parts[3]


def _find() -> Source:
    global _prepared
    before, _prepared = _prepared, None  # if this fails, nothing must go on with what an earlier call found
    named_folder("FASHION_ARTIFACTS")  # nonsense is said now, not after a training
    _prepared = finding.find(before)
    return _prepared


def _ipython():
    """The IPython session this runs in, or None."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def _announce(found: Source) -> None:
    """Say in a line what data is in use; the stand-in in a box in a notebook, in lines between rulers elsewhere."""
    sizes = f"{found.sample:,} and {round(found.sample / 6):,}" if found.sample else ""
    sample = f" FASHION_SAMPLE={found.sample}: only a stratified sample of {sizes} of them is used." if sizes else ""
    if found.kind == "real":
        start = "Fashion-MNIST: 60,000 training and 10,000 test pictures, the original files, SHA-256 checked"
        print(f"{start} ({found.origin}).{sample}")
        return
    remedy = "unset FASHION_DATA and start again"
    if found.asked[0] != "standin":
        remedy = f"run this again when a mirror can be reached; or {finding.how_to_get_it()}"
    title, *paragraphs = (
        "STAND-IN DATA: THIS IS NOT FASHION-MNIST",
        f"Why: {found.reason}.",
        f"A program drew the pictures; every result below is about them, not about the real data.{sample}",
        f"For the real data, {remedy}.",
    )
    text = "\n!! ".join(["!" * 100, title, *paragraphs])
    if not hasattr(_ipython(), "kernel"):
        print(printable(text))
        return
    from IPython.display import display

    style = "border: 4px solid #b35900; background: #fff3e0; color: #000; padding: 1em"
    body = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in paragraphs)
    box = f"<div role='alert' style='{style}'><strong style='font-size: 1.4em'>{title}</strong>{body}</div>"
    display({"text/html": box, "text/plain": text}, raw=True)


if __name__ == "__main__":
    try:
        _announce(_find())
    except (DataError, ValueError) as error:
        sys.exit(str(error))

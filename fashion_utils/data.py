"""Fashion-MNIST, found, verified and loaded; and never silently something else.

`prepare()` looks in four places: the folder named by FASHION_MNIST_DIR, Keras' cache, the public mirrors, and, when all
of them fail, draws the stand-in data of `fashion_utils.sources.standin` and says so. From then on
`tf.keras.datasets.fashion_mnist.load_data()` and the functions below read those files, each checked against its SHA-256
every time. Three environment variables steer it:

FASHION_MNIST_DIR  A folder with the four original files. A relative path is tried from the current folder, then from
                   the repository's: notebooks run in notebooks/, while `FASHION_MNIST_DIR=... make run` is typed above.
FASHION_DATA       auto (or unset): the four places in turn; real: never the stand-in, an error instead; standin: the
                   stand-in at once.
FASHION_SAMPLE     A number of training pictures, from 100 to 60000: a stratified sample of that size, the same every
                   time, and a sixth as many test pictures.

`python -m fashion_utils.data` says what is found.
"""

from dataclasses import dataclass
import gzip
import hashlib
import html
import os
from pathlib import Path
import sys
import textwrap

from fashion_utils import REPOSITORY
from fashion_utils.sources import files as fetch
from fashion_utils.sources import standin
from fashion_utils.sources.files import DataError
import numpy as np

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

# The values Keras' own documentation gives; Zalando's README has the MD5 of the same files.
FILES = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
SIZES = dict(zip(FILES, (26_421_880, 29_515, 4_422_102, 5_148), strict=True))  # bytes

MIRRORS = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)

# Seconds to wait for a mirror's first answer. Who would take the stand-in should have it soon; who refuses it can wait.
PATIENCE = {"auto": 4, "real": 20}

STAND_IN_ORIGIN = "drawn by fashion_utils.sources.standin"

Arrays = tuple[np.ndarray, np.ndarray]  # images, labels
Files = dict[str, tuple[Path, str]]  # name: where it is, its SHA-256


@dataclass(frozen=True)
class Source:
    """What data is in use.

    kind: "real" or "stand-in". origin: where it is from, in words. sample: the number of training pictures, or None for
    all. fingerprint: a short hexadecimal string that is the same only for the same arrays.
    """

    kind: str
    origin: str
    sample: int | None
    fingerprint: str

    @property
    def is_full_real(self) -> bool:
        """True for the whole of the original data, the only data that claims are checked on."""
        return self.kind == "real" and self.sample is None

    @property
    def label(self) -> str:
        """What a figure must say: "" for the full real data, else, for instance, "stand-in data, sample of 6,000"."""
        parts = []
        if self.kind != "real":
            parts.append(f"{self.kind} data")
        if self.sample is not None:
            parts.append(f"sample of {self.sample:,}")
        return ", ".join(parts)

    @property
    def slug(self) -> str:
        """A folder name: "real", "stand-in", "real-6000"."""
        return self.kind if self.sample is None else f"{self.kind}-{self.sample}"


@dataclass(frozen=True)
class _Prepared:
    source: Source
    files: Files
    settings: tuple
    reason: str  # why it is the stand-in; empty for the real data


_prepared: _Prepared | None = None


# --- The public functions ---------------------------------------------------------------------------------------------


def prepare() -> Source:
    """Find and verify the data, say in one line what it is, and make Keras' own `load_data()` read it.

    Imports TensorFlow. Calling it again looks again, and is quick where the environment and the files are the same.

    Raises ValueError for a nonsense environment variable; DataError when the files in FASHION_MNIST_DIR are not the
    original ones, or the real data is required and cannot be had.
    """
    prepared = _find()
    _announce(prepared)
    _redirect_keras()
    return prepared.source


def source() -> Source:
    """What data is in use. Finds it first if nothing did so yet, announcing it only if it is not the full real data.

    Unlike `prepare` this imports no TensorFlow and leaves Keras alone. Raises the same errors.
    """
    return _current().source


def label() -> str:
    """What a figure must say of the data in use, see `Source.label`; "" where none was found yet. Looks for none."""
    return _prepared.source.label if _prepared is not None else ""


def artifacts() -> Path:
    """The folder for what is made from the data in use, in FASHION_ARTIFACTS or else in artifacts/; not made here.

    Raises the same errors as `prepare`.
    """
    return Path(os.environ.get("FASHION_ARTIFACTS") or REPOSITORY / "artifacts").expanduser() / source().slug


def load_train() -> Arrays:
    """The training pictures, uint8 of shape (n, 28, 28), 0 background to 255, and their labels, uint8 of shape (n,).

    n is 60,000, or less with FASHION_SAMPLE. Raises DataError when a file is no longer what `prepare` found.
    """
    return _read_arrays(_current().files, "train")


def load_test() -> Arrays:
    """The test pictures and labels, like `load_train`'s; n is 10,000. Sealed until a model is chosen."""
    return _read_arrays(_current().files, "t10k")


def look() -> tuple[str, list[str]]:
    """Say where `prepare` would take the data from. Changes nothing: no download, no file written, nothing announced.

    Returns the place, in the words of `Source.origin`, and one clause for each file that is missing or damaged there.
    Only the Keras cache can have such: `prepare` would download them.

    Raises the same errors as `prepare`.
    """
    _sample_size()  # raises ValueError for a nonsense value
    if _mode() == "standin":
        return STAND_IN_ORIGIN, []
    folder = os.environ.get("FASHION_MNIST_DIR", "").strip()
    if folder:
        _own_files(folder)
        return "from FASHION_MNIST_DIR", []
    problems = []
    for name, sha256 in FILES.items():
        try:
            fetch.read_verified(_keras_cache() / "fashion-mnist" / name, sha256)
        except DataError as error:
            problems.append(str(error))
    return "from the Keras cache", problems


def original_files() -> dict[str, Path]:
    """Find the four original files, whatever FASHION_DATA and FASHION_SAMPLE say; download what is missing.

    Returns where each is, by its name, its SHA-256 checked. Raises DataError where they cannot be had.
    """
    try:
        _, files = _real_files("real")
    except fetch.Unreachable as error:
        raise DataError(f"The data is not in the Keras cache and {error}; {_how_to_get_it()}.") from None
    return {name: path for name, (path, _) in files.items()}


def split(
    images: np.ndarray, labels: np.ndarray, val_size: float = 0.1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Split into training and validation data, with the share of every class the same in both.

    images (n, ...) and labels (n,) of any dtype; val_size, a fraction between 0 and 1 or a whole number of pictures.
    Returns train_images, train_labels, val_images, val_labels, shuffled copies. The same seed gives the same split.

    Raises ValueError for lengths that differ, a val_size that leaves nothing on one side, or classes too small for it.
    Source: scikit-learn's train_test_split with `stratify`.
    """
    from sklearn.model_selection import train_test_split

    if len(images) != len(labels):
        raise ValueError(f"images and labels must be equally many, not {len(images):,} and {len(labels):,}.")
    if not 0 < val_size < (len(labels) if isinstance(val_size, (int, np.integer)) else 1):
        raise ValueError(
            f"val_size={val_size!r}: give a fraction between 0 and 1, or a whole number from 1 to {len(labels) - 1:,}."
        )
    train_images, val_images, train_labels, val_labels = train_test_split(
        images, labels, test_size=val_size, stratify=labels, random_state=seed
    )
    return train_images, train_labels, val_images, val_labels


# --- The four sources -------------------------------------------------------------------------------------------------


def _current() -> _Prepared:
    if _prepared is None and not _find().source.is_full_real:
        _announce(_prepared)
    return _prepared


def _find() -> _Prepared:
    global _prepared
    mode, sample = _mode(), _sample_size()
    settings = (mode, sample, os.environ.get("FASHION_MNIST_DIR"), _keras_cache())
    if _prepared is None or _prepared.settings != settings or not _still_good(_prepared):
        # If this fails, nothing must go on with what an earlier call found.
        _prepared = None
        _prepared = _find_anew(mode, sample, settings)
    return _prepared


def _still_good(prepared: _Prepared) -> bool:
    if prepared.reason and prepared.settings[0] == "auto":
        return False  # the network may be back
    try:
        for path, sha256 in prepared.files.values():
            fetch.read_verified(path, sha256)
    except DataError:
        return False
    return True


def _find_anew(mode: str, sample: int | None, settings: tuple) -> _Prepared:
    reason = "FASHION_DATA=standin" if mode == "standin" else ""
    if not reason:
        try:
            kind, version, (origin, files) = "real", " ".join(FILES.values()), _real_files(mode)
        except fetch.Unreachable as error:
            if mode == "real":
                raise DataError(
                    f"FASHION_DATA=real, but the data is not in the Keras cache and {error}; {_how_to_get_it()}."
                ) from None
            reason = str(error)
    if reason:
        kind, version, origin = "stand-in", f"{standin.VERSION} {standin.DIGEST}", STAND_IN_ORIGIN
        files = _stand_in_files()
    if sample is not None:
        files = _sample_files(files, sample)
    fingerprint = hashlib.sha256(f"{kind} {version} {sample}".encode()).hexdigest()[:12]
    return _Prepared(Source(kind, origin, sample, fingerprint), files, settings, reason)


def _real_files(mode: str) -> tuple[str, Files]:
    folder = os.environ.get("FASHION_MNIST_DIR", "").strip()
    if folder:
        return "from FASHION_MNIST_DIR", _own_files(folder)
    return _cached_or_downloaded(PATIENCE[mode])


def _own_files(value: str) -> Files:
    """The files in the reader's own folder, in which nothing is ever changed."""
    given = os.path.expanduser(value)
    folder = Path(given if os.path.isdir(given) else REPOSITORY / given).resolve()
    if not os.path.isdir(folder):
        raise DataError(f"FASHION_MNIST_DIR={value}: there is no such folder; correct the path, or unset the variable.")
    problems = []
    for name, sha256 in FILES.items():
        try:
            fetch.read_verified(folder / name, sha256, SIZES[name])
        except DataError as error:
            problems.append(str(error))
    if problems:
        raise DataError(f"FASHION_MNIST_DIR={value}: {'; '.join(problems)}; {_how_to_get_it()}, or unset it.")
    return {name: (folder / name, sha256) for name, sha256 in FILES.items()}


def _cached_or_downloaded(patience: float) -> tuple[str, Files]:
    folder = _keras_cache() / "fashion-mnist"
    missing = {}
    for name, sha256 in FILES.items():
        try:
            fetch.read_verified(folder / name, sha256)
        except DataError as error:
            missing[name] = sha256
            if fetch.set_aside(folder / name):
                print(f"In the Keras cache, {error}; it is set aside.")
    files = {name: (folder / name, sha256) for name, sha256 in FILES.items()}
    if not missing:
        return "from the Keras cache", files
    smallest = min(SIZES, key=SIZES.get)
    for name, content in fetch.download(missing, MIRRORS, (smallest, FILES[smallest]), patience):
        files[name] = (fetch.store(folder / name, content), FILES[name])
    if any(path.parent != folder for path, _ in files.values()):
        print("The Keras cache cannot be written; what was downloaded is kept only until this process ends.")
    return "downloaded", files


def _stand_in_files() -> Files:
    """The stand-in, drawn once and then read from a folder beside Keras' cache."""
    folder = _keras_cache() / f"fashion-mnist-stand-in-v{standin.VERSION}"
    first_line = f"# drawn by fashion_utils.sources.standin, arrays' SHA-256 {standin.DIGEST}"
    try:
        found, *checksums = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
        hashes = {name: sha256 for sha256, name in (line.split() for line in checksums)}
        for name in FILES:
            fetch.read_verified(folder / name, hashes[name])
        if found == first_line:
            return {name: (folder / name, hashes[name]) for name in FILES}
    except (OSError, ValueError, KeyError, DataError):
        pass  # not there, damaged, or of another version: it is drawn anew
    files = _write_arrays(folder, *standin.draw())
    lines = [first_line, *(f"{sha256}  {name}" for name, (_, sha256) in files.items())]
    fetch.store(folder / "SHA256SUMS", "\n".join([*lines, ""]).encode())
    return files


def _sample_files(files: Files, sample: int) -> Files:
    """A stratified sample of the training data, and a sixth as much of the test data, written for this process only."""
    drawn = []
    for prefix, count in (("train", sample), ("t10k", round(sample / 6))):
        images, labels = _read_arrays(files, prefix)
        chosen = _stratified_sample(labels, count)
        drawn.append((images[chosen], labels[chosen]))
    return _write_arrays(fetch.temporary_folder() / f"sample-{sample}", *drawn)


def _stratified_sample(labels: np.ndarray, count: int) -> np.ndarray:
    """Indices, ascending, of `count` examples with the class shares of `labels`; always the same ones.

    Each class is shuffled, and the examples that come earliest in their class, as a share of its size, are taken. So a
    smaller sample is part of a larger one, and any count works.
    """
    order = np.random.default_rng(0).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    sizes = np.bincount(labels)
    place_in_class = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    share_before = place_in_class / np.repeat(sizes, sizes)
    return np.sort(by_class[np.argsort(share_before, kind="stable")[:count]])


# --- Files and folders ------------------------------------------------------------------------------------------------


def _keras_cache() -> Path:
    return Path(os.path.expanduser(os.environ.get("KERAS_HOME") or "~/.keras"), "datasets")


def _write_arrays(folder: Path, train: Arrays, test: Arrays) -> Files:
    """Write the arrays as four files like the original ones: IDX (described on the MNIST page), compressed by gzip."""
    files = {}
    for name, array in zip(FILES, (*train, *test), strict=True):
        header = np.array([0x0800 | array.ndim, *array.shape], ">u4")  # 0x08: unsigned bytes
        content = gzip.compress(header.tobytes() + array.tobytes(), compresslevel=1, mtime=0)
        files[name] = (fetch.store(folder / name, content), hashlib.sha256(content).hexdigest())
    return files


def _read_arrays(files: Files, prefix: str) -> Arrays:
    arrays = []
    for name, header_bytes, shape in (("images-idx3", 16, (-1, 28, 28)), ("labels-idx1", 8, (-1,))):
        content = gzip.decompress(_verified(files, f"{prefix}-{name}-ubyte.gz"))
        arrays.append(np.frombuffer(content, np.uint8, offset=header_bytes).reshape(shape).copy())
    return tuple(arrays)


def _verified(files: Files, name: str) -> bytes:
    path, sha256 = files[name]
    try:
        return fetch.read_verified(path, sha256)
    except DataError as error:
        raise DataError(f"The data has changed since it was prepared: {error}; call prepare() again.") from None


# --- Keras ------------------------------------------------------------------------------------------------------------


def _redirect_keras() -> None:
    """Let Keras' loader ask us where a file is.

    The loader turns names into paths by the function `get_file` of its own module. Replacing that one name leaves the
    reader's folder uncopied and keeps a sample or the stand-in out of Keras' cache.
    """
    import tensorflow as tf

    loader = tf.keras.datasets.fashion_mnist.load_data.__globals__
    if "get_file" not in loader:
        raise DataError(
            "This version of Keras finds its data in a way that prepare() does not know: "
            "install the versions in requirements.txt, or use load_train() and load_test()."
        )
    loader["get_file"] = _get_file


def _get_file(fname: str, *args, **kwargs) -> str:
    files = _current().files
    _verified(files, fname)
    return str(files[fname][0])


# --- What the reader is told ------------------------------------------------------------------------------------------


def _announce(prepared: _Prepared) -> None:
    found, sample = prepared.source, ""
    if found.sample is not None:
        sizes = f"{found.sample:,} and {round(found.sample / 6):,}"
        sample = f" FASHION_SAMPLE={found.sample}: only a stratified sample of {sizes} of them is used."
    if found.kind == "real":
        print(
            "Fashion-MNIST: 60,000 training and 10,000 test pictures, the original files, SHA-256 checked "
            f"({found.origin}).{sample}"
        )
        return
    if prepared.settings[0] == "standin":
        remedy = "For the real data, unset FASHION_DATA and start again."
    else:
        remedy = f"For the real data, connect to the internet and run this again; or {_how_to_get_it()}."
    _show_banner(
        "STAND-IN DATA: THIS IS NOT FASHION-MNIST",
        f"Why: {prepared.reason}.",
        "The pictures are drawn by a program, in the same shapes and numbers; every result below is about them, "
        f"not about the real data.{sample}",
        remedy,
    )


def _show_banner(title: str, *paragraphs: str) -> None:
    """Show a box in a notebook; print lines elsewhere."""
    ruler = "!" * 100
    lines = (line for text in (title, *paragraphs) for line in textwrap.wrap(text, 96, break_on_hyphens=False))
    text = "\n".join([ruler, *(f"!! {line}" for line in lines), ruler])
    ipython = sys.modules.get("IPython")
    if ipython is None or not hasattr(ipython.get_ipython(), "kernel"):
        print(text)
        return
    body = "".join(f"<p style='margin: 0.5em 0 0'>{html.escape(paragraph)}</p>" for paragraph in paragraphs)
    box = (
        "<div role='alert' style='border: 4px solid #b35900; background: #fff3e0; color: #000; padding: 1em'>"
        f"<strong style='font-size: 1.4em'>{html.escape(title)}</strong>{body}</div>"
    )
    from IPython.display import display

    display({"text/html": box, "text/plain": text}, raw=True)


def _how_to_get_it() -> str:
    return f"put {', '.join(FILES)} (from {' or '.join(MIRRORS[:2])}) in a folder and set FASHION_MNIST_DIR to it"


# --- The environment --------------------------------------------------------------------------------------------------


def _mode() -> str:
    mode = os.environ.get("FASHION_DATA", "").strip() or "auto"
    if mode not in ("auto", "real", "standin"):
        raise ValueError(f"FASHION_DATA={mode}: the values allowed are auto, real and standin (unset: auto).")
    return mode


def _sample_size() -> int | None:
    value = os.environ.get("FASHION_SAMPLE", "").strip()
    if not value:
        return None
    if not (value.isascii() and value.isdecimal() and 100 <= int(value) <= 60_000):
        raise ValueError(
            f"FASHION_SAMPLE={value}: give a whole number of training pictures from 100 to 60000 (unset: all 60000)."
        )
    return int(value) if int(value) < 60_000 else None


def _main() -> int:
    try:
        _announce(_find())
    except (DataError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())

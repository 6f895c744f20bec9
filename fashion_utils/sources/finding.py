"""The four places where the data can come from: the reader's own folder, Keras' cache, the mirrors, the stand-in."""

import contextlib
from dataclasses import dataclass, field
import gzip
import hashlib
import os
from pathlib import Path
import zlib

from fashion_utils import printable
from fashion_utils.sources import mirrors, standin
from fashion_utils.sources.files import (
    DataError,
    Unreachable,
    is_gzip,
    read_verified,
    set_aside,
    store,
    temporary_folder,
    unpack,
)
from fashion_utils.sources.places import candidates, keras_cache, named_folder, what_else
import numpy as np

# The values Keras' own documentation gives; Zalando's README has the MD5 of the same files.
FILES = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
# Of what the four files hold, unpacked: by that, files that were packed anew or not at all are known to be the same.
CONTENTS = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
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
    """What data is in use."""

    kind: str  # "real" or "stand-in"
    origin: str  # where it is from, in words
    sample: int | None  # the number of training pictures; None for all
    fingerprint: str  # short, hexadecimal, the same only for the same arrays
    files: Files = field(default_factory=dict, repr=False)
    asked: tuple = field(default=(), repr=False)  # what the environment asked for
    reason: str = field(default="", repr=False)  # why it is the stand-in

    @property
    def is_full_real(self) -> bool:
        """True for the whole of the original data, the only data that promises are checked on."""
        return self.kind == "real" and self.sample is None

    @property
    def label(self) -> str:
        """What a figure must say: "" for the full real data, else, for instance, "stand-in data, sample of 6,000"."""
        parts = [f"{self.kind} data"] if self.kind != "real" else []
        return ", ".join([*parts, f"sample of {self.sample:,}"] if self.sample is not None else parts)

    @property
    def slug(self) -> str:
        """A folder name: "real", "stand-in", "real-6000"."""
        return self.kind if self.sample is None else f"{self.kind}-{self.sample}"


def find(before: Source | None = None) -> Source:
    """The data that the environment asks for, verified; `before` if that still is it. Errors: see `data.prepare`."""
    mode, sample = _asked()
    # The values as they are given: a relative one stays what it was when the current folder changes.
    cache = os.environ.get("KERAS_HOME") or os.path.expanduser("~")
    asked = (mode, sample, _variable("FASHION_MNIST_DIR"), cache)
    # After a stand-in for want of a network: it may be back.
    if before is not None and before.asked == asked and not (before.reason and mode == "auto"):
        with contextlib.suppress(DataError):
            for name in FILES:
                read_found(before.files, name)
            return before
    kind, version, reason = "real", " ".join(FILES.values()), ""
    try:
        origin, files = _real_files(mode)
    except Unreachable as error:
        kind, version, reason = "stand-in", f"{standin.VERSION} {standin.DIGEST}", str(error)
        origin, files = STAND_IN_ORIGIN, _stand_in_files()
    if sample is not None:
        files = _sample_files(files, sample)
    fingerprint = hashlib.sha256(f"{kind} {version} {sample}".encode()).hexdigest()[:12]
    return Source(kind, origin, sample, fingerprint, files, asked, reason)


def look() -> tuple[str, list[str]]:
    """What `find` would do, changing nothing: the origin, a clause on each file to download. Raises the same errors."""
    if _asked()[0] == "standin":
        return STAND_IN_ORIGIN, []
    origin, _, problems = _look_on_disk()
    return origin, list(problems.values())


def original_files() -> dict[str, Path]:
    """Where each original file is, whatever FASHION_DATA and FASHION_SAMPLE say; DataError if out of reach.

    Verified by its SHA-256, or, where it was packed anew, by that of what it holds.
    """
    return {name: path for name, (path, _) in _real_files("real")[1].items()}


def read_arrays(files: Files, prefix: str) -> Arrays:
    """Read the pictures and labels of "train" or "t10k", as writable arrays; DataError for a file that has changed."""
    arrays = []
    for name, header_bytes, shape in (("images-idx3", 16, (-1, 28, 28)), ("labels-idx1", 8, (-1,))):
        content = gzip.decompress(read_found(files, f"{prefix}-{name}-ubyte.gz"))
        arrays.append(np.frombuffer(content, np.uint8, offset=header_bytes).reshape(shape).copy())
    return tuple(arrays)


def read_found(files: Files, name: str) -> bytes:
    """Read a file that was found earlier; DataError if it is no longer what it was."""
    try:
        return read_verified(*files[name])
    except DataError as error:
        raise DataError(f"The data is no longer there as it was found: {error}; call prepare() again.") from None


def how_to_get_it() -> str:
    return f"put {', '.join(FILES)} (from {' or '.join(MIRRORS[:2])}) in a folder and set FASHION_MNIST_DIR to it"


def _look_on_disk() -> tuple[str, Files, dict[str, str]]:
    """Origin, files, and by name what is wrong with the others: DataError if that is in the reader's own folder."""
    files, problems, value = {}, {}, _variable("FASHION_MNIST_DIR")
    own = named_folder("FASHION_MNIST_DIR")
    if own and not os.path.isdir(own):
        raise DataError(f"FASHION_MNIST_DIR={value}: no folder can be found there; correct the path, or unset it.")
    folder = own.resolve() if own else keras_cache() / "fashion-mnist"
    for name, sha256 in FILES.items():
        try:
            if own:
                files[name] = _own_file(folder, name)
            else:
                read_verified(folder / name, sha256, SIZES[name])
                files[name] = folder / name, sha256
        except DataError as error:
            problems[name] = str(error)
    if own and problems:
        parts = [*problems.values(), what_else(folder, {*FILES, *(path.name for path, _ in files.values())})]
        raise DataError(f"FASHION_MNIST_DIR={value}: {'; '.join(filter(None, parts))}; {how_to_get_it()}, or unset it.")
    by_contents = "by their contents, " if any(sha256 != FILES[name] for name, (_, sha256) in files.items()) else ""
    return f"{by_contents}from FASHION_MNIST_DIR" if own else "from the Keras cache", files, problems


def _own_file(folder: Path, name: str) -> tuple[Path, str]:
    """The file in the reader's own folder that is this original, or holds the same, and its SHA-256; or DataError."""
    problem = None
    for path in candidates(folder, name) or [folder / name]:
        try:
            read_verified(path, FILES[name], SIZES[name])
            return path, FILES[name]
        except DataError as error:
            problem = problem or error
        with contextlib.suppress(OSError):
            content = path.read_bytes()
            if hashlib.sha256(unpack(content)).hexdigest() == CONTENTS[name]:
                return path, hashlib.sha256(content).hexdigest()
    raise problem


def _packed(name: str, path: Path, sha256: str) -> tuple[Path, str]:
    """The file itself, or, where it is not packed, one for this process that is: Keras reads no other."""
    if sha256 == FILES[name] or is_gzip(content := read_verified(path, sha256)):
        return path, sha256
    content = gzip.compress(content, compresslevel=1, mtime=0)
    return store(temporary_folder() / "packed" / name, content), hashlib.sha256(content).hexdigest()


def _real_files(mode: str) -> tuple[str, Files]:
    """The origin and the original files; Unreachable if the stand-in must do, DataError if it must not."""
    if mode == "standin":
        raise Unreachable("FASHION_DATA=standin")
    origin, files, problems = _look_on_disk()
    if not problems:
        return origin, {name: _packed(name, *file) for name, file in files.items()}
    folder = keras_cache() / "fashion-mnist"
    for name, problem in problems.items():
        if set_aside(folder / name):
            print(printable(f"In the Keras cache, {problem}; it is set aside."))
    missing, smallest = {name: (FILES[name], SIZES[name]) for name in problems}, min(SIZES, key=SIZES.get)
    probe = {smallest: (FILES[smallest], SIZES[smallest])}
    try:
        for name, content in mirrors.download(missing, MIRRORS, probe, PATIENCE[mode]):
            files[name] = (store(folder / name, content), FILES[name])
    except Unreachable as error:
        reason = f"not all four files can be read from the Keras cache, and {error}"
        if mode == "real":
            raise DataError(f"The real data cannot be had: {reason}; try again, or {how_to_get_it()}.") from None
        raise Unreachable(reason) from None
    if any(path.parent != folder for path, _ in files.values()):
        print("Writing to the Keras cache failed; what was downloaded is kept only until this process ends.")
    return "downloaded", files


def _stand_in_files() -> Files:
    """The stand-in, drawn once and then read from a folder beside Keras' cache, unless that has other or bad files."""
    folder = keras_cache() / f"fashion-mnist-stand-in-v{standin.VERSION}"
    with contextlib.suppress(OSError, EOFError, ValueError, zlib.error, DataError):
        files = {name: (folder / name, hashlib.sha256((folder / name).read_bytes()).hexdigest()) for name in FILES}
        if standin.digest([read_arrays(files, "train"), read_arrays(files, "t10k")]) == standin.DIGEST:
            return files
    return _write_arrays(folder, *standin.draw())


def _sample_files(files: Files, sample: int) -> Files:
    """A stratified sample of the training data, and a sixth as much of the test data, written for this process only."""
    drawn = []
    for prefix, count in (("train", sample), ("t10k", round(sample / 6))):
        images, labels = read_arrays(files, prefix)
        chosen = _stratified_sample(labels, count)
        drawn.append((images[chosen], labels[chosen]))
    return _write_arrays(temporary_folder() / f"sample-{sample}", *drawn)


def _stratified_sample(labels: np.ndarray, count: int) -> np.ndarray:
    """Indices, ascending, of `count` examples with the class shares of `labels`; a sample is part of any larger."""
    # Each class is shuffled, and the examples that come earliest in their class, as a share of its size, are taken.
    order = np.random.default_rng(0).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    share_before = np.concatenate([np.arange(size) / size for size in np.bincount(labels)])
    return np.sort(by_class[np.argsort(share_before, kind="stable")[:count]])


def _write_arrays(folder: Path, train: Arrays, test: Arrays) -> Files:
    """Write the arrays as four files like the original ones: IDX (described on the MNIST page), compressed by gzip."""
    files = {}
    for name, array in zip(FILES, (*train, *test), strict=True):
        header = np.array([0x0800 | array.ndim, *array.shape], ">u4")  # 0x08: unsigned bytes
        content = gzip.compress(header.tobytes() + array.tobytes(), compresslevel=1, mtime=0)
        files[name] = (store(folder / name, content), hashlib.sha256(content).hexdigest())
    return files


def _variable(name: str) -> str:
    return os.environ.get(name, "").strip()


def _asked() -> tuple[str, int | None]:
    """What FASHION_DATA and FASHION_SAMPLE ask for; ValueError for nonsense."""
    mode, sample = _variable("FASHION_DATA") or "auto", _variable("FASHION_SAMPLE") or "60000"
    if mode not in ("auto", "real", "standin"):
        raise ValueError(f"FASHION_DATA={mode}: the values allowed are auto, real and standin (unset: auto).")
    if sample not in map(str, range(100, 60_001)):
        raise ValueError(f"FASHION_SAMPLE={sample}: give a whole number of training pictures from 100 to 60000.")
    return mode, int(sample) if sample != "60000" else None

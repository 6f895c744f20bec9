"""What the tests of `fashion_utils.data` share: a tiny Fashion-MNIST, an empty home, and faulty files."""

from dataclasses import dataclass
import gzip
import hashlib
import json
import os
from pathlib import Path
import subprocess
import sys

from fashion_utils import data
from fashion_utils.sources import finding, standin
from mirror_server import WEB_PAGE
import numpy as np

FAULTS = {
    "truncated": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "web page": lambda content: WEB_PAGE,
    "bit flipped": lambda content: content[:-20] + bytes([content[-20] ^ 1]) + content[-19:],
}
IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = finding.FILES


def tiny_arrays(seed):
    """600 training and 100 test pictures of noise, ten balanced classes, shaped like Fashion-MNIST."""
    generator = np.random.default_rng(seed)

    def draw(count):
        labels = generator.permutation(np.arange(count) % 10).astype(np.uint8)
        return generator.integers(0, 256, (count, 28, 28), np.uint8), labels

    return draw(600), draw(100)


def same(loaded, expected):
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(loaded, expected, strict=True))


@dataclass
class World:
    """A machine with the tiny files as the originals: `contents` by name, `arrays`, the folder of Keras' cache."""

    contents: dict
    arrays: tuple
    cache: Path
    stand_in_arrays: tuple
    times_drawn: int = 0

    def fill(self, folder, without=()):
        """Write the original files into a folder, and return it."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.contents.items():
            if name not in without:
                (folder / name).write_bytes(content)
        return folder

    def start(self, *mirrors):
        """Start a process that finds the data, loads the training pictures and prints the origin."""
        code = (
            "import json, sys\n"
            "from fashion_utils import data\n"
            "from fashion_utils.sources import finding\n"
            "finding.FILES, finding.SIZES, finding.MIRRORS = json.loads(sys.argv[1])\n"
            "origin = data.source().origin\n"
            "print(origin, len(data.load_train()[0]))\n"
        )
        settings = json.dumps([finding.FILES, finding.SIZES, [mirror.url for mirror in mirrors]])
        return subprocess.Popen(
            [sys.executable, "-c", code, settings], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )


def listing(folder):
    """Name and content of every file in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def make_world(tmp_path, monkeypatch):
    """Put the tiny files in the place of the originals, the caches under `tmp_path`, and nothing in the environment."""
    for name in ("FASHION_MNIST_DIR", "FASHION_DATA", "FASHION_SAMPLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("NO_PROXY", "*")  # the mirrors of these tests are on this machine
    arrays = tiny_arrays(seed=0)
    made = finding._write_arrays(tmp_path / "originals", *arrays)
    contents = {name: path.read_bytes() for name, (path, _) in made.items()}
    world = World(contents, arrays, tmp_path / "keras" / "datasets" / "fashion-mnist", tiny_arrays(seed=1))

    def draw(seed=0):
        world.times_drawn += 1
        return world.stand_in_arrays

    monkeypatch.setattr(finding, "FILES", {n: hashlib.sha256(content).hexdigest() for n, content in contents.items()})
    unpacked = {name: hashlib.sha256(gzip.decompress(content)).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(finding, "CONTENTS", unpacked)
    monkeypatch.setattr(finding, "SIZES", {name: len(content) for name, content in contents.items()})
    monkeypatch.setattr(finding, "MIRRORS", ())
    monkeypatch.setattr(data, "_prepared", None)
    monkeypatch.setattr(standin, "draw", draw)
    monkeypatch.setattr(standin, "DIGEST", standin.digest(world.stand_in_arrays))
    return world


def real_folder():
    """The folder with the real files, or None where there is none."""
    given = os.environ.get("FASHION_MNIST_DIR", "")
    candidates = [Path(given)] if given else []
    candidates.append(Path(__file__).resolve().parents[2] / "shared" / "fashion-mnist")
    return next((folder.resolve() for folder in candidates if folder.is_dir()), None)

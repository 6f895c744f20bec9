"""Download files from the first of several mirrors that deliver them whole and right."""

from collections.abc import Iterator
import contextlib
import hashlib
import io
import queue
import sys
import threading
import time
from urllib.parse import urlsplit
import warnings

from fashion_utils.sources.files import Unreachable

TIMEOUTS = (3, 10)  # seconds to connect, and between two packets


def download(files: dict, mirrors: tuple, probe: tuple, patience: float) -> Iterator[tuple[str, bytes]]:
    """Yield name and verified bytes of each file, with a progress bar on stdout; Unreachable when no mirror is left.

    All mirrors, URLs that end in a slash, are first asked at the same time for one small file, the probe, and whoever
    delivers it whole and right soonest serves the rest; one that fails later is left for the next. That way neither a
    mirror nor a name server that hangs costs more than `patience`, in seconds. Files and probe are names with SHA-256.
    """
    with warnings.catch_warnings():
        # Imported in a notebook for the first time, pooch's tqdm complains on stderr that ipywidgets are missing.
        warnings.simplefilter("ignore")
        import pooch  # noqa: F401
    failures = dict.fromkeys(mirrors, f"no complete answer in {patience:g} s")
    left = dict(files)
    for mirror in _answering_mirrors(mirrors, probe, patience, failures):
        try:
            for name in list(left):
                yield name, _get(mirror + name, left[name], show_progress=True)
                del left[name]
            return
        except OSError as error:
            failures[mirror] = str(error)
    reasons = "; ".join(f"{urlsplit(url).netloc}: {reason}" for url, reason in failures.items())
    raise Unreachable(f"no mirror delivered {next(iter(left))} ({reasons})")


def _answering_mirrors(mirrors: tuple, probe: tuple, patience: float, failures: dict) -> Iterator[str]:
    """Yield the mirrors that deliver the probe within `patience`, quickest first; note the failures of the others."""
    answers = queue.SimpleQueue()

    def ask(mirror):
        try:
            _get(mirror + probe[0], probe[1])
            answers.put(mirror)
        except OSError as error:
            failures[mirror] = str(error)
            answers.put(None)

    for mirror in mirrors:
        # Nobody waits for these threads: a name server that hangs can hold one for minutes.
        threading.Thread(target=ask, args=(mirror,), daemon=True).start()
    deadline = time.monotonic() + patience
    with contextlib.suppress(queue.Empty):
        for _ in mirrors:
            if mirror := answers.get(timeout=max(0, deadline - time.monotonic())):
                yield mirror


def _get(url: str, sha256: str, show_progress: bool = False) -> bytes:
    """Download into memory (26 MB at most), so that one killed half-way leaves nothing on the disk. Raises OSError."""
    import pooch
    from tqdm import tqdm

    # On stdout, for tqdm's own choice, stderr, does not belong in a saved notebook. None: blocks, if stdout has
    # them. Pooch sets the real total.
    look = {"unit": "B", "unit_scale": True, "ncols": 79, "leave": False, "ascii": sys.platform == "win32" or None}
    bar = tqdm(desc=url.rpartition("/")[2], total=1, file=sys.stdout, disable=not show_progress, **look)
    # Mirrors send these files as they are; asking for that keeps requests from unpacking one behind our back.
    fetch = pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUTS, headers={"Accept-Encoding": "identity"})
    received = io.BytesIO()
    try:
        with bar:
            fetch(url, received, None)
    except OSError as error:  # what requests raises is an OSError too
        response = getattr(error, "response", None)
        raise OSError(type(error).__name__ if response is None else f"HTTP {response.status_code}") from None
    if hashlib.sha256(received.getvalue()).hexdigest() != sha256:
        raise OSError("other bytes than the original's")
    return received.getvalue()

"""Download files from the first of several mirrors that deliver them whole and right."""

from collections.abc import Iterator
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


def download(
    files: dict[str, str], mirrors: tuple[str, ...], probe: tuple[str, str], patience: float
) -> Iterator[tuple[str, bytes]]:
    """Yield name and verified bytes of each file, with a progress bar on stdout.

    All mirrors are first asked for one small file at the same time, and whoever delivers it whole and right soonest
    serves the rest; a mirror that fails later is left for the next. That way neither a mirror nor a name server that
    hangs costs more than `patience`.

    `files` and `probe`, the small file: name and SHA-256. `mirrors`: the URLs of folders, each ending in a slash.
    `patience`: seconds to wait for an answer. Raises Unreachable when no mirror is left.
    """
    with warnings.catch_warnings():
        # Imported in a notebook for the first time, pooch's tqdm complains on stderr that ipywidgets are missing.
        warnings.simplefilter("ignore")
        import pooch  # noqa: F401
    failures = dict.fromkeys(mirrors, f"no complete answer in {patience:g} s")
    answering = _answering_mirrors(mirrors, probe, patience, failures)
    mirror = next(answering, None)
    for name, sha256 in files.items():
        content = None
        while content is None:
            if mirror is None:
                reasons = "; ".join(f"{urlsplit(url).netloc}: {reason}" for url, reason in failures.items())
                raise Unreachable(f"no mirror delivered {name} ({reasons})")
            try:
                content = _get(mirror + name, sha256, show_progress=True)
            except OSError as error:  # what requests raises is an OSError too
                failures[mirror] = _in_short(error)
                mirror = next(answering, None)
        yield name, content


def _answering_mirrors(
    mirrors: tuple[str, ...], probe: tuple[str, str], patience: float, failures: dict[str, str]
) -> Iterator[str]:
    """Yield the mirrors that deliver the probe within `patience`, quickest first; note the failures of the others."""
    name, sha256 = probe
    answers = queue.SimpleQueue()

    def ask(mirror):
        failure = None
        try:
            _get(mirror + name, sha256)
        except OSError as error:
            failure = _in_short(error)
        answers.put((mirror, failure))

    for mirror in mirrors:
        # Nobody waits for these threads: a name server that hangs can hold one for minutes.
        threading.Thread(target=ask, args=(mirror,), daemon=True).start()
    deadline = time.monotonic() + patience
    for _ in mirrors:
        try:
            mirror, failure = answers.get(timeout=max(0, deadline - time.monotonic()))
        except queue.Empty:
            return
        if failure is None:
            yield mirror
        else:
            failures[mirror] = failure


def _get(url: str, sha256: str, show_progress: bool = False) -> bytes:
    """Download into memory (26 MB at most), so that a process killed half-way leaves nothing on the disk."""
    import pooch
    from tqdm import tqdm

    # On stdout, for tqdm's own choice, stderr, does not belong in a saved notebook. Pooch sets the real total.
    look = {"unit": "B", "unit_scale": True, "ncols": 79, "leave": False, "ascii": sys.platform == "win32"}
    bar = tqdm(desc=url.rpartition("/")[2], total=1, file=sys.stdout, disable=not show_progress, **look)
    # Mirrors send these files as they are; asking for that keeps requests from unpacking one behind our back.
    fetch = pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUTS, headers={"Accept-Encoding": "identity"})
    received = io.BytesIO()
    with bar:
        fetch(url, received, None)
    if hashlib.sha256(received.getvalue()).hexdigest() != sha256:
        raise OSError("other bytes than the original's")
    return received.getvalue()


def _in_short(error: OSError) -> str:
    if getattr(error, "response", None) is not None:
        return f"HTTP {error.response.status_code}"
    return str(error) if type(error) is OSError else type(error).__name__

"""Verified files: read one against its SHA-256, store one atomically, fetch some from the first mirrors that deliver.

Nothing here knows which files these are; `fashion_utils.data` does.
"""

from collections.abc import Iterator
import contextlib
import functools
import hashlib
import io
import os
from pathlib import Path
import queue
import secrets
import sys
import tempfile
import threading
import time
from urllib.parse import urlsplit
import warnings

TIMEOUTS = (3, 10)  # seconds to connect, and between two packets
LEFTOVER_AFTER = 3600  # seconds after which a temporary file can only be what a killed process left behind


class DataError(RuntimeError):
    """The data cannot be had or is not what it should be; the message says what to do."""


class Unreachable(Exception):
    """No mirror delivered a file; the message says what was wrong with each."""


def read_verified(path: Path, sha256: str, size: int | None = None) -> bytes:
    """Read a file whole and return its bytes if they have this SHA-256.

    `size`, the expected number of bytes where it is known, only makes the message better.

    Raises DataError, naming the file, what was expected and what was found.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path.name} is missing") from None
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({error.strerror})") from None
    found = hashlib.sha256(content).hexdigest()
    if found == sha256:
        return content
    expected = f"{size:,} bytes with " if size else ""
    if not content:
        looks_like = "an empty file"
    elif content.lstrip()[:1] == b"<":
        looks_like = "a web page"
    elif size and len(content) < size:
        looks_like = "a file cut short"
    else:
        looks_like = "other content"
    raise DataError(
        f"{path.name} is not the expected file: expected {expected}SHA-256 {sha256[:12]}..., "
        f"found {looks_like}, {len(content):,} bytes with SHA-256 {found[:12]}..."
    )


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file, making its folder if need be, so that nobody ever sees a part of it under its name.

    Raises OSError where that cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f"{path.name}.*.part"):
        with contextlib.suppress(OSError):  # gone already, or not ours to remove
            if time.time() - leftover.stat().st_mtime > LEFTOVER_AFTER:
                leftover.unlink()
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def store(path: Path, content: bytes) -> Path:
    """Write a file atomically, or, where it cannot be written, one in the temporary folder instead; return which."""
    try:
        write_atomically(path, content)
    except OSError:
        path = temporary_folder() / path.parent.name / path.name
        write_atomically(path, content)
    return path


def temporary_folder() -> Path:
    """A folder that is removed when this process ends, the same one at every call."""
    return Path(_temporary_directory().name)


@functools.cache
def _temporary_directory() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="fashion-utils-", ignore_cleanup_errors=True)


def set_aside(path: Path) -> bool:
    """Rename a bad file to `name.bad-...`, with a different end for each content; False where that is refused."""
    try:
        os.replace(path, path.with_name(f"{path.name}.bad-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"))
    except OSError:
        return False
    return True


def download(
    files: dict[str, str], mirrors: tuple[str, ...], probe: tuple[str, str], patience: float
) -> Iterator[tuple[str, bytes]]:
    """Yield name and verified bytes of each file, with a progress bar on stdout.

    All mirrors are first asked for one small file at the same time, and whoever delivers it whole and right soonest
    serves the rest; a mirror that fails later is left for the next. That way neither a mirror that hangs nor a name
    server that hangs costs more than `patience`.

    Arguments: `files`, file name to SHA-256; `mirrors`, the URLs of the folders that hold them, each ending in a slash;
    `probe`, name and SHA-256 of the small file; `patience`, seconds to wait for an answer.

    Raises Unreachable when no mirror is left.
    """
    with warnings.catch_warnings():
        # Imported in a notebook for the first time, pooch's tqdm complains on stderr that ipywidgets are missing.
        warnings.simplefilter("ignore")
        import pooch  # noqa: F401
    failures = dict.fromkeys(mirrors, "no answer")
    answering = _answering_mirrors(mirrors, probe, patience, failures)
    mirror = next(answering, None)
    for name, sha256 in files.items():
        content = None
        while content is None:
            if mirror is None:
                reasons = "; ".join(f"{urlsplit(url).netloc}: {reason}" for url, reason in failures.items())
                raise Unreachable(f"no mirror delivered the files ({reasons})")
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
        try:
            _get(mirror + name, sha256)
        except OSError as error:
            answers.put((mirror, _in_short(error)))
        else:
            answers.put((mirror, None))

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

    bar = None
    if show_progress:
        # On stdout, for tqdm's own choice, stderr, does not belong in a saved notebook. Pooch sets the real total.
        options = {"unit": "B", "unit_scale": True, "ncols": 79, "leave": False, "ascii": sys.platform == "win32"}
        bar = tqdm(desc=url.rpartition("/")[2], total=1, file=sys.stdout, **options)
    # Mirrors send these files as they are; asking for that keeps requests from unpacking one behind our back.
    fetch = pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUTS, headers={"Accept-Encoding": "identity"})
    received = io.BytesIO()
    with bar or contextlib.nullcontext():
        fetch(url, received, None)
    if hashlib.sha256(received.getvalue()).hexdigest() != sha256:
        raise OSError("other bytes than the original's")
    return received.getvalue()


def _in_short(error: OSError) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code}"
    return str(error) if type(error) is OSError else type(error).__name__

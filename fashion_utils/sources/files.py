"""Verified files: read one against its SHA-256, say what another one is, write one atomically."""

import atexit
import contextlib
import functools
import hashlib
import math
import os
from pathlib import Path
import secrets
import shutil
import tempfile
import time
import zlib

LEFTOVER_AFTER = 3600  # seconds after which a temporary file can only be what a killed process left behind
MOST_UNPACKED = 100_000_000  # bytes; more is not unpacked, only to say what a file is


class DataError(RuntimeError):
    """The data cannot be had or is not what it should be; the message says what to do."""


class Unreachable(Exception):
    """No mirror delivered a file; the message says what was wrong with each."""


def read_verified(path: Path, sha256: str, size: int | None = None) -> bytes:
    """The bytes of a file with this SHA-256, or DataError: which file, what was expected (the size too) and found."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path.name} is {'a link to a file that is ' * path.is_symlink()}missing") from None
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({error.strerror})") from None
    found = hashlib.sha256(content).hexdigest()
    if found == sha256:
        return content
    expected = f"{size:,} bytes with " if size else ""
    raise DataError(
        f"{path.name} is not the expected file: expected {expected}SHA-256 {sha256[:12]}..., "
        f"found {describe(content)}, {len(content):,} bytes with SHA-256 {found[:12]}..."
    )


def describe(content: bytes) -> str:
    """Say what a file is, and nothing that its bytes do not show: how it came to be so cannot be seen in it."""
    if not content:
        return "an empty file"
    if not is_gzip(content):
        return _idx(content) or f"a file that is not compressed by gzip and begins with {content[:24]!r}"
    unpacking = zlib.decompressobj(wbits=31)  # 31: gzip
    try:
        unpacked = unpacking.decompress(content, MOST_UNPACKED)
    except zlib.error as error:
        return f"a gzip file that cannot be unpacked ({str(error).rpartition(': ')[2]})"
    if not unpacking.eof:
        more = f"that unpacks to more than {MOST_UNPACKED:,} bytes"
        return f"a gzip file {more if unpacking.unconsumed_tail else 'without its end'}"
    behind = f" and has {len(unpacking.unused_data):,} bytes more behind its end" if unpacking.unused_data else ""
    return f"a gzip file that unpacks to {_idx(unpacked) or f'{len(unpacked):,} bytes, not in IDX format'}{behind}"


def is_gzip(content: bytes) -> bool:
    return content.startswith(b"\x1f\x8b")


def unpack(content: bytes) -> bytes:
    """What a gzip file holds, or any other as it is; b"" for one that is damaged, holds too much, or goes on behind."""
    if not is_gzip(content):
        return content
    unpacking = zlib.decompressobj(wbits=31)
    with contextlib.suppress(zlib.error):
        unpacked = unpacking.decompress(content, MOST_UNPACKED)
        if unpacking.eof and not unpacking.unused_data:
            return unpacked
    return b""


def _idx(content: bytes) -> str:
    """Describe an IDX file (the format of MNIST: a header with the shape, then the values); "" for anything else."""
    if len(content) < 4 or not content.startswith(b"\0\0\x08") or len(content) < 4 + 4 * content[3]:
        return ""
    header = 4 + 4 * content[3]
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, header, 4)]
    values = " × ".join(f"{length:,}" for length in shape)
    if len(content) - header == math.prod(shape):
        return f"an IDX file of {values} values"
    return f"the header of an IDX file of {values} values, followed by {len(content) - header:,} bytes"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file, and its folder if need be, so that nobody ever sees a part of it; OSError where that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f"{path.name}.*.part"):
        with contextlib.suppress(OSError):  # gone already, or not ours to remove
            if time.time() - leftover.stat().st_mtime > LEFTOVER_AFTER:
                leftover.unlink()
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def store(path: Path, content: bytes) -> Path:
    """Write a file atomically, or, where it cannot be written, one in the temporary folder instead; return which."""
    try:
        write_atomically(path, content)
    except OSError:
        path = temporary_folder() / path.parent.name / path.name
        write_atomically(path, content)
    return path


@functools.cache
def temporary_folder() -> Path:
    """A folder that is removed when this process ends, the same one at every call."""
    folder = Path(tempfile.mkdtemp(prefix="fashion-utils-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def set_aside(path: Path) -> bool:
    """Rename a bad file to `name.bad-...`, with a different end for each content; False where that is refused."""
    with contextlib.suppress(OSError):
        os.replace(path, path.with_name(f"{path.name}.bad-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"))
        return True
    return False

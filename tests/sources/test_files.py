"""Files: what is said of one that is not the expected one, each claim checked, and atomic writing."""

import gzip
import hashlib
import os
import re
import sys
import time

from data_fixtures import listing
from fashion_utils.sources import files
import pytest


def gz(content):
    return gzip.compress(content, mtime=0)


PICTURES = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(2 * 28 * 28)
LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 5, 9, 0, 0, 3, 0])
FLIPPED = bytearray(gz(PICTURES))
FLIPPED[-6] ^= 1  # in the checksum

FOUND = {
    b"": "an empty file",
    b"<html><body>Please log in</body></html>": "not compressed by gzip and begins with b'<html><body>Please log i'",
    b"<?xml version='1.0'?>": "not compressed by gzip and begins with b\"<?xml version='1.0'?>\"",
    b"version https://git-lfs.github.com/spec/v1": "and begins with b'version https://git-lfs.'",
    gz(PICTURES)[:-9]: "a gzip file without its end",
    gz(PICTURES)[:-1]: "a gzip file without its end",
    gz(PICTURES)[:2]: "a gzip file without its end",
    gz(PICTURES)[5:]: "not compressed by gzip and begins with b'",
    bytes(FLIPPED): "a gzip file that cannot be unpacked (incorrect data check)",
    gz(PICTURES): "a gzip file that unpacks to an IDX file of 2 × 28 × 28 values",
    gz(LABELS): "a gzip file that unpacks to an IDX file of 5 values",
    gz(LABELS) + b"junk": "an IDX file of 5 values and has 4 bytes more behind its end",
    gz(LABELS[:-1]): "unpacks to the header of an IDX file of 5 values, followed by 4 bytes",
    gz(b"label,pixel1\n"): "a gzip file that unpacks to 13 bytes, not in IDX format",
    gz(b""): "a gzip file that unpacks to 0 bytes, not in IDX format",
    PICTURES: "an IDX file of 2 × 28 × 28 values",
    PICTURES[:3]: "not compressed by gzip and begins with b'\\x00\\x00\\x08'",
    PICTURES[:10]: "not compressed by gzip and begins with",
}


@pytest.mark.parametrize("content", FOUND, ids=FOUND.values())
def test_only_what_a_files_bytes_show_is_said_of_it(tmp_path, content):
    (tmp_path / "file.gz").write_bytes(content)
    with pytest.raises(files.DataError) as caught:
        files.read_verified(tmp_path / "file.gz", "0" * 64, size=10**6)  # every one is smaller than expected
    message = str(caught.value)
    assert FOUND[content] in message
    assert not any(guess in message for guess in ("cut short", "web page", "incomplete", "download", "damaged"))
    assert f"expected 1,000,000 bytes with SHA-256 {'0' * 12}..., found " in message
    assert f"{len(content):,} bytes with SHA-256 {hashlib.sha256(content).hexdigest()[:12]}..." in message


def test_a_gzip_file_of_endless_zeros_is_not_unpacked_whole(monkeypatch):
    monkeypatch.setattr(files, "MOST_UNPACKED", 1000)
    assert files.describe(gz(bytes(10**6))) == "a gzip file that unpacks to more than 1,000 bytes"


@pytest.mark.parametrize("name, reason", [("none.gz", "is missing"), ("folder.gz", "cannot be read (")])
def test_a_file_that_cannot_be_read_is_not_said_to_be_missing(tmp_path, name, reason):
    (tmp_path / "folder.gz").mkdir()
    with pytest.raises(files.DataError, match=f"^{name} {re.escape(reason)}"):
        files.read_verified(tmp_path / name, "0" * 64)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_link_to_nowhere_is_told_from_a_file_that_is_missing(tmp_path):
    (tmp_path / "link.gz").symlink_to(tmp_path / "unplugged")
    with pytest.raises(files.DataError, match=r"^link.gz is a link to a file that is missing$"):
        files.read_verified(tmp_path / "link.gz", "0" * 64)


def test_process_killed_in_mid_write(tmp_path, monkeypatch):
    """Nothing under the final name; what is left is removed by a later run, but not what may still be being written."""
    path = tmp_path / "file"
    with monkeypatch.context() as killed:
        killed.setattr(os, "replace", lambda *paths: None)
        killed.setattr(files.Path, "unlink", lambda *arguments, **options: None)
        files.write_atomically(path, b"content")
        files.write_atomically(path, b"content")
    old, new = tmp_path.glob("file.*.part")
    assert not path.exists()
    long_ago = time.time() - 2 * files.LEFTOVER_AFTER
    os.utime(old, (long_ago, long_ago))
    files.write_atomically(path, b"content")
    assert listing(tmp_path) == {"file": b"content", new.name: b"content"}


def test_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(*paths):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        files.write_atomically(tmp_path / "file", b"content")
    assert listing(tmp_path) == {}


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "new folder" / "file"
    files.write_atomically(path, b"old")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and [file.name for file in path.parent.iterdir()] == ["file"]

from __future__ import annotations

import gzip
import hashlib
import io
import os
from pathlib import Path

import pytest

from analyzer.capture.source import BLOCK, ROOM, Source, open_file
from analyzer.errors import CaptureError


def drain(source: Source) -> bytes:
    found = b""
    while True:
        turn, buffer = source.buffer()
        count = source.read_block(turn, memoryview(buffer)[ROOM : ROOM + BLOCK])
        if not count:
            return found
        found += buffer[ROOM : ROOM + count]


@pytest.mark.parametrize("size", [0, 10, 64, 65, BLOCK - 1, BLOCK, 3 * BLOCK + 17])
def test_plain_bytes_pass_whole_and_are_hashed(size: int) -> None:
    data = os.urandom(size)
    told: list[tuple[int, int | None]] = []
    source = Source(io.BytesIO(data), "x", size=size, progress=lambda done, total: told.append((done, total)))
    assert source.peeked == data[:64]
    assert drain(source) == data
    assert source.finish() == hashlib.sha256(data).hexdigest()
    assert source.container == ""
    assert source.broken is None
    if size:
        assert told[-1] == (size, size)


@pytest.mark.parametrize("members", [1, 3])
def test_gzip_members_are_read_one_after_the_other(members: int) -> None:
    parts = [os.urandom(300_000) + bytes(2_000_000) for _ in range(members)]
    data = b"".join(gzip.compress(part, 1) for part in parts)
    source = Source(io.BytesIO(data), "x")
    assert source.container == "+gzip"
    assert source.peeked == parts[0][:64]
    assert drain(source) == b"".join(parts)
    assert source.finish() == hashlib.sha256(data).hexdigest()
    assert source.broken is None


def test_padding_after_gzip_is_no_damage() -> None:
    source = Source(io.BytesIO(gzip.compress(b"a" * 100) + bytes(512)), "x")
    assert drain(source) == b"a" * 100
    assert source.broken is None


def test_gzip_that_ends_early_gives_what_is_there() -> None:
    plain = os.urandom(200_000)
    source = Source(io.BytesIO(gzip.compress(plain)[:-60_000]), "x")
    found = drain(source)
    assert plain.startswith(found)
    assert len(found) > 100_000
    assert source.broken is not None
    assert "ends early" in source.broken


def test_damaged_gzip_is_said() -> None:
    data = bytearray(gzip.compress(os.urandom(100_000)))
    data[50_000:50_040] = bytes(40)
    source = Source(io.BytesIO(bytes(data)), "x")
    assert len(drain(source)) < 100_001
    assert source.broken is not None


def test_zstandard() -> None:
    zstandard = pytest.importorskip("zstandard")
    plain = os.urandom(100_000) * 3
    data = zstandard.ZstdCompressor().compress(plain) + zstandard.ZstdCompressor().compress(b"tail")
    source = Source(io.BytesIO(data), "x")
    assert source.container == "+zstd"
    assert drain(source) == plain + b"tail"
    assert source.finish() == hashlib.sha256(data).hexdigest()


def test_all_bytes_before_a_wrong_check_sum_are_given() -> None:
    plain = os.urandom(50_000) * 3
    source = Source(io.BytesIO(gzip.compress(plain)[:-8] + bytes(8)), "x")
    assert drain(source) == plain
    assert source.broken is not None


def test_nearly_all_bytes_before_damage_in_zstandard_are_given() -> None:
    zstandard = pytest.importorskip("zstandard")
    plain = os.urandom(100_000)
    source = Source(io.BytesIO(zstandard.ZstdCompressor().compress(plain) + b"no frame"), "x")
    found = drain(source)
    assert plain.startswith(found)
    assert len(found) > 95_000
    assert source.broken is not None


def test_zstandard_that_ends_early_is_said() -> None:
    zstandard = pytest.importorskip("zstandard")
    plain = os.urandom(300_000)
    source = Source(io.BytesIO(zstandard.ZstdCompressor().compress(plain)[:-100_000]), "x")
    found = drain(source)
    assert plain.startswith(found)
    assert source.broken is not None
    assert "ends early" in source.broken


def test_zstandard_that_begins_with_a_frame_to_skip() -> None:
    zstandard = pytest.importorskip("zstandard")
    data = bytes.fromhex("502a4d1804000000") + bytes(4) + zstandard.ZstdCompressor().compress(b"capture")
    assert drain(Source(io.BytesIO(data), "x")) == b"capture"


def test_no_hash_unless_asked() -> None:
    source = Source(io.BytesIO(b"abc"), "x", hash_file=False)
    drain(source)
    assert source.finish() == ""


def test_what_was_not_read_is_hashed_all_the_same() -> None:
    data = os.urandom(5000)
    assert Source(io.BytesIO(data), "x").finish() == hashlib.sha256(data).hexdigest()


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    for path, expected in ((tmp_path / "missing", "no such file"), (tmp_path, "folder")):
        with pytest.raises(CaptureError, match=expected):
            open_file(str(path))
    with pytest.raises(CaptureError, match="cannot be opened"):
        open_file("a\0b")

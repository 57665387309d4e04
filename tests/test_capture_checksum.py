from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from analyzer.capture import checksum
from analyzer.capture.checksum import FileChecksum


@pytest.mark.parametrize("size", [0, 1, 1000, 1001, 5000])
def test_a_file_of_any_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(checksum, "_STEP", 1000)
    data = os.urandom(size)
    path = tmp_path / "x"
    path.write_bytes(data)
    made = FileChecksum(str(path), size)
    assert made.finish() == made.finish() == hashlib.sha256(data).hexdigest()


def test_what_is_appended_later_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"first and then more")
    assert FileChecksum(str(path), 5).finish() == hashlib.sha256(b"first").hexdigest()


def test_a_file_that_is_gone_has_no_hash(tmp_path: Path) -> None:
    assert FileChecksum(str(tmp_path / "gone"), 10).finish() == ""

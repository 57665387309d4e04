"""A followed log gives every line once: while it grows, is renamed, is truncated, or is gone for a while."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.errors import LogError
from analyzer.live.follow import FollowedLog


def _texts(log: FollowedLog) -> list[str]:
    return [line.data.decode() for line in log.poll()]


def _append(path: Path, text: str) -> None:
    with path.open("ab") as stream:
        stream.write(text.encode())


def test_only_new_lines_are_given_but_old_ones_are_context(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("one\ntwo\n", encoding="utf-8")
    log = FollowedLog(path)
    assert _texts(log) == []
    _append(path, "three\nfo")
    assert [(line.number, line.data) for line in log.poll()] == [(3, b"three")]
    _append(path, "ur\r\n")
    assert [(line.number, line.data) for line in log.poll()] == [(4, b"four")]
    assert [line.data for line in log.context()] == [b"one", b"two", b"three", b"four"]


def test_a_renamed_log_is_read_to_its_end_first(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("old\n", encoding="utf-8")
    log = FollowedLog(path)
    _append(path, "before the rename\n")
    path.rename(tmp_path / "app.log.1")
    _append(tmp_path / "app.log.1", "after the rename\n")
    path.write_text("new file\n", encoding="utf-8")
    assert _texts(log) == ["before the rename", "after the rename", "new file"]
    assert log.rotations == 1
    _append(path, "goes on\n")
    assert [(line.number, line.data) for line in log.poll()] == [(2, b"goes on")]


def test_a_truncated_log_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("a long line that will go away\n" * 4, encoding="utf-8")
    log = FollowedLog(path)
    path.write_text("fresh\n", encoding="utf-8")
    assert _texts(log) == ["fresh"]


def test_a_log_that_was_truncated_and_grew_past_its_old_size_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("10:00 first run starts\n", encoding="utf-8")
    log = FollowedLog(path)
    path.write_text("11:00 second run starts\nand says more than the first one did\n", encoding="utf-8")
    assert _texts(log) == ["11:00 second run starts", "and says more than the first one did"]


def test_a_log_that_is_gone_for_a_while_is_said_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("one\n", encoding="utf-8")
    log = FollowedLog(path)
    path.unlink()
    assert _texts(log) == []
    assert log.trouble is not None
    path.write_text("back\n", encoding="utf-8")
    assert _texts(log) == ["back"]
    assert log.trouble is None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_wide_logs_are_given_as_utf_8(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "app.log"
    mark = "" if encoding == "utf-16" else "\ufeff"
    path.write_bytes((mark + "eins\n").encode(encoding))
    log = FollowedLog(path)
    plain = "utf-16-le" if encoding == "utf-16" else encoding
    with path.open("ab") as stream:
        data = "Übertragung ਊ fehlgeschlagen\r\nzwei\n".encode(plain)
        stream.write(data[:7])
    assert _texts(log) == []
    with path.open("ab") as stream:
        stream.write(data[7:])
    assert _texts(log) == ["Übertragung ਊ fehlgeschlagen", "zwei"]


def test_context_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("start\n", encoding="utf-8")
    log = FollowedLog(path)
    _append(path, "".join(f"line {n}\n" for n in range(5000)))
    assert len(log.poll()) == 5000
    assert len(log.context()) == 400
    _append(path, "x" * 3_000_000)
    log.poll()
    assert sum(len(line.data) for line in log.context()) <= (1 << 20) + (256 << 10)


def test_a_log_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="check the name after --log"):
        FollowedLog(tmp_path / "none.log")

"""What a file is, is told by its bytes."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.errors import LogError
from analyzer.logs.sources import gather, read_rows

LINE = b"2026-11-22 14:05:01 send failed: WSAENOTCONN\n"


def put(folder: Path, data: bytes) -> Path:
    path = folder / "some.file"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_logs(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    found = gather(put(tmp_path, pack(LINE * 3)))
    assert (found.format, found.errors, found.lines) == ("text", 3, 3)


def test_a_cut_compressed_log_is_read_up_to_the_cut(tmp_path: Path) -> None:
    import random

    noise = random.Random(1)
    data = b"".join(b"2026-11-22 14:05:01 %d send failed: WSAENOTCONN\n" % noise.getrandbits(200) for _ in range(3000))
    found = gather(put(tmp_path, gzip.compress(data)[:-2000]))
    assert 0 < found.errors < 3000
    assert "damaged" in found.problems[0]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (LINE, "text"),
        (b'{"time":"2026-11-22T14:05:01Z","msg":"WSAENOTCONN"}\n' * 3, "json-lines"),
        (b'{"time":"2026-11-22T14:05:01Z","msg":"WSAENOTCONN"}', "json-lines"),
        (b'[{"time":"2026-11-22T14:05:01Z","msg":"WSAENOTCONN"}]', "json"),
        (b'[\n  {\n    "time": "2026-11-22T14:05:01Z",\n    "msg": "WSAENOTCONN"\n  }\n]', "json"),
        (b'{"records":[{"time":"2026-11-22T14:05:01Z","msg":"WSAENOTCONN"}]}', "json"),
        (b'{\n "time": "2026-11-22T14:05:01Z",\n "msg": "WSAENOTCONN"\n}', "json"),
        (b"time,level,message\n2026-11-22 14:05:01,ERROR,WSAENOTCONN\n", "csv"),
        (b"#Fields: date time x\n2026-11-22 14:05:01 WSAENOTCONN\n", "w3c"),
        (b"[2026-11-22 14:05:01.000] WSAENOTCONN\n", "text"),
        (b"[14:05:01 ERR] WSAENOTCONN\n", "text"),
        (b"{not json} 2026-11-22 14:05:01 WSAENOTCONN\n", "text"),
    ],
)
def test_formats(data: bytes, kind: str, tmp_path: Path) -> None:
    found = gather(put(tmp_path, data))
    assert (found.format, found.errors) == (kind, data.count(b"WSAENOTCONN"))


def test_powershell_json_dates(tmp_path: Path) -> None:
    rows = [{"TimeCreated": f"/Date({1795356301000 + n})/", "Message": "send failed: WSAENOTCONN"} for n in range(2)]
    found = gather(put(tmp_path, json.dumps(rows, indent=2).encode()))
    assert found.errors == 2
    assert all(stamp is not None and stamp.form == "epoch" for _, stamp in found.events)


def test_socket_tables(tmp_path: Path) -> None:
    data = b"  TCP    10.0.0.5:50123    10.9.0.7:21    CLOSE_WAIT    988\r\n"
    found = gather(put(tmp_path, data))
    assert (found.format, len(found.sockets)) == ("netstat", 1)
    assert len(read_rows(put(tmp_path, "\ufeff".encode("utf-16-le") + data.decode().encode("utf-16-le")))) == 1


def test_unreadable(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="database"):
        gather(put(tmp_path, b"SQLite format 3\0" + bytes(100)))
    with pytest.raises(LogError, match="before Vista"):
        gather(put(tmp_path, b"\x30\0\0\0LfLe" + bytes(100)))

"""A log is streamed: what is found does not depend on how its bytes arrive, nor does memory on its size."""

from __future__ import annotations

import random

import pytest

from analyzer.logs import scan
from analyzer.logs.block import Block
from analyzer.logs.scan import LogScanner, Scan
from tests.log_shapes import load_shapes


def scanned(data: bytes, *cuts: int) -> Scan:
    scanner = LogScanner("a.log")
    start = 0
    for cut in (*cuts, len(data)):
        scanner.feed(data[start:cut])
        start = cut
    return scanner.close()


def log_of(count: int, every: int) -> bytes:
    lines = []
    for number in range(count):
        head = f"2026-11-22 14:{number // 60 % 60:02d}:{number % 60:02d},{number % 1000:03d} [7] "
        if number % every == every - 1:
            lines.append(
                f"{head}ERROR A - send failed (10.9.0.7:{number % 60000 + 1})\n"
                "System.Net.Sockets.SocketException (10057): A request to send or receive data was disallowed\n"
                "   at System.Net.Sockets.Socket.Send(Byte[] buffer)\n"
            )
        else:
            lines.append(f"{head}INFO A - {'connected to 10.9.0.7:21' if number % 7 == 0 else 'request served'}\n")
    return "".join(lines).encode()


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "BLOCK", 8 << 10)
    monkeypatch.setattr(scan, "LOOK_BACK", 16 << 10)
    monkeypatch.setattr(scan, "LOOK_AHEAD", 4 << 10)
    monkeypatch.setattr(scan, "_RECORD_BYTES", 2 << 10)
    monkeypatch.setattr(scan, "_HEAD", 1 << 10)


@pytest.mark.usefixtures("small_blocks")
def test_any_cutting_gives_the_same() -> None:
    data = log_of(3000, 40)
    whole = scanned(data)
    assert whole.errors_seen == 75
    random_cut = random.Random(3)
    for _ in range(12):
        cuts = sorted(random_cut.sample(range(len(data)), random_cut.randrange(1, 60)))
        assert scanned(data, *cuts) == whole
    assert scanned(data, *range(1, len(data), 997)) == whole


@pytest.mark.usefixtures("small_blocks")
def test_every_error_is_found_once_wherever_blocks_end() -> None:
    data = log_of(2000, 25)
    for shift in range(0, 400, 7):
        padded = b"#" * shift + b"\n" + data
        found = scanned(padded)
        lines = [event.line for event, _ in found.events if event.kind == "error"]
        assert len(lines) == len(set(lines)) == 80
        text = padded.decode().splitlines()
        assert all("send failed" in text[line - 1] for line in lines)


@pytest.mark.usefixtures("small_blocks")
def test_cutting_utf16_anywhere_gives_the_same() -> None:
    data = b"\xff\xfe" + log_of(600, 40).decode().encode("utf-16-le")
    whole = scanned(data)
    assert whole.errors_seen == 15
    assert scanned(data, *range(1, len(data), 1001)) == whole


@pytest.mark.usefixtures("small_blocks")
def test_memory_is_bounded() -> None:
    scanner = LogScanner("a.log")
    data = log_of(2000, 500)
    for _ in range(30):
        scanner.feed(data)
        assert len(scanner._buffer) < 80 << 10
        assert len(scanner._visited) < 4000
    found = scanner.close()
    assert found.errors_seen == 120
    assert found.size == 30 * len(data)
    assert found.lines == 30 * data.count(b"\n")


def test_byte_by_byte() -> None:
    for shape in load_shapes()[::9]:
        data = shape.text.encode()
        assert scanned(data, *range(1, len(data))) == scanned(data), shape.name


def test_beyond_the_bound_errors_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "MAX_ERRORS", 10)
    found = scanned(b"".join(b"2026-11-22 14:05:%02d send failed: WSAENOTCONN\n" % n for n in range(50)))
    assert (found.errors_seen, found.errors_dropped) == (50, 40)
    assert sum(event.kind == "error" for event, _ in found.events) == 10


def test_steps_far_back_are_found_by_the_endpoint() -> None:
    noise = "".join(f"2026-11-22 14:00:{n % 60:02d} connected to 10.1.1.{n % 250}:80\n" for n in range(5000))
    text = (
        "2026-11-22 13:59:00 service started\n" * 900
        + "2026-11-22 13:59:59 connected to 10.9.0.7:21 from local port 50123\n"
        + noise
        + "2026-11-22 14:05:01 send failed: 10057 (10.9.0.7:21)\n"
    )
    found = scanned(text.encode())
    assert 50123 in [event.local_port for event, _ in found.events]


def test_a_process_id_on_every_line_is_no_error() -> None:
    line = b"2026-11-22 14:05:01.123 ERROR 10057 --- [main] c.e.Client : connect refused by policy\n"
    assert scanned(line * 2000).errors_seen == 0
    assert scanned(b"Nov 22 14:05:01 h svc[10057]: socket error\n" * 2000).errors_seen == 0


def test_very_long_lines() -> None:
    found = scanned(b"x" * 3_000_000 + b" send failed: WSAENOTCONN " + b"y" * 3_000_000)
    assert found.errors_seen == 1
    assert found.lines == 1


def test_nothing() -> None:
    found = scanned(b"")
    assert (found.lines, found.errors_seen, found.events) == (0, 0, [])


@pytest.mark.usefixtures("small_blocks")
def test_a_line_without_end_takes_neither_memory_nor_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    head = b"2026-11-22 14:33:50 ERROR send failed: 10057 "
    looked: list[int] = []
    record = LogScanner._record

    def counted(self: LogScanner, block: Block, place: int) -> object:
        looked.append(len(self._buffer))
        return record(self, block, place)

    monkeypatch.setattr(LogScanner, "_record", counted)
    endless = head + b"x socket error 10057 " * 50_000
    found = scanned(endless + b"\n" + head + b"\n", *range(1000, len(endless), 5000))
    assert found.lines == 2
    assert len(looked) < 200
    assert max(looked) < 100_000
    assert [event.line for event, _ in found.events if event.kind == "error"][-1] == 2


def test_a_line_that_names_the_error_a_thousand_times_is_one_record() -> None:
    line = b"2026-11-22 14:05:01 \xff dump 0x2749 at" + b" 0x100 0x2749 at" * 3000
    found = scanned(b"\n".join([line] * 4))
    assert found.lines == 4
    assert found.errors_seen <= 4

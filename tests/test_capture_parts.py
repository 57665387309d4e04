from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.capture import file, parts
from analyzer.capture.file import read_capture
from analyzer.capture.parts import parts_of, read_in_parts
from analyzer.errors import CaptureError
from analyzer.flows.model import ACK, FIN, PSH, RST, SYN
from tests.digesting import START_NS, Packet, told_by
from tests.test_capture_blocks import HEADER, INTERFACE, enhanced, record
from tests.test_capture_formats import SECTION, block, option
from tests.test_decode_fragments import pieces
from tests.test_decode_tunnels import udp

Read = Callable[[Path, int], tuple[bool, dict[str, object]]]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take captures of small packets, as those here are, in parts too."""
    monkeypatch.setattr(parts, "_LENGTH", 0)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Read a file in so many parts and in one go; tell whether the parts were believed, and what both say."""

    def both(path: Path, number: int) -> tuple[bool, dict[str, object]]:
        believed: list[bool] = []

        def in_parts(*arguments: object) -> object:
            reading = read_in_parts(*arguments)  # type: ignore[arg-type]
            believed.append(reading is not None)
            return reading

        monkeypatch.setattr(file, "read_in_parts", in_parts)
        monkeypatch.setattr(file, "parts_of", lambda _size: number)
        monkeypatch.setattr(file, "LARGE", 1)
        told = told_by(read_capture(str(path)))
        monkeypatch.setattr(file, "LARGE", 1 << 60)
        assert told == told_by(read_capture(str(path)))
        return believed == [True], told

    return both


def conversations(count: int, length: int, *, port: int = 8080, words: bytes = b"x") -> list[Packet]:
    """So many connections, each packet of one after the same packet of the others."""
    found = []
    for n in range(length):
        for one in range(count):
            here, there = ("10.0.0.5", 50_000 + one), ("10.9.0.7", port)
            ends = (*here, *there) if n % 2 == 0 else (*there, *here)
            flags = SYN if n == 0 else SYN | ACK if n == 1 else FIN | ACK if n == length - 1 else PSH | ACK
            if one % 5 == 4 and n == length - 1:
                flags = RST
            found.append(
                Packet(
                    *ends, flags=flags, seq=1000 + 20 * (n // 2), ack=1020 + 20 * (n // 2),
                    payload=(words * 20)[:20] if n > 1 else b"", ns=START_NS + (n * count + one) * 40_000_000,
                )
            )
    return found


def pcap(path: Path, frames: list[bytes], times: list[int] | None = None) -> Path:
    stamps = times or [START_NS + n * 10**8 for n in range(len(frames))]
    path.write_bytes(
        HEADER
        + b"".join(
            struct.pack("<IIII", ns // 10**9, ns % 10**9 // 1000, len(frame), len(frame)) + frame
            for frame, ns in zip(frames, stamps, strict=True)
        )
    )
    return path


def written(path: Path, packets: list[Packet]) -> Path:
    return pcap(path, [packet.ethernet() for packet in packets], [packet.ns for packet in packets])


@pytest.mark.parametrize("number", [2, 3, 4])
@pytest.mark.parametrize("length", [6, 30, 140])
def test_parts_say_what_one_reading_says(read: Read, tmp_path: Path, number: int, length: int) -> None:
    believed, told = read(written(tmp_path / "x.pcap", conversations(12, length)), number)
    assert believed
    assert told["packets"] == 12 * length


def test_pcapng_with_statistics_and_comments_at_the_end(read: Read, tmp_path: Path) -> None:
    frames = [packet.ethernet() for packet in conversations(12, 40)]
    statistics = block(5, struct.pack("<III", 0, 0, 0) + option(4, struct.pack("<Q", 999)) + option(5, struct.pack("<Q", 2)))
    data = SECTION + INTERFACE + b"".join(enhanced(frame, 10**15 + n * 10**5) for n, frame in enumerate(frames))
    path = tmp_path / "x.pcapng"
    path.write_bytes(data + block(9, b"journal") + enhanced(frames[0], extra=option(1, b"hm")) + statistics)
    believed, told = read(path, 2)
    assert believed
    assert told["packets"] == len(frames) + 2
    assert told["health"].dropped == 2  # type: ignore[attr-defined]


def test_an_interface_that_appears_midway_is_read_in_one_go(read: Read, tmp_path: Path) -> None:
    frames = [packet.ethernet() for packet in conversations(12, 40)]
    blocks = [enhanced(frame, 10**15 + n * 10**5) for n, frame in enumerate(frames)]
    path = tmp_path / "x.pcapng"
    path.write_bytes(SECTION + INTERFACE + b"".join([*blocks[:50], INTERFACE, *blocks[50:]]))
    assert not read(path, 2)[0]


def test_records_within_a_packet_are_no_seam(read: Read, tmp_path: Path) -> None:
    """A packet that carries a capture, as a copied file does: the guess is wrong, the answer is not."""
    inner = b"".join(record(packet.ethernet(), at=START_NS // 10**9) for packet in conversations(3, 400))
    frames = [packet.ethernet() for packet in conversations(9, 6)]
    outer = Packet(payload=inner[:60_000]).ethernet()
    path = pcap(tmp_path / "x.pcap", [*frames, outer, outer, *frames[:40]])
    assert not read(path, 2)[0]


def test_a_damaged_second_half_is_told_with_its_place(read: Read, tmp_path: Path) -> None:
    path = written(tmp_path / "x.pcap", conversations(12, 40))
    data = path.read_bytes()
    path.write_bytes(data[:-7])
    believed, told = read(path, 2)
    assert believed
    assert "after frame 479" in told["health"].cut  # type: ignore[attr-defined]
    path.write_bytes(data[: len(data) // 4] + b"\xff" * 400 + data[len(data) // 4 :])
    believed, told = read(path, 2)
    assert not believed
    assert told["health"].damaged_blocks == 1  # type: ignore[attr-defined]


def test_a_clock_that_steps_back_at_the_seam(read: Read, tmp_path: Path) -> None:
    frames = [packet.ethernet() for packet in conversations(12, 40)]
    times = [START_NS + n * 10**6 for n in range(len(frames))]
    for at in range(len(frames) // 2 - 4, len(frames) // 2 + 4):
        moved = [*times[:at], *(ns - 3 * 10**9 for ns in times[at:])]
        believed, told = read(pcap(tmp_path / f"{at}.pcap", frames, moved), 2)
        assert believed
        assert told["health"].clock_steps == 1  # type: ignore[attr-defined]


def test_fragments_on_both_sides_of_the_seam_are_put_together(read: Read, tmp_path: Path) -> None:
    tcp = Packet(payload=b"p" * 700, seq=5).ethernet()[34:]
    parts_ = []
    for at in range(0, len(tcp), 240):
        packet = bytearray(pieces(4)[0][:20]) + tcp[at : at + 240]
        packet[2:4] = struct.pack("!H", len(packet))
        packet[6:8] = struct.pack("!H", at // 8 | (0x2000 if at + 240 < len(tcp) else 0))
        parts_.append(bytes.fromhex("0200000000010200000000020800") + packet)
    plain = [packet.ethernet() for packet in conversations(8, 30)]
    apart = [*plain[:10], parts_[0], *plain[10:-10], *parts_[1:], *plain[-10:]]
    assert not read(pcap(tmp_path / "apart.pcap", apart), 2)[0]
    behind = [*plain[:-10], *parts_, *plain[-10:]]
    assert read(pcap(tmp_path / "behind.pcap", behind), 2)[0]


@pytest.mark.parametrize(("port", "believed"), [(21, True), (2121, False)])
def test_ftp_lines_on_both_sides_of_the_seam(read: Read, tmp_path: Path, port: int, believed: bool) -> None:
    packets = conversations(8, 40, port=port, words=b"421 timeout, hang up")
    packets[8 * 3] = Packet("10.9.0.7", port, "10.0.0.5", 50_000, seq=1020, payload=b"220 ready\r\n", ns=packets[24].ns)
    found, told = read(written(tmp_path / "x.pcap", packets), 2)
    assert found is believed
    assert told["notes"]


def test_a_greeting_that_is_none_since_more_came_before(read: Read, tmp_path: Path) -> None:
    packets = conversations(8, 40, words=b"220 bytes of a file,")
    assert read(written(tmp_path / "x.pcap", packets), 2)[0]


def test_socks_negotiations(read: Read, tmp_path: Path) -> None:
    packets = conversations(8, 40, port=1080, words=b"\5\1\0\1\x0a\0\0\1\0\x50")
    read(written(tmp_path / "x.pcap", packets), 2)


def test_notes_of_both_parts_are_bounded_together(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.capture.reading.MAX_NOTES", 150)
    lookup = bytes.fromhex("0200000000010200000000020800") + udp(53, bytes(20))
    frames = [packet.ethernet() for packet in conversations(8, 20, port=21, words=b"421 timeout, hang up")]
    mixed = [one for frame in frames for one in (frame, lookup)]
    believed, told = read(pcap(tmp_path / "x.pcap", mixed), 2)
    assert believed
    notes = told["notes"]
    assert len(notes) == 150  # type: ignore[arg-type]
    assert [note.frame for note in notes] == sorted(note.frame for note in notes)  # type: ignore[attr-defined]
    assert told["health"].notes_dropped == 160 + 8 * 18 - 150  # type: ignore[attr-defined]


def test_progress_ends_at_the_size_and_may_stop_it_all(tmp_path: Path) -> None:
    path = written(tmp_path / "x.pcap", conversations(12, 40))
    size = path.stat().st_size
    told: list[tuple[int, int | None]] = []
    assert read_in_parts(str(path), size, 2, lambda done, total: told.append((done, total))) is not None
    assert told[-1] == (size, size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)

    def stop(_done: int, _total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_in_parts(str(path), size, 2, stop)


def test_what_is_compressed_or_empty_is_read_in_one_go(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap.gz"
    path.write_bytes(gzip.compress(HEADER + record(b"x" * 60) * 90))
    assert read_in_parts(str(path), path.stat().st_size, 2) is None
    path.write_bytes(HEADER)
    assert read_in_parts(str(path), path.stat().st_size, 2) is None
    path.write_bytes(b"no capture" * 90)
    with pytest.raises(CaptureError, match="text file"):
        read_in_parts(str(path), path.stat().st_size, 2)


def test_a_file_of_small_packets_is_read_in_one_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "x.pcap", conversations(12, 40))
    monkeypatch.setattr(parts, "_LENGTH", 192)
    assert read_in_parts(str(path), path.stat().st_size, 2) is None


def test_how_many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.capture.parts.os.sched_getaffinity", lambda _: set(range(16)), raising=False)
    monkeypatch.setattr("analyzer.capture.parts.tally.__file__", "tally.so")
    assert [parts_of(size << 20) for size in (0, 10, 31, 32, 50, 1000)] == [1, 1, 1, 2, 3, 4]
    monkeypatch.delattr("analyzer.capture.parts.os.sched_getaffinity")
    monkeypatch.setattr("analyzer.capture.parts.os.cpu_count", lambda: 3)
    assert parts_of(1 << 40) == 3
    monkeypatch.setattr("analyzer.capture.parts.os.cpu_count", lambda: None)
    assert parts_of(1 << 40) == 1
    monkeypatch.setattr("analyzer.capture.parts.os.cpu_count", lambda: 16)
    monkeypatch.setattr("analyzer.capture.parts.tally.__file__", "tally.py")
    assert parts_of(1 << 40) == 1

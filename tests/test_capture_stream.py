"""A stream gives the same records however its bytes are cut, and keeps whole records apart from headers."""

from __future__ import annotations

import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.capture.pcapng_writer import interface_block, packet_block, section_block, statistics_block
from analyzer.capture.stream import Stream
from analyzer.decode import columns as col
from analyzer.errors import CaptureError

_PREAMBLE = section_block(comments=("one",), application="test") + interface_block(1, 512, name="eth0")
_BLOCKS = [packet_block(0, 1_700_000_000_000_000_000 + n, bytes([n % 256]) * (40 + n % 90), 1500) for n in range(60)]
_STATISTICS = statistics_block(0, 1_700_000_000_500_000_000, received=60, dropped_by_interface=7)
_PCAPNG = _PREAMBLE + b"".join(_BLOCKS) + _STATISTICS
_PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(
    struct.pack("<IIII", 1_700_000_000 + n, 5, 50, 60) + bytes(50) for n in range(40)
)


def _read(data: bytes, cuts: list[int]) -> tuple[list[tuple[int, int, int]], bytes, Stream]:
    stream = Stream("test")
    records: list[tuple[int, int, int]] = []
    raw = b""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, stop in pairwise(places):
        for part in stream.feed(data[start:stop]):
            raw += bytes(part.raw)
            if part.batch is not None:
                for n in range(part.batch.count):
                    group = part.batch.records[n * col.REC_STRIDE : (n + 1) * col.REC_STRIDE]
                    records.append((part.batch.first_frame + n, group[col.REC_TS], group[col.REC_CAP]))
    return records, raw, stream


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(0, 1 << 20), max_size=12), pcap=st.booleans())
def test_any_cut_gives_the_same_records_and_the_same_copy(cuts: list[int], pcap: bool) -> None:
    data = _PCAP if pcap else _PCAPNG
    whole, raw, stream = _read(data, [])
    assert len(whole) == (40 if pcap else 60)
    found, again, other = _read(data, cuts)
    assert found == whole
    assert again == raw
    assert stream.preamble == other.preamble
    assert stream.preamble + raw == data
    assert other.pending == 0


def test_one_byte_at_a_time() -> None:
    assert _read(_PCAPNG, list(range(len(_PCAPNG))))[0] == _read(_PCAPNG, [])[0]


def test_what_was_dropped_is_read_from_the_statistics() -> None:
    _, _, stream = _read(_PCAPNG, [])
    assert stream.layout is not None
    (interface,) = stream.layout.interfaces
    assert (interface.name, interface.snap_length, interface.dropped) == ("eth0", 512, 7)


def test_a_claimed_section_length_does_not_survive_copying() -> None:
    data = bytearray(_PCAPNG)
    data[16:24] = struct.pack("<q", len(_PCAPNG))
    _, _, stream = _read(bytes(data), [])
    assert stream.preamble[16:24] == b"\xff" * 8


def test_frames_count_on() -> None:
    stream = Stream("test", frames=1000)
    first = next(part.batch.first_frame for part in stream.feed(_PCAP) if part.batch is not None)
    assert first == 1001
    assert stream.frames == 1040


def test_a_copy_with_its_preamble_is_a_capture(tmp_path: Path) -> None:
    from analyzer.capture.file import read_capture

    _, raw, stream = _read(_PCAPNG, [7, 90, 200, 5000])
    path = tmp_path / "copy.pcapng"
    path.write_bytes(stream.preamble + raw)
    assert read_capture(str(path)).info.packets == 60


@pytest.mark.parametrize(
    "data",
    [b"hello world, this is no capture at all", bytes(64), b"\x0a\x0d\x0d\x0a" + bytes(60), b"\x1f\x8b" + bytes(60)],
)
def test_what_is_no_capture_is_refused(data: bytes) -> None:
    with pytest.raises(CaptureError):
        list(Stream("-").feed(data))


def test_damage_ends_the_stream_quietly() -> None:
    stream = Stream("-")
    list(stream.feed(_PCAPNG[: len(_PREAMBLE) + len(_BLOCKS[0])]))
    list(stream.feed(b"\xff" * 64))
    assert stream.damage is not None
    assert "after frame 1" in stream.damage
    assert list(stream.feed(_BLOCKS[1])) == []


def test_endless_interfaces_are_damage() -> None:
    stream = Stream("-")
    list(stream.feed(_PREAMBLE))
    block = interface_block(1, 0, description="x" * 60_000)
    for _ in range(40):
        list(stream.feed(block))
    assert stream.damage is not None

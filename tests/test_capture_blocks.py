from __future__ import annotations

import gzip
import io
import struct

import pytest

from analyzer.capture.blocks import Reader
from analyzer.capture.formats import MAX_PACKET
from analyzer.capture.source import BLOCK, Source
from analyzer.decode import columns as col
from analyzer.errors import CaptureError
from tests.test_capture_formats import SECTION, block, option

HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
INTERFACE = block(1, struct.pack("<HHI", 1, 0, 0))


def record(data: bytes, *, at: int = 1, claimed: int | None = None) -> bytes:
    return struct.pack("<IIII", at, 5, len(data) if claimed is None else claimed, len(data)) + data


def enhanced(data: bytes, ticks: int = 1_000_000, *, face: int = 0, original: int | None = None, extra: bytes = b"") -> bytes:
    head = struct.pack("<IIIII", face, ticks >> 32, ticks & 0xFFFFFFFF, len(data), original or len(data))
    return block(6, head + data + bytes(-len(data) % 4) + extra)


def read(data: bytes) -> tuple[list[tuple[int, bytes, int, int]], Reader]:
    """Return frame, bytes, original length and time of every record."""
    reader = Reader(Source(io.BytesIO(data), "x", hash_file=False))
    found = []
    for batch in reader.batches():
        for n in range(batch.count):
            group = batch.records[n * col.REC_STRIDE : (n + 1) * col.REC_STRIDE]
            off, cap = group[col.REC_OFF], group[col.REC_CAP]
            found.append((batch.first_frame + n, bytes(batch.buffer[off : off + cap]), group[col.REC_ORIG], group[col.REC_TS]))
    return found, reader


def test_pcap_records() -> None:
    found, reader = read(HEADER + record(b"one") + record(b"three") + record(b""))
    assert found == [(1, b"one", 3, 1_000_005_000), (2, b"three", 5, 1_000_005_000), (3, b"", 0, 1_000_005_000)]
    assert reader.cut is None


def test_records_across_many_blocks_of_the_file() -> None:
    data = [bytes([n % 251]) * (1 + (n * 7919) % 9000) for n in range(1800)]
    found, reader = read(HEADER + b"".join(record(part) for part in data))
    assert [part for _, part, _, _ in found] == data
    assert [frame for frame, *_ in found] == list(range(1, 1801))
    assert sum(map(len, data)) > 3 * BLOCK
    assert reader.cut is None


@pytest.mark.parametrize("missing", range(1, 21))
def test_a_cut_record_ends_reading_with_place_and_reason(missing: int) -> None:
    whole = HEADER + record(b"one") + record(b"four")
    found, reader = read(whole[:-missing])
    assert len(found) == 1
    if missing == 20:
        assert reader.cut is None
    else:
        assert reader.cut is not None
        assert "after frame 1, at byte 43" in reader.cut
        assert f"cut after {20 - missing} bytes" in reader.cut


def test_a_record_that_claims_four_gigabytes_is_not_believed() -> None:
    found, reader = read(HEADER + record(b"one") + record(b"two", claimed=0xFFFFFFFF) + bytes(1000))
    assert len(found) == 1
    assert reader.cut is not None
    assert "4294967295" in reader.cut
    assert reader.damaged == 1


def test_the_largest_believed_record_passes() -> None:
    data = bytes(MAX_PACKET)
    found, reader = read(HEADER + record(b"x" * 5000) + record(data) + record(b"end"))
    assert [len(part) for _, part, _, _ in found] == [5000, MAX_PACKET, 3]
    assert reader.cut is None


def test_pcapng_packets_of_three_kinds() -> None:
    simple = block(3, struct.pack("<I", 9) + b"simple.x" + bytes(4))
    old = block(2, struct.pack("<HHIIII", 0, 3, 0, 7_000_000, 3, 60) + b"old\0")
    found, reader = read(SECTION + INTERFACE + enhanced(b"new", 5_000_000) + old + simple)
    assert found == [
        (1, b"new", 3, 5 * 10**9),
        (2, b"old", 60, 7 * 10**9),
        (3, b"simple.x\0", 9, 7 * 10**9),
    ]
    assert reader.layout.walk[col.WALK_TRUNCATED] == 1


def test_pcapng_times_in_every_resolution() -> None:
    cases = [(b"\x06", 1_500_000, 1_500_000_000), (b"\x09", 1_500_000_000, 1_500_000_000), (b"\x03", 1500, 1_500_000_000),
             (b"\x0c", 1_500_000_000_000, 1_500_000_000), (b"\x94", 3 << 19, 1_500_000_000), (b"\xbf", 3 << 62, 10**9 * 3 // 2),
             (b"\x80", 2, 2_000_000_000)]  # fmt: skip
    data = SECTION
    for resolution, _, _ in cases:
        data += block(1, struct.pack("<HHI", 1, 0, 0) + option(9, resolution))
    for face, (_, ticks, _) in enumerate(cases):
        data += enhanced(b"x", ticks, face=face)
    found, _ = read(data)
    assert [ns for *_, ns in found[:5]] == [ns for _, _, ns in cases[:5]]
    assert found[6][3] == cases[6][2]


def test_a_time_beyond_reason_is_clamped() -> None:
    found, reader = read(SECTION + INTERFACE + enhanced(b"x", (1 << 64) - 1) + enhanced(b"y", 1))
    assert found[0][3] == 1 << 62
    assert reader.layout.walk[col.WALK_STEPS] == 1


def test_an_offset_of_the_clock_is_added() -> None:
    face = block(1, struct.pack("<HHI", 1, 0, 0) + option(14, struct.pack("<q", -3600)))
    found, _ = read(SECTION + face + enhanced(b"x", 7_200_000_000))
    assert found[0][3] == 3600 * 10**9


def test_comments_are_counted() -> None:
    _, reader = read(SECTION + INTERFACE + enhanced(b"abc", extra=option(1, b"look here") + option(1, b"and here") + option(0, b"")))
    assert reader.layout.walk[col.WALK_COMMENTS] == 2


def test_blocks_of_other_kinds_however_large_are_passed_over() -> None:
    large = block(0x0BAD, bytes(3 * BLOCK))
    found, reader = read(SECTION + INTERFACE + enhanced(b"a") + large + block(4, bytes(40)) + enhanced(b"b"))
    assert [part for _, part, _, _ in found] == [b"a", b"b"]
    assert reader.cut is None


def test_a_large_block_that_is_cut_is_said() -> None:
    _, reader = read((SECTION + INTERFACE + enhanced(b"a") + block(0x0BAD, bytes(3 * BLOCK)))[: 2 * BLOCK])
    assert reader.cut is not None
    assert "more than there are" in reader.cut
    _, reader = read(SECTION + INTERFACE + struct.pack("<II", 0x77, 1 << 30) + bytes(400))
    assert reader.cut is not None
    assert f"at byte {len(SECTION + INTERFACE) + 408}" in reader.cut


@pytest.mark.parametrize("missing", [1, 8, 9])
def test_compression_that_ends_early_is_said_though_every_record_is_whole(missing: int) -> None:
    found, reader = read(gzip.compress(HEADER + record(b"a") * 3)[:-missing])
    assert len(found) == 3
    assert reader.cut is not None
    assert "the gzip data ends early" in reader.cut


@pytest.mark.parametrize("start", [b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd"])
def test_compressed_data_that_give_nothing_are_no_empty_file(start: bytes) -> None:
    if start != b"\x1f\x8b\x08\x00":
        pytest.importorskip("zstandard")
    with pytest.raises(CaptureError, match=r"data is damaged|ends early"):
        read(start + b"\xff" * 40)


@pytest.mark.parametrize(
    "bad",
    [
        enhanced(b"x", face=7),
        struct.pack("<II", 6, 20) + bytes(40),
        enhanced(b"abcd")[:-4] + struct.pack("<I", 99),
        block(6, struct.pack("<IIIII", 0, 0, 0, 5000, 5000) + b"abcd"),
        struct.pack("<II", 6, 0xFFFFFFF0) + bytes(40),
        struct.pack("<II", 0x77, 3) + bytes(40),
    ],
)
def test_damaged_blocks_end_reading(bad: bytes) -> None:
    found, reader = read(SECTION + INTERFACE + enhanced(b"good") + bad + enhanced(b"lost"))
    assert [part for _, part, _, _ in found] == [b"good"]
    assert reader.damaged == 1
    assert reader.cut is not None
    assert "after frame 1, at byte 84" in reader.cut


def test_a_file_that_is_damaged_from_its_first_byte_is_refused() -> None:
    with pytest.raises(CaptureError, match="version 3"):
        read(struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 3, 0, -1, 28))


def test_two_sections_of_different_byte_order() -> None:
    big = struct.pack(">IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    big += block(1, struct.pack(">HHI", 101, 0, 0), ">")
    big += block(6, struct.pack(">IIIII", 0, 0, 2_000_000, 2, 2) + b"BE\0\0", ">")
    found, reader = read(SECTION + INTERFACE + enhanced(b"LE") + big)
    assert [(part, ns) for _, part, _, ns in found] == [(b"LE", 10**9), (b"BE", 2 * 10**9)]
    assert [interface.link_type for interface in reader.layout.interfaces] == [1, 101]

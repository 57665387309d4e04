from __future__ import annotations

import struct
from array import array

import pytest

from analyzer.capture.formats import MAX_PACKET, comments_of, foreign_links, read_block, recognise
from analyzer.decode import columns as col
from analyzer.errors import CaptureError

SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = 12 + len(body)
    return struct.pack(f"{order}II", kind, size) + body + struct.pack(f"{order}I", size)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


@pytest.mark.parametrize(
    ("magic", "order", "unit", "record"),
    [
        (0xA1B2C3D4, "<", 1000, 16),
        (0xA1B2C3D4, ">", 1000, 16),
        (0xA1B23C4D, "<", 1, 16),
        (0xA1B23C4D, ">", 1, 16),
        (0xA1B2CD34, "<", 1000, 24),
        (0xA1B2CD34, ">", 1000, 24),
    ],
)
def test_pcap_of_every_kind(magic: int, order: str, unit: int, record: int) -> None:
    layout = recognise(struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 96, 113), "x.pcap")
    assert layout.name == "pcap"
    walk = layout.walk
    assert (walk[col.WALK_SWAPPED], walk[col.WALK_UNIT], walk[col.WALK_HEADER]) == (order == ">", unit, record)
    assert walk[col.WALK_LINK] == 113
    assert layout.interfaces[0].snap_length == 96


@pytest.mark.parametrize(
    ("magic", "order", "unit"),
    [(0x1C0001AC, "<", 1), (0x1C0001AC, ">", 1), (0x1C0001AB, "<", 1000), (0x1C0001AB, ">", 1000)],
)
def test_ixia_puts_the_length_of_the_file_behind_the_header(magic: int, order: str, unit: int) -> None:
    layout = recognise(struct.pack(f"{order}IHHiIIII", magic, 2, 4, 0, 0, 96, 1, 4711), "x.cap")
    assert (layout.header, layout.walk[col.WALK_UNIT], layout.walk[col.WALK_LINK]) == (28, unit, 1)


def test_a_frame_check_sequence_in_the_link_field_is_left_out() -> None:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 96, 0x54000001)
    assert recognise(head, "x").walk[col.WALK_LINK] == 1


@pytest.mark.parametrize(
    ("head", "name", "expected"),
    [
        (b"", "x.pcap", "empty"),
        (b"\xd4\xc3\xb2\xa1\x02\x00", "x.pcap", "inside its file header"),
        (b"\x0a\x0d\x0d\x0a\x1c", "x.pcapng", "inside its section header"),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "x.pcapng", "byte-order mark"),
        (b"\x0a\x0a\x0a\x1c" + bytes(40), "x.pcapng", "binary mode"),
        (bytes(64), "trace.ETL", "etl2pcapng trace.ETL out.pcapng"),
        (b"snoop\0\0\0" + bytes(8), "a.snoop", "editcap -F pcapng a.snoop"),
        (b"GMBU" + bytes(8), "a.cap", "Network Monitor"),
        (b"PK\x03\x04" + bytes(8), "a.zip", "zip archive"),
        (b"\xfd7zXZ\0" + bytes(8), "a.xz", "xz -dk a.xz"),
        (b"ElfFile\0" + bytes(8), "a.evtx", "--evtx"),
        (b"2026-05-26 02:03:11 ERROR 10057\n", "app.log", "text file"),
        (b"\x00\x01\x02\x03" + bytes(8), "a.erf", "neither pcap nor pcapng"),
        (b"\x00\x01\x02\x03" + bytes(8), "a.bin", "00 01 02 03"),
    ],
)
def test_what_is_no_capture_is_named(head: bytes, name: str, expected: str) -> None:
    with pytest.raises(CaptureError) as caught:
        recognise(head, f"/tmp/{name}")
    text = str(caught.value)
    assert text.startswith(f"/tmp/{name}: ")
    assert expected in text
    assert "\n" not in text


@pytest.mark.parametrize("order", ["<", ">"])
def test_interfaces_are_read_with_their_options(order: str) -> None:
    head = struct.pack(f"{order}IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    layout = recognise(head, "x")
    assert read_block(layout, memoryview(head)) == 28
    options = (
        option(2, b"eth0", order) + option(3, b"a card", order) + option(9, b"\x09", order)
        + option(11, b"\0tcp port 21", order) + option(12, b"Windows 11", order) + option(14, struct.pack(f"{order}q", 60), order)
    )  # fmt: skip
    raw = block(1, struct.pack(f"{order}HHI", 1, 0, 128) + options, order)
    assert read_block(layout, memoryview(raw)) == len(raw)
    interface = layout.interfaces[0]
    assert (interface.name, interface.description, interface.filter, interface.os) == (
        "eth0", "a card", "tcp port 21", "Windows 11",
    )  # fmt: skip
    group = layout.table[: col.IF_STRIDE]
    assert list(group) == [1, 0, 1, 60 * 10**9, 128]
    raw = block(5, struct.pack(f"{order}III", 0, 0, 0) + option(4, struct.pack(f"{order}Q", 900), order)
                + option(5, struct.pack(f"{order}Q", 7), order) + option(7, struct.pack(f"{order}Q", 3), order), order)  # fmt: skip
    assert read_block(layout, memoryview(raw)) == len(raw)
    assert (layout.interfaces[0].received, layout.interfaces[0].dropped) == (900, 10)


@pytest.mark.parametrize(
    ("resolution", "kind", "value"), [(b"\x06", 0, 1000), (b"\x03", 0, 10**6), (b"\x0c", 1, 1000), (b"\x94", 2, 20)]
)
def test_time_resolutions(resolution: bytes, kind: int, value: int) -> None:
    layout = recognise(SECTION, "x")
    read_block(layout, memoryview(SECTION))
    read_block(layout, memoryview(block(1, struct.pack("<HHI", 1, 0, 0) + option(9, resolution))))
    assert (layout.table[col.IF_KIND], layout.table[col.IF_VALUE]) == (kind, value)


def test_a_new_section_starts_its_interfaces_anew() -> None:
    layout = recognise(SECTION, "x")
    for _ in range(2):
        assert read_block(layout, memoryview(SECTION)) == 28
        assert layout.walk[col.WALK_INTERFACES] == 0
        read_block(layout, memoryview(block(1, struct.pack("<HHI", 101, 0, 0))))
        assert layout.walk[col.WALK_INTERFACES] == 1
    assert len(layout.interfaces) == 2
    assert layout.section == 1


def test_blocks_without_packets_are_passed_over_and_some_take_a_frame_number() -> None:
    layout = recognise(SECTION, "x")
    raw = block(4, bytes(16))
    assert read_block(layout, memoryview(raw)) == len(raw)
    assert layout.walk[col.WALK_FRAME] == 0
    for count, kind in enumerate((9, 0x204, 0xBAD, 0x40000BAD), 1):
        raw = block(kind, b"__REALTIME_TIMESTAMP=1\n")
        assert read_block(layout, memoryview(raw)) == len(raw)
        assert layout.walk[col.WALK_FRAME] == count


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (struct.pack("<III", 4, 8, 8), "length of 8 bytes"),
        (struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 2, 0, -1, 28), "version 2.0"),
        (struct.pack("<III", 4, 12, 16), "lengths of a block"),
        (struct.pack("<IIQ", 1, 0x40000000, 0), "claims a length"),
        (struct.pack("<IIII", 0x0A0D0D0A, 28, 0x55555555, 0), "byte-order mark"),
        (block(1, b""), "too short"),
    ],
)
def test_damaged_blocks_are_said(raw: bytes, expected: str) -> None:
    layout = recognise(SECTION, "x")
    said = read_block(layout, memoryview(raw + bytes(16)))
    assert isinstance(said, str)
    assert expected in said


def test_a_block_that_is_not_all_there_tells_its_length() -> None:
    layout = recognise(SECTION, "x")
    raw = block(0x0BAD, bytes(1000))
    assert read_block(layout, memoryview(raw)[:40]) == len(raw)


def test_foreign_links_are_named_with_their_number() -> None:
    layout = recognise(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, MAX_PACKET, 249), "x")
    assert "249 (USB)" in foreign_links(layout)
    layout.interfaces.clear()
    assert isinstance(layout.table, array)


@pytest.mark.parametrize("order", ["<", ">"])
def test_comments_of_a_packet_are_read_and_nothing_beyond_its_block(order: str) -> None:
    layout = recognise(SECTION, "x.pcapng")
    layout.walk[col.WALK_SWAPPED] = order == ">"
    head = struct.pack(f"{order}IIIII", 0, 0, 0, 5, 60)
    options = option(1, "größer".encode(), order) + option(2, b"\0\0\0\0", order) + option(1, b"two", order)
    buffer = bytearray(block(6, head + b"abcde\0\0\0" + options, order) + option(1, b"of the next block", order))
    assert comments_of(layout, buffer, 28, 5) == ("größer", "two")
    liar = bytearray(block(6, head + b"abcde\0\0\0" + struct.pack(f"{order}HH", 1, 60_000) + b"cut.", order))
    assert comments_of(layout, liar, 28, 5) == ("cut.",)


def test_a_packet_without_options_has_no_comment() -> None:
    layout = recognise(SECTION, "x.pcapng")
    simple = bytearray(SECTION + block(3, struct.pack("<I", 8) + bytes(8)))
    assert comments_of(layout, simple, len(SECTION) + 12, 8) == ()
    assert comments_of(layout, bytearray(100), 12, 8) == ()

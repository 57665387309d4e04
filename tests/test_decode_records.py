"""The walk itself is tested through ``analyzer.capture.blocks``; here, that it stops where it must."""

from __future__ import annotations

import struct
from array import array

from analyzer.capture.formats import recognise
from analyzer.decode import columns as col
from analyzer.decode.records import walk_pcap, walk_pcapng
from tests.test_capture_blocks import HEADER, INTERFACE, SECTION, enhanced, record
from tests.test_capture_formats import block


def test_a_full_batch_goes_on_where_it_stopped() -> None:
    data = record(b"a") + record(b"bb") + record(b"ccc")
    walk = recognise(HEADER, "x").walk
    records = array("q", bytes(8 * col.REC_STRIDE * 2))
    assert walk_pcap(data, len(data), walk, records, 2) == 2
    assert walk[col.WALK_STOP] == col.STOP_FULL
    assert walk_pcap(data, len(data), walk, records, 2) == 1
    assert (walk[col.WALK_STOP], walk[col.WALK_FRAME], walk[col.WALK_POS]) == (col.STOP_MORE, 3, len(data))


def test_any_cut_of_the_buffer_gives_the_same_records() -> None:
    data = b"".join(record(bytes([n]) * n) for n in range(12))
    for cut in range(len(data) + 1):
        walk = recognise(HEADER, "x").walk
        records = array("q", bytes(8 * col.REC_STRIDE * 20))
        first = walk_pcap(data, cut, walk, records, 20)
        assert walk[col.WALK_POS] <= cut
        assert first + walk_pcap(data, len(data), walk, records, 20) == 12


def test_clock_steps_are_counted() -> None:
    data = b"".join(record(b"x", at=at) for at in (5, 9, 7, 8, 3))
    walk = recognise(HEADER, "x").walk
    walk_pcap(data, len(data), walk, array("q", bytes(8 * col.REC_STRIDE * 9)), 9)
    assert (walk[col.WALK_STEPS], walk[col.WALK_LARGEST_STEP]) == (2, 5 * 10**9)
    assert (walk[col.WALK_FIRST] // 10**9, walk[col.WALK_LAST] // 10**9) == (5, 3)


def test_blocks_without_packets_are_left_to_others() -> None:
    layout = recognise(SECTION, "x")
    data = block(0x77, bytes(4)) + enhanced(b"x")
    assert walk_pcapng(data, len(data), layout.walk, array("q", bytes(400)), 9, layout.table) == 0
    assert layout.walk[col.WALK_STOP] == col.STOP_BLOCK


def test_the_interface_is_kept_beside_the_link_type() -> None:
    from analyzer.capture.formats import read_block

    layout = recognise(SECTION, "x")
    for part in (SECTION, INTERFACE, block(1, struct.pack("<HHI", 113, 0, 0))):
        read_block(layout, memoryview(part))
    data, records = enhanced(b"x", face=1), array("q", bytes(8 * col.REC_STRIDE))
    assert walk_pcapng(data, len(data), layout.walk, records, 1, layout.table) == 1
    assert records[col.REC_LINK] == 1 << 16 | 113

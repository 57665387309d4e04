from __future__ import annotations

import io

from analyzer.capture.blocks import Reader
from analyzer.capture.reading import Reading
from analyzer.capture.source import Source
from analyzer.decode import columns as col
from tests.digesting import Packet
from tests.test_capture_blocks import HEADER, record

ARP = bytes.fromhex("ffffffffffff0200000000010806") + bytes(28)


def reading_of(frames: list[bytes], *, first: bool = True) -> Reading:
    reading = Reading(Reader(Source(io.BytesIO(HEADER + b"".join(map(record, frames))), "x", hash_file=False)), first=first)
    reading.run()
    return reading


def test_notes_stand_in_the_order_of_their_frames() -> None:
    line = Packet(dport=21, payload=b"PORT 1,2,3,4,5,6\r\n").ethernet()
    reading = reading_of([ARP, line, ARP, line])
    assert [note.frame for note in reading.notes] == [1, 2, 3, 4]
    assert reading.notes_dropped == 0


def test_counts_of_both_are_added_with_reasons_that_only_one_knows() -> None:
    other = ARP[:12] + b"\x88\xcc" + bytes(40)
    left = reading_of([ARP, other])
    right = reading_of([ARP[:12] + b"\x88\xcd" + bytes(40), other, Packet().ethernet()], first=False)
    assert left.take(right)
    pairs = list(left.counts[col.COUNT_DIRECT : col.COUNT_DIRECT + 6])
    assert pairs == [col.STOP_ETHERTYPE + 0x88CC, 2, col.STOP_ETHERTYPE + 0x88CD, 1, 0, 0]
    assert (left.counts[col.STOP_ARP], left.counts[col.STOP_TCP], left.counts[-1]) == (1, 1, 0)


def test_more_reasons_than_there_is_room_for_are_not_added_up() -> None:
    kinds = [ARP[:12] + (0x9300 + n).to_bytes(2, "big") + bytes(40) for n in range(col.COUNT_PAIRS + 1)]
    left = reading_of(kinds[:40])
    assert left.take(reading_of(kinds[40:], first=False))
    assert left.counts[-1] == 1
    assert not reading_of(kinds[:1]).take(reading_of(kinds, first=False))


def test_frames_right_of_the_seam_count_on() -> None:
    left, right = reading_of([ARP, Packet(seq=1).ethernet()]), reading_of([Packet(seq=2).ethernet(), ARP], first=False)
    assert left.take(right)
    assert [note.frame for note in left.notes] == [1, 4]
    assert left.digest.count == 1
    assert left.reader.layout.walk[col.WALK_FRAME] == 4

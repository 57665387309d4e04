from __future__ import annotations

import io
import random
import struct
from functools import partial

import pytest

from analyzer.capture.blocks import Reader
from analyzer.capture.formats import Layout
from analyzer.capture.seams import find_seam
from analyzer.capture.source import Source
from tests.test_capture_blocks import HEADER, INTERFACE, enhanced, record
from tests.test_capture_formats import SECTION, block

SIZES = [1 + (n * 7919) % 900 for n in range(80)]


def layout_of(data: bytes) -> Layout:
    reader = Reader(Source(io.BytesIO(data), "x", hash_file=False))
    next(reader.batches())
    return reader.layout.same()


def edges(head: bytes, records: list[bytes]) -> list[int]:
    found = [len(head)]
    for one in records:
        found.append(found[-1] + len(one))
    return found


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_the_next_record_is_found_from_anywhere(kind: str) -> None:
    choose = random.Random(1)
    make = partial(record, at=1_700_000_000) if kind == "pcap" else enhanced
    head = HEADER if kind == "pcap" else SECTION + INTERFACE
    records = [make(choose.randbytes(size)) for size in SIZES]
    data = head + b"".join(records)
    at = edges(head, records)
    for start in range(0, at[40], 4):
        found = find_seam(data[start:], layout_of(data))
        assert found is not None
        assert start + found == next(edge for edge in at if edge >= start)


def test_nothing_is_found_where_nothing_is() -> None:
    data = HEADER + record(b"x" * 50) * 9
    for noise in (bytes(4000), b"a" * 4000, random.Random(2).randbytes(20_000)):
        assert find_seam(noise, layout_of(data)) is None


def test_other_blocks_may_follow_but_not_begin() -> None:
    data = SECTION + INTERFACE + enhanced(b"x" * 9) * 5
    names = block(4, bytes(8))
    assert find_seam(names + (enhanced(b"y" * 9) + names) * 30, layout_of(data)) == len(names)
    assert find_seam(enhanced(b"y" * 9, face=7) * 30, layout_of(data)) is None


def test_records_whose_times_lie_days_apart_are_no_chain() -> None:
    data = HEADER + record(b"x" * 9) * 3
    chain = b"".join(struct.pack("<IIII", n * 100_000, 0, 4, 4) + b"abcd" for n in range(1, 60))
    assert find_seam(chain, layout_of(data)) is None

from __future__ import annotations

import pytest

from analyzer.flows import layout as lay
from analyzer.flows.digest import Digest
from analyzer.flows.model import ACK, RST, Half
from tests.digesting import START_NS, Packet, digest_of, flows_of, parts_of, rows_from

HERE, THERE = ("10.0.0.5", 50123, "10.9.0.7", 80), ("10.9.0.7", 80, "10.0.0.5", 50123)


def data(seq: int, size: int, flags: int = ACK, ack: int = 1) -> Packet:
    return Packet(*HERE, flags=flags, seq=seq & 0xFFFFFFFF, ack=ack, payload=bytes(size))


def joined(packets: list[Packet], cut: int) -> tuple[Half, Half, int]:
    """Return the half as one reading tells it, as a merge does, and the doubts of the merge."""
    rows = rows_from(packets)
    (whole,) = flows_of(digest_of(rows))
    left, right = parts_of(rows, [cut])
    left.merge(right)
    (flow,) = flows_of(left)
    return whole.initiator, flow.initiator, left.doubts


@pytest.mark.parametrize("cut", range(1, 9))
def test_keepalives_after_a_retransmission_right_of_the_seam(cut: int) -> None:
    packets = [
        data(0, 100), data(100, 100), data(0, 50), data(199, 0), data(199, 1), data(49, 0), data(199, 0), data(200, 9), data(208, 0),
    ]  # fmt: skip
    whole, merged, doubts = joined(packets, cut)
    assert merged == whole
    assert whole.keepalives == 4
    assert doubts == 0


def test_a_half_that_does_not_catch_up_in_sight_is_a_doubt() -> None:
    behind = [data(n, 1) for n in range(lay.KEEP_ALL + 2)]
    assert joined([data(0, 1000), *behind], 1)[2] == 1
    assert joined([data(0, 1000), *behind[: lay.KEEP_ALL]], 1)[2] == 0
    whole, merged, doubts = joined([data(0, 1000), *behind[:5], data(1000, 5), *behind], 1)
    assert (merged, doubts) == (whole, 0)


def test_resets_are_not_tracked() -> None:
    whole, merged, doubts = joined([data(0, 100), data(10, 1), data(5, 1, RST), data(99, 0), data(100, 1)], 1)
    assert (merged, doubts) == (whole, 0)


def holes(start: int, count: int) -> list[Packet]:
    return [data(start + 20 * n, 10) for n in range(count)]


@pytest.mark.parametrize(("left", "right", "doubts"), [(5, 5, 0), (7, 7, 1), (8, 8, 0), (2, 14, 0), (14, 2, 0), (1, 30, 0)])
def test_pieces_of_both_sides_add_up(left: int, right: int, doubts: int) -> None:
    packets = [*holes(0, left), *holes(1000, right)]
    whole, merged, found = joined(packets, left)
    assert found == doubts
    assert doubts or merged == whole


def test_pieces_that_were_filled_in_time_count_all_the_same() -> None:
    """Right of the seam the holes are filled; with those left of it they were too many for a moment."""
    filled = [data(1000 + 20 * n + 10, 10) for n in range(8)]
    packets = [*holes(0, 8), *holes(1000, 9), *filled]
    whole, merged, doubts = joined(packets, 8)
    assert whole.missing_bytes is None
    assert (merged, doubts) == (whole, 0)


def test_pieces_below_what_the_left_side_has_are_a_doubt() -> None:
    assert joined([*holes(0, 12), *holes(5, 12)], 12)[2] == 1


def test_numbers_that_jump_are_a_doubt() -> None:
    assert joined([data(0, 10), data(1 << 30, 10)], 1)[2] == 1
    assert joined([data(0, 10, ack=1), data(10, 10, ack=1 << 30), data(20, 1, ack=(1 << 31) - 1)], 1)[2] == 1


def test_nothing_is_doubtful_where_nothing_meets() -> None:
    left = digest_of(rows_from([Packet(*THERE, seq=1, payload=b"a")]))
    left.merge(digest_of(rows_from([data(5, 0), data(1 << 30, 9)]), first=False))
    left.merge(Digest(first=False))
    assert left.doubts == 0
    assert flows_of(left)[0].first_ns == START_NS

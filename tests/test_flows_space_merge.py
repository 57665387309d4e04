from __future__ import annotations

import pytest

from analyzer.flows.model import ACK, SYN, Half
from tests.digesting import Packet, flows_of, parts_of, rows_from

HERE = ("10.0.0.5", 50123, "10.9.0.7", 80)


def data(seq: int, size: int, flags: int = ACK, ack: int = 1) -> Packet:
    return Packet(*HERE, flags=flags, seq=seq & 0xFFFFFFFF, ack=ack, payload=bytes(size))


def half(packets: list[Packet], cut: int) -> Half:
    left, right = parts_of(rows_from(packets), [cut])
    left.merge(right)
    (flow,) = flows_of(left)
    return flow.initiator


@pytest.mark.parametrize("cut", range(6))
def test_keepalives_across_a_seam(cut: int) -> None:
    found = half([data(0, 10), data(9, 0), data(9, 1), data(9, 0), data(10, 5), data(14, 0)], cut)
    assert (found.keepalives, found.data_segments, found.retransmitted_bytes) == (4, 2, 0)


@pytest.mark.parametrize("cut", range(5))
def test_holes_across_a_seam(cut: int) -> None:
    found = half([data(0, 10), data(30, 10), data(50, 10), data(10, 20), data(35, 20)], cut)
    assert (found.missing_bytes, found.retransmitted_bytes, found.next_seq) == (0, 10, 60)


def test_a_syn_right_of_the_seam_stands_alone() -> None:
    found = half([data(500_000, 10), data(99, 0, SYN, 0), data(100, 7)], 1) if False else half([data(0, 0, SYN, 0), data(1, 9), data(0, 0, SYN, 0)], 2)
    assert (found.isn, found.next_seq, found.missing_bytes) == (0, 10, 0)


def test_a_jump_over_the_seam_is_unknown() -> None:
    assert half([data(0, 10), data(1 << 30, 10)], 1).next_seq is None


def test_acknowledgments_over_the_seam() -> None:
    assert half([data(0, 1, ack=0xFFFFFFF0), data(1, 1, ack=5)], 1).last_ack == 5
    assert half([data(0, 1, ack=5), data(1, 1, ack=0xFFFFFFF0)], 1).last_ack == 5
    assert half([data(0, 1, ack=5), data(1, 1, ack=5 + (1 << 30))], 1).last_ack is None

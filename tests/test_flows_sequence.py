from __future__ import annotations

import pytest

from analyzer.flows.model import ACK, FIN, RST, SYN, Half
from tests.digesting import Packet, digest_of, flows_of, rows_from

HERE = ("10.0.0.5", 50123, "10.9.0.7", 80)


def half(*packets: Packet) -> Half:
    (flow,) = flows_of(digest_of(rows_from(packets)))
    return flow.initiator


def data(seq: int, size: int, flags: int = ACK) -> Packet:
    return Packet(*HERE, flags=flags, seq=seq & 0xFFFFFFFF, ack=1, payload=bytes(65 + n % 26 for n in range(size)))


@pytest.mark.parametrize("base", [0, 5000, 0xFFFFFFF0, 0x7FFFFFFA])
def test_numbers_wrap(base: int) -> None:
    found = half(data(base, 0, SYN), data(base + 1, 10), data(base + 11, 10), data(base + 21, 0, FIN | ACK))
    assert (found.next_seq, found.retransmitted_bytes, found.missing_bytes) == (base + 22 & 0xFFFFFFFF, 0, 0)


def test_retransmitted_and_missing_bytes() -> None:
    assert half(data(0, 10), data(10, 10), data(5, 10)).retransmitted_bytes == 10
    found = half(data(0, 10), data(30, 10))
    assert (found.retransmitted_bytes, found.missing_bytes) == (0, 20)
    found = half(data(0, 10), data(30, 10), data(10, 20))
    assert (found.retransmitted_bytes, found.missing_bytes) == (0, 0)


def test_a_hole_before_the_first_data_is_missing() -> None:
    assert half(data(0, 0, SYN), data(11, 10)).missing_bytes == 10


@pytest.mark.parametrize("size", [0, 1])
def test_keepalives(size: int) -> None:
    found = half(data(0, 10), data(9, size), data(9, size), data(10, 0), data(9, size), data(10, 3), data(9, size))
    assert found.keepalives == 3
    assert found.data_segments == 2 + size
    assert found.retransmitted_bytes == size


def test_a_keepalives_filling_does_not_hide_the_last_words() -> None:
    found = half(data(0, 10), Packet(*HERE, seq=9, payload=b"\0"))
    assert (found.tail, found.tail_frame) == (b"ABCDEFGHIJ", 1)


def test_a_jump_is_not_believed() -> None:
    found = half(data(0, 10), data(1 << 30, 10), data(10, 10))
    assert (found.next_seq, found.retransmitted_bytes, found.missing_bytes) == (None, None, None)


def test_resets_are_not_tracked() -> None:
    found = half(data(0, 10), Packet(*HERE, flags=RST | ACK, seq=1 << 31, ack=1 << 31, payload=b"gone"))
    assert (found.next_seq, found.last_ack, found.retransmitted_bytes, found.payload_bytes) == (10, 1, 0, 14)


def test_a_syn_of_another_number_starts_anew() -> None:
    there = ("10.9.0.7", 80, "10.0.0.5", 50123)
    packets = [Packet(*there, flags=ACK, seq=5_000, ack=77, payload=b"old"), Packet(*there, flags=SYN | ACK, seq=9, ack=100),
               Packet(*there, flags=ACK, seq=10, ack=100, payload=b"new")]  # fmt: skip
    (flow,) = flows_of(digest_of(rows_from([data(99, 0, SYN), *packets])))
    found = flow.responder
    assert (found.isn, found.next_seq, found.last_ack, found.retransmitted_bytes, found.missing_bytes) == (9, 13, 100, 0, 0)


def test_acknowledgments_only_rise() -> None:
    found = half(*(Packet(*HERE, seq=1, ack=ack) for ack in (0xFFFFFFF0, 0x10, 0xFFFFFFFF)))
    assert found.last_ack == 0x10
    assert half(*(Packet(*HERE, seq=1, ack=ack) for ack in (5, 5 + (1 << 30)))).last_ack is None


def test_data_on_a_syn_counts_from_the_number_after_it() -> None:
    found = half(data(9, 5, SYN), data(15, 5))
    assert (found.next_seq, found.missing_bytes) == (20, 0)

from __future__ import annotations

import pytest

from analyzer.flows import layout as lay
from analyzer.flows.digest import Digest
from analyzer.flows.model import ACK, FIN, RST, SYN
from tests.digesting import Packet, digest_of, flows_of, rows_from

HERE, THERE = ("10.0.0.5", 50123, "10.9.0.7", 8080), ("10.9.0.7", 8080, "10.0.0.5", 50123)


def streams(*packets: Packet) -> list[int]:
    digest, found = Digest(), []
    for buffer, row in rows_from(packets):
        digest.update(buffer, row, 1)
        found.append(digest.entry_of(0))
    return found


def test_both_directions_are_one_stream() -> None:
    assert streams(Packet(*HERE), Packet(*THERE), Packet("10.0.0.5", 50124, "10.9.0.7", 8080)) == [0, 0, 1]


def test_a_syn_of_another_number_starts_a_stream_and_one_of_the_same_does_not() -> None:
    assert streams(
        Packet(*HERE, flags=SYN, seq=100), Packet(*HERE, flags=SYN, seq=100), Packet(*HERE, flags=SYN, seq=101),
        Packet(*THERE, flags=SYN | ACK, seq=5, ack=102), Packet(*HERE, flags=SYN, seq=101),
    ) == [0, 0, 1, 1, 1]  # fmt: skip


def test_fin_and_rst_make_no_difference() -> None:
    assert streams(
        Packet(*HERE, flags=SYN, seq=100), Packet(*HERE, flags=FIN | ACK, seq=101), Packet(*THERE, flags=RST, seq=0),
        Packet(*HERE, flags=SYN, seq=100),
    ) == [0, 0, 0, 0]  # fmt: skip


def test_the_base_may_come_from_data_or_from_the_peer() -> None:
    data = Packet(*HERE, flags=ACK, seq=101, ack=501)
    assert streams(data, Packet(*HERE, flags=SYN, seq=100)) == [0, 0]
    assert streams(data, Packet(*HERE, flags=SYN, seq=99)) == [0, 1]
    assert streams(data, Packet(*THERE, flags=SYN, seq=500)) == [0, 0]
    assert streams(data, Packet(*THERE, flags=SYN, seq=499)) == [0, 1]


def test_a_syn_ack_of_another_number_moves_the_base() -> None:
    assert streams(
        Packet(*THERE, flags=SYN | ACK, seq=5), Packet(*THERE, flags=SYN | ACK, seq=9), Packet(*THERE, flags=SYN, seq=9),
        Packet(*THERE, flags=SYN, seq=5),
    ) == [0, 0, 0, 1]  # fmt: skip


def test_many_flows_find_their_entries_again() -> None:
    packets = [
        Packet(f"10.{n % 7}.{n >> 8}.{n & 255}" if n % 5 else f"2001:db8::{n:x}", 1024 + n % 9, "10.9.0.7" if n % 5 else "2001:db8::ffff", 80)
        for n in range(3000)
    ]
    assert streams(*packets, *packets) == [*range(3000), *range(3000)]


def test_reused_ports_are_said() -> None:
    flows = flows_of(digest_of(rows_from([Packet(*HERE, flags=SYN, seq=1), Packet(*HERE, flags=SYN, seq=2)])))
    assert [flow.reused_ports for flow in flows] == [False, True]


@pytest.mark.parametrize("first", [True, False])
def test_a_part_leaves_open_what_came_before_it(first: bool) -> None:
    packets = [Packet(*HERE, flags=ACK, seq=101), Packet(*HERE, flags=SYN, seq=100), Packet(*HERE, flags=SYN, seq=200)]
    digest = digest_of(rows_from(packets), first=first)
    bits = [digest.entries[n * lay.E_STRIDE + lay.E_BITS] & (lay.EB_SOFT | lay.EB_HARD) for n in range(digest.count)]
    assert bits == ([lay.EB_HARD, lay.EB_HARD] if first else [0, lay.EB_SOFT, lay.EB_HARD])


def test_the_seam_decides_what_a_part_left_open() -> None:
    old = rows_from([Packet(*HERE, flags=SYN, seq=100), Packet(*HERE, flags=ACK, seq=101)])
    for number, count in ((100, 1), (300, 2)):
        left = digest_of(old)
        left.merge(digest_of(rows_from([Packet(*HERE, flags=SYN, seq=number)]), first=False))
        assert len(flows_of(left)) == count

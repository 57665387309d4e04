"""The laws are in ``tests/laws/test_digest_laws.py``; here, the lengths at which a ring begins to turn."""

from __future__ import annotations

import pytest

from analyzer.flows.model import ACK, FIN
from tests.digesting import START_NS, Packet, digest_of, flows_of, parts_of, rows_from

HERE, THERE = ("10.0.0.5", 50123, "10.9.0.7", 80), ("10.9.0.7", 80, "10.0.0.5", 50123)


def talk(count: int, port: int = 50123) -> list[Packet]:
    return [
        Packet(
            *(("10.0.0.5", port, "10.9.0.7", 80) if n % 3 else ("10.9.0.7", 80, "10.0.0.5", port)), seq=n, ack=n,
            flags=FIN | ACK if n % 17 == 5 else ACK, ns=START_NS + n * n * 10**8,
        )
        for n in range(count)
    ]  # fmt: skip


LENGTHS = (0, 1, 4, 11, 12, 13, 36, 47, 48, 49, 52, 120)


@pytest.mark.parametrize("left", LENGTHS)
@pytest.mark.parametrize("right", LENGTHS)
def test_parts_of_any_length(left: int, right: int) -> None:
    rows = rows_from(talk(left + right))
    first, second = parts_of(rows, [left])
    first.merge(second)
    assert flows_of(first) == flows_of(digest_of(rows))


def test_flows_of_one_part_only_are_moved_as_they_are() -> None:
    left = [packet for port in range(3) for packet in talk(60, 1000 + port)]
    right = [packet for port in range(9) for packet in talk((1, 12, 47, 48, 49, 60, 200, 0, 5)[port], 2000 + port)]
    rows = rows_from([*left, *right, *talk(30, 1001)])
    first, second = parts_of(rows, [len(left)])
    first.merge(second)
    assert flows_of(first) == flows_of(digest_of(rows))
    later = rows_from(talk(90, 2004))
    first.merge(digest_of(later, first=False))
    assert flows_of(first)[-1].packets == 5
    assert {flow.packets for flow in flows_of(first)} == {60, 90, 1, 12, 47, 48, 49 + 90, 200, 5}


def test_what_is_used_up_is_empty() -> None:
    first, second = parts_of(rows_from(talk(100)), [50])
    places = first.merge(second)
    assert list(places) == [1]
    assert second.count == 0
    assert not second.first
    first.merge(second)
    assert flows_of(first)[0].packets == 100

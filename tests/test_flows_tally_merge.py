"""The laws are in ``tests/laws/test_digest_laws.py``; here, the joints that they might miss."""

from __future__ import annotations

from analyzer.flows.model import ACK, FIN, RST, SYN
from tests.digesting import START_NS, Packet, digest_of, flows_of, parts_of, rows_from

HERE, THERE = ("10.0.0.5", 50123, "10.9.0.7", 8080), ("10.9.0.7", 8080, "10.0.0.5", 50123)


def test_every_counter_adds() -> None:
    packets = [
        Packet(*HERE, flags=SYN, seq=1, ttl=10), Packet(*THERE, flags=SYN | ACK, seq=7, ack=2, window=0), Packet(*HERE, seq=2, payload=b"ab", ttl=11),
        Packet(*HERE, seq=4, payload=b"c" * 60, cut=9, ttl=12), Packet(*HERE, seq=3, ttl=11), Packet(*THERE, window=0, seq=8), Packet(*HERE, flags=FIN | ACK, seq=64),
        Packet(*THERE, flags=RST | ACK, seq=8, ns=START_NS - 5),
    ]  # fmt: skip
    rows = rows_from(packets)
    (whole,) = flows_of(digest_of(rows))
    for cut in range(len(packets) + 1):
        left, right = parts_of(rows, [cut])
        left.merge(right)
        assert flows_of(left) == [whole]


def test_one_side_only_on_each_side_of_the_seam() -> None:
    rows = rows_from([Packet(*HERE, payload=b"question"), Packet(*THERE, payload=b"answer")])
    left, right = parts_of(rows, [1])
    left.merge(right)
    (flow,) = flows_of(left)
    assert {flow.initiator.head, flow.responder.head} == {b"question", b"answer"}

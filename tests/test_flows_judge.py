from __future__ import annotations

import pytest

from analyzer.flows.model import ACK, FIN, RST, SYN
from analyzer.flows.table import FlowTable, Reason
from tests.digesting import START_NS, Packet, digest_of, rows_from

HERE, THERE = ("10.0.0.5", 50123, "10.9.0.7", 80), ("10.9.0.7", 80, "10.0.0.5", 50123)
MS = 1_000_000


def mine(flags: int = ACK, seq: int = 1, ack: int = 1, size: int = 0, ms: int = 0, window: int = 1000) -> Packet:
    return Packet(*HERE, flags=flags, seq=seq, ack=ack, payload=bytes(size), ns=START_NS + ms * MS, window=window)


def other(flags: int = ACK, seq: int = 1, ack: int = 1, size: int = 0, ms: int = 0, window: int = 1000) -> Packet:
    return Packet(*THERE, flags=flags, seq=seq, ack=ack, payload=bytes(size), ns=START_NS + ms * MS, window=window)


OPEN = [mine(SYN, 0), other(SYN | ACK, 0, 1, ms=20), mine(ms=21)]
TALK = [*OPEN, mine(size=10, ms=30), other(ack=11, size=20, ms=50), mine(seq=11, ack=21, ms=51)]
CLOSE = [mine(FIN | ACK, 11, 21, ms=60), other(FIN | ACK, 21, 12, ms=80), mine(seq=12, ack=22, ms=81)]


def reasons(packets: list[Packet], end_ms: int = 100) -> Reason:
    return FlowTable(digest_of(rows_from(packets)), START_NS + end_ms * MS).reasons(0)


def test_an_ordinary_connection_has_none() -> None:
    assert reasons([*TALK, *CLOSE]) == Reason(0)
    assert reasons(TALK) == Reason(0)


@pytest.mark.parametrize(
    ("packets", "end_ms", "expected"),
    [
        ([*TALK, other(RST | ACK, 21, 11, ms=60)], 100, Reason.RESET),
        ([*TALK, *CLOSE, other(RST, 22, ms=90)], 100, Reason(0)),
        ([*TALK, CLOSE[0], other(seq=21, ack=12, ms=61)], 100, Reason.HALF_CLOSED),
        ([mine(SYN, 0), other(SYN | ACK, 0, 1, ms=400), *TALK[2:]], 100, Reason.HANDSHAKE),
        ([mine(SYN, 0), *TALK], 100, Reason.HANDSHAKE),
        ([*TALK, mine(seq=11, ack=21, size=5, ms=60), other(seq=21, ack=11, size=1, ms=61)], 100, Reason.UNACKED),
        ([*TALK, mine(seq=11, ack=21, size=5, ms=60), other(seq=21, ack=16, ms=61)], 4000, Reason(0)),
        ([*TALK, mine(seq=11, ack=21, size=5, ms=60), other(seq=21, ack=16, ms=61)], 5060, Reason.NO_REPLY),
        ([*TALK, other(seq=21, ack=11, ms=60, window=0)], 100, Reason.ZERO_WINDOW),
        ([*TALK, mine(size=10, ack=21, ms=60), other(seq=21, ack=11, ms=61)], 100, Reason.RETRANSMITTED),
        ([*TALK, mine(seq=10, ack=21, ms=60)], 100, Reason.KEEPALIVE),
        ([*TALK, other(FIN | ACK, 21, 11, ms=60), mine(FIN | ACK, 11, 22, 3, ms=61), other(seq=22, ack=15, ms=62)], 100,
         Reason.DATA_AFTER_FIN | Reason.NO_REPLY),
        ([*TALK, other(seq=1 << 31, ack=11, size=1, ms=60)], 100, Reason.UNKNOWN),
        ([mine(SYN, 0), mine(SYN, 0, ms=1000)], 2000, Reason.HANDSHAKE | Reason.ONE_SIDED),
    ],
)  # fmt: skip
def test_each_reason_alone(packets: list[Packet], end_ms: int, expected: Reason) -> None:
    assert reasons(packets, end_ms) == expected


def test_an_incarnation_that_another_replaced() -> None:
    again = [mine(SYN, 5000, ms=90), other(SYN | ACK, 9, 5001, ms=95), mine(seq=5001, ack=10, ms=96)]
    flows = FlowTable(digest_of(rows_from([*TALK, *again])), START_NS)
    assert Reason.REPLACED in flows.reasons(0)
    assert flows.reasons(1) == Reason(0)
    flows = FlowTable(digest_of(rows_from([*TALK, *CLOSE, *again])), START_NS)
    assert flows.reasons(0) == Reason(0)


def test_silences_and_unanswered_sends() -> None:
    sends = [mine(seq=11, ack=21, size=5, ms=5060), mine(seq=16, ack=21, size=5, ms=5360)]
    row = FlowTable(digest_of(rows_from([*TALK, *sends])), START_NS).row(0)
    assert row.longest_silence_ns == 5009 * MS
    assert row.unanswered_since_ns == START_NS + 5060 * MS
    assert FlowTable(digest_of(rows_from(TALK)), START_NS).row(0).unanswered_since_ns is None

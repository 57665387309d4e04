from __future__ import annotations

import pytest

from analyzer.flows.build import endpoints, frame_of
from analyzer.flows.model import ACK, FIN, PSH, RST, SYN
from tests.digesting import START_NS, Packet, digest_of, flows_of, rows_from

HERE, THERE = ("10.0.0.5", 50123, "10.9.0.7", 80), ("10.9.0.7", 80, "10.0.0.5", 50123)
MSS, SCALE = b"\2\4\5\xb4", b"\3\3\7\0"


def at(ms: int) -> int:
    return START_NS + ms * 10**6


TALK = [
    Packet(*HERE, flags=SYN, seq=99, ns=at(0), options=MSS + SCALE),
    Packet(*THERE, flags=SYN | ACK, seq=499, ack=100, ns=at(20), ttl=55),
    Packet(*HERE, flags=ACK, seq=100, ack=500, ns=at(21)),
    Packet(*HERE, flags=PSH | ACK, seq=100, ack=500, payload=b"question", ns=at(30)),
    Packet(*THERE, flags=PSH | ACK, seq=500, ack=108, payload=b"answer", ns=at(1530), ttl=55),
    Packet(*THERE, flags=PSH | ACK, seq=500, ack=108, payload=b"answer", ns=at(1540), ttl=54),
    Packet(*HERE, flags=FIN | ACK, seq=108, ack=506, ns=at(1550)),
    Packet(*THERE, flags=RST | ACK, seq=506, ack=109, ns=at(1560), ttl=55, window=0),
]


def test_a_whole_flow() -> None:
    (flow,) = flows_of(digest_of(rows_from(TALK)))
    mine, other = flow.initiator, flow.responder
    assert (str(mine.endpoint), str(other.endpoint)) == ("10.0.0.5:50123", "10.9.0.7:80")
    assert (flow.verdict, flow.history, flow.packets, flow.elided) == ("RSTR", "ShADdFr", 8, 0)
    assert (flow.first_frame, flow.last_frame, flow.first_ns, flow.last_ns) == (1, 8, at(0), at(1560))
    assert (mine.isn, mine.mss, mine.window_scale, mine.next_seq, mine.last_ack) == (99, 1460, 7, 109, 506)
    assert (mine.syns, mine.fins, mine.rsts, mine.data_segments, mine.payload_bytes, mine.max_payload) == (1, 1, 0, 1, 8, 8)
    assert (other.isn, other.mss, other.window_scale, other.rsts, other.zero_windows) == (499, None, None, 1, 0)
    assert (other.payload_bytes, other.retransmitted_bytes, other.missing_bytes) == (12, 6, 0)
    assert other.ttl_modes == ((55, 2), (54, 1))
    assert (mine.head, mine.head_frame, other.tail, other.tail_frame) == (b"question", 4, b"answer", 6)
    assert [segment.from_initiator for segment in flow.segments] == [True, False, True, True, False, False, True, False]


def test_a_silence_between_kept_segments() -> None:
    (flow,) = flows_of(digest_of(rows_from(TALK)))
    (silence,) = flow.silences
    assert (silence.before_frame, silence.after_frame, silence.answer_frame) == (4, 5, 7)
    assert (silence.before_from_initiator, silence.after_from_initiator) == (True, False)
    assert (silence.after_flags, silence.after_payload_len, silence.answer_flags) == (PSH | ACK, 6, FIN | ACK)
    assert silence.duration_ns == 1500 * 10**6


def test_what_was_not_seen_is_none() -> None:
    (flow,) = flows_of(digest_of(rows_from([Packet(*HERE, flags=RST, seq=1)])))
    other = flow.responder
    assert (other.packets, other.first_frame, other.first_ns, other.next_seq, other.missing_bytes) == (0, None, None, None, None)
    assert (other.isn, other.last_ack, other.head_frame, other.ttl_modes) == (None, None, None, ())


def test_the_same_endpoints_again() -> None:
    again = [Packet(*HERE, flags=SYN, seq=7000, ns=at(2000))]
    flows = flows_of(digest_of(rows_from([*TALK, *again])))
    assert [flow.reused_ports for flow in flows] == [False, True]


@pytest.mark.parametrize(("low", "high"), [("10.0.0.1", "255.255.255.255"), ("2001:db8::1", "2001:db8::ffff")])
def test_endpoints_by_address(low: str, high: str) -> None:
    digest = digest_of(rows_from([Packet(high, 2, low, 65535)]))
    assert [one.port for one in endpoints(digest, 0)] == [65535, 2]
    assert [len(one.packed) for one in endpoints(digest, 0)] == [16 if ":" in low else 4] * 2
    assert endpoints(digest, 0)[0].packed < endpoints(digest, 0)[1].packed


def test_a_clock_that_steps_back_is_counted() -> None:
    packets = [Packet(*HERE, seq=n, ns=at(ms)) for n, ms in enumerate((5, 4, 6, 5, 5))]
    (flow,) = flows_of(digest_of(rows_from(packets)))
    assert flow.clock_steps == 2


def test_a_frame_is_the_lower_part_of_a_ref() -> None:
    assert frame_of(9 << 40 | 123) == 123

from __future__ import annotations

from analyzer.flows.model import ACK, FIN, RST, SYN, Flow
from tests.digesting import START_NS, Packet, digest_of, flows_of, rows_from

HERE, THERE = ("10.0.0.5", 50123, "10.9.0.7", 8080), ("10.9.0.7", 8080, "10.0.0.5", 50123)


def flow(*packets: Packet) -> Flow:
    (only,) = flows_of(digest_of(rows_from(packets)))
    return only


def test_counters() -> None:
    found = flow(
        Packet(*HERE, flags=SYN, seq=9), Packet(*HERE, flags=SYN, seq=9), Packet(*THERE, flags=SYN | ACK, seq=4, ack=10, ttl=57),
        Packet(*HERE, flags=ACK, seq=10, ack=5, payload=b"ab"), Packet(*HERE, flags=ACK, seq=12, ack=5, payload=b"abcd", cut=2),
        Packet(*THERE, flags=ACK, seq=5, ack=16, window=0, ttl=57), Packet(*THERE, flags=ACK, seq=5, ack=16, ttl=58),
        Packet(*HERE, flags=FIN | ACK, seq=16, ack=5), Packet(*THERE, flags=RST, seq=5, ttl=200),
    )  # fmt: skip
    mine, other = found.initiator, found.responder
    assert (mine.packets, mine.payload_bytes, mine.data_segments, mine.max_payload, mine.truncated) == (5, 6, 2, 4, 1)
    assert (mine.syns, mine.fins, mine.rsts, other.syns, other.fins, other.rsts) == (2, 1, 0, 1, 0, 1)
    assert (mine.isn, mine.next_seq, mine.last_ack, other.isn, other.next_seq, other.last_ack) == (9, 17, 5, 4, 5, 16)
    assert (other.zero_windows, other.ttl_modes, mine.ttl_modes) == (1, ((57, 2), (58, 1)), ((64, 5),))
    assert (found.verdict, found.history) == ("RSTR", "ShDawFr")


def test_times_and_steps_of_the_clock() -> None:
    found = flow(Packet(*HERE, ns=START_NS), Packet(*THERE, ns=START_NS + 50), Packet(*HERE, ns=START_NS + 20))
    assert (found.first_ns, found.last_ns, found.clock_steps) == (START_NS, START_NS + 20, 1)
    assert {found.initiator.first_ns, found.responder.first_ns} == {START_NS, START_NS + 50}


def test_a_flow_of_one_side_knows_nothing_of_the_other() -> None:
    found = flow(Packet(*HERE, flags=SYN, seq=1))
    assert (found.responder.packets, found.responder.first_frame, found.responder.next_seq, found.responder.isn) == (0, None, None, None)
    assert found.responder.retransmitted_bytes is None
    assert found.verdict == "S0"


def test_too_many_ttls_are_unknown_not_wrong() -> None:
    assert flow(*(Packet(*HERE, ttl=ttl) for ttl in (1, 2, 3, 4))).initiator.ttl_modes == ((1, 1), (2, 1))
    assert flow(*(Packet(*HERE, ttl=ttl) for ttl in (1, 2, 3, 4, 5))).initiator.ttl_modes == ()


def test_segments_in_order_need_no_cold_record() -> None:
    rows = rows_from([Packet(*HERE, flags=ACK, seq=n * 5, ack=1, payload=b"12345") for n in range(2000)])
    digest = digest_of(rows)
    assert digest.tally_state[0] == 0
    assert flows_of(digest)[0].initiator.next_seq == 10_000

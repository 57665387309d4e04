"""What is written down of segments that are not kept: the longest silences, and the first of each flag."""

from __future__ import annotations

from analyzer.flows import layout as lay
from analyzer.flows.model import ACK, FIN, RST, SYN, Flow
from tests.digesting import START_NS, Packet, digest_of, flows_of, rows_from

HERE, THERE = ("10.0.0.5", 50123, "10.9.0.7", 80), ("10.9.0.7", 80, "10.0.0.5", 50123)
SECOND = 10**9


def flow_of(gaps: list[int], flags: dict[int, int] | None = None, high: set[int] | None = None) -> Flow:
    """One segment after each gap, of the initiator unless its number is in ``high``."""
    ns, packets = START_NS, []
    for n, gap in enumerate(gaps):
        ns += gap
        ends = THERE if n in (high or ()) else HERE
        flag = (flags or {}).get(n, ACK)
        packets.append(Packet(*ends, flags=flag, seq=0 if flag & SYN else n, ns=ns, payload=bytes(n % 3)))
    (flow,) = flows_of(digest_of(rows_from(packets)))
    return flow


def test_the_longest_silences_stay_whenever_they_were() -> None:
    gaps = [10**6] * 400
    for n, length in ((5, 9), (30, 8), (100, 7), (101, 3), (150, 6), (200, 5), (250, 4), (300, 11), (395, 10)):
        gaps[n] = length * SECOND
    flow = flow_of(gaps)
    assert [silence.duration_ns // SECOND for silence in flow.silences] == [11, 10, 9, 8, 7, 6]
    assert [silence.after_frame for silence in flow.silences] == [301, 396, 6, 31, 101, 151]
    assert len(flow.silences) == lay.KEEP_SILENCES


def test_among_equals_the_first_stay() -> None:
    flow = flow_of([2 * SECOND] * 200)
    assert [silence.after_frame for silence in flow.silences] == [2, 3, 4, 5, 6, 7]


def test_less_than_a_second_is_none() -> None:
    assert flow_of([SECOND - 1] * 100).silences == ()
    assert len(flow_of([SECOND] * 100).silences) == lay.KEEP_SILENCES


def test_the_answer_is_the_next_word_of_the_other_side() -> None:
    gaps = [10**6] * 300
    gaps[100] = 5 * SECOND
    (silence,) = flow_of(gaps, high={5, 290}).silences
    assert (silence.before_frame, silence.after_frame, silence.answer_frame) == (100, 101, 291)
    assert silence.after_payload_len == 100 % 3
    (silence,) = flow_of(gaps, high={5}).silences
    assert silence.answer_frame is None


def test_first_syn_fin_and_rst_and_the_last_rst() -> None:
    flags = {0: SYN, 60: SYN, 61: FIN | ACK, 62: FIN | ACK, 70: RST, 71: RST, 72: RST, 299: RST}
    flow = flow_of([10**6] * 300, flags)
    marked = [segment.frame - 1 for segment in flow.segments if segment.flags & (SYN | FIN | RST)]
    assert marked == [0, 60, 61, 70, 72, 299]
    both = flow_of([10**6] * 300, {80: RST, 81: RST}, high={81})
    assert [segment.frame - 1 for segment in both.segments if segment.flags & RST] == [80, 81]

"""Data never acknowledged, requests never answered, probes, holes and closed windows."""

from __future__ import annotations

import pytest

from analyzer.signals.delivery import read_hole, read_pending, read_probes, read_unanswered, zero_window_stall
from analyzer.units import MS, NS
from tests.conversations import ORDINARY, guilty, ordinary
from tests.reading import view_of
from tests.wire import Conversation


def _open(**options: float) -> Conversation:
    conv = Conversation(rtt_ms=options.get("rtt_ms", 20))
    conv.handshake()
    conv.exchange()
    return conv


# -- never acknowledged ------------------------------------------------------------------------------------------


def test_an_unanswered_run_is_counted_and_timed() -> None:
    conv = _open()
    conv.client("x" * 300, acked=False, arrives=False, after="5s")
    conv.unanswered(4, first="300ms")
    run = read_unanswered(view_of(conv), from_initiator=True)
    assert run is not None
    assert (len(run.sends), run.repeats) == (5, 4)
    assert run.span_ns == (300 + 600 + 1200 + 2400) * MS
    assert run.silence_ns == 5 * NS
    assert run.silence_from_frame == run.first.frame - 1
    assert run.smallest_repeated == 300
    assert run.largest_acked == len("GET / HTTP/1.1\r\n\r\n")
    assert run.heard == ()


@pytest.mark.parametrize("name", sorted(set(ORDINARY) - {"reset_by_closed_client", "client_ends_with_reset"}))
def test_an_ordinary_end_leaves_no_run_that_was_repeated(name: str) -> None:
    view = view_of(ORDINARY[name]())
    for side in (True, False):
        run = read_unanswered(view, side)
        assert run is None or not run.repeats


def test_what_the_other_half_says_meanwhile_is_heard() -> None:
    conv = _open()
    conv.client("question", acked=False, arrives=False)
    conv.segment("server", "A", after="100ms")
    conv.retransmit("client", arrives=False)
    run = read_unanswered(view_of(conv), from_initiator=True)
    assert run is not None
    assert len(run.heard) == 1


def test_a_loss_that_was_made_good_is_no_run() -> None:
    assert read_unanswered(view_of(ordinary.loss_recovered()), from_initiator=True) is None


def test_a_partial_acknowledgment_moves_the_start() -> None:
    conv = _open()
    conv.client("a" * 100, acked=False)
    first = conv.client("b" * 100, acked=False, arrives=False)
    conv.segment("server", "A", after="20ms")
    conv.retransmit("client", arrives=False)
    run = read_unanswered(view_of(conv), from_initiator=True)
    assert run is not None
    assert run.first.frame == first + 1


def test_keepalive_probes_are_no_data() -> None:
    view = view_of(guilty.keepalive_unanswered())
    assert read_unanswered(view, from_initiator=True) is None


def test_a_fin_that_is_never_acknowledged_is_a_run() -> None:
    conv = _open()
    conv.fin("client", acked=False)
    conv.unanswered(2)
    run = read_unanswered(view_of(conv), from_initiator=True)
    assert run is not None
    assert run.first.payload_len == 0
    assert run.repeats == 2


def test_without_the_other_half_there_is_a_run_from_the_first_byte_on() -> None:
    conv = Conversation()
    conv.syn(captured=False)
    conv.syn_ack(captured=False)
    conv.client("never heard of again", acked=False, arrives=False)
    conv.unanswered(2)
    run = read_unanswered(view_of(conv), from_initiator=True)
    assert run is not None
    assert run.repeats == 2
    assert run.silence_from_frame is None


# -- probes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("garbage", [True, False])
def test_unanswered_probes_are_those_at_the_end(garbage: bool) -> None:
    conv = _open()
    conv.keepalive(after="60s", garbage=garbage)
    for after in ("60s", "1s", "1s"):
        conv.keepalive(answered=False, garbage=garbage, after=after)
    probes = read_probes(view_of(conv), from_initiator=True)
    assert probes is not None
    assert len(probes.probes) == 3
    assert probes.silence_ns == 60 * NS


def test_an_answer_ends_the_run_of_probes() -> None:
    conv = _open()
    for _ in range(3):
        conv.keepalive(after="60s")
    assert read_probes(view_of(conv), from_initiator=True) is None


def test_data_after_a_probe_starts_afresh() -> None:
    conv = _open()
    conv.keepalive(answered=False, after="60s")
    conv.client("data", acked=False, arrives=False)
    assert read_probes(view_of(conv), from_initiator=True) is None


def test_the_server_probes_too() -> None:
    conv = _open()
    conv.keepalive("server", answered=False, after="60s")
    probes = read_probes(view_of(conv), from_initiator=False)
    assert probes is not None
    assert not probes.from_initiator


# -- holes -------------------------------------------------------------------------------------------------------


def test_a_hole_that_stays_is_seen_by_what_came_beyond_it() -> None:
    conv = _open()
    heard = conv._sides["client"].acked
    conv.segment("server", "A", "x" * 1400, arrives=False)
    beyond = conv.segment("server", "PA", "tail")
    conv.segment("client", "A", ack=heard)
    hole = read_hole(view_of(conv))
    assert hole is not None
    assert hole.frame == beyond + 1


def test_a_hole_that_is_filled_is_none() -> None:
    conv = _open()
    heard = conv._sides["client"].acked
    start = conv._sides["server"].next_seq
    conv.segment("server", "A", "x" * 1400, arrives=False)
    conv.segment("server", "PA", "tail")
    conv.segment("client", "A", ack=heard)
    conv.segment("server", "A", "x" * 1400, seq=start, after="200ms")
    assert read_hole(view_of(conv)) is None


def test_without_an_acknowledgment_no_hole_is_claimed() -> None:
    conv = Conversation()
    conv.syn(captured=False)
    conv.syn_ack()
    conv.server("banner", acked=False)
    assert read_hole(view_of(conv)) is None


# -- requests ----------------------------------------------------------------------------------------------------


def test_a_request_without_an_answer_waits_until_someone_gives_up() -> None:
    conv = _open(rtt_ms=10)
    request = conv.client("slow question")
    conv.fin("client", after="20s")
    pending = read_pending(view_of(conv))
    assert pending is not None
    assert pending.request.frame == request + 1
    assert pending.ack is not None
    assert pending.ended_by is not None
    assert pending.waited_ns == 20 * NS + 10 * MS
    assert pending.late_answer is None


@pytest.mark.parametrize(
    ("earlier_wait", "asked_again", "owed"), [("1s", 0, True), ("1s", 2, True), ("8s", 0, True), ("30s", 0, False)]
)
def test_an_answer_is_owed_unless_the_server_had_taken_longer_before(
    earlier_wait: str, asked_again: int, owed: bool
) -> None:
    conv = _open()
    conv.client("slow question")
    conv.server("answer", after=earlier_wait)
    conv.client("slow question")
    for _ in range(asked_again):
        conv.client("still there?", after="2s")
    conv.fin("client", after="20s")
    pending = read_pending(view_of(conv))
    assert pending is not None
    assert pending.owed(pending.waited_ns) is owed


@pytest.mark.parametrize(("lines", "pause", "owed"), [(6, "2s", False), (2, "2s", True), (6, "10ms", True)])
def test_who_talks_on_without_answers_is_owed_none(lines: int, pause: str, owed: bool) -> None:
    conv = _open()
    for _ in range(lines):
        conv.client("rack7.inlet 21.5", after=pause)
    conv.fin("client", after="20s")
    pending = read_pending(view_of(conv))
    assert pending is not None
    assert pending.owed(pending.waited_ns) is owed


def test_an_answered_request_is_not_pending() -> None:
    assert read_pending(view_of(_open())) is None


def test_an_answer_after_the_client_gave_up_is_late() -> None:
    pending = read_pending(view_of(guilty.client_gave_up_waiting()))
    assert pending is not None
    assert pending.late_answer is not None
    assert pending.ended_by is not None
    assert pending.late_answer.frame > pending.ended_by.frame


def test_a_request_the_server_never_acknowledged_is_told_from_one_it_had() -> None:
    conv = _open()
    conv.client("into the dark", acked=False, arrives=False)
    conv.unanswered(2)
    pending = read_pending(view_of(conv))
    assert pending is not None
    assert pending.ack is None
    assert pending.ended_by is None


def test_a_repeated_request_is_the_same_request() -> None:
    conv = _open()
    first = conv.client("question", acked=False, arrives=False)
    conv.retransmit("client")
    conv.segment("server", "A", after="20ms")
    pending = read_pending(view_of(conv))
    assert pending is not None
    assert pending.request.frame == first + 1


# -- windows -----------------------------------------------------------------------------------------------------


def test_a_window_that_stays_closed_is_a_stall() -> None:
    view = view_of(guilty.server_stops_reading())
    stall = zero_window_stall(view, of_initiator=False)
    assert stall
    assert all(s.window == 0 and not s.from_initiator for s in stall)
    assert zero_window_stall(view, of_initiator=True) == ()


def test_a_window_that_opens_again_is_none() -> None:
    assert zero_window_stall(view_of(ordinary.window_reopens()), of_initiator=False) == ()


def test_the_zero_window_of_a_reset_means_nothing() -> None:
    assert zero_window_stall(view_of(guilty.server_reset()), of_initiator=False) == ()


def test_one_byte_of_data_is_no_probe() -> None:
    conv = _open()
    conv.client("x", acked=False, arrives=False)
    conv.unanswered(2)
    run = read_unanswered(view_of(conv), from_initiator=True)
    assert run is not None
    assert run.repeats == 2


def test_an_answer_that_was_acknowledged_came_though_no_segment_of_it_was_kept() -> None:
    conv = Conversation()
    conv.handshake()
    conv.client("GET /iso HTTP/1.1\r\n\r\n")
    for _ in range(400):
        conv.segment("server", "A", "x" * 1200, captured=False)
    conv.client_rst(after="3s")
    conv.segment("server", "A", "x" * 1200)
    assert read_pending(view_of(conv)) is None

"""All signals of one flow together: which reset decided, and what counts as established."""

from __future__ import annotations

import pytest

from analyzer.units import NS
from tests.conversations import guilty, ordinary
from tests.reading import reading_of
from tests.wire import Conversation


def _open() -> Conversation:
    conv = Conversation()
    conv.handshake()
    conv.exchange()
    return conv


@pytest.mark.parametrize("make", [guilty.refused, guilty.timed_out, guilty.handshake_never_ends, guilty.abandoned])
def test_a_handshake_that_failed_made_no_connection(make: object) -> None:
    assert callable(make)
    assert not reading_of(make()).established


def test_a_connection_met_midstream_counts_as_established() -> None:
    conv = Conversation()
    conv.syn(captured=False)
    conv.syn_ack(captured=False)
    conv.exchange()
    assert reading_of(conv).established


def test_the_decisive_reset_is_the_one_that_ended_it() -> None:
    reading = reading_of(guilty.server_reset())
    assert reading.decisive_reset is not None
    assert reading.ending.decisive is not None
    assert reading.decisive_reset.segment.frame == reading.ending.decisive.frame


def test_after_a_fin_it_is_the_reset_that_answered_late_data() -> None:
    conv = _open()
    conv.fin("server")
    conv.client("late", acked=False, after="3s")
    late = conv.server_rst(with_ack=False)
    reading = reading_of(conv)
    assert reading.decisive_reset is not None
    assert reading.decisive_reset.segment.frame == late + 1


def test_an_ignored_reset_decides_nothing() -> None:
    reading = reading_of(ordinary.blind_reset_ignored())
    assert len(reading.resets) == 1
    assert reading.decisive_reset is None


def test_a_reset_before_the_handshake_was_finished_decides_nothing() -> None:
    conv = Conversation()
    conv.syn()
    conv.segment("server", "R", seq=0x1234, window=0, after="5ms")
    conv.retransmit("client", after="500ms")
    conv.syn_ack()
    conv.segment("client", "A")
    conv.exchange()
    assert reading_of(conv).decisive_reset is None


def test_a_closed_window_is_timed_until_the_end() -> None:
    conv = _open()
    conv.client("more")
    stall = conv.segment("server", "A", window=0, after="10ms")
    conv.wait("30s")
    conv.keepalive(garbage=True, answered=False)
    reading = reading_of(conv)
    assert reading.responder_stall == 30 * NS
    assert reading.responder_stall_frames == (stall + 1,)


def test_a_flow_without_a_closed_window_has_no_stall() -> None:
    reading = reading_of(_open())
    assert reading.responder_stall == 0
    assert reading.responder_stall_frames == ()


def test_both_halves_are_read_for_stuck_data_and_probes() -> None:
    reading = reading_of(guilty.firewall_idle_drop())
    assert reading.stuck[True] is not None
    assert reading.stuck[False] is None
    assert set(reading.probes) == {True, False}
    assert reading.ends_by_silence

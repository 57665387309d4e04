"""What ended a flow first, and the silence before it."""

from __future__ import annotations

import pytest

from analyzer.signals.ending import EndingKind
from analyzer.units import MS, NS
from tests.conversations import guilty, ordinary
from tests.reading import reading_of
from tests.wire import Conversation


def _open(rtt_ms: float = 20) -> Conversation:
    conv = Conversation(rtt_ms=rtt_ms)
    conv.handshake()
    conv.exchange()
    return conv


@pytest.mark.parametrize(
    ("conv", "kind"),
    [
        (_open(), EndingKind.NOTHING),
        (ordinary.server_closes_client_closes(), EndingKind.RESPONDER_FIN),
        (guilty.server_idle_timeout(), EndingKind.RESPONDER_FIN),
        (guilty.server_reset(), EndingKind.RESPONDER_RST),
        (guilty.server_restarted(), EndingKind.RESPONDER_RST),
        (guilty.client_closed_locally(), EndingKind.INITIATOR_FIN),
        (ordinary.client_ends_with_reset(), EndingKind.INITIATOR_RST),
        (guilty.firewall_idle_drop(), EndingKind.SILENCE),
        (guilty.path_lost(), EndingKind.SILENCE),
        (ordinary.blind_reset_ignored(), EndingKind.INITIATOR_FIN),
    ],
    ids=lambda one: one.value if isinstance(one, EndingKind) else "",
)
def test_each_end_has_its_name(conv: Conversation, kind: EndingKind) -> None:
    assert reading_of(conv).ending.kind is kind


def test_resets_of_both_sides_at_once_are_both() -> None:
    conv = _open()
    conv.segment("server", "R", window=0, ip_id=0, after="5ms")
    conv.segment("client", "R", window=0, ip_id=0, after="1ms")
    assert reading_of(conv).ending.kind is EndingKind.BOTH_RST


def test_a_reset_that_answers_what_crossed_another_is_not_both() -> None:
    conv = _open()
    conv.client_rst()
    conv.segment("client", "PA", "crossed", after="1ms")
    conv.server_rst(with_ack=False)
    assert reading_of(conv).ending.kind is EndingKind.INITIATOR_RST


def test_a_late_reset_after_unanswered_data_began_with_the_data() -> None:
    conv = _open()
    first = conv.client("anyone there?", acked=False, arrives=False, after="90s")
    conv.unanswered(3)
    reset = conv.server_rst(with_ack=False)
    ending = reading_of(conv).ending
    assert ending.kind is EndingKind.RESPONDER_RST
    assert ending.starts is not None
    assert ending.decisive is not None
    assert (ending.starts.frame, ending.decisive.frame) == (first + 1, reset + 1)


def test_a_fin_that_acknowledges_nothing_of_the_run_does_not_explain_it() -> None:
    conv = _open()
    heard = conv._sides["server"].acked
    conv.client("lost", acked=False, arrives=False)
    conv.unanswered(3)
    conv.segment("server", "FA", ack=heard, after="30s")
    assert reading_of(conv).ending.kind is EndingKind.SILENCE


def test_one_send_without_an_answer_at_the_end_is_no_silence() -> None:
    conv = _open()
    conv.client("last words", acked=False)
    assert reading_of(conv).ending.kind is EndingKind.NOTHING


def test_what_came_before_the_handshake_belongs_to_the_opening() -> None:
    conv = Conversation()
    conv.syn()
    conv.segment("server", "R", seq=0x1234, window=0, after="5ms")
    conv.retransmit("client", after="500ms")
    conv.syn_ack()
    conv.segment("client", "A")
    conv.exchange()
    assert reading_of(conv).ending.kind is EndingKind.NOTHING


# -- the silence before ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [2, 75, 3600])
def test_the_pause_is_the_silence_that_the_end_broke(seconds: int) -> None:
    conv = _open(rtt_ms=10)
    conv.wait(seconds)
    conv.server_rst()
    pause = reading_of(conv).pause
    assert pause is not None
    assert pause.duration_ns == seconds * NS + 10 * MS
    assert pause.after.frame == pause.before.frame + 1


def test_a_busy_connection_has_no_pause() -> None:
    conv = _open()
    conv.server_rst()
    assert reading_of(conv).pause is None


def test_the_pause_is_found_behind_the_packets_of_the_end() -> None:
    conv = _open()
    conv.client("request after the pause", after="60s")
    conv.server_rst(with_ack=False)
    pause = reading_of(conv).pause
    assert pause is not None
    assert pause.duration_ns == 60 * NS
    assert pause.after.payload_len


def test_a_pause_long_before_the_end_is_not_its_cause() -> None:
    conv = _open()
    conv.wait("600s")
    for _ in range(6):
        conv.exchange()
    conv.server_rst()
    assert reading_of(conv).pause is None


def test_a_silence_that_an_answered_request_survived_is_not_the_ends() -> None:
    conv = _open()
    conv.wait("600s")
    conv.exchange()
    conv.server_rst()
    assert reading_of(conv).pause is None


def test_last_words_of_the_server_do_not_hide_the_silence() -> None:
    conv = _open()
    conv.server("421 Timeout.\r\n", after="600s")
    conv.fin("server")
    pause = reading_of(conv).pause
    assert pause is not None
    assert pause.duration_ns == 600 * NS


def test_the_wait_for_a_handshake_is_no_pause() -> None:
    conv = Conversation()
    conv.syn(arrives=False)
    conv.retransmit(after="3s")
    conv.syn_ack()
    conv.segment("client", "A")
    conv.server_rst()
    assert reading_of(conv).pause is None


def test_a_connection_that_goes_on_has_no_pause() -> None:
    assert reading_of(ordinary.long_idle_survives()).ending.kind is not EndingKind.SILENCE
    conv = _open()
    conv.wait("100s")
    conv.exchange()
    assert reading_of(conv).pause is None


@pytest.mark.parametrize("gap", ["200ms", "3s"])
def test_two_sends_without_an_answer_are_silence_when_repeated_or_far_apart(gap: str) -> None:
    repeated = _open()
    repeated.client("lost", acked=False, arrives=False)
    repeated.retransmit(after=gap, arrives=False)
    assert reading_of(repeated).ending.kind is EndingKind.SILENCE
    fresh = _open()
    fresh.client("lost", acked=False, arrives=False)
    fresh.client("as well", acked=False, arrives=False, after=gap)
    expected = EndingKind.SILENCE if gap == "3s" else EndingKind.NOTHING
    assert reading_of(fresh).ending.kind is expected


def test_a_sender_that_repeats_nothing_until_it_resets_was_heard() -> None:
    conv = _open()
    conv.server("answer", acked=False)
    conv.server("more of it", acked=False, after="2s")
    conv.wait("3s")
    conv.server_rst()
    assert reading_of(conv).ending.kind is EndingKind.RESPONDER_RST

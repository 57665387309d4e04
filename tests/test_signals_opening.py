"""How a connection was made, or how that failed."""

from __future__ import annotations

import pytest

from analyzer.signals.opening import Opening, OpeningKind, read_opening
from analyzer.signals.wire import WireView
from analyzer.units import MS, NS
from tests.conversations import guilty, ordinary
from tests.reading import capture_of, view_of
from tests.wire import Conversation


def opening_of(conv: Conversation) -> Opening:
    return read_opening(view_of(conv))


@pytest.mark.parametrize(
    ("conv", "kind"),
    [
        (ordinary.server_closes_client_closes(), OpeningKind.COMPLETE),
        (ordinary.syn_lost_once(), OpeningKind.COMPLETE),
        (guilty.refused(), OpeningKind.RESET),
        (guilty.refused_as_windows_tries(), OpeningKind.RESET),
        (guilty.timed_out(), OpeningKind.UNANSWERED),
        (guilty.unreachable(), OpeningKind.UNANSWERED),
        (guilty.handshake_never_ends(), OpeningKind.UNACKNOWLEDGED),
        (guilty.abandoned(), OpeningKind.ABANDONED),
        (ordinary.scanned_port_open(), OpeningKind.ABANDONED),
        (guilty.old_connection_answers(), OpeningKind.FOREIGN_ACK),
    ],
    ids=lambda one: one.value if isinstance(one, OpeningKind) else "",
)
def test_each_outcome_has_its_name(conv: Conversation, kind: OpeningKind) -> None:
    assert opening_of(conv).kind is kind


def test_a_handshake_is_timed_and_its_packets_kept() -> None:
    conv = Conversation(rtt_ms=35)
    conv.handshake()
    opening = opening_of(conv)
    assert [s.frame for s in (*opening.syns, *opening.syn_acks)] == [1, 2]
    assert opening.final_ack is not None
    assert opening.final_ack.frame == 3
    assert opening.handshake_ns == 35 * MS
    assert opening.span_ns == 0
    assert opening.reset is None


def test_the_span_covers_all_attempts() -> None:
    conv = Conversation()
    conv.syn(arrives=False)
    conv.unanswered(3, first="1s")
    opening = opening_of(conv)
    assert len(opening.syns) == 4
    assert opening.span_ns == 7 * NS
    assert opening.handshake_ns is None


def test_data_is_acknowledgment_enough() -> None:
    conv = Conversation()
    conv.syn()
    conv.syn_ack()
    conv.client("hello")
    opening = opening_of(conv)
    assert opening.kind is OpeningKind.COMPLETE
    assert opening.final_ack is not None
    assert opening.final_ack.payload_len == 5


def test_a_syn_ack_again_after_the_ack_is_counted() -> None:
    conv = Conversation()
    conv.syn()
    conv.syn_ack()
    conv.segment("client", "A", after="40us")
    for _ in range(2):
        conv.retransmit("server", after="1s")
        conv.segment("client", "A", after="40us")
    opening = opening_of(conv)
    assert opening.kind is OpeningKind.COMPLETE
    assert opening.repeated_syn_acks == 2


def test_a_reset_that_acknowledges_something_else_refuses_no_syn() -> None:
    conv = Conversation()
    conv.syn(arrives=False)
    conv.segment("server", "RA", seq=0, ack=0x1234, window=0, after="20ms")
    opening = opening_of(conv)
    assert opening.reset is None
    assert opening.kind is not OpeningKind.RESET


def test_a_bare_reset_refuses_a_syn_too() -> None:
    conv = Conversation()
    conv.syn(arrives=False)
    conv.segment("server", "R", seq=0, window=0, after="20ms")
    assert opening_of(conv).kind is OpeningKind.RESET


def test_without_a_syn_nothing_is_said() -> None:
    conv = Conversation()
    conv.syn(captured=False)
    conv.syn_ack(captured=False)
    conv.exchange()
    opening = opening_of(conv)
    assert opening.kind is OpeningKind.NOT_SEEN
    assert (opening.syns, opening.syn_acks, opening.final_ack) == ((), (), None)


def test_a_capture_from_the_syn_ack_on_still_shows_the_handshake() -> None:
    conv = Conversation()
    conv.syn(captured=False)
    conv.syn_ack()
    conv.segment("client", "A")
    conv.exchange()
    opening = opening_of(conv)
    assert opening.kind is OpeningKind.COMPLETE
    assert opening.syns == ()
    assert opening.handshake_ns is None


def test_one_direction_never_reads_as_unanswered() -> None:
    both = ordinary.server_closes_client_closes()
    halves: dict[bytes, list[tuple[int, bytes]]] = {}
    for at, frame in both.packets:
        halves.setdefault(frame[26:30], []).append((at, frame))
    for half in halves.values():
        opening = read_opening(WireView.of(capture_of(half).flows.flow(0)))
        assert opening.kind in (OpeningKind.NOT_SEEN, OpeningKind.COMPLETE)


def test_a_stray_ack_before_a_handshake_that_succeeds_is_kept() -> None:
    conv = Conversation()
    conv.syn()
    conv.segment("server", "A", seq=0x5000, ack=0x77777777, after="20ms")
    conv.segment("client", "R", seq=0x77777777, window=0, after="50us")
    conv.retransmit("client", after="1s")
    conv.syn_ack()
    conv.segment("client", "A")
    conv.exchange()
    opening = opening_of(conv)
    assert opening.kind is OpeningKind.COMPLETE
    assert opening.foreign_ack is not None
    assert opening.foreign_ack.ack == 0x77777777

"""FINs, what was sent after one, and half-closes in use."""

from __future__ import annotations

from copy import deepcopy

import pytest

from analyzer.signals.closing import Closing, read_closing, says_goodbye
from tests.conversations import guilty, ordinary
from tests.reading import view_of
from tests.wire import Conversation


def closing_of(conv: Conversation) -> Closing:
    return read_closing(view_of(conv))


def _open() -> Conversation:
    conv = Conversation()
    conv.handshake()
    conv.exchange()
    return conv


def test_a_graceful_close_has_both_fins_and_nothing_after_them() -> None:
    closing = closing_of(ordinary.server_closes_client_closes())
    assert closing.both
    assert closing.first_fin == closing.responder_fin
    assert closing.responder_fin_acked
    assert not closing.half_close_used
    assert closing.data_after_responder_fin == closing.data_after_initiator_fin == ()


def test_a_fin_that_nobody_acknowledges_is_told() -> None:
    conv = _open()
    conv.fin("server", acked=False)
    closing = closing_of(conv)
    assert closing.responder_fin is not None
    assert closing.responder_fin_acked is False
    assert closing_of(_open()).responder_fin_acked is None


def test_data_into_a_closed_connection_and_the_reset_it_draws() -> None:
    closing = closing_of(guilty.server_closed_then_client_sent())
    assert len(closing.data_after_responder_fin) >= 1
    assert closing.resets_after_late_data
    assert not closing.late_data_acked
    assert not closing.half_close_used


def test_data_that_crossed_the_fin_was_sent_before_it_was_known() -> None:
    conv = _open()
    # Captured near the server: what the client had sent before the FIN reached it comes after the FIN.
    heard = conv._sides["client"].acked
    conv.segment("server", "FA")
    conv.segment("client", "PA", "under way", ack=heard, after="5ms")
    conv.segment("client", "A", after="5ms")
    assert closing_of(conv).data_after_responder_fin == ()
    reset = deepcopy(conv)
    reset.packets.pop()
    reset.server_rst()
    assert closing_of(reset).data_after_responder_fin == ()
    conv.client("known to be closed", acked=False)
    assert [s.payload_len for s in closing_of(conv).data_after_responder_fin] == [18]


def test_a_retransmission_after_the_fin_is_no_new_data() -> None:
    conv = _open()
    conv.client("once more", acked=False)
    conv.fin("server")
    conv.retransmit("client", after="300ms")
    closing = closing_of(conv)
    assert closing.data_after_responder_fin == ()


def test_a_retransmission_of_what_crossed_the_fin_is_no_new_data() -> None:
    conv = _open()
    heard = conv._sides["client"].acked
    conv.segment("server", "FA")
    conv.segment("client", "PA", "under way", ack=heard, after="5ms")
    conv.segment("client", "A", after="5ms")
    conv.segment("client", "PA", "under way", seq=conv._sides["client"].next_seq - 9, after="300ms")
    assert closing_of(conv).data_after_responder_fin == ()


def test_late_data_that_is_acknowledged_is_a_half_close_in_use() -> None:
    conv = _open()
    conv.fin("server")
    conv.client("still talking")
    closing = closing_of(conv)
    assert closing.late_data_acked
    assert closing.half_close_used


def test_the_client_may_close_its_half_and_read_on() -> None:
    closing = closing_of(ordinary.half_close_in_use())
    assert closing.first_fin == closing.initiator_fin
    assert closing.data_after_initiator_fin
    assert closing.half_close_used


def test_a_reset_is_no_fin() -> None:
    closing = closing_of(guilty.server_reset())
    assert closing.first_fin is None
    assert not closing.both


def test_words_said_while_closing_are_a_farewell_and_no_use() -> None:
    assert closing_of(ordinary.farewell_into_a_closed_connection()).data_after_responder_fin == ()


def test_a_request_is_no_farewell_though_its_program_closes_when_no_answer_comes() -> None:
    conv = _open()
    conv.fin("server")
    conv.client("GET / HTTP/1.1\r\n\r\n", acked=False)
    conv.fin("client", acked=False, after="3s")
    assert len(closing_of(conv).data_after_responder_fin) == 1


@pytest.mark.parametrize(
    ("words", "goodbye"),
    [
        (b"QUIT\r\n", True),
        (b"a7 LOGOUT\r\n", True),
        (b"quit\n", True),
        (b"*1\r\n$4\r\nQUIT\r\n", True),
        (b"\x01\x00\x00\x00\x01", True),
        (b"X\x00\x00\x00\x04", True),
        (b"\xe0\x00", True),
        (b"\x30\x05\x02\x01\x07\x42\x00", True),
        (b"\x03\x00\x00\x09\x02\xf0\x80\x21\x80", True),
        (b"\x88\x82\x01\x02\x03\x04\x02\xea", True),
        (b"\x15\x03\x03\x00\x1a" + bytes(26), True),
        (b"QUITE\r\n", False),
        (b"NOOP\r\n", False),
        (b"SELECT quit\r\nfrom x", False),
        (b"\x01\x00\x00\x00\x0e", False),
        (b"X\x00\x00\x00\x08abcd", False),
        (b"\xe0\x00\x01", False),
        (b"", False),
    ],
)
def test_a_goodbye_is_known_by_its_words(words: bytes, goodbye: bool) -> None:
    assert says_goodbye(words) is goodbye

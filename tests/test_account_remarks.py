"""Why a packet matters, in words a person would choose."""

from __future__ import annotations

import re

import pytest

from analyzer.account.remarks import remark
from tests.conversations import CONVERSATIONS
from tests.reading import reading_of
from tests.wire import Conversation

GUILTY = [make for several in CONVERSATIONS.values() for make in several]


def remarks(conv: Conversation) -> list[str]:
    reading = reading_of(conv)
    return [remark(reading, segment) for segment in reading.view.segments]


def idle(seconds: str = "75s") -> Conversation:
    conv = Conversation()
    conv.handshake()
    conv.exchange()
    conv.wait(seconds)
    return conv


def test_a_silence_is_told_at_both_its_ends() -> None:
    conv = idle()
    conv.server_rst()
    told = remarks(conv)
    assert told[-2] == "The last packet before 75 s of silence."
    assert told[-1].startswith("The first packet after 75 s of silence. A reset in the server's name: its TTL")


def test_what_nothing_acknowledged_is_told_apart_from_what_only_a_reset_answered() -> None:
    silent, refused = idle(), idle()
    silent.client(b"x" * 90, arrives=False)
    silent.unanswered(3)
    refused.client(b"x" * 90, acked=False)
    refused.server_rst(with_ack=False)
    assert remarks(silent)[-4:] == [
        "The first packet after 75 s of silence. Never acknowledged.",
        *["Sent again."] * 3,
    ]
    assert "The first packet after 75 s of silence. The only answer to it was a reset." in remarks(refused)


def test_a_handshake_is_told_only_by_what_repeats() -> None:
    conv = Conversation()
    conv.syn(arrives=False)
    conv.unanswered(2)
    told = remarks(conv)
    assert told[0] == "The client asks for the connection."
    assert re.fullmatch(r"Asked again, [\d.]+ m?s after the first time\.", told[1])


@pytest.mark.parametrize("make", GUILTY, ids=lambda make: make.__name__)
def test_every_remark_is_made_of_sentences(make) -> None:  # type: ignore[no-untyped-def]
    for told in remarks(make()):
        assert not told or re.fullmatch(r"(?:[A-Z][^.!?]*(?:\.\d[^.!?]*)*[.] ?)+", told), told


def test_a_full_window_is_explained_once() -> None:
    conv = idle("1s")
    conv.client(b"x" * 1460)
    for _ in range(3):
        conv.ack("server", window=0)
        conv.wait("4s")
    told = [one for one in remarks(conv) if "full" in one]
    assert told[0].endswith("The server's receive window is full: the client may send nothing more.")
    assert told[1:] == ["The window is still full."] * (len(told) - 1)
    assert len(told) >= 2

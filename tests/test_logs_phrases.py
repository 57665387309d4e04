"""Known error texts."""

from __future__ import annotations

import pytest

from analyzer.logs.codes import ErrorCode
from analyzer.logs.phrases import LEGACY_NEEDLES, find_phrases, fold


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("A request to send or receive data was disallowed because the socket is not connected", 10057),
        ("Transport endpoint is not connected", 10057),
        ("da der Socket nicht verbunden ist", 10057),
        ("car le socket n’est pas connecté", 10057),
        ("porque el socket no está conectado", 10057),
        ("ソケットが接続されていないか", 10057),
        ("由于套接字没有连接", 10057),
        ("No connection could be made because the target machine actively refused it", 10061),
        ("da der Zielcomputer die Verbindung verweigerte", 10061),
        ("car l’ordinateur cible l’a expressément refusée", 10061),
        ("由于目标计算机积极拒绝，无法连接。", 10061),
        ("the connected party did not properly respond after a period of time, or", 10060),
        ("An existing connection was forcibly closed by the remote host", 10054),
        ("既存の接続はリモート ホストに強制的に切断されました。", 10054),
        ("aborted by the software in your host machine", 10053),
        ("attempted to an unreachable host", 10065),
        ("No such host is known", 11001),
        ("Name or service not known", 11001),
        ("Temporary failure in name resolution", 11002),
    ],
)
def test_texts(text: str, code: int) -> None:
    assert code in [found for _, found in find_phrases(fold(text))]


def test_places_are_those_of_the_text() -> None:
    text = "x ’ Socket is not connected"
    [(place, code)] = find_phrases(fold(text))
    assert (text[place : place + 6], code) == ("Socket", ErrorCode.WSAENOTCONN)


def test_folding_keeps_length() -> None:
    for text in ("İstanbul’s\u00a0A\nB", "ẞ", "plain"):
        assert len(fold(text)) == len(text)


def test_needles_are_not_ascii() -> None:
    assert not any(needle.isascii() for needle in LEGACY_NEEDLES)

"""First and last words that refuse or are an alert make a flow worth a look, and no others do."""

from __future__ import annotations

import pytest

from analyzer.flows.table import Reason
from tests.reading import capture_of
from tests.wire import Conversation

CONNECT = b"CONNECT db.example:5432 HTTP/1.1\r\n\r\n"
GET = b"GET / HTTP/1.1\r\n\r\n"
GREETING = b"\x05\x01\x00"
REQUEST = b"\x05\x01\x00\x01\x0a\x00\x00\x01\x01\xbb"
V4 = b"\x04\x01\x00\x50\x0a\x00\x00\x01\x00"


def _reasons(*said: bytes) -> Reason:
    """What a talk in turns, the client first, and an ordinary close give reason for."""
    conv = Conversation(server="10.9.0.7:3999")
    conv.handshake()
    for number, words in enumerate(said):
        if words:
            conv.server(words) if number % 2 else conv.client(words)
    conv.fin("server")
    conv.fin("client")
    return capture_of(conv).flows.reasons(0)


@pytest.mark.parametrize(
    ("said", "refuses"),
    [
        pytest.param([b"", b"530 Login incorrect.\r\n"], True, id="a reply code of 5xx"),
        pytest.param([b"", b"220 ready\r\n"], False, id="a greeting"),
        pytest.param([CONNECT, b"HTTP/1.1 403 Forbidden\r\n\r\n"], True, id="a proxy forbids"),
        pytest.param([CONNECT, b"HTTP/1.1 500 Oops\r\n\r\n"], True, id="a proxy fails"),
        pytest.param([CONNECT, b"HTTP/1.1 200 OK\r\n\r\n"], False, id="a proxy grants"),
        pytest.param([GET, b"HTTP/1.1 403 Forbidden\r\n\r\n"], False, id="a page is forbidden"),
        pytest.param([GET, b"HTTP/1.1 503 Busy\r\n\r\n"], True, id="a gateway has no server"),
        pytest.param([GREETING, b"\x05\xff"], True, id="SOCKS 5 takes no method"),
        pytest.param([GREETING, b"\x05\x00", REQUEST, b"\x05\x05\x00\x01" + bytes(6)], True, id="SOCKS 5 refuses"),
        pytest.param([GREETING, b"\x05\x00", REQUEST, b"\x05\x00\x00\x01" + bytes(6)], False, id="SOCKS 5 grants"),
        pytest.param([V4, b"\x00\x5b" + bytes(6)], True, id="SOCKS 4 refuses"),
        pytest.param([V4, b"\x00\x5a" + bytes(6)], False, id="SOCKS 4 grants"),
        pytest.param([b"\x07hello", b"\x05\x05\x00\x01" + bytes(6)], False, id="another protocol"),
    ],
)
def test_a_refusal_is_a_reason(said: list[bytes], refuses: bool) -> None:
    assert bool(_reasons(*said) & Reason.REFUSAL) is refuses


def test_an_alert_of_either_side_is_a_reason() -> None:
    hello = bytes.fromhex("16030100300100002c0303") + bytes(42)
    alert = bytes.fromhex("15030300020228")
    assert _reasons(hello, alert) & Reason.TLS_ALERT
    assert _reasons(hello, b"\x16\x03\x03\x00\x02..", alert) & Reason.TLS_ALERT
    assert not _reasons(hello, b"\x16\x03\x03\x00\x02..") & Reason.TLS_ALERT

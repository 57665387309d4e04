"""What the first and last bytes say, and how little is believed of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.signals.protocol import Protocol, Talk, TlsState, read_talk
from tests.reading import flow_of
from tests.wire import Conversation

HELLO = bytes.fromhex("16030100300100002c0303") + bytes(42)
SERVER_HELLO = bytes.fromhex("160303002c020000280303") + bytes(38)


def talk(*said: tuple[str, bytes], port: int = 8080) -> Talk:
    conv = Conversation(server=f"10.9.0.7:{port}")
    conv.handshake()
    for who, data in said:
        conv.client(data) if who == "c" else conv.server(data)
    return read_talk(flow_of(conv))


@pytest.mark.parametrize(
    ("protocol", "port", "said"),
    [
        (Protocol.TLS, 8443, [("c", HELLO)]),
        (Protocol.HTTP, 8080, [("c", b"GET / HTTP/1.1\r\n\r\n")]),
        (Protocol.HTTP, 9999, [("s", b"HTTP/1.0 200 OK\r\n\r\n")]),
        (Protocol.SSH, 2222, [("s", b"SSH-2.0-OpenSSH_9.6\r\n")]),
        (Protocol.FTP, 2121, [("s", b"220 FTP ready\r\n")]),
        (Protocol.SMTP, 2525, [("s", b"220 mx.example ESMTP ready\r\n")]),
        (Protocol.SMTP, 25, [("s", b"220 hello\r\n")]),
        (Protocol.SMTP, 2525, [("s", b"220 hello\r\n"), ("c", b"EHLO me\r\n")]),
        (Protocol.SMTP, 587, [("s", b"421 4.7.0 try later\r\n")]),
        (Protocol.FTP, 21, [("s", b"421 Too many users\r\n")]),
        (Protocol.SOCKS, 1080, [("c", b"\x05\x01\x00")]),
        (Protocol.SOCKS, 3128, [("c", b"\x05\x01\x00"), ("s", b"\x05\x00")]),
        (Protocol.MYSQL, 3307, [("s", b"\x4a\x00\x00\x00\x0a8.0.36\x00")]),
        (Protocol.POSTGRES, 6432, [("c", b"\x00\x00\x00\x08\x00\x03\x00\x00")]),
        (Protocol.TDS, 1433, [("c", b"\x12\x01\x00\x2f")]),
        (Protocol.REDIS, 6379, [("c", b"*1\r\n$4\r\nPING\r\n")]),
        (Protocol.UNKNOWN, 7000, [("c", b"\x00\x01\x02binary")]),
        (Protocol.UNKNOWN, 7000, []),
    ],
)
def test_protocols_are_told_by_their_first_bytes(protocol: Protocol, port: int, said: list[tuple[str, bytes]]) -> None:
    assert talk(*said, port=port).protocol is protocol


# -- TLS ---------------------------------------------------------------------------------------------------------


def test_how_far_a_tls_handshake_came() -> None:
    assert talk(("c", HELLO)).tls is TlsState.HELLO_ONLY
    assert talk(("c", HELLO), ("s", SERVER_HELLO)).tls is TlsState.ANSWERED
    finished = talk(("c", HELLO), ("s", SERVER_HELLO), ("c", b"\x14\x03\x03\x00\x01\x01"))
    assert finished.tls is TlsState.ESTABLISHED
    assert talk(("c", b"GET / HTTP/1.1\r\n\r\n")).tls is TlsState.NONE


@pytest.mark.parametrize(
    ("description", "name"),
    [(40, "handshake_failure"), (48, "unknown_ca"), (70, "protocol_version"), (200, "alert 200")],
)
def test_an_alert_has_a_name_and_a_sender(description: int, name: str) -> None:
    alert = bytes([0x15, 3, 3, 0, 2, 2, description])
    by_server = talk(("c", HELLO), ("s", alert))
    assert (by_server.tls, by_server.tls_alert, by_server.tls_alert_from_initiator) == (TlsState.ALERT, name, False)
    assert by_server.tls_alert_frame == 6
    by_client = talk(("c", HELLO), ("s", SERVER_HELLO), ("c", alert))
    assert (by_client.tls_alert, by_client.tls_alert_from_initiator) == (name, True)


def test_a_close_notify_is_no_failure() -> None:
    ended = talk(
        ("c", HELLO), ("s", SERVER_HELLO), ("c", b"\x17\x03\x03\x00\x01x"), ("s", b"\x15\x03\x03\x00\x02\x01\x00")
    )
    assert ended.tls_alert is None


def test_an_encrypted_alert_is_not_read() -> None:
    # Encrypted, the record is longer than two bytes and its type says no more.
    assert talk(("c", HELLO), ("s", b"\x15\x03\x03\x00\x1a" + bytes(range(26)))).tls_alert is None


# -- refusals ----------------------------------------------------------------------------------------------------


def test_last_words_with_a_code_are_a_refusal() -> None:
    ended = talk(("s", b"220 FTP ready\r\n"), ("c", b"USER x\r\n"), ("s", b"530 Not logged in.\r\n"), port=21)
    assert (ended.refusal_code, ended.refusal) == (530, "530 Not logged in.")
    assert ended.refusal_frame is not None
    assert not ended.idle_notice


def test_a_reply_in_between_is_no_last_word() -> None:
    ended = talk(
        ("s", b"220 FTP ready\r\n"),
        ("c", b"SIZE x\r\n"),
        ("s", b"550 No such file\r\n"),
        ("c", b"PWD\r\n"),
        ("s", b"257 /\r\n"),
        port=21,
    )
    assert ended.refusal is None


@pytest.mark.parametrize(
    ("line", "idle"),
    [
        (b"421 Timeout (300 seconds): closing control connection.\r\n", True),
        (b"421 No transfer timeout (600 seconds)\r\n", True),
        (b"421 Idle time limit exceeded\r\n", True),
        (b"421 Too many connections (5) from this IP\r\n", False),
    ],
)
def test_a_421_is_an_idle_notice_only_when_it_says_so(line: bytes, idle: bool) -> None:
    ended = talk(("s", b"220 FTP ready\r\n"), ("s", line), port=21)
    assert ended.refusal_code == 421
    assert ended.idle_notice is idle


def test_http_408_is_an_idle_notice() -> None:
    ended = talk(("c", b"GET / HTTP/1.1\r\n\r\n"), ("s", b"HTTP/1.1 408 Request Time-out\r\n\r\n"))
    assert ended.idle_notice
    assert ended.refusal_code == 408


def test_a_proxy_that_refuses_is_told_from_a_server_that_does() -> None:
    refused = b"HTTP/1.1 503 Service Unavailable\r\n\r\n"
    assert talk(("c", b"CONNECT db:5432 HTTP/1.1\r\n\r\n"), ("s", refused)).proxy_refusal
    assert not talk(("c", b"GET / HTTP/1.1\r\n\r\n"), ("s", refused)).proxy_refusal
    assert not talk(("c", b"CONNECT db:5432 HTTP/1.1\r\n\r\n"), ("s", b"HTTP/1.1 200 OK\r\n\r\n")).proxy_refusal


@pytest.mark.parametrize(
    ("reply", "refused"),
    [
        (b"\x05\x00\x00\x01", False),
        (b"\x05\x05\x00\x01", True),
        (b"\x00\x5a" + bytes(6), False),
        (b"\x00\x5b" + bytes(6), True),
    ],
)
def test_socks_replies_are_read_by_their_version(reply: bytes, refused: bool) -> None:
    version = b"\x05\x01\x00" if reply[0] == 5 else b"\x04\x01\x00\x50\x0a\x00\x00\x01\x00"
    assert talk(("c", version), ("s", reply), port=1080).proxy_refusal is refused


def test_database_errors_are_refusals() -> None:
    mysql = talk(("s", b"\x45\x00\x00\x00\xff\x10\x04Too many connections"), port=3306)
    assert mysql.protocol is Protocol.MYSQL
    assert (mysql.refusal_code, mysql.refusal) == (1040, "Too many connections")
    fatal = b"E\x00\x00\x00\x60SFATAL\x00C53300\x00Msorry, too many clients already\x00"
    assert "too many clients" in (
        talk(("c", b"\x00\x00\x00\x08\x00\x03\x00\x00"), ("s", fatal), port=5432).refusal or ""
    )
    redis = talk(("c", b"*1\r\n$4\r\nPING\r\n"), ("s", b"-ERR max number of clients reached\r\n"), port=6379)
    assert redis.refusal == "-ERR max number of clients reached"


@settings(max_examples=40, deadline=None)
@given(
    st.binary(min_size=1, max_size=90),
    st.binary(min_size=1, max_size=90),
    st.sampled_from([21, 25, 80, 443, 1080, 3306, 5432, 6379]),
)
def test_any_bytes_are_read_and_what_is_quoted_is_printable(asked: bytes, said: bytes, port: int) -> None:
    found = talk(("c", asked), ("s", said), port=port)
    if found.refusal is not None:
        assert len(found.refusal) <= 80
        assert all(32 <= ord(letter) < 127 for letter in found.refusal)

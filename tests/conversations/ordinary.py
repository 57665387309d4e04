"""Dialogues without an incident, the awkward kind first of all."""

from __future__ import annotations

from collections.abc import Callable

from tests.wire import Conversation

__all__ = ["ORDINARY"]

GET = "GET /items/7 HTTP/1.1\r\nHost: app\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def _open(times: int = 1) -> Conversation:
    conv = Conversation()
    conv.handshake()
    for _ in range(times):
        conv.exchange(GET, OK)
    return conv


def server_closes_client_closes() -> Conversation:
    """The server's FIN is answered by the client's at once."""
    conv = _open()
    conv.close("server")
    return conv


def keep_alive_ends_gracefully() -> Conversation:
    """HTTP keep-alive: idle for some seconds, closed by the server, closed by the client."""
    conv = _open(3)
    conv.wait("15s")
    conv.close("server")
    return conv


def reset_after_both_fins() -> Conversation:
    """A late RST after both halves were closed."""
    conv = _open()
    conv.close("client")
    conv.client_rst(with_ack=False, after="30ms")
    return conv


def reset_by_closed_client() -> Conversation:
    """The client has closed; what the server still sends draws a RST."""
    conv = _open()
    conv.fin("client")
    conv.segment("server", "PA", "bye", after="20ms")
    conv.client_rst(with_ack=False)
    return conv


def client_ends_with_reset() -> Conversation:
    """A complete exchange, ended by the client with a RST."""
    conv = _open(2)
    conv.client_rst(after="100ms")
    return conv


def half_close_in_use() -> Conversation:
    """The client closes its half; the server streams for a while and closes."""
    conv = _open()
    conv.fin("client")
    for _ in range(12):
        conv.server(b"d" * 1200, after="900ms")
    conv.fin("server")
    return conv


def keepalives_answered() -> Conversation:
    """Idle for long, every probe answered, then talk again."""
    conv = _open()
    for _ in range(6):
        conv.keepalive("client", after="30s")
        conv.keepalive("server", after="5s")
    conv.exchange(GET, OK)
    return conv


def long_idle_survives() -> Conversation:
    """Ten minutes of silence do no harm."""
    conv = _open()
    conv.wait("600s")
    conv.exchange(GET, OK)
    return conv


def syn_lost_once() -> Conversation:
    """The first SYN is lost, the second comes through."""
    conv = Conversation()
    conv.syn(arrives=False)
    conv.retransmit("client", after="1s")
    conv.wait("20ms")
    conv.syn_ack()
    conv.segment("client", "A")
    conv.exchange(GET, OK)
    return conv


def loss_recovered() -> Conversation:
    """A request is lost once and repeated."""
    conv = _open()
    conv.client(GET, acked=False, arrives=False)
    conv.retransmit("client")
    conv.wait("20ms")
    conv.segment("server", "A")
    conv.server(OK)
    conv.close("client")
    return conv


def slow_answer() -> Conversation:
    """The server takes fifteen seconds."""
    conv = _open()
    conv.client(GET)
    conv.server(OK, after="15s")
    conv.close("client")
    return conv


def blind_reset_ignored() -> Conversation:
    """A forged RST far outside the window; the connection goes on."""
    conv = _open()
    conv.middlebox_rst(ttl=200, seq_offset=-500_000)
    conv.exchange(GET, OK)
    conv.close("client")
    return conv


def window_reopens() -> Conversation:
    """A closed window opens again."""
    conv = _open()
    conv.client(b"x" * 1400, acked=False)
    conv.ack("server", window=0, after="20ms")
    conv.ack("server", window=501, after="2s")
    conv.client(b"x" * 1400)
    conv.close("client")
    return conv


def scanned_port_open() -> Conversation:
    """A scanner's SYN to an open port: SYN-ACK, RST."""
    conv = Conversation()
    conv.syn()
    conv.syn_ack()
    conv.client_rst(with_ack=False)
    return conv


def farewell_into_a_closed_connection() -> Conversation:
    """The server tires of the connection; the client's pool says goodbye some time later and closes with it."""
    conv = _open(2)
    conv.wait("20s")
    conv.fin("server")
    conv.wait("40s")
    conv.client("QUIT\r\n", acked=False)
    conv.fin("client", acked=False)
    conv.server_rst(with_ack=False, after="20ms")
    return conv


def close_notify_into_a_closed_connection() -> Conversation:
    """The server's FIN, the client's close_notify to it, and a RST before the client can close itself."""
    conv = Conversation(server="10.9.0.7:443")
    conv.handshake()
    conv.client(b"\x16\x03\x01\x00\x30\x01" + bytes(47))
    conv.server(b"\x16\x03\x03\x00\x50\x02" + bytes(79))
    conv.client(b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x35" + bytes(53))
    conv.exchange(b"\x17\x03\x03\x00\x40" + bytes(64), b"\x17\x03\x03\x04\x00" + bytes(1024))
    conv.fin("server")
    conv.client(b"\x17\x03\x03\x00\x13" + bytes(19), acked=False, after="1ms")
    conv.server_rst(with_ack=False)
    return conv


def http2_idles_after_a_ping() -> Conversation:
    """The client's last words are the acknowledgment of a ping; a minute later it closes."""
    conv = Conversation(server="10.9.0.7:443")
    conv.handshake()
    conv.client(b"\x16\x03\x01\x00\x30\x01" + bytes(47))
    conv.server(b"\x16\x03\x03\x00\x50\x02" + bytes(79))
    conv.client(b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x35" + bytes(53))
    conv.exchange(b"\x17\x03\x03\x00\x60" + bytes(96), b"\x17\x03\x03\x04\x00" + bytes(1024))
    conv.server(b"\x17\x03\x03\x00\x22" + bytes(34))
    conv.client(b"\x17\x03\x03\x00\x22" + bytes(34))
    conv.wait("60s")
    conv.close("client")
    return conv


def tls_connection_never_used() -> Conversation:
    """A browser connects ahead of need, ends the handshake and closes; the server's tickets come late."""
    conv = Conversation(server="10.9.0.7:443")
    conv.handshake()
    conv.client(b"\x16\x03\x01\x00\x30\x01" + bytes(47))
    conv.server(b"\x16\x03\x03\x00\x50\x02" + bytes(79))
    conv.client(b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x35" + bytes(53))
    conv.fin("client", after="500ms")
    conv.server(b"\x17\x03\x03\x01\x00" + bytes(256))
    conv.client_rst(with_ack=False)
    return conv


def syn_as_the_capture_ends() -> Conversation:
    """Nobody could have answered yet."""
    conv = Conversation()
    conv.syn()
    return conv


def tls_session_ends_with_an_encrypted_alert() -> Conversation:
    """TLS 1.2: the client's last record is its close_notify, and only its type can be read."""
    conv = Conversation(server="10.9.0.7:443")
    conv.handshake()
    conv.client(b"\x16\x03\x01\x00\x30\x01" + bytes(47))
    conv.server(b"\x16\x03\x03\x00\x50\x02" + bytes(79))
    conv.client(b"\x16\x03\x03\x00\x21\x10" + bytes(32))
    conv.server(b"\x14\x03\x03\x00\x01\x01")
    conv.exchange(b"\x17\x03\x03\x00\x40" + bytes(64), b"\x17\x03\x03\x04\x00" + bytes(1024))
    conv.client(b"\x15\x03\x03\x00\x1a" + bytes(26), acked=False)
    conv.close("client")
    return conv


def websocket_is_left() -> Conversation:
    """The server pings, the client pongs; between two pings the client leaves."""
    conv = Conversation()
    conv.handshake()
    conv.exchange("GET /live HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n")
    for _ in range(4):
        conv.server(b"\x89\x00", after="30s")
        conv.client(b"\x8a\x80\x01\x02\x03\x04")
    conv.wait("20s")
    conv.close("client")
    return conv


def long_poll_is_cancelled() -> Conversation:
    """Each poll is answered after half a minute; the last one is not waited for."""
    conv = _open()
    for _ in range(2):
        conv.client(GET)
        conv.server(OK, after="30s")
    conv.client(GET)
    conv.wait("20s")
    conv.close("client")
    return conv


def measurements_are_sent() -> Conversation:
    """A protocol without answers: a line every few seconds, the last one a while before the close."""
    conv = Conversation(server="10.9.0.7:2003")
    conv.handshake()
    for _ in range(6):
        conv.client("rack7.inlet 21.5\n", after="10s")
    conv.wait("10s")
    conv.close("client")
    return conv


def plain_http2_idles_after_its_settings() -> Conversation:
    """HTTP/2 without TLS: the client's last words acknowledge the server's settings, and nobody answers these."""
    conv = Conversation()
    conv.handshake()
    conv.client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    conv.server(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80")
    conv.client(b"\x00\x00\x00\x04\x01\x00\x00\x00\x00")
    conv.wait("9s")
    conv.close("client")
    return conv


def numbers_masked() -> Conversation:
    """Every sequence number and acknowledgment was set to zero, so nothing tells what was repeated or received."""
    conv = Conversation()
    conv.segment("client", "S", seq=0, ack=0)
    conv.segment("server", "SA", seq=0, ack=0, after="20ms")
    conv.segment("client", "A", seq=0, ack=0)
    for _ in range(3):
        conv.segment("client", "PA", GET, seq=0, ack=0, after="1s")
        conv.segment("server", "PA", OK, seq=0, ack=0, after="20ms")
    for _ in range(4):
        conv.segment("client", "PA", "and more", seq=0, ack=0, after="1s")
    return conv


def goodbye_answered_by_reset() -> Conversation:
    """The client takes its leave in the protocol's own words; the server spares itself the close."""
    conv = Conversation(server="10.9.0.7:25")
    conv.handshake()
    conv.server("220 mx ESMTP\r\n")
    conv.exchange("EHLO app\r\n", "250 mx\r\n")
    conv.client("QUIT\r\n")
    conv.server_rst()
    return conv


def opened_in_advance_and_left() -> Conversation:
    """A browser's spare connection: the server tires of it first, and the browser looks at it only minutes later."""
    conv = Conversation()
    conv.handshake()
    conv.fin("server", after="20s")
    for _ in range(2):
        conv.keepalive("client", after="45s")
    return conv


ORDINARY: dict[str, Callable[[], Conversation]] = {
    each.__name__: each
    for each in (
        server_closes_client_closes,
        keep_alive_ends_gracefully,
        reset_after_both_fins,
        reset_by_closed_client,
        client_ends_with_reset,
        half_close_in_use,
        keepalives_answered,
        long_idle_survives,
        syn_lost_once,
        loss_recovered,
        slow_answer,
        blind_reset_ignored,
        window_reopens,
        scanned_port_open,
        farewell_into_a_closed_connection,
        close_notify_into_a_closed_connection,
        http2_idles_after_a_ping,
        tls_connection_never_used,
        syn_as_the_capture_ends,
        tls_session_ends_with_an_encrypted_alert,
        websocket_is_left,
        long_poll_is_cancelled,
        measurements_are_sent,
        plain_http2_idles_after_its_settings,
        numbers_masked,
        goodbye_answered_by_reset,
        opened_in_advance_and_left,
    )
}

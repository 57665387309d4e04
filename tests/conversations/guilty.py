"""Dialogues that end in a cause. Where two causes look alike, both are here."""

from __future__ import annotations

from collections.abc import Callable

from tests.wire import Conversation

__all__ = ["CONVERSATIONS"]

GET = "GET /items/7 HTTP/1.1\r\nHost: app\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
ICMP_HOST, ICMP_ADMIN = 1, 13


def _talked(times: int = 3, **options: object) -> Conversation:
    conv = Conversation(**options)  # type: ignore[arg-type]
    conv.handshake()
    for _ in range(times):
        conv.exchange(GET, OK)
        conv.wait("200ms")
    return conv


def refused() -> Conversation:
    """Nothing listens; the server's kernel says so."""
    conv = Conversation()
    conv.syn()
    conv.refuse()
    return conv


def refused_as_windows_tries() -> Conversation:
    """The same SYN five times, half a second apart, each refused."""
    conv = Conversation()
    conv.syn()
    conv.refuse()
    for _ in range(4):
        conv.retransmit("client", after="490ms")
        conv.refuse()
    return conv


def rejected_by_icmp() -> Conversation:
    """A router says: administratively prohibited."""
    conv = Conversation()
    conv.syn()
    conv.icmp(ICMP_ADMIN)
    return conv


def timed_out() -> Conversation:
    """Five SYNs into the dark."""
    conv = Conversation()
    conv.syn(arrives=False)
    conv.unanswered(4, first="1s")
    conv.wait("8s")
    return conv


def unreachable() -> Conversation:
    """A router says: no such host."""
    conv = Conversation()
    conv.syn(arrives=False)
    conv.icmp(ICMP_HOST)
    conv.retransmit("client", after="1s")
    conv.icmp(ICMP_HOST)
    return conv


def handshake_never_ends() -> Conversation:
    """SYN and SYN-ACK repeat; the ACK never comes."""
    conv = Conversation()
    conv.syn()
    conv.syn_ack()
    conv.retransmit("client", after="1s")
    conv.retransmit("server", after="20ms")
    conv.retransmit("client", after="2s")
    conv.retransmit("server", after="20ms")
    return conv


def abandoned() -> Conversation:
    """The application has given up when the SYN-ACK comes."""
    conv = Conversation(rtt_ms=1400)
    conv.syn()
    conv.syn_ack()
    conv.client_rst(with_ack=False)
    return conv


def old_connection_answers() -> Conversation:
    """The server still holds an older connection on these ports and answers the SYN with its ACK."""
    conv = Conversation()
    conv.syn()
    conv.wait("20ms")
    conv.segment("server", "A", seq=0x1234, ack=0x9ABC0000)
    conv.segment("client", "R", seq=0x9ABC0000, after="40us")
    conv.retransmit("client", after="1s")
    return conv


def server_closed_then_client_sent() -> Conversation:
    """FIN from the server, data from the client some seconds later, RST."""
    conv = _talked()
    conv.fin("server")
    conv.client(GET, acked=False, after="4s")
    conv.server_rst(with_ack=False)
    return conv


def server_idle_timeout() -> Conversation:
    """The server closes after a minute; the client sends later."""
    conv = _talked()
    conv.wait("60s")
    conv.fin("server")
    conv.client(GET, acked=False, after="7s")
    conv.server_rst(with_ack=False)
    return conv


def server_idle_timeout_by_reset() -> Conversation:
    """Five idle seconds, and the server aborts: a database's wait_timeout."""
    conv = _talked()
    conv.wait("5s")
    conv.server_rst()
    return conv


def close_wait_leak() -> Conversation:
    """The server closes; the client acknowledges and never says another word."""
    conv = _talked()
    conv.wait("8s")
    conv.fin("server")
    return conv


def server_reset() -> Conversation:
    """The server aborts in mid-conversation, in its own TTL and identification."""
    conv = _talked()
    conv.client(GET)
    conv.server_rst()
    return conv


def server_reset_unread() -> Conversation:
    """The server closes with the last request and what follows it unread."""
    conv = _talked()
    conv.client(GET, acked=False)
    conv.client("more of it", acked=False)
    conv.server_rst()
    return conv


def server_restarted() -> Conversation:
    """The next request meets a kernel that knows no such connection."""
    conv = _talked()
    conv.wait("12s")
    conv.client(GET, acked=False)
    conv.server_rst(with_ack=False)
    return conv


def server_unresponsive() -> Conversation:
    """The request is acknowledged and never answered; the client leaves after twenty seconds."""
    conv = _talked()
    conv.client(GET)
    conv.fin("client", after="20s")
    return conv


def server_stops_reading() -> Conversation:
    """The server's window closes and stays closed."""
    conv = _talked()
    conv.client(b"x" * 1400, acked=False)
    conv.ack("server", window=0, after="20ms")
    for _ in range(4):
        conv.keepalive("client", answered=False, after="5s")
        conv.ack("server", window=0, after="20ms")
    return conv


def tls_alert() -> Conversation:
    """ClientHello, fatal alert, FIN."""
    conv = Conversation(server="10.9.0.7:443")
    conv.handshake()
    conv.client(bytes.fromhex("16030100300100002c0303") + bytes(42))
    conv.server(bytes.fromhex("15030300020246"))
    conv.fin("server")
    return conv


def protocol_rejected() -> Conversation:
    """A protocol's own refusal, then FIN, then the client talks on."""
    conv = Conversation(server="10.9.0.7:25")
    conv.handshake()
    conv.server("554 5.7.1 Service unavailable; client host blocked\r\n")
    conv.fin("server")
    conv.client("EHLO app\r\n", acked=False, after="100ms")
    conv.server_rst(with_ack=False)
    return conv


def accepted_then_reset() -> Conversation:
    """Taken and thrown out before a byte was said."""
    conv = Conversation()
    conv.handshake()
    conv.server_rst()
    return conv


def firewall_idle_drop() -> Conversation:
    """A long silence, then nothing comes back."""
    conv = _talked()
    conv.client(GET, acked=False, arrives=False, after="350s")
    conv.unanswered(5)
    return conv


def firewall_idle_reset() -> Conversation:
    """A long silence, then a RST that is not the server's."""
    conv = _talked()
    conv.client(GET, acked=False, arrives=False, after="350s")
    conv.middlebox_rst(ttl=254)
    return conv


def middlebox_reset() -> Conversation:
    """A forged RST in mid-conversation; the server's answer arrives after it."""
    conv = _talked()
    conv.client(GET, acked=False)
    conv.middlebox_rst(ttl=120, ip_id=0x1234)
    conv.wait("20ms")
    conv.segment("server", "A")
    conv.segment("server", "PA", OK)
    conv.client_rst(with_ack=False)
    return conv


def path_lost() -> Conversation:
    """Active, and suddenly nothing comes back."""
    conv = _talked(8)
    conv.client(GET, acked=False, arrives=False, after="50ms")
    conv.unanswered(6)
    return conv


def path_mtu_blackhole() -> Conversation:
    """Small requests pass, a large one does not."""
    conv = _talked()
    conv.client(b"x" * 1460, acked=False, arrives=False)
    conv.unanswered(6)
    return conv


def first_request_too_large() -> Conversation:
    """The first words fill a packet and never arrive; the server is heard when it tires of waiting."""
    conv = Conversation()
    conv.handshake()
    conv.client(b"x" * 1300, acked=False, arrives=False)
    conv.unanswered(5)
    conv.segment("server", "FA", after="1s")
    conv.ack("client")
    conv.retransmit("client", after="8s", arrives=False)
    return conv


def keepalive_unanswered() -> Conversation:
    """A probe is answered, the next ten a second apart are not, then the client resets."""
    conv = _talked()
    conv.keepalive("client", after="30s")
    conv.wait("30s")
    for _ in range(10):
        conv.keepalive("client", answered=False, after="1s")
    conv.client_rst(after="1s")
    return conv


def first_keepalive_too_late() -> Conversation:
    """Not even the first of ten probes is answered: what was on the way had forgotten the connection before."""
    conv = _talked()
    conv.wait("46s")
    for _ in range(10):
        conv.keepalive("client", answered=False, after="1s")
    conv.client_rst(after="1s")
    return conv


def client_closed_locally() -> Conversation:
    """The client itself closes first."""
    conv = _talked()
    conv.close("client")
    return conv


def client_gave_up_waiting() -> Conversation:
    """The client closes before the answer, which then draws a RST."""
    conv = _talked()
    conv.client(GET)
    conv.fin("client", after="5s")
    conv.wait("3s")
    conv.segment("server", "PA", OK)
    conv.client_rst(with_ack=False)
    return conv


CONVERSATIONS: dict[str, tuple[Callable[[], Conversation], ...]] = {
    "connection-refused": (refused, refused_as_windows_tries),
    "connection-rejected-by-firewall": (rejected_by_icmp,),
    "connection-timed-out": (timed_out,),
    "destination-unreachable": (unreachable,),
    "handshake-not-completed": (handshake_never_ends,),
    "connect-abandoned": (abandoned,),
    "port-reuse-collision": (old_connection_answers,),
    "server-closed-then-client-sent": (server_closed_then_client_sent,),
    "server-idle-timeout": (server_idle_timeout, server_idle_timeout_by_reset),
    "close-wait-leak": (close_wait_leak,),
    "server-reset": (server_reset,),
    "server-reset-unread-data": (server_reset_unread,),
    "server-restarted": (server_restarted,),
    "server-unresponsive": (server_unresponsive, server_stops_reading),
    "tls-handshake-failed": (tls_alert,),
    "protocol-rejected": (protocol_rejected,),
    "accepted-then-reset": (accepted_then_reset,),
    "firewall-idle-drop": (firewall_idle_drop, first_keepalive_too_late),
    "firewall-idle-reset": (firewall_idle_reset,),
    "middlebox-reset": (middlebox_reset,),
    "path-lost": (path_lost,),
    "path-mtu-blackhole": (path_mtu_blackhole, first_request_too_large),
    "keepalive-unanswered": (keepalive_unanswered,),
    "client-closed-locally": (client_closed_locally,),
    "client-gave-up-waiting": (client_gave_up_waiting,),
}

"""Samples that no recording shows, written as conversations: ``python -m tests.build_samples`` writes them anew.

Each is a function that returns packets, log and what must come out: the same bytes on every machine, as a test proves.
"""

from __future__ import annotations

import json
import struct
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.built import NOT_CONNECTED, Built, frames_of, line, moment, next_number
from tests.built_endings import upload_thrown_away
from tests.cases import SAMPLES
from tests.wire import Captured, Conversation

__all__ = ["BUILT", "pcapng", "write"]

GET = "GET /stock/7 HTTP/1.1\r\nHost: shop.example\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def reconnect_storm() -> Built:
    """Forty attempts in twelve seconds, each refused."""
    packets: list[Captured] = []
    log = ""
    at = 1_772_000_000_000_000_000
    last = Conversation()
    for number in range(40):
        last = Conversation(
            client=f"10.0.0.5:{50100 + number}", server="10.9.0.7:5672", start=at, client_isn=number << 20
        )
        last.syn()
        last.refuse()
        packets += last.packets
        log += line(last.now + 1_000_000, "WARN  connect to 10.9.0.7:5672 failed: WSAECONNREFUSED (10061)")
        at += 300_000_000
    error = last.now + 2_000_000
    log += line(error, f"ERROR send to 10.9.0.7:5672 failed: WSAENOTCONN (10057) {NOT_CONNECTED}")
    return Built(
        packets,
        log,
        """\
        # A reconnect loop without a pause

        The message broker is down, and a client tries to connect every 0.3 seconds: forty times in twelve seconds.
        Each SYN is refused at once, the last one in frames 79 and 80. A server that is just coming up again would
        be kept busy by clients like this one.

        **What to look at.** The attempts are evenly spaced; a good client waits longer after each failure.
        """,
        {
            "title": "A reconnect loop without a pause",
            "cause": "connection-refused",
            "accept": [],
            "confidence": "medium",
            "without_log": "medium",
            "culprit": "server",
            "stream": 39,
            "client": "10.0.0.5:50139",
            "server": "10.9.0.7:5672",
            "frames": [79, 80],
            "error": moment(error),
            "codes": [10061, 10057],
            "findings": ["reconnect-storm"],
            "healthy_streams": [],
            "related_streams": list(range(39)),
        },
    )


def stale_pool_of_a_web_client() -> Built:
    """A pooled HTTP connection that the server closed after a minute without a request."""
    conv = Conversation(client="10.0.0.5:50200", server="10.9.0.8:80")
    conv.handshake()
    started = conv.now
    for _ in range(3):
        conv.exchange(GET, OK)
        conv.wait("400ms")
    conv.wait("59600ms")
    fin = conv.packets[conv.fin("server")]
    request = conv.packets[conv.client(GET, acked=False, after="11s")]
    reset = conv.packets[conv.server_rst(with_ack=False)]
    error = conv.now + 1_000_000
    log = line(started, "INFO  connected to 10.9.0.8:80")
    log += line(request[0] - 1_000_000, "INFO  taking a connection from the pool")
    log += line(conv.now, "WARN  recv from 10.9.0.8:80 failed: WSAECONNRESET (10054)")
    log += line(error, f"ERROR send to 10.9.0.8:80 failed: WSAENOTCONN (10057) {NOT_CONNECTED}")
    frames = frames_of(conv.packets, fin, request, reset)
    return Built(
        conv.packets,
        log,
        f"""\
        # A web client's pool hands out a dead connection

        Three requests are answered, then the connection goes back to the pool. The web server keeps idle connections
        for a minute and closes with FIN (frame {frames[0]}). Eleven seconds later the pool hands the connection
        out as if it were new; the request (frame {frames[1]}) is answered with a reset (frame {frames[2]}).

        **What to look at.** Requests served, silence, FIN, and then data: the pool's lifetime for idle connections is
        longer than the server's.
        """,
        {
            "title": "A web client's pool hands out a dead connection",
            "cause": "stale-pooled-connection",
            "accept": ["server-idle-timeout", "server-closed-then-client-sent"],
            "confidence": "high",
            "without_log": "high",
            "culprit": "application",
            "stream": 0,
            "client": "10.0.0.5:50200",
            "server": "10.9.0.8:80",
            "frames": frames,
            "error": moment(error),
            "codes": [10054, 10057],
            "healthy_streams": [],
            "related_streams": [],
        },
    )


def nat_seen_from_both_sides() -> Built:
    """A capture on the translating box: the old mapping, and the new one that the server does not know."""
    talk = {"server_ttl": 62, "rtt_ms": 12.0}
    inside = Conversation(client="10.0.0.5:50300", server="203.0.113.20:5671", **talk)  # type: ignore[arg-type]
    outside = Conversation(client="198.51.100.2:31007", server="203.0.113.20:5671", client_ttl=127, server_ttl=63)
    outside.rtt_ns = inside.rtt_ns
    for conv in (inside, outside):
        conv.handshake()
        for _ in range(4):
            conv.exchange("publish 0123456789", "confirm")
            conv.wait("1s")
    started = inside.now
    inside.wait("300s")
    request = inside.packets[inside.client("publish 9876543210", acked=False)]
    reset = inside.packets[inside.server_rst(with_ack=False)]
    position = next_number(inside, "client") - len("publish 9876543210")
    fresh = Conversation(
        client="198.51.100.2:42911",
        server="203.0.113.20:5671",
        start=request[0] + 20_000,
        client_isn=position,
        server_isn=next_number(inside, "server"),
        client_ttl=127,
        server_ttl=63,
    )
    fresh.segment("client", "PA", "publish 9876543210", ack=next_number(inside, "server"))
    fresh.now = reset[0] - 20_000
    fresh.segment("server", "R", seq=next_number(inside, "server"), window=0, ip_id=0)
    packets = inside.packets + [(at + 20_000, frame) for at, frame in outside.packets] + fresh.packets
    error = inside.now + 1_000_000
    log = line(started, "INFO  connected to 203.0.113.20:5671 from local port 50300")
    log += line(inside.now, "WARN  recv from 203.0.113.20:5671 failed: WSAECONNRESET (10054)")
    log += line(error, f"ERROR send to 203.0.113.20:5671 failed: WSAENOTCONN (10057) {NOT_CONNECTED}")
    frames = frames_of(packets, request, fresh.packets[0], reset)
    return Built(
        packets,
        log,
        f"""\
        # A NAT gives the connection another port, seen on both of its sides

        The capture was taken on a translating box, so each packet is there twice: with the client's own address, and
        with the box's. After 300 idle seconds the box has forgotten the mapping. The next message (frame
        {frames[0]}) leaves it from another port (frame {frames[1]}); the server knows no connection from there and
        resets it (frame {frames[2]} is that reset, on its way back to the client).

        **What to look at.** Frames {frames[0]} and {frames[1]} carry the same sequence number and the same data from
        two different ports. From the client's side alone this cannot be told from a server that lost its state.
        """,
        {
            "title": "A NAT gives the connection another port, seen on both of its sides",
            "cause": "nat-mapping-changed",
            "accept": [],
            "confidence": "high",
            "without_log": "high",
            "culprit": "middlebox",
            "stream": 0,
            "client": "10.0.0.5:50300",
            "server": "203.0.113.20:5671",
            "frames": frames,
            "error": moment(error),
            "codes": [10054, 10057],
            "healthy_streams": [],
            "related_streams": [1, 2],
        },
    )


def shutdown_on_a_connectex_socket() -> Built:
    """A healthy connection on which shutdown answers 10057."""
    conv = Conversation(client="10.0.0.5:50400", server="10.9.0.7:9100")
    conv.handshake()
    started = conv.now
    for _ in range(3):
        conv.exchange("job 7 page", "printed")
        conv.wait("700ms")
    error = conv.now
    conv.wait("500ms")
    conv.exchange("job 7 end", "done")
    log = line(started, "INFO  ConnectEx to 10.9.0.7:9100 finished, local port 50400")
    log += line(error, f"ERROR shutdown of 10.9.0.7:9100 failed: WSAENOTCONN (10057) {NOT_CONNECTED}")
    return Built(
        conv.packets,
        log,
        """\
        # Shutdown fails on a healthy ConnectEx socket

        The program connects with ConnectEx and does not set `SO_UPDATE_CONNECT_CONTEXT`. Sending and receiving work;
        shutdown, which needs the context, answers 10057. Data still flows afterwards.

        **What to look at.** The connection is healthy on both sides of the error, and the call that failed is one of
        the few that need the context.
        """,
        {
            "title": "Shutdown fails on a healthy ConnectEx socket",
            "cause": "connect-context-not-updated",
            "accept": ["no-network-cause"],
            "confidence": "medium",
            "without_log": "none",
            "culprit": "application",
            "stream": None,
            "client": "10.0.0.5:50400",
            "server": "10.9.0.7:9100",
            "frames": [],
            "error": moment(error),
            "codes": [10057],
            "healthy_streams": [0],
            "related_streams": [],
        },
    )


def udp_client_without_peer() -> Built:
    """Other traffic of the host, and a log that speaks of UDP."""
    conv = Conversation(client="10.0.0.5:50500", server="10.9.0.7:443")
    conv.handshake()
    for _ in range(3):
        conv.exchange(GET, OK)
        conv.wait("900ms")
    error = conv.now - 500_000_000
    log = line(error - 800_000_000, "INFO  statistics: using UDP for 10.9.0.30:8125")
    log += line(error, f"ERROR udp send to 10.9.0.30:8125 failed: WSAENOTCONN (10057) {NOT_CONNECTED}")
    return Built(
        conv.packets,
        log,
        """\
        # A UDP client that never named its peer

        A statistics client calls send on a UDP socket without connect. The host's other traffic is in the capture; to
        the statistics server there is not one packet.

        **What to look at.** The log says UDP. With UDP, connect only names the peer, so there is nothing to see on the
        wire when it is missing.
        """,
        {
            "title": "A UDP client that never named its peer",
            "cause": "udp-socket-unconnected",
            "accept": ["never-connected"],
            "confidence": "medium",
            "without_log": "none",
            "culprit": "application",
            "stream": None,
            "server": "10.9.0.30:8125",
            "frames": [],
            "error": moment(error),
            "codes": [10057],
            "healthy_streams": [0],
            "related_streams": [],
        },
    )


def ipv6_unreachable_ipv4_connected() -> Built:
    """Both families are tried, IPv4 wins, and the program keeps the socket of the loser."""
    six = Conversation(client="[fd00:a::5]:50600", server="[fd00:b::7]:5432")
    six.syn(arrives=False)
    six.unanswered(3, first="1s")
    four = Conversation(client="10.0.0.5:50601", server="10.9.0.7:5432", start=six.packets[0][0] + 250_000_000)
    four.handshake()
    connected = four.now
    error = six.now + 8_000_000_000
    four.now = error + 2_000_000_000
    four.exchange("hello", "hello yourself")
    packets = six.packets + four.packets
    log = line(six.packets[0][0], "INFO  connecting to [fd00:b::7]:5432")
    log += line(connected, "INFO  connected to 10.9.0.7:5432 from local port 50601")
    log += line(error - 1_000_000, "WARN  connect to [fd00:b::7]:5432 failed: WSAETIMEDOUT (10060)")
    log += line(error, f"ERROR send to [fd00:b::7]:5432 failed: WSAENOTCONN (10057) {NOT_CONNECTED}")
    frames = frames_of(packets, six.packets[0], four.packets[1])
    return Built(
        packets,
        log,
        f"""\
        # IPv6 goes nowhere, IPv4 connects, and the program keeps the wrong socket

        The program tries both addresses of its database. Nothing answers over IPv6 (frame {frames[0]} and its
        repetitions); IPv4 connects at once (frame {frames[1]}). The program then sends on the IPv6 socket.

        **What to look at.** Two attempts a quarter of a second apart to two families; one of them is a good
        connection that nobody uses.
        """,
        {
            "title": "IPv6 goes nowhere, IPv4 connects, and the program keeps the wrong socket",
            "cause": "address-race-lost",
            "accept": ["connection-timed-out"],
            "confidence": "medium",
            "without_log": "medium",
            "culprit": "application",
            "stream": 0,
            "client": "[fd00:a::5]:50600",
            "server": "[fd00:b::7]:5432",
            "frames": frames,
            "error": moment(error),
            "codes": [10060, 10057],
            "healthy_streams": [1],
            "related_streams": [],
        },
    )


BUILT: dict[str, Callable[[], Built]] = {
    "reconnect-loop-without-pause": reconnect_storm,
    "ipv6-dead-and-ipv4-connected": ipv6_unreachable_ipv4_connected,
    "nat-seen-from-both-sides": nat_seen_from_both_sides,
    "shutdown-on-a-connectex-socket": shutdown_on_a_connectex_socket,
    "server-throws-an-upload-away": upload_thrown_away,
    "udp-client-without-peer": udp_client_without_peer,
    "web-pool-hands-out-a-dead-connection": stale_pool_of_a_web_client,
}


def pcapng(packets: Sequence[Captured]) -> bytes:
    """A pcapng file of one Ethernet interface with nanoseconds, in order of time."""

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + size + body + size

    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    resolution = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)
    out += block(1, struct.pack("<HHI", 1, 0, 262144) + resolution)
    for at, frame in sorted(packets, key=lambda packet: packet[0]):
        out += block(6, struct.pack("<IIIII", 0, at >> 32, at & 0xFFFFFFFF, len(frame), len(frame)) + frame)
    return out


def write(folder: Path = SAMPLES) -> None:
    """Write every built sample below ``folder``."""
    for name, make in BUILT.items():
        built, target = make(), folder / name
        target.mkdir(parents=True, exist_ok=True)
        (target / "capture.pcapng").write_bytes(pcapng(built.packets))
        (target / "app.log").write_bytes(built.log.encode())
        expected = {**built.expected, "source": "built", "how": "Built with the conversation language of the tests."}
        (target / "expected.json").write_bytes((json.dumps(expected, indent=2) + "\n").encode())
        story = textwrap.dedent(built.story) + (
            "\n**Files.** `capture.pcapng` and `app.log` are built, not recorded: no recording shows this cause as"
            " plainly.\n\n    notconn analyze capture.pcapng --log app.log\n"
        )
        (target / "story.md").write_bytes(story.encode())


if __name__ == "__main__":
    write()

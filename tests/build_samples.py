"""Samples that no recording shows, written as conversations: ``python -m tests.build_samples`` writes them anew.

Each is a function that returns the packets, the log and what must come out. Everything about them is fixed, so the
files are the same bytes on every machine, and a test holds them against this module.
"""

from __future__ import annotations

import json
import struct
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.cases import SAMPLES
from tests.wire import Captured, Conversation

__all__ = ["BUILT", "Built", "pcapng", "write"]

GET = "GET /stock/7 HTTP/1.1\r\nHost: shop.example\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
NOT_CONNECTED = "A request to send or receive data was disallowed because the socket is not connected"


@dataclass(frozen=True, slots=True)
class Built:
    """One built sample."""

    packets: list[Captured]
    log: str
    story: str
    expected: dict[str, object] = field(default_factory=dict)


def _line(at_ns: int, text: str) -> str:
    moment = datetime.fromtimestamp(at_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{at_ns % 10**9 // 10**6:03d}Z {text}\n"


def _moment(at_ns: int) -> str:
    return _line(at_ns, "").strip()


def _frames(packets: Sequence[Captured], *wanted: Captured) -> list[int]:
    order = sorted(packets, key=lambda packet: packet[0])
    return [order.index(one) + 1 for one in wanted]


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
        log += _line(last.now + 1_000_000, "WARN  connect to 10.9.0.7:5672 failed: WSAECONNREFUSED (10061)")
        at += 300_000_000
    error = last.now + 2_000_000
    log += _line(error, f"ERROR send to 10.9.0.7:5672 failed: WSAENOTCONN (10057) {NOT_CONNECTED}")
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
            "error": _moment(error),
            "codes": [10061, 10057],
            "findings": ["reconnect-storm"],
            "healthy_streams": [],
            "related_streams": list(range(39)),
        },
    )


def stale_pool_of_a_web_client() -> Built:
    """A pooled HTTP connection that the server closed after five idle seconds."""
    conv = Conversation(client="10.0.0.5:50200", server="10.9.0.8:80")
    conv.handshake()
    started = conv.now
    for _ in range(3):
        conv.exchange(GET, OK)
        conv.wait("400ms")
    conv.wait("4600ms")
    fin = conv.packets[conv.fin("server")]
    request = conv.packets[conv.client(GET, acked=False, after="11s")]
    reset = conv.packets[conv.server_rst(with_ack=False)]
    error = conv.now + 1_000_000
    log = _line(started, "INFO  connected to 10.9.0.8:80")
    log += _line(request[0] - 1_000_000, "INFO  taking a connection from the pool")
    log += _line(conv.now, "WARN  recv from 10.9.0.8:80 failed: WSAECONNRESET (10054)")
    log += _line(error, f"ERROR send to 10.9.0.8:80 failed: WSAENOTCONN (10057) {NOT_CONNECTED}")
    frames = _frames(conv.packets, fin, request, reset)
    return Built(
        conv.packets,
        log,
        f"""\
        # A web client's pool hands out a dead connection

        Three requests are answered, then the connection goes back to the pool. The web server keeps idle connections
        for five seconds and closes with FIN (frame {frames[0]}). Eleven seconds later the pool hands the connection
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
            "error": _moment(error),
            "codes": [10054, 10057],
            "healthy_streams": [],
            "related_streams": [],
        },
    )


BUILT: dict[str, Callable[[], Built]] = {
    "reconnect-loop-without-pause": reconnect_storm,
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

"""Built samples of connections that end in ways no recording shows as plainly; `tests.build_samples` writes them."""

from __future__ import annotations

from tests.built import NOT_CONNECTED, Built, frames_of, line, moment
from tests.wire import Conversation

__all__ = ["upload_thrown_away"]

POST = "POST /archive HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 400000\r\n\r\n"


def upload_thrown_away() -> Built:
    """The server closes in the middle of an upload, of which it has read only the beginning."""
    conv = Conversation(client="10.0.0.5:50700", server="10.9.0.7:8080")
    conv.handshake()
    connected = conv.now
    conv.exchange(
        "GET /archive HTTP/1.1\r\nHost: shop.example\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    )
    asked = conv.packets[conv.client(POST, acked=True, after="200ms")]
    for _ in range(6):
        conv.client("x" * 1400, acked=True)
    last = conv.packets[conv.client("x" * 1400, acked=False)]
    reset = conv.packets[conv.server_rst(after="30ms")]
    error = conv.now + 2_000_000
    log = line(connected, "INFO  connected to 10.9.0.7:8080 from local port 50700")
    log += line(conv.now + 1_000_000, "WARN  send to 10.9.0.7:8080 failed: WSAECONNRESET (10054)")
    log += line(error, f"ERROR shutdown of 10.9.0.7:8080 failed: WSAENOTCONN (10057) {NOT_CONNECTED}")
    frames = frames_of(conv.packets, asked, last, reset)
    return Built(
        conv.packets,
        log,
        f"""\
        # The server throws an upload away

        A client begins to send a large file (frame {frames[0]}). The server's program closes the connection while
        eight segments lie unread in its receive buffer (the last is frame {frames[1]}). A close with unread data is
        not allowed to look like an orderly one, so the server's stack sends a reset (frame {frames[2]}).

        **What to look at.** Data in one direction only, then a reset with an acknowledgment and no FIN. After a single
        small request the same packets would as well come from a program that read it and aborted.
        """,
        {
            "title": "The server throws an upload away",
            "cause": "server-reset-unread-data",
            "accept": ["server-reset"],
            "confidence": "high",
            "without_log": "high",
            "culprit": "server",
            "stream": 0,
            "client": "10.0.0.5:50700",
            "server": "10.9.0.7:8080",
            "frames": frames,
            "error": moment(error),
            "codes": [10054, 10057],
            "healthy_streams": [],
            "related_streams": [],
        },
    )

"""Steps in a connection's life, in the words of programs."""

from __future__ import annotations

import pytest

from analyzer.logs.block import Block
from analyzer.logs.phrases import fold
from analyzer.logs.steps import find_layer, find_step


@pytest.mark.parametrize(
    ("text", "kind", "action"),
    [
        ("connecting to 10.9.0.7:21", "lifecycle", "connecting"),
        ("BeginConnect 10.9.0.7:21", "lifecycle", "connecting"),
        ("Trying 10.9.0.7...", "lifecycle", "connecting"),
        ("Verbinde zu ftp.example.com", "lifecycle", "connecting"),
        ("connected 10.0.0.5:50123 -> 10.9.0.7:21", "lifecycle", "connected"),
        ("connected to 10.9.0.7:21 from local port 50123", "lifecycle", "connected"),
        ("connected to 10.9.0.7:443, starting TLS", "lifecycle", "connected"),
        ("Connection established", "lifecycle", "connected"),
        ("link to 10.9.0.7:21 up", "lifecycle", "connected"),
        ("session with 10.9.0.7:21 is open", "lifecycle", "connected"),
        ("peer 10.9.0.7:21 attached", "lifecycle", "connected"),
        ("starting TLS", "lifecycle", "tls"),
        ("resolving files.corp.example", "lifecycle", "resolving"),
        ("Dispose() called", "lifecycle", "closing"),
        ("closing connection", "lifecycle", "closing"),
        ("connection closed", "lifecycle", "closing"),
        ("connection closed by peer", "prior", "closed-by-peer"),
        ("server closed the connection", "prior", "closed-by-peer"),
        ("Verbindung von der Gegenstelle geschlossen", "prior", "closed-by-peer"),
        ("recv returned 0", "prior", "eof"),
        ("unexpected EOF", "prior", "eof"),
        ("socket hang up", "prior", "eof"),
        ("TLS handshake failed: SSLError", "prior", "tls"),
        ("SSLEOFError: EOF occurred in violation of protocol", "prior", "tls"),
        ("javax.net.ssl.SSLHandshakeException: x", "prior", "tls"),
        ("425 Can't open data connection.", "prior", "ftp"),
        ("421 Timeout.", "prior", "ftp"),
        ("proxy refused CONNECT: 403", "prior", "proxy"),
        ("Received HTTP code 407 from proxy after CONNECT", "prior", "proxy"),
        ("idle timeout, session expired", "prior", "idle-timeout"),
        ("request timed out after 30 s", "prior", "gave-up"),
        ("giving up", "prior", "gave-up"),
        ("pool exhausted: all sockets are dead", "prior", "pool"),
        ("TCP/IP failed to allocate an ephemeral port", "prior", "port-exhaustion"),
        ("network cable unplugged", "lifecycle", "link"),
        ("resumed from sleep", "lifecycle", "link"),
        ("network address changed", "lifecycle", "link"),
        ("interface eth0 went down", "lifecycle", "link"),
        ("DHCP lease expired", "lifecycle", "link"),
        ("peer hung up", "prior", "closed-by-peer"),
        ("no answer after 30 s", "prior", "gave-up"),
        ("deadline exceeded", "prior", "gave-up"),
        ("Zeitüberschreitung", "prior", "gave-up"),
        ("recovered, session up", "lifecycle", "recovered"),
        ("reconnecting in 5 s", "lifecycle", "reconnecting"),
        ("new connection from 10.0.0.5:50123", "lifecycle", "accepted"),
        ("listening on 0.0.0.0:8080", "lifecycle", "listening"),
        ("transfer of daily.zip started", "lifecycle", "transfer"),
        ("transfer done, waiting for 226", "lifecycle", "transfer"),
    ],
)
def test_steps(text: str, kind: str, action: str) -> None:
    found = find_step(fold(text))
    assert found is not None
    assert (found[1].kind, found[1].action) == (kind, action)
    # The quick look at a log's bytes must let through what the slow one knows.
    line = text.encode()
    assert Block(line, 0, 1).steps(0, len(line), 1) == [0]


@pytest.mark.parametrize(
    "text",
    [
        "worker 3 up",
        "service started",
        "poll ok",
        "queue item 771",
        "batch complete",
        "not connected to anything",
        "next job",
        "",
    ],
)
def test_ordinary_words_are_no_step(text: str) -> None:
    assert find_step(fold(text)) is None


def test_beside_a_code_only_the_refusing_layer_counts() -> None:
    assert find_layer(fold("connection closed by peer")) is None
    found = find_layer(fold("TLS handshake failed"))
    assert found is not None
    assert found[1].action == "tls"

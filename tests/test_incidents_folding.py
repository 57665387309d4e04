"""One error in several captures is told once, by the capture that shows most of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.pipeline import Question, analyze
from analyzer.report.model import IncidentReport
from analyzer.units import MS, NS
from tests.reading import stamp
from tests.wire import Captured, Conversation, write_pcap

START = Conversation().now
Ask = Callable[..., tuple[IncidentReport, ...]]


def _reset_between(*, sent: bool = False, client: str = "10.0.0.5:50123") -> tuple[Conversation, Conversation]:
    """A RST that the client's side gets; the server's side has it only where it was ``sent``."""
    here = Conversation()
    there = Conversation(client=client, client_ttl=125, server_ttl=60)
    for conv in (here, there):
        conv.handshake()
        conv.exchange()
        conv.client("more")
    here.server_rst()
    if sent:
        there.server_rst()
    else:
        # The box resets both ends in each other's name.
        there.client_rst()
    return here, there


def _well(port: int, *, there: bool, start: int = START) -> list[Captured]:
    ttls = {"client_ttl": 125, "server_ttl": 60} if there else {}
    conv = Conversation(client=f"10.0.0.6:{port}", client_isn=port, start=start, **ttls)  # type: ignore[arg-type]
    conv.handshake()
    conv.exchange()
    conv.wait("60s")
    conv.exchange()
    conv.close()
    return conv.packets


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    def asked(here: Conversation, there: Conversation, log: str | None = None) -> tuple[IncidentReport, ...]:
        client = write_pcap(tmp_path / "client.pcap", here.packets + _well(40000, there=False))
        server = write_pcap(tmp_path / "server.pcap", there.packets + _well(40000, there=True))
        logs = []
        if log is not None:
            (tmp_path / "app.log").write_text(log, encoding="utf-8")
            logs = [str(tmp_path / "app.log")]
        return analyze(Question([str(server), str(client)], logs, hash_files=False)).incidents

    return asked


@pytest.mark.parametrize("client", ["10.0.0.5:50123", "203.0.113.9:4411"])
def test_a_connection_in_two_captures_is_one_incident(ask: Ask, client: str) -> None:
    (incident,) = ask(*_reset_between(client=client))
    assert (incident.cause, incident.culprit, incident.confidence) == ("middlebox-reset", "middlebox", "high")
    assert incident.capture is not None
    assert incident.capture.endswith("client.pcap"), "the view nearer to the program is kept"
    told = " ".join(evidence.statement for evidence in incident.evidence)
    assert f"server.pcap holds the same connection, from {client} to 10.9.0.7:8080" in told
    assert "server.pcap lacks the RST" in told


def test_a_line_of_the_log_is_one_incident(ask: Ask) -> None:
    here, there = _reset_between(sent=True)
    error = here.now + 5 * MS
    (incident,) = ask(here, there, f"{stamp(error)} ERROR send to 10.9.0.7:8080 failed: 10057\n")
    assert incident.source == "log"
    assert incident.cause == "server-reset"


def test_different_connections_stay_different_incidents(ask: Ask) -> None:
    here, _ = _reset_between()
    other = Conversation(client="10.0.0.7:50999", client_ttl=125, server_ttl=60, client_isn=7, start=START + NS)
    other.handshake()
    other.exchange()
    other.client("more")
    other.server_rst()
    assert len(ask(here, other)) == 2

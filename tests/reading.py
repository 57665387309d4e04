"""Conversations read the way the program reads them: through a capture file, into flows, signals and facts."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from analyzer.around.surroundings import Surroundings
from analyzer.capture.file import Capture, read_capture
from analyzer.endpoint import parse_endpoint
from analyzer.factset import FactSet, Known, Unknown, Value
from analyzer.flows.model import Flow
from analyzer.incidents.diagnose import Examiner
from analyzer.logs.model import Action, EventKind, LogEvent, LogFile, SocketRow
from analyzer.logs.read import read_log
from analyzer.observe import observe
from analyzer.ruleset.load import RuleSet, load_rules
from analyzer.signals.reading import Reading
from analyzer.signals.wire import WireView
from analyzer.symptom import Symptom
from analyzer.units import MS, format_instant
from tests.wire import Captured, Conversation, write_pcap

__all__ = [
    "capture_of",
    "event_of",
    "examiner_of",
    "facts_of",
    "flow_of",
    "index_of",
    "known",
    "log_of",
    "reading_of",
    "rules",
    "stamp",
    "surroundings_of",
    "unknown",
    "view_of",
]

Part = Conversation | Sequence[Captured]
"""A conversation, or loose packets such as `tests.wire.dns` makes."""


def capture_of(*parts: Part, snap_length: int = 262144) -> Capture:
    """Write the packets into one capture, in order of time, and read it."""
    packets = [packet for part in parts for packet in (part.packets if isinstance(part, Conversation) else part)]
    with tempfile.TemporaryDirectory() as folder:
        path = write_pcap(Path(folder) / "capture.pcap", packets, snap_length=snap_length)
        return read_capture(str(path), hash_file=False)


def surroundings_of(*parts: Part, sockets: Sequence[SocketRow] = (), snap_length: int = 262144) -> Surroundings:
    """Read one capture and what it shows around its flows."""
    return Surroundings(capture_of(*parts, snap_length=snap_length), sockets)


def index_of(conv: Conversation, around: Surroundings) -> int:
    """Return where the conversation's flow stands in the table."""
    ends = {conv.client_name, conv.server_name}
    return next(row.index for row in around.rows if {str(row.initiator), str(row.responder)} == ends)


def flow_of(conv: Conversation, *beside: Part) -> Flow:
    """Read a conversation as a flow."""
    around = surroundings_of(conv, *beside)
    return around.flow(index_of(conv, around))


def view_of(conv: Conversation) -> WireView:
    """Read a conversation as its segments on the wire."""
    return WireView.of(flow_of(conv))


@cache
def rules() -> RuleSet:
    """Return the project's own rules."""
    return load_rules()


def examiner_of(
    *parts: Part, sockets: Sequence[SocketRow] = (), settings: Mapping[str, Value] | None = None
) -> Examiner:
    """Read one capture and hold the rules ready."""
    return Examiner(surroundings_of(*parts, sockets=sockets), rules(), settings)


def reading_of(conv: Conversation, *beside: Part) -> Reading:
    """Read the signals of a conversation, beside other packets of the same capture."""
    examiner = examiner_of(conv, *beside)
    return examiner.reading(index_of(conv, examiner.around))


def facts_of(
    conv: Conversation, *beside: Part, symptom: Symptom | None = None, sockets: Sequence[SocketRow] = ()
) -> FactSet:
    """Observe the facts of a conversation; without a symptom, as the capture alone shows it."""
    examiner = examiner_of(conv, *beside, sockets=sockets)
    index = index_of(conv, examiner.around)
    noticed = symptom or Symptom("capture", None, 0, flow_index=index, candidates=1)
    return observe(noticed, examiner.reading(index), examiner.around)


def known(facts: FactSet, name: str) -> Value:
    """Return a fact's value; fails where it is unknown."""
    fact = facts[name]
    assert isinstance(fact, Known), f"{name} is unknown: {fact.reason}"
    return fact.value


def unknown(facts: FactSet, name: str) -> str:
    """Return why a fact is unknown; fails where it is known."""
    fact = facts[name]
    assert isinstance(fact, Unknown), f"{name} is known: {fact.value}"
    return fact.reason


def log_of(text: str, name: str = "app.log") -> LogFile:
    """Read lines as a log."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8")
        return read_log(str(path))


def event_of(
    text: str = "send failed: 10057",
    *,
    at: int | None = None,
    kind: EventKind = "error",
    code: int | None = 10057,
    call: str | None = "send",
    action: Action | None = None,
    remote: str | None = None,
    host: str | None = None,
    port: int | None = None,
    local_port: int | None = None,
    line: int = 1,
) -> LogEvent:
    """Make what the log's readers would make of a line; a zone is known and milliseconds are written."""
    endpoint = None if remote is None else parse_endpoint(remote)
    return LogEvent(
        path="app.log",
        line=line,
        text=text,
        time_ns=at,
        zone_known=True,
        time_resolution_ns=MS,
        kind=kind,
        code=code,
        call=call,
        action=action,
        endpoint_text=remote or host,
        remote=endpoint,
        host_name=host,
        port=endpoint.port if endpoint is not None else port,
        local_port=local_port,
    )


def stamp(ns: int) -> str:
    """Return an instant as a log writes it: UTC, milliseconds."""
    text = format_instant(ns)
    return f"{text[:23]}Z"

"""What the bytes say."""

from __future__ import annotations

from analyzer.around.surroundings import Surroundings
from analyzer.capture.model import Note
from analyzer.factset import FactSet
from analyzer.flows.model import FIN, RST
from analyzer.observe.ending import watched_until
from analyzer.signals.ending import EndingKind
from analyzer.signals.opening import OpeningKind, read_opening
from analyzer.signals.protocol import Protocol, TlsState
from analyzer.signals.reading import Reading
from analyzer.symptom import Symptom
from analyzer.units import NS

__all__ = ["observe_protocol"]

_NAMES = {Protocol.POSTGRES: "postgresql", Protocol.UNKNOWN: "other"}
_STAGES = {
    TlsState.NONE: "none",
    TlsState.HELLO_ONLY: "client-hello",
    TlsState.ANSWERED: "server-hello",
    TlsState.ALERT: "server-hello",
    TlsState.ESTABLISHED: "finished",
}
_SOON_NS = 3 * NS
_DYNAMIC_PORTS = 1024
"""A server lets its data ports be chosen above the well-known ones."""


def observe_protocol(facts: FactSet, symptom: Symptom, reading: Reading, around: Surroundings) -> None:
    """Set the facts of `analyzer.vocabulary.around.PROTOCOL`, and the proxy's reply."""
    flow, talk = reading.flow, reading.talk
    announced = _announced_by(reading, around)
    if announced:
        frames = tuple(note.frame for note in announced)
        facts.know("ftp_announced", True, frames, "An FTP control connection announced this data connection.")
        facts.know("ftp_data_mode", _ftp_mode(reading, announced[0]), frames)
        facts.know("protocol", "ftp-data")
    else:
        facts.know("ftp_announced", value=False)
        facts.know("ftp_data_mode", "none")
        if flow.initiator.head or flow.responder.head:
            facts.know("protocol", _NAMES.get(talk.protocol, talk.protocol.value))
        else:
            facts.miss("protocol", "the capture holds no payload")
    facts.know("tls_stage", _stage(reading), _tls_frames(reading))
    if talk.tls_alert is not None and talk.tls_alert_frame is not None:
        who = "client" if talk.tls_alert_from_initiator else "server"
        facts.know("tls_alert", "fatal", (talk.tls_alert_frame,), f"The {who} sent the TLS alert {talk.tls_alert}.")
        fin = reading.closing.responder_fin
        # What a client says to a server that has closed already is no reason for the close.
        late = talk.tls_alert_from_initiator and fin is not None and fin.frame < talk.tls_alert_frame
        facts.know("tls_alert_by", "none" if late else "initiator" if talk.tls_alert_from_initiator else "responder")
    else:
        facts.know("tls_alert", "none")
        facts.know("tls_alert_by", "none")
    if talk.refusal is not None:
        frames = (talk.refusal_frame,) if talk.refusal_frame is not None else ()
        facts.know("refusal_text", talk.refusal, frames)
        closing = reading.closing.responder_fin
        last = flow.responder.last_ns
        soon = closing is not None and last is not None and closing.ts_ns - _tail_time(reading) <= _SOON_NS
        refused = soon and not talk.idle_notice and not _speaks_unasked(reading)
        facts.know("refused_in_protocol", refused, frames)
        facts.know("idle_notice", talk.idle_notice, frames)
    else:
        facts.know("refused_in_protocol", value=False)
        facts.know("idle_notice", value=False)
    if talk.protocol in (Protocol.HTTP, Protocol.SOCKS):
        refused = talk.proxy_refusal
        is_proxy = talk.protocol is Protocol.SOCKS or flow.initiator.head.startswith(b"CONNECT ")
        facts.know("proxy_reply", "refused" if refused else "granted" if is_proxy else "none")
    else:
        facts.know("proxy_reply", "none")
    if talk.protocol is Protocol.FTP:
        _ftp(facts, reading, around, watched_until(symptom, reading, around))
    else:
        facts.know("ftp_data_opening", "none")
        facts.know("ftp_transfer_time", 0)
        facts.know("ftp_reply_awaited", 0)
        facts.know("ftp_data_refused", value=False)


def _tail_time(reading: Reading) -> int:
    frame = reading.flow.responder.tail_frame
    for s in reversed(reading.view.responder):
        if s.frame == frame:
            return s.ts_ns
    return 0


def _speaks_unasked(reading: Reading) -> bool:
    """Tell whether the responder's last words came after a pause and answer nothing: they tell why it leaves.

    FTP is another matter: there a second reply follows the first when a transfer ends (RFC 959 section 5.4).
    """
    if reading.talk.protocol is Protocol.FTP:
        return False
    last = reading.flow.responder.tail_frame
    before = [s for s in reading.view.segments if s.payload_len and not s.has(RST) and s.frame < (last or 0)]
    return bool(before) and not before[-1].from_initiator and _tail_time(reading) - before[-1].ts_ns >= NS


def _stage(reading: Reading) -> str:
    """Return how far the handshake came until the client closed; what the server said after that met nobody."""
    flow = reading.flow
    closed = next((s.frame for s in reading.view.initiator if s.has(FIN | RST)), None)
    first = flow.responder.head_frame
    if reading.talk.tls is TlsState.ANSWERED and closed is not None and first is not None and closed < first:
        return _STAGES[TlsState.HELLO_ONLY]
    return _STAGES[reading.talk.tls]


def _tls_frames(reading: Reading) -> tuple[int, ...]:
    if reading.talk.protocol is not Protocol.TLS:
        return ()
    heads = (reading.flow.initiator.head_frame, reading.flow.responder.head_frame)
    return tuple(frame for frame in heads if frame is not None)


def _announced_by(reading: Reading, around: Surroundings) -> tuple[Note, ...]:
    """FTP lines that announced this flow's responder shortly before it was tried (RFC 959 §4.1.2)."""
    flow = reading.flow
    notes = around.ftp_announcements.get(flow.responder.endpoint, ())
    hosts = {flow.initiator.endpoint.packed, flow.responder.endpoint.packed}
    whole = tuple(
        note
        for note in notes
        if -NS <= flow.first_ns - note.ts_ns <= 120 * NS and {note.source, note.destination} & hosts
    )[:2]
    if whole or flow.responder.endpoint.port < _DYNAMIC_PORTS:
        return whole
    # A short snap length cuts the endpoint off; what the client then tries at once is what it was told.
    ends = flow.responder.endpoint.packed, flow.initiator.endpoint.packed
    return tuple(
        note
        for note in around.ftp_cut_announcements
        if (note.source, note.destination) == ends and 0 <= flow.first_ns - note.ts_ns <= NS
    )[:1]


def _ftp_mode(reading: Reading, note: Note) -> str:
    """Only a server's line begins with a number (RFC 959 §4.2)."""
    if not note.payload[:3].isdigit():
        return "active"
    return "passive" if note.source == reading.flow.responder.endpoint.packed else "passive-elsewhere"


def _ftp(facts: FactSet, reading: Reading, around: Surroundings, watched: int) -> None:
    """Tell how the data connections of a control connection went, and of a transfer during its last silence."""
    flow = reading.flow
    hosts = {flow.initiator.endpoint.packed, flow.responder.endpoint.packed}
    outcome = "none"
    transfer = 0
    frames: tuple[int, ...] = ()
    pause = reading.pause
    silence = (pause.before.ts_ns, pause.after.ts_ns) if pause is not None else None
    unbroken = silence is None and reading.ending.kind is EndingKind.NOTHING
    if unbroken:
        silence = (flow.last_ns, watched)
    awaited = 0
    for row in around.between(hosts):
        if row.index == flow.index or {row.initiator.packed, row.responder.packed} != hosts:
            continue
        if row.first_ns < flow.first_ns or row.first_ns > flow.last_ns + NS:
            continue
        announced = row.responder in around.ftp_announcements or row.responder.port == 20
        if not announced and row.initiator.port != 20:
            continue
        kind = read_opening(around.view(row.index)).kind
        outcome = {
            OpeningKind.COMPLETE: "complete",
            OpeningKind.NOT_SEEN: "complete",
            OpeningKind.RESET: "reset",
        }.get(kind, "unanswered")
        if outcome == "complete" and silence is not None:
            start, end = max(row.first_ns, silence[0]), min(row.last_ns, silence[1])
            if end - start > transfer and row.initiator_payload + row.responder_payload > 0:
                transfer, frames = end - start, (row.first_frame, row.last_frame)
                over = row.initiator_fins or row.responder_fins
                awaited = watched - end if unbroken and over else 0
    refusals = around.ftp_refusals(flow)
    facts.know("ftp_data_refused", bool(refusals), tuple(note.frame for note in refusals[:3]))
    facts.know("ftp_data_opening", outcome)
    facts.know("ftp_transfer_time", transfer, frames)
    facts.know("ftp_reply_awaited", awaited, frames[1:] if awaited else ())

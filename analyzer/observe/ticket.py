"""What the log tells of the incident."""

from __future__ import annotations

from analyzer.around.surroundings import Surroundings
from analyzer.factset import FactSet
from analyzer.signals.opening import OpeningKind
from analyzer.signals.reading import Reading
from analyzer.symptom import Symptom
from analyzer.units import NS

__all__ = ["observe_ticket"]

_NAME_CODES = (11001, 11002, 11003, 11004)
_CALLS = frozenset(
    ("connect", "send", "recv", "shutdown", "getpeername", "getsockname", "setsockopt", "accept", "disconnect")
)
_SHORTLY_NS = 120 * NS
_SERVED_NS = 3600 * NS
_MOST_ACCEPTED = 16
_SERVES = ("accepted", "listening")


def observe_ticket(facts: FactSet, symptom: Symptom, reading: Reading | None, around: Surroundings) -> None:
    """Set the facts of `analyzer.vocabulary.ticket.TICKET`."""
    facts.know("source", symptom.source)
    facts.know("flow_found", reading is not None)
    if reading is not None:
        facts.know("candidate_flows", max(1, symptom.candidates))
    _phase(facts, symptom, reading, around)
    event = symptom.event
    if event is None:
        facts.miss("log_code", "no log line tells of the incident", "the application's log with its time zone")
        return
    if event.call:
        facts.know("log_call", event.call if event.call in _CALLS else "other")
    else:
        facts.miss("log_call", "the log names no call", "a stack trace or the name of the failing call")
    facts.maybe("log_code", event.code, reason="the log names no code")
    facts.know("log_names_endpoint", event.remote is not None or event.host_name is not None or event.port is not None)
    _own_listener(facts, symptom, around)
    text = event.text.lower()
    if "udp" in text or "datagram socket" in text.replace("when sending on a datagram socket", ""):
        facts.know("log_protocol", "udp")
    near = [one for one in symptom.context if _recent(one.time_ns, event.time_ns)]
    codes = [one.code for one in near if one.code is not None and one.code != event.code]
    if codes:
        facts.know("log_earlier_code", codes[-1])
    else:
        facts.miss("log_earlier_code", "the log has no such line")
    actions = [one.action for one in near]
    facts.know("log_says_closed_locally", "closing" in actions)
    facts.know("log_says_gave_up", "gave-up" in actions)
    facts.know("log_says_link_changed", "link" in actions)
    facts.know("log_says_connected", "connected" in actions)
    last = next((one.action for one in reversed(near) if one.kind == "lifecycle"), None)
    facts.know("log_says_connecting", last == "connecting" and not codes)
    facts.know("log_says_name_failed", any(code in _NAME_CODES for code in codes))


def _own_listener(facts: FactSet, symptom: Symptom, around: Surroundings) -> None:
    """Tell a program that names where it accepted connections; whose log it is, only the log itself can say."""
    event, time = symptom.event, symptom.time_ns
    if event is None or event.remote is None or time is None:
        facts.know("log_names_own_listener", value=False)
        return
    serves = any(one.action in _SERVES and event.remote.port in (one.port, one.local_port) for one in symptom.context)
    began = around.to_responder(event.remote).near(time, _SERVED_NS, symptom.uncertainty_ns) if serves else ()
    accepted = [row for row in began[-_MOST_ACCEPTED:] if row.established]
    facts.know("log_names_own_listener", bool(accepted), tuple(row.first_frame for row in accepted[-3:]))


def _recent(then: int | None, now: int | None) -> bool:
    return then is None or now is None or now - then <= _SHORTLY_NS


def _phase(facts: FactSet, symptom: Symptom, reading: Reading | None, around: Surroundings) -> None:
    time = symptom.time_ns
    info = around.capture.info
    if time is None:
        facts.miss("error_inside_capture", "the time of the error is not known")
        facts.miss("error_phase", "the time of the error is not known", "a log with times, or --at")
        return
    slack = symptom.uncertainty_ns
    if info.first_ns is not None and info.last_ns is not None:
        facts.know("error_inside_capture", info.first_ns - slack - NS <= time <= info.last_ns + slack + 30 * NS)
    if symptom.source == "capture":
        facts.miss("error_phase", "no log line tells of the incident")
        return
    facts.know("clock_uncertainty", symptom.uncertainty_ns)
    if reading is None:
        return
    phase, sure = _phase_at(reading, time, slack)
    if sure:
        facts.know("error_phase", phase, _phase_frames(reading, phase), _PHASES[phase])
    else:
        facts.miss(
            "error_phase",
            "the clocks of log and capture agree too badly to order the error and the packets",
            "clocks of log and capture synchronised, or a log line that tells of the connect",
        )


_PHASES = {
    "before-syn": "The error comes before the connection's first SYN.",
    "handshake": "The error falls between the SYN and the SYN-ACK: the connection was not there yet.",
    "established": "At the time of the error the connection was established.",
    "after-fin": "The error comes after a FIN had closed one side.",
    "after-rst": "The error comes after a RST had ended the connection.",
}


def _phase_frames(reading: Reading, phase: str) -> tuple[int, ...]:
    opening = reading.opening
    if phase == "handshake":
        return tuple(s.frame for s in (*opening.syns[:1], *opening.syn_acks[:1]))
    if phase == "after-fin" and reading.closing.first_fin is not None:
        return (reading.closing.first_fin.frame,)
    if phase == "after-rst":
        return tuple(one.segment.frame for one in reading.resets if not one.ignored)[:1]
    return ()


def _phase_at(reading: Reading, time: int, slack: int) -> tuple[str, bool]:
    """Return the phase at a time, and whether the whole interval of uncertainty lies in it."""
    opening = reading.opening
    edges: list[tuple[int, str]] = []
    if opening.syns:
        edges.append((opening.syns[0].ts_ns, "handshake"))
        done = opening.syn_acks[0].ts_ns if opening.syn_acks else None
        if done is not None and opening.kind in (OpeningKind.COMPLETE, OpeningKind.NOT_SEEN):
            edges.append((done, "established"))
    else:
        edges.append((reading.flow.first_ns, "established"))
    fin = reading.closing.first_fin
    if fin is not None:
        edges.append((fin.ts_ns, "after-fin"))
    rst = next((one.segment for one in reading.resets if not one.ignored), None)
    if rst is not None and opening.kind is not OpeningKind.FOREIGN_ACK:
        edges.append((rst.ts_ns, "after-rst"))
    edges.sort()
    phase = "before-syn"
    for edge, name in edges:
        if time >= edge:
            phase = name
    sure = all(abs(time - edge) > slack for edge, _ in edges)
    if not sure and phase == "handshake":
        # The order is forced where the whole handshake is longer than the uncertainty.
        sure = edges[0][0] - slack <= time and len(edges) > 1 and time + slack < edges[1][0]
    return phase, sure

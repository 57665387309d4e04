"""Errors and symptoms to incidents, each tied to the flow that explains it best, or to none."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from analyzer.incidents.alignment import align, peers_of, rows_of
from analyzer.incidents.clock import ClockFit, skew_between
from analyzer.incidents.crowds import Crowd, examine_notable
from analyzer.incidents.diagnose import Diagnosis, Examination, Examiner
from analyzer.incidents.recall import Recall
from analyzer.logs.model import LogEvent, LogFile
from analyzer.signals.ending import EndingKind
from analyzer.signals.opening import OpeningKind
from analyzer.signals.reading import Reading
from analyzer.symptom import Symptom
from analyzer.units import NS
from analyzer.values import dataclass, replace

__all__ = ["Incident", "LogReading", "from_call", "from_capture", "from_log"]

_MOST_CANDIDATES = 64
_EACH = 200
"""Up to so many errors of a log each one is examined by itself."""
_NEAR_TIE = 0.02
_FORGOTTEN_NS = 900 * NS
"""An application rarely uses a socket again that died longer ago; such a death explains an error less well."""
_MEANT_NS = 120 * NS
"""What died longer before a moment that a person points at is hardly meant."""
_NO_WIRE_CAUSE = ("no-network-cause", "connect-context-not-updated", "wrong-socket-used")
_OTHERS_WELL = 0.7
"""What a connection in order explains where another one that the error may mean has just died."""
_ONLY_IF_NAMED = (*_NO_WIRE_CAUSE, "client-closed-locally", "close-wait-leak", "insufficient-evidence")
_WELL_UNTIL_NS = 10 * NS
"""A connection that dies later than this after an error was well at the error, by any clock that is a guess."""
_NOT_NAMED = 0.6
"""Weight of a flow that the log does not point at while it points at others."""


@dataclass(frozen=True, slots=True)
class LogReading:
    """One log, and how its clock stands to the capture's."""

    log: LogFile
    clock: ClockFit


@dataclass(frozen=True, slots=True)
class Incident:
    """One diagnosed symptom."""

    diagnosis: Diagnosis
    log: LogReading | None = None
    told: Symptom | None = None
    """What was noticed, where the diagnosis was made for an equal error next to it."""

    @property
    def symptom(self) -> Symptom:
        """What was noticed."""
        return self.told if self.told is not None else self.diagnosis.examination.symptom

    @property
    def time_ns(self) -> int:
        """Of the error where known, else of the decisive packet."""
        time = self.symptom.time_ns
        return time if time is not None else self.diagnosis.examination.decisive_ns

    @property
    def time_known(self) -> bool:
        """A log or the caller told the time, or the capture itself is all there is to tell of it."""
        return self.symptom.time_ns is not None or self.symptom.source == "capture"


def from_capture(examiner: Examiner) -> tuple[list[Incident], list[Crowd], int]:
    """Find the connections whose death would surface as a socket error, in time order.

    Also the crowds that are told by likeness, and how many flows had no example; see `analyzer.incidents.crowds`.
    """
    examined, crowds, left_out = examine_notable(examiner)
    found = [Incident(examiner.diagnose(examination)) for examination in examined]
    found.sort(key=lambda incident: incident.time_ns)
    return found, crowds, left_out


def from_log(log: LogFile, examiner: Examiner) -> tuple[list[Incident], LogReading]:
    """One incident for each error of a log."""
    reading = LogReading(log, align(log, examiner))
    recall = Recall(examiner) if log.errors_seen > _EACH else None
    told: dict[object, set[int]] = {}
    return [_tie(event, reading, examiner, recall, told) for event in log.errors], reading


def from_call(
    examiner: Examiner,
    time_ns: int | None,
    uncertainty_ns: int,
    flows: Sequence[int] | None = None,
    host_names: tuple[str, ...] = (),
) -> Incident:
    """Return the incident that the caller points at: a time, flows (indexes) and names of the peer, or both."""
    rows = examiner.around.capture.flows.suspects() if flows is None else flows
    symptom = Symptom("call", time_ns, uncertainty_ns, host_names=host_names)
    return Incident(examiner.diagnose(_choose(symptom, rows, None, flows or (), examiner)))


def _tie(
    event: LogEvent, reading: LogReading, examiner: Examiner, recall: Recall | None, told_by: dict[object, set[int]]
) -> Incident:
    around, clock = examiner.around, reading.clock
    peers, names, own = peers_of(event, reading.log, around)
    time = None if event.time_ns is None else event.time_ns - clock.offset_ns
    context = tuple(reading.log.context(event))
    symptom = Symptom(
        "log",
        time,
        clock.uncertainty_ns + event.time_resolution_ns,
        clock.certain,
        event,
        context,
        None,
        0,
        names,
    )
    rows = rows_of(event, peers, around)
    named = frozenset(rows)
    if not rows and not peers and not names and event.port is None:
        rows = list(around.capture.flows.suspects())
    if not own and peers:
        # The inherited endpoint may be another connection's: what else died just then stays in the race.
        rows += [index for index in around.capture.flows.suspects() if index not in rows]
    made = [one for one in context if one.action == "connected" and one.remote in peers]
    local = {one.local_port for one in made if one.local_port is not None} if len(made) == 1 else set()
    if event.local_port is not None:
        local = {event.local_port}
    key = recall.key(symptom, rows, local) if recall is not None else None
    if recall is not None and key in recall.made:
        known = recall.made[key]
        told = replace(symptom, flow_index=known.examination.symptom.flow_index)
        return Incident(known, reading, told)
    # Lines that say the same speak of one connection each, where several died alike.
    told_of = told_by.setdefault((event.call, frozenset(peers)), set())
    chosen = _choose(symptom, rows, local, named, examiner, told_of)
    if not clock.anchors:
        elsewhen = _at_another_time(chosen, rows, local, named, examiner, told_of, zone_known=reading.log.zone_known)
        chosen = elsewhen or chosen
    if chosen.symptom.flow_index is not None:
        told_of.add(chosen.symptom.flow_index)
    diagnosis = examiner.diagnose(chosen)
    if recall is not None:
        recall.made[key] = diagnosis
    return Incident(diagnosis, reading)


def _choose(
    symptom: Symptom,
    rows: Iterable[int],
    local: set[int] | None,
    named: Container[int],
    examiner: Examiner,
    told_of: Container[int] = (),
) -> Examination:
    """Hold the symptom against each candidate flow and keep the one that explains it best.

    ``named`` holds the flows that the log or the caller points at by endpoint or port, ``told_of`` those that an
    equal error was tied to.
    """
    alone = examiner.examine(symptom)
    ranked = _ranked(symptom, rows, local, named, examiner)
    if not ranked or ranked[0][0] < alone.score * 0.75:
        return alone
    best = _not_told_of(ranked, told_of)
    near = [one for fit, one in ranked if ranked[0][0] - fit <= _NEAR_TIE and one.cause != best.cause]
    # A finer cause says the same and more: it fits better, and raises no doubt about the cause.
    best = next((one for one in near if one.cause and best.cause in examiner.rules.lineage(one.cause)), best)
    said = examiner.rules.lineage(best.cause) if best.cause is not None else ()
    ties = [one for one in near if one.cause not in said]
    if ties:
        best = examiner.examine(replace(best.symptom, candidates=1 + len(ties)))
    return best


def _not_told_of(ranked: Sequence[tuple[float, Examination]], told_of: Container[int]) -> Examination:
    """Return the best candidate, or an equal one where an error before it has taken that."""
    best_fit, best = ranked[0]
    for fit, one in ranked:
        if best_fit - fit <= _NEAR_TIE and one.cause == best.cause and one.symptom.flow_index not in told_of:
            return one
    return best


def _at_another_time(
    chosen: Examination,
    rows: Sequence[int],
    local: set[int] | None,
    named: frozenset[int],
    examiner: Examiner,
    told_of: Container[int],
    *,
    zone_known: bool,
) -> Examination | None:
    """Return what died of the connections that an error may mean, where its clock is a guess and nothing died in time.

    None where a death explains the error as the clocks stand, or none does however they stood.
    """
    time = chosen.symptom.time_ns
    if time is None or (chosen.reading is not None and chosen.cause not in _NO_WIRE_CAUSE):
        return None
    if chosen.facts.known_values.get("log_names_own_listener") is True:
        # The log itself tells which socket was used; no connection had to die for that.
        return None
    undated = replace(chosen.symptom, time_ns=None, flow_index=None)
    dead: list[tuple[float, Examination]] = []
    for fit, examination in _ranked(undated, named or rows, local, named, examiner):
        death, reading = examination.death_ns, examination.reading
        if death is None or reading is None or examination.cause in _ONLY_IF_NAMED:
            continue
        farthest = _WELL_UNTIL_NS if reading.flow.first_ns <= time < death else None
        if skew_between(time, death, zone_known=zone_known, farthest_ns=farthest) is not None:
            dead.append((fit, examination))
    alike = len({examination.cause for _, examination in dead}) == 1
    return _not_told_of(dead, told_of) if dead and (named or alike) else None


def _ranked(
    symptom: Symptom, rows: Iterable[int], local: set[int] | None, named: Container[int], examiner: Examiner
) -> list[tuple[float, Examination]]:
    """Return the candidates that explain the symptom, with how well they do, best first."""
    ranked: list[tuple[float, Examination]] = []
    for index in _nearest(rows, symptom, examiner):
        examination = examiner.examine(replace(symptom, flow_index=index, candidates=1))
        if examination.cause in _ONLY_IF_NAMED and index not in named:
            # That some connection is well, or was closed, explains an error only if the log names that connection.
            continue
        fit = examination.score * _plausible(examination, local)
        if named and index not in named:
            fit *= _NOT_NAMED
        ranked.append((fit, examination))
    if any(_just_died(one) for _, one in ranked):
        ranked = [(fit * (_OTHERS_WELL if one.cause in _NO_WIRE_CAUSE else 1.0), one) for fit, one in ranked]
    ranked.sort(key=lambda pair: -pair[0])
    return [pair for pair in ranked if pair[0] > 0]


def _just_died(examination: Examination) -> bool:
    """Tell whether a connection died, and not by its client's own close, right before the error."""
    time, death = examination.symptom.time_ns, examination.death_ns
    if time is None or death is None or examination.cause in _ONLY_IF_NAMED:
        return False
    return -examination.symptom.uncertainty_ns <= time - death <= NS


def _nearest(rows: Iterable[int], symptom: Symptom, examiner: Examiner) -> Sequence[int]:
    """Return the candidates nearest in time; one that began after the error cannot explain it."""
    by_index = examiner.around.rows
    time = symptom.time_ns
    known = list(dict.fromkeys(rows))
    if time is None:
        return known[-_MOST_CANDIDATES:]
    slack = symptom.uncertainty_ns + NS // 10
    fitting = [index for index in known if by_index[index].first_ns <= time + slack]
    fitting.sort(key=lambda index: min(abs(time - by_index[index].last_ns), abs(time - by_index[index].first_ns)))
    return fitting[:_MOST_CANDIDATES]


def _plausible(examination: Examination, local: set[int] | None) -> float:
    """How well a flow's death fits the time, the ports and the earlier error of the log, 0 to 1."""
    symptom, reading = examination.symptom, examination.reading
    assert reading is not None
    weight = 1.0
    if examination.facts.known_values.get("ftp_announced") is not True:
        # Of a data connection the log has no port, and it knows only what the server says of it.
        if local:
            weight *= 1.0 if reading.flow.initiator.endpoint.port in local else 0.6
        weight *= _fits_earlier_code(symptom, examination)
    time, death = symptom.time_ns, examination.death_ns
    if time is None:
        return weight
    slack = symptom.uncertainty_ns + NS // 20
    weight *= _recent(reading, time + slack)
    if death is not None:
        weight *= 1.0 - 0.1 * min(1.0, abs(time - death) / (10 * NS))
    if death is None:
        return weight * (0.9 if examination.cause in _NO_WIRE_CAUSE else 0.5)
    if examination.cause in ("used-before-connected", "link-changed"):
        return weight
    after = time - death
    if after < -slack:
        # It died later than the error: at that time it was well, or this is not the flow.
        return weight * (0.85 if examination.cause in _NO_WIRE_CAUSE else 0.15)
    if symptom.source == "call":
        # Who points at a moment means what happened then; a program may come back to a dead socket much later.
        return weight * (1.0 - 0.5 * min(1.0, max(0, after - slack) / _MEANT_NS))
    return weight * (1.0 - 0.3 * min(1.0, max(0, after) / _FORGOTTEN_NS))


def _recent(reading: Reading, until: int) -> float:
    """Weigh that a flow with a packet just before the error is likelier the one that was used than one left alone."""
    before = [s.ts_ns for s in reading.view.segments if s.ts_ns <= until]
    return 1.0 - 0.05 * min(1.0, (until - before[-1]) / (30 * NS)) if before else 0.95


def _fits_earlier_code(symptom: Symptom, examination: Examination) -> float:
    """Weigh what a first error in the log says that the wire must show."""
    event, reading = symptom.event, examination.reading
    if event is None or reading is None:
        return 1.0
    earlier = [
        one
        for one in symptom.context
        if one.code is not None
        and one.code != event.code
        and (one.time_ns is None or event.time_ns is None or event.time_ns - one.time_ns <= 5 * NS)
    ]
    if not earlier:
        return 1.0
    failed_call = earlier[-1].call
    opening = reading.opening.kind
    kind = reading.ending.kind if reading.established else None
    match earlier[-1].code:
        case 10061:
            return 1.0 if opening is OpeningKind.RESET else 0.6
        case 10065 | 10051:
            return 1.0 if opening is OpeningKind.UNANSWERED else 0.7
        case 10054:
            return 1.0 if reading.resets else 0.6
        case 10053:
            ended = (EndingKind.RESPONDER_FIN, EndingKind.SILENCE)
            moved = examination.cause == "link-changed"
            return 1.0 if reading.resets or kind in ended or moved else 0.6
        case 10060 if failed_call == "connect":
            return 0.4 if opening is OpeningKind.COMPLETE and reading.opening.foreign_ack is None else 1.0
        case 10060:
            lost = opening in (OpeningKind.UNANSWERED, OpeningKind.UNACKNOWLEDGED, OpeningKind.FOREIGN_ACK)
            waiting = reading.pending is not None or kind is EndingKind.SILENCE
            waiting = waiting or bool(examination.facts.known_values.get("ftp_reply_awaited"))
            return 1.0 if lost or waiting else 0.7
        case 11001 | 11002 | 11003 | 11004:
            return 0.4
        case _:
            return 1.0

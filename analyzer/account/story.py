"""The timeline of one incident: the telling packets, what was left out, and the lines of the log between them."""

from __future__ import annotations

from itertools import pairwise

from analyzer.account.remarks import remark
from analyzer.around.surroundings import Surroundings
from analyzer.flows.model import ACK, FIN, PSH, RST, SYN, Half, Segment, Silence
from analyzer.incidents.tie import Incident
from analyzer.logs.model import LogEvent
from analyzer.observe.waiting import answered, survived
from analyzer.report.model import KnownLimit, SequenceKind, SequenceRow, SilenceRow, TimelineRow
from analyzer.report.phrases import stem
from analyzer.ruleset.timeouts import matching
from analyzer.seqnum import add, distance
from analyzer.signals.opening import OpeningKind
from analyzer.signals.reading import Reading
from analyzer.units import NS

__all__ = ["decisive_frames", "sequence", "silences", "timeline"]

_MOST_ROWS = 26
_CONTEXT = 2
_MOST_LIMITS = 8
_FLAGS = ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK"))


def flags_text(segment: Segment) -> str:
    """Return the flags in the order people write them: ``SYN, ACK``."""
    return ", ".join(name for bit, name in _FLAGS if segment.has(bit))


def decisive_frames(incident: Incident) -> tuple[int, ...]:
    """Frames of the packets that the verdict rests on, in capture order."""
    reading = incident.diagnosis.examination.reading
    if reading is None:
        return ()
    opening = reading.opening
    if opening.kind is OpeningKind.RESET and opening.reset is not None:
        return (opening.syns[0].frame, opening.reset.frame) if opening.syns else (opening.reset.frame,)
    if opening.kind is OpeningKind.FOREIGN_ACK and opening.foreign_ack is not None:
        return tuple(one.frame for one in (opening.syns[0], opening.foreign_ack, opening.reset) if one is not None)
    if opening.kind is OpeningKind.ABANDONED and opening.reset is not None:
        return (opening.syn_acks[0].frame, opening.reset.frame)
    if opening.kind in (OpeningKind.UNANSWERED, OpeningKind.UNACKNOWLEDGED):
        return tuple(sorted(one.frame for one in (*opening.syns[:6], *opening.syn_acks[:4])))
    if incident.diagnosis.cause == "used-before-connected" and opening.syn_acks:
        return (opening.syns[0].frame, opening.syn_acks[0].frame) if opening.syns else ()
    return _ending_frames(reading)


def _ending_frames(reading: Reading) -> tuple[int, ...]:
    frames: list[int] = []
    if reading.pause is not None:
        frames += [reading.pause.before.frame, reading.pause.after.frame]
    if reading.ending.decisive is not None:
        frames.append(reading.ending.decisive.frame)
    if reading.ends_by_silence:
        for run in reading.stuck.values():
            if run is not None:
                frames += [s.frame for s in run.sends[:8]]
    closing = reading.closing
    frames += [s.frame for s in closing.data_after_responder_fin[:2]]
    frames += [s.frame for s in closing.resets_after_late_data[:2]]
    if reading.decisive_reset is not None and reading.decisive_reset.answers is not None:
        frames.append(reading.decisive_reset.answers.frame)
    pending = reading.pending
    if pending is not None and not reading.ends_by_silence:
        frames.append(pending.request.frame)
    frames += list(reading.responder_stall_frames[:3])
    return tuple(sorted(set(frames)))


def timeline(incident: Incident, around: Surroundings) -> tuple[TimelineRow, ...]:
    """Build the rows of a ladder: opening, the packets around the decisive ones, ICMP errors, the log's line."""
    reading = incident.diagnosis.examination.reading
    rows: list[TimelineRow] = []
    if reading is not None:
        rows += _packets(incident, reading)
        for hit in around.icmp_errors(reading.flow)[:3]:
            rows.append(
                TimelineRow(
                    hit.note.ts_ns,
                    f"ICMP {hit.kind.replace('-', ' ')}",
                    "note",
                    hit.note.frame,
                    note="It quotes a packet of this connection.",
                    decisive=True,
                )
            )
    event = incident.symptom.event
    for other in incident.symptom.context[-3:]:
        if other.time_ns is not None and incident.log is not None and reading is not None:
            what = " ".join(part for part in (other.call or other.action or "", str(other.code or "")) if part)
            rows.append(TimelineRow(other.time_ns - incident.log.clock.offset_ns, f"log: {what}".rstrip(": "), "log"))
    if event is not None and incident.symptom.time_ns is not None:
        what = " ".join(part for part in (event.call or "", str(event.code or "")) if part)
        rows.append(
            TimelineRow(incident.symptom.time_ns, f"log: {what}", "log", note=_reported(event), decisive=True)
        )
    # What was left out comes after the packet whose time it has.
    rows.sort(key=lambda row: (row.ts_ns, row.frame is None))
    return tuple(rows)


def _reported(event: LogEvent) -> str:
    return f"The reported error, {stem(event.path)} line {event.line}."


def _packets(incident: Incident, reading: Reading) -> list[TimelineRow]:
    segments = reading.view.segments
    decisive = set(decisive_frames(incident))
    chosen: set[int] = set()
    for position, segment in enumerate(segments):
        if position < 3 or position == len(segments) - 1 or segment.has(SYN | FIN | RST):
            chosen.add(position)
        if segment.frame in decisive:
            chosen.update(range(max(0, position - _CONTEXT), min(len(segments), position + _CONTEXT)))
    keep = sorted(chosen, key=lambda p: (segments[p].frame not in decisive, p >= 3, -p))[:_MOST_ROWS]
    rows: list[TimelineRow] = []
    previous: int | None = None
    unanswered = {
        s.frame for run in reading.stuck.values() if run is not None and reading.established for s in run.sends
    }
    # A reset is an answer, though no acknowledgment.
    unanswered -= {one.answers.frame for one in reading.resets if one.answers is not None}
    for position in sorted(keep):
        if previous is not None and position > previous + 1:
            left = position - previous - 1
            if segments[previous].frame < _gap(reading) < segments[position].frame:
                left += reading.flow.elided
            rows.append(
                TimelineRow(segments[previous].ts_ns, f"{left} packet{'s' if left > 1 else ''} not shown", "elided")
            )
        s = segments[position]
        length = f" {s.payload_len} B" if s.payload_len else ""
        rows.append(
            TimelineRow(
                s.ts_ns,
                f"{flags_text(s)}{length}",
                "packet",
                s.frame,
                s.from_initiator,
                remark(reading, s),
                s.frame in decisive,
                flags_text(s),
                s.payload_len,
                False if s.frame in unanswered or (s.has(SYN) and not reading.flow.responder.packets) else None,
            )
        )
        previous = position
    return rows


def _gap(reading: Reading) -> int:
    """Return the frame before which packets were not kept; 0 when all were."""
    if not reading.flow.elided:
        return 0
    segments = reading.flow.segments
    gaps = [(later.frame - earlier.frame, earlier.frame + 1) for earlier, later in pairwise(segments)]
    return max(gaps, default=(0, 0))[1]


def silences(incident: Incident) -> tuple[SilenceRow, ...]:
    """Return the flow's longest silences, in time order, with the known limits that fit the decisive one."""
    reading = incident.diagnosis.examination.reading
    if reading is None or not reading.established:
        return ()
    rows: list[SilenceRow] = []
    pause = reading.pause
    for silence in reading.flow.silences:
        decisive = pause is not None and silence.after_frame == pause.after.frame
        closed = bool(silence.after_flags & (FIN | RST))
        who = "client" if silence.after_from_initiator else "server"
        what = _broken_by(silence)
        fate = _fate(silence)
        lived: bool | None = survived(silence)
        if decisive and not silence.after_from_initiator and (closed or _closes_at_once(reading, silence)):
            lived = False
        elif closed:
            lived = None
        limits: tuple[KnownLimit, ...] = ()
        if decisive and silence.duration_ns >= 10 * NS:
            limits = _limits(silence.duration_ns, incident)
        rows.append(
            SilenceRow(
                silence.before_ns,
                silence.duration_ns,
                silence.before_frame,
                silence.after_frame,
                f"{what} of the {who}{', ' + fate if fate else ''}",
                lived,
                limits,
                decisive,
            )
        )
    rows.sort(key=lambda row: row.start_ns)
    return tuple(rows)


def _fate(silence: Silence) -> str:
    if answered(silence):
        return "answered"
    if silence.after_flags & RST:
        return ""
    return "never answered" if silence.answer_frame is None else "answered only by a reset"


def _closes_at_once(reading: Reading, silence: Silence) -> bool:
    """Tell whether the server broke the silence only to say goodbye, as FTP's 421 does."""
    end = reading.ending.decisive
    return end is not None and not end.from_initiator and 0 <= end.ts_ns - silence.after_ns < NS


def _broken_by(silence: Silence) -> str:
    if silence.after_flags & RST:
        return "RST"
    if silence.after_flags & FIN:
        return "FIN"
    return "data" if silence.after_payload_len > 1 else "a packet without data"


def _limits(duration: int, incident: Incident) -> tuple[KnownLimit, ...]:
    """Limits that this silence reached; where the silence itself is the timer, only those of its length."""
    if incident.diagnosis.fact("silence_ended_by") in ("responder-fin", "responder-rst", "responder-data"):
        found = matching(None, duration, kind="server") + matching(None, duration, kind="proxy")
    else:
        lived = incident.diagnosis.fact("longest_survived_silence")
        lowest = lived if isinstance(lived, int) and lived < duration else duration // 4
        found = matching(lowest, duration, kind="middlebox", scope="tcp_established")
    found.sort(key=lambda limit: (duration - (limit.default_ns or 0), limit.name))
    chosen = [KnownLimit(limit.name, limit.default_ns or 0, limit.source) for limit in found[:_MOST_LIMITS]]
    return tuple(sorted(chosen, key=lambda limit: (limit.duration_ns, limit.name)))


def sequence(incident: Incident) -> tuple[SequenceRow, ...]:
    """Return how far each half had come with every kept segment; nothing where numbers may have gone round."""
    reading = incident.diagnosis.examination.reading
    if reading is None or not reading.established:
        return ()
    flow = reading.flow
    if max(flow.initiator.payload_bytes, flow.responder.payload_bytes) >= 1 << 31:
        return ()
    segments = [s for s in reading.view.segments if not s.has(SYN)]
    origin = {True: _origin(flow.initiator, segments, True), False: _origin(flow.responder, segments, False)}
    seen: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    gap = _gap(reading)
    rows: list[SequenceRow] = []
    for s in segments:
        side = s.from_initiator
        base, other = origin[side], origin[not side]
        start = 0 if base is None else distance(base, s.seq)
        rows.append(
            SequenceRow(
                s.ts_ns,
                s.frame,
                side,
                _kind(s, start, seen[side]),
                start,
                s.payload_len,
                None if other is None or not s.has(ACK) else distance(other, s.ack),
                flow.elided if rows and rows[-1].frame < gap <= s.frame else 0,
            )
        )
        if s.payload_len:
            _cover(seen[side], start, start + s.payload_len)
    return tuple(rows)


def _origin(half: Half, segments: list[Segment], side: bool) -> int | None:
    if half.isn is not None:
        return add(half.isn, 1)
    return next((s.seq for s in segments if s.from_initiator is side and not s.has(RST)), None)


def _kind(s: Segment, start: int, seen: list[tuple[int, int]]) -> SequenceKind:
    if s.has(RST):
        return "rst"
    if s.has(FIN):
        return "fin"
    top = seen[-1][1] if seen else 0
    if s.payload_len <= 1 and start == top - 1:
        return "probe"
    if not s.payload_len:
        return "ack"
    return "again" if any(low <= start and start + s.payload_len <= high for low, high in seen) else "data"


def _cover(seen: list[tuple[int, int]], low: int, high: int) -> None:
    """Add a range to disjoint ranges in order."""
    apart = [one for one in seen if one[1] < low or one[0] > high]
    touching = [one for one in seen if one not in apart]
    seen[:] = sorted([*apart, (min([low, *(a for a, _ in touching)]), max([high, *(b for _, b in touching)]))])

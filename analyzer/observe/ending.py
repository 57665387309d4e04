"""How the connection ended on the wire: FINs and resets."""

from __future__ import annotations

from analyzer.around.surroundings import Surroundings
from analyzer.factset import FactSet
from analyzer.flows.model import FIN, RST, SYN, Segment
from analyzer.signals.closing import says_goodbye
from analyzer.signals.ending import EndingKind
from analyzer.signals.reading import Reading
from analyzer.signals.reset import Origin, Reset, ResetForm, acknowledges_less
from analyzer.symptom import Symptom
from analyzer.units import MS, NS, format_duration

__all__ = ["observe_closing", "observe_ending", "watched_until"]

_TOGETHER_NS = 2 * NS
_CLOSE_WAIT_NS = 10 * NS
_SENDERS = {Origin.ENDPOINT: "peer", Origin.MIDDLEBOX: "box", Origin.UNDETERMINED: "undetermined"}


def observe_ending(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    """Set the facts of `analyzer.vocabulary.ending`, but those of `observe_closing`."""
    ending = reading.ending
    frames = (ending.decisive.frame,) if ending.decisive is not None else ()
    facts.know("ended_by", ending.kind.value, frames, _told(reading))
    _reset(facts, reading, around)


def observe_closing(facts: FactSet, symptom: Symptom, reading: Reading, around: Surroundings) -> None:
    """Set the facts of the FINs, some of which wait for something until the moment of the error."""
    _closing(facts, reading, around, watched_until(symptom, reading, around))


def watched_until(symptom: Symptom, reading: Reading, around: Surroundings) -> int:
    """Return until when nothing more was seen: a quiet capture ends with its last packet, yet the error came later."""
    last = max(around.capture.info.last_ns or 0, reading.flow.last_ns)
    if symptom.source != "capture" and symptom.time_ns is not None:
        return max(last, symptom.time_ns)
    return last


def _told(reading: Reading) -> str:
    names = {
        EndingKind.RESPONDER_FIN: "The server closed first, with FIN",
        EndingKind.INITIATOR_FIN: "The client closed first, with FIN",
        EndingKind.RESPONDER_RST: "A RST that bears the server's address ended the connection",
        EndingKind.INITIATOR_RST: "The client's own RST ended the connection",
        EndingKind.BOTH_RST: "RSTs in both directions ended the connection at the same moment",
        EndingKind.SILENCE: "Packets stopped arriving: data went out and nothing acknowledged it",
        EndingKind.NOTHING: "Neither side closed or reset the connection while it was captured",
    }
    text = names[reading.ending.kind]
    decisive = reading.ending.decisive
    if decisive is None:
        return text + "."
    return f"{text}, {format_duration(decisive.ts_ns - reading.flow.first_ns)} after the connection began."


def _closing(facts: FactSet, reading: Reading, around: Surroundings, watched: int) -> None:
    closing = reading.closing
    fin, own_fin = closing.responder_fin, closing.initiator_fin
    facts.know("responder_fin", fin is not None, (fin.frame,) if fin else ())
    facts.know("initiator_fin", own_fin is not None, (own_fin.frame,) if own_fin else ())
    facts.know("half_close_in_use", closing.half_close_used)
    orderly = closing.both and not closing.data_after_responder_fin and not closing.data_after_initiator_fin
    facts.know("orderly_close", orderly and not _lossy(reading))
    if own_fin is not None:
        acked = not any(run is not None and run.first.has(FIN) for run in reading.stuck.values())
        facts.know("initiator_fin_acked", acked)
    if fin is None:
        return
    late = closing.data_after_responder_fin
    facts.know("data_after_responder_fin", bool(late), (fin.frame, *(s.frame for s in late[:3])))
    if late:
        resets = closing.resets_after_late_data
        facts.know("late_data_reset", bool(resets), tuple(s.frame for s in resets[:2]))
        facts.know("late_data_acked", closing.late_data_acked)
        facts.know("time_from_responder_fin_to_data", late[0].ts_ns - fin.ts_ns, (fin.frame, late[0].frame))
    answer = closing.farewell
    if answer is None:
        answer = next((s for s in reading.view.initiator if s.frame > fin.frame and s.has(FIN | RST)), None)
    if own_fin is not None and own_fin.frame < fin.frame:
        facts.know("close_wait_time", 0)
    else:
        until = answer.ts_ns if answer is not None else watched
        facts.know("close_wait_time", until - fin.ts_ns, (fin.frame, answer.frame) if answer else (fin.frame,))
        facts.know("initiator_closed_after_fin", answer is not None)
    facts.know("close_wait_siblings", _leaks(reading, around, watched))
    last_data = next(
        (s for s in reversed(reading.view.segments) if s.frame < fin.frame and s.payload_len and not s.has(RST)), None
    )
    if fin.payload_len:
        facts.know("fin_right_after_answer", True, (fin.frame,))
    elif last_data is not None:
        facts.know("fin_right_after_answer", fin.ts_ns - last_data.ts_ns <= NS, (last_data.frame, fin.frame))
    else:
        facts.know("fin_right_after_answer", value=False)


def _lossy(reading: Reading) -> bool:
    return any(run is not None and run.repeats > 0 for run in reading.stuck.values())


def _leaks(reading: Reading, around: Surroundings, watched: int) -> int:
    flow = reading.flow
    count = 0
    for row in around.to_responder(flow.responder.endpoint)[:200]:
        if row.index == flow.index or row.initiator.packed != flow.initiator.endpoint.packed:
            continue
        if row.responder_fins and not row.initiator_fins and not row.rsts and watched - row.last_ns > _CLOSE_WAIT_NS:
            count += 1
    return count


def _reset(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    view = reading.view
    decisive = reading.decisive_reset
    if decisive is None:
        for name in ("reset_claimed_by", "reset_sender", "reset_answers", "reset_form"):
            facts.know(name, "none")
        return
    both = reading.ending.kind is EndingKind.BOTH_RST
    frame = (decisive.segment.frame,)
    who = "both" if both else "initiator" if decisive.segment.from_initiator else "responder"
    facts.know("reset_claimed_by", who, frame)
    judged = _strongest(reading.resets, decisive)
    facts.know("reset_sender", _SENDERS[judged.origin], (judged.segment.frame,), _sender_statement(judged))
    facts.know("reset_answers", _answers(view.segments, decisive), frame)
    facts.know("reset_form", "acknowledging" if decisive.form is ResetForm.ABORT else "bare", frame)
    facts.know("reset_both_ways", both, frame)
    if decisive.ttl_delta is not None:
        facts.know("reset_hops_differ", abs(decisive.ttl_delta) >= 2, frame)
    if decisive.exact is not None:
        facts.know("reset_sequence_odd", not decisive.exact and decisive.form is not ResetForm.ABORT, frame)
    facts.know("sender_went_on", bool(judged.after_life) and judged.origin is Origin.MIDDLEBOX, judged.after_life[:4])
    facts.know("unread_data_at_reset", _unread(reading, decisive), frame)
    facts.know("segments_unanswered_at_reset", len(_unanswered_before(reading, decisive.segment)))
    facts.know("reset_ends_closed_flow", _tidying(reading, decisive), frame)
    final = reading.opening.final_ack
    if final is not None:
        facts.know("reset_after_handshake", decisive.segment.ts_ns - final.ts_ns, (final.frame, *frame))
    together = 1 + sum(
        1
        for row in around.to_host(reading.flow.responder.endpoint.packed).near(decisive.segment.ts_ns, 600 * NS, 0)[
            -500:
        ]
        if row.index != reading.flow.index and row.rsts and abs(row.last_ns - decisive.segment.ts_ns) <= _TOGETHER_NS
    )
    facts.know("resets_together", together)


def _strongest(resets: tuple[Reset, ...], decisive: Reset) -> Reset:
    """Choose the RST that shows its sender best: a box sends several; those of the same claimed sender count."""
    same = [
        one
        for one in resets
        if one.segment.from_initiator is decisive.segment.from_initiator
        and abs(one.segment.ts_ns - decisive.segment.ts_ns) <= NS
    ]
    return max(same, key=lambda one: one.weight, default=decisive)


def _sender_statement(reset: Reset) -> str:
    whom = "client" if reset.segment.from_initiator else "server"
    lead = {
        Origin.ENDPOINT: f"The RST fits the {whom} it claims to come from",
        Origin.MIDDLEBOX: f"The RST was not sent by the {whom} whose address it bears",
        Origin.UNDETERMINED: f"Whether the {whom} or a device between sent the RST cannot be told",
    }[reset.origin]
    return f"{lead}: {'; '.join(reset.reasons)}." if reset.reasons else f"{lead}."


def _answers(segments: tuple[Segment, ...], reset: Reset) -> str:
    rst = reset.segment
    before = [s for s in segments if s.frame < rst.frame]
    theirs = [s for s in before if s.from_initiator is not rst.from_initiator and not s.has(RST)]
    if not theirs:
        return "nothing"
    last = theirs[-1]
    if rst.ts_ns - last.ts_ns > 3 * NS:
        return "nothing"
    own_after = [s for s in before if s.from_initiator is rst.from_initiator and s.frame > last.frame]
    if last.has(SYN):
        return "syn"
    if own_after and any(s.payload_len or s.has(FIN) for s in own_after):
        return "nothing"
    if last.has(FIN):
        return "fin"
    if last.payload_len > 1:
        return "data"
    if last.payload_len == 1 or reset.form is ResetForm.NO_STATE:
        same_half = [s for s in before if s.from_initiator is last.from_initiator and s.frame < last.frame]
        if same_half and same_half[-1].end_seq == last.seq + 1:
            return "keepalive"
        return "data" if last.payload_len else "nothing"
    # An acknowledgment a moment ago draws no RST from a host that knows the connection.
    return "nothing"


def _unread(reading: Reading, reset: Reset) -> bool:
    """RFC 1122 §4.2.2.13: closing with unread data sends RST; so does a close that leaves data unacknowledged."""
    if reset.form is not ResetForm.ABORT:
        return False
    less = acknowledges_less(reset, reading.view)
    if less:
        return True
    unanswered = _unanswered_before(reading, reset.segment)
    return bool(unanswered) and reset.segment.ts_ns - unanswered[-1].ts_ns <= 500 * MS


def _unanswered_before(reading: Reading, rst: Segment) -> list[Segment]:
    """Return data of the other half that the RST's sender answered with nothing but the RST."""
    own = [s.frame for s in reading.view.half(rst.from_initiator) if s.frame < rst.frame and s.payload_len]
    last = own[-1] if own else 0
    return [s for s in reading.view.half(not rst.from_initiator) if last < s.frame < rst.frame and s.payload_len]


def _tidying(reading: Reading, reset: Reset) -> bool:
    closing, rst = reading.closing, reset.segment
    own_fin = closing.initiator_fin if rst.from_initiator else closing.responder_fin
    other_fin = closing.responder_fin if rst.from_initiator else closing.initiator_fin
    if own_fin is not None and other_fin is not None and max(own_fin.frame, other_fin.frame) < rst.frame:
        return not (closing.data_after_responder_fin and not rst.from_initiator)
    if own_fin is not None and own_fin.frame < rst.frame:
        if rst.from_initiator:
            return True
        return not closing.data_after_responder_fin
    if rst.from_initiator:
        return False
    # The client had closed or said goodbye, the server answers with a RST: both wanted the end.
    return (other_fin is not None and other_fin.frame < rst.frame) or _took_leave(reading, rst)


def _took_leave(reading: Reading, rst: Segment) -> bool:
    """Tell whether the last words before a RST are the initiator's goodbye."""
    said = next((s for s in reversed(reading.view.segments) if s.payload_len and s.frame < rst.frame), None)
    half = reading.flow.initiator
    return said is not None and said.from_initiator and said.frame == half.tail_frame and says_goodbye(half.tail)

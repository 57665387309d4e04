"""Silences, keepalives, delivery and stalls."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.around.surroundings import Surroundings
from analyzer.factset import FactSet
from analyzer.flows.model import FIN, RST, SYN, Half, Segment, Silence
from analyzer.signals.delivery import Unanswered
from analyzer.signals.ending import EndingKind, Pause
from analyzer.signals.reading import Reading
from analyzer.symptom import Symptom
from analyzer.units import MS, NS, format_duration

__all__ = ["answered", "fatal_silence", "observe_request", "observe_waiting", "survived"]

_SAME_SILENCE = 0.05
_MUCH_LONGER = 2
"""Servers that look for idle connections now and then end them up to twice as late as they are told to."""


def observe_waiting(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    """Set the facts of `analyzer.vocabulary.waiting`, but those of `observe_request`."""
    _silence(facts, reading, around)
    _keepalive(facts, reading)
    _delivery(facts, reading)


def answered(silence: Silence) -> bool:
    """Tell whether the packet after the silence drew an answer that was no RST."""
    return silence.answer_frame is not None and not (silence.answer_flags or 0) & RST


def survived(silence: Silence) -> bool:
    """Tell whether the connection went on after the silence; a FIN is answered and ends it all the same."""
    return answered(silence) and not silence.after_flags & (FIN | RST)


def fatal_silence(silences: Iterable[Silence]) -> Silence | None:
    """Return the silence that a connection did not survive, of all that it had; None when there was none.

    What follows the fatal one, such as the gaps between retransmissions, is its consequence. A close or reset by the
    initiator is its own decision.
    """
    found: Silence | None = None
    for silence in sorted(silences, key=lambda one: one.after_ns, reverse=True):
        if survived(silence) or silence.after_flags & SYN:
            break
        found = silence
    if found is not None and found.after_from_initiator and found.after_flags & (FIN | RST):
        return None
    return found


_BROKEN = {
    "initiator-data": "The client broke the silence with data.",
    "responder-data": "The server broke the silence with data.",
    "initiator-fin": "The client broke the silence with its FIN.",
    "responder-fin": "The server broke the silence with its FIN: a timer, not traffic.",
    "initiator-rst": "The client broke the silence with a RST.",
    "responder-rst": "A RST in the server's name broke the silence: a timer, not traffic.",
    "keepalive": "A keepalive probe broke the silence.",
    "other": "A packet without data broke the silence.",
}


def _broken_by(segment: Segment, probe: bool) -> str:
    who = "initiator" if segment.from_initiator else "responder"
    if segment.has(RST):
        return f"{who}-rst"
    if segment.has(FIN) and not segment.payload_len:
        return f"{who}-fin"
    if probe:
        return "keepalive"
    return f"{who}-data" if segment.payload_len else "other"


def _silence(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    pause = reading.pause
    flow = reading.flow
    lived = [one for one in flow.silences if survived(one) and (pause is None or one.after_frame != pause.after.frame)]
    longest = max((one.duration_ns for one in lived), default=0)
    facts.know("longest_survived_here", longest)
    if pause is None:
        facts.know("silence_before_end", 0, (), "The connection was in use until the moment it ended.")
        return
    duration = pause.duration_ns
    frames = (pause.before.frame, pause.after.frame)
    facts.know(
        "silence_before_end",
        duration,
        frames,
        f"For {format_duration(duration)} neither side sent a packet.",
    )
    broken_by = _broken_by(pause.after, _is_probe(reading, pause.after))
    facts.know("silence_ended_by", broken_by, (pause.after.frame,), _BROKEN[broken_by])
    answer = next(
        (
            s
            for s in reading.view.segments
            if s.frame > pause.after.frame and s.from_initiator is not pause.after.from_initiator and not s.has(RST)
        ),
        None,
    )
    if pause.after.has(RST):
        facts.miss("answered_after_silence", "a RST is not answered")
    else:
        facts.know("answered_after_silence", answer is not None, (answer.frame,) if answer is not None else frames[1:])
    before = [s for s in reading.view.segments if s.frame <= pause.before.frame]
    facts.know("request_before_silence_answered", _idle_at(before), frames[:1])
    facts.know("requests_before_silence", _exchanges(before))
    # The server's timer began about a round trip, and what either host took, before the client's last packet was seen.
    facts.know("whole_silence", _round_number(duration + min(reading.view.round_trip_ns or 0, NS // 10) + 50 * MS))
    _same_path(facts, reading, around, pause, lived)


def _is_probe(reading: Reading, segment: Segment) -> bool:
    if segment.payload_len > 1 or segment.has(SYN | FIN | RST):
        return False
    earlier = [s for s in reading.view.half(segment.from_initiator) if s.frame < segment.frame and not s.has(RST)]
    return bool(earlier) and max(s.end_seq for s in earlier) == (segment.seq + 1) & 0xFFFFFFFF


def _idle_at(segments: list[Segment]) -> bool:
    """Tell whether the last data was the responder's, or there was none at all."""
    last = next((s for s in reversed(segments) if s.payload_len > 1 and not s.has(RST)), None)
    return last is None or not last.from_initiator


def _exchanges(segments: list[Segment]) -> int:
    count, waiting = 0, False
    for s in segments:
        if s.payload_len > 1:
            if s.from_initiator:
                waiting = True
            elif waiting:
                count, waiting = count + 1, False
    return count


def _round_number(duration: int) -> bool:
    """Timers are set to round numbers; people and jobs are not (within 2 %, at least 0.3 s)."""
    seconds = duration / NS
    for step, least in ((5, 5), (10, 20), (30, 60), (60, 300), (300, 1200)):
        if seconds >= least:
            off = seconds % step
            if off <= max(0.35, 0.01 * seconds) and off < step / 3:
                return True
    return False


def _same_path(facts: FactSet, reading: Reading, around: Surroundings, pause: Pause, own: Iterable[Silence]) -> None:
    flow, duration = reading.flow, pause.duration_ns
    lived, deaths = list(own), [duration] if _killed(facts, pause) else []
    same = 1
    for index, silences in around.silences_to(flow.responder.endpoint).items():
        if index == flow.index:
            continue
        lived += filter(survived, silences)
        end = fatal_silence(silences)
        if end is not None:
            deaths.append(end.duration_ns)
            same += abs(end.duration_ns - duration) <= max(2 * NS, _SAME_SILENCE * duration)
    longest = max((one.duration_ns for one in lived), default=0)
    facts.maybe("longest_survived_silence", longest or None, reason="none was seen")
    facts.maybe("shortest_fatal_silence", min(deaths, default=None), reason="none was seen")
    facts.know("flows_ended_by_same_silence", same)
    # A server's timer runs while it waits for the client; how long it took to answer is another matter.
    waited = (one for one in lived if one.after_from_initiator and one.after_payload_len > 1)
    outlived = max(waited, key=lambda one: one.duration_ns, default=None)
    contradicts = outlived is not None and outlived.duration_ns >= _MUCH_LONGER * duration
    facts.know(
        "longer_idle_outlived",
        contradicts,
        (outlived.before_frame, outlived.after_frame) if outlived is not None and contradicts else (),
    )


def _killed(facts: FactSet, pause: Pause) -> bool:
    """Tell whether the connection died of the silence, rather than of its client's own close."""
    if pause.after.has(FIN | RST):
        return not pause.after.from_initiator
    return not facts.known_values.get("answered_after_silence")


def _keepalive(facts: FactSet, reading: Reading) -> None:
    probes = reading.flow.initiator.keepalives
    facts.know("keepalive_probes", probes)
    runs = [run for run in reading.probes.values() if run is not None]
    run = max(runs, key=lambda one: len(one.probes), default=None)
    if run is None:
        facts.know("keepalives_unanswered", 0)
    else:
        facts.know("keepalives_unanswered", len(run.probes), tuple(s.frame for s in run.probes[:4]))
    if probes:
        own = reading.probes[True]
        # Probes that nobody answers follow each other faster than the first one followed the last packet.
        later = {s.frame for s in own.probes} if own is not None else set()
        quiet = (s for s in reading.flow.silences if s.after_from_initiator and s.after_payload_len <= 1)
        before = [s for s in quiet if s.before_frame not in later]
        if before:
            facts.know("keepalive_interval", min(one.duration_ns for one in before))
        facts.know("probes_never_answered", own is not None and len(own.probes) == probes)
    else:
        facts.miss("keepalive_interval", "the initiator sent none")


def _delivery(facts: FactSet, reading: Reading) -> None:
    flow = reading.flow
    facts.know("initiator_bytes", _data_bytes(flow.initiator))
    facts.know("responder_bytes", _data_bytes(flow.responder))
    blind = ("only one direction was captured", "a capture of both directions") if reading.view.one_direction else None
    if reading.view.unnumbered:
        blind = ("its sequence numbers are all zero", "the capture as it was taken, with its sequence numbers")
    if blind is not None:
        for name in ("undelivered", "transmissions_unanswered", "unanswered_time"):
            facts.miss(name, *blind)
        return
    runs = {side: run for side, run in reading.stuck.items() if run is not None}
    # What is captured twice at one time was sent once.
    stuck = {side: run for side, run in runs.items() if run.span_ns > (0 if run.repeats else NS)}
    who = "both" if len(stuck) == 2 else "none"
    if len(stuck) == 1:
        who = "initiator" if True in stuck else "responder"
    run = stuck.get(True) or stuck.get(False)
    if run is None:
        facts.know("undelivered", "none")
        facts.know("transmissions_unanswered", 0)
        return
    frames = tuple(s.frame for s in run.sends[:6])
    facts.know("undelivered", who, frames)
    facts.know("transmissions_unanswered", 1 + run.repeats, frames, _resent(run))
    facts.know("unanswered_time", run.span_ns, (frames[0], run.sends[-1].frame))
    facts.know("responder_silent_during_retries", not run.heard, tuple(s.frame for s in run.heard[:3]))
    largest = max(s.payload_len for s in run.sends)
    facts.know("only_large_undelivered", _only_large(run, largest), frames)
    facts.know("smallest_undelivered", run.smallest_repeated or largest)
    facts.know("active_before_loss", run.silence_ns < 10 * NS)


def _data_bytes(half: Half) -> int:
    """Return how much a half said; nothing where all it sent are probes with their byte of garbage."""
    return 0 if half.payload_bytes <= half.keepalives else half.payload_bytes


def _resent(run: Unanswered) -> str:
    who = "client" if run.from_initiator else "server"
    return (
        f"The {who} sent its last data {1 + run.repeats} times within {format_duration(run.span_ns)} "
        "and nothing acknowledged it."
    )


_FULL_SIZE = 1200
"""Payload from which a segment can meet an MTU limit below Ethernet's 1500 bytes."""


def _only_large(run: Unanswered, largest: int) -> bool:
    """Tell whether the stuck segment is large, while smaller ones of the same half had passed.

    Where it is the first data of its half, that the other side still speaks much later tells that not all is lost.
    """
    stuck = run.first.payload_len
    heard = any(s.ts_ns - run.first.ts_ns >= NS for s in run.heard)
    smaller_passed = run.largest_acked < stuck if run.largest_acked else heard
    return stuck >= _FULL_SIZE and largest >= _FULL_SIZE and smaller_passed


def observe_request(facts: FactSet, symptom: Symptom, reading: Reading) -> None:
    """Set the facts of a request that got no answer, perhaps until the moment of the error."""
    stall = reading.responder_stall
    facts.know("zero_window_time", stall, reading.responder_stall_frames[:4])
    pending = reading.pending
    if pending is None or reading.ending.kind is EndingKind.SILENCE or reading.view.one_direction:
        facts.know("request_unanswered_time", 0)
        facts.know("late_answer", value=False)
        return
    waited = pending.waited_ns
    if pending.ended_by is None and symptom.source != "capture" and symptom.time_ns is not None:
        # A quiet capture ends with its last packet; the error tells that the program waited on.
        waited = max(waited, symptom.time_ns - pending.request.ts_ns)
    # Who closes and logs an error tells that it did wait for an answer.
    told = symptom.source != "capture" and pending.ended_by is not None
    if pending.ack is None or not (told or pending.owed(waited)):
        facts.know("request_unanswered_time", 0)
    else:
        facts.know(
            "request_unanswered_time",
            waited,
            (pending.request.frame, pending.ack.frame, *((pending.ended_by.frame,) if pending.ended_by else ())),
        )
    late = pending.late_answer
    facts.know("late_answer", late is not None, (late.frame,) if late is not None else ())

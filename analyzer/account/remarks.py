"""Why a packet of the timeline matters, in a sentence or two."""

from __future__ import annotations

from analyzer.flows.model import RST, SYN, Segment
from analyzer.signals.reading import Reading
from analyzer.units import NS, format_duration

__all__ = ["remark"]

_AT_ONCE_NS = 5 * NS
"""A reset that comes later was not drawn by the packet that its numbers fit."""


def remark(reading: Reading, segment: Segment) -> str:
    """Return why ``segment`` matters to its flow's story; empty for what is only context."""
    told = [_of_the_silence(reading, segment)]
    if segment.has(RST):
        told.append(_of_the_reset(reading, segment))
    elif segment.has(SYN):
        told.append(_of_the_opening(reading, segment))
    else:
        told.append(_of_the_closing(reading, segment) or _of_the_delivery(reading, segment))
    return " ".join(filter(None, told))


def _of_the_silence(reading: Reading, segment: Segment) -> str:
    pause = reading.pause
    if pause is None or pause.duration_ns < NS or _is_probe(reading, pause.before):
        return ""
    if segment.frame == pause.before.frame:
        return f"The last packet before {format_duration(pause.duration_ns)} of silence."
    if segment.frame == pause.after.frame:
        return f"The first packet after {format_duration(pause.duration_ns)} of silence."
    return ""


def _of_the_reset(reading: Reading, segment: Segment) -> str:
    side = "client" if segment.from_initiator else "server"
    judged = next((one for one in reading.resets if one.segment.frame == segment.frame), None)
    if judged is None or not judged.reasons:
        return f"A reset in the {side}'s name."
    return f"A reset in the {side}'s name: {judged.reasons[0]}."


def _of_the_opening(reading: Reading, segment: Segment) -> str:
    opening = reading.opening
    if segment.from_initiator:
        first = opening.syns[0] if opening.syns else segment
        if segment.frame == first.frame:
            return "The client asks for the connection."
        return f"Asked again, {format_duration(segment.ts_ns - first.ts_ns)} after the first time."
    if opening.syn_acks and segment.frame == opening.syn_acks[0].frame:
        return "The server agrees."
    return "The server agrees again: the last packet of the handshake is missing."


def _of_the_closing(reading: Reading, segment: Segment) -> str:
    closing = reading.closing
    if closing.responder_fin is not None and segment.frame == closing.responder_fin.frame:
        return "The server closes its side."
    if closing.initiator_fin is not None and segment.frame == closing.initiator_fin.frame:
        return "The client closes its side."
    if any(segment.frame == late.frame for late in closing.data_after_responder_fin[:1]):
        return "Sent although the server had closed."
    return ""


def _of_the_delivery(reading: Reading, segment: Segment) -> str:
    reset = reading.decisive_reset
    answered = None if reset is None or (reset.delay_ns or 0) > _AT_ONCE_NS else reset.answers
    drew_reset = answered is not None and answered.frame == segment.frame
    for run in reading.stuck.values():
        if run is None:
            continue
        if segment.frame == run.first.frame and len(run.sends) == 1 and drew_reset:
            return "The only answer to it was a reset."
        if segment.frame == run.first.frame:
            return "Never acknowledged."
        if any(segment.frame == one.frame for one in run.sends[1:]):
            return "Sent again."
    if _is_probe(reading, segment):
        return "A keepalive probe that nothing answered."
    if segment.frame in reading.responder_stall_frames:
        if segment.frame != reading.responder_stall_frames[0]:
            return "The window is still full."
        return "The server's receive window is full: the client may send nothing more."
    if drew_reset:
        return "The reset answers this packet."
    pending = reading.pending
    if pending is not None and segment.frame == pending.request.frame:
        return "The request that was never answered."
    return ""


def _is_probe(reading: Reading, segment: Segment) -> bool:
    return any(
        segment.frame == one.frame for probes in reading.probes.values() if probes is not None for one in probes.probes
    )

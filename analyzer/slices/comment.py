"""The words of a slice: a comment on each telling packet, and one on the file that carries the verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from analyzer.report.escape import plain
from analyzer.report.model import CaptureSummary, IncidentReport
from analyzer.report.phrases import CULPRIT, frames, instant, score
from analyzer.slices.choose import Choice

__all__ = ["packet_comments", "section_comment"]

_MOST_RANGES = 400


def packet_comments(
    incident: IncidentReport, choice: Choice, owners: Mapping[int, int], streams: Mapping[int, int]
) -> dict[int, str]:
    """Return a comment for each telling packet by its number in the original capture.

    ``owners`` maps frames to flows and ``streams`` flows to Wireshark's tcp.stream in the original.
    """
    said: dict[int, list[str]] = defaultdict(list)
    for row in incident.timeline:
        if row.frame is not None:
            said[row.frame] += ["DECISIVE."] if row.decisive else []
            said[row.frame] += [row.note] if row.note else []
    for one in incident.evidence:
        for frame in one.frames:
            said[frame].append(one.statement)
    for one in incident.against:
        for frame in one.frames:
            said[frame].append(f"Speaks against it: {one.statement}")
    for silence in incident.silences:
        if silence.decisive:
            said[silence.before_frame].append("The last packet before the silence.")
            said[silence.after_frame].append("The packet that ended the silence.")
    for owner, frame in _first_of(owners).items():
        if owner in choice.flows:
            said[frame].append(f"Here begins {choice.flows[owner]}.")
    for frame, why in choice.frames.items():
        if frame not in owners and why != "evidence":
            said[frame].append(f"{why[:1].upper()}{why[1:]}.")
    result: dict[int, str] = {}
    for frame, sentences in said.items():
        flow = owners.get(frame)
        stream = f", tcp.stream {streams[flow]}" if flow is not None and flow in streams else ""
        words = " ".join(dict.fromkeys(plain(one) for one in sentences if one))
        result[frame] = f"notconn: frame {frame}{stream} of the capture. {words}".rstrip()
    return result


def _first_of(owners: Mapping[int, int]) -> dict[int, int]:
    first: dict[int, int] = {}
    for frame in sorted(owners):
        first.setdefault(owners[frame], frame)
    return first


def section_comment(
    incident: IncidentReport,
    capture: CaptureSummary,
    numbers: Sequence[int],
    *,
    program: str,
    redacted: bool,
    checked: str,
) -> str:
    """Return the comment on the file: verdict, where it comes from, and which packet was which.

    ``numbers`` are the original frames in the order they stand in the slice; ``checked`` is what the second analysis
    said.
    """
    stream = f", tcp.stream {incident.stream}" if incident.stream is not None else ""
    lines = [
        plain(incident.title),
        (
            f"Verdict: {incident.cause}, confidence {incident.confidence} ({score(incident.score)}); "
            f"points to: {CULPRIT[incident.culprit]}. Time: {instant(incident.time_ns)}."
        ),
        f"Cut by {program} from a capture of {capture.packets:,} packets"
        + (f" with SHA-256 {capture.sha256}" if capture.sha256 else "")
        + f": {len(numbers):,} packets{stream} and what explains them.",
    ]
    if redacted:
        lines.append(
            "Redacted: addresses keep their common prefixes, payload is cut to what the verdict needs and its words "
            "are replaced; lengths, TTL, IP-ID, sequence numbers and times are the original ones."
        )
    lines.append(checked)
    for one in incident.evidence:
        place = f" ({frames(one.frames)} of the capture)" if one.frames else ""
        lines.append(f"- {plain(one.statement)}{place}")
    lines.append(_mapping(numbers))
    return "\n".join(line for line in lines if line)


def _mapping(numbers: Sequence[int]) -> str:
    """Say which frames of the slice are which of the capture, run by run."""
    runs: list[tuple[int, int, int]] = []
    for place, number in enumerate(numbers, 1):
        if runs and number == runs[-1][1] + runs[-1][2]:
            runs[-1] = (runs[-1][0], runs[-1][1], runs[-1][2] + 1)
        else:
            runs.append((place, number, 1))
    parts = [
        f"{here}={there}" if size == 1 else f"{here}-{here + size - 1}={there}-{there + size - 1}"
        for here, there, size in runs[:_MOST_RANGES]
    ]
    more = f" and {len(runs) - _MOST_RANGES} runs more" if len(runs) > _MOST_RANGES else ""
    return f"Frames here = frames of the capture: {', '.join(parts)}{more}."

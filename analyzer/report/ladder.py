"""What a ladder diagram shows, worked out once for the dialects that draw it.

A ladder has the client on the left and the server on the right; time runs downwards. Silences are folded to one line
that carries their length. Runs of like packets that decide nothing are folded too, so that a picture stays readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from analyzer.report.model import IncidentReport, SilenceRow, TimelineRow
from analyzer.units import NS, format_duration
from analyzer.values import dataclass, replace

__all__ = ["Rung", "notable_silences", "rungs"]

_KEEP_ENDS = 2
_SHORT_NS = 5 * NS
_SAME_NS = 1_000


@dataclass(frozen=True, slots=True)
class Rung:
    """One line of the diagram."""

    kind: Literal["packet", "log", "note", "elided", "silence"]
    ts_ns: int
    label: str
    row: TimelineRow | None = None
    silence: SilenceRow | None = None
    since_ns: int | None = None
    """Time since the rung before; None for the first."""


def rungs(incident: IncidentReport, limit: int = 40) -> list[Rung]:
    """Return the diagram's lines in time order, about ``limit`` at most; decisive rows and silences always stay.

    A story without a packet has no diagram.
    """
    if not any(row.kind in ("packet", "note") for row in incident.timeline):
        return []
    rows = _shorten(sorted(incident.timeline, key=_order), limit)
    silences = notable_silences(incident)
    result: list[Rung] = []
    position = 0
    previous: int | None = None
    for row in rows:
        # A line of a log may fall into a silence: the silence begins where the last packet was, so it comes first.
        while position < len(silences) and silences[position].start_ns + _SAME_NS < row.ts_ns:
            silence = silences[position]
            position += 1
            if previous is None:
                continue
            words = f"{format_duration(silence.duration_ns)} of silence, no packet in either direction"
            result.append(Rung("silence", silence.start_ns, words, silence=silence))
            previous = silence.start_ns + silence.duration_ns
        since = row.ts_ns - previous if previous is not None and row.ts_ns >= previous else None
        result.append(Rung(row.kind, row.ts_ns, row.label, row=row, since_ns=since))
        previous = row.ts_ns if previous is None else max(previous, row.ts_ns)
    return result


def notable_silences(incident: IncidentReport) -> list[SilenceRow]:
    """Return the silences worth showing, in time order; pauses between retries are told by the times beside them."""
    longest = max((one.duration_ns for one in incident.silences), default=0)
    least = max(_SHORT_NS, longest // 4)
    chosen = [one for one in incident.silences if one.decisive or one.duration_ns >= least]
    return sorted(chosen, key=lambda one: one.start_ns)


def _order(row: TimelineRow) -> tuple[int, int]:
    return row.ts_ns, row.frame if row.frame is not None else 1 << 62


def _shorten(rows: list[TimelineRow], limit: int) -> list[TimelineRow]:
    """Fold what is not decisive until about ``limit`` rows are left: first the middle of the quiet runs."""
    if len(rows) <= limit:
        return rows
    keep = {index for index, row in enumerate(rows) if row.decisive or row.kind == "log" or row.note}
    keep |= set(range(_KEEP_ENDS)) | set(range(len(rows) - _KEEP_ENDS, len(rows)))
    near = sorted(
        (index for index in range(len(rows)) if index not in keep),
        key=lambda index: min((abs(index - other) for other in keep), default=0),
    )
    keep |= set(near[: max(0, limit - len(keep))])
    if len(keep) > limit * 3:
        ordered = sorted(keep)
        keep = set(ordered[: limit * 2] + ordered[-limit:])
    return list(_folded(rows, keep))


def _folded(rows: list[TimelineRow], keep: Iterable[int]) -> Iterator[TimelineRow]:
    next_index = 0
    for index in sorted(keep):
        hidden = rows[next_index:index]
        if len(hidden) == 1:
            yield hidden[0]
        elif hidden:
            yield replace(
                hidden[0],
                kind="elided",
                frame=None,
                from_client=None,
                flags="",
                length=None,
                answered=None,
                label=f"{len(hidden)} more packets between, none of them decisive",
            )
        yield rows[index]
        next_index = index + 1

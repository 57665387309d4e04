"""One error that was noticed: by a log, by the capture itself, or by the caller."""

from __future__ import annotations

from typing import Literal

from analyzer.logs.model import LogEvent
from analyzer.values import dataclass

__all__ = ["Symptom"]


@dataclass(frozen=True, slots=True)
class Symptom:
    """What was noticed, when by the capture's clock, and which flow it is tied to."""

    source: Literal["log", "capture", "call"]
    time_ns: int | None
    """Of the error, by the capture's clock; None when no time is known."""
    uncertainty_ns: int
    """Half the width of the interval that ``time_ns`` stands for; 0 for what the capture itself shows."""
    clock_anchored: bool = True
    """The offset between the clocks rests on at least one line that a packet confirms."""
    event: LogEvent | None = None
    context: tuple[LogEvent, ...] = ()
    """Lines shortly before it, oldest first."""
    flow_index: int | None = None
    candidates: int = 0
    """Flows that fit it equally well, the chosen one included."""
    host_names: tuple[str, ...] = ()
    """Names by which the log calls the peer."""

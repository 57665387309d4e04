"""What one capture of a run gave: its incidents, its crowds and what else it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analyzer.around.surroundings import Surroundings
from analyzer.values import dataclass

if TYPE_CHECKING:
    from analyzer.incidents.crowds import Crowd
    from analyzer.incidents.tie import Incident

__all__ = ["Part"]


@dataclass(frozen=True, slots=True)
class Part:
    """What was found in one capture."""

    incidents: list[Incident]
    around: Surroundings
    remarks: tuple[str, ...]
    crowds: Sequence[Crowd] = ()
    """Flows told by likeness to one of the incidents."""
    left_out: int = 0
    """Notable flows that nothing examined is like."""

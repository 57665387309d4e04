"""What the capture lost, and when: so that a loss on Monday does not weaken a verdict on Friday."""

from __future__ import annotations

from analyzer.units import NS
from analyzer.values import dataclass

__all__ = ["Loss", "Losses"]

_KEPT = 4096
_AROUND_NS = NS // 5


@dataclass(frozen=True, slots=True)
class Loss:
    """Packets lost within a stretch of packet time."""

    start_ns: int
    end_ns: int
    packets: int | None
    """None where nobody counted: the capture program was away."""
    why: str


class Losses:
    """Losses in order, the oldest forgotten when there are thousands; totals are never forgotten."""

    def __init__(self) -> None:
        self._known: list[Loss] = []
        self.dropped = 0
        """Packets that the kernel, the interface or the capture program reported as dropped."""
        self.gaps = 0
        """Stretches of which nothing is known."""

    def add(self, loss: Loss) -> None:
        """Remember a loss."""
        if loss.packets is None:
            self.gaps += 1
        else:
            self.dropped += loss.packets
        self._known.append(loss)
        if len(self._known) > _KEPT:
            del self._known[: _KEPT // 4]

    def within(self, start_ns: int, end_ns: int) -> int:
        """Count the packets that may be missing from a stretch of time; an uncounted gap counts as one."""
        return sum(
            loss.packets if loss.packets is not None else 1
            for loss in self._known
            if loss.start_ns - _AROUND_NS <= end_ns and loss.end_ns + _AROUND_NS >= start_ns
        )

    def forget_before(self, ns: int) -> None:
        """Let go of losses that no flow is old enough to have suffered."""
        self._known = [loss for loss in self._known if loss.end_ns >= ns]

    @property
    def latest(self) -> Loss | None:
        """The last one."""
        return self._known[-1] if self._known else None

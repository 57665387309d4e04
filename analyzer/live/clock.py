"""What time it is by the packets, and whether that clock can be trusted.

Everything is judged and given up by packet time. Between packets that time goes on as fast as this machine's monotonic
clock. Where packets carry this machine's own wall clock, a jump of one against the other is a clock that was set, or a
machine that slept; silences measured across it would be invented.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from analyzer.units import NS, format_duration
from analyzer.values import dataclass

__all__ = ["Jump", "PacketClock", "awake_and_asleep_ns"]

JUMP_NS = 20 * NS
"""A smaller correction is left to the flows, which count packets older than their predecessors."""
_BACK_NS = 2 * NS
_DRIFT = 5_000
"""Two clocks may drift apart by one part in so many (200 ppm, twice what a cheap crystal does)."""


def awake_and_asleep_ns() -> int:
    """Return a clock that goes on while the machine sleeps, where the system has one; else the monotonic clock."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime_ns(boot) if boot is not None else time.monotonic_ns()


@dataclass(frozen=True, slots=True)
class Jump:
    """A break in packet time."""

    before_ns: int
    after_ns: int
    asleep: bool

    def describe(self) -> str:
        """Say it in a sentence."""
        by = format_duration(abs(self.after_ns - self.before_ns))
        if self.asleep:
            return f"the machine slept for {by}; what happened meanwhile was not captured"
        way = "forward" if self.after_ns > self.before_ns else "back"
        return f"the clock was set {way} by {by}; connections are followed anew from here"


class PacketClock:
    """Follows packet time.

    ``own``: packets are stamped by this machine as they pass, so their clock can be held against ours. The times of a
    pipe are taken as they are, save when they run backwards.
    """

    def __init__(
        self,
        *,
        own: bool,
        monotonic: Callable[[], int] = time.monotonic_ns,
        wall: Callable[[], int] = time.time_ns,
        through_sleep: Callable[[], int] = awake_and_asleep_ns,
    ) -> None:
        self.own = own
        self._monotonic, self._wall, self._through_sleep = monotonic, wall, through_sleep
        self._last_ns: int | None = None
        self._arrived = monotonic()
        self._ahead = 0
        """Packet time less monotonic time, as far ahead as it was seen: late arrival only makes it less."""
        self._slept = through_sleep() - monotonic()
        self._frozen_ns: int | None = None

    @property
    def last_ns(self) -> int | None:
        """Time of the latest packet."""
        return self._last_ns

    def now_ns(self) -> int:
        """Return the time by the packets' clock."""
        if self._frozen_ns is not None:
            return self._frozen_ns
        if self._last_ns is None:
            return self._wall()
        if self.own:
            return self._monotonic() + self._ahead
        return self._last_ns + self._monotonic() - self._arrived

    def freeze(self) -> None:
        """Stop the clock: nothing is captured any more, so no silence grows."""
        self._frozen_ns = self.now_ns()

    def thaw(self) -> None:
        """Let it go on: something is captured again."""
        self._frozen_ns = None

    def see(self, ts_ns: int) -> Jump | None:
        """Take the time of a packet; tell of a break before it."""
        arrived = self._monotonic()
        last, self._last_ns = self._last_ns, ts_ns
        since = arrived - self._arrived
        ahead, self._arrived = ts_ns - arrived, arrived
        self._frozen_ns = None
        if last is None:
            self._ahead = ahead
            return None
        if not self.own:
            if last - ts_ns > JUMP_NS:
                return Jump(last, ts_ns, asleep=False)
            self._last_ns = max(last, ts_ns)
            return None
        slept = self._through_sleep() - arrived
        slept_ns, self._slept = slept - self._slept, slept
        if ahead - self._ahead > JUMP_NS or (self._ahead - ahead > JUMP_NS and last - ts_ns > _BACK_NS):
            jump = Jump(last, ts_ns, asleep=ahead > self._ahead and slept_ns > JUMP_NS)
            self._ahead = ahead
            return jump
        # Our clocks drift apart: what is ahead is followed at once, what falls behind slowly.
        self._ahead = max(ahead, self._ahead - since // _DRIFT)
        self._last_ns = max(last, ts_ns)
        return None

"""How a watch is doing, in numbers: for the terminal, for a line a minute, for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analyzer.endpoint import Endpoint
from analyzer.flows.build import endpoints
from analyzer.flows.digest import Digest
from analyzer.live.metrics import Metric
from analyzer.live.selection import columns
from analyzer.live.teller import Told
from analyzer.report.phrases import count
from analyzer.ruleset.timeouts import matching
from analyzer.units import NS, format_duration
from analyzer.values import dataclass

__all__ = ["Quiet", "Status", "describe", "metrics_of", "quietest"]

_LEAST_SILENCE_NS = 20 * NS
_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Quiet:
    """An open connection that has been silent for long."""

    low: Endpoint
    high: Endpoint
    silence_ns: int
    limit: str
    """The next known idle limit; empty where none is longer."""
    limit_ns: int | None

    @property
    def left_ns(self) -> int:
        """Time until that limit."""
        return (self.limit_ns or 1 << 62) - self.silence_ns


@dataclass(frozen=True, slots=True)
class Status:
    """A moment of a watch."""

    name: str
    now_ns: int
    running_s: float
    packets: int
    tcp_packets: int
    bytes: int
    packets_per_s: float
    bits_per_s: float
    flows: int
    open_flows: int
    retired: int
    given_up: int
    memory: int
    memory_bound: int
    dropped: int
    drops_known: bool
    gaps: int
    waiting: int
    """Bytes that were read and are not looked at yet."""
    ring_used: int
    ring_bound: int
    ring_first_ns: int | None
    capturing: bool
    """Packets can come."""
    trouble: Sequence[str]
    """What keeps the watch from doing its work, in sentences."""
    counts: Mapping[tuple[str, str], int]
    withdrawn: int
    recent: Sequence[Told]
    quiet: Sequence[Quiet]
    takeovers: int = 0
    restarts: int = 0


def quietest(digest: Digest, now_ns: int, most: int) -> list[Quiet]:
    """Return the open connections whose silence is nearest to a known idle limit, the nearest first."""
    import numpy as np

    if not digest.count:
        return []
    view = columns(digest)
    silence = now_ns - view.last_ns
    places = np.flatnonzero(~view.closed & ~view.opening & (silence >= _LEAST_SILENCE_NS))
    places = places[np.argsort(-silence[places])][:_LOOKED_AT]
    found = []
    for place in places:
        length = int(silence[place])
        ahead = matching(length, max(length * 2, 7200 * NS))
        limit = ahead[0] if ahead else None
        low, high = endpoints(digest, int(place))
        name, default = (limit.name, limit.default_ns) if limit is not None else ("", None)
        found.append(Quiet(low, high, length, name, default))
    found.sort(key=lambda one: (one.left_ns / max(one.silence_ns, 1), -one.silence_ns))
    return found[:most]


def describe(status: Status) -> str:
    """Return a status as one sentence."""
    parts = [
        f"{count(status.packets, 'packet')} ({status.packets_per_s:,.0f}/s)",
        count(status.open_flows, "open connection"),
        count(sum(status.counts.values()), "incident"),
        f"{count(status.dropped, 'packet')} dropped" if status.drops_known else "drops not known",
    ]
    if status.gaps:
        parts.append(count(status.gaps, "gap"))
    if status.given_up:
        parts.append(f"{count(status.given_up, 'connection')} given up for want of memory")
    parts.append(f"{status.memory / 2**20:.0f} MiB of flows, {status.ring_used / 2**20:.0f} MiB of packets")
    return ", ".join(parts)


def uptime(status: Status) -> str:
    """Return how long it has been running."""
    return format_duration(int(status.running_s) * NS)


def metrics_of(status: Status) -> list[Metric]:
    """Return the counters for Prometheus."""

    def one(name: str, kind: str, words: str, value: float) -> Metric:
        return Metric(f"notconn_{name}", "counter" if kind == "c" else "gauge", words, {(): float(value)})

    incidents: dict[tuple[tuple[str, str], ...], float] = {
        (("cause", cause), ("confidence", confidence)): float(number)
        for (cause, confidence), number in sorted(status.counts.items())
    }
    return [
        one("packets_total", "c", "Packets captured.", status.packets),
        one("tcp_packets_total", "c", "TCP segments captured.", status.tcp_packets),
        one("captured_bytes_total", "c", "Bytes taken from the capture.", status.bytes),
        one("dropped_packets_total", "c", "Packets that the capture reported as dropped.", status.dropped),
        one("gaps_total", "c", "Stretches of which nothing was captured.", status.gaps),
        one("capture_up", "g", "1 while packets can come.", int(status.capturing)),
        one("flows", "g", "Connections held.", status.flows),
        one("open_flows", "g", "Open connections held.", status.open_flows),
        one("flows_retired_total", "c", "Connections that left in their time.", status.retired),
        one("flows_given_up_total", "c", "Open connections that left for want of memory.", status.given_up),
        one("flow_memory_bytes", "g", "Memory of the connections held.", status.memory),
        one("ring_bytes", "g", "Packets on disk.", status.ring_used),
        one("waiting_bytes", "g", "Bytes read and not yet looked at.", status.waiting),
        one("capture_restarts_total", "c", "Starts of the capture program after it ended by itself.", status.restarts),
        one("withdrawn_total", "c", "Incidents withdrawn.", status.withdrawn),
        Metric("notconn_incidents_total", "counter", "Incidents told.", incidents),
    ]

"""Did the change cure it? The incidents of two reports, matched by cause, server and client host."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Literal

from analyzer.endpoint import parse_address
from analyzer.report.escape import plain
from analyzer.report.model import UNREADABLE, IncidentReport, Report
from analyzer.report.phrases import count
from analyzer.units import NS, format_duration
from analyzer.values import dataclass

__all__ = ["SCHEMA", "Change", "Difference", "diff", "render_json", "render_text"]

SCHEMA = "notconn-diff/1"

State = Literal["gone", "not-exercised", "fewer", "same", "more", "new"]

_WORDS: dict[State, str] = {
    "gone": "gone",
    "not-exercised": "gone, but nobody connected to that server: not shown to be cured",
    "fewer": "fewer, in the same time",
    "same": "still there",
    "more": "more, in the same time",
    "new": "new",
}
_ORDER: tuple[State, ...] = ("new", "more", "same", "fewer", "not-exercised", "gone")
_ROWS = 100
"""Rows of the text; JSON has all."""
_EVEN = 1.25
"""Rates that differ by less than this factor are called the same."""


@dataclass(frozen=True, slots=True)
class Change:
    """One kind of incident before and after."""

    cause: str
    server: str
    client: str
    """The client's host, without its port: ports differ from run to run."""
    before: int
    after: int
    state: State


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that changed between two reports."""

    changes: tuple[Change, ...]
    """What is worst first."""
    before_ns: int
    """How long the captures of each side last together."""
    after_ns: int
    unread: tuple[str, ...] = ()
    """Files of either side that could not be read: nothing is shown to be cured while there are any."""

    @property
    def cured(self) -> bool:
        """Everything that was there is gone, nothing is new, and every server in question was used again."""
        return not self.unread and all(change.state == "gone" for change in self.changes)


def diff(before: Report, after: Report, used: Collection[str] | None = None) -> Difference:
    """Compare two reports. ``used`` holds the servers (``address:port``) that the captures behind ``after`` connect to.

    Without it, an incident that is missing afterwards counts as not exercised unless the report names its server.
    """
    old, new = _counted(before.incidents), _counted(after.incidents)
    lengths = _length(before), _length(after)
    seen = set(used) if used is not None else {one.server for one in after.incidents if one.server}
    changes = [
        Change(*key, old.get(key, 0), new.get(key, 0), _state(old.get(key, 0), new.get(key, 0), lengths, key[1], seen))
        for key in old.keys() | new.keys()
    ]
    changes.sort(key=lambda one: (_ORDER.index(one.state), -one.after, -one.before, one.cause, one.server, one.client))
    unread = (one.path for side in (before, after) for one in side.captures if one.format == UNREADABLE)
    return Difference(tuple(changes), *lengths, tuple(unread))


_Key = tuple[str, str, str]


def _counted(incidents: Iterable[IncidentReport]) -> dict[_Key, int]:
    found: dict[_Key, int] = defaultdict(int)
    for one in incidents:
        host = (one.client or "").rpartition(":")[0] if one.client and ":" in one.client else one.client or ""
        if parse_address(one.client or "") is not None:
            host = one.client or ""
        found[one.cause, one.server or "", host] += 1
    return found


def _length(report: Report) -> int:
    return sum(one.last_ns - one.first_ns for one in report.captures if one.first_ns is not None and one.last_ns)


def _state(old: int, new: int, lengths: tuple[int, int], server: str, seen: set[str]) -> State:
    if not old:
        return "new"
    if not new:
        # What has no server, such as a name that does not resolve, cannot be seen to be used.
        return "gone" if server in seen else "not-exercised"
    if not all(lengths):
        return "same" if old == new else "more" if new > old else "fewer"
    change = (new / lengths[1]) / (old / lengths[0])
    return "more" if change >= _EVEN else "fewer" if change <= 1 / _EVEN else "same"


def render_text(difference: Difference) -> str:
    """Return the comparison for people: the verdict first, then a row for each kind of incident."""
    changes = difference.changes
    unread = f"{count(len(difference.unread), 'file')} could not be read"
    if difference.unread and all(one.state == "gone" for one in changes):
        head = f"Not shown to be cured: {unread}."
    elif not changes:
        head = "No incident before and none after: there was nothing to cure."
    elif difference.cured:
        head = f"Cured: {count(sum(one.before for one in changes), 'incident')} before, none after."
    else:
        left = [one for one in changes if one.state != "gone"]
        parts = [
            f"{sum(one.state == state for one in left):,} "
            + ("not tried again" if state == "not-exercised" else _WORDS[state].partition(",")[0])
            for state in _ORDER
            if any(one.state == state for one in left)
        ]
        head = f"Not cured: {', '.join(parts)}."
    lines = [
        head,
        f"Captured: {format_duration(difference.before_ns)} before, {format_duration(difference.after_ns)} after.",
    ]
    if difference.unread:
        lines.append(f"{unread[:1].upper()}{unread[1:]}: {', '.join(map(plain, difference.unread))}.")
    for one in changes[:_ROWS]:
        where = " -> ".join(plain(part) for part in (one.client, one.server) if part) or "no connection"
        lines.append(f"  {one.before:>5} -> {one.after:<5} {plain(one.cause)}  {where}  ({_WORDS[one.state]})")
    if len(changes) > _ROWS:
        lines.append(f"  ... and {count(len(changes) - _ROWS, 'row')} more: --format json has every one")
    return "\n".join(lines) + "\n"


def render_json(difference: Difference) -> str:
    """Return the comparison as JSON of the schema ``notconn-diff/1``."""
    tree = {
        "schema": SCHEMA,
        "cured": difference.cured,
        "seconds_before": round(difference.before_ns / NS, 9),
        "seconds_after": round(difference.after_ns / NS, 9),
        "unread": list(difference.unread),
        "changes": [
            {
                "state": one.state,
                "cause": one.cause,
                "server": one.server or None,
                "client": one.client or None,
                "before": one.before,
                "after": one.after,
            }
            for one in difference.changes
        ],
    }
    return json.dumps(tree, indent=2) + "\n"

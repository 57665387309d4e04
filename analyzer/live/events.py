"""What a watch has to say, as plain values: for the terminal, for JSON lines, for messages and counters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

from analyzer.report.escape import plain
from analyzer.units import format_instant
from analyzer.values import dataclass, field

__all__ = ["SCHEMA", "Event", "Kind", "Value", "as_json", "as_line"]

SCHEMA = "notconn-live/1"

Kind = Literal[
    "start", "incident", "revised", "withdrawn", "repeat", "loss", "gap", "clock", "ring", "note", "status", "end"
]
"""start and end: of the watch; incident, revised, withdrawn: of a verdict; repeat: more of one cause, counted;
loss: packets dropped; gap: nothing was captured; clock: packet time broke; ring: keeping packets stopped or goes on;
note: anything else a person should know; status: how it goes."""

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened."""

    kind: Kind
    time_ns: int
    """By the packets' clock."""
    text: str
    """One sentence for people."""
    values: Mapping[str, Value] = field(default_factory=dict)
    """The same for programs."""
    grave: bool = False
    """A person should look: an incident, or the watch does not see what it should."""


def as_json(event: Event) -> str:
    """Return one line of JSON, without its end."""
    fields = {"schema": SCHEMA, "event": event.kind, "time": format_instant(event.time_ns), "text": event.text}
    return json.dumps({**fields, **event.values}, ensure_ascii=False, separators=(",", ":"))


def as_line(event: Event) -> str:
    """Return one line of text: the time to the second, then the sentence."""
    mark = {"incident": "INCIDENT", "revised": "REVISED", "withdrawn": "WITHDRAWN"}.get(event.kind, "")
    parts = [format_instant(event.time_ns)[:19] + "Z", mark, plain(event.text)]
    return " ".join(part for part in parts if part)

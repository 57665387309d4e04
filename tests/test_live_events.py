"""What a watch says: a sentence for people, and the same as a line of JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from analyzer.live.events import Event, as_json, as_line
from analyzer.units import NS

_NOW = 1_795_000_000 * NS


def test_a_line_and_its_json_twin() -> None:
    event = Event("incident", _NOW, "10.0.0.5 died\x1b[2J", {"cause": "server-reset", "id": 4}, grave=True)
    assert as_line(event).startswith("2026-11-")
    assert "INCIDENT 10.0.0.5 died" in as_line(event)
    assert "\x1b" not in as_line(event)
    found = json.loads(as_json(event))
    assert found["schema"] == "notconn-live/1"
    assert (found["event"], found["cause"], found["id"]) == ("incident", "server-reset", 4)
    assert "\n" not in as_json(replace(event, text="two\nlines"))


def test_only_verdicts_are_marked() -> None:
    marks = {kind: as_line(Event(kind, _NOW, "text")).split(" ")[1] for kind in ("incident", "revised", "withdrawn")}
    assert marks == {"incident": "INCIDENT", "revised": "REVISED", "withdrawn": "WITHDRAWN"}
    assert as_line(Event("gap", _NOW, "text")).split(" ")[1] == "text"


def test_what_is_not_known_stays_null() -> None:
    assert json.loads(as_json(Event("status", _NOW, "t", {"dropped": None, "packets": 3})))["dropped"] is None

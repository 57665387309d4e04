"""Verdicts are told once, a storm is counted, and a disk that does not take them is said."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from analyzer.live import teller as module
from analyzer.live.cases import Judged
from analyzer.live.events import Event
from analyzer.live.shelf import Shelf
from analyzer.live.teller import Teller
from analyzer.ruleset.load import RuleSet, load_rules
from analyzer.units import NS
from tests.test_live_folder import Bench, idle_drop
from tests.wire import Captured, Conversation


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load_rules(())


def _refused(count: int, servers: int = 1) -> list[Captured]:
    packets: list[Captured] = []
    for number in range(count):
        refused = Conversation(client=f"10.0.0.5:{40000 + number}", server=f"10.9.0.{7 + number % servers}:80")
        refused.now += number * NS // 10
        refused.syn()
        refused.refuse()
        packets += refused.packets
    return packets


def test_a_storm_is_told_a_few_times_and_then_counted(tmp_path: Path, rules: RuleSet) -> None:
    made = Bench(tmp_path, rules, _refused(60))
    events: list[Event] = []
    teller = Teller(events.append, made.folders())
    for judged in made.judge():
        teller.tell(judged, now_ns=made.now, dropped=0)
    assert [event.kind for event in events] == ["incident"] * 5
    assert sum(teller.counts.values()) == 60
    teller.tick(made.now + 61 * NS)
    assert events[-1].kind == "repeat"
    assert events[-1].values["count"] == 55
    assert len(list((made.root / "incidents").iterdir())) == 5
    assert teller.best in ("medium", "high")
    made.ring.close()


def test_what_is_held_back_is_told_at_the_end(tmp_path: Path, rules: RuleSet) -> None:
    made = Bench(tmp_path, rules, _refused(8))
    events: list[Event] = []
    teller = Teller(events.append, made.folders())
    for judged in made.judge():
        teller.tell(judged, now_ns=made.now, dropped=0)
    teller.finish(made.now)
    assert [event.kind for event in events] == [*["incident"] * 5, "repeat"]
    assert events[-1].values["count"] == 3
    made.ring.close()


def test_folders_are_bounded_and_what_has_none_is_still_told(
    tmp_path: Path, rules: RuleSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FOLDERS_PER_HOUR", 3)
    made = Bench(tmp_path, rules, _refused(6, servers=6))
    events: list[Event] = []
    teller = Teller(events.append, made.folders())
    for judged in made.judge():
        teller.tell(judged, now_ns=made.now, dropped=0)
    assert [event.values["folder"] is not None for event in events] == [True, True, True, False, False, False]
    assert len(list((made.root / "incidents").iterdir())) == 3
    made.ring.close()


def test_a_folder_that_cannot_be_written_is_said_and_when_it_can_again(tmp_path: Path, rules: RuleSet) -> None:
    made = Bench(tmp_path, rules, idle_drop().packets)
    place = made.root / "incidents"
    place.write_text("a file where the folder should be", encoding="utf-8")
    events: list[Event] = []
    teller = Teller(events.append, made.folders())
    (judged,) = made.judge()
    teller.tell(judged, now_ns=made.now, dropped=0)
    assert [event.kind for event in events] == ["note", "incident"]
    assert "choose another place with -o" in events[0].text
    assert teller.trouble == events[0].text
    assert events[1].values["folder"] is None
    teller.rewrite(judged, now_ns=made.now, dropped=0)
    assert len(events) == 2
    place.unlink()
    teller.rewrite(judged, now_ns=made.now, dropped=0)
    assert teller.trouble is None
    assert events[2].text == f"that is over: {events[0].text}"
    assert (place / str(judged.case.folder) / "slice.pcapng").is_file()
    made.ring.close()


def test_a_revision_goes_into_the_same_folder_and_a_withdrawal_is_written_there(tmp_path: Path, rules: RuleSet) -> None:
    made = Bench(tmp_path, rules, idle_drop().packets)
    events: list[Event] = []
    teller = Teller(events.append, made.folders())
    (judged,) = made.judge()
    for change in ("incident", "revised", "withdrawn"):
        again = Judged(judged.case, judged.incident, judged.around, change)
        teller.tell(again, now_ns=made.now, dropped=0)
    assert [event.kind for event in events] == ["incident", "revised", "withdrawn"]
    (folder,) = (made.root / "incidents").iterdir()
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["schema"]
    assert "does not bear it out" in (folder / "WITHDRAWN.txt").read_text(encoding="utf-8")
    assert (sum(teller.counts.values()), teller.withdrawn) == (1, 1)
    assert [one.change for one in teller.recent] == ["incident", "revised"]
    made.ring.close()


def test_folders_that_leave_their_bound_are_said_now_and_then(tmp_path: Path, rules: RuleSet) -> None:
    made = Bench(tmp_path, rules, _refused(6, servers=6))
    events: list[Event] = []
    teller = Teller(events.append, made.folders(), Shelf(made.root / "incidents", size=1))
    for judged in made.judge():
        teller.tell(judged, now_ns=made.now, dropped=0)
        teller.tick(made.now)
    assert len(list((made.root / "incidents").iterdir())) == 1
    notes = [event for event in events if event.kind == "note"]
    assert [event.values["folders"] for event in notes] == [1]
    teller.tick(made.now + 3601 * NS)
    notes = [event for event in events if event.kind == "note"]
    assert [event.values["folders"] for event in notes] == [1, 4]
    assert "--incidents-size" in notes[0].text
    made.ring.close()


def test_a_case_whose_folder_has_left_can_be_withdrawn(tmp_path: Path, rules: RuleSet) -> None:
    made = Bench(tmp_path, rules, _refused(1))
    events: list[Event] = []
    teller = Teller(events.append, made.folders())
    (judged,) = made.judge()
    teller.tell(judged, now_ns=made.now, dropped=0)
    shutil.rmtree(made.root / "incidents")
    teller.tell(replace(judged, change="withdrawn"), now_ns=made.now, dropped=0)
    assert events[-1].kind == "withdrawn"
    assert teller.trouble is None
    made.ring.close()

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analyzer.report.json import render, report_object
from tests import report_samples as samples

SCHEMA = Path(__file__).parent.parent / "docs" / "schema" / "notconn-1.json"
EVERY = [*samples.SAMPLES.values(), samples.nothing, samples.unmatched]


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("make", EVERY)
def test_the_published_schema_holds(make, validator) -> None:  # type: ignore[no-untyped-def]
    validator.validate(json.loads(render(make())))


def test_the_schema_knows_every_field_that_is_written(validator: Any) -> None:
    defs = validator.schema["$defs"]
    answer = report_object(samples.three_in_a_group())
    assert set(answer) <= set(validator.schema["properties"])
    incident = answer["incidents"][0]
    assert set(incident) <= set(defs["incident"]["properties"])
    assert set(incident["timeline"][0]) <= set(defs["row"]["properties"])
    assert set(incident["silences"][0]) <= set(defs["silence"]["properties"])
    assert set(answer["groups"][0]) <= set(defs["group"]["properties"])
    assert set(answer["findings"][0]) <= set(defs["finding"]["properties"])
    assert set(answer["captures"][0]) <= set(defs["capture"]["properties"])


def test_the_schema_refuses_a_missing_field_and_an_unknown_word(validator: Any) -> None:
    answer = report_object(samples.idle_drop())
    del answer["incidents"][0]["culprit"]
    assert not validator.is_valid(answer)
    answer = report_object(samples.idle_drop())
    answer["incidents"][0]["confidence"] = "certain"
    assert not validator.is_valid(answer)


def test_the_contract_word_for_word() -> None:
    incident = report_object(samples.idle_drop())["incidents"][0]
    assert incident["time"] == "2026-05-26T02:02:30.264000000Z"
    assert (incident["log"]["line"], incident["log"]["code"], incident["log"]["call"]) == (5, 10057, "send")
    assert incident["stream"] == 2
    assert incident["client"] == "192.0.2.60:61648"
    assert incident["cause"] == "firewall-idle-drop"
    assert incident["evidence"][1]["frames"] == [40, 41, 42, 43, 44, 45, 46]
    assert incident["alternatives"][0].keys() >= {"cause", "confidence", "score", "why_not"}


def test_text_is_ascii_and_values_come_back_as_they_were() -> None:
    text = render(samples.hostile())
    assert text.isascii()
    assert not set(text) & set("\x1b\x00")
    assert json.loads(text)["incidents"][0]["title"] == samples.HOSTILE


def test_lone_surrogates_of_a_file_name_survive() -> None:
    from dataclasses import replace

    report = samples.idle_drop()
    odd = replace(report, captures=(samples.capture("bad-\udcff.pcap"),))
    assert json.loads(render(odd))["captures"][0]["path"] == "bad-\udcff.pcap"
    render(odd).encode("ascii")


def test_only_the_worked_example_carries_its_timeline() -> None:
    incidents = report_object(samples.three_in_a_group())["incidents"]
    assert ["timeline" in one for one in incidents] == [True, False, False, True]


def test_packed_text_is_one_line() -> None:
    assert render(samples.idle_drop(), indent=None).count("\n") == 1


def test_many_incidents_stand_one_a_line_and_say_the_same() -> None:
    one = samples.three_in_a_group()
    many = replace(one, incidents=tuple(one.incidents[number % 3] for number in range(101)))
    text = render(many)
    assert json.loads(text) == json.loads(render(many, None)) == report_object(many)
    assert sum(line.startswith('    {"id"') for line in text.splitlines()) >= 101


# -- more than five megabytes --------------------------------------------------------------------------------------------

REQUIRED = set(json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]["incident"]["else"]["required"])


@cache
def _large(total: int) -> dict[str, Any]:
    return json.loads(render(samples.errors(total)))  # type: ignore[no-any-return]


def test_what_fits_is_told_in_full_however_many_there_are() -> None:
    tree = json.loads(render(samples.errors(500)))
    assert not [one for one in tree["incidents"] if "like" in one]
    assert not [one for one in tree["limits"] if "in short" in one]


@pytest.mark.parametrize("total", [4_000, 10_000])
def test_what_does_not_fit_is_told_in_short_and_the_report_says_so(total: int, validator: Any) -> None:
    tree = _large(total)
    report = samples.errors(total)
    assert [one["id"] for one in tree["incidents"]] == [one.id for one in report.incidents]
    full = {one["id"]: one for one in tree["incidents"] if "like" not in one}
    short = [one for one in tree["incidents"] if "like" in one]
    assert {one.cause for one in report.incidents} == {one["cause"] for one in full.values()}
    assert all(one["timeline"] for one in full.values() if int(one["id"]) <= samples.FULL)
    assert tree["limits"][-1].startswith(f"Of {total:,} incidents, {len(short):,} are told in short")
    assert all(one["like"] in full for one in short)
    validator.validate({**tree, "incidents": [*list(full.values())[:2], *short[:50], *short[-50:]]})


def test_every_field_of_the_contract_stays_while_there_is_room() -> None:
    for one in _large(4_000)["incidents"]:
        assert one.keys() >= REQUIRED
    last = _large(4_000)["incidents"][-1]
    assert last["evidence"] == [
        {"statement": f"As in incident {last['like']}.", "frames": [127_993, 127_997], "filter": ""}
    ]
    assert last["log"]["line"] == 4_000
    assert last["log"]["text"].startswith("2026-05-26T02:02:30.999 ERROR request ")
    assert last["log"]["text"].endswith("...")
    assert last["capture"] == _large(4_000)["captures"][0]["path"]


def test_where_there_is_none_left_only_what_differs_is_written() -> None:
    incidents = _large(10_000)["incidents"]
    last = incidents[-1]
    like = incidents[int(last["like"]) - 1]
    assert last["client"] != like["client"]
    assert "cause" not in last
    assert last["log"].keys() == {"line", "text"}
    assert not [name for name, value in last.items() if name in like and value == like[name]]


def test_a_text_is_cut_by_what_it_weighs() -> None:
    report = samples.errors(4_000)
    heavy = [
        replace(one, log=replace(one.log, text="\u30bd\u30b1\u30c3\u30c8" * 50 + "x" * 200))
        for one in report.incidents
        if one.log is not None
    ]
    text = render(replace(report, incidents=tuple(heavy)))
    (line,) = (line for line in text.splitlines() if line.startswith('    {"id":"4000"'))
    assert len(line) < 1_100
    assert json.loads(line)["log"]["text"].startswith("\u30bd\u30b1\u30c3\u30c8\u30bd")

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from analyzer.report.machine import CSV_COLUMNS, render_csv, render_junit, render_sarif
from tests import report_samples as samples


def test_csv_has_one_row_for_each_incident() -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(samples.three_in_a_group()))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [row["cause"] for row in rows] == ["firewall-idle-drop"] * 3 + ["connection-refused"]
    assert rows[0]["frames"].startswith("35 40 41")


def test_no_cell_of_the_csv_is_a_formula() -> None:
    incident = replace(samples.idle_drop_incident(), title="=cmd|' /C calc'!A0", client="@SUM(1)", owner="+1")
    text = render_csv(replace(samples.idle_drop(), incidents=(incident,)))
    for cell in next(csv.reader(io.StringIO(text.split("\n", 1)[1]))):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "|", "%"))


def test_sarif_has_a_rule_for_each_cause_and_a_place_for_each_result() -> None:
    run = json.loads(render_sarif(samples.three_in_a_group()))["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["firewall-idle-drop", "connection-refused"]
    assert run["tool"]["driver"]["version"] == "0.1.0"
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["locations"]
    first = run["results"][0]["locations"][0]["physicalLocation"]
    assert first == {"artifactLocation": {"uri": "logs/app.log"}, "region": {"startLine": 5}}
    fingerprints = [result["partialFingerprints"]["incident/v1"] for result in run["results"]]
    assert len(set(fingerprints)) == 4


def test_sarif_names_the_files_of_those_told_in_short_by_their_place() -> None:
    run = json.loads(render_sarif(samples.errors(10_000)))["runs"][0]
    first, last = run["results"][0], run["results"][-1]
    assert "uri" in first["locations"][0]["physicalLocation"]["artifactLocation"]
    (place,) = last["locations"]
    file = run["artifacts"][place["physicalLocation"]["artifactLocation"]["index"]]["location"]["uri"]
    assert file.endswith("/logs/service.log")
    assert place["physicalLocation"]["region"] == {"startLine": 10_000}
    assert last["message"]["text"].startswith("As incident 4: [2001:db8:1234:5678:270f:")
    assert last["properties"]["frames"] == [169_993, 169_997]
    (remark,) = run["invocations"][0]["toolExecutionNotifications"]
    assert remark["message"]["text"].startswith("Of 10,000 incidents, 9,800 are told in short")
    fingerprints = {result["partialFingerprints"]["incident/v1"] for result in run["results"]}
    assert len(fingerprints) == 10_000


def test_sarif_that_fits_names_every_file_and_says_who_stands_for_whom() -> None:
    run = json.loads(render_sarif(samples.many(1_000)))["runs"][0]
    assert run["results"][-1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert run["results"][-1]["message"]["text"].endswith(". As incident 4.")


def test_csv_says_who_stands_for_whom_where_titles_would_make_it_too_large() -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(samples.errors(10_000)))))
    assert len(rows) == 10_000
    assert rows[0]["title"].startswith("A device between")
    assert (rows[-1]["title"], rows[-1]["owner"]) == ("as 4", "as 4")
    assert rows[-1]["client"] == "[2001:db8:1234:5678:270f:abcd:ef01:2345]:29999"


def test_a_rule_of_sarif_names_no_parties() -> None:
    incident = samples.idle_drop_incident()
    incident = replace(incident, title=f"It ended ({incident.client} to {incident.server})")
    run = json.loads(render_sarif(replace(samples.idle_drop(), incidents=(incident,))))["runs"][0]
    assert run["tool"]["driver"]["rules"] == [{"id": "firewall-idle-drop", "shortDescription": {"text": "It ended"}}]
    assert run["results"][0]["message"]["text"].startswith(f"It ended ({incident.client} to ")


def test_junit_says_what_to_change() -> None:
    (failure,) = ET.fromstring(render_junit(samples.idle_drop())).findall(".//failure")
    assert "\nChange 1: Send keepalives below the device's idle limit" in (failure.text or "")


def test_junit_says_who_stands_for_whom() -> None:
    last = ET.fromstring(render_junit(samples.many(1_000))).findall(".//failure")[-1]
    assert (last.text or "").endswith("; as incident 4")


def test_sarif_addresses_are_addresses() -> None:
    run = json.loads(render_sarif(samples.hostile()))["runs"][0]
    uri = run["artifacts"][0]["location"]["uri"]
    assert uri.isascii()
    assert not set(uri) & set(' <>"\x1b')


@pytest.mark.parametrize("make", [*samples.SAMPLES.values(), samples.hostile, samples.nothing, samples.unmatched])
def test_junit_counts_are_true(make) -> None:  # type: ignore[no-untyped-def]
    report = make()
    root = ET.fromstring(render_junit(report))
    assert int(root.attrib["failures"]) == len(root.findall(".//failure")) == len(report.incidents)
    assert int(root.attrib["tests"]) == len(root.findall(".//testcase"))
    for suite in root.findall("testsuite"):
        assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))


def test_junit_of_a_healthy_capture_is_a_passed_case() -> None:
    root = ET.fromstring(render_junit(samples.nothing()))
    assert len(root.findall(".//testcase")) == 1
    assert root.find(".//failure") is None

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET

import pytest

from analyzer.report.machine import CSV_COLUMNS, render_csv, render_junit, render_sarif
from tests import report_samples as samples


def test_csv_has_one_row_for_each_incident() -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(samples.three_in_a_group()))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [row["cause"] for row in rows] == ["firewall-idle-drop"] * 3 + ["connection-refused"]
    assert rows[0]["frames"].startswith("35 40 41")


def test_no_cell_of_the_csv_is_a_formula() -> None:
    from dataclasses import replace

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

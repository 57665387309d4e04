"""Dialects for other programs' eyes: SARIF for code scanning, JUnit for build servers, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.parse import quote

from analyzer.report.escape import csv_cell, plain, xml
from analyzer.report.model import CaptureSummary, Confidence, Evidence, IncidentReport, Report
from analyzer.report.note import mark
from analyzer.report.phrases import connection, error_line, frames, headline
from analyzer.units import NS, format_instant

__all__ = ["CSV_COLUMNS", "render_csv", "render_junit", "render_sarif"]

_WORKED = 200
"""Incidents that are told in full; a program that wants more of the others reads the JSON report."""
_LEVEL: dict[Confidence, str] = {"high": "error", "medium": "warning", "low": "note"}
CSV_COLUMNS = (
    "id",
    "time",
    "cause",
    "confidence",
    "score",
    "culprit",
    "client",
    "server",
    "stream",
    "capture",
    "source",
    "group",
    "frames",
    "title",
    "owner",
)


def render_csv(report: Report) -> str:
    """Return one row for each incident, `CSV_COLUMNS`; safe to open in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for one in report.incidents:
        numbers = sorted({number for evidence in one.evidence for number in evidence.frames})
        cells = (
            one.id,
            format_instant(one.time_ns),
            one.cause,
            one.confidence,
            f"{one.score:.4f}",
            one.culprit,
            one.client or "",
            one.server or "",
            "" if one.stream is None else str(one.stream),
            one.capture or "",
            one.source,
            one.group or "",
            " ".join(map(str, numbers)),
            one.title,
            one.owner,
        )
        writer.writerow([csv_cell(cell) for cell in cells])
    return out.getvalue()


def render_sarif(report: Report) -> str:
    """Return the incidents as SARIF 2.1.0 (docs.oasis-open.org/sarif): one result each, one rule for each cause."""
    titles: dict[str, str] = {}
    for one in report.incidents:
        titles.setdefault(one.cause, one.title)
    full = {one.id for one in report.leading()[:_WORKED]}
    order = {cause: index for index, cause in enumerate(titles)}
    name, _, version = report.generated_by.partition(" ")
    driver: dict[str, Any] = {
        "name": plain(name),
        "rules": [{"id": plain(cause), "shortDescription": {"text": plain(title)}} for cause, title in titles.items()],
    }
    if version:
        driver["version"] = plain(version)
    run = {
        "tool": {"driver": driver},
        "results": [_result(one, order[one.cause], one.id in full) for one in report.incidents],
        "artifacts": [_artifact(capture) for capture in report.captures],
        "columnKind": "unicodeCodePoints",
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    indent = 2 if len(report.incidents) <= _WORKED else None
    return json.dumps(document, indent=indent, separators=(",", ": " if indent else ":")) + "\n"


def _artifact(capture: CaptureSummary) -> dict[str, Any]:
    result: dict[str, Any] = {"location": {"uri": _uri(capture.path)}}
    if capture.sha256:
        result["hashes"] = {"sha-256": plain(capture.sha256)}
    return result


def _uri(path: str) -> str:
    return quote(path.replace("\\", "/").encode("utf-8", "surrogateescape"), safe="/:")


def _statement(evidence: Evidence) -> str:
    return (f"[{frames(evidence.frames)}] " if evidence.frames else "") + plain(evidence.statement)


def _result(one: IncidentReport, rule: int, full: bool) -> dict[str, Any]:
    message = f"{plain(one.title)}."
    if full:
        message = " ".join([message, plain(one.summary), *map(_statement, one.evidence[:3])])
    locations: list[dict[str, Any]] = []
    if one.log is not None:
        place = {"artifactLocation": {"uri": _uri(one.log.path)}, "region": {"startLine": max(1, one.log.line)}}
        locations.append({"physicalLocation": place})
    if one.capture is not None:
        locations.append({"physicalLocation": {"artifactLocation": {"uri": _uri(one.capture)}}})
    identity = f"{one.cause}/{one.client}/{one.server}/{one.time_ns // NS}"
    return {
        "ruleId": plain(one.cause),
        "ruleIndex": rule,
        "level": _LEVEL[one.confidence],
        "rank": round(one.score * 100, 1),
        "message": {"text": message},
        "locations": locations,
        "partialFingerprints": {"incident/v1": plain(identity)},
        "properties": {
            "time": format_instant(one.time_ns),
            "client": one.client,
            "server": one.server,
            "stream": one.stream,
            "frames": sorted({number for evidence in one.evidence for number in evidence.frames}),
            "culprit": one.culprit,
        },
    }


def render_junit(report: Report) -> str:
    """Return the incidents as JUnit XML: each a failed case of its capture; a capture without one is a passed case."""
    suites: dict[str, list[IncidentReport]] = {capture.path: [] for capture in report.captures}
    for one in report.incidents:
        suites.setdefault(one.capture or "no capture", []).append(one)
    full = {one.id for one in report.leading()[:_WORKED]}
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    total = sum(max(1, len(inside)) for inside in suites.values())
    lines.append(f'<testsuites name="{xml(report.generated_by)}" tests="{total}" failures="{len(report.incidents)}">')
    for path, inside in suites.items():
        lines.append(f'  <testsuite name="{xml(path)}" tests="{max(1, len(inside))}" failures="{len(inside)}">')
        if not inside:
            lines.append(f'    <testcase classname="{xml(path)}" name="every connection ended as it should"/>')
        for one in inside:
            lines.append(f'    <testcase classname="{xml(one.cause)}" name="{xml(f"{one.id}: {connection(one)}")}">')
            failure = _failure(one, one.id in full)
            lines.append(f'      <failure type="{xml(one.cause)}" message="{xml(one.title)}">{failure}</failure>')
            lines.append("    </testcase>")
        lines.append("  </testsuite>")
    lines.append(f"  <!-- {xml(headline(report)).replace('--', '- -')} {mark(report)} -->")
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"


def _failure(one: IncidentReport, full: bool) -> str:
    lines = [f"{one.confidence} ({one.score:.2f}); {error_line(one)}"]
    if not full:
        return xml(f"{lines[0]}; group {one.group}" if one.group else lines[0])
    lines += [one.summary, *map(_statement, one.evidence)]
    if one.disproof:
        lines.append(f"Disproved by: {one.disproof}")
    if one.owner:
        lines.append(f"Who acts: {one.owner}")
    return "\n".join(xml(line) for line in lines)

"""Dialects for other programs' eyes: SARIF for code scanning, JUnit for build servers, CSV for spreadsheets."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from analyzer.report.escape import csv_cell, plain, xml
from analyzer.report.model import CaptureSummary, Confidence, Evidence, IncidentReport, Report
from analyzer.report.note import mark
from analyzer.report.phrases import connection, error_line, frames, headline, parties
from analyzer.report.short import FULL, MOST_BYTES, frames_of, likeness, shortening, told_in_full
from analyzer.units import NS, format_instant

__all__ = ["CSV_COLUMNS", "render_csv", "render_junit", "render_sarif"]

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
    """Return one row for each incident, `CSV_COLUMNS`; safe to open in a spreadsheet.

    Where the titles of all would make it larger than a report may be, most rows name a row that has the same.
    """
    whole = _csv(report, {})
    if len(whole) < MOST_BYTES:
        return whole
    return _csv(report, likeness(report, {one.id for one in told_in_full(report)}))


def _csv(report: Report, alike: Mapping[str, str]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for one in report.incidents:
        like = alike.get(one.id)
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
            f"as {like}" if like else one.title,
            f"as {like}" if like else one.owner,
        )
        writer.writerow([csv_cell(cell) for cell in cells])
    return out.getvalue()


def render_sarif(report: Report) -> str:
    """Return the incidents as SARIF 2.1.0 (docs.oasis-open.org/sarif): one result each, one rule for each cause.

    What would be larger than a report may be names the files of most results by their place among the artifacts.
    """
    text = _sarif(report, indexed=False)
    return text if len(text) < MOST_BYTES else _sarif(report, indexed=True)


def _sarif(report: Report, *, indexed: bool) -> str:
    titles: dict[str, str] = {}
    for one in report.incidents:
        titles.setdefault(one.cause, one.title.removesuffix(parties(one.client, one.server)))
    alike = likeness(report, {one.id for one in told_in_full(report)})
    order = {cause: index for index, cause in enumerate(titles)}
    name, _, version = report.generated_by.partition(" ")
    driver: dict[str, Any] = {
        "name": plain(name),
        "rules": [{"id": plain(cause), "shortDescription": {"text": plain(title)}} for cause, title in titles.items()],
    }
    if version:
        driver["version"] = plain(version)
    run: dict[str, Any] = {"tool": {"driver": driver}}
    if alike:
        said = shortening(report, len(alike), "each names one of the same cause that is told in full.")
        remark = {"level": "note", "message": {"text": said}}
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": [remark]}]
    artifacts = {capture.path: _artifact(capture) for capture in report.captures}
    if indexed:
        for path in (path for one in report.incidents for path, _ in _places(one)):
            artifacts.setdefault(path, {"location": {"uri": _uri(path)}})
    places = {path: number for number, path in enumerate(artifacts)} if indexed else None
    run["results"] = [_result(one, order[one.cause], alike.get(one.id), places) for one in report.incidents]
    run["artifacts"] = list(artifacts.values())
    run["columnKind"] = "unicodeCodePoints"
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    indent = 2 if len(report.incidents) <= FULL else None
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


def _places(one: IncidentReport) -> list[tuple[str, int | None]]:
    """Return the files that tell of an incident, the log with its line first."""
    found: list[tuple[str, int | None]] = []
    if one.log is not None:
        found.append((one.log.path, max(1, one.log.line)))
    if one.capture is not None:
        found.append((one.capture, None))
    return found


def _location(file: dict[str, Any], line: int | None) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": file}
    if line is not None:
        place["region"] = {"startLine": line}
    return {"physicalLocation": place}


def _result(one: IncidentReport, rule: int, like: str | None, artifacts: Mapping[str, int] | None) -> dict[str, Any]:
    """Return one result; ``artifacts`` has the number of each file where those told in short name files by it."""
    properties: dict[str, Any] = {
        "id": one.id,
        "time": format_instant(one.time_ns),
        "client": one.client,
        "server": one.server,
        "stream": one.stream,
        "frames": sorted({number for evidence in one.evidence for number in evidence.frames}),
        "culprit": one.culprit,
    }
    files: list[tuple[dict[str, Any], int | None]] = [({"uri": _uri(path)}, line) for path, line in _places(one)]
    message = f"{plain(one.title)}."
    if like is None:
        message = " ".join([message, plain(one.summary), *map(_statement, one.evidence[:3])])
    elif artifacts is None:
        message += f" As incident {plain(like)}."
    else:
        # Who it was between is said in the message, what it points to in the one it is like.
        message = f"As incident {plain(like)}: {connection(one)}."
        properties = {name: properties[name] for name in ("id", "time", "stream")}
        properties["frames"] = frames_of(one)
        files = [({"index": artifacts[path]}, line) for path, line in _places(one)[:1]]
    identity = f"{one.cause}/{one.client}/{one.server}/{one.time_ns // NS}"
    return {
        "ruleId": plain(one.cause),
        "ruleIndex": rule,
        "level": _LEVEL[one.confidence],
        "rank": round(one.score * 100, 1),
        "message": {"text": message},
        "locations": [_location(*file) for file in files],
        "partialFingerprints": {"incident/v1": hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:16]},
        "properties": properties,
    }


def render_junit(report: Report) -> str:
    """Return the incidents as JUnit XML: each a failed case of its capture; a capture without one is a passed case."""
    suites: dict[str, list[IncidentReport]] = {capture.path: [] for capture in report.captures}
    for one in report.incidents:
        suites.setdefault(one.capture or "no capture", []).append(one)
    alike = likeness(report, {one.id for one in told_in_full(report)})
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    total = sum(max(1, len(inside)) for inside in suites.values())
    lines.append(f'<testsuites name="{xml(report.generated_by)}" tests="{total}" failures="{len(report.incidents)}">')
    for path, inside in suites.items():
        lines.append(f'  <testsuite name="{xml(path)}" tests="{max(1, len(inside))}" failures="{len(inside)}">')
        if not inside:
            lines.append(f'    <testcase classname="{xml(path)}" name="every connection ended as it should"/>')
        for one in inside:
            lines.append(f'    <testcase classname="{xml(one.cause)}" name="{xml(f"{one.id}: {connection(one)}")}">')
            failure = _failure(one, alike.get(one.id))
            lines.append(f'      <failure type="{xml(one.cause)}" message="{xml(one.title)}">{failure}</failure>')
            lines.append("    </testcase>")
        lines.append("  </testsuite>")
    lines.append(f"  <!-- {xml(headline(report)).replace('--', '- -')} {mark(report)} -->")
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"


def _failure(one: IncidentReport, like: str | None) -> str:
    lines = [f"{one.confidence} ({one.score:.2f}); {error_line(one)}"]
    if like is not None:
        return xml(f"{lines[0]}; as incident {like}")
    lines += [one.summary, *map(_statement, one.evidence)]
    if one.disproof:
        lines.append(f"Disproved by: {one.disproof}")
    if one.owner:
        lines.append(f"Who acts: {one.owner}")
    lines += [f"Change {number}: {fix.text}" for number, fix in enumerate(one.fix, 1)]
    return "\n".join(xml(line) for line in lines)

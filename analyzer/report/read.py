"""Reads a report back from its JSON: what was written once can be compared, attached and rendered again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from analyzer.errors import InputError
from analyzer.report import model
from analyzer.report.phrases import parties
from analyzer.units import NS, parse_instant

__all__ = ["read_report"]

_MOST_BYTES = 256 << 20
_LARGEST = 1e11
"""Seconds or shares beyond this are none: three thousand years."""


def read_report(data: bytes, name: str) -> model.Report:
    """Return the report that `analyzer.report.json` wrote; ``name`` is what a message calls its place.

    Raises InputError for anything else.
    """
    try:
        if len(data) > _MOST_BYTES:
            raise ValueError("it is too large")
        tree = json.loads(data, parse_int=_whole, parse_float=_float, parse_constant=_float)
        if not isinstance(tree, dict) or tree.get("schema") != model.SCHEMA or "incidents" not in tree:
            raise ValueError(f"it has not the schema {model.SCHEMA}")
        return _report(tree)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"field {error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(
            f"{name}: this is no JSON report of notconn ({reason}); make one: notconn analyze ... -o report.json"
        ) from None


def _whole(text: str) -> int:
    if len(text) > 19:
        raise ValueError(f"the number {text[:19]}... is too large")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not abs(value) < _LARGEST:
        raise ValueError(f"{text} is no number that a report holds")
    return value


def _flag(value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true, false nor null")
    return value


def _duration(seconds: float) -> int:
    if not 0 <= seconds < _LARGEST:
        raise ValueError(f"{seconds} is no length of a silence")
    return round(seconds * NS)


def _health(name: str, value: Any) -> model.HealthValue:
    if isinstance(value, dict):
        return {str(key): int(count) for key, count in value.items()}
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise ValueError(f"{name} of a capture's health is no counter")
    return value


def _report(tree: Mapping[str, Any]) -> model.Report:
    return model.Report(
        generated_by=str(tree["generated_by"]),
        captures=tuple(map(_capture, tree["captures"])),
        incidents=tuple(map(_incident, _whole_incidents(tree["incidents"]))),
        groups=tuple(map(_group, tree.get("groups", ()))),
        findings=tuple(map(_finding, tree.get("findings", ()))),
        limits=tuple(map(str, tree.get("limits", ()))),
        generated_ns=_time(tree.get("generated")),
        versions={str(key): str(value) for key, value in tree.get("versions", {}).items()},
    )


def _time(text: str | None) -> int | None:
    return None if text is None else _instant(text)


def _instant(text: str) -> int:
    whole, _, fraction = text.rstrip("Z").partition(".")
    if not fraction or not fraction.isdecimal():
        return parse_instant(text)
    seconds = int(whole) if whole.lstrip("-").isdecimal() else parse_instant(whole + "Z") // NS
    return seconds * NS + int(fraction.ljust(9, "0")[:9])


def _frames(values: Any) -> tuple[int, ...]:
    return tuple(int(one) for one in values)


def _optional(value: Any) -> str | None:
    return None if value is None else str(value)


def _capture(one: Mapping[str, Any]) -> model.CaptureSummary:
    return model.CaptureSummary(
        path=str(one["path"]),
        sha256=str(one["sha256"]),
        format=str(one["format"]),
        packets=int(one["packets"]),
        first_ns=_time(one["first"]),
        last_ns=_time(one["last"]),
        health={str(name): _health(name, value) for name, value in one.get("health", {}).items()},
        remarks=tuple(map(str, one.get("remarks", ()))),
    )


def _evidence(one: Mapping[str, Any]) -> model.Evidence:
    return model.Evidence(
        str(one["statement"]), _frames(one["frames"]), str(one["filter"]), _optional(one.get("capture"))
    )


def _confidence(value: Any) -> model.Confidence:
    if value not in ("high", "medium", "low"):
        raise ValueError(f"{value!r} is no confidence")
    return cast("model.Confidence", value)


_SHARED = (
    "source",
    "time",
    "time_known",
    "stream",
    "capture",
    "client",
    "server",
    "cause",
    "confidence",
    "score",
    "culprit",
    "group",
    "disproof",
    "winsock",
    "owner",
    "fix",
    "references",
)
"""What an incident told in short has in common with the one that it is like, where it says nothing of its own."""


def _whole_incidents(trees: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the incidents with what those told in short share with another put back; nobody else's proof is theirs."""
    full = {one["id"]: one for one in trees if "like" not in one}
    for one in trees:
        if "like" not in one:
            yield one
            continue
        like = full.get(one["like"])
        if like is None:
            raise ValueError(f"incident {one['id']} is like {one['like']}, which is not told in full")
        told = {name: like[name] for name in _SHARED if name in like}
        told |= {name: value for name, value in one.items() if value not in ([], "")}
        log = told.get("log", like["log"])
        told["log"] = {**(like["log"] or {}), **log} if log is not None else None
        verdict = str(like["title"]).removesuffix(parties(like["client"], like["server"]))
        told["title"] = verdict + parties(told["client"], told["server"])
        yield {**dict.fromkeys(("evidence", "against", "unknown", "alternatives"), ()), "summary": "", **told}


def _incident(one: Mapping[str, Any]) -> model.IncidentReport:
    log = one.get("log")
    culprit, source = one["culprit"], one["source"]
    for value, allowed in (
        (source, ("log", "capture", "call")),
        (culprit, ("client", "server", "middlebox", "path", "application", "unknown")),
    ):
        if value not in allowed:
            raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
    return model.IncidentReport(
        id=str(one["id"]),
        source=cast("model.Source", source),
        time_ns=_instant(one["time"]),
        cause=str(one["cause"]),
        confidence=_confidence(one["confidence"]),
        score=float(one["score"]),
        culprit=cast("model.Culprit", culprit),
        title=str(one["title"]),
        summary=str(one["summary"]),
        log=None
        if log is None
        else model.LogLine(
            str(log["path"]),
            int(log["line"]),
            str(log["text"]),
            _optional(log["call"]),
            None if log["code"] is None else int(log["code"]),
        ),
        stream=None if one["stream"] is None else int(one["stream"]),
        capture=_optional(one["capture"]),
        client=_optional(one["client"]),
        server=_optional(one["server"]),
        evidence=tuple(map(_evidence, one["evidence"])),
        against=tuple(map(_evidence, one["against"])),
        unknown=tuple(
            model.Unknown(str(each["fact"]), str(each["why"]), str(each["settle_by"])) for each in one["unknown"]
        ),
        alternatives=tuple(
            model.Alternative(
                str(each["cause"]),
                _confidence(each["confidence"]),
                float(each["score"]),
                str(each["why_not"]),
                str(each.get("title", "")),
            )
            for each in one["alternatives"]
        ),
        disproof=str(one.get("disproof", "")),
        winsock=tuple(
            model.WinsockAnswer(str(each["call"]), str(each["error"]), str(each["why"])) for each in one["winsock"]
        ),
        owner=str(one["owner"]),
        fix=tuple(
            model.Fix(str(each["text"]), {str(key): str(code) for key, code in each.get("code", {}).items()})
            for each in one["fix"]
        ),
        references=tuple(map(str, one.get("references", ()))),
        timeline=tuple(map(_row, one.get("timeline", ()))),
        silences=tuple(map(_silence, one.get("silences", ()))),
        sequence=tuple(map(_sequence, one.get("sequence", ()))),
        group=_optional(one.get("group")),
        time_known=bool(one.get("time_known", True)),
    )


def _row(one: Mapping[str, Any]) -> model.TimelineRow:
    if one["kind"] not in ("packet", "log", "note", "elided"):
        raise ValueError(f"{one['kind']!r} is no kind of row")
    return model.TimelineRow(
        ts_ns=_instant(one["time"]),
        label=str(one["label"]),
        kind=one["kind"],
        frame=None if one["frame"] is None else int(one["frame"]),
        from_client=_flag(one["from_client"]),
        note=str(one["note"]),
        decisive=bool(one["decisive"]),
        flags=str(one["flags"]),
        length=None if one["length"] is None else int(one["length"]),
        answered=_flag(one["answered"]),
        capture=_optional(one.get("capture")),
    )


def _silence(one: Mapping[str, Any]) -> model.SilenceRow:
    return model.SilenceRow(
        start_ns=_instant(one["start"]),
        duration_ns=_duration(one["seconds"]),
        before_frame=int(one["before_frame"]),
        after_frame=int(one["after_frame"]),
        ended_by=str(one["ended_by"]),
        survived=_flag(one["survived"]),
        limits=tuple(
            model.KnownLimit(str(each["name"]), _duration(each["seconds"]), str(each["source"]))
            for each in one["known_limits"]
        ),
        decisive=bool(one["decisive"]),
    )


def _sequence(one: Mapping[str, Any]) -> model.SequenceRow:
    if one["kind"] not in ("data", "again", "probe", "ack", "fin", "rst"):
        raise ValueError(f"{one['kind']!r} is no kind of segment")
    return model.SequenceRow(
        ts_ns=_instant(one["time"]),
        frame=int(one["frame"]),
        from_client=bool(one["from_client"]),
        kind=one["kind"],
        start=int(one["start"]),
        length=int(one["length"]),
        acked=None if one["acked"] is None else int(one["acked"]),
        skipped=int(one.get("skipped", 0)),
    )


def _group(one: Mapping[str, Any]) -> model.GroupReport:
    return model.GroupReport(
        id=str(one["id"]),
        title=str(one["title"]),
        cause=str(one["cause"]),
        incidents=tuple(map(str, one["incidents"])),
        example=str(one["example"]),
        first_ns=_instant(one["first"]),
        last_ns=_instant(one["last"]),
        text=str(one.get("text", "")),
    )


def _finding(one: Mapping[str, Any]) -> model.Finding:
    return model.Finding(
        id=str(one["id"]),
        title=str(one["title"]),
        text=str(one["text"]),
        frames=_frames(one.get("frames", ())),
        capture=_optional(one.get("capture")),
        filter=str(one.get("filter", "")),
        incidents=tuple(map(str, one.get("incidents", ()))),
    )

"""JSON objects, CSV rows and W3C lines → records with named fields."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence

from analyzer.logs.records import Record
from analyzer.logs.stamps import Stamp, find_stamp, stamp_from_value

__all__ = ["csv_header", "csv_record", "json_objects", "json_record", "mapping_record", "parse_json_line", "w3c_record"]

_MESSAGE = ("@m", "renderedmessage", "message", "msg", "log", "text", "body", "short_message", "description", "details")
_TEMPLATE = ("@mt", "messagetemplate")
_EXCEPTION = (
    "@x",
    "exception",
    "exc_info",
    "exc_text",
    "stack_trace",
    "stacktrace",
    "stack",
    "full_message",
    "error",
    "err",
    "thrown",
    "exceptiondetail",
)
_TIME = (
    "@t",
    "@timestamp",
    "timestamp",
    "time",
    "ts",
    "timecreated",
    "timegenerated",
    "date and time",
    "datetime",
    "date_time",
    "systemtime",
    "eventtime",
    "asctime",
    "time_local",
    "logged",
    "created",
    "date",
    "t",
    "datum und uhrzeit",
    "date et heure",
    "fecha y hora",
    "日付と時刻",
    "日期和时间",
    "instant",
)
_SOURCE = (
    "sourcecontext",
    "logger",
    "logger_name",
    "loggername",
    "category",
    "provider",
    "providername",
    "source",
    "name",
    "quelle",
)
_THREAD = ("threadid", "thread", "thread_name", "threadname", "tid", "thread_id")
_PID = ("processid", "pid", "process_id", "process.pid")
_PROCESS = ("processname", "process_name", "process", "application", "app", "service")
_PLACEHOLDER = re.compile(r"\{[@$]?(\w+)(?:,-?\d+)?(?::[^}]*)?\}")
_MAX_FIELDS = 200
_MAX_VALUE = 8192


def parse_json_line(line: str) -> Mapping[str, object] | None:
    """Return the object that the line is, after any prefix a container runtime put before it; None when it is none."""
    start = line.find("{")
    if start < 0 or start > 120:
        return None
    try:
        value = json.loads(line[start:])
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def json_objects(text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Yield (line, object) for each object of one JSON document or of several, pretty-printed ones included.

    What is no JSON is skipped to the next line that opens an object.
    """
    decoder = json.JSONDecoder()
    place, line = 0, 1
    while True:
        match = _OPENING.search(text, place)
        if match is None:
            return
        start = match.end() - 1
        if text[start] == "[":
            # An array of records is walked element by element, so that one bad element does not lose the rest.
            line += text.count("\n", place, start + 1)
            place = start + 1
            continue
        line += text.count("\n", place, start)
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            place = start + 1
            continue
        if isinstance(value, dict):
            inner = _inner_list(value)
            for one in inner if inner is not None else [value]:
                yield line, one
        line += text.count("\n", start, end)
        place = end


_OPENING = re.compile(r"[\[{]")


def _inner_list(value: Mapping[str, object]) -> list[Mapping[str, object]] | None:
    """Return the records of a wrapper such as ``{"records": [...]}``."""
    if len(value) > 3:
        return None
    for item in value.values():
        if isinstance(item, list) and item and all(isinstance(one, dict) for one in item):
            return item
    return None


def json_record(line: int, value: Mapping[str, object], shown: str) -> Record:
    """Return the record of a JSON object: Serilog, Bunyan, Logstash, GELF, container logs, PowerShell exports."""
    fields: dict[str, str] = {}
    _flatten("", value, fields, 0)
    inner = fields.get("log") or fields.get("message")
    if inner is not None and inner.lstrip().startswith("{"):
        nested = parse_json_line(inner)
        if nested is not None:
            _flatten("", nested, fields, 0)
    return mapping_record(line, fields, shown, _stamp_of(fields, value))


def _flatten(prefix: str, value: object, into: dict[str, str], depth: int) -> None:
    if len(into) >= _MAX_FIELDS or depth > 8:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            _flatten(f"{prefix}.{key}" if prefix else str(key), item, into, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value[:20]):
            _flatten(f"{prefix}.{index}", item, into, depth + 1)
    elif value is not None:
        into[prefix] = str(value)[:_MAX_VALUE]


def mapping_record(line: int, fields: Mapping[str, str], shown: str, stamp: Stamp | None) -> Record:
    """Return the record of named fields, the message first, then the exception, then the rest as ``key=value``."""
    lower = {key.lower(): key for key in fields}

    def first(names: Sequence[str]) -> str | None:
        return next((fields[lower[name]] for name in names if name in lower and fields[lower[name]].strip()), None)

    message = first(_MESSAGE[:2])
    template = first(_TEMPLATE)
    if message is None and template is not None:
        message = _PLACEHOLDER.sub(lambda match: _property(match[1], fields, lower) or match[0], template)
    if message is None:
        message = first(_MESSAGE[2:]) or ""
    used = {message, template or ""}
    parts = [message]
    for key, text in fields.items():
        if text in used or _is_named(key, _TIME) or _is_named(key, _TEMPLATE):
            continue
        named = _is_named(key, _EXCEPTION) or _is_named(key, _MESSAGE)
        parts.append(text if named and not text.lstrip("-").isdecimal() else f"{key}={text}")
    pid = first(_PID)
    return Record(
        line,
        "\n".join(parts),
        shown,
        stamp,
        fields=fields,
        source=first(_SOURCE),
        thread=first(_THREAD),
        process=first(_PROCESS),
        pid=int(pid) if pid is not None and pid.isdecimal() and len(pid) < 9 else None,
    )


def _is_named(key: str, names: Sequence[str]) -> bool:
    lowered = key.lower()
    return lowered in names or lowered.rpartition(".")[2] in names


def _property(name: str, fields: Mapping[str, str], lower: Mapping[str, str]) -> str | None:
    for key in (name, f"Properties.{name}", f"properties.{name}"):
        found = fields.get(key) or fields.get(lower.get(key.lower(), ""))
        if found is not None:
            return found
    return None


def _stamp_of(fields: Mapping[str, str], raw: Mapping[str, object]) -> Stamp | None:
    lower = {key.lower(): key for key in fields}
    for name in _TIME:
        key = lower.get(name)
        if key is None:
            continue
        stamp = stamp_from_value(raw.get(key, fields[key]))
        if stamp is not None and stamp.form != "time":
            return stamp
    date, time = lower.get("date"), lower.get("time")
    if date is not None and time is not None:
        return find_stamp(f"{fields[date]} {fields[time]}")
    return stamp_from_value(fields[time]) if time is not None else None


def csv_header(line: str) -> tuple[str, list[str]] | None:
    """Return the delimiter and column names when ``line`` is a CSV header; None for anything else.

    A header has at least three columns, none of them a number or a time, one of them known to be of a log.
    """
    for delimiter in (",", ";", "\t"):
        if line.count(delimiter) < 2:
            continue
        try:
            row = next(csv.reader([line], delimiter=delimiter))
        except (csv.Error, StopIteration):
            continue
        names = [name.strip().strip('\ufeff"') for name in row]
        known = sum(
            1 for name in names if _is_named(name, _TIME) or _is_named(name, _MESSAGE) or _is_named(name, _SOURCE)
        )
        if len(names) >= 3 and known and all(_COLUMN.fullmatch(name) for name in names) and find_stamp(line) is None:
            return delimiter, names
    return None


_COLUMN = re.compile(r"(?![\d.+-]+$)[^{}\[\]=|]{1,60}")


def csv_record(line: int, text: str, delimiter: str, names: Sequence[str]) -> Record | None:
    """Return the record of one CSV row, which may span lines; None when it has fewer than three columns.

    Columns beyond the header are the message, as in the exports of Event Viewer.
    """
    try:
        row = next(csv.reader(text.splitlines(keepends=True), delimiter=delimiter), None)
    except csv.Error:
        return None
    if row is None or len(row) < 3:
        return None
    fields = {name: value for name, value in zip(names, row, strict=False) if value.strip()}
    if len(row) > len(names):
        fields["message"] = " ".join(row[len(names) :])
    return mapping_record(line, fields, text, _stamp_of(fields, fields))


_PLACES = {"s-port": "local_port", "c-ip": "peer_ip", "c-port": "peer_port"}
_GATEWAY_FAILED = ("502", "504")
"""RFC 9110 section 15.6.3 and 15.6.5."""


def w3c_record(line: int, text: str, names: Sequence[str]) -> Record | None:
    """Return the record of one line of a W3C extended log (IIS, HTTPERR); None when its columns do not fit."""
    row = text.split()
    if len(row) < len(names):
        return None
    fields = {name: value for name, value in zip(names, row, strict=False) if value != "-"}
    stamp = find_stamp(f"{fields.get('date', '')} {fields.get('time', '')}")
    if fields.get("sc-status") in _GATEWAY_FAILED:
        # The connection that failed is the one to the server behind; the line names the other one.
        fields = {name: value for name, value in fields.items() if name not in _PLACES}
    renamed = {_PLACES.get(name, name): value for name, value in fields.items()}
    parts = [
        f"{name}={value}"
        for name, value in fields.items()
        if name not in ("date", "time", "cs-uri-query", "cs(User-Agent)")
    ]
    return Record(line, "\n".join(parts), text, stamp, fields=renamed)

"""A report that may leave the house: addresses and names replaced, payload gone, and still the same verdict.

Frames, times, ports and lengths are kept, because they are the proof. What replaces an address or a name is the masks'
choice, so that a slice made with the same masks speaks of the same hosts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from analyzer.endpoint import parse_address
from analyzer.redaction.masks import Masks
from analyzer.redaction.secrets import Secret, find_secrets
from analyzer.report.model import IncidentReport, Report
from analyzer.report.phrases import stem

__all__ = ["redact", "report_secrets"]

_NAME = re.compile(r"(?<![\w.-])(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![\w-])")
_HIDDEN = "[hidden]"
_KEPT = ("sha256", "versions", "generated_by", "schema", "references", "code")
"""The hash identifies the capture, and versions are no addresses, whatever they look like."""
_TELLING = 5


def redact(report: Report, masks: Masks) -> Report:
    """Return the report without addresses, host names, file names and lines of logs; codes, frames and times stay."""
    files = _aliases(report)
    literals = {old: new for path, new in files.items() for old in (path, stem(path)) if len(old) >= _TELLING}
    masks.know(_host_names(report), literals)
    clean: Report = _walk(report, masks, files)
    return replace(clean, incidents=tuple(_incident(one) for one in clean.incidents))


def report_secrets(report: Report) -> list[Secret]:
    """Return what looks like a secret in the report's own words; the code of a remedy is ours."""
    texts = dict.fromkeys(_texts(report))
    return [secret for text in texts for secret in find_secrets(text.encode("utf-8", "replace"))]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _texts(one)
    elif is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            if one.name not in (*_KEPT, "fix"):
                yield from _texts(getattr(value, one.name))


def _aliases(report: Report) -> dict[str, str]:
    """Call captures and logs by a number: their own names may say whose they are."""
    found: dict[str, str] = {}
    for number, capture in enumerate(report.captures, 1):
        found[capture.path] = "capture.pcapng" if len(report.captures) == 1 else f"capture-{number}.pcapng"
    logs = list(dict.fromkeys(one.log.path for one in report.incidents if one.log is not None))
    for number, path in enumerate(logs, 1):
        found[path] = "log.txt" if len(logs) == 1 else f"log-{number}.txt"
    return found


def _host_names(report: Report) -> set[str]:
    """Collect what stands where an address is expected and is none: ``db.corp.example:1433``."""
    found = set()
    for one in report.incidents:
        for party in (one.client, one.server):
            host = (party or "").rpartition(":")[0].strip("[]") or (party or "")
            if host and parse_address(host) is None:
                found.add(host)
        if one.log is not None:
            found.update(match.group() for match in _NAME.finditer(one.log.text) if _looks_like_host(match.group()))
    return found


def _looks_like_host(name: str) -> bool:
    # Logs are full of dotted words that are types and files: System.Net.Sockets.Socket, client.cs.
    return name == name.lower() and name.count(".") >= 2


def _incident(one: IncidentReport) -> IncidentReport:
    return replace(one, log=None if one.log is None else replace(one.log, text=_HIDDEN))


def _walk(value: Any, masks: Masks, files: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return files.get(value) or masks.text(value)
    if isinstance(value, tuple):
        return tuple(_walk(one, masks, files) for one in value)
    if isinstance(value, Mapping):
        return {key: _walk(one, masks, files) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        names = [one.name for one in fields(value) if one.name not in _KEPT]
        changed = {name: _walk(getattr(value, name), masks, files) for name in names}
        if isinstance(value, IncidentReport):
            # A bare name such as "server" is masked where a host stands, and left alone in prose.
            changed |= {"client": _party(value.client, masks), "server": _party(value.server, masks)}
        return replace(value, **changed)
    return value


def _party(party: str | None, masks: Masks) -> str | None:
    if party is None:
        return None
    if "[" in party or parse_address(party) is not None:
        return masks.text(party)
    host, colon, port = party.rpartition(":")
    return f"{masks.name(host)}:{port}" if colon and port.isdecimal() else masks.name(party)

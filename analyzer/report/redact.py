"""A report that may leave the house: addresses and names replaced, payload gone, and still the same verdict.

Replacement is by value and consistent within one report, so that "the same server again" stays visible; frames, times,
ports and lengths are kept, because they are the proof. New addresses come from blocks set aside for tests and
documentation (RFC 2544 §C.2.2, RFC 3849), so that filters stay valid and nobody mistakes them for real ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from ipaddress import IPv6Address
from typing import Any

from analyzer.endpoint import format_address, parse_address
from analyzer.report.model import IncidentReport, Report
from analyzer.report.phrases import stem

__all__ = ["Pseudonyms", "redact"]

_V4 = re.compile(r"(?<![\w.§])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
_V6 = re.compile(r"(?<![0-9A-Za-z:.])(?=[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:)[0-9A-Fa-f:]{2,39}(?:%\w+)?(?![0-9A-Za-z:])")
_MAC = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])")
_NAME = re.compile(r"(?<![\w.-])(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![\w-])")
_V4_BASE = 198 << 24 | 18 << 16
_V4_ROOM = 1 << 17
_V6_BASE = int(IPv6Address("2001:db8::"))
_HIDDEN = "[hidden]"


class Pseudonyms:
    """Replacements, handed out in the order of first appearance; equal input gives equal output."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Start without any; ``names`` are host names to be hidden wherever they stand."""
        self._addresses: dict[bytes, bytes] = {}
        self._names: dict[str, str] = {}
        self._known = {name.lower() for name in names if name}

    def address(self, packed: bytes) -> bytes:
        """Return the replacement of a packed IPv4 or IPv6 address; unspecified and loopback addresses stay."""
        if not any(packed) or (packed[0] == 127 and len(packed) == 4) or packed == b"\0" * 15 + b"\1":
            return packed
        if packed not in self._addresses:
            number = sum(len(one) == len(packed) for one in self._addresses) + 1
            if len(packed) == 4:
                made = (_V4_BASE + number % _V4_ROOM).to_bytes(4, "big")
            else:
                made = (_V6_BASE + number).to_bytes(16, "big")
            self._addresses[packed] = made
        return self._addresses[packed]

    def name(self, name: str) -> str:
        """Return the replacement of a host name."""
        return self._names.setdefault(name.lower(), f"host-{len(self._names) + 1}.example")

    def text(self, text: str) -> str:
        """Return ``text`` with each address, hardware address and known host name in it replaced."""

        def swap(match: re.Match[str]) -> str:
            packed = parse_address(match.group())
            return match.group() if packed is None else format_address(self.address(packed))

        def swap_name(match: re.Match[str]) -> str:
            return self.name(match.group()) if match.group().lower() in self._known else match.group()

        text = _MAC.sub("00:00:5e:00:53:00", text)
        text = _V4.sub(swap, _V6.sub(swap, text))
        return _NAME.sub(swap_name, text) if self._known else text


def redact(report: Report, pseudonyms: Pseudonyms | None = None) -> Report:
    """Return the report without addresses, host names, user paths and lines of logs; codes, frames and times stay."""
    masks = pseudonyms if pseudonyms is not None else Pseudonyms(_host_names(report))
    clean: Report = _walk(report, masks)
    return replace(
        clean,
        captures=tuple(replace(one, path=stem(one.path)) for one in clean.captures),
        incidents=tuple(_incident(one) for one in clean.incidents),
        findings=tuple(
            replace(one, capture=None if one.capture is None else stem(one.capture)) for one in clean.findings
        ),
    )


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
    log = one.log
    capture = None if one.capture is None else stem(one.capture)
    return replace(
        one, capture=capture, log=None if log is None else replace(log, path=stem(log.path), text=_HIDDEN)
    )


def _walk(value: Any, masks: Pseudonyms) -> Any:
    if isinstance(value, str):
        return masks.text(value)
    if isinstance(value, tuple):
        return tuple(_walk(one, masks) for one in value)
    if isinstance(value, Mapping):
        return {key: _walk(one, masks) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        # The hash identifies the capture and versions are not addresses, whatever they look like.
        kept = ("sha256", "versions", "generated_by", "schema", "references", "code")
        return replace(
            value,
            **{one.name: _walk(getattr(value, one.name), masks) for one in fields(value) if one.name not in kept},
        )
    return value

"""What the masks have to know before a report is written: the names and texts of one run; and its logs, masked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from analyzer.capture.model import Note, NoteKind
from analyzer.endpoint import Endpoint, parse_address
from analyzer.logs.model import LogEvent, LogFile, SocketRow
from analyzer.redaction.dns import dns_names
from analyzer.redaction.masks import Masks
from analyzer.redaction.payload import clean_refusal
from analyzer.values import replace

if TYPE_CHECKING:
    from analyzer.incidents.target import Target

__all__ = ["learn", "mask_endpoint", "mask_log", "mask_socket", "mask_target"]

_IN_FILTER = re.compile(r"\b(?:host|gateway|net)\s+([A-Za-z_][\w.-]*)")
"""What a capture filter calls a host (pcap-filter(7))."""


def learn(
    masks: Masks,
    notes: Iterable[Note] = (),
    logs: Iterable[LogFile] = (),
    refusals: Iterable[str] = (),
    filters: Iterable[str] = (),
) -> None:
    """Tell the masks the host names of lookups, logs and capture filters, and the refusals that a report may quote."""
    names = {name for text in filters for name in _IN_FILTER.findall(text)}
    for note in notes:
        if note.kind is NoteKind.DNS:
            names |= dns_names(note.payload)
    for log in logs:
        for event in log.events:
            names |= _names(event)
    masks.know(names, {text: clean_refusal(text) for text in refusals})


def _names(event: LogEvent) -> set[str]:
    written = [event.host_name or "", (event.endpoint_text or "").rpartition(":")[0].strip("[]")]
    return {one for one in written if one and parse_address(one) is None}


def mask_endpoint(endpoint: Endpoint, masks: Masks) -> Endpoint:
    """Return an endpoint with its address replaced."""
    return Endpoint(masks.address(endpoint.packed), endpoint.port)


def mask_target(target: Target, masks: Masks) -> Target:
    """Return what a person asked about with its address and name replaced."""
    packed, name = target.packed, target.name
    return replace(
        target,
        packed=None if packed is None else masks.address(packed),
        name=None if name is None else masks.name(name),
    )


def mask_log(log: LogFile, masks: Masks) -> LogFile:
    """Return a log as it would read if the hosts had the names and addresses that stand for them."""
    return replace(log, events=tuple(_event(event, masks) for event in log.events), _orders=[])


def _event(event: LogEvent, masks: Masks) -> LogEvent:
    return replace(
        event,
        text=masks.text(event.text),
        endpoint_text=None if event.endpoint_text is None else masks.text(event.endpoint_text),
        remote=None if event.remote is None else mask_endpoint(event.remote, masks),
        local=None if event.local is None else mask_endpoint(event.local, masks),
        host_name=None if event.host_name is None else masks.name(event.host_name),
    )


def mask_socket(row: SocketRow, masks: Masks) -> SocketRow:
    """Return a row of a socket table with its addresses replaced."""
    return replace(
        row,
        local=None if row.local is None else mask_endpoint(row.local, masks),
        remote=None if row.remote is None else mask_endpoint(row.remote, masks),
    )

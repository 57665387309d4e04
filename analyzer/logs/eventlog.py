"""Windows Event Log: ``.evtx`` files through the `evtx` package, and the XML that Event Viewer and wevtutil export.

Times are UTC (``TimeCreated/@SystemTime``). Besides words and codes, some events of Windows itself are known by
provider and number; of Winsock-AFD traces the ``Status`` of an event is its answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree as ET

from analyzer.errors import LogError
from analyzer.logs.codes import NOT_CONNECTED, ErrorCode, code_from_ntstatus
from analyzer.logs.model import Action, EventKind, LogEvent
from analyzer.logs.records import MAX_TEXT, Record, events_of
from analyzer.logs.stamps import Stamp, find_stamp
from analyzer.values import replace

__all__ = ["evtx_records", "is_event_xml", "record_events", "split_event_xml"]

NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
_EVENT = re.compile(r"<Event[\s>].*?</Event>", re.DOTALL)

_KNOWN: dict[tuple[str, int], Action] = {
    ("tcpip", 4227): "port-exhaustion",
    ("tcpip", 4231): "port-exhaustion",
    ("microsoft-windows-dns-client", 1014): "gave-up",
    ("schannel", 36871): "tls",
    ("schannel", 36874): "tls",
    ("schannel", 36882): "tls",
    ("schannel", 36884): "tls",
    ("schannel", 36887): "tls",
    ("schannel", 36888): "tls",
    ("e1dexpress", 27): "link",
    ("microsoft-windows-ndis", 10400): "link",
    ("microsoft-windows-networkprofile", 10001): "link",
    ("microsoft-windows-wlan-autoconfig", 8003): "link",
    ("microsoft-windows-dhcp-client", 1003): "link",
    ("microsoft-windows-kernel-power", 42): "link",
    ("microsoft-windows-power-troubleshooter", 1): "link",
}
"""Events that say what happened to connections although no word in their data does."""

_LIFECYCLE = frozenset({"link"})

_AFD_CALLS = {
    1003: "send",
    1004: "recv",
    1005: "sendto",
    1006: "recvfrom",
    1007: "sendto",
    1009: "recvfrom",
    1017: "connect",
    1018: "connect",
    1020: "connect",
    1021: "connect",
    1027: "accept",
    1030: "bind",
}
"""Microsoft-Windows-Winsock-AFD: what each event number is the answer of."""


def is_event_xml(head: str) -> bool:
    """Tell whether text is an XML export of Event Viewer or ``wevtutil qe``."""
    return NAMESPACE in head and re.search(r"<Events?[\s>]", head) is not None


def split_event_xml(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, XML) for each complete ``Event`` element."""
    place, line = 0, 1
    for match in _EVENT.finditer(text):
        line += text.count("\n", place, match.start())
        place = match.start()
        yield line, match[0]


def evtx_records(path: str) -> Iterable[tuple[int, str | None]]:
    """Yield (record id, XML) for each record of an ``.evtx`` file; XML is None where a record is damaged.

    Raises LogError when the package is missing or the file cannot be opened.
    """
    try:
        from evtx import PyEvtxParser
    except ImportError:
        raise LogError(
            f"{path} is a Windows event log and the package that reads it is not installed: "
            "install notconn[evtx], or export the log as XML in Event Viewer and give that"
        ) from None
    try:
        records = iter(PyEvtxParser(path).records())
    except (RuntimeError, OSError, ValueError) as fault:
        raise LogError(f"{path} is no readable Windows event log: {_first_line(fault)}") from None
    position = 0
    while True:
        position += 1
        try:
            record = next(records)
        except StopIteration:
            return
        except (RuntimeError, OSError, ValueError):
            yield position, None
            continue
        yield (position, None) if record is None else (int(record["event_record_id"]), str(record["data"]))


def _first_line(fault: BaseException) -> str:
    text = str(fault).strip()
    return text.splitlines()[0][:160] if text else "it is damaged"


def record_events(line: int, xml: str, path: str) -> tuple[Stamp | None, list[LogEvent]] | None:
    """Return the time and the events of one record's XML; None when the XML is damaged."""
    if "<!" in xml:
        # No Windows writer makes a document type or entity; a file that does is not read.
        return None
    try:
        root = ET.fromstring(xml.encode())  # noqa: S314 - nothing with a document type comes this far
    except (ET.ParseError, ValueError):
        return None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    system = root.find("System")
    provider = root.find("System/Provider")
    source = "" if provider is None else provider.get("Name") or provider.get("EventSourceName") or ""
    number = _number(root.findtext("System/EventID"))
    created = root.find("System/TimeCreated")
    stamp = None if created is None else find_stamp((created.get("SystemTime") or "").rstrip("Z") + "Z")
    execution = root.find("System/Execution")
    pid = None if execution is None else _number(execution.get("ProcessID"))
    fields: dict[str, str] = {}
    parts: list[str] = []
    for element in root.iter():
        text = " ".join((element.text or "").split())
        if not text or (system is not None and element in list(system)):
            continue
        name = element.get("Name") or (element.tag if element.tag not in ("Data", "Message") else None)
        if name:
            fields[name] = text
            parts.append(f"{name}={text}")
        else:
            parts.append(text)
    text = "\n".join(parts)
    shown = f"{source} {number if number is not None else ''}: {' | '.join(parts)}"
    record = Record(line, text, shown, stamp, fields=fields, source=source or None, pid=pid or None)
    events = events_of(record, path)
    known = _KNOWN.get((source.lower(), number or -1))
    afd = _afd_answer(source, number, fields)
    if afd is not None and not events:
        events = [_blank(record, path, shown)]
    if afd is not None:
        code, call = afd
        kind: EventKind = "error" if code == NOT_CONNECTED else "prior"
        events = [replace(one, kind=kind, code=int(code), symbol=code.symbol, call=call) for one in events[:1]]
    elif known is not None and not any(one.kind == "error" for one in events):
        base = events[0] if events else _blank(record, path, shown)
        events = [replace(base, kind="lifecycle" if known in _LIFECYCLE else "prior", action=known)]
    return stamp, events


def _afd_answer(source: str, number: int | None, fields: dict[str, str]) -> tuple[ErrorCode, str] | None:
    if source.lower() != "microsoft-windows-winsock-afd" or number not in _AFD_CALLS:
        return None
    status = fields.get("Status", "")
    try:
        code = code_from_ntstatus(int(status, 0))
    except ValueError:
        return None
    return None if code is None else (code, _AFD_CALLS[number])


def _blank(record: Record, path: str, shown: str) -> LogEvent:
    return LogEvent(
        path=path,
        line=record.line,
        text=shown[:MAX_TEXT],
        time_ns=None,
        zone_known=False,
        time_resolution_ns=0,
        kind="prior",
        pid=record.pid,
        source=record.source,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdecimal() and len(text) < 12 else None

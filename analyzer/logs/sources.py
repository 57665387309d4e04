"""What a log file is, and its events as they come out of it.

What a file is, is told by its bytes, never by its name: Windows event log, compressed log, capture given by
mistake, socket table, JSON, XML, CSV, W3C or plain text.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterable
from pathlib import Path

from analyzer.errors import LogError
from analyzer.logs.encodings import Decoder, looks_binary, sniff_wide
from analyzer.logs.eventlog import evtx_records, is_event_xml, record_events, split_event_xml
from analyzer.logs.model import LogEvent, SocketRow
from analyzer.logs.records import events_of
from analyzer.logs.scan import MAX_ERRORS, MAX_OTHERS, LogScanner
from analyzer.logs.sockets import is_socket_table, parse_sockets
from analyzer.logs.stamps import Stamp
from analyzer.logs.structured import json_objects, json_record, parse_json_line
from analyzer.values import dataclass, field

__all__ = ["Gathered", "gather", "read_rows"]

_CHUNK = 4 << 20
_HEAD = 64 << 10
_MAX_WHOLE = 256 << 20

_CAPTURE = "a packet capture; give it as CAPTURE, and the application's log with --log"
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"\xa1\xb2\xc3\xd4", _CAPTURE),
    (b"\xd4\xc3\xb2\xa1", _CAPTURE),
    (b"\xa1\xb2\x3c\x4d", _CAPTURE),
    (b"\x4d\x3c\xb2\xa1", _CAPTURE),
    (b"\x0a\x0d\x0d\x0a", _CAPTURE),
    (b"PK\x03\x04", "a ZIP archive; unpack it and give the log inside"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it and give the log inside"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it and give the log inside"),
    (b"\x7fELF", "a program; give its log"),
    (b"SQLite format 3", "a database; export the log in it as text or CSV"),
    (b"\x30\x00\x00\x00LfLe", "an event log of Windows before Vista; export it as text in Event Viewer"),
    (b"%PDF", "a PDF document; give the log itself as text"),
    (b"\x89PNG", "a picture; give the log itself as text"),
)
_EVTX = b"ElfFile\x00"


@dataclass(slots=True)
class Gathered:
    """The events of one file, times still as written."""

    format: str
    encoding: str
    lines: int = 0
    utc: bool = False
    """The format's own times are in UTC."""
    events: list[tuple[LogEvent, Stamp | None]] = field(default_factory=list)
    seen: list[tuple[int, Stamp]] = field(default_factory=list)
    """(line, time) of a sample of the file that includes every event."""
    errors: int = 0
    dropped: int = 0
    problems: list[str] = field(default_factory=list)
    sockets: tuple[SocketRow, ...] = ()


def gather(file: Path) -> Gathered:
    """Return what a file of any known kind holds. Raises LogError when it cannot be read as a log."""
    head = _look(file)
    if head.startswith(_EVTX):
        return _from_evtx(file)
    text = _head_text(head)
    if is_socket_table(text):
        rows = read_rows(file)
        return Gathered("netstat", sniff_wide(head)[0] or "utf-8", lines=len(rows), sockets=rows)
    if is_event_xml(text):
        return _from_xml(file)
    if _is_json_document(text):
        return _from_json(file)
    return _from_text(file)


def read_rows(file: Path) -> tuple[SocketRow, ...]:
    """Return the rows of a socket table; none for any other text. Raises LogError when it is no text."""
    _look(file)
    return parse_sockets(_whole_text(file)[0])


def _open(file: Path) -> io.BufferedIOBase:
    with file.open("rb") as raw:
        magic = raw.read(6)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(file)
    if magic.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if magic.startswith(b"\xfd7zXZ"):
        return lzma.LZMAFile(file)
    return file.open("rb")


_DAMAGED = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)


def _head(file: Path) -> bytes:
    """Return the first bytes, unpacked; of a damaged file as many as can be had."""
    head = bytearray()
    with _open(file) as stream:
        while len(head) < _HEAD:
            try:
                piece = stream.read1(_HEAD - len(head))
            except _DAMAGED:
                if not head:
                    raise
                break
            if not piece:
                break
            head += piece
    return bytes(head)


def _look(file: Path) -> bytes:
    """Return the first bytes, unpacked; refuse what is no log."""
    try:
        if file.is_dir():
            raise LogError(f"{file} is a folder; name the log file in it")
        head = _head(file)
    except FileNotFoundError:
        raise LogError(f"{file} does not exist; check the path of the log") from None
    except _DAMAGED:
        raise LogError(f"{file} is a damaged compressed file; unpack what can be saved of it and give that") from None
    except OSError as fault:
        raise LogError(f"{file} cannot be read: {fault.strerror or fault}; check its permissions") from None
    except ValueError:
        raise LogError(f"{str(file)!r} is no usable path; check the path of the log") from None
    if not head:
        raise LogError(f"{file} is empty; give the log that covers the time of the error")
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise LogError(f"{file} is {what}")
    if not head.startswith(_EVTX) and sniff_wide(head)[0] is None and looks_binary(head):
        raise LogError(f"{file} is no text; give the log as text, CSV, JSON lines, XML or .evtx")
    return head


def _pieces(file: Path, problems: list[str]) -> Iterable[bytes]:
    try:
        with _open(file) as stream:
            # What was unpacked before the damage is only had by reads that do not wait for more.
            while piece := stream.read1(_CHUNK):
                yield piece
    except _DAMAGED:
        problems.append("the compressed file is damaged; it was read up to the damage")
    except OSError as fault:
        problems.append(f"reading stopped before the end: {fault.strerror or fault}")


def _decode_all(data: bytes) -> tuple[str, str]:
    name, mark = sniff_wide(data[:_HEAD])
    if name is not None:
        return data[mark:].decode(name.removesuffix("-sig"), "replace"), name
    decoder = Decoder()
    text = "\n".join(decoder.decode(line) for line in data.split(b"\n"))
    return text, decoder.name


def _head_text(head: bytes) -> str:
    return _decode_all(head)[0]


def _whole_text(file: Path, problems: list[str] | None = None) -> tuple[str, str]:
    data = bytearray()
    for piece in _pieces(file, [] if problems is None else problems):
        data += piece
        if len(data) > _MAX_WHOLE:
            if problems is not None:
                problems.append(
                    f"only its first {_MAX_WHOLE >> 20} MiB were read; cut the file to the time of the error"
                )
            break
    return _decode_all(bytes(data))


def _is_json_document(head: str) -> bool:
    """Tell whether a file is JSON that does not hold one object a line."""
    stripped = head.lstrip("\ufeff \t\r\n")
    if stripped[:1] not in ("{", "["):
        return False
    first = stripped.partition("\n")[0]
    if stripped[0] == "[":
        inside = stripped[1:].lstrip()
        return inside[:1] == "{" and inside[1:].lstrip()[:1] in ('"', "}")
    if parse_json_line(first) is not None:
        # One object a line is streamed; a single line that wraps all records is not.
        return "\n" not in stripped.rstrip() and any(mark in first[:200] for mark in ('":[{', '": [{'))
    return first.strip() == "{" or (first[1:].lstrip()[:1] == '"' and not first.rstrip().endswith("}"))


def _from_text(file: Path) -> Gathered:
    problems: list[str] = []
    scanner = LogScanner(str(file))
    for piece in _pieces(file, problems):
        scanner.feed(piece)
    scan = scanner.close()
    return Gathered(
        scan.layout.format,
        scan.encoding,
        scan.lines,
        scan.layout.utc,
        scan.events,
        scan.seen,
        scan.errors_seen,
        scan.errors_dropped,
        problems,
    )


def _from_json(file: Path) -> Gathered:
    problems: list[str] = []
    text, encoding = _whole_text(file, problems)
    found = Gathered("json", encoding, text.count("\n") + 1, problems=problems)
    for line, value in json_objects(text):
        record = json_record(line, value, " ".join(f"{key}={item}" for key, item in value.items()))
        _add(found, line, record.stamp, events_of(record, str(file)))
    return found


def _from_xml(file: Path) -> Gathered:
    problems: list[str] = []
    text, encoding = _whole_text(file, problems)
    found = Gathered("event-xml", encoding, text.count("\n") + 1, utc=True, problems=problems)
    _add_events(found, split_event_xml(text), str(file))
    return found


def _from_evtx(file: Path) -> Gathered:
    found = Gathered("evtx", "utf-16-le", utc=True)
    _add_events(found, evtx_records(str(file)), str(file))
    return found


def _add_events(found: Gathered, records: Iterable[tuple[int, str | None]], path: str) -> None:
    damaged = count = 0
    for line, xml in records:
        count += 1
        read = None if xml is None else record_events(line, xml, path)
        if read is None:
            damaged += 1
            continue
        _add(found, line, *read)
    if found.format == "evtx":
        found.lines = count
    if damaged:
        found.problems.append(f"{damaged} of its {count} records are damaged and were left out")


def _add(found: Gathered, line: int, stamp: Stamp | None, events: list[LogEvent]) -> None:
    is_error = any(event.kind == "error" for event in events)
    found.errors += is_error
    if stamp is not None and (events or len(found.seen) < 1000 or line % 100 == 0):
        found.seen.append((line, stamp))
    others = len(found.events) - (found.errors - is_error - found.dropped)
    if is_error and found.errors - found.dropped > MAX_ERRORS:
        found.dropped += 1
    elif is_error or others < MAX_OTHERS:
        found.events += [(event, stamp) for event in events]

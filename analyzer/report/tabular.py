"""Tables as JSON, CSV and text; the same columns in each.

JSON is pure ASCII with one row a line, so that a list of a million flows can be read line by line and compared by
``diff``. CSV follows RFC 4180, numbers unquoted, lists of frames separated by spaces, cells safe for a spreadsheet.
"""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from analyzer.report.escape import csv_cell, plain
from analyzer.report.health import capture_lines
from analyzer.report.json import capture_object
from analyzer.report.model import SCHEMA, CaptureSummary
from analyzer.report.phrases import clock, count, instant
from analyzer.tables import Column, Kind, Table
from analyzer.units import NS, format_instant

__all__ = ["VERDICTS", "flows_text", "table_csv", "table_json"]

_WIDTH = 100
_SLICE = 8192
"""Rows that are text at a time: a million rows as text would take gigabytes."""

VERDICTS = {
    "S0": "a SYN without any answer",
    "S1": "opened, no end seen",
    "SF": "opened and closed in order",
    "REJ": "the attempt was refused",
    "S2": "opened, only the client closed",
    "S3": "opened, only the server closed",
    "RSTO": "opened, the client reset it",
    "RSTR": "a reset in the server's name",
    "RSTOS0": "the client sent a SYN, then a reset; no SYN-ACK seen",
    "RSTRH": "a SYN-ACK and a reset of the server; no SYN seen",
    "SH": "the client sent a SYN, then a FIN; no SYN-ACK seen",
    "SHR": "a SYN-ACK and a FIN of the server; no SYN seen",
    "OTH": "no SYN seen: the capture began in the middle of it",
}
"""Zeek's conn_state codes in words (docs.zeek.org, base/protocols/conn/main.zeek)."""
_COLOR = {"SF": "32", "REJ": "31", "S0": "31", "RSTO": "31", "RSTR": "31", "RSTOS0": "31", "RSTRH": "31"}
_DAY_NS = 86_400 * NS


def table_json(table: Table, name: str, captures: Iterable[CaptureSummary]) -> Iterator[str]:
    """Yield the pieces of ``{"schema", "captures", name: [...]}``, one row an object on a line of its own."""
    head = json.dumps({"schema": SCHEMA, "captures": [capture_object(one) for one in captures]}, allow_nan=False)
    yield f"{head[:-1]}, {json.dumps(name)}: ["
    names = [json.dumps(column.name) for column in table.columns]
    template = "{" + ", ".join(f"{column}: %s" for column in names) + "}"
    between = "\n"
    for start in range(0, len(table), _SLICE):
        cells = [_json_cells(c.kind, table.values[c.name][start : start + _SLICE]) for c in table.columns]
        yield between + ",\n".join([template % row for row in zip(*cells, strict=True)])
        between = ",\n"
    yield "\n]}\n" if len(table) else "]}\n"


def _json_cells(kind: Kind, cells: Sequence[Any]) -> list[str]:
    # Whole columns at a time: ten times as fast as an encoder that has to look at the type of each cell.
    if kind == "int":
        return ["null" if cell is None else str(cell) for cell in cells]
    if kind == "float":
        return ["null" if cell is None else repr(round(cell, 9)) for cell in cells]
    if kind == "flag":
        return ["null" if cell is None else "true" if cell else "false" for cell in cells]
    if kind == "time":
        return ["null" if cell is None else f'"{format_instant(cell)}"' for cell in cells]
    if kind == "frames":
        return [f"[{', '.join(map(str, cell))}]" for cell in cells]
    known: dict[str | None, str] = {None: "null"}
    found = []
    for cell in cells:
        text = known.get(cell)
        if text is None:
            text = known[cell] = json.dumps(cell)
        found.append(text)
    return found


def table_csv(table: Table) -> Iterator[str]:
    """Yield the pieces of the table with a header line; what is not known is an empty cell."""
    yield ",".join(column.name for column in table.columns) + "\n"
    for start in range(0, len(table), _SLICE):
        out = io.StringIO()
        cells = [_csv_cells(column, table.values[column.name][start : start + _SLICE]) for column in table.columns]
        csv.writer(out, lineterminator="\n").writerows(zip(*cells, strict=True))
        yield out.getvalue()


def _csv_cells(column: Column, cells: Sequence[Any]) -> list[str]:
    write: Callable[[Any], str]
    if column.kind == "float":
        write = lambda cell: repr(round(cell, 9))  # noqa: E731 - one expression for each kind
    elif column.kind == "flag":
        write = lambda cell: "true" if cell else "false"  # noqa: E731
    elif column.kind == "time":
        write = format_instant
    elif column.kind == "frames":
        write = lambda cell: " ".join(map(str, cell))  # noqa: E731
    else:
        write = str if column.kind == "int" else csv_cell
    return ["" if cell is None else write(cell) for cell in cells]


def flows_text(table: Table, captures: Sequence[CaptureSummary], *, color: bool = False) -> str:
    """Return flows as text of at most 100 columns, capture by capture, and the meaning of the verdicts in it."""
    lines: list[str] = []
    start = 0
    paths = table.values["capture"]
    for position, capture in enumerate(captures):
        end = start
        while end < len(paths) and paths[end] == capture.path:
            end += 1
        if position:
            lines.append("")
        title = f"{capture_lines(capture)[0]}, {count(end - start, 'connection')}"
        lines += [_paint("1", line, color) for line in textwrap.wrap(title, _WIDTH, break_long_words=False)]
        for remark in capture.remarks:
            lines += textwrap.wrap(plain(remark), _WIDTH)
        if end > start:
            lines += ["", *_flow_lines(table, start, end, color)]
        start = end
    used = [code for code in VERDICTS if code in set(table.values["verdict"])]
    if used:
        lines += ["", *(f"{code:<6} {VERDICTS[code]}" for code in used)]
        lines += [
            "# is Wireshark's tcp.stream, times are UTC, bytes are payload with retransmissions, silence is the",
            "longest of a second or more; --format json tells more of each connection.",
        ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _paint(code: str | None, text: str, color: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if color and code else text


def _flow_lines(table: Table, start: int, end: int, color: bool) -> Iterator[str]:
    def cells(name: str) -> Sequence[Any]:
        return table.values[name][start:end]

    firsts = cells("first")
    dated = firsts[0] // _DAY_NS != max(firsts) // _DAY_NS or firsts[0] // _DAY_NS != min(firsts) // _DAY_NS
    heads = ["#", "client", "server", "first packet", "lasted", "packets", "bytes", "silence", "end"]
    columns = [
        [str(value) for value in cells("stream")],
        list(cells("client")),
        list(cells("server")),
        [instant(value)[5:19] if dated else clock(value, 3) for value in firsts],
        [_seconds(value) for value in cells("duration_s")],
        [_count(value) for value in cells("packets")],
        [_count(value) for value in cells("payload_bytes")],
        ["" if value is None or value < 1 else _seconds(value) for value in cells("longest_silence_s")],
        list(cells("verdict")),
    ]
    widths = [max(len(head), *map(len, texts)) for head, texts in zip(heads, columns, strict=True)]
    number, client, server, *_ = widths

    def figures(row: Sequence[str], paint: str | None = None) -> str:
        last = len(row) - 1
        texts = (text.rjust(width) for text, width in zip(row[3:last], widths[3:last], strict=True))
        return "  ".join([*texts, _paint(paint, row[last], color)])

    wide = len(figures(heads)) - len(heads[8]) + widths[8]
    pad = " " * (number + 2)
    # Long addresses are never cut: the server goes below its client, and the figures below both where they must.
    flat = number + client + server + wide + 6 <= _WIDTH
    beside = number + client + wide + 4 <= _WIDTH
    head = f"{heads[0]:>{number}}  {heads[1]:<{client}}  {heads[2]:<{server}}  "
    if not flat:
        head = f"{heads[0]:>{number}}  {'client, server':<{client}}  " if beside else pad
    yield _paint("2", head + figures(heads), color)
    for row in zip(*columns, strict=True):
        start_of = f"{row[0]:>{number}}  {row[1]:<{client}}"
        numbers = figures(row, _COLOR.get(row[8]))
        if flat:
            yield f"{start_of}  {row[2]:<{server}}  {numbers}"
        else:
            yield f"{start_of}  {numbers}" if beside else start_of
            yield f"{pad}-> {row[2]}"
            if not beside:
                yield pad + numbers


def _seconds(value: float) -> str:
    """Return a duration in at most eight characters."""
    if value < 0.0995:
        return f"{value * 1000:.1f} ms"
    if value < 9.995:
        return f"{value:.2f} s"
    if value < 99.95:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes}m {seconds:02}s"
    days, hours = divmod(hours, 24)
    return f"{days}d {hours:02}h" if days else f"{hours}h {minutes:02}m"


def _count(value: int) -> str:
    """Return a number in at most five characters, in powers of 1000."""
    if value < 100_000:
        return str(value)
    size = float(value)
    for unit in "kMGT":
        size /= 1000
        if size < 999.5:
            return f"{size:.1f}{unit}" if size < 99.95 else f"{size:.0f}{unit}"
    return f"{size:.0f}T"

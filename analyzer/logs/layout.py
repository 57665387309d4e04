"""How one text log is built: what kind of lines, where their time stands, where a record begins and ends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from analyzer.logs.records import Record, text_record
from analyzer.logs.stamps import HEAD, Stamp, find_stamp
from analyzer.logs.structured import csv_header, csv_record, json_record, parse_json_line, w3c_record
from analyzer.values import dataclass, replace

__all__ = ["Layout", "learn_layout", "w3c_fields"]

_CONTINUES = re.compile(
    r"\s+\S|\s*$|at \S+\(|Caused by|Traceback \(|During handling of|The above exception|---|\.\.\. \d+ more"
    r"|Suppressed:|stack backtrace"
    r"|goroutine \d|\}|\)|==> "
)
_SLACK = 12
"""How much further right than usual a time may stand: a thread id or a level word of another length."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the head of a log taught."""

    format: str
    """text, json-lines, csv or w3c."""
    form: str | None = None
    """The form of time (see `analyzer.logs.stamps`) that opens its records; None when its lines carry none."""
    column: int = 0
    """The furthest place at which that time was seen."""
    utc: bool = False
    delimiter: str = ","
    names: tuple[str, ...] = ()
    dated_below: bool = False
    """The time of a record stands below its words, as the trace listeners of .NET Framework write it."""

    def stamp(self, line: str) -> Stamp | None:
        """Return the time that opens a record on this line; None on a line that continues one."""
        if self.form is None or self.dated_below:
            return None
        stamp = find_stamp(line, self.form)
        if stamp is None:
            return None
        limit = self.column + _SLACK if stamp.form == self.form else 2
        return stamp if stamp.start <= limit else None

    def continues(self, line: str, previous: str | None) -> bool:
        """Tell whether ``line`` belongs to the record of the line before it."""
        if self.format == "json-lines" or self.format == "w3c":
            return False
        if self.format == "csv":
            return self.stamp(line) is None and line.count(self.delimiter) < len(self.names) - 2
        if self.form is not None and not self.dated_below:
            return self.stamp(line) is None
        if _CONTINUES.match(line):
            return True
        return previous is not None and previous[:1] in " \t" and bool(_EXCEPTION_LINE.match(line))

    def record(self, line: int, text: str, names: Sequence[str]) -> Record:
        """Return the record of the lines ``text``; ``names`` are the W3C columns in force there."""
        found: Record | None = None
        if self.format == "json-lines":
            value = parse_json_line(text)
            if value is not None:
                found = json_record(line, value, text)
                if found.stamp is None:
                    found = replace(found, stamp=find_stamp(text))
        elif self.format == "csv":
            found = csv_record(line, text, self.delimiter, self.names)
        elif self.format == "w3c" and names:
            found = w3c_record(line, text, names)
        if found is not None:
            return found
        if self.dated_below:
            below = _DATED.search(text)
            return replace(text_record(line, text, None), stamp=find_stamp(below[0].lstrip()) if below else None)
        first = text.partition("\n")[0]
        return text_record(line, text, self.stamp(first) or (find_stamp(first) if self.form is None else None))


_DATED = re.compile(r"(?m)^[ \t]+DateTime=.*")
_EXCEPTION_LINE = re.compile(r"[\w.]*(?:Error|Exception|Exit|Interrupt)\b")


def w3c_fields(line: str) -> tuple[str, ...] | None:
    """Return the column names of a ``#Fields:`` directive; None for any other line."""
    return tuple(line[8:].split()) if line.startswith("#Fields:") else None


def learn_layout(lines: Sequence[str]) -> Layout:
    """Return the layout that the first lines of a log show."""
    full = [line for line in lines if line.strip()]
    if any(line.startswith("#Fields:") for line in full):
        return Layout("w3c", "iso", 0, utc=True)
    objects = sum(1 for line in full if line.lstrip()[:1] == "{" and parse_json_line(line) is not None)
    prefixed = sum(
        1 for line in full if "{" in line[:HEAD] and line.rstrip().endswith("}") and parse_json_line(line) is not None
    )
    form, column = _time_column(full)
    if full and max(objects, prefixed) * 2 > len(full):
        return Layout("json-lines", form, column)
    header = csv_header(full[0]) if full else None
    if header is not None and (len(full) == 1 or any(line.count(header[0]) >= len(header[1]) - 1 for line in full[1:])):
        return Layout("csv", form, column, delimiter=header[0], names=tuple(header[1]))
    below = sum(1 for line in full if _DATED.match(line))
    dated_below = below > 0 and below * 2 > sum(1 for line in full if find_stamp(line) is not None)
    return Layout("text", form, column, dated_below=dated_below)


def _time_column(lines: Sequence[str]) -> tuple[str | None, int]:
    """Return the usual form of time and the furthest usual place of it."""
    stamps = [stamp for line in lines if (stamp := find_stamp(line)) is not None]
    if not stamps:
        return None, 0
    forms = Counter(stamp.form for stamp in stamps)
    # Of equals the fuller form wins: a bare time of day is also the tail of something else.
    form = max(forms, key=lambda name: (forms[name], name != "time"))
    places = sorted(stamp.start for stamp in stamps if stamp.form == form)
    usual = Counter(places).most_common(1)[0][0]
    near = [place for place in places if place <= usual + _SLACK]
    return form, max(near)

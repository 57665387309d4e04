"""Stream a text log of any size and keep what concerns sockets, in bounded memory.

Bytes are searched for a few byte strings without which no record can hold the error; only records around a hit are
decoded and understood, with the steps and failures that lead up to it. `LogScanner.feed` takes pieces of any size:
work is done in blocks of fixed places, so the result does not depend on how the bytes arrive.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right

from analyzer.logs.block import Block
from analyzer.logs.encodings import Decoder, sniff_wide
from analyzer.logs.layout import Layout, learn_layout, w3c_fields
from analyzer.logs.model import LogEvent
from analyzer.logs.records import events_of
from analyzer.logs.stamps import Stamp
from analyzer.values import dataclass

__all__ = ["MAX_ERRORS", "MAX_OTHERS", "LogScanner", "Scan"]

MAX_ERRORS = 100_000
MAX_OTHERS = 50_000
BLOCK = 4 << 20
LOOK_BACK = 4 << 20
LOOK_AHEAD = 256 << 10
_HEAD = 64 << 10
_RECORD_BYTES = 64 << 10
_LONG = 12 << 10
_BACK_LINES = 400
_AHEAD_LINES = 60
_BEFORE_ERROR = 100
_AFTER_ERROR = 40
_SAME_ENDPOINT = 40
_AT_START = 500
_MAX_CONTEXT_LINES = 100_000

_ASCII_NUMBER = b"10057"
_WORD_BEFORE = re.compile(rb"(?i)rr|wsa|ail|xception|code|status|reason|ret|rc|result|[:=>] ?$|[\x80-\xff]")
_ID_BEFORE = re.compile(
    rb"(?i)(?:^|[^a-z])(?:pid|port|row|line|id|tid|thread|process|request|job|order|user)[ =:#\"]{1,3}$|\w\[$"
)
_MAX_SEARCHES = 4000
_MOST_IN_LINE = 60
"""Hits of one line that are looked at: a line of many megabytes is no record, and looking at each would take hours."""


@dataclass(slots=True)
class Scan:
    """What a scan found; times still as written."""

    encoding: str
    layout: Layout
    lines: int
    size: int
    events: list[tuple[LogEvent, Stamp | None]]
    seen: list[tuple[int, Stamp]]
    """(line, time) of a sample of records from the whole file and of every kept one."""
    errors_seen: int
    errors_dropped: int


class LogScanner:
    """Feed bytes, then `close`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._head = bytearray()
        self._wide: codecs.IncrementalDecoder | None = None
        self._encoding: str | None = None
        self._decoder = Decoder()
        self._layout: Layout | None = None
        self._buffer = bytearray()
        self._base = 0  # absolute place of the buffer's first byte
        self._base_line = 1  # its line number
        self._fresh = 0  # absolute place up to which the log is done
        self._size = 0
        self._records: dict[int, list[tuple[LogEvent, Stamp | None]]] = {}
        self._visited: set[int] = set()
        self._seen: dict[int, Stamp] = {}
        self._directives: list[tuple[int, tuple[str, ...]]] = []
        self._errors = 0
        self._kept = 0
        self._others = 0
        self._context_lines = 0
        self._ids: dict[bytes, bool] = {}
        self._searched: dict[bytes, int] = {}
        self._searches = 0
        self._looked_at = 0  # hits of the line that the last one lies in
        self._done_before = 0  # lines before this place were looked through for steps
        self._follow: tuple[int, int] = (0, 0)  # look for steps up to this place, that many more

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the log."""
        self._size += len(data)
        if self._layout is None:
            self._head += data
            if len(self._head) >= _HEAD:
                self._begin()
            return
        self._take(data)

    def close(self) -> Scan:
        """Finish and return what was found."""
        if self._layout is None:
            self._begin()
        assert self._layout is not None
        if self._wide is not None:
            self._buffer += self._wide.decode(b"", final=True).encode()
        self._work(final=True)
        end = bytes(self._buffer)
        lines = self._base_line - 1 + end.count(b"\n") + (not end.endswith(b"\n") and bool(end))
        ordered = [row for place in sorted(self._records) for row in self._records[place]]
        return Scan(
            self._encoding or self._decoder.name,
            self._layout,
            lines,
            self._size,
            ordered,
            sorted(self._seen.items()),
            self._errors,
            self._errors - self._kept,
        )

    def _begin(self) -> None:
        head = bytes(self._head)
        self._head.clear()
        name, mark = sniff_wide(head)
        rest = head[mark:]
        if name is not None:
            self._encoding = name
            if name != "utf-8-sig":
                self._wide = codecs.getincrementaldecoder(name)("replace")
        sample = head[mark:_HEAD]
        text = sample.decode(name or "latin-1", "replace") if self._wide is not None else self._decode_lines(sample)
        lines = text.splitlines()
        if len(head) >= _HEAD and len(lines) > 1:
            lines.pop()
        self._layout = learn_layout(lines[:400])
        self._follow = (LOOK_BACK, _AT_START)
        self._take(rest)

    def _decode_lines(self, data: bytes) -> str:
        return "\n".join(self._decoder.decode(line) for line in data.split(b"\n"))

    def _take(self, data: bytes) -> None:
        if self._wide is not None:
            data = self._wide.decode(data).encode("utf-8", "replace")
        # Pieces are taken at fixed places so that memory stays bounded whatever the caller hands over.
        for start in range(0, len(data), BLOCK):
            self._buffer += data[start : start + BLOCK]
            self._work(final=False)

    def _work(self, *, final: bool) -> None:
        while True:
            end = self._base + len(self._buffer)
            stop = min(self._fresh + BLOCK, end)
            if final:
                if self._fresh >= end:
                    return
            elif end < self._fresh + BLOCK + LOOK_AHEAD:
                return
            reach = self._fresh + BLOCK + LOOK_AHEAD - self._base
            with memoryview(self._buffer) as view:
                data = bytes(view[:reach])
            block = Block(data, self._base, self._base_line)
            self._block(block, self._fresh, stop, last=final and stop == end)
            self._fresh = stop
            self._forget(block)

    def _forget(self, block: Block) -> None:
        keep = max(block.base, self._fresh - LOOK_BACK)
        if keep > block.base:
            keep = block.line_start(keep, _RECORD_BYTES)
            self._base_line = block.line_of(keep, once=True)
            del self._buffer[: keep - self._base]
            self._base = keep
            self._visited = {place for place in self._visited if place >= keep}

    def _block(self, block: Block, low: int, high: int, *, last: bool) -> None:
        assert self._layout is not None
        if self._layout.format == "w3c":
            for place in block.find(b"#Fields:", low, high):
                fields = w3c_fields(self._text(block, place, block.line_end(place)))
                if fields:
                    self._directives.append((place, fields))
        self._sample(block, low, high, last=last)
        reach = before = low
        data, base, ids = block.data, block.base, self._ids
        for place in block.hits(low, high):
            if data.rfind(b"\n", before - base, place - base) >= 0:
                self._looked_at = 0
            before = place
            if place < reach or self._looked_at >= _MOST_IN_LINE:
                continue
            self._looked_at += 1
            at = place - base
            # Where every line carries the number as an id, to ask costs more than to look it up here.
            if ids.get(data[at - 10 if at > 10 else 0 : at + 9]) or not self._worth(block, place):
                continue
            if self._kept >= MAX_ERRORS:
                self._errors += 1
                reach = block.line_end(place)
                continue
            reach = self._error_at(block, place) or reach
        self._steps_after(block, low, high)

    def _worth(self, block: Block, place: int) -> bool:
        """Tell cheaply whether a hit can be an error: a file may carry 10057 as process id in every line."""
        assert self._layout is not None
        data, at = block.data, place - block.base
        if self._layout.format in ("csv", "w3c") or not data.startswith(_ASCII_NUMBER, at):
            return True
        # What stands around an id is the same on every line, so the answer is remembered by it.
        around = data[max(0, at - 10) : at + 9]
        is_id = self._ids.get(around)
        if is_id is None:
            if len(self._ids) > 10_000:
                self._ids.clear()
            before = data[max(0, at - 10) : at]
            is_id = data.startswith(b" ---", at + 5) or (_ID_BEFORE.search(before) is not None and b"\n" not in before)
            self._ids[around] = is_id
        if is_id:
            return False
        if data[max(0, at - 4) : at].endswith(b"0x") or _WORD_BEFORE.search(data, max(0, at - 48), at):
            return True
        return b"SA" in data[at : at + 24] or b"ocket" in data[at : at + 200] or b"\n" in data[max(0, at - 16) : at]

    def _error_at(self, block: Block, place: int) -> int | None:
        """Keep the record at ``place`` if it holds the error; return where it ends, None when it is no error."""
        start, end, events, stamp = self._record(block, place)
        if not any(event.kind == "error" for event, _ in events):
            return None
        self._errors += 1
        self._kept += 1
        self._keep(start, events, stamp)
        self._steps_before(block, start, [event for event, _ in events])
        self._follow = (end + LOOK_AHEAD, _AFTER_ERROR)
        self._done_before = max(self._done_before, end)
        return end

    def _record(self, block: Block, place: int) -> tuple[int, int, list[tuple[LogEvent, Stamp | None]], Stamp | None]:
        assert self._layout is not None
        start, end = self._extent(block, place)
        line = block.line_of(start)
        names: tuple[str, ...] = ()
        if self._directives:
            at = bisect_right(self._directives, start, key=lambda row: row[0]) - 1
            names = self._directives[max(at, 0)][1]
        text = self._text(block, start, end)
        if end - start > _LONG and place - start > _LONG // 2:
            # Only so much of a record is understood: its beginning and what stands around the hit.
            first = self._text(block, start, block.line_end(start, _LONG // 4))
            text = f"{first}\n{self._text(block, block.line_start(place, _LONG // 4), min(end, place + _LONG // 2))}"
        record = self._layout.record(line, text, names)
        return start, end, [(event, record.stamp) for event in events_of(record, self._path)], record.stamp

    def _keep(self, start: int, events: list[tuple[LogEvent, Stamp | None]], stamp: Stamp | None) -> None:
        self._visited.add(start)
        if start in self._records:
            return
        self._records[start] = events
        self._others += sum(1 for event, _ in events if event.kind != "error")
        if stamp is not None and events:
            self._seen[events[0][0].line] = stamp

    def _extent(self, block: Block, place: int) -> tuple[int, int]:
        """Return where the record around ``place`` begins and ends."""
        assert self._layout is not None
        layout = self._layout
        start = anchor = block.line_start(place, _RECORD_BYTES)
        end = block.line_end(place, _RECORD_BYTES)
        text = self._text(block, start, end)
        for _ in range(_BACK_LINES):
            if start <= block.base or anchor - start > _RECORD_BYTES:
                break
            before = block.line_start(start - 1, _RECORD_BYTES)
            previous = self._text(block, before, start - 1)
            if not layout.continues(text, previous):
                break
            start, text = before, previous
        else:
            start = anchor
        if layout.form is not None and start != anchor and layout.continues(text, None):
            # No record begins within reach: the line stands for itself.
            start = anchor
        for _ in range(_AHEAD_LINES):
            if end >= block.end or end - place > _RECORD_BYTES:
                break
            after = block.line_end(end + 1, _RECORD_BYTES)
            following = self._text(block, end + 1, after)
            if not following.strip() or not layout.continues(following, text):
                break
            end = after
        return start, end

    def _text(self, block: Block, start: int, end: int) -> str:
        data = block.data[start - block.base : end - block.base].rstrip(b"\r\n")
        return "\n".join(self._decoder.decode(line.rstrip(b"\r")) for line in data.split(b"\n"))

    def _steps_before(self, block: Block, start: int, errors: list[LogEvent]) -> None:
        """Keep the steps that led to an error: those right before it, and further back those of its endpoint."""
        if self._spent():
            return
        wanted = block.last_steps(max(block.base, self._done_before), start, _BEFORE_ERROR)
        for name in {event.endpoint_text for event in errors if event.endpoint_text}:
            needle, at = name.encode(), start
            low = max(block.base, self._searched.get(needle, 0))
            for _ in range(_SAME_ENDPOINT if self._searches < _MAX_SEARCHES else 0):
                self._searches += 1
                at = block.rfind(needle, low, at)
                if at < 0:
                    break
                wanted.append(block.line_start(at))
            if len(self._searched) > _MAX_SEARCHES:
                self._searched.clear()
            self._searched[needle] = start
        self._steps(block, sorted(set(wanted)))

    def _steps_after(self, block: Block, low: int, high: int) -> None:
        until, left = self._follow
        if until <= low or left <= 0 or self._spent():
            return
        # Errors inside the block have looked back over what lies before them; only what follows the last is left.
        places = block.steps(max(low, self._done_before), min(high, until), left)
        self._steps(block, places)
        self._follow = (until, left - len(places))
        if places:
            self._done_before = max(self._done_before, places[-1] + 1)

    def _spent(self) -> bool:
        return self._others >= MAX_OTHERS or self._context_lines >= _MAX_CONTEXT_LINES

    def _steps(self, block: Block, places: list[int]) -> None:
        reach = -1
        for place in places:
            if self._spent():
                return
            if place < reach or place in self._visited:
                continue
            self._visited.add(place)
            self._context_lines += 1
            start, end, events, stamp = self._record(block, place)
            reach = end
            if events and start not in self._records and not any(event.kind == "error" for event, _ in events):
                self._keep(start, events, stamp)

    def _sample(self, block: Block, low: int, high: int, *, last: bool) -> None:
        """Note the times of a few lines of the block: they tell the file's span and which of day and month is first."""
        assert self._layout is not None
        places = block.lines_from(low, 40 if low == 0 else 6)
        places += block.lines_from(low + (high - low) // 2, 4)
        if last:
            places += block.last_lines(high, 40)
        for start, end in places:
            text = self._text(block, start, min(end, start + 4096))
            stamp = self._layout.record(0, text, self._directives[-1][1] if self._directives else ()).stamp
            if stamp is not None and (self._layout.format != "text" or not self._layout.continues(text, None)):
                self._seen.setdefault(block.line_of(start), stamp)

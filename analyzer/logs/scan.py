"""Stream a text log of any size and keep what concerns sockets, in bounded memory.

Bytes are searched for a few byte strings without which no record can hold the error; only records around a hit are
decoded and understood, with the steps and failures that lead up to it. `LogScanner.feed` takes pieces of any size:
work is done in blocks of fixed places, so the result does not depend on how the bytes arrive.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from dataclasses import dataclass

from analyzer.logs.encodings import Decoder, sniff_wide
from analyzer.logs.layout import Layout, learn_layout, w3c_fields
from analyzer.logs.model import LogEvent
from analyzer.logs.phrases import LEGACY_NEEDLES
from analyzer.logs.records import events_of
from analyzer.logs.stamps import Stamp

__all__ = ["MAX_ERRORS", "MAX_OTHERS", "LogScanner", "Scan"]

MAX_ERRORS = 100_000
MAX_OTHERS = 50_000
BLOCK = 4 << 20
LOOK_BACK = 4 << 20
LOOK_AHEAD = 256 << 10
_HEAD = 64 << 10
_RECORD_BYTES = 64 << 10
_BACK_LINES = 400
_AHEAD_LINES = 60
_BEFORE_ERROR = 300
_AFTER_ERROR = 100
_SAME_ENDPOINT = 40
_AT_START = 2000
_MAX_CONTEXT_LINES = 100_000

_NEEDLES: tuple[bytes, ...] = (
    b"10057",
    b"2749",
    b"7014839",
    b"7952457",
    b"0000140",
    b"21225792",
    b"73741504",
    b"ENOTCONN",
    b"NotConnected",
    b"ot connected",
    b"YetConnected",
    b"0x02000039",
    b"0x0200006",
    b"on-connected sock",
    b"sallowed because",
    b"nicht verbunden",
    b"est pas connect",
    b"socket no",
    b"soquete n",
)
_SMALL_NUMBERS = (
    re.compile(rb"rr(?:no|or)\W{1,3}-?(?:107|57|4053)\b"),
    re.compile(rb"xception \((?:107|57)\)"),
)
"""Two patterns, since each opens with a fixed text and so is searched for fast; together they would not."""
_STEP = re.compile(
    rb"onnect|esolv|looking up|lookup|dispos|clos(?:e|ing)|shut ?down|tls|ssl|handshake|time[d-]? ?out|refus|reset"
    rb"|abort|eof|unreach|pool"
    rb"|recover|proxy|socks|listening|accepted|transfer|stor |retr |\b42[156][ -]|wsa|socket|errno|1[01]0\d\d"
    rb"|giving up|gave up|dialing"
    rb"|no such host|session|unplugged|verbind|ssexception|\xe6\x8e\xa5|\xe8\xbf\x9e"
)
_ASCII_NUMBER = b"10057"
_WORD_BEFORE = re.compile(rb"(?i)rr|wsa|ail|xception|code|status|reason|ret|rc|result|[:=>] ?$|[\x80-\xff]")


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
            block = _Block(bytes(self._buffer[:reach]), self._base, self._base_line)
            self._block(block, self._fresh, stop, last=final and stop == end)
            self._fresh = stop
            self._forget(block)

    def _forget(self, block: _Block) -> None:
        keep = max(block.base, self._fresh - LOOK_BACK)
        if keep > block.base:
            keep = block.line_start(keep)
            self._base_line = block.line_of(keep)
            del self._buffer[: keep - self._base]
            self._base = keep
            self._visited = {place for place in self._visited if place >= keep}

    def _block(self, block: _Block, low: int, high: int, *, last: bool) -> None:
        assert self._layout is not None
        if self._layout.format == "w3c":
            for place in block.find(b"#Fields:", low, high):
                fields = w3c_fields(self._text(block, place, block.line_end(place)))
                if fields:
                    self._directives.append((place, fields))
        self._sample(block, low, high, last=last)
        reach = low
        for place in block.hits(low, high):
            if place < reach or not self._worth(block, place):
                continue
            if self._kept >= MAX_ERRORS:
                self._errors += 1
                reach = block.line_end(place)
                continue
            reach = self._error_at(block, place) or reach
        self._steps_after(block, low, high)

    def _worth(self, block: _Block, place: int) -> bool:
        """Tell cheaply whether a hit can be an error: a file may carry 10057 as process id in every line."""
        if not block.at(place, _ASCII_NUMBER):
            return True
        data, at = block.data, place - block.base
        if data[max(0, at - 4) : at].endswith(b"0x") or _WORD_BEFORE.search(data, max(0, at - 48), at):
            return True
        return b"SA" in data[at : at + 24] or b"ocket" in data[at : at + 200] or b"\n" in data[max(0, at - 16) : at]

    def _error_at(self, block: _Block, place: int) -> int | None:
        """Keep the record at ``place`` if it holds the error; return where it ends, None when it is no error."""
        start, end, events, stamp = self._record(block, place)
        if not any(event.kind == "error" for event, _ in events):
            return None
        self._errors += 1
        self._kept += 1
        self._keep(start, events, stamp)
        self._steps_before(block, start, [event for event, _ in events])
        self._follow = (end + LOOK_AHEAD, _AFTER_ERROR)
        self._done_before = max(self._done_before, start)
        return end

    def _record(self, block: _Block, place: int) -> tuple[int, int, list[tuple[LogEvent, Stamp | None]], Stamp | None]:
        assert self._layout is not None
        start, end = self._extent(block, place)
        line = block.line_of(start)
        names: tuple[str, ...] = ()
        if self._directives:
            at = bisect_right(self._directives, start, key=lambda row: row[0]) - 1
            names = self._directives[max(at, 0)][1]
        record = self._layout.record(line, self._text(block, start, end), names)
        return start, end, [(event, record.stamp) for event in events_of(record, self._path)], record.stamp

    def _keep(self, start: int, events: list[tuple[LogEvent, Stamp | None]], stamp: Stamp | None) -> None:
        self._visited.add(start)
        if start in self._records:
            return
        self._records[start] = events
        self._others += sum(1 for event, _ in events if event.kind != "error")
        if stamp is not None and events:
            self._seen[events[0][0].line] = stamp

    def _extent(self, block: _Block, place: int) -> tuple[int, int]:
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

    def _text(self, block: _Block, start: int, end: int) -> str:
        data = block.data[start - block.base : end - block.base].rstrip(b"\r\n")
        return "\n".join(self._decoder.decode(line.rstrip(b"\r")) for line in data.split(b"\n"))

    def _steps_before(self, block: _Block, start: int, errors: list[LogEvent]) -> None:
        low = max(block.base, self._done_before)
        places = [place for place in block.steps(low, start) if place not in self._visited]
        wanted = places[-_BEFORE_ERROR:]
        named = {event.endpoint_text for event in errors if event.endpoint_text}
        for name in named:
            needle, at = name.encode(), start
            for _ in range(_SAME_ENDPOINT):
                at = block.rfind(needle, block.base, at)
                if at < 0:
                    break
                wanted.append(block.line_start(at))
        self._steps(block, sorted(set(wanted)))

    def _steps_after(self, block: _Block, low: int, high: int) -> None:
        until, left = self._follow
        if until <= low or left <= 0:
            return
        # Errors inside the block have looked back over what lies before them; only what follows the last is left.
        places = [
            place for place in block.steps(max(low, self._done_before), min(high, until)) if place not in self._visited
        ]
        places = places[:left]
        self._steps(block, places)
        self._follow = (until, left - len(places))
        if places:
            self._done_before = max(self._done_before, places[-1] + 1)

    def _steps(self, block: _Block, places: list[int]) -> None:
        reach = -1
        for place in places:
            if self._others >= MAX_OTHERS or self._context_lines >= _MAX_CONTEXT_LINES:
                return
            if place < reach or place in self._visited:
                continue
            self._visited.add(place)
            self._context_lines += 1
            start, end, events, stamp = self._record(block, place)
            reach = end
            if events and start not in self._records and not any(event.kind == "error" for event, _ in events):
                self._keep(start, events, stamp)

    def _sample(self, block: _Block, low: int, high: int, *, last: bool) -> None:
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


class _Block:
    """Bytes of the log with absolute places and line numbers."""

    _STRIDE = 64 << 10

    def __init__(self, data: bytes, base: int, line: int) -> None:
        self.data = data
        self.base = base
        self.end = base + len(data)
        self._line = line
        self._counts: list[int] = []
        self._lowered: bytes | None = None

    def hits(self, low: int, high: int) -> list[int]:
        """Return every place in [low, high) where a needle of the error begins, ascending."""
        found: list[int] = []
        needles = _NEEDLES if self.data.isascii() else _NEEDLES + LEGACY_NEEDLES
        for needle in needles:
            found += self.find(needle, low, high)
        first, last = low - self.base, high - self.base
        for pattern in _SMALL_NUMBERS:
            found += [match.start() + self.base for match in pattern.finditer(self.data, first, last)]
        found.sort()
        return found

    def find(self, needle: bytes, low: int, high: int) -> list[int]:
        """Return the places in [low, high) where ``needle`` begins; it may end beyond."""
        found: list[int] = []
        stop = min(high - self.base + len(needle) - 1, len(self.data))
        at = self.data.find(needle, low - self.base, stop)
        while at >= 0:
            found.append(at + self.base)
            at = self.data.find(needle, at + 1, stop)
        return found

    def rfind(self, needle: bytes, low: int, high: int) -> int:
        """Return the last place before ``high`` at which ``needle`` stands, -1 when there is none."""
        at = self.data.rfind(needle, low - self.base, high - self.base)
        return at + self.base if at >= 0 else -1

    def at(self, place: int, needle: bytes) -> bool:
        """Tell whether ``needle`` stands at ``place``."""
        return self.data.startswith(needle, place - self.base)

    def steps(self, low: int, high: int) -> list[int]:
        """Return the beginnings of the lines in [low, high) that may tell a step or a failure."""
        if self._lowered is None:
            self._lowered = self.data.lower()
        found: list[int] = []
        at, stop = low - self.base, high - self.base
        while at < stop:
            match = _STEP.search(self._lowered, at, stop)
            if match is None:
                break
            found.append(self.line_start(match.start() + self.base))
            newline = self.data.find(b"\n", match.end())
            if newline < 0:
                break
            at = newline + 1
        return found

    def line_start(self, place: int, reach: int = 1 << 40) -> int:
        """Return the first byte of the line at ``place``, at most ``reach`` bytes back."""
        at = place - self.base
        low = max(0, at - reach)
        return max(self.data.rfind(b"\n", low, at) + 1, low) + self.base

    def line_end(self, place: int, reach: int = 1 << 40) -> int:
        """Return the place of the newline that ends the line at ``place``, at most ``reach`` bytes on."""
        at = place - self.base
        newline = self.data.find(b"\n", at, at + reach)
        return (min(at + reach, len(self.data)) if newline < 0 else newline) + self.base

    def lines_from(self, place: int, count: int) -> list[tuple[int, int]]:
        """Return the spans of up to ``count`` whole lines that begin at or after ``place``."""
        spans: list[tuple[int, int]] = []
        start = place if self.line_start(place) == place else self.line_end(place) + 1
        while start < self.end and len(spans) < count:
            end = self.line_end(start)
            spans.append((start, end))
            start = end + 1
        return spans

    def last_lines(self, place: int, count: int) -> list[tuple[int, int]]:
        """Return the spans of up to ``count`` lines that end at or before ``place``."""
        spans: list[tuple[int, int]] = []
        end = place
        while end > self.base and len(spans) < count:
            start = self.line_start(end - 1 if self.data[end - 1 - self.base : end - self.base] == b"\n" else end)
            spans.append((start, end))
            end = start - 1 if start > self.base else start
        return spans

    def line_of(self, place: int) -> int:
        """Return the 1-based number of the line at ``place``."""
        stride = self._STRIDE
        if not self._counts:
            total = 0
            for start in range(0, len(self.data) + 1, stride):
                self._counts.append(total)
                total += self.data.count(b"\n", start, start + stride)
        slot = min((place - self.base) // stride, len(self._counts) - 1)
        return self._line + self._counts[slot] + self.data.count(b"\n", slot * stride, place - self.base)

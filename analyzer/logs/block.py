"""A stretch of a log's bytes that knows its absolute places and line numbers, and what in it is worth a look."""

from __future__ import annotations

import re

from analyzer.logs.phrases import LEGACY_NEEDLES

__all__ = ["Block"]

_STRIDE = 64 << 10

_NEEDLES: tuple[bytes, ...] = (
    b"10057",
    b"2749",
    b"0000140",
    b"ENOTCONN",
    b"enotconn",
    b"_NOT_CONNECTED",
    b"tConnected",
    b"ot connected",
    b"0x020000",
    b"on-connected sock",
    b"rong protocol or connection",
    b"::ConnectedState",
    b": device not open",
    b"determine peer address",
    b"nicht verbunden",
    b"est pas connect",
    b"socket no",
    # Of the long English text at least one piece survives a console that breaks lines anywhere.
    b"sallowed because",
    b"no address was",
)
_PATTERNS = (
    re.compile(rb"2147(?:014839|952457)"),
    re.compile(rb"rr(?:no|or)\W{1,3}-?(?:107|57|4053)\b"),
)
"""Patterns that open with a fixed text are searched for as fast as a fixed text; alternatives at the start are not."""
_STEP = re.compile(
    rb"onnect|esolv|looking up|lookup|dispos|clos(?:e|ing)|shut ?down|\btls|ssl|handshake|time[d-]? ?out|refus|\breset"
    rb"|abort|\beof|unreach|pool (?:is )?[edf]|recover|proxy|socks|listening|accepted|transfer (?:of|st|do|co|fi)"
    rb"|\bstor |\bretr |\b42[156][ -]|wsa|socket|errno|1[01]0\d\d\b|giving up|gave up|dialing|no such host"
    rb"|session (?:up|ex|with|to)|(?:link|channel|tunnel) (?:to|with)|attached"
    rb"|unplugged|verbind|\bsleep|roam|ssexception|\xe6\x8e\xa5|\xe8\xbf\x9e"
    rb"|network|wi-?fi|wlan|\bvpn|adapter|interface|\bmedia |address (?:ch|l)|\blease|resum|\bwo?ak|suspend"
    rb"|returned 0|-> 0|= 0|0 bytes|no (?:answer|reply|response)|deadline|cancel|inactiv|too long|hung up|premature"
    rb"|end(?:ed| of)\b|terminated|dropped|ephemeral|\bports?\b|\btrying |berschreitung"
)
"""Without one of these no step and no failure is told; lower-cased bytes."""


class Block:
    """Bytes of the log with absolute places and line numbers."""

    def __init__(self, data: bytes, base: int, line: int) -> None:
        self.data = data
        self.base = base
        self.end = base + len(data)
        self._line = line
        self._counts: list[int] = []

    def hits(self, low: int, high: int) -> list[int]:
        """Return every place in [low, high) where a needle of the error begins, ascending."""
        found: list[int] = []
        needles = _NEEDLES if self.data.isascii() else _NEEDLES + LEGACY_NEEDLES
        for needle in needles:
            found += self.find(needle, low, high)
        first, last = low - self.base, high - self.base
        for pattern in _PATTERNS:
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

    def steps(self, low: int, high: int, most: int) -> list[int]:
        """Return the beginnings of the first ``most`` lines in [low, high) that may tell a step or a failure."""
        found: list[int] = []
        for start in range(low, high, _STRIDE):
            found += self._steps_in(start, min(start + _STRIDE, high))
            if len(found) >= most:
                break
        return list(dict.fromkeys(found))[:most]

    def last_steps(self, low: int, high: int, most: int) -> list[int]:
        """Return the beginnings of the last ``most`` such lines in [low, high), ascending."""
        found: list[int] = []
        for end in range(high, low, -_STRIDE):
            found = self._steps_in(max(low, end - _STRIDE), end) + found
            if len(found) >= most:
                break
        return list(dict.fromkeys(found))[-most:]

    def _steps_in(self, low: int, high: int) -> list[int]:
        lowered = self.data[low - self.base : high - self.base].lower()
        found: list[int] = []
        at = 0
        while match := _STEP.search(lowered, at):
            found.append(self.line_start(match.start() + low))
            at = lowered.find(b"\n", match.end()) + 1
            if not at:
                break
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

    def line_of(self, place: int, *, once: bool = False) -> int:
        """Return the 1-based number of the line at ``place``; ``once`` when nothing more will be asked."""
        stride = _STRIDE
        if not self._counts and once:
            return self._line + self.data.count(b"\n", 0, place - self.base)
        if not self._counts:
            total = 0
            for start in range(0, len(self.data) + 1, stride):
                self._counts.append(total)
                total += self.data.count(b"\n", start, start + stride)
        slot = min((place - self.base) // stride, len(self._counts) - 1)
        return self._line + self._counts[slot] + self.data.count(b"\n", slot * stride, place - self.base)

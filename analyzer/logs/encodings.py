"""Which characters the bytes of a log are.

A byte order mark decides; then the pattern of NULs (UTF-16 without a mark); then UTF-8 validity, line by line,
since a log may be written by several programs; then, among the code pages of Windows, the one whose reading holds
known error texts or the fewest unlikely characters.
"""

from __future__ import annotations

import codecs
from collections import Counter

from analyzer.logs.phrases import find_phrases, fold

__all__ = ["Decoder", "looks_binary", "sniff_wide"]

LEGACY = ("cp1252", "cp850", "cp932", "cp936", "cp1251", "cp949")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_COMMON = frozenset("äöüÄÖÜßéèêëàâùûîïôçœÉÈÀñáíóúÁÍÓÚ¿¡ãõÃÕåøæÅØ§°«»–—“”„’…€µ")


def sniff_wide(head: bytes) -> tuple[str | None, int]:
    """Return the encoding that the first bytes fix and the length of the mark; (None, 0) for bytes of one-byte units.

    Without a mark, UTF-16 is taken when NULs stand on one side of the byte pairs only and the pairs read as text: of
    a Japanese log only spaces, digits and line ends have a NUL.
    """
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name, len(mark)
    pairs = len(head) // 2
    if pairs >= 4:
        even, odd = head[: pairs * 2 : 2].count(0), head[1 : pairs * 2 : 2].count(0)
        for name, full, empty in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
            if full > pairs * 0.04 and empty * 4 <= full and _reads_as(head[: pairs * 2], name):
                return name, 0
    return None, 0


def _reads_as(data: bytes, name: str) -> bool:
    text = data.decode(name, "replace")
    odd = sum(1 for char in text if not char.isprintable() and char not in "\t\r\n\f\x1b\u3000\u00a0\u202f")
    return odd <= len(text) * 0.02


def looks_binary(head: bytes) -> bool:
    """Tell whether bytes that are not UTF-16 are no text: many NULs or control characters."""
    if not head:
        return False
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return head.count(0) > len(head) * 0.05 or controls > len(head) * 0.04


_TELLING = 2000
_CONTROLS = bytes(byte for byte in range(1, 32) if byte not in b"\t\n\r\f\v\x08\x1b")


class Decoder:
    """Turn single lines into text; learn the code page of those that are not UTF-8 as they come."""

    def __init__(self) -> None:
        self._votes: Counter[str] = Counter()
        self._utf8 = False
        self.any_legacy = False

    @property
    def name(self) -> str:
        """The encoding found so far."""
        if self.any_legacy:
            return self._best()
        return "utf-8" if self._utf8 else "ascii"

    def decode(self, line: bytes) -> str:
        """Return the text of one line; never raises. What no encoding reads becomes U+FFFD."""
        if line.isascii():
            return line.decode("ascii")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as fault:
            if self._cut_at_end(line, fault):
                return line.decode("utf-8", "replace")
        else:
            self._utf8 = True
            return text
        self.any_legacy = True
        for name in LEGACY:
            self._votes[name] += _likelihood(line, name)
        return line.decode(self._best(), "replace")

    def _best(self) -> str:
        return max(LEGACY, key=lambda name: (self._votes[name], -LEGACY.index(name)))

    @staticmethod
    def _cut_at_end(line: bytes, fault: UnicodeDecodeError) -> bool:
        """Tell whether only the last character is damaged: a file that was cut, not another encoding."""
        return fault.start >= len(line) - 3 and not line[: fault.start].isascii()


def _likelihood(line: bytes, name: str) -> int:
    try:
        text = line.decode(name)
    except UnicodeDecodeError:
        return -50
    score = 100 * len(find_phrases(fold(text)))
    # A line of many kilobytes tells its encoding by its first foreign letters as well as by all.
    first = next((place for place, char in enumerate(text) if not char.isascii()), 0)
    text = text[max(0, first - 1) : first + _TELLING]
    for before, char, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if char.isascii():
            continue
        # Inside a word of ASCII letters it is an umlaut or accent that was taken together with its neighbour.
        wide = ord(char) >= 0x3000
        inside = (before.isascii() and before.isalpha()) or (after.isascii() and after.isalpha())
        score += -6 if wide and inside else _weight(char, name)
    return score


def _weight(char: str, name: str) -> int:
    point = ord(char)
    if name in ("cp1252", "cp850"):
        if char in _COMMON:
            return 4
        return 0 if char.isalpha() else -4
    if name == "cp1251":
        return 2 if 0x0400 <= point < 0x0460 else -3
    if 0x3040 <= point < 0x30FF:
        # A double-byte character stands for two bytes, so it may weigh as two letters of a single-byte page would.
        return 9 if name == "cp932" else -2
    if 0x4E00 <= point < 0xA000:
        return 3
    if 0xAC00 <= point < 0xD7A4:
        return 7 if name == "cp949" else -2
    if 0xFF61 <= point < 0xFFA0:
        return -4
    return -2

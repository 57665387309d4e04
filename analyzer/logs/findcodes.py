"""Tell an error code in a record from a number that only looks like one.

``10057`` may be a port, a process, a row or a byte count. A number counts only where an error-ish word stands right
before it, or a known error text in the record says the same; names, HRESULTs and NTSTATUS values speak for themselves.
"""

from __future__ import annotations

import re

from analyzer.logs.codes import (
    NOT_CONNECTED,
    ErrorCode,
    code_from_hresult,
    code_from_ntstatus,
    code_from_posix,
    code_from_symbol,
)
from analyzer.logs.phrases import MANAGED_GUARDS, find_phrases, fold
from analyzer.values import dataclass

__all__ = ["CodeHit", "find_codes"]


@dataclass(frozen=True, slots=True)
class CodeHit:
    """One error that a record names, at its first place."""

    place: int
    code: ErrorCode | None
    """None where a runtime refused by itself (`MANAGED_GUARDS`) or a program says no more than "Not connected."."""
    symbol: str
    is_not_connected: bool


_SYMBOL = re.compile(
    r"(?<![A-Za-z0-9])(?:WSA[A-Z_]{4,18}|E[A-Z]{4,15}|EAI_[A-Z]{4,8}|ERROR_[A-Z_]{10,24})(?![A-Za-z0-9_])"
)
_LOWER_SYMBOL = re.compile(
    r"(?<![A-Za-z0-9_])e(?:notconn|connrefused|connreset|connaborted|timedout|hostunreach|netunreach|pipe)(?![A-Za-z0-9_])"
)
"""Erlang and the shells of other languages write the names as atoms."""
_KIND = re.compile(
    r"(?:SocketErrorCode|SocketError|ErrorCode|ErrorKind|error ?code|error ?kind|kind|errno"
    r"|code)[\"']?\s*[=:.(]+:?\s*[\"']?([A-Z][A-Za-z]{5,24})\b"
    r"|Exception[^\n]{0,20}\(([A-Z][A-Za-z]{5,24})\)"
    r"|(?i:error)[\"']?: ?(NotConnected|Connection(?:Refused|Reset|Aborted)|TimedOut|(?:Host|Network)Unreachable)\b"
)
_HRESULT = re.compile(
    r"(?<![0-9A-Fa-f])(?:0x)?8007(27[0-9A-Fa-f]{2}|2[aA][fF][0-9A-Fa-f])\b|(?<![\w.])(-214701[34]\d{3}"
    r"|214795[23]\d{3})(?!\w)"
)
_NTSTATUS = re.compile(
    r"\b0x(C0000[0-9A-Fa-f]{3})\b|(?i:\bstatus\W{1,4})(C0000[0-9A-Fa-f]{3}|322122[5-6]\d{3}|-10737\d{5})\b",
    re.IGNORECASE,
)
_CHIP = re.compile(r"\b0x020000(39|6[bB])\b")
_HEX = re.compile(r"\b0x0*(27[2-9A-Fa-f][0-9A-Fa-f]|2[aA][fF][0-9A-Fa-f])\b")
_NUMBER = re.compile(r"(?<![\w.:/\\])(?<!\d-)(1[01]0\d\d)(?![\w%]|[.:,]\d|-\w)")
_SMALL = re.compile(
    r"(?i)(?:\berrno\b|\bos error\b|\buv_errno\b|socketexception\b|ioexception\b|\bwin32exception\b|\bwinerror\b"
    r"|win32-?status\b)"
    r"[\"'\s:=(\[]{1,4}(-?\d{2,4})(?!\d)"
)

_CATEGORY = re.compile(r"(\[|\basio\.|\s)system:(\d{2,5})(?![\w.:])")
"""An error code of Boost or of C++, with its category."""

_STRONG = (
    r"(?:errno|wsa ?error|win ?error|winsock(?:\W{0,2}err(?:or)?)?(?: code)?|wsaget\w*(?:\(\))?|getlasterror(?:\(\))?"
    r"|last ?(?:socket )?error|native ?error(?:code)?|socket ?exception|win32 ?exception|ioexception|oserror|wsa\w*"
    r"|socket[_ ]?error(?:code)?|socket ?err|os error|system error|sc-win32-status|win32-?status|errorcode"
    r"|error ?(?:code|no\.?|number|num|nr\.?|id|value)?|err(?:no|code)?|fehler(?:code|nummer)?|socketfehler(?:code)?"
    r"|erreur|code d'erreur|ошибк[аи]|błąd|hata|chyba|código(?: de error)?|エラー(?: ?コード)?|错误(?:代码|码)?|錯誤)"
)
_WEAK = (
    r"(?:fail(?:ed|ure|s)?|code|rc|ret(?:urned|val|urns|urn)?|result|status|reason|fehlgeschlagen|échoué|falló"
    r"|(?:send(?:to)?|recv(?:from)?|connect|shutdown|getpeername|setsockopt|receive|write|read"
    r"|accept)(?:\(\))?\s?(?:[:=]|[-=]>))"
)
_GLUE = (
    r"[\"'`\s:=#({\[\]<>,;.→-]*"
    r"(?:(?:with|mit|was|is|ist|by|code|no\.?|number|nr\.?|error|err|returned|occurred"
    r"|socket_error)[\"'\s:=#(\[.-]+){0,3}0*$"
)
_LEFT_STRONG = re.compile(rf"(?i)(?:^|[^A-Za-z]|(?<=[a-z])(?=E)){_STRONG}(?:\(\))?{_GLUE}")
_LEFT_WEAK = re.compile(rf"(?i)(?:^|[^A-Za-z]){_WEAK}(?:\(\))?{_GLUE}")
_LEVEL_THEN_ID = re.compile(r"(?:^|[\s|\[\]>])(?:ERROR|ERR|Error|Err|error|FEHLER|Fehler)\]?[\s(\[|]+$")
_COUNTED = re.compile(
    r"(?i)[\s)]*(?:ms|msecs?|millis\w*|us|s|secs?|seconds?|min|minutes?|k|b|[kmg]i?b|octets?|bytes?|rows?"
    r"|records?|items?"
    r"|orders?|lines?|files?|entries|packets?|messages?|requests?|jobs?|users?|customers?|times|events?|objects?"
    r"|documents?|invoices?|tickets?|tasks?|of \d|/ ?\d|zeilen|datensätze|lignes|filas|件|行|条)(?![A-Za-z])| ---"
)
_SOCKET_WORD = re.compile(
    r"(?i)socket|winsock|wsa|(?<![a-z])(?:send|recv|receive|connect)|\btcp\b|\budp\b|network|getpeername|shutdown|peer\b"
    r"|netzwerk|getaddrinfo|gethostby|resolv"
)
_SOCKETISH = re.compile(_SOCKET_WORD.pattern + r"|errno|winerror")
_BARE_FTP = re.compile(r"[\s\]\[|)-]*(?:ftp> *)?Not connected\.\s*$")
_SQUASHED = (
    "wasdisallowedbecausethesocketisnotconnected",
    "socketisnotconnected",
    "socketnichtverbundenist",
    "transportendpointisnotconnected",
)
_SQUASHABLE = re.compile(r"(?i)s\s*o\s*c\s*k\s*e\s*t|e\s*n\s*d\s*p\s*o\s*i\s*n\s*t")


# A search for a fixed part is many times faster than the pattern; most records hold none of them.
_HRESULT_PARTS = ("8007", "-214701", "214795")
_NTSTATUS_PARTS = ("C0000", "c0000", "322122", "-10737")


def find_codes(text: str) -> list[CodeHit]:
    """Return the distinct socket errors that a record names, in the order of their first place.

    ``text`` is a record without its time: a number right after a level word at its beginning is a thread or process.
    Never raises.
    """
    hits: dict[ErrorCode, tuple[int, str]] = {}

    def add(place: int, code: ErrorCode | None) -> None:
        if code is not None and (code not in hits or place < hits[code][0]):
            hits[code] = (place, code.symbol)

    for match in _SYMBOL.finditer(text):
        add(match.start(), code_from_symbol(match[0]))
    for match in _LOWER_SYMBOL.finditer(text):
        add(match.start(), code_from_symbol(match[0].upper()))
    for match in _KIND.finditer(text) if "rror" in text or "ind" in text or "ode" in text or "xception" in text else ():
        add(match.start(), code_from_symbol(match[1] or match[2] or match[3]))
    for match in _HRESULT.finditer(text) if any(part in text for part in _HRESULT_PARTS) else ():
        value = 0x80070000 | int(match[1], 16) if match[1] else int(match[2])
        add(match.start(), code_from_hresult(value))
    for match in _NTSTATUS.finditer(text) if any(part in text for part in _NTSTATUS_PARTS) else ():
        digits = match[1] or match[2]
        value = int(digits, 16) if digits[0] in "cC" else int(digits)
        add(match.start(), code_from_ntstatus(value))
    for match in _CHIP.finditer(text) if "0x0200" in text else ():
        add(match.start(), NOT_CONNECTED)
    folded = fold(text)
    spoken = find_phrases(folded)
    if not any(code == NOT_CONNECTED for _, code in spoken):
        spoken += _wrapped(folded, text)
    for place, code in spoken:
        add(place, code)
    said = {code for _, code in spoken}
    for match in _HEX.finditer(text) if "0x" in text else ():
        left = text[max(0, match.start() - 64) : match.start()]
        if _LEFT_STRONG.search(left) or _socketish_line(text, match.start()):
            add(match.start(), _member(int(match[1], 16)))
    for match in _NUMBER.finditer(text):
        number = _member(int(match[1]))
        if number is not None and (number in said or number in hits or _is_error_number(text, match)):
            add(match.start(), number)
    for match in _CATEGORY.finditer(text) if "system:" in text else ():
        if match[1].strip() or _FAILING.search(_line_at(text, match.start()).partition("system:")[0]):
            add(match.start(), code_from_posix(int(match[2]))[0])
    for match in _SMALL.finditer(text):
        small, certain = _small(match)
        if certain or (not hits and _SOCKET_WORD.search(_line_at(text, match.start()))):
            add(match.start(), small)
    found = [
        CodeHit(place, code, symbol, code == NOT_CONNECTED)
        for code, (place, symbol) in sorted(hits.items(), key=lambda item: item[1][0])
    ]
    if not any(hit.is_not_connected for hit in found):
        found += _guards(text, folded)
    return found


def _member(number: int) -> ErrorCode | None:
    try:
        return ErrorCode(number)
    except ValueError:
        return None


def _small(match: re.Match[str]) -> tuple[ErrorCode | None, bool]:
    number = int(match[1])
    word = match[0].lower()
    if "win32" in word or "winerror" in word:
        return (_member(number) if number in _WIN32 else None), True
    return code_from_posix(number)


_WIN32 = frozenset(code for code in ErrorCode if code < 2000)


def _is_error_number(text: str, match: re.Match[str]) -> bool:
    return not _COUNTED.match(text, match.end()) and _error_before(text, match.start())


def _error_before(text: str, place: int) -> bool:
    left = text[max(0, place - 96) : place]
    newline = left.rfind("\n")
    if newline >= 0 and place > 64:
        # A wrapped console line may part the word from its number; a new statement does not end in such a word.
        left = left.replace("\n", " ")
    level = _LEVEL_THEN_ID.search(left)
    if level is not None and _in_header(text, place):
        # ``ERROR 10057`` and ``Error [10057]`` are a thread or process; ``Error 10057 on send`` is a sentence.
        said = level[0].rstrip()
        return said[-1:] not in "[(" and not said.strip(" |[]>").isupper() and _socketish_line(text, place)
    left = _ASIDE.sub("", left)
    if _LEFT_STRONG.search(left):
        return True
    if _LEFT_WEAK.search(left) is not None:
        return _socketish_line(text, place)
    # "unable to write to socket [10057]", "send(): -1 (10057)"; but a word and its bracket are a tag and its process.
    line = _line_at(text, place)
    return _BRACKETED.search(text, max(0, place - 2), place) is not None and _failing(line, text[place : place + 5])


def _failing(line: str, number: str) -> bool:
    before = line.partition(number)[0]
    return _FAILING.search(before) is not None and _SOCKETISH.search(before) is not None


def _in_header(text: str, place: int) -> bool:
    """Tell whether only brackets, ids and a level word stand between the time and the number."""
    return place < 40 and _LEVEL_ONLY.fullmatch(text, 0, place) is not None


_BRACKETED = re.compile(r"\s[\[(]$")
_FAILING = re.compile(
    r"(?i)fail|unable|cannot|can't|could ?n[o']t|error|exception|-1\b|not ?connected|non connesso|abort|lost"
)
_ASIDE = re.compile(r"\s?\([^()]{1,60}\)")
"""An endpoint in brackets between "failed" and the number."""
_LEVEL_ONLY = re.compile(r"[\s\[\]()|:-]*(?:\d+[\s\[\]()|:-]+)?[A-Za-z]+[\s\[\]()|]+")


def _socketish_line(text: str, place: int) -> bool:
    return _SOCKETISH.search(_line_at(text, place)) is not None


def _line_at(text: str, place: int) -> str:
    end = text.find("\n", place)
    return text[text.rfind("\n", 0, place) + 1 : len(text) if end < 0 else end]


def _wrapped(folded: str, text: str) -> list[tuple[int, ErrorCode]]:
    """Return error texts that a console broke inside a word, by leaving out the line breaks or all space."""
    if not _SQUASHABLE.search(text):
        return []
    joined = fold(text.replace("\r", "").replace("\n", ""))
    found = find_phrases(joined)
    squashed = folded.replace(" ", "")
    if any(fragment in squashed for fragment in _SQUASHED) and not any(code == NOT_CONNECTED for _, code in found):
        match = _SQUASHABLE.search(text)
        found.append((match.start() if match else 0, NOT_CONNECTED))
    return found


def _guards(text: str, folded: str) -> list[CodeHit]:
    for fragment, exception in MANAGED_GUARDS:
        place = folded.find(fragment)
        if place >= 0:
            return [CodeHit(place, None, exception, True)]
    match = _BARE_FTP.fullmatch(text)
    return [CodeHit(0, None, "Not connected", True)] if match else []

"""Payload cut to what a verdict needs, as long as before: verbs, reply codes, record headers, refusals.

Everything is left out unless it is known to be harmless: a protocol that is not recognised becomes zeros. In text,
words of a short list stay and all others become ``x``, digits ``0``.
"""

from __future__ import annotations

import re

from analyzer.endpoint import format_address, parse_address
from analyzer.redaction.masks import Masks
from analyzer.redaction.tls import clean_tls, is_tls
from analyzer.redaction.words import COMMANDS, HEADER_VALUES, HEADERS, WORDS

__all__ = ["clean_payload", "clean_refusal", "clean_words"]

_METHOD = re.compile(rb"(?:GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT|TRACE) ")
_STATUS = re.compile(rb"HTTP/1\.[01] \d{3}")
_REPLY = re.compile(rb"\d{3}[ -]")
_COMMAND = re.compile(rb"([A-Za-z]{3,8})(?=[ \r\n]|$)")
_GENERAL = re.compile(rb"(?:\+OK|-ERR|SSH-[0-9.]{1,5}-|[*$]\d+\r\n|\+[A-Z]+\r\n|-[A-Z]{2,12} )")
_TOKEN = re.compile(rb"[0-9A-Za-z_'\x80-\xff]+")
_SPAN = re.compile(rb"(?<![\w.])\d{1,6}(?= ?(?:s|sec|secs|second|seconds|minute|minutes|ms)\b)")
_PASSIVE = re.compile(rb"(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3},\d{1,3})")
_PORT_LINE = re.compile(rb"PORT +(\d{1,3}(?:,\d{1,3}){3}),(\d{1,3},\d{1,3})[ ]*", re.IGNORECASE)
_EPRT_LINE = re.compile(rb"EPRT +([!-~])([12])\1([0-9A-Fa-f.:]+)\1(\d{1,5})\1", re.IGNORECASE)
_EXTENDED_LINE = re.compile(rb"229[ -].*\(([!-~])\1\1\d{1,5}\1\)")
_SOCKS_PORTS = frozenset((1080, 1081, 9050, 9150))
_MYSQL, _POSTGRES, _TDS = 3306, 5432, frozenset((1433, 1434))


def clean_words(text: bytes) -> bytes:
    """Return a server's text with the words that say nothing of the site; other letters are x, other digits 0."""
    spans = {match.start(): match.end() for match in _SPAN.finditer(text)}

    def swap(match: re.Match[bytes]) -> bytes:
        token = match.group()
        if token.decode("latin-1").lower() in WORDS or spans.get(match.start()) == match.end():
            return token
        return _blank(token)

    return _TOKEN.sub(swap, _printable(text))


def clean_refusal(text: str) -> str:
    """Return a refusal as a report quotes it, with its code and the words that say nothing of the site."""
    raw = text.encode("latin-1", "replace")
    lead = _STATUS.match(raw) or _REPLY.match(raw)
    end = lead.end() if lead is not None else 0
    return (raw[:end] + clean_words(raw[end:])).decode("latin-1")


def _printable(text: bytes) -> bytes:
    return bytes(byte if 32 <= byte < 127 or byte in b"\r\n\t" else 0x78 for byte in text)


def _blank(text: bytes) -> bytes:
    """Hide letters and digits, and keep the punctuation and the line ends."""
    return bytes(
        0x30 if 0x30 <= byte <= 0x39 else byte if byte in b"\r\n\t !\"#$%&'()*+,-./:;<=>?@[]^_{|}~\\`" else 0x78
        for byte in text
    )


def clean_payload(data: bytes, source_port: int, destination_port: int, masks: Masks) -> bytes:
    """Return the payload of one TCP segment, as long as it was."""
    if is_tls(data):
        return clean_tls(data, masks)
    ports = frozenset((source_port, destination_port))
    binary = _binary(data, ports, masks)
    if binary is not None:
        return binary.ljust(len(data), b"\0")[: len(data)]
    command = _COMMAND.match(data)
    if _METHOD.match(data) or _STATUS.match(data):
        return _http(data, masks)
    if _REPLY.match(data) or _GENERAL.match(data):
        return _lines(data, masks)
    if command is not None and command[1].upper() in COMMANDS:
        return _lines(data, masks)
    return bytes(len(data))


# -- text ----------------------------------------------------------------------------------------------------------


def _lines(data: bytes, masks: Masks) -> bytes:
    return b"".join(_line(line, masks) for line in data.splitlines(keepends=True))


def _line(line: bytes, masks: Masks) -> bytes:
    body = line.rstrip(b"\r\n")
    ending = line[len(body) :]
    if _EXTENDED_LINE.match(body):
        start = body.rindex(b"(")
        return body[:4] + clean_words(body[4:start]) + body[start:] + ending
    found = _announcement(body, masks)
    if found is not None:
        return found + ending
    if _REPLY.match(body):
        return body[:4] + clean_words(body[4:]) + ending
    general = _GENERAL.match(line)
    if general is not None:
        kept = line[: general.end()]
        if len(kept) > len(body):
            return kept
        rest = body[len(kept) :]
        return kept + (clean_words(rest) if line[:1] in b"+-S" else _blank(rest)) + ending
    command = _COMMAND.match(body)
    if command is not None and command[1].upper() in COMMANDS:
        return body[: command.end()] + _blank(body[command.end() :]) + ending
    return _blank(body) + ending


def _announcement(body: bytes, masks: Masks) -> bytes | None:
    """Rewrite a line that names an FTP data endpoint (RFC 959 §4.1.2, RFC 2428 §2) without changing its length."""
    port_line = _PORT_LINE.match(body)
    if port_line is not None:
        packed = _packed(port_line[1])
        return _fit(b"PORT ", _numbers(packed, masks), port_line[2], len(body))
    if body[:4] in (b"227 ", b"227-"):
        match = _PASSIVE.search(body, 4)
        if match is None:
            return None
        packed = _packed(b",".join(match.group(1, 2, 3, 4)))
        tail = _blank(body[match.end() :])
        room = len(body) - len(tail)
        made = _fit(body[:4] + b"(", _numbers(packed, masks), match[5], room, b"=")
        return made + tail
    extended = _EPRT_LINE.match(body)
    if extended is not None:
        mark, family = extended[1], extended[2]
        packed = parse_address(extended[3].decode("ascii", "replace")) or b""
        text = format_address(masks.address(packed)).encode() if packed else b"0.0.0.0"
        unspecified = b"::" if family == b"2" else b"0.0.0.0"
        for address in (text, unspecified):
            line = b"EPRT " + mark + family + mark + address + mark + extended[4] + mark
            if len(line) <= len(body):
                return b"EPRT " + b" " * (len(body) - len(line)) + line[5:]
    return None


def _packed(numbers: bytes) -> bytes:
    return bytes(min(int(one), 255) for one in numbers.split(b","))


def _numbers(packed: bytes, masks: Masks) -> bytes:
    return b",".join(str(byte).encode() for byte in masks.address(packed))


def _fit(lead: bytes, numbers: bytes, port: bytes, room: int, filler: bytes = b" ") -> bytes:
    """Put the numbers into ``room`` bytes. Where they do not fit, zeros stand for the sender's own address."""
    line = numbers + b"," + port
    if len(lead) + len(line) > room:
        # Servers behind a translator write zeros too, and clients take them for the address they talk to.
        line = b"0,0,0,0," + port
    gap = room - len(lead) - len(line)
    return lead[:4] + filler * max(0, gap) + lead[4:] + line


def _http(data: bytes, masks: Masks) -> bytes:
    head, blank, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    cleaned = [_start_line(lines[0], masks), *(_header(line, masks) for line in lines[1:])]
    return b"\r\n".join(cleaned) + blank + bytes(len(body))


def _start_line(line: bytes, masks: Masks) -> bytes:
    status = _STATUS.match(line)
    if status is not None:
        return line[: status.end()] + clean_words(line[status.end() :])
    method, _, rest = line.partition(b" ")
    target, space, version = rest.rpartition(b" ")
    if not version.startswith(b"HTTP/"):
        target, space, version = rest, b"", b""
    shown = _host(target, masks) if method == b"CONNECT" else _blank(target)
    return method + b" " + shown + space + version


def _header(line: bytes, masks: Masks) -> bytes:
    name, colon, value = line.partition(b":")
    low = name.strip().lower()
    if low not in HEADERS:
        return _blank(line)
    if low == b"host":
        lead = value[: len(value) - len(value.lstrip())]
        return name + colon + lead + _host(value[len(lead) :], masks)
    return name + colon + (_printable(value) if low in HEADER_VALUES else _blank(value))


def _host(text: bytes, masks: Masks) -> bytes:
    host, colon, port = text.rpartition(b":") if re.search(rb":\d+$", text) else (text, b"", b"")
    name = host.decode("latin-1")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name) or parse_address(name) is not None:
        return _blank(text)
    return masks.name(name).encode("ascii", "replace")[: len(host)].ljust(len(host), b"x") + colon + port


# -- binary --------------------------------------------------------------------------------------------------------


def _binary(data: bytes, ports: frozenset[int], masks: Masks) -> bytes | None:
    if _MYSQL in ports or data[3:5] == b"\x00\x0a":
        found = _mysql(data)
        if found is not None:
            return found
    if data[4:8] == b"\x00\x03\x00\x00" and int.from_bytes(data[:4], "big") == len(data):
        return data[:8]
    if data[:1] == b"E" and _POSTGRES in ports and len(data) >= 5:
        return data[:5] + b"\0".join(_field(one) for one in data[5:].split(b"\0"))
    if _POSTGRES in ports and data[:1].isalpha():
        return data[:5]
    if ports & _TDS and len(data) >= 8 and data[0] in (1, 2, 3, 4, 7, 14, 16, 17, 18):
        return data[:8]
    if ports & _SOCKS_PORTS:
        return _socks(data, masks)
    if data[:3] == b"\x05\x01\x00" or (len(data) == 2 and data[:1] == b"\x05"):
        return data[:3]
    return None


def _field(field: bytes) -> bytes:
    """One field of PostgreSQL's ErrorResponse: its kind, then its text."""
    if field[:1] in (b"S", b"V", b"C"):
        return field[:1] + (field[1:] if re.fullmatch(rb"[A-Z0-9]{0,10}", field[1:]) else _blank(field[1:]))
    return field[:1] + clean_words(field[1:])


def _mysql(data: bytes) -> bytes | None:
    if len(data) < 5:
        return None
    if int.from_bytes(data[:3], "little") != len(data) - 4:
        return data[:4]
    if data[4] == 0xFF:
        start = 13 if data[7:8] == b"#" else 7
        return data[:start] + clean_words(data[start:])
    return data[:5] if data[4] == 0x0A else data[:4]


def _socks(data: bytes, masks: Masks) -> bytes | None:
    """Versions, commands and replies of SOCKS 4 and 5 (RFC 1928 §4, §6)."""
    if data[:1] == b"\x05":
        if len(data) >= 10 and data[3] == 1:
            return data[:4] + masks.address(data[4:8]) + data[8:10]
        if len(data) >= 22 and data[3] == 4 and data[2] == 0:
            return data[:4] + masks.address(data[4:20]) + data[20:22]
        return data[: 5 if len(data) > 5 and data[2] == 0 and data[3] == 3 else 4]
    if data[:1] == b"\x04" and len(data) >= 8:
        return data[:4] + masks.address(data[4:8])
    if data[:1] == b"\0" and len(data) == 8:
        return data[:4] + masks.address(data[4:8])
    return None

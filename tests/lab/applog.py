"""What the failing application writes: its events, and the dozen shapes in which programs log them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

__all__ = ["FORMATS", "TEXTS", "AppLog", "LogStyle"]

# Windows' own texts (FormatMessage); Microsoft "Windows Sockets Error Codes"
TEXTS: dict[int, tuple[str, str]] = {
    10048: (
        "WSAEADDRINUSE",
        ("Only one usage of each socket address (protocol/network address/port) is normally permitted"),
    ),
    10053: ("WSAECONNABORTED", "An established connection was aborted by the software in your host machine"),
    10054: ("WSAECONNRESET", "An existing connection was forcibly closed by the remote host"),
    10057: (
        "WSAENOTCONN",
        (
            "A request to send or receive data was disallowed because the socket is not connected and (when sending "
            "on a datagram socket using a sendto call) no address was supplied"
        ),
    ),
    10060: (
        "WSAETIMEDOUT",
        (
            "A connection attempt failed because the connected party did not properly respond after a period of time, "
            "or established connection failed because connected host has failed to respond"
        ),
    ),
    10061: ("WSAECONNREFUSED", "No connection could be made because the target machine actively refused it"),
    10065: ("WSAEHOSTUNREACH", "A socket operation was attempted to an unreachable host"),
    10051: ("WSAENETUNREACH", "A socket operation was attempted to an unreachable network"),
    11001: ("WSAHOST_NOT_FOUND", "No such host is known"),
    11002: (
        "WSATRY_AGAIN",
        (
            "This is usually a temporary error during hostname resolution and means that the local server did not "
            "receive a response from an authoritative server"
        ),
    ),
}
_GERMAN = (
    "Eine Anforderung zum Senden oder Empfangen von Daten wurde verhindert, da der Socket nicht verbunden ist und "
    "(beim Senden über einen Datagrammsocket mit einem sendto-Aufruf) keine Adresse angegeben wurde"
)


@dataclass(frozen=True, slots=True)
class LogStyle:
    """Format, clock and habits of one application's log."""

    fmt: str
    zone_h: float = 0.0
    zone_shown: bool = False
    skew_s: float = 0.0
    endpoint: bool = True

    @classmethod
    def pick(cls, rng: random.Random) -> LogStyle:
        """A plausible mix: mostly the local clock without a zone, sometimes wrong by seconds."""
        fmt = rng.choice(_COMMON) if rng.random() < 0.8 else rng.choice(_RARE)
        zone = rng.choice((0.0, 0.0, 0.0, 1.0, 2.0, -5.0, 5.5))
        return cls(
            fmt=fmt,
            zone_h=zone,
            zone_shown=rng.random() < 0.3,
            skew_s=rng.choice((0.0, 0.0, 0.0, 0.0, 1.5, 3.0, -1.2)),
            endpoint=rng.random() < 0.78,
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    at: float
    level: str
    text: str
    call: str = ""
    code: int = 0
    endpoint: str = ""
    thread: int = 0


@dataclass(slots=True)
class AppLog:
    """Collects what the application would log, with true times; ``render`` writes it in a style."""

    rng: random.Random
    entries: list[_Entry] = field(default_factory=list)

    def say(self, text: str, at: float, level: str = "INFO") -> None:
        """One ordinary line at a true time (seconds since 1970)."""
        self.entries.append(_Entry(at, level, text, thread=self.rng.randrange(4, 31)))

    def failure(self, call: str, code: int, endpoint: str, at: float) -> None:
        """One socket error: WARN for the first of a chain, ERROR for 10057."""
        level = "ERROR" if code == 10057 else "WARN"
        self.entries.append(_Entry(at, level, "", call, code, endpoint, self.rng.randrange(4, 31)))

    def render(self, style: LogStyle) -> str:
        """The file's text."""
        logger = self.rng.choice(("Contoso.Transfer.Session", "Plant.Gateway.Link", "Acme.Net.Client"))
        host = self.rng.choice(("WIN-7Q2 svc_sync[988]", "APPSRV01 acme-agent[4312]", "GW-04 linkd[2210]"))
        write = FORMATS[style.fmt]
        lines: list[str] = []
        for entry in sorted(self.entries, key=lambda each: each.at):
            local = datetime.fromtimestamp(entry.at + style.skew_s, UTC) + timedelta(hours=style.zone_h)
            endpoint = entry.endpoint if style.endpoint else ""
            lines += write(_Line(local, style, entry, endpoint, logger, host))
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Line:
    local: datetime
    style: LogStyle
    entry: _Entry
    endpoint: str
    logger: str
    host: str

    @property
    def zone(self) -> str:
        if not self.style.zone_shown:
            return ""
        minutes = round(self.style.zone_h * 60)
        return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"

    @property
    def in_brackets(self) -> str:
        return f" ({self.endpoint})" if self.endpoint else ""

    @property
    def name(self) -> str:
        return TEXTS[self.entry.code][0]

    @property
    def message(self) -> str:
        return TEXTS[self.entry.code][1]


def _stamp(line: _Line, form: str, mark: str, digits: int) -> str:
    return line.local.strftime(form) + (mark + f"{line.local.microsecond:06d}0"[:digits] if digits else "")


def _iso(line: _Line) -> list[str]:
    entry = line.entry
    head = f"{_stamp(line, '%Y-%m-%dT%H:%M:%S', '.', 3)}{line.zone} {entry.level:<5} [net] "
    if not entry.code:
        return [head + entry.text]
    peer = f" peer={line.endpoint}" if line.endpoint else ""
    return [f"{head}{entry.call}(): {line.name} ({entry.code}) {line.message}{peer}"]


def _plain(line: _Line) -> list[str]:
    head = f"[{_stamp(line, '%Y-%m-%d %H:%M:%S', '.', 3)}] "
    if not line.entry.code:
        return [head + line.entry.text]
    return [f"{head}{line.entry.call} failed: {line.entry.code}{line.in_brackets}"]


_FRAMES = {
    "send": "Send(Byte[] buffer, Int32 offset, Int32 size, SocketFlags socketFlags)",
    "recv": "Receive(Byte[] buffer, Int32 offset, Int32 size, SocketFlags socketFlags)",
    "connect": "Connect(EndPoint remoteEP)",
    "shutdown": "Shutdown(SocketShutdown how)",
    "getpeername": "get_RemoteEndPoint()",
}


def _log4net(line: _Line) -> list[str]:
    entry = line.entry
    head = f"{_stamp(line, '%Y-%m-%d %H:%M:%S', ',', 3)} [{entry.thread}] {entry.level:<5} {line.logger} - "
    if not entry.code:
        return [head + entry.text]
    number = "0x80004005" if entry.thread % 2 else str(entry.code)
    frame = _FRAMES.get(entry.call, _FRAMES["send"])
    return [
        f"{head}{entry.call} failed{line.in_brackets}",
        f"System.Net.Sockets.SocketException ({number}): {line.message}",
        f"   at System.Net.Sockets.Socket.{frame}",
        f"   at {line.logger}.Flush() in Client.cs:line 214",
    ]


def _python(line: _Line) -> list[str]:
    entry = line.entry
    head = f"{_stamp(line, '%Y-%m-%d %H:%M:%S', ',', 3)} - app.client - {entry.level} - "
    if not entry.code:
        return [head + entry.text]
    return [
        f"{head}{entry.call} failed{line.in_brackets}",
        "Traceback (most recent call last):",
        f'  File "client.py", line 88, in {entry.call}',
        f"    self._sock.{entry.call}(buf)",
        f"OSError: [WinError {entry.code}] {line.message}",
    ]


def _serilog(line: _Line) -> list[str]:
    entry = line.entry
    record: dict[str, str] = {"@t": _stamp(line, "%Y-%m-%dT%H:%M:%S", ".", 7) + line.zone}
    if not entry.code:
        record["@mt"] = entry.text
    else:
        record["@mt"] = "{Op} to {Endpoint} failed" if line.endpoint else "{Op} failed"
        record["@l"] = "Error" if entry.level == "ERROR" else "Warning"
        record["@x"] = (
            f"System.Net.Sockets.SocketException ({entry.code}): {line.message}.\r\n"
            f"   at System.Net.Sockets.Socket.{_FRAMES.get(entry.call, _FRAMES['send'])}"
        )
        record["Op"] = entry.call
        if line.endpoint:
            record["Endpoint"] = line.endpoint
    record["SourceContext"] = line.logger
    return [json.dumps(record)]


def _nlog(line: _Line) -> list[str]:
    entry = line.entry
    head = f"{_stamp(line, '%Y-%m-%d %H:%M:%S', '.', 4)}|{entry.level}|{line.logger}|"
    if not entry.code:
        return [head + entry.text]
    status = "SocketErrorCode=NotConnected " if entry.code == 10057 else ""
    kind = "System.Net.Sockets.SocketException: " if entry.code == 10057 else ""
    text = f"{entry.call} failed{line.in_brackets} {status}NativeErrorCode={entry.code}|{kind}{line.message}"
    return [head + text]


def _syslog(line: _Line) -> list[str]:
    entry = line.entry
    head = f"{line.local.strftime('%b')} {line.local.day:2d} {line.local.strftime('%H:%M:%S')} {line.host}: "
    if not entry.code:
        return [head + entry.text]
    return [f"{head}{entry.call} error: WSAGetLastError()={entry.code} {line.name}{line.in_brackets}"]


def _epoch(line: _Line) -> list[str]:
    # an epoch has no zone: only the skew of the clock shows
    entry = line.entry
    head = f"{round((entry.at + line.style.skew_s) * 1000)} {entry.level[0]}/net: "
    if not entry.code:
        return [head + entry.text]
    return [f"{head}{entry.call} -> SOCKET_ERROR {entry.code}{line.in_brackets}"]


def _us_hex(line: _Line) -> list[str]:
    entry = line.entry
    hour = line.local.hour % 12 or 12
    date = f"{line.local.month}/{line.local.day}/{line.local.year}"
    head = f"{date} {hour}:{line.local.strftime('%M:%S %p')} {entry.level:<5} "
    if not entry.code:
        return [head + entry.text]
    return [f"{head}{entry.call} hr=0x{0x80070000 | entry.code:08X}{line.in_brackets}"]


def _go(line: _Line) -> list[str]:
    entry = line.entry
    head = _stamp(line, "%Y/%m/%d %H:%M:%S", "", 0) + " "
    if not entry.code:
        return [head + entry.text]
    verb, name = {"recv": ("read", "wsarecv"), "connect": ("dial", "connectex")}.get(entry.call, ("write", "wsasend"))
    where = f" tcp {line.endpoint}" if line.endpoint else ""
    return [f"{head}{verb}{where}: {name}: {line.message}."]


def _java(line: _Line) -> list[str]:
    entry = line.entry
    head = (
        f"{_stamp(line, '%Y-%m-%d %H:%M:%S', '.', 3)}{line.zone} [worker-{entry.thread}] {entry.level:<5} c.a.Link - "
    )
    if not entry.code:
        return [head + entry.text]
    texts = {10057: "Socket is not connected", 10061: "Connection refused", 10060: "Connection timed out"}
    text = texts.get(entry.code, "Connection reset" if entry.code == 10054 else line.message)
    return [
        f"{head}{entry.call} failed{line.in_brackets}",
        f"java.net.SocketException: {text}: {entry.call}",
        "\tat java.base/sun.nio.ch.Net.pollConnectNow(Net.java:672)",
    ]


def _german(line: _Line) -> list[str]:
    entry = line.entry
    level = {"ERROR": "FEHLER", "WARN": "WARNUNG"}.get(entry.level, "INFO")
    head = f"{_stamp(line, '%d.%m.%Y %H:%M:%S', ',', 3)} {level} "
    if not entry.code:
        return [head + entry.text]
    text = _GERMAN if entry.code == 10057 else line.message
    return [f"{head}{entry.call} fehlgeschlagen{line.in_brackets}: [{entry.code}] {text}"]


def _rust(line: _Line) -> list[str]:
    entry = line.entry
    head = f"[{_stamp(line, '%Y-%m-%dT%H:%M:%S', '.', 6)}{line.zone or 'Z'} {entry.level} gateway::link] "
    if not entry.code:
        return [head + entry.text]
    kinds = {10057: "NotConnected", 10054: "ConnectionReset", 10053: "ConnectionAborted", 10060: "TimedOut"}
    kind = kinds.get(entry.code, "Uncategorized")
    text = f'Os {{ code: {entry.code}, kind: {kind}, message: "{line.message}." }}'
    return [f"{head}{entry.call} failed{line.in_brackets}: {text}"]


FORMATS: dict[str, Callable[[_Line], list[str]]] = {
    "iso": _iso,
    "plain": _plain,
    "log4net": _log4net,
    "python": _python,
    "serilog": _serilog,
    "nlog": _nlog,
    "syslog": _syslog,
    "epoch": _epoch,
    "ushex": _us_hex,
    "go": _go,
    "java": _java,
    "german": _german,
    "rust": _rust,
}
_COMMON = ("iso", "plain", "log4net", "python", "serilog", "nlog", "syslog", "epoch")
_RARE = ("ushex", "go", "java", "german", "rust")

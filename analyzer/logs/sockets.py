"""Socket tables: netstat (Windows, Linux, macOS), ss, lsof -i, and Get-NetTCPConnection as table, list, CSV or JSON."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping
from typing import Literal

from analyzer.endpoint import Endpoint
from analyzer.logs.endpoints import address_of
from analyzer.logs.model import SocketRow

__all__ = ["is_socket_table", "parse_sockets"]

_STATES = {
    "ESTAB": "ESTABLISHED",
    "LISTENING": "LISTEN",
    "SYN-SENT": "SYN_SENT",
    "SYNSENT": "SYN_SENT",
    "SYN-RECV": "SYN_RECEIVED",
    "SYN_RECV": "SYN_RECEIVED",
    "SYN_RCVD": "SYN_RECEIVED",
    "SYNRECEIVED": "SYN_RECEIVED",
    "FIN-WAIT-1": "FIN_WAIT_1",
    "FIN_WAIT1": "FIN_WAIT_1",
    "FINWAIT1": "FIN_WAIT_1",
    "FIN-WAIT-2": "FIN_WAIT_2",
    "FIN_WAIT2": "FIN_WAIT_2",
    "FINWAIT2": "FIN_WAIT_2",
    "CLOSE-WAIT": "CLOSE_WAIT",
    "CLOSEWAIT": "CLOSE_WAIT",
    "LAST-ACK": "LAST_ACK",
    "LASTACK": "LAST_ACK",
    "TIME-WAIT": "TIME_WAIT",
    "TIMEWAIT": "TIME_WAIT",
    "UNCONN": "",
    "CLOSE": "CLOSED",
    "DELETETCB": "CLOSED",
    # German Windows translates the states.
    "ABHÖREN": "LISTEN",
    "ABHOEREN": "LISTEN",
    "HERGESTELLT": "ESTABLISHED",
    "WARTEND": "TIME_WAIT",
    "SCHLIESSEN_WARTEN": "CLOSE_WAIT",
    "SYN_GESENDET": "SYN_SENT",
    "SYN_EMPFANGEN": "SYN_RECEIVED",
    "FIN_WARTEN_1": "FIN_WAIT_1",
    "FIN_WARTEN_2": "FIN_WAIT_2",
    "SCHLIESSEND": "CLOSING",
    "LETZTE_BEST": "LAST_ACK",
}
_KNOWN = frozenset(_STATES.values()) | {"LISTEN", "CLOSING", "CLOSED", "BOUND", "ESTABLISHED", "IDLE"}
_MIB = {
    "1": "CLOSED",
    "2": "LISTEN",
    "3": "SYN_SENT",
    "4": "SYN_RECEIVED",
    "5": "ESTABLISHED",
    "6": "FIN_WAIT_1",
    "7": "FIN_WAIT_2",
    "8": "CLOSE_WAIT",
    "9": "CLOSING",
    "10": "LAST_ACK",
    "11": "TIME_WAIT",
    "12": "CLOSED",
    "100": "BOUND",
}
"""MIB_TCP_STATE, as ConvertTo-Json writes it."""

_ENDPOINT = re.compile(r"^(?P<host>\*|\[[^\]\s]+\]|[0-9A-Fa-f:.%*\w]+?)[:.](?P<port>\*|\d{1,5})$")
_USERS = re.compile(r'\(\("(?P<name>[^"]*)",pid=(?P<pid>\d+)')
_IMAGE = re.compile(r"^\s*\[(?P<name>[^\]\[]+\.\w{2,4})\]\s*$")
_LSOF = re.compile(
    r"^(?P<name>\S+)\s+(?P<pid>\d+)\s.*\b(?P<proto>TCP"
    r"|UDP)\s+(?P<local>\S+?)(?:->(?P<remote>\S+))?(?:\s+\((?P<state>[A-Z_0-9]+)\))?\s*$"
)
_HEADER = re.compile(
    r"(?im)^\s*(?:active (?:internet )?connections|aktive verbindungen|connexions actives|conexiones activas"
    r"|アクティブな接続|活动连接"
    r"|proto\s+(?:recv-q|local|lokale|adresse|dirección)|netid\s+state|state\s+recv-q|localaddress\s+localport"
    r"|\"?localaddress\"?,\"?localport|localaddress\s*:|[\[{]+\s*\"localaddress\"\s*:"
    r"|command\s+pid\s+user\s+fd)"
)
_ROW_START = re.compile(r"(?i)^\s*(?:tcp|udp)[46]{0,2}\s+\S+\s+\S+")


def is_socket_table(text: str) -> bool:
    """Tell whether the head of a file is the output of one of the known programs rather than a log."""
    lines = [line for line in text.splitlines()[:60] if line.strip()]
    if not lines:
        return False
    rows = sum(1 for line in lines if _ROW_START.match(line) and _netstat(line, 0) is not None)
    return rows * 2 > len(lines) or (
        _HEADER.search(text[:4000]) is not None and (rows > 0 or bool(parse_sockets(text[:16000])))
    )


def parse_sockets(text: str) -> tuple[SocketRow, ...]:
    """Return the rows of a socket table in any known form; lines that are no row are skipped. Never raises."""
    stripped = text.lstrip("\ufeff \r\n")
    if stripped[:1] in "[{" and '"' in stripped[:200]:
        rows = _from_json(stripped)
        if rows:
            return tuple(rows)
    lines = text.splitlines()
    for number, line in enumerate(lines):
        names = [name.strip(' "').lower() for name in line.split("," if "," in line else None)]
        if "localaddress" in names and "localport" in names:
            found = _from_csv(lines, number) if "," in line else _from_columns(lines, number, line)
            return tuple(found)
    if re.search(r"(?im)^LocalAddress\s*:", text):
        return tuple(_from_list(lines))
    rows = []
    for number, line in enumerate(lines, 1):
        image = _IMAGE.match(line)
        if image is not None and rows and rows[-1].process is None:
            last = rows[-1]
            rows[-1] = SocketRow(last.local, last.remote, last.state, last.pid, image["name"], last.protocol, last.line)
            continue
        row = _netstat(line, number) or _ss(line, number) or _lsof(line, number)
        if row is not None:
            rows.append(row)
    return tuple(rows)


def _state(word: str) -> str:
    upper = word.strip().upper()
    return _MIB.get(upper) or _STATES.get(upper, upper)


def _endpoint(text: str) -> tuple[bool, Endpoint | None]:
    """Return whether ``text`` is an endpoint column and the endpoint; None for a wildcard."""
    match = _ENDPOINT.match(text.strip())
    if match is None:
        return False, None
    host = match["host"].strip("[]")
    wild = host == "*" or match["port"] == "*"
    packed = address_of(host)
    if packed is None and not wild:
        return False, None
    if packed is None or wild or int(match["port"]) > 65535:
        return True, None
    return True, Endpoint(packed, int(match["port"]))


def _row(
    local: str, remote: str, state: str, pid: str | None, process: str | None, protocol: str, line: int
) -> SocketRow | None:
    is_local, local_end = _endpoint(local)
    is_remote, remote_end = _endpoint(remote)
    if not is_local or not is_remote:
        return None
    if remote_end is not None and remote_end.port == 0:
        remote_end = None
    kind: Literal["tcp", "udp"] = "udp" if protocol.lower().startswith("udp") else "tcp"
    number = int(pid) if pid is not None and pid.isascii() and pid.isdecimal() and len(pid) < 12 else None
    return SocketRow(local_end, remote_end, _state(state) if kind == "tcp" else "", number, process or None, kind, line)


def _netstat(line: str, number: int) -> SocketRow | None:
    if not _ROW_START.match(line):
        return None
    parts = line.split()
    # Linux and macOS put two queue lengths before the endpoints.
    if len(parts) > 4 and parts[1].isdecimal() and parts[2].isdecimal():
        parts = [parts[0], *parts[3:]]
    if len(parts) < 3:
        return None
    rest = parts[3:]
    state = ""
    if rest and not rest[0].isdecimal() and not re.match(r"\d+/|-$|users:", rest[0]):
        state, rest = rest[0], rest[1:]
    pid, process = None, None
    users = _USERS.search(line)
    if users is not None:
        pid, process = users["pid"], users["name"]
    elif rest:
        owner = next((word for word in rest if re.match(r"\d+(?:/|$)", word)), "")
        pid, _, process = owner.partition("/")
        process = process.rstrip(":") or None
    return _row(parts[1], parts[2], state, pid, process, parts[0], number)


def _ss(line: str, number: int) -> SocketRow | None:
    parts = line.split()
    protocol = "tcp"
    if parts and parts[0].lower() in ("tcp", "udp"):
        protocol = parts.pop(0).lower()
    if len(parts) < 5 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return None
    users = _USERS.search(line)
    pid, process = (users["pid"], users["name"]) if users is not None else (None, None)
    if _state(parts[0]) not in _KNOWN:
        return None
    return _row(parts[3], parts[4], parts[0], pid, process, protocol, number)


def _lsof(line: str, number: int) -> SocketRow | None:
    match = _LSOF.match(line)
    if match is None:
        return None
    return _row(
        match["local"],
        match["remote"] or "*:*",
        match["state"] or "",
        match["pid"],
        match["name"],
        match["proto"],
        number,
    )


def _from_fields(fields: Mapping[str, object], number: int) -> SocketRow | None:
    lower = {key.lower(): str(value) for key, value in fields.items() if value is not None}
    local, remote = lower.get("localaddress"), lower.get("remoteaddress", "*")
    if local is None or "localport" not in lower:
        return None
    return _row(
        f"[{local}]:{lower['localport']}",
        f"[{remote}]:{lower.get('remoteport') or '*'}",
        lower.get("state", ""),
        lower.get("owningprocess"),
        lower.get("processname"),
        "tcp" if "remoteport" in lower else "udp",
        number,
    )


def _from_json(text: str) -> list[SocketRow]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    rows = value if isinstance(value, list) else [value]
    return [row for one in rows if isinstance(one, dict) and (row := _from_fields(one, 0)) is not None]


def _from_csv(lines: list[str], header: int) -> Iterable[SocketRow]:
    try:
        for number, fields in enumerate(csv.DictReader(lines[header:]), header + 2):
            row = _from_fields({key: value for key, value in fields.items() if key}, number)
            if row is not None:
                yield row
    except csv.Error:
        return


def _from_columns(lines: list[str], header: int, line: str) -> Iterable[SocketRow]:
    names = line.split()
    for number, text in enumerate(lines[header + 1 :], header + 2):
        parts = text.split()
        if len(parts) < 4 or set(text) <= {"-", " "}:
            continue
        # AppliedSetting is empty for listeners, so what comes after it is read from the right.
        fields = dict(zip(names, parts, strict=False))
        if len(parts) < len(names) and names[-1].lower() == "owningprocess":
            fields["OwningProcess"] = parts[-1]
        row = _from_fields(fields, number)
        if row is not None:
            yield row


def _from_list(lines: list[str]) -> Iterable[SocketRow]:
    fields: dict[str, object] = {}
    first = 1
    for number, text in enumerate([*lines, ""], 1):
        key, separator, value = text.partition(":")
        if separator and key.strip() and " " not in key.strip():
            if not fields:
                first = number
            fields[key.strip()] = value.strip()
        elif fields:
            row = _from_fields(fields, first)
            fields = {}
            if row is not None:
                yield row

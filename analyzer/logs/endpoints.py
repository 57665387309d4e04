"""Find the endpoints that a record names and tell the remote one from the local one.

Forms: ``10.0.0.5:21``, ``[::1]:443``, ``::ffff:10.0.0.5``, ``host.example:443``, ``tcp://host:port``,
``host,1433`` (SQL Server), ``10.0.0.5 port 21``, ``host/10.0.0.5:21`` (Java), ``('10.0.0.5', 21)`` (Python),
``a:1->b:2`` (Go, lsof), ``L:/a:1 - R:/b:2`` (Netty), key=value pairs, ``from local port N``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from analyzer.endpoint import Endpoint, parse_address
from analyzer.values import dataclass

__all__ = ["Place", "Places", "endpoint_of", "find_places", "places_of_fields"]


@dataclass(frozen=True, slots=True)
class Place:
    """A host and port as written."""

    text: str
    host: str
    port: int | None

    @property
    def endpoint(self) -> Endpoint | None:
        """Address and port; None when either is missing."""
        packed = address_of(self.host)
        return None if packed is None or self.port is None else Endpoint(packed, self.port)

    @property
    def host_name(self) -> str | None:
        """The host when it is a name, or when there is no port to make an endpoint with."""
        return None if self.endpoint is not None else self.host or None


@dataclass(frozen=True, slots=True)
class Places:
    """What a record names."""

    remote: Place | None = None
    local: Place | None = None
    local_port: int | None = None


_V4 = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}"
_V6 = r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:" + _V4 + r")?(?:%\w+)?"
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
_PORT = r"[0-9]{1,5}(?![\d.:]\d|\d)"

_NUMERIC = re.compile(
    rf"(?<![\w.:])(?:\[(?P<v6>{_V6})\]|(?:::ffff:)?(?P<v4>{_V4}))"
    rf"(?:[:#](?P<port>{_PORT})|(?:,? (?:on )?(?:tcp )?port[ =:]{{1,2}}"
    rf"|,)(?P<port2>{_PORT})(?! ?[a-z]*=))?(?![\w]*\.\d)"
)
_NAMED = re.compile(rf"(?<![\w.:@%\\-])(?P<host>{_LABEL}(?:\.{_LABEL})+|localhost)\.?:(?P<port>{_PORT})(?![\w-])")
_CUED = re.compile(
    rf"(?i:\b(?:peer|host|server|remote|endpoint|address|target|destination|broker|to|with|at|on|resolving|lookup"
    rf"|looking up"
    rf"|dial tcp|connect|beginconnect)\b[ =:\"']{{1,3}})(?:tcp:|\w+://)?(?P<host>{_NAME})(?::|,"
    rf"|\s+(?:on )?port\s+)(?P<port>{_PORT})(?![\w-])"
)
_HOST_ONLY = re.compile(
    rf"(?i:\b(?:resolving|looking up|lookup|getaddrinfo(?: \w+)?|resolve host:?|could not resolve|peer"
    rf"|host(?:name)?|server|remote"
    rf"|connect(?:ing|ed)? to|begin ?connect)\b[ =:\"'(]{{1,3}})(?P<host>{_V4}|{_LABEL}(?:\.{_LABEL})+)(?![\w:(])"
)
_URL = re.compile(
    r"\b(?P<scheme>[a-z][a-z0-9+.-]{1,15})://(?:[^\s/@\"']*@)?(?P<host>\[[0-9A-Fa-f:.]+\]"
    r"|[\w.-]+)(?::(?P<port>\d{1,5}))?"
)
_TUPLE = re.compile(rf"\((?P<q>['\"])(?P<host>[^'\"]{{1,255}})(?P=q), ?(?P<port>{_PORT})(?:, ?\d+, ?\d+)?\)")
_ARROW = re.compile(r"\s*(?:-+>|=+>|→|<->)\s*$")
_LOCAL_CUE = re.compile(
    r"(?i)(?:\blocal(?: ?(?:end ?point|address|addr|socket))?|\bladdr|\bsource|\bsrc|\bbound (?:to|on)|\bL"
    r"|\blistening (?:on|at)"
    r"|\bself|\bsockname)['\"]?[ =:(\[/]{1,3}$"
)
_REMOTE_CUE = re.compile(
    r"(?i)(?:\bremote(?: ?(?:end ?point|address|addr|socket|host))?|\braddr|\bpeer(?:name)?|\bdest(?:ination)?"
    r"|\bdst|\bR|\bserver"
    r"|\bconnect(?:ed|ing)? to|\bto)['\"]?[ =:(\[/]{1,3}$"
)
_FROM_CUE = re.compile(r"(?i)\bfrom ['\"(]?$")
_LOCAL_PORT = re.compile(
    r"(?i)\b(?:(?:local|source|src|ephemeral|bound)[ _]?port|(?:accepted|accepting|listening|listens) on port)"
    r"[ =:\"'#]{1,3}(\d{1,5})(?!\d)"
)

_SCHEME_PORTS = {
    "http": 80,
    "ws": 80,
    "https": 443,
    "wss": 443,
    "ftp": 21,
    "ftps": 990,
    "sftp": 22,
    "ssh": 22,
    "smtp": 25,
    "amqp": 5672,
    "amqps": 5671,
    "mqtt": 1883,
    "mqtts": 8883,
    "redis": 6379,
    "rediss": 6379,
    "postgres": 5432,
    "postgresql": 5432,
    "mysql": 3306,
    "mongodb": 27017,
    "ldap": 389,
    "ldaps": 636,
    "net.tcp": 808,
}
_FILE_ENDINGS = frozenset(
    re.findall(
        r"\w+",
        "c cc cpp cs cshtml cxx dll exe fs go h hpp java js jsx kt lua m mjs pas php pl ps1 psm1 py pyc pyx "
        "rb rs scala sh so sql swift ts tsx txt vb vbs xaml xml json log cfg conf config ini yaml yml html "
        "htm csv bat cmd dat tmp ",
    )
)


def address_of(host: str) -> bytes | None:
    """Return the packed address of ``host``, an IPv4-mapped IPv6 address as IPv4; None for a name."""
    packed = parse_address(host)
    if packed is not None and len(packed) == 16 and packed[:12] == b"\0" * 10 + b"\xff\xff":
        return packed[12:]
    return packed


def endpoint_of(text: str) -> Endpoint | None:
    """Return the endpoint that the whole of ``text`` is; None when it is anything else."""
    found = _whole(text.strip())
    return found.endpoint if found is not None else None


def _whole(text: str) -> Place | None:
    """Read the value of an endpoint field: host and port, a URL, or a host alone."""
    text = text.strip().strip("\"'").removeprefix("tcp:").lstrip("/")
    if "/" in text and "://" not in text:
        text = text.rpartition("/")[2]
    url = _URL.match(text)
    if url:
        return _from_url(url)
    match = _NUMERIC.fullmatch(text)
    if match:
        return _from_numeric(match)
    packed = parse_address(text)
    if packed is not None:
        return Place(text, text, None)
    host, separator, port = text.rpartition(":") if ":" in text else text.rpartition(",")
    if separator and port.strip().isdecimal() and _valid(port) and re.fullmatch(_NAME, host):
        return Place(text, host, int(port))
    if re.fullmatch(_NAME, text) and not text.isdecimal():
        return Place(text, text, None)
    return None


def _valid(port: str | None) -> bool:
    return port is not None and 0 < int(port) < 65536


def _from_numeric(match: re.Match[str]) -> Place | None:
    port = match["port"] or match["port2"]
    if port is not None and not _valid(port):
        port = None
    host = match["v6"] or match["v4"]
    if match["v6"] and parse_address(match["v6"]) is None:
        return None
    return Place(match[0], host, int(port) if port else None)


def _from_url(match: re.Match[str]) -> Place | None:
    port = match["port"]
    if port is not None and not _valid(port):
        return None
    host = match["host"].strip("[]")
    number = int(port) if port else _SCHEME_PORTS.get(match["scheme"].lower())
    return Place(match[0], host, number) if number is not None else None


def _candidates(text: str) -> list[tuple[int, int, Place]]:
    found: list[tuple[int, int, Place]] = []

    def add(start: int, end: int, place: Place | None) -> None:
        if place is not None and not any(start < e and s < end for s, e, _ in found):
            found.append((start, end, place))

    for match in _URL.finditer(text) if "://" in text else ():
        add(match.start(), match.end(), _from_url(match))
    for match in _TUPLE.finditer(text) if "('" in text or '("' in text else ():
        if _valid(match["port"]):
            add(
                match.start(), match.end(), Place(f"{match['host']}:{match['port']}", match["host"], int(match["port"]))
            )
    for match in _NUMERIC.finditer(text):
        add(match.start(), match.end(), _from_numeric(match))
    for match in _NAMED.finditer(text):
        name = match["host"]
        ending = name.rpartition(".")[2].lower()
        # asio.system:10057 is an error and its category.
        if (
            _valid(match["port"])
            and ending not in _FILE_ENDINGS
            and not ending.isdecimal()
            and not name.startswith("asio.")
        ):
            add(match.start(), match.end(), Place(match[0], name, int(match["port"])))
    for match in _CUED.finditer(text):
        name = match["host"]
        ending = name.rpartition(".")[2].lower()
        if _valid(match["port"]) and not ending.isdecimal() and ("." not in name or ending not in _FILE_ENDINGS):
            add(match.start("host"), match.end(), Place(f"{name}:{match['port']}", name, int(match["port"])))
    if not found:
        for match in _HOST_ONLY.finditer(text):
            name = match["host"]
            ending = name.rpartition(".")[2].lower()
            if ending not in _FILE_ENDINGS:
                add(match.start("host"), match.end(), Place(name, name, None))
    return sorted(found, key=lambda row: row[0])


def find_places(text: str) -> Places:
    """Return the remote and local place that ``text`` names; all None where it names none.

    ``text`` may be a whole record with a stack trace; a time or a source position is no place.
    """
    port_match = _LOCAL_PORT.search(text)
    local_port = int(port_match[1]) if port_match and _valid(port_match[1]) else None
    remote: tuple[int, Place] | None = None
    local: Place | None = None
    previous_end, previous_place = -1, None
    for start, end, place in _candidates(text):
        before = text[max(0, start - 32) : start]
        if previous_place is not None and _ARROW.fullmatch(text[previous_end:start]):
            if remote is not None and remote[1] is previous_place:
                remote = None
            local, rank = previous_place, 3
        elif _LOCAL_CUE.search(before):
            local = local or place
            previous_end, previous_place = end, place
            continue
        elif _REMOTE_CUE.search(before):
            rank = 2 + (place.port is not None)
        elif _FROM_CUE.search(before) and remote is not None:
            local = local or place
            previous_end, previous_place = end, place
            continue
        else:
            rank = 2 if place.port is not None else 0
        if rank and (remote is None or rank > remote[0]):
            remote = (rank, place)
        elif remote is None and place.port is None:
            remote = (0, place)
        previous_end, previous_place = end, place
    if local is not None and local_port is None:
        local_port = local.port
    return Places(remote[1] if remote else None, local, local_port)


_FIELD_ROLES = (
    (
        re.compile(
            r"(?:remote|peer|server|target|dest(?:ination)?|dst|upstream)?[_ .-]?(?:end ?point|peer|address|addr"
            r"|url|uri|authority)"
        ),
        "remote",
    ),
    (re.compile(r"peer|remote|server|target|destination|dst|raddr|upstream|broker"), "remote"),
    (re.compile(r"(?:local|source|src|bind)[_ .-]?(?:end ?point|address|addr)|laddr|local|source_?ip|src"), "local"),
    (
        re.compile(
            r"(?:remote|peer|server|target|dest(?:ination)?|dst)?[_ .-]?(?:host(?:name)?|ip(?:address)?|address|addr)"
        ),
        "host",
    ),
    (re.compile(r"(?:remote|peer|server|target|dest(?:ination)?|dst)?[_ .-]?port"), "port"),
    (re.compile(r"(?:local|source|src|bind)[_ .-]?port|lport|sport"), "local_port"),
)


def places_of_fields(fields: Mapping[str, str]) -> Places:
    """Return the places that named fields of a structured record give; keys are matched without case.

    ``Endpoint``, ``RemoteEndPoint``, ``peer``, ``host`` with ``port``, ``LocalPort`` and their relatives are known.
    The name of the logging host itself (``Computer``, ``hostname`` without a port) is no place.
    """
    roles: dict[str, str] = {}
    for key, value in fields.items():
        short = key.rpartition(".")[2].strip().lower()
        for pattern, role in _FIELD_ROLES:
            if value and len(value) < 300 and pattern.fullmatch(short):
                roles.setdefault(role, value)
                break
    remote = _whole(roles["remote"]) if "remote" in roles else None
    local = _whole(roles["local"]) if "local" in roles else None
    port = roles.get("port", "").strip()
    if port.isdecimal() and len(port) <= 5 and _valid(port):
        host = remote.host if remote is not None and remote.port is None else roles.get("host", "").strip()
        if host and (remote is None or remote.port is None) and re.fullmatch(rf"{_V4}|{_V6}|{_NAME}", host):
            remote = Place(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", host, int(port))
    local_text = roles.get("local_port", "").strip()
    local_port = int(local_text) if local_text.isdecimal() and len(local_text) <= 5 and _valid(local_text) else None
    if local is not None and local_port is None:
        local_port = local.port
    if remote is not None and remote.port is None and parse_address(remote.host) is None:
        remote = None
    return Places(remote, local, local_port)

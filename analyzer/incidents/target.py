"""The endpoint that a person asks about, in any shape that people type, and the connections of a capture it means.

A host name is looked up in the capture alone: in its DNS answers, in the TLS server names (RFC 6066 §3) and HTTP Host
lines of its clients. What a name server says today is no proof of what it said then.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from difflib import get_close_matches

from analyzer.around.surroundings import Surroundings
from analyzer.capture.file import iter_frames
from analyzer.endpoint import Endpoint, format_address, parse_address
from analyzer.errors import UsageError
from analyzer.values import dataclass

__all__ = ["Target", "flows_of", "parse_target"]

_LABEL = r"[\w](?:[\w-]{0,61}[\w])?"
_NAME = re.compile(rf"(?!\d+$){_LABEL}(?:\.{_LABEL})*\.?")
_BRACKETED = re.compile(r"\[(?P<host>[^\[\]]*)\](?::(?P<port>.*))?")
_DOTTED_PORT = re.compile(r"(?P<host>\d+\.\d+\.\d+\.\d+)\.(?P<port>\d{1,5})")
"""As tcpdump and netstat of BSD write it."""
_FORMS = "write ADDRESS:PORT, such as 10.9.0.7:21 or [2001:db8::7]:443, a host name, or a port alone"
_SPEAKERS = re.compile(rb"\x16\x03|[A-Z]{3,8} ")
"""How a TLS ClientHello and an HTTP request begin."""
_MOST_HOSTS_NAMED = 4


@dataclass(frozen=True, slots=True)
class Target:
    """A host, by address or name, and a port; at least one is known."""

    packed: bytes | None = None
    name: str | None = None
    """As DNS writes it: lower case, no trailing dot, other scripts as ``xn--``."""
    port: int | None = None

    @property
    def host(self) -> str:
        """The name or the address as text; empty for a port alone."""
        return self.name or ("" if self.packed is None else format_address(self.packed))


def parse_target(text: str) -> Target:
    """Read ``10.9.0.7:21``, ``[2001:db8::7]:443``, an address or name with or without a port, ``:21``, or a URL.

    Raises ValueError for anything else, and for an IPv6 address whose last part may be a port.
    """
    bare = text.strip().partition("://")[2] or text.strip()
    scheme = text.strip().partition("://")[0] if bare != text.strip() else ""
    bare = re.split(r"[/?#]", bare, maxsplit=1)[0].rpartition("@")[2] if scheme else bare.removeprefix("tcp:")
    dotted = _DOTTED_PORT.fullmatch(bare)
    if dotted is not None:
        bare = f"{dotted['host']}:{dotted['port']}"
    if bare.isascii() and bare.isdecimal():
        return Target(port=_port(bare, text))
    bracketed = _BRACKETED.fullmatch(bare)
    if bracketed is not None and parse_address(bracketed["host"]) is not None:
        word = bracketed["port"] or scheme
        return Target(packed=parse_address(bracketed["host"]), port=_port(word, text) if word else None)
    whole = None if "[" in bare else parse_address(bare)
    host, colon, port = _split(bare)
    if whole is not None and not (":" in host and parse_address(host) is not None):
        return Target(packed=whole, port=_port(scheme, text) if scheme else None)
    if whole is not None:
        raise ValueError(f"{text!r} can be read in two ways; write [{host}]:{port} or [{bare}]")
    if not colon:
        return Target(name=_name(bare, text), port=_port(scheme, text) if scheme else None)
    number = _port(port, text)
    if host in ("", "*"):
        return Target(port=number)
    packed = parse_address(host)
    return Target(packed=packed, name=None if packed is not None else _name(host, text), port=number)


def _split(bare: str) -> tuple[str, str, str]:
    for mark in (":", ",", " "):
        host, found, port = bare.rpartition(mark)
        if found:
            return host.strip(), found, port.strip()
    return bare, "", ""


def _port(word: str, text: str) -> int:
    if word.isascii() and word.isdecimal() and len(word) <= 5 and 0 < int(word) < 65536:
        return int(word)
    try:
        return socket.getservbyname(word.lower(), "tcp")
    except (OSError, ValueError):
        raise ValueError(f"{text!r} is no endpoint; {_FORMS}") from None


def _name(host: str, text: str) -> str:
    try:
        if _NAME.fullmatch(host) and re.fullmatch(r"[\d.]+", host) is None:
            return (host if host.isascii() else host.encode("idna").decode()).lower().rstrip(".")
    except UnicodeError:
        pass
    raise ValueError(f"{text!r} is no endpoint; {_FORMS}")


def flows_of(target: Target, every: Sequence[Surroundings]) -> list[list[int]]:
    """Return, for each capture, the indexes of the flows that lead to the target or were opened by it.

    Raises UsageError when no capture knows the name, or when a port alone means several hosts.
    """
    if target.packed is not None:
        return [_rows({target.packed}, target.port, around) for around in every]
    if target.name is not None:
        return _named(target.name, target.port, every)
    assert target.port is not None
    found = [list(around.on_port(target.port)) for around in every]
    hosts = list(dict.fromkeys(row.responder for rows in found for row in rows))
    if len(hosts) > 1:
        some = ", ".join(map(str, hosts[:_MOST_HOSTS_NAMED])) + (" ..." if len(hosts) > _MOST_HOSTS_NAMED else "")
        raise UsageError(
            f"--endpoint {target.port}: connections lead to this port of {len(hosts)} hosts; name one: {some}"
        )
    return [[row.index for row in rows] for rows in found]


def _rows(addresses: set[bytes], port: int | None, around: Surroundings) -> list[int]:
    found: dict[int, None] = {}
    for packed in sorted(addresses):
        if port is not None:
            end = Endpoint(packed, port)
            rows = [row.index for row in around.to_responder(end)]
            rows += [row.index for row in around.from_host(packed) if row.initiator == end]
        else:
            rows = [row.index for row in (*around.to_host(packed), *around.from_host(packed))]
        found.update(dict.fromkeys(rows))
    return list(found)


def _named(name: str, port: int | None, every: Sequence[Surroundings]) -> list[list[int]]:
    known = False
    found: list[list[int]] = []
    for around in every:
        addresses = around.addresses_of(name)
        known = known or bool(addresses or around.lookups_of(name))
        rows = _rows(addresses, port, around)
        if not rows:
            rows = [index for index in _speaking_to(name, around) if port in (None, around.rows[index].responder.port)]
            known = known or bool(rows)
        found.append(rows)
    if not known:
        names = dict.fromkeys(lookup.name for around in every for lookup in around.lookups)
        near = get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]}?" if near else "give its address: 10.9.0.7:21"
        raise UsageError(
            f"--endpoint {name}: no DNS answer, TLS server name or HTTP Host of the capture tells this host; {hint}"
        )
    return found


def _speaking_to(name: str, around: Surroundings) -> list[int]:
    """Return the flows whose first words ask for a host of this name."""
    info = around.capture.info
    if info.path == "-":
        return []
    starts: dict[int, int] = {}
    for index, (words, _) in enumerate(around.capture.flows.heads()):
        if _SPEAKERS.match(words):
            frame = around.flow(index).initiator.head_frame
            if frame is not None:
                starts[frame] = index
    plain = re.escape(name.encode())
    asked = re.compile(
        rb"\x00" + re.escape(len(name).to_bytes(2, "big")) + plain + rb"|\r\nhost:[ \t]*" + plain + rb"\.?(?::\d+)?\r"
        rb"|(?:connect |://)" + plain + rb"\.?(?::\d+)?[ /]"
    )
    return [starts[raw.frame] for raw in iter_frames(info, starts) if asked.search(raw.data.lower())]

"""Secrets that payload or a text may hold in the clear: found, named by kind and place, never repeated."""

from __future__ import annotations

import re
from collections.abc import Iterable

from analyzer.errors import OutputError
from analyzer.values import dataclass

__all__ = ["Secret", "find_secrets", "refuse"]

_VALUE = rb"(?=[^\r\n]*[a-wyz1-9])"
"""Something other than what a redaction leaves stands there."""


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret that was found."""

    kind: str
    frame: int | None
    """In the original capture; None for a text."""


def _pattern(text: bytes) -> re.Pattern[bytes]:
    return re.compile(text, re.IGNORECASE | re.MULTILINE)


_PATTERNS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("password of a login (PASS)", _pattern(rb"^PASS " + _VALUE + rb"\S")),
    ("login with a password (LOGIN, AUTH)", _pattern(rb"^(?:[A-Z0-9.]{1,12} LOGIN \S+ \S|AUTH (?:PLAIN|LOGIN) +\S)")),
    ("password (Redis AUTH)", _pattern(rb"^\*[23]\r\n\$4\r\nAUTH\r\n\$\d+\r\n" + _VALUE)),
    (
        "credentials in an Authorization header",
        _pattern(rb"^(?:Proxy-)?Authorization: *(?:Basic|Bearer|Digest|NTLM|Negotiate|Token)[ ]+" + _VALUE + rb"\S{4}"),
    ),
    ("cookie", _pattern(rb"^(?:Set-)?Cookie: *" + _VALUE + rb"\S")),
    ("key in a header", _pattern(rb"^(?:X-Api-Key|Api-Key|X-Auth-Token|Private-Token): *" + _VALUE)),
    (
        "password or token in a field",
        _pattern(
            rb"""(?:password|passwd|pwd|secret|client_secret|access_token|refresh_token|api[_-]?key|token)["']?"""
            rb"""\s?[=:]\s?["']?(?=[^\s"'&;,]*[a-wyz1-9])[^\s"'&;,]{4,}"""
        ),
    ),
    ("JSON web token", re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")),
    (
        "access key",
        re.compile(
            rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[opsu]_[A-Za-z0-9]{36}|\bglpat-[\w-]{20}|\bxox[abpr]-[\w-]{10}"
        ),
    ),
    ("private key", re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")),
    ("password in an address", _pattern(rb"[a-z]{2,10}://[^\s/:@]+:(?=[^\s/@]*[a-wyz1-9])[^\s/@]+@")),
)
_ANONYMOUS = re.compile(rb"^PASS (?:anonymous|guest|ftp|[^\s@]*@[^\s]*)\s*$", re.IGNORECASE | re.MULTILINE)
_SOCKS_PORTS = frozenset((1080, 1081))
_LDAP_PORTS = frozenset((389, 3268))
_LDAP_BIND = re.compile(rb"\x60.{1,3}\x02\x01[\x02\x03]\x04.+\x80[\x01-\x7f][^\x00]", re.DOTALL)
"""BindRequest with simple authentication (RFC 4511 §4.2)."""
_POSTGRES, _TDS = 5432, frozenset((1433, 1434))


def find_secrets(data: bytes, frame: int | None = None, ports: frozenset[int] = frozenset()) -> list[Secret]:
    """Return what looks like a secret in a payload (``ports`` tell of its protocol) or in a text."""
    found = [kind for kind, pattern in _PATTERNS if pattern.search(data)]
    if found[:1] == [_PATTERNS[0][0]] and _ANONYMOUS.search(data):
        found = found[1:]
    if ports & _SOCKS_PORTS and len(data) > 4 and data[0] == 1 and any(data[3:]):
        found.append("password of a SOCKS login")
    if _POSTGRES in ports and data[:1] == b"p" and any(data[5:]):
        found.append("password of a PostgreSQL login")
    if ports & _TDS and data[:1] == b"\x10" and any(data[8:]):
        found.append("password of a SQL Server login")
    if ports & _LDAP_PORTS and data[:1] == b"\x30" and _LDAP_BIND.search(data):
        found.append("password of an LDAP bind")
    return [Secret(kind, frame) for kind in found]


def refuse(found: Iterable[Secret], where: str, *, redacted: bool) -> None:
    """Raise OutputError when there is any secret; says what and in which frames, and what to do."""
    kinds: dict[str, list[int]] = {}
    for one in found:
        places = kinds.setdefault(one.kind, [])
        if one.frame is not None:
            places.append(one.frame)
    if not kinds:
        return
    told = "; ".join(
        kind
        + (
            f" (frame{'s' if len(places) > 1 else ''} {', '.join(map(str, places[:5]))}"
            f"{' and more' if len(places) > 5 else ''})"
            if places
            else ""
        )
        for kind, places in kinds.items()
    )
    remedy = "look at what is there" if redacted else "take it out with --redact"
    raise OutputError(
        f"{where}: nothing was written, because it would hold secrets: {told}; {remedy}, or add --allow-secrets"
    )

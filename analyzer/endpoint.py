"""Addresses and ports as values."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Endpoint", "format_address", "parse_address", "parse_endpoint"]


def format_address(packed: bytes) -> str:
    """Return 4 or 16 packed bytes as text."""
    if len(packed) == 4:
        return ".".join(map(str, packed))
    import socket

    return socket.inet_ntop(socket.AF_INET6, packed)


def parse_address(text: str) -> bytes | None:
    """Return an IPv4 or IPv6 address packed, or None when ``text`` is none."""
    import socket

    text = text.strip().strip("[]").partition("%")[0]
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, text)
        except (OSError, ValueError):
            continue
    return None


class Endpoint(NamedTuple):
    """One address (packed, 4 or 16 bytes) and TCP port."""

    packed: bytes
    port: int

    @property
    def address(self) -> str:
        """The address as text."""
        return format_address(self.packed)

    def __str__(self) -> str:
        if len(self.packed) == 4:
            return f"{self.address}:{self.port}"
        return f"[{self.address}]:{self.port}"


def parse_endpoint(text: str) -> Endpoint:
    """Read ``ADDRESS:PORT`` or ``[IPv6]:PORT``. Raises ValueError."""
    host, _, port = text.strip().rpartition(":")
    packed = parse_address(host) if host else None
    if packed is None or re.fullmatch("[0-9]{1,5}", port) is None or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is no endpoint; write ADDRESS:PORT, such as 10.9.0.7:21 or [2001:db8::7]:443")
    return Endpoint(packed, int(port))

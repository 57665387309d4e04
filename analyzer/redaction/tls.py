"""TLS records with everything gone but what a handshake's failure is judged by (RFC 8446 §4, §5, §6)."""

from __future__ import annotations

from analyzer.redaction.masks import Masks

__all__ = ["clean_tls", "is_tls"]

_CHANGE_CIPHER, _ALERT, _HANDSHAKE = 20, 21, 22
_CLIENT_HELLO, _SERVER_HELLO = 1, 2
_HANDSHAKE_TYPES = frozenset((0, 1, 2, 4, 8, 11, 12, 13, 14, 15, 16, 20, 22))
_KEPT_EXTENSIONS = frozenset((10, 11, 13, 16, 23, 43, 50))
"""Groups, point formats, signature schemes, ALPN, extended master secret, versions: what the ends can agree on."""
_MOST = 16_384 + 2_048
_HEADER = 5


def is_tls(data: bytes) -> bool:
    """Tell whether a segment begins with a TLS record."""
    return (
        len(data) >= _HEADER
        and 20 <= data[0] <= 24
        and data[1] == 3
        and data[2] <= 4
        and int.from_bytes(data[3:5], "big") <= _MOST
    )


def clean_tls(data: bytes, masks: Masks) -> bytes:
    """Return the records of a segment with their headers, alerts and offers; everything else becomes zeros."""
    buffer = bytearray(len(data))
    offset = 0
    while is_tls(data[offset : offset + _HEADER]):
        start = offset + _HEADER
        length = int.from_bytes(data[offset + 3 : start], "big")
        end = min(start + length, len(data))
        buffer[offset:start] = data[offset:start]
        kind = data[offset]
        if kind == _CHANGE_CIPHER or (kind == _ALERT and length == 2):
            # An alert of two bytes is in the clear; a longer one is encrypted.
            buffer[start : min(end, start + 2)] = data[start : min(end, start + 2)]
        elif kind == _HANDSHAKE:
            _handshake(data, start, end, buffer, masks)
        offset += _HEADER + length
    return bytes(buffer)


def _handshake(data: bytes, start: int, end: int, buffer: bytearray, masks: Masks) -> None:
    size = int.from_bytes(data[start + 1 : start + 4], "big")
    if end - start < 4 or data[start] not in _HANDSHAKE_TYPES or size > 1 << 17:
        # What is encrypted begins with any bytes.
        return
    buffer[start : start + 4] = data[start : start + 4]
    if data[start] in (_CLIENT_HELLO, _SERVER_HELLO):
        _hello(data, start + 4, end, buffer, masks, by_client=data[start] == _CLIENT_HELLO)


def _hello(data: bytes, at: int, end: int, buffer: bytearray, masks: Masks, *, by_client: bool) -> None:
    def keep(count: int) -> None:
        nonlocal at
        stop = min(at + count, end)
        buffer[at:stop] = data[at:stop]
        at = stop

    keep(2)
    at += 32  # the random value
    if at >= end:
        return
    session = data[at]
    keep(1)
    at += session
    if at + 2 > end:
        return
    if by_client:
        keep(2 + int.from_bytes(data[at : at + 2], "big"))
        if at >= end:
            return
        keep(1 + data[at])
    else:
        keep(3)
    keep(2)
    while at + 4 <= end:
        kind = int.from_bytes(data[at : at + 2], "big")
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        keep(4)
        stop = min(at + length, end)
        if kind in _KEPT_EXTENSIONS:
            buffer[at:stop] = data[at:stop]
        elif kind == 0:
            _server_name(data, at, stop, buffer, masks)
        at += length


def _server_name(data: bytes, at: int, stop: int, buffer: bytearray, masks: Masks) -> None:
    """Mask the name of the server_name extension (RFC 6066 §3)."""
    if stop - at < 5:
        return
    buffer[at : at + 5] = data[at : at + 5]
    size = min(int.from_bytes(data[at + 3 : at + 5], "big"), stop - at - 5)
    name = data[at + 5 : at + 5 + size].decode("ascii", "backslashreplace")
    masked = masks.name(name).encode("ascii", "replace")[:size].ljust(size, b"x")
    buffer[at + 5 : at + 5 + size] = masked

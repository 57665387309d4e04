"""DHCP messages with addresses replaced and names gone, every length kept (RFC 2131 §2, RFC 2132)."""

from __future__ import annotations

from analyzer.redaction.masks import Masks

__all__ = ["clean_dhcp"]

_FIXED = 240
_ADDRESSES = frozenset((3, 4, 5, 6, 7, 28, 42, 44, 50, 54))
_PLAIN = frozenset((1, 51, 53, 55, 57, 58, 59))
"""Subnet mask, times, message type, list of wanted options, size: what tells of a lease and of nobody."""


def clean_dhcp(data: bytes, masks: Masks) -> bytes:
    """Return a message with masked addresses; host names and vendor data become zeros."""
    buffer = bytearray(data)
    if len(buffer) < _FIXED:
        return bytes(len(buffer))

    def swap(at: int) -> None:
        buffer[at : at + 4] = masks.address(bytes(buffer[at : at + 4]))

    for address in range(12, 28, 4):
        swap(address)
    buffer[28:34] = masks.mac(bytes(buffer[28:34]))
    buffer[34:236] = bytes(202)
    place = _FIXED
    while place + 2 <= len(buffer) and buffer[place] != 255:
        kind, length = buffer[place], buffer[place + 1]
        if kind == 0:
            place += 1
            continue
        stop = min(place + 2 + length, len(buffer))
        if kind in _ADDRESSES and length % 4 == 0 and stop == place + 2 + length:
            for address in range(place + 2, stop, 4):
                swap(address)
        elif kind not in _PLAIN:
            buffer[place + 2 : stop] = bytes(stop - place - 2)
        place = stop
    if place + 1 < len(buffer):
        buffer[place + 1 :] = bytes(len(buffer) - place - 1)
    return bytes(buffer)

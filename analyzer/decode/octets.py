"""Numbers in a buffer; ``octets.pxd`` holds the compiled form.

One range check for each number: outside the buffer everything reads as zero, in C as well as here.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["u16", "u16le", "u32", "u32le"]


def u16(buf: Sequence[int], p: int) -> int:
    """Two bytes, the most significant first."""
    if p < 0 or p + 2 > len(buf):
        return 0
    return buf[p] << 8 | buf[p + 1]


def u16le(buf: Sequence[int], p: int) -> int:
    """Two bytes, the least significant first."""
    if p < 0 or p + 2 > len(buf):
        return 0
    return buf[p + 1] << 8 | buf[p]


def u32(buf: Sequence[int], p: int) -> int:
    """Four bytes, the most significant first."""
    if p < 0 or p + 4 > len(buf):
        return 0
    return buf[p] << 24 | buf[p + 1] << 16 | buf[p + 2] << 8 | buf[p + 3]


def u32le(buf: Sequence[int], p: int) -> int:
    """Four bytes, the least significant first."""
    if p < 0 or p + 4 > len(buf):
        return 0
    return buf[p + 3] << 24 | buf[p + 2] << 16 | buf[p + 1] << 8 | buf[p]

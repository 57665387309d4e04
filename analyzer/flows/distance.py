"""How far one sequence number lies ahead of another; ``distance.pxd`` holds the compiled form.

For what runs once a flow there is `analyzer.seqnum`.
"""

from __future__ import annotations

__all__ = ["distance"]


def distance(start: int, end: int) -> int:
    """Signed distance from ``start`` to ``end`` modulo 2**32, from -2**31 to 2**31 - 1 (RFC 9293 §3.4)."""
    return (end - start + 0x80000000 & 0xFFFFFFFF) - 0x80000000

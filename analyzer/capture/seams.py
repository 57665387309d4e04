"""Where a record begins in the middle of a capture file: a guess that is good, and that nothing may rely on.

Packets can hold whole captures, so what looks like a chain of records need not be one. Who uses the guess must see the
walk over everything before it end there.
"""

from __future__ import annotations

import struct

from analyzer.capture.formats import MAX_PACKET, Layout
from analyzer.decode import columns as col

__all__ = ["find_seam"]

_CHAIN = 24
"""Records in a row that are convincing."""
_FEW = 4
"""Enough at the end of what there is to look at."""
_DAY = 86_400
_ENHANCED = 6


def find_seam(data: bytes, layout: Layout) -> int | None:
    """Return the offset in ``data``, which lies anywhere in a file of ``layout``, where a record seems to begin."""
    next_record = _next_pcap if layout.name == "pcap" else _next_pcapng
    order = ">" if layout.walk[col.WALK_SWAPPED] else "<"
    step = 1 if layout.name == "pcap" else 4
    for start in range(0, len(data), step):
        at, chain, last = start, 0, -1
        while chain < _CHAIN:
            found = next_record(data, at, order, layout, last)
            if found is None:
                break
            at, last = found
            chain += 1
        if chain == _CHAIN or (chain >= _FEW and at + 32 > len(data)):
            return start
    return None


def _next_pcap(data: bytes, at: int, order: str, layout: Layout, last: int) -> tuple[int, int] | None:
    """Return where the record at ``at`` ends and its time in seconds; None where none begins."""
    header = layout.walk[col.WALK_HEADER]
    if at + header > len(data):
        return None
    seconds, fraction, captured, original = struct.unpack_from(f"{order}IIII", data, at)
    if not 0 < captured <= min(original, MAX_PACKET) or original > 2 * MAX_PACKET:
        return None
    if fraction * layout.walk[col.WALK_UNIT] >= 1_000_000_000 or (last >= 0 and abs(seconds - last) > _DAY):
        return None
    return at + header + captured, seconds


def _next_pcapng(data: bytes, at: int, order: str, layout: Layout, last: int) -> tuple[int, int] | None:
    """Return the same of a block; the first one must be an enhanced packet block of a known interface."""
    if at + 12 > len(data):
        return None
    kind, total = struct.unpack_from(f"{order}II", data, at)
    if total % 4 or not 12 <= total <= 2 * MAX_PACKET or (last < 0 and kind != _ENHANCED):
        return None
    if at + total > len(data) or struct.unpack_from(f"{order}I", data, at + total - 4)[0] != total:
        return None
    if kind == _ENHANCED:
        if total < 32:
            return None
        interface, _, _, captured = struct.unpack_from(f"{order}IIII", data, at + 8)
        if interface >= layout.walk[col.WALK_INTERFACES] or captured > total - 32:
            return None
    return at + total, 0

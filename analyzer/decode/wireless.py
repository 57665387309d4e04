# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""From what a Wi-Fi card writes before a frame, over the frame's header, to its LLC header (compiled).

Sources: IEEE 802.11-2020 §9.2 and 9.3.2.1; radiotap.org; tcpdump.org/linktypes.html (Prism, AVS).
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import LINK_POS, WIFI_PADDED, WIFI_SWAPPED
from cython.cimports.analyzer.decode.octets import u16, u16le, u32

__all__ = ["frame_body", "radio_header"]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def radio_header(
    buf: cython.const[cython.uchar][::1],
    p: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    link: cython.longlong,
    s: cython.longlong[::1],
) -> cython.longlong:
    """Return the WIFI_* of the frame behind the header of ``link`` with its offset in ``s[LINK_POS]``; -1 where it is cut."""
    flags: cython.longlong = 0
    size: cython.Py_ssize_t = 0
    at: cython.Py_ssize_t = p + 4
    if end - p < 8:
        return -1
    if link == 127:
        size = u16le(buf, p + 2)
        if size < 8:
            return -1
        # Bit 31 of each word of fields tells of a further word; the clock (bit 0) stands before the flags (bit 1).
        while end - at >= 8 and buf[at + 3] & 0x80:
            at += 4
        at += 4
        if buf[p + 4] & 2:
            if buf[p + 4] & 1:
                at = ((at - p + 7) & -8) + p + 8
            if at < end and buf[at] & 0x20:
                flags = WIFI_PADDED
    elif u16(buf, p) == 0x8021 and u16(buf, p + 2) >> 4 == 0x100:
        size = u32(buf, p + 4)
    elif link == 119:
        size = 144
    s[LINK_POS] = p + size
    return flags if size <= end - p else -1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def frame_body(
    buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, flags: cython.longlong
) -> cython.Py_ssize_t:
    """Return the offset of the LLC header in the 802.11 frame at ``p``; -1 where it is no data frame that can be read."""
    first: cython.longlong
    second: cython.longlong
    start: cython.Py_ssize_t = p
    aggregated: cython.bint = False
    if end - p < 24:
        return -1
    first = buf[p + 1] if flags & WIFI_SWAPPED else buf[p]
    second = buf[p] if flags & WIFI_SWAPPED else buf[p + 1]
    if first & 0x0F != 0x08 or second & 0x40 or first & 0x40:
        return -1
    p += 24
    if second & 3 == 3:
        p += 6
    if first & 0x80:
        if end - p < 2:
            return -1
        aggregated = buf[p] & 0x80 != 0
        p += 6 if second & 0x80 else 2
    if flags & WIFI_PADDED:
        p = start + ((p - start + 3) & -4)
    # Of an aggregate the first frame is read: addresses and length, then LLC.
    return p + 14 if aggregated else p

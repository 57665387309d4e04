# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""TCP headers to rows (compiled).

Sources: RFC 9293 §3.1 (header), 7323 §2 (window scale), 2018 §3 (SACK).
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import (
    BIT31,
    BIT_BOGUS,
    BIT_CUT,
    BIT_QUOTED,
    BIT_SHORT,
    BIT_SIDE,
    BIT_V6,
    LOW62,
    MARK_HIGH_SIDE,
    MARK_OPTIONS,
    MARK_SACK,
    MIX_FACTOR,
    OPT_MSS,
    OPT_SACK_OK,
    OPT_WSCALE,
    ROW_BITS,
    ROW_HASH,
    ROW_HOP,
    ROW_KEY,
    ROW_LENGTH,
    ROW_OPTIONS,
    ROW_PAYLOAD,
    ROW_PORTS,
    ROW_SEQACK,
    ROW_SHAPE,
    ROW_STRIDE,
    SHAPE_LENGTH,
    SHAPE_LENGTH_MAX,
    STOP_TCP,
    STOP_TCP_BAD,
    STOP_TCP_CUT,
)
from cython.cimports.analyzer.decode.octets import u16, u32

__all__ = ["read_segments"]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _options(
    buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, syn: cython.bint
) -> cython.longlong:
    """Read TCP options from ``buf[p:end]`` into OPT_* with the values below; bit 30 tells of SACK blocks."""
    found: cython.longlong = 0
    kind: cython.longlong
    length: cython.longlong
    if not syn and end - p == 12 and buf[p] == 1 and buf[p + 1] == 1 and buf[p + 2] == 8:
        return 0
    while end - p >= 1:
        kind = buf[p]
        if kind == 0:
            break
        if kind == 1:
            p += 1
            continue
        if end - p < 2:
            break
        length = buf[p + 1]
        if length < 2 or length > end - p:
            break
        if kind == 5:
            if length >= 10:
                found |= 1 << 30
        elif syn:
            if kind == 2 and length == 4:
                found |= OPT_MSS | u16(buf, p + 2)
            elif kind == 3 and length == 3:
                found |= OPT_WSCALE | (cython.cast(cython.longlong, buf[p + 2]) << 16)
            elif kind == 4:
                found |= OPT_SACK_OK
        p += length
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _compare(buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, q: cython.Py_ssize_t) -> cython.int:
    """Order two IPv6 addresses as memcmp does."""
    i: cython.Py_ssize_t
    for i in range(16):
        if buf[p + i] != buf[q + i]:
            return 1 if buf[p + i] > buf[q + i] else -1
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _mix(value: cython.longlong) -> cython.longlong:
    # Low bits only are kept before each shift, so that C and Python agree.
    value = value & LOW62
    value = ((value ^ (value >> 31)) * MIX_FACTOR) & LOW62
    return value ^ (value >> 29)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _read(
    buf: cython.const[cython.uchar][::1], rows: cython.longlong[::1], r: cython.Py_ssize_t
) -> cython.longlong:
    """Complete the row at ``r``; return where decoding stopped. After STOP_TCP_CUT the row is not complete."""
    p: cython.Py_ssize_t = rows[r + ROW_PAYLOAD]
    end: cython.Py_ssize_t = rows[r + ROW_OPTIONS]
    vend: cython.Py_ssize_t = rows[r + ROW_LENGTH]
    address: cython.Py_ssize_t = rows[r + ROW_KEY]
    bits: cython.longlong = rows[r + ROW_BITS]
    shape: cython.longlong = rows[r + ROW_SHAPE]
    size: cython.Py_ssize_t
    sport: cython.longlong
    dport: cython.longlong
    flags: cython.longlong
    found: cython.longlong = 0
    length: cython.longlong
    captured: cython.longlong
    source: cython.longlong
    target: cython.longlong
    mixed: cython.longlong
    side: cython.int
    i: cython.Py_ssize_t
    # Sixteen bytes hold all that names and numbers a segment; Wireshark too accepts a header cut after them.
    if end - p < 16:
        return STOP_TCP_CUT
    size = 4 * (buf[p + 12] >> 4)
    if size < 20:
        # Wireshark gives it a stream number all the same.
        bits |= BIT_BOGUS
        size = 20
    sport = u16(buf, p)
    dport = u16(buf, p + 2)
    flags = ((cython.cast(cython.longlong, buf[p + 12]) & 1) << 8) | buf[p + 13]
    length = vend - p - size
    captured = end - p - size
    if length < 0:
        length = 0
        if not bits & BIT_BOGUS:
            bits |= BIT_SHORT
    if captured < 0:
        captured = 0
        bits |= BIT_CUT
    elif captured < length:
        bits |= BIT_CUT
    if size > 20:
        shape |= MARK_OPTIONS
        found = _options(buf, p + 20, min(end, p + size), flags & 2 != 0)
        if found & (1 << 30):
            shape |= MARK_SACK
    if not bits & BIT_V6:
        source = u32(buf, address)
        target = u32(buf, address + 4)
        side = source > target or (source == target and sport > dport)
        if side:
            rows[r + ROW_KEY] = ((target - BIT31) << 32) + source
        else:
            rows[r + ROW_KEY] = ((source - BIT31) << 32) + target
        mixed = _mix(rows[r + ROW_KEY])
    else:
        side = _compare(buf, address, address + 16)
        side = side > 0 or (side == 0 and sport > dport)
        rows[r + ROW_KEY] = address
        mixed = 0
        for i in range(0, 16, 4):
            mixed = _mix(mixed + (u32(buf, address + i) ^ u32(buf, address + 16 + i)))
    if side:
        bits |= BIT_SIDE
        shape |= MARK_HIGH_SIDE
        rows[r + ROW_PORTS] = (dport << 16) | sport
    else:
        rows[r + ROW_PORTS] = (sport << 16) | dport
    rows[r + ROW_HASH] = _mix(mixed + rows[r + ROW_PORTS] * 0x2545F491)
    rows[r + ROW_SEQACK] = ((u32(buf, p + 8) - BIT31) << 32) + u32(buf, p + 4)
    rows[r + ROW_HOP] |= u16(buf, p + 14) << 32
    rows[r + ROW_SHAPE] = (
        shape | flags | (min(SHAPE_LENGTH_MAX, length) << SHAPE_LENGTH)
    )
    rows[r + ROW_PAYLOAD] = ((p + size) << 32) | (min(length, captured))
    rows[r + ROW_LENGTH] = length
    rows[r + ROW_OPTIONS] = found & 0x3FFFFFFF
    rows[r + ROW_BITS] = bits
    return STOP_TCP if buf[p + 12] >> 4 >= 5 else STOP_TCP_BAD


def read_segments(
    buf: cython.const[cython.uchar][::1], rows: cython.longlong[::1], n: cython.Py_ssize_t, counts: cython.longlong[::1]
) -> int:
    """Complete ``n`` rows that ``packets.decode`` began and close the gaps that bad ones leave; return how many are left.

    A row that is begun holds the offsets of the TCP header (ROW_PAYLOAD), of the addresses (ROW_KEY) and of the end of
    what was captured (ROW_OPTIONS) and sent (ROW_LENGTH).
    """
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    r: cython.Py_ssize_t
    w: cython.Py_ssize_t = 0
    reason: cython.longlong
    quoted: cython.bint
    with cython.nogil:
        for i in range(n):
            r = i * ROW_STRIDE
            quoted = rows[r + ROW_BITS] & BIT_QUOTED != 0
            reason = _read(buf, rows, r)
            if not quoted:
                counts[reason] += 1
            if reason == STOP_TCP_CUT:
                continue
            if w != r:
                for j in range(ROW_STRIDE):
                    rows[w + j] = rows[r + j]
            w += ROW_STRIDE
    return w // ROW_STRIDE

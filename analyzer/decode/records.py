# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""Walks from record to record over a block of a capture file (compiled).

pcap: the format of libpcap's ``savefile(5)``, both byte orders, micro- and nanoseconds, and the variant with longer
record headers that early Linux distributions wrote. pcapng: draft-ietf-opsawg-pcapng §4, packet blocks only; every
other block is left to ``analyzer.capture.formats``.

A walk fills record columns and stops at the first thing it cannot judge; ``WALK_STOP`` says which.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import (
    IF_KIND,
    IF_LINK,
    IF_OFFSET,
    IF_SNAP,
    IF_STRIDE,
    IF_VALUE,
    REC_CAP,
    REC_LINK,
    REC_OFF,
    REC_ORIG,
    REC_STRIDE,
    REC_TS,
    STOP_BLOCK,
    STOP_DAMAGED,
    STOP_FULL,
    STOP_MORE,
    WALK_COMMENTS,
    WALK_FIRST,
    WALK_FRAME,
    WALK_HEADER,
    WALK_INTERFACES,
    WALK_LARGEST_STEP,
    WALK_LAST,
    WALK_LIMIT,
    WALK_LINK,
    WALK_NEED,
    WALK_POS,
    WALK_STEPS,
    WALK_STOP,
    WALK_SWAPPED,
    WALK_TRUNCATED,
    WALK_UNIT,
    YEAR_2096,
)
from cython.cimports.analyzer.decode.octets import u16, u16le, u32, u32le

__all__ = ["walk_pcap", "walk_pcapng"]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _long(buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, big: cython.bint) -> cython.longlong:
    return u32(buf, p) if big else u32le(buf, p)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _clock(state: cython.longlong[::1], ts: cython.longlong) -> cython.void:
    last: cython.longlong = state[WALK_LAST]
    if ts < last:
        state[WALK_STEPS] += 1
        if last - ts > state[WALK_LARGEST_STEP]:
            state[WALK_LARGEST_STEP] = last - ts
    state[WALK_LAST] = ts


def walk_pcap(
    buf: cython.const[cython.uchar][::1],
    end: cython.Py_ssize_t,
    state: cython.longlong[::1],
    recs: cython.longlong[::1],
    room: cython.Py_ssize_t,
) -> int:
    """Fill up to ``room`` records from ``buf[state[WALK_POS]:end]``; return how many."""
    p: cython.Py_ssize_t = state[WALK_POS]
    big: cython.bint = state[WALK_SWAPPED] != 0
    unit: cython.longlong = state[WALK_UNIT]
    link: cython.longlong = state[WALK_LINK]
    header: cython.Py_ssize_t = state[WALK_HEADER]
    limit: cython.longlong = state[WALK_LIMIT]
    n: cython.Py_ssize_t = 0
    r: cython.Py_ssize_t = 0
    cap: cython.longlong
    orig: cython.longlong
    ts: cython.longlong
    stop: cython.longlong = STOP_FULL
    need: cython.longlong = 0
    with cython.nogil:
        while n < room:
            if end - p < header:
                stop = STOP_MORE
                need = header
                break
            cap = _long(buf, p + 8, big)
            if cap > limit:
                stop = STOP_DAMAGED
                need = cap
                break
            if end - p < header + cap:
                stop = STOP_MORE
                need = header + cap
                break
            orig = _long(buf, p + 12, big)
            ts = _long(buf, p, big) * 1_000_000_000 + _long(buf, p + 4, big) * unit
            if orig > cap:
                state[WALK_TRUNCATED] += 1
            else:
                orig = cap
            _clock(state, ts)
            recs[r + REC_OFF] = p + header
            recs[r + REC_CAP] = cap
            recs[r + REC_ORIG] = orig
            recs[r + REC_TS] = ts
            recs[r + REC_LINK] = link
            r += REC_STRIDE
            n += 1
            p += header + cap
    if n and state[WALK_FRAME] == 0:
        state[WALK_FIRST] = recs[REC_TS]
    state[WALK_FRAME] += n
    state[WALK_POS] = p
    state[WALK_STOP] = stop
    state[WALK_NEED] = need
    return n


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _instant(table: cython.longlong[::1], t: cython.Py_ssize_t, high: cython.longlong, low: cython.longlong) -> cython.longlong:
    """Ticks to nanoseconds; what lies outside 1970..2116 is clamped rather than wrapped."""
    value: cython.longlong = table[t + IF_VALUE]
    kind: cython.longlong = table[t + IF_KIND]
    top: cython.longlong = cython.cast(cython.longlong, 1) << 62
    ticks: cython.longlong
    ns: cython.longlong
    if high >= 1 << 30:
        return top
    ticks = (high << 32) | low
    if kind == 0:
        ns = ticks * value if ticks < top // value else top
    elif kind == 1:
        ns = ticks // value
    elif value >= 34:
        # 10**9 * 2**34 still fits; finer ticks lose bits that are far below a nanosecond.
        ticks = ticks >> (value - 34)
        ns = (ticks >> 34) * 1_000_000_000 + (((ticks & ((cython.cast(cython.longlong, 1) << 34) - 1)) >> 4) * 1_000_000_000 >> 30)
    elif (ticks >> value) > YEAR_2096:
        ns = top
    else:
        ns = (ticks >> value) * 1_000_000_000 + (
            ((ticks & ((cython.cast(cython.longlong, 1) << value) - 1)) * 1_000_000_000) >> value
        )
    ns = ns + table[t + IF_OFFSET] if ns < top - table[t + IF_OFFSET] else top
    return max(0, ns)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _comments(
    buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, big: cython.bint
) -> cython.longlong:
    """Count the comment options (code 1) in ``buf[p:end]``."""
    found: cython.longlong = 0
    code: cython.longlong
    length: cython.longlong
    while end - p >= 4:
        code = (u16(buf, p) if big else u16le(buf, p))
        length = (u16(buf, p + 2) if big else u16le(buf, p + 2))
        if code == 0:
            break
        if code == 1:
            found += 1
        p += 4 + ((length + 3) & -4)
    return found


def walk_pcapng(
    buf: cython.const[cython.uchar][::1],
    end: cython.Py_ssize_t,
    state: cython.longlong[::1],
    recs: cython.longlong[::1],
    room: cython.Py_ssize_t,
    table: cython.longlong[::1],
) -> int:
    """Fill up to ``room`` records from ``buf[state[WALK_POS]:end]``; return how many.

    ``table`` holds one group of ``IF_STRIDE`` words for each interface of the section.
    """
    p: cython.Py_ssize_t = state[WALK_POS]
    big: cython.bint = state[WALK_SWAPPED] != 0
    interfaces: cython.longlong = state[WALK_INTERFACES]
    limit: cython.longlong = state[WALK_LIMIT]
    n: cython.Py_ssize_t = 0
    r: cython.Py_ssize_t = 0
    t: cython.Py_ssize_t
    data: cython.Py_ssize_t
    kind: cython.longlong
    total: cython.longlong
    face: cython.longlong
    cap: cython.longlong
    orig: cython.longlong
    ts: cython.longlong
    stop: cython.longlong = STOP_FULL
    need: cython.longlong = 0
    with cython.nogil:
        while n < room:
            if end - p < 12:
                stop = STOP_MORE
                need = 12
                break
            kind = _long(buf, p, big)
            if kind != 6 and kind != 3 and kind != 2:
                stop = STOP_BLOCK
                break
            total = _long(buf, p + 4, big)
            # Some writers leave the last block's length unpadded; readers agree to round it up.
            total = (total + 3) & -4
            if total < (16 if kind == 3 else 32) or total > limit + 65536:
                stop = STOP_DAMAGED
                need = total
                break
            if end - p < total:
                stop = STOP_MORE
                need = total
                break
            if _long(buf, p + total - 4, big) != _long(buf, p + 4, big):
                stop = STOP_DAMAGED
                need = total
                break
            if kind == 3:
                face = 0
                data = p + 12
                orig = _long(buf, p + 8, big)
                cap = total - 16
                if orig < cap:
                    cap = orig
            else:
                face = _long(buf, p + 8, big) if kind == 6 else (u16(buf, p + 8) if big else u16le(buf, p + 8))
                data = p + 28
                cap = _long(buf, p + 20, big)
                orig = _long(buf, p + 24, big)
            if face >= interfaces:
                stop = STOP_DAMAGED
                need = -1
                break
            t = face * IF_STRIDE
            if kind == 3:
                if table[t + IF_SNAP] != 0 and table[t + IF_SNAP] < cap:
                    cap = table[t + IF_SNAP]
                # A simple packet block carries no time; it takes its predecessor's.
                ts = state[WALK_LAST]
            else:
                if cap > total - 32:
                    stop = STOP_DAMAGED
                    need = cap
                    break
                ts = _instant(table, t, _long(buf, p + 12, big), _long(buf, p + 16, big))
                if total - 32 > ((cap + 3) & -4):
                    state[WALK_COMMENTS] += _comments(buf, data + ((cap + 3) & -4), p + total - 4, big)
            if orig > cap:
                state[WALK_TRUNCATED] += 1
            else:
                orig = cap
            _clock(state, ts)
            recs[r + REC_OFF] = data
            recs[r + REC_CAP] = cap
            recs[r + REC_ORIG] = orig
            recs[r + REC_TS] = ts
            recs[r + REC_LINK] = (face << 16) | table[t + IF_LINK]
            r += REC_STRIDE
            n += 1
            p += total
    if n and state[WALK_FRAME] == 0:
        state[WALK_FIRST] = recs[REC_TS]
    state[WALK_FRAME] += n
    state[WALK_POS] = p
    state[WALK_STOP] = stop
    state[WALK_NEED] = need
    return n

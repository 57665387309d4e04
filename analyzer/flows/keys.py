# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""Which incarnation a segment belongs to (compiled).

Incarnations are numbered as Wireshark 4.0 numbers ``tcp.stream``, found by experiment with tshark 4.0.17: a SYN
without ACK starts a new stream when the side's base sequence number is known and differs; the base is that of the
side's first SYN, else one below the first sequence number (or acknowledgment of the peer), and a SYN-ACK with
another number moves it. A segment that an ICMP error quotes obeys the same rule but sets no base. What a SOCKS
proxy on port 1080 tunnels takes a stream number too.

A digest that does not start where its capture starts cannot always tell: then a SYN starts a *soft* entry, and
``merge`` decides.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.ahead import fetch, fetch_slot
from cython.cimports.analyzer.decode.columns import (
    AHEAD,
    BIT31,
    BIT_BOGUS,
    BIT_QUOTED,
    BIT_SHORT,
    BIT_SIDE,
    BIT_TUNNEL,
    BIT_V6,
    LOW32,
    LOW62,
    ROW_BITS,
    ROW_HASH,
    ROW_KEY,
    ROW_PAYLOAD,
    ROW_PORTS,
    ROW_SEQACK,
    ROW_SHAPE,
    ROW_STRIDE,
)
from cython.cimports.analyzer.flows.layout import (
    E_BASE,
    E_BITS,
    E_HASH,
    E_KEY,
    E_PORTS,
    E_PREVIOUS,
    E_SOCKS,
    E_START,
    E_STRIDE,
    EB_BASE_HIGH,
    EB_BASE_LOW,
    EB_HARD,
    EB_PACKETS,
    EB_SOFT,
    EB_SURE_HIGH,
    EB_SURE_LOW,
    EB_SYN,
    EB_SYN_HIGH,
    EB_TUNNEL,
    EP_V6_SHIFT,
    K_DOUBTS,
    K_ENTRIES,
    K_FIRST,
    K_PAIRS,
)
from cython.cimports.analyzer.flows.socks import negotiate

__all__ = ["assign", "join", "rebuild"]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _same_pair(
    buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, high: cython.bint,
    pairs: cython.const[cython.uchar][::1], q: cython.Py_ssize_t,
) -> cython.bint:
    """Tell whether the addresses at ``p`` (source, destination) are the pair at ``q`` (low, high)."""
    i: cython.Py_ssize_t
    swap: cython.Py_ssize_t = 16 if high else 0
    for i in range(16):
        if buf[p + i] != pairs[q + swap + i] or buf[p + 16 + i] != pairs[q + 16 - swap + i]:
            return False
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _start(
    entries: cython.longlong[::1],
    slots: cython.int[::1],
    slot: cython.Py_ssize_t,
    state: cython.longlong[::1],
    key: cython.longlong,
    ports: cython.longlong,
    mixed: cython.longlong,
    previous: cython.longlong,
    bits: cython.longlong,
    seq: cython.longlong,
) -> cython.Py_ssize_t:
    """Add an entry and make it the current one of its endpoints."""
    e: cython.Py_ssize_t = state[K_ENTRIES] * E_STRIDE
    entries[e + E_KEY] = key
    entries[e + E_PORTS] = ports
    entries[e + E_PREVIOUS] = previous
    entries[e + E_HASH] = mixed
    entries[e + E_BASE] = 0
    entries[e + E_BITS] = bits
    entries[e + E_START] = seq
    entries[e + E_SOCKS] = 0
    state[K_ENTRIES] += 1
    slots[slot] = cython.cast(cython.int, state[K_ENTRIES])
    return e


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _base(entries: cython.longlong[::1], e: cython.Py_ssize_t, high: cython.bint) -> cython.longlong:
    if high:
        return (entries[e + E_BASE] >> 32) + BIT31
    return entries[e + E_BASE] & LOW32


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _set_base(
    entries: cython.longlong[::1], e: cython.Py_ssize_t, high: cython.bint, seq: cython.longlong
) -> cython.void:
    if high:
        entries[e + E_BASE] = ((seq - BIT31) << 32) + (entries[e + E_BASE] & LOW32)
        entries[e + E_BITS] |= EB_BASE_HIGH
    else:
        entries[e + E_BASE] = ((entries[e + E_BASE] >> 32) << 32) + seq
        entries[e + E_BITS] |= EB_BASE_LOW


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _decide(entries: cython.longlong[::1], e: cython.Py_ssize_t, high: cython.bint, seq: cython.longlong) -> cython.int:
    """Tell what a SYN of ``seq`` is to the current entry: 0 part of it, 1 a new incarnation, 2 not to be known here."""
    bits: cython.longlong = entries[e + E_BITS]
    if not bits & EB_HARD and not bits & (EB_SURE_HIGH if high else EB_SURE_LOW):
        return 2
    if bits & (EB_BASE_HIGH if high else EB_BASE_LOW) and _base(entries, e, high) != seq:
        return 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _tunnel(
    entries: cython.longlong[::1],
    e: cython.Py_ssize_t,
    slots: cython.int[::1],
    mask: cython.Py_ssize_t,
    state: cython.longlong[::1],
) -> cython.void:
    """Take the stream number that Wireshark gives to the connection inside a SOCKS tunnel."""
    ports: cython.longlong = entries[e + E_PORTS]
    port: cython.longlong = entries[e + E_SOCKS] >> 8
    mixed: cython.longlong = (entries[e + E_HASH] ^ (port * 0x2545F491)) & LOW62
    slot: cython.Py_ssize_t = mixed & mask
    other: cython.Py_ssize_t
    if ports & 0xFFFF == 1080:
        ports = (ports & -65536) | port
    else:
        ports = (ports & ~(cython.cast(cython.longlong, 0xFFFF) << 16)) | (port << 16)
    while slots[slot]:
        other = cython.cast(cython.Py_ssize_t, slots[slot] - 1) * E_STRIDE
        if entries[other + E_PORTS] == ports and entries[other + E_KEY] == entries[e + E_KEY]:
            return
        slot = (slot + 1) & mask
    _start(entries, slots, slot, state, entries[e + E_KEY], ports, mixed, 0, EB_HARD, 0)


def assign(
    buf: cython.const[cython.uchar][::1],
    rows: cython.longlong[::1],
    n: cython.Py_ssize_t,
    slots: cython.int[::1],
    entries: cython.longlong[::1],
    pairs: cython.uchar[::1],
    state: cython.longlong[::1],
    out: cython.longlong[::1],
) -> None:
    """Write the entry of each of ``n`` rows to ``out``, -1 for what is no packet of it.

    There must be room for ``2 * n`` entries and ``n`` address pairs, and ``slots``, a power of two, must stay at
    most half full.
    """
    mask: cython.Py_ssize_t = len(slots) - 1
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    r: cython.Py_ssize_t
    e: cython.Py_ssize_t
    slot: cython.Py_ssize_t
    key: cython.longlong
    ports: cython.longlong
    mixed: cython.longlong
    bits: cython.longlong
    flags: cython.longlong
    seq: cython.longlong
    begin: cython.longlong
    high: cython.bint
    v6: cython.bint
    what: cython.int
    with cython.nogil:
        for i in range(n):
            r = i * ROW_STRIDE
            if i + 2 * AHEAD < n:
                fetch_slot(slots, rows[r + 2 * AHEAD * ROW_STRIDE + ROW_HASH] & mask)
            if i + AHEAD < n:
                fetch(entries, (slots[rows[r + AHEAD * ROW_STRIDE + ROW_HASH] & mask] - 1) * E_STRIDE)
            bits = rows[r + ROW_BITS]
            key = rows[r + ROW_KEY]
            v6 = bits & BIT_V6 != 0
            high = bits & BIT_SIDE != 0
            ports = rows[r + ROW_PORTS]
            mixed = rows[r + ROW_HASH]
            flags = rows[r + ROW_SHAPE] & 0x12
            seq = rows[r + ROW_SEQACK] & LOW32
            if v6:
                ports |= cython.cast(cython.longlong, 1) << EP_V6_SHIFT
            slot = mixed & mask
            e = -1
            while slots[slot]:
                e = cython.cast(cython.Py_ssize_t, slots[slot] - 1) * E_STRIDE
                if entries[e + E_PORTS] == ports and entries[e + E_HASH] == mixed:
                    if v6:
                        if _same_pair(buf, key, high, pairs, 32 * entries[e + E_KEY]):
                            break
                    elif entries[e + E_KEY] == key:
                        break
                e = -1
                slot = (slot + 1) & mask
            begin = 0
            if flags == 2:
                begin = EB_SYN | (EB_SYN_HIGH if high else 0)
                if not bits & (BIT_QUOTED | BIT_SHORT):
                    begin |= EB_SURE_HIGH if high else EB_SURE_LOW
            if e < 0:
                if v6:
                    for j in range(16):
                        pairs[32 * state[K_PAIRS] + j] = buf[key + j + (16 if high else 0)]
                        pairs[32 * state[K_PAIRS] + 16 + j] = buf[key + j + (0 if high else 16)]
                    key = state[K_PAIRS]
                    state[K_PAIRS] += 1
                e = _start(
                    entries, slots, slot, state, key, ports, mixed, 0,
                    begin | (EB_HARD if state[K_FIRST] else 0), seq,
                )
            elif flags == 2:
                what = _decide(entries, e, high, seq)
                if what:
                    e = _start(
                        entries, slots, slot, state, entries[e + E_KEY], ports, mixed, e // E_STRIDE + 1,
                        begin | (EB_HARD if what == 1 else EB_SOFT), seq,
                    )
            if flags == 18:
                if entries[e + E_BITS] & (EB_BASE_HIGH if high else EB_BASE_LOW):
                    _set_base(entries, e, high, seq)
                    entries[e + E_BITS] |= EB_SURE_HIGH if high else EB_SURE_LOW
            if bits & BIT_QUOTED:
                out[i] = -1
                continue
            if bits & BIT_SHORT:
                flags = 0
            elif not entries[e + E_BITS] & (EB_BASE_HIGH if high else EB_BASE_LOW):
                _set_base(entries, e, high, seq if flags & 2 else (seq - 1) & LOW32)
            if flags & 2:
                entries[e + E_BITS] |= EB_SURE_HIGH if high else EB_SURE_LOW
            if flags & 16 and not entries[e + E_BITS] & (EB_BASE_LOW if high else EB_BASE_HIGH):
                _set_base(entries, e, not high, ((rows[r + ROW_SEQACK] >> 32) + 0x7FFFFFFF) & LOW32)
            if bits & BIT_BOGUS:
                out[i] = -1
                continue
            entries[e + E_BITS] |= EB_PACKETS
            if bits & BIT_TUNNEL:
                entries[e + E_BITS] |= EB_TUNNEL
            out[i] = e // E_STRIDE
            if (ports & 0xFFFF == 1080 or (ports >> 16) & 0xFFFF == 1080) and rows[r + ROW_PAYLOAD] & LOW32:
                what = entries[e + E_SOCKS] & 0xFF
                if what == 9:
                    entries[e + E_SOCKS] |= 11
                    _tunnel(entries, e, slots, mask, state)
                elif what < 9:
                    entries[e + E_SOCKS] = negotiate(
                        buf, rows[r + ROW_PAYLOAD] >> 32, rows[r + ROW_PAYLOAD] & LOW32, entries[e + E_SOCKS],
                        ((ports & 0xFFFF == 1080) != high) if (ports >> 16) & 0xFFFF != 1080 else high,
                    )


def rebuild(slots: cython.int[::1], entries: cython.longlong[::1], count: cython.Py_ssize_t) -> None:
    """Enter the current entry of each pair of endpoints into empty ``slots``."""
    mask: cython.Py_ssize_t = len(slots) - 1
    i: cython.Py_ssize_t
    e: cython.Py_ssize_t
    other: cython.Py_ssize_t
    slot: cython.Py_ssize_t
    with cython.nogil:
        for i in range(count):
            e = i * E_STRIDE
            slot = entries[e + E_HASH] & mask
            while slots[slot]:
                other = cython.cast(cython.Py_ssize_t, slots[slot] - 1)
                # A later entry of the same endpoints takes its predecessor's slot.
                if entries[e + E_PREVIOUS] == other + 1:
                    break
                slot = (slot + 1) & mask
            slots[slot] = cython.cast(cython.int, i + 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _adopt(entries: cython.longlong[::1], e: cython.Py_ssize_t, other: cython.longlong[::1], o: cython.Py_ssize_t) -> cython.void:
    """Let entry ``e`` go on with what entry ``o`` of the digest to the right knows."""
    bits: cython.longlong = other[o + E_BITS]
    mine: cython.longlong = entries[e + E_BITS]
    if bits & EB_BASE_LOW and (bits & EB_SURE_LOW or not mine & EB_BASE_LOW):
        _set_base(entries, e, False, _base(other, o, False))
    if bits & EB_BASE_HIGH and (bits & EB_SURE_HIGH or not mine & EB_BASE_HIGH):
        _set_base(entries, e, True, _base(other, o, True))
    entries[e + E_BITS] |= bits & (EB_PACKETS | EB_TUNNEL | EB_SURE_LOW | EB_SURE_HIGH)
    if not entries[e + E_SOCKS]:
        entries[e + E_SOCKS] = other[o + E_SOCKS]


def join(
    slots: cython.int[::1],
    entries: cython.longlong[::1],
    pairs: cython.uchar[::1],
    state: cython.longlong[::1],
    other: cython.longlong[::1],
    other_pairs: cython.const[cython.uchar][::1],
    count: cython.Py_ssize_t,
    out: cython.longlong[::1],
) -> int:
    """Add the ``count`` entries of the digest to the right; write to ``out`` where each went.

    Entry i went to ``out[i] >> 1``; bit 0 tells that it was joined with what was there, and the number of these is
    returned. There must be room as for ``assign``.
    """
    mask: cython.Py_ssize_t = len(slots) - 1
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    o: cython.Py_ssize_t
    e: cython.Py_ssize_t
    slot: cython.Py_ssize_t
    bits: cython.longlong
    key: cython.longlong
    what: cython.int
    joined: cython.Py_ssize_t = 0
    with cython.nogil:
        for i in range(count):
            o = i * E_STRIDE
            slot = other[o + E_HASH] & mask
            e = -1
            while slots[slot]:
                e = cython.cast(cython.Py_ssize_t, slots[slot] - 1) * E_STRIDE
                if entries[e + E_PORTS] == other[o + E_PORTS] and entries[e + E_HASH] == other[o + E_HASH]:
                    if (other[o + E_PORTS] >> EP_V6_SHIFT) & 1:
                        if _same_pair(other_pairs, 32 * other[o + E_KEY], False, pairs, 32 * entries[e + E_KEY]):
                            break
                    elif entries[e + E_KEY] == other[o + E_KEY]:
                        break
                e = -1
                slot = (slot + 1) & mask
            bits = other[o + E_BITS]
            if e < 0:
                key = other[o + E_KEY]
                if (other[o + E_PORTS] >> EP_V6_SHIFT) & 1:
                    for j in range(32):
                        pairs[32 * state[K_PAIRS] + j] = other_pairs[32 * key + j]
                    key = state[K_PAIRS]
                    state[K_PAIRS] += 1
                if state[K_FIRST]:
                    bits = (bits | EB_HARD) & ~cython.cast(cython.longlong, EB_SOFT)
                e = _start(
                    entries, slots, slot, state, key, other[o + E_PORTS], other[o + E_HASH], 0, bits, other[o + E_START]
                )
                what = 1
            else:
                what = 0
                if bits & EB_HARD:
                    what = 1
                elif bits & EB_SYN:
                    what = _decide(entries, e, bits & EB_SYN_HIGH != 0, other[o + E_START])
                if what:
                    bits &= ~cython.cast(cython.longlong, EB_SOFT | EB_HARD)
                    e = _start(
                        entries, slots, slot, state, entries[e + E_KEY], other[o + E_PORTS], other[o + E_HASH],
                        e // E_STRIDE + 1, bits | (EB_HARD if what == 1 else EB_SOFT), other[o + E_START],
                    )
            if what:
                entries[e + E_BASE] = other[o + E_BASE]
                entries[e + E_SOCKS] = other[o + E_SOCKS]
                out[i] = 2 * (e // E_STRIDE)
            else:
                if 0 < entries[e + E_SOCKS] & 0xFF < 10:
                    # The middle of a negotiation was read as its beginning.
                    state[K_DOUBTS] += 1
                _adopt(entries, e, other, o)
                joined += 1
                out[i] = 2 * (e // E_STRIDE) + 1
            if other[o + E_SOCKS] & 0xFF == 11:
                # What a tunnel carries may have had its number before.
                state[K_DOUBTS] += 1
    return joined

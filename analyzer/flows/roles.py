# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""Who began each flow, and Zeek's verdict on it (compiled).

The initiator is who sent the first SYN; else who got the SYN-ACK; else who has the higher port; else who was first.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import LOW32
from cython.cimports.analyzer.flows.layout import (
    COUNT_LIMIT,
    COUNT_ONE_FIN,
    COUNT_ONE_RST,
    E_BITS,
    E_KEY,
    E_PORTS,
    E_STRIDE,
    EB_PACKETS,
    EP_V6_SHIFT,
    H_BYTES,
    H_COUNTS,
    H_FIRST_NS,
    H_FIRST_REF,
    H_PACKETS,
    H_STRIDE,
    J_ESTABLISHED,
    J_META,
    J_SIDE,
    J_STRIDE,
    J_VERDICT,
    J_WHERE,
    T_HALVES,
    T_HISTORY,
    T_STRIDE,
)

__all__ = ["assign_roles", "beginnings", "parties"]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _verdict(
    halves: cython.longlong[::1], first: cython.Py_ssize_t, second: cython.Py_ssize_t
) -> cython.longlong:
    """The compiled twin of ``machine.verdict``; its tests keep them equal."""
    mine: cython.longlong = halves[first + H_COUNTS]
    other: cython.longlong = halves[second + H_COUNTS]
    fins: cython.longlong = cython.cast(cython.longlong, COUNT_LIMIT) << COUNT_ONE_FIN
    if other >> COUNT_ONE_RST:
        if not mine & COUNT_LIMIT:
            return 10
        return 8 if other & COUNT_LIMIT else 4
    if mine >> COUNT_ONE_RST:
        return 7 if other & COUNT_LIMIT else 9
    if mine & fins:
        if other & fins:
            return 3
        return 5 if other & COUNT_LIMIT else 11
    if other & fins:
        return 6 if mine & COUNT_LIMIT else 12
    if mine & COUNT_LIMIT:
        if not halves[second + H_PACKETS]:
            return 1
        if other & COUNT_LIMIT:
            return 2
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _initiator(
    halves: cython.longlong[::1], t: cython.Py_ssize_t, ports: cython.longlong
) -> cython.longlong:
    """Return side | how << 1."""
    story: cython.longlong = halves[t + T_HISTORY]
    low: cython.Py_ssize_t = t + T_HALVES
    high: cython.Py_ssize_t = low + H_STRIDE
    code: cython.longlong
    answer: cython.longlong = -1
    while story & 15:
        code = (story & 15) - 1
        if code >> 1 == 0:
            return code & 1
        if code >> 1 == 1 and answer < 0:
            answer = (1 - (code & 1)) | 2
        story >>= 4
    if answer >= 0:
        return answer
    if (ports >> 16) & 0xFFFF != ports & 0xFFFF:
        return (1 if (ports >> 16) & 0xFFFF < ports & 0xFFFF else 0) | 4
    if not halves[low + H_PACKETS]:
        return 7
    if halves[high + H_PACKETS] and halves[high + H_FIRST_REF] < halves[low + H_FIRST_REF]:
        return 7
    return 6


def assign_roles(
    count: cython.Py_ssize_t,
    entries: cython.longlong[::1],
    halves: cython.longlong[::1],
    out: cython.longlong[::1],
) -> int:
    """Write J_WHERE and J_META of each of ``count`` entries that has packets; return how many there are."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t = 0
    t: cython.Py_ssize_t
    first: cython.Py_ssize_t
    second: cython.Py_ssize_t
    who: cython.longlong
    opened: cython.longlong
    with cython.nogil:
        for i in range(count):
            if not entries[i * E_STRIDE + E_BITS] & EB_PACKETS:
                continue
            t = i * T_STRIDE
            who = _initiator(halves, t, entries[i * E_STRIDE + E_PORTS])
            first = t + T_HALVES + (who & 1) * H_STRIDE
            second = t + T_HALVES + (1 - (who & 1)) * H_STRIDE
            out[j + J_WHERE] = (cython.cast(cython.longlong, i) << 32) | i
            out[j + J_META] = who | (_verdict(halves, first, second) << J_VERDICT)
            opened = halves[first + H_COUNTS] & COUNT_LIMIT
            if not opened:
                if halves[first + H_BYTES] and halves[second + H_BYTES]:
                    out[j + J_META] |= J_ESTABLISHED
            elif halves[second + H_COUNTS] & COUNT_LIMIT and halves[first + H_PACKETS] & LOW32 > opened + (
                (halves[first + H_COUNTS] >> COUNT_ONE_RST) & COUNT_LIMIT
            ):
                out[j + J_META] |= J_ESTABLISHED
            j += J_STRIDE
    return j // J_STRIDE


def parties(
    count: cython.Py_ssize_t,
    groups: cython.longlong[::1],
    entries: cython.longlong[::1],
    initiators: cython.longlong[::1],
    responders: cython.longlong[::1],
) -> int:
    """Write ``address << 16 | port`` of both ends of each of ``count`` flows; return how many have IPv6 addresses.

    In place of those stands what is below zero: ``-1 - port``.
    """
    i: cython.Py_ssize_t
    e: cython.Py_ssize_t
    low: cython.longlong
    high: cython.longlong
    port: cython.longlong
    other: cython.longlong
    six: cython.Py_ssize_t = 0
    with cython.nogil:
        for i in range(count):
            e = (groups[i * J_STRIDE + J_WHERE] & LOW32) * E_STRIDE
            port = (entries[e + E_PORTS] >> 16) & 0xFFFF
            other = entries[e + E_PORTS] & 0xFFFF
            if (entries[e + E_PORTS] >> EP_V6_SHIFT) & 1:
                low = -1 - port
                high = -1 - other
                six += 1
            else:
                low = (((entries[e + E_KEY] >> 32) + (cython.cast(cython.longlong, 1) << 31)) << 16) | port
                high = ((entries[e + E_KEY] & LOW32) << 16) | other
            if groups[i * J_STRIDE + J_META] & J_SIDE:
                initiators[i] = high
                responders[i] = low
            else:
                initiators[i] = low
                responders[i] = high
    return int(six)


def beginnings(
    count: cython.Py_ssize_t,
    groups: cython.longlong[::1],
    halves: cython.longlong[::1],
    out: cython.longlong[::1],
) -> None:
    """Write the time of the first packet of each of ``count`` flows, in ns."""
    i: cython.Py_ssize_t
    h: cython.Py_ssize_t
    with cython.nogil:
        for i in range(count):
            h = (groups[i * J_STRIDE + J_WHERE] & LOW32) * T_STRIDE + T_HALVES
            if not halves[h + H_PACKETS] or (
                halves[h + H_STRIDE + H_PACKETS] and halves[h + H_STRIDE + H_FIRST_REF] < halves[h + H_FIRST_REF]
            ):
                h += H_STRIDE
            out[i] = halves[h + H_FIRST_NS]

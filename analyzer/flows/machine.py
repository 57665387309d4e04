"""Zeek's verdict on a connection, as a pure function of its two halves.

The codes and their meaning: Zeek's ``base/protocols/conn/main.zeek`` (conn_state). The halves' states are read off
their counters, so a half that sent FIN and then RST counts as reset.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["VERDICTS", "State", "state", "verdict"]


class State(IntEnum):
    """What one half has shown of itself, the last word first."""

    INACTIVE = 0
    """No packet."""
    PARTIAL = 1
    """Packets, but no SYN."""
    OPENED = 2
    """A SYN or SYN-ACK, neither FIN nor RST."""
    CLOSED = 3
    """A FIN, no RST."""
    RESET = 4


def state(packets: int, syns: int, fins: int, rsts: int) -> State:
    """Read a half's state off its counters."""
    if rsts:
        return State.RESET
    if fins:
        return State.CLOSED
    if syns:
        return State.OPENED
    return State.PARTIAL if packets else State.INACTIVE


VERDICTS = ("OTH", "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR")


def verdict(initiator: State, responder: State, *, initiator_syn: bool, responder_syn: bool) -> str:
    """Return Zeek's code; ``*_syn`` tell whether that half sent a SYN or SYN-ACK."""
    if responder is State.RESET:
        if initiator_syn and not responder_syn:
            return "REJ"
        return "RSTR" if initiator_syn else "RSTRH"
    if initiator is State.RESET:
        return "RSTO" if responder_syn else "RSTOS0"
    if initiator is State.CLOSED and responder is State.CLOSED:
        return "SF"
    if initiator is State.CLOSED:
        return "S2" if responder_syn else "SH"
    if responder is State.CLOSED:
        return "S3" if initiator_syn else "SHR"
    if initiator is State.OPENED and responder is State.INACTIVE:
        return "S0"
    return "S1" if initiator_syn and responder_syn else "OTH"

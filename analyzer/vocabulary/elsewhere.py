"""What a capture taken at the other end at the same time shows of the connection."""

from __future__ import annotations

from analyzer.vocabulary.declare import choice, count

__all__ = ["ELSEWHERE"]

_ONE_CAPTURE = "no capture from the other end was given, or it does not hold the connection"

ELSEWHERE = (
    choice(
        "syn_at_peer",
        "unseen arrived answered",
        "What a capture nearer to the responder shows of an unanswered SYN: nothing, its arrival, or a SYN-ACK to it",
        _ONE_CAPTURE,
        "At the server's side the SYN was {}.",
    ),
    choice(
        "data_at_peer",
        "lost-going lost-returning ignored",
        "What became of data that nobody acknowledged, by a capture nearer to its receiver: it never arrived, its "
        "acknowledgment got lost, or it arrived and was left without one",
        _ONE_CAPTURE,
        "By the capture at the other end the data was {}.",
    ),
    count(
        "peer_probes_unanswered",
        "Keepalive probes that, by a capture at its side, the responder sent at last and got no answer to",
        _ONE_CAPTURE,
        "At its own side the server sent {} keepalive probes that nobody answered.",
    ),
)

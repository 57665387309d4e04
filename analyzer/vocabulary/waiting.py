"""Silences, keepalives, delivery and stalls."""

from __future__ import annotations

from analyzer.vocabulary.declare import NO_END, NO_FLOW, NO_SILENCE, ONE_WAY, choice, count, duration, size, truth

__all__ = ["DELIVERY", "SILENCE"]

SILENCE = (
    duration(
        "silence_before_end",
        "The stretch without a packet in either half right before what ended the flow",
        NO_FLOW,
        "Before the end the connection was silent for {}.",
    ),
    choice(
        "silence_ended_by",
        "initiator-data responder-data initiator-fin responder-fin initiator-rst responder-rst keepalive other",
        "The packet that ended that silence",
        NO_SILENCE,
        "What ended that silence: {}.",
    ),
    truth(
        "answered_after_silence",
        "The first packet after that silence was acknowledged by the other side",
        f"{NO_SILENCE}, or {ONE_WAY}",
        "After the silence the other side still answered.",
        "After the silence the other side answered no more.",
    ),
    duration(
        "longest_survived_silence",
        "The longest silence of this flow, or of others to the same responder, after which it still worked",
        "none was seen",
        "A silence of {} to the same server was survived.",
    ),
    duration(
        "shortest_fatal_silence",
        "The shortest silence of flows to the same responder after which they were dead",
        "none was seen",
        "The shortest silence to that server that ended a connection lasted {}.",
    ),
    count(
        "flows_ended_by_same_silence",
        "Flows to the same responder whose last silence has the same length, within 5 % or 2 s, this one included",
        NO_SILENCE,
        "{} connections to that server ended after a silence of the same length.",
    ),
    truth(
        "longer_idle_outlived",
        "A connection to the same server still answered the request that ended a silence twice as long",
        NO_SILENCE,
        "The same server answered a request after a silence at least twice as long.",
        "No connection to that server outlived a silence twice as long.",
    ),
    truth(
        "request_before_silence_answered",
        "The last request before the silence had got its answer, so the connection was idle, not waiting",
        NO_SILENCE,
        "Before the silence every request had been answered: the connection was idle.",
        "Before the silence a request was still waiting for its answer.",
    ),
    count(
        "requests_before_silence",
        "Request and answer pairs that were exchanged before the silence",
        NO_SILENCE,
        "{} requests had been answered on this connection before.",
        "No request had been answered on this connection before.",
    ),
    count(
        "keepalive_probes",
        "TCP keepalive probes of the initiator (RFC 1122 §4.2.3.6)",
        NO_FLOW,
        "The client sent {} TCP keepalive probes.",
        "The client sent no TCP keepalive probe.",
    ),
    duration(
        "keepalive_interval",
        "The shortest silence after which the initiator sent a keepalive probe",
        "the initiator sent none",
        "The client's keepalive probes come after {} of silence.",
    ),
    truth(
        "probes_never_answered",
        "Not one of the initiator's keepalive probes drew an answer",
        "the initiator sent none",
        "Not even the first keepalive probe was answered.",
        "Earlier keepalive probes had been answered.",
    ),
    count(
        "keepalives_unanswered",
        "Keepalive probes in a row, of either side, that drew no answer until the flow ended",
        f"{ONE_WAY}, or {NO_END}",
        "{} keepalive probes in a row went unanswered.",
        "No keepalive probe went unanswered.",
    ),
)

DELIVERY = (
    size(
        "initiator_bytes",
        "Payload bytes of the initiator",
        NO_FLOW,
        "The client sent {} of data.",
        "The client sent no data.",
    ),
    size(
        "responder_bytes",
        "Payload bytes of the responder",
        NO_FLOW,
        "The server sent {} of data.",
        "The server sent no data.",
    ),
    choice(
        "undelivered",
        "none initiator responder both",
        "Whose last data was repeated and never acknowledged",
        f"{ONE_WAY}, or {NO_END}",
        "The last data of {} was never acknowledged.",
        "No data was left unacknowledged.",
    ),
    count(
        "transmissions_unanswered",
        "How often the last unacknowledged segment was sent, the first time included",
        f"{ONE_WAY}, or {NO_END}",
        "The last data was sent {} times and never acknowledged.",
    ),
    duration(
        "unanswered_time",
        "From the first transmission of that segment to the last packet of its sender",
        f"{ONE_WAY}, or {NO_END}",
        "The sender tried for {}.",
    ),
    truth(
        "only_large_undelivered",
        "Only segments near the largest size went unacknowledged while smaller ones of the same half passed",
        f"{ONE_WAY}, or nothing went unacknowledged",
        "Only large segments were lost; smaller ones passed.",
        "Segments of every size were lost.",
    ),
    size(
        "smallest_undelivered",
        "Payload of the smallest segment that was repeated and never acknowledged",
        "nothing went unacknowledged",
        "The smallest segment that never arrived carries {}.",
    ),
    truth(
        "responder_silent_during_retries",
        "Nothing at all came from the other side while the data was repeated",
        f"{ONE_WAY}, or {NO_END}",
        "Nothing came back while the data was repeated.",
        "The other side still sent packets while the data was repeated.",
    ),
    truth(
        "active_before_loss",
        "Packets went back and forth within ten seconds before the first transmission that went unanswered",
        "nothing went unacknowledged",
        "The connection was busy until the moment packets stopped arriving.",
        "The connection had been silent when packets stopped arriving.",
    ),
    duration(
        "request_unanswered_time",
        "How long the initiator's last request, acknowledged by the responder, waited without any answer data",
        ONE_WAY,
        "The server acknowledged the last request and sent no answer for {}.",
    ),
    duration(
        "zero_window_time",
        "How long the responder kept its receive window closed until the flow ended",
        ONE_WAY,
        "The server kept its receive window closed for {}.",
    ),
)

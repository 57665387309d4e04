"""Observations that several rules share, each of which an expert would read off the packets at one glance."""

from __future__ import annotations

from analyzer.vocabulary.declare import NO_FLOW, NO_LOG, NO_RESET, NO_START, NO_TIME, ONE_WAY, duration, text, truth

__all__ = ["DERIVED"]

DERIVED = (
    truth(
        "error_near_handshake",
        "The error falls within the handshake, or so near that the clocks leave it open",
        f"{NO_TIME}, or {NO_START}",
        "The error falls at the time of the handshake, as well as the clocks can tell.",
    ),
    duration(
        "later_round_trip",
        "The shortest time from data to its acknowledgment after the handshake",
        "no data was acknowledged",
        "Later the path's round trip was {}.",
    ),
    truth(
        "handshake_slow",
        "The handshake took at least five times the round trip measured later",
        "no data was acknowledged",
        "The handshake took much longer than the path's round trip.",
    ),
    duration(
        "first_use_delay",
        "From the handshake's end, or the greeting, to the initiator's first data, or to the flow's end when "
        "it sent none",
        NO_START,
        "The client used the finished connection only after {}.",
    ),
    truth(
        "sibling_family_differs",
        "The sibling attempt that connected went to an address of the other family (RFC 8305)",
        "there was no such attempt",
        "The attempt that connected used the other address family.",
    ),
    truth(
        "fell_back",
        "The program gave the attempt up at once, or it was refused, and one to the other address family connected "
        "within two seconds, as programs that try both do (RFC 8305); or it gave up one of two to the same endpoint",
        NO_FLOW,
        "Another attempt of the same program connected in its place.",
    ),
    truth(
        "foreign_ack_seen",
        "The responder answered a SYN with an ACK of another connection before it answered it in order",
        NO_START,
        "The server first answered the SYN with an ACK of an older connection.",
    ),
    truth(
        "scan_like",
        "The initiator tried ten or more ports of hosts within ten seconds and used none of them",
        NO_FLOW,
        "The client tried many ports in a row, as a port scan does.",
    ),
    truth(
        "initiator_closed_after_fin",
        "The initiator answered the responder's FIN with a FIN or RST of its own",
        "the responder sent no FIN",
        "The client closed its side after the server's FIN.",
        "The client never closed its side after the server's FIN.",
    ),
    truth("initiator_fin_acked", "The responder acknowledged the initiator's FIN", "the initiator sent no FIN"),
    truth(
        "late_data_acked",
        "The responder acknowledged data that the initiator sent after the responder's FIN",
        "there was no such data",
        "The server still acknowledged data after its own FIN.",
    ),
    truth(
        "initiator_gave_up_first",
        "The initiator sent FIN or RST before the responder did",
        NO_FLOW,
        "The client closed first.",
    ),
    truth(
        "whole_silence",
        "The silence before the end is a round number of seconds, as timers are set",
        NO_FLOW,
        "The silence lasted a round number of seconds, as timers do.",
        "The silence is no round number of seconds.",
    ),
    duration(
        "longest_survived_here",
        "The longest silence of this flow after which it still worked",
        NO_FLOW,
        "This connection had survived a silence of {}.",
    ),
    truth(
        "late_answer",
        "The responder's answer came after the initiator had closed",
        NO_FLOW,
        "The server's answer came after the client had closed.",
        "No answer of the server came later either.",
    ),
    truth(
        "large_ever_delivered",
        "A segment as large as the stuck one was acknowledged on this flow before",
        "nothing went unacknowledged",
        "Segments of that size had passed before.",
        "No segment of that size ever passed.",
    ),
    truth(
        "missing_large_answer",
        "The responder's later data or its end arrived while a run of full-size data before it never did",
        ONE_WAY,
        "The server's large segments never arrived while small ones did.",
    ),
    truth("ftp_announced", "An FTP control connection announced this flow's responder", NO_FLOW),
    truth(
        "idle_notice",
        "The responder's last words name a timeout or idleness",
        "the capture holds no payload",
        "The server's last words name a timeout.",
    ),
    truth(
        "tls_failed",
        "A TLS handshake was begun and never finished",
        "the capture holds no payload",
        "A TLS handshake was begun and never finished.",
    ),
    truth(
        "accepted_then_reset",
        "The responder reset the connection before it sent any data, within a second of the handshake or at the "
        "initiator's first data",
        f"{NO_RESET}, or {NO_START}",
        "The server accepted the connection and reset it before it sent anything.",
    ),
    truth(
        "name_failed",
        "A DNS question for the peer's name, or the last one before the error, ended without an address",
        "no DNS was captured",
        "The name of the peer could not be resolved.",
    ),
    truth(
        "peer_neighbour_unanswered",
        "ARP or neighbour solicitations for the log's peer, or a gateway, went unanswered around the error",
        NO_LOG,
        "ARP or neighbour solicitations went unanswered around the error.",
    ),
    text(
        "socket_state",
        "The state of the flow's socket in the socket table that was given (RFC 9293 §3.3.2 names)",
        "no socket table was given, or it lacks the flow",
        "The socket table shows the connection in state {}.",
    ),
    text(
        "socket_process",
        "The process that owns the flow's socket, by the socket table",
        "no socket table was given, or it lacks the flow",
        "The socket belongs to {}.",
    ),
    truth(
        "log_agrees",
        "The error that the log records shortly before is one that this flow's ending produces",
        "the log records no other error shortly before",
        "The log's earlier error is what this ending produces.",
        "The log's earlier error is not what this ending produces.",
    ),
    truth(
        "error_after_capture",
        "The error comes after the capture's last packet",
        NO_TIME,
        "The capture ends before the error.",
    ),
    truth(
        "log_says_link_changed",
        "The log tells of a network change shortly before",
        NO_LOG,
        "The log tells of a network change shortly before.",
    ),
    truth(
        "log_says_connected",
        "The log tells that a connection was made shortly before",
        NO_LOG,
        "The log tells of a connection that was made shortly before.",
    ),
    truth(
        "log_says_connecting",
        "The last thing the log tells of this connection is that it was being made",
        NO_LOG,
        "The last the log tells of this connection is that it was being made.",
    ),
    truth(
        "port_seen",
        "The capture holds a flow to the address and port that the log names",
        "the log names no port",
        "The capture holds connections to that address and port.",
        "The capture holds no connection to that port of the peer.",
    ),
)

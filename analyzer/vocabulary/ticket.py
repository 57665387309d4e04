"""What the log tells of the incident, and how far the capture can answer it."""

from __future__ import annotations

from analyzer.vocabulary.declare import NO_FLOW, NO_LOG, NO_TIME, choice, count, duration, truth

__all__ = ["QUALITY", "TICKET"]

TICKET = (
    choice("source", "log capture call", "Where we learned of the incident", "never"),
    choice(
        "log_call",
        "connect send recv shutdown getpeername getsockname setsockopt accept disconnect other",
        "The socket call that failed, as the log names it",
        "the log names no call",
        "The log says that {} failed.",
    ),
    count("log_code", "The Winsock code of the log line, 10057 or its like", NO_LOG, "The log records code {}."),
    count(
        "log_earlier_code",
        "The last other socket error the log holds for the same endpoint shortly before",
        "the log has no such line",
        "The log records code {} for the same endpoint shortly before.",
    ),
    choice("log_protocol", "tcp udp", "The transport the log names", "the log does not tell", "The log speaks of {}."),
    truth(
        "log_names_endpoint",
        "The log line names the peer's address or port",
        NO_LOG,
        "The log line names the peer.",
        "The log line names no peer, so the flow was chosen by time alone.",
    ),
    truth(
        "log_names_own_listener",
        "The log line names an endpoint at which, as the log told before, the program itself accepts connections",
        NO_LOG,
        "The log names as its socket an endpoint at which connections had been accepted: the listening one.",
    ),
    truth(
        "log_says_closed_locally",
        "The log tells that the program itself closed or disposed the connection shortly before",
        NO_LOG,
        "The log says that the program closed the connection itself shortly before.",
    ),
    truth(
        "log_says_gave_up",
        "The log tells of a timeout or cancellation by the program shortly before",
        NO_LOG,
        "The log says that the program gave up waiting shortly before.",
    ),
    truth(
        "log_says_name_failed",
        "The log tells that a host name could not be resolved (11001 to 11004) shortly before",
        NO_LOG,
        "The log says that a host name could not be resolved shortly before.",
    ),
    truth(
        "flow_found",
        "A flow of the capture belongs to the incident",
        "never",
        "A flow of the capture belongs to the error.",
        "No flow of the capture belongs to the error.",
    ),
    count(
        "candidate_flows",
        "How many flows fit the incident equally well",
        NO_FLOW,
        "{} flows fit the error equally well.",
    ),
    choice(
        "error_phase",
        "before-syn handshake established after-fin after-rst after-end",
        "What the flow had come to when the error was recorded",
        f"{NO_TIME}, or the clocks agree too badly to order it",
        "At the time of the error the flow was in this phase: {}.",
    ),
    duration(
        "clock_uncertainty",
        "How far apart the log's clock and the capture's may be",
        NO_TIME,
        "The log's clock and the capture's agree within {}.",
    ),
    truth(
        "error_inside_capture",
        "The time of the error lies between the capture's first and last packet",
        NO_TIME,
        "The error falls within the time that was captured.",
        "The error falls outside the time that was captured.",
    ),
)

QUALITY = (
    truth(
        "client_host_seen",
        "The capture holds other packets sent by the host that logged the error, around that time",
        "that host's address is not known",
        "The capture holds other traffic of the client host around that time.",
        "The capture holds no traffic of the client host around that time.",
    ),
    truth(
        "endpoint_seen",
        "The capture holds any packet to or from the peer named by the log",
        "the log names no peer",
        "The capture holds packets of the peer that the log names.",
        "The capture holds not one packet of the peer that the log names.",
    ),
    truth("both_directions", "Packets of both halves were captured", NO_FLOW, "", "Only one direction was captured."),
    truth(
        "capture_lost_packets",
        "The capture lacks packets of this flow that its peers acknowledged, or its file counts drops",
        NO_FLOW,
        "The capture lacks packets that the peers must have exchanged.",
    ),
    truth(
        "start_captured",
        "The capture holds the flow's handshake",
        NO_FLOW,
        "",
        "The capture began after the connection did.",
    ),
    truth(
        "end_captured",
        "The capture goes on long enough after the flow's last packet to tell that no more came",
        NO_FLOW,
        "",
        "The capture ends too soon after the flow's last packet to tell that no more came.",
    ),
    choice(
        "vantage",
        "initiator responder path",
        "Where the capture was taken, by the round trips of both halves, or by the hop counts of SYN and SYN-ACK",
        "neither round trips nor hop counts tell",
        "By round trips or hop counts the capture was taken near {}.",
    ),
    truth("loopback", "Both ends are the same host or a loopback address", NO_FLOW, "Both ends are the same host."),
)

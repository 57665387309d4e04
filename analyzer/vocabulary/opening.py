"""How the connection was made, or how that failed."""

from __future__ import annotations

from analyzer.vocabulary.declare import NO_END, NO_FLOW, NO_START, choice, count, duration, truth

__all__ = ["OPENING"]

OPENING = (
    choice(
        "opening",
        "complete reset unanswered unacknowledged foreign-ack abandoned",
        "The outcome of the handshake",
        NO_START,
        "The handshake's outcome: {}.",
    ),
    count("syn_count", "How many SYNs the initiator sent", NO_START, "The client sent {} SYNs."),
    duration(
        "syn_span",
        "From the first SYN to the last one",
        NO_START,
        "The SYNs span {}.",
    ),
    truth(
        "syn_schedule_cut_short",
        "The initiator stopped repeating its SYN before an operating system gives up (18 s)",
        f"{NO_START}, or {NO_END}",
        "The SYNs stop before an operating system gives up by itself.",
    ),
    duration(
        "handshake_time",
        "From the first SYN to the first SYN-ACK",
        NO_START,
        "The SYN-ACK came {} after the SYN.",
    ),
    count(
        "syn_acks_repeated",
        "SYN-ACKs that the responder sent again although the initiator's acknowledgment was captured",
        NO_START,
        "The server repeated its SYN-ACK {} times although the client had acknowledged it.",
        "The server did not repeat its SYN-ACK once the client had acknowledged it.",
    ),
    truth(
        "syn_reset_by_box",
        "The RST that answers the SYN does not fit the responder: hop count, IP id, link address or speed",
        "no packet of the responder is there to compare with",
        "The RST that answers the SYN does not fit the server's own packets.",
        "The RST that answers the SYN fits the server's own packets.",
    ),
    truth(
        "initiator_reset_syn_ack",
        "The initiator answered a SYN-ACK with RST",
        NO_START,
        "The client answered the SYN-ACK with RST.",
    ),
    choice(
        "icmp_error",
        "none net-unreachable host-unreachable protocol-unreachable port-unreachable admin-prohibited "
        "fragmentation-needed time-exceeded other",
        "The ICMP error that quotes a packet of this flow",
        NO_FLOW,
        "An ICMP error quotes a packet of this connection: {}.",
        "No ICMP error quotes a packet of this connection.",
    ),
    truth(
        "icmp_from_responder",
        "That ICMP error came from the responder itself, not from a router",
        "no ICMP error quotes the flow",
        "The ICMP error came from the server itself.",
        "The ICMP error came from a device on the path.",
    ),
    choice(
        "name_lookup",
        "answered name-error server-failure no-address no-answer none",
        "The outcome of the last DNS question of the client host before the error",
        "no DNS was captured",
        "The last DNS question before the error ended so: {}.",
    ),
    truth(
        "neighbour_unanswered",
        "ARP or neighbour solicitations for the responder or the gateway went unanswered",
        "no ARP or neighbour discovery was captured",
        "ARP or neighbour solicitations for the next hop went unanswered.",
    ),
    count(
        "sibling_attempts",
        "Connection attempts of the same host to another address on the same port within two seconds",
        NO_FLOW,
        "Within two seconds the client tried {} other addresses on the same port.",
        "The client tried no other address on the same port within two seconds.",
    ),
    truth(
        "sibling_connected",
        "One of those attempts completed its handshake",
        "there was no such attempt",
        "Another attempt of the same race did connect.",
    ),
    count(
        "responder_accepted_others",
        "Handshakes that the responder completed on the same port within 30 s of this attempt",
        NO_FLOW,
        "The server completed {} other handshakes on the same port within 30 s.",
        "The server completed no other handshake on the same port within 30 s.",
    ),
    count(
        "attempts_together",
        "SYNs of all hosts to the same responder port within one second around this attempt",
        NO_FLOW,
        "{} connection attempts reached that port within one second.",
    ),
    truth("ports_reused", "An earlier flow used the same four-tuple", "never", "The same ports were in use before."),
    choice(
        "proxy_reply",
        "none granted refused",
        "The answer of a SOCKS or HTTP proxy at the start of the flow",
        "the first bytes were not captured",
        "The proxy {} the request.",
        "No proxy answered.",
    ),
)

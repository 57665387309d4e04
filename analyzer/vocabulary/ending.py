"""How the connection ended on the wire: FINs and resets."""

from __future__ import annotations

from analyzer.vocabulary.declare import NO_END, NO_FLOW, NO_RESET, NO_START, ONE_WAY, choice, count, duration, truth

__all__ = ["CLOSING", "RESET"]

CLOSING = (
    choice(
        "ended_by",
        "responder-fin responder-rst initiator-fin initiator-rst both-rst silence nothing",
        "What ended the flow first, as the packets claim: a FIN or RST of one side, traffic that stopped unanswered "
        "(silence), or nothing",
        NO_FLOW,
        "What ended the connection first, as the packets claim: {}.",
    ),
    truth("responder_fin", "The responder sent FIN", ONE_WAY, "The server closed its side with FIN."),
    truth("initiator_fin", "The initiator sent FIN", ONE_WAY, "The client closed its side with FIN."),
    truth(
        "orderly_close",
        "Both sides sent FIN and neither sent data into the other's close",
        f"{ONE_WAY}, or {NO_END}",
        "Both sides closed in order.",
    ),
    truth(
        "half_close_in_use",
        "After one side's FIN the other went on delivering data that was acknowledged",
        ONE_WAY,
        "One side had closed its sending half only, and the other went on delivering data.",
    ),
    truth(
        "data_after_responder_fin",
        "The initiator sent new data after it had acknowledged the responder's FIN",
        ONE_WAY,
        "The client sent data although it had acknowledged the server's FIN.",
        "The client sent nothing after the server's FIN.",
    ),
    truth(
        "late_data_reset",
        "The responder answered that late data with RST",
        f"{ONE_WAY}, or {NO_END}",
        "The server answered that late data with RST.",
    ),
    duration(
        "time_from_responder_fin_to_data",
        "From the responder's FIN to the initiator's next new data",
        "there was no such data",
        "The client's next data came {} after the server's FIN.",
    ),
    duration(
        "close_wait_time",
        "How long the initiator left the responder's FIN without a FIN or RST of its own",
        f"the responder sent no FIN, or {ONE_WAY}",
        "The client left the server's FIN unanswered by a close of its own for {}.",
    ),
    count(
        "close_wait_siblings",
        "Other flows of the same host to the same responder that stand in CLOSE-WAIT for over 10 s at the same time",
        NO_FLOW,
        "{} other connections to the same server stand in CLOSE-WAIT as well.",
        "No other connection to the same server stands in CLOSE-WAIT.",
    ),
    truth(
        "fin_right_after_answer",
        "The responder's FIN came within a second of its own last data or of the initiator's last request",
        "the responder sent no FIN",
        "The server closed right after its last answer, without a silence.",
    ),
)

RESET = (
    choice(
        "reset_claimed_by",
        "initiator responder both none",
        "Whose address the decisive RST bears as its source",
        NO_FLOW,
        "The RST bears this end's address as its source: {}.",
    ),
    choice(
        "reset_sender",
        "peer box undetermined none",
        "Whether that RST fits the host it claims to come from (hop count, IP id, link address, sequence, speed)",
        NO_RESET,
        "By hop count, IP id, sequence and speed the sender of the RST is: {}.",
    ),
    choice(
        "reset_answers",
        "syn data fin keepalive nothing none",
        "What the RST answers: the last packet before it that went the other way and explains it; nothing when it came "
        "on its own",
        NO_RESET,
        "The RST answers {}.",
    ),
    choice(
        "reset_form",
        "bare acknowledging none",
        "bare: RST alone, as a host without the connection sends (RFC 9293 §3.10.7.1); acknowledging: RST and ACK, as "
        "a host that aborts its connection sends",
        NO_RESET,
        "The reset came as {}.",
    ),
    truth(
        "reset_both_ways",
        "RSTs in both directions at the same moment, none of which answers the other",
        NO_RESET,
        "Both ends received a RST at the same moment.",
    ),
    truth(
        "reset_hops_differ",
        "The RST's TTL differs by two or more from the same address's other packets",
        f"{NO_RESET}, or the sender has no other packets",
        "The RST's hop count differs from all other packets of that address.",
        "The RST's hop count equals that of the same address's other packets.",
    ),
    truth(
        "reset_sequence_odd",
        "The RST's sequence number does not fit what its sender had sent or was asked to accept",
        NO_RESET,
        "The RST's sequence number does not fit its sender's own.",
    ),
    truth(
        "sender_went_on",
        "The address that the RST claims went on sending data as if it had sent none",
        NO_RESET,
        "After the RST its alleged sender went on as if it had sent none.",
    ),
    truth(
        "reset_not_sent_by_peer",
        "A capture at the alleged sender lacks that RST",
        "there is no capture from the alleged sender's side",
        "The capture at the alleged sender lacks that RST: something between made it.",
        "The capture at the alleged sender holds that RST.",
    ),
    truth(
        "unread_data_at_reset",
        "The RST leaves data unacknowledged, or came at once after data, without a FIN before it: its sender threw "
        "away what it had not read",
        NO_RESET,
        "The sender of the RST had not read all data when it closed.",
    ),
    count(
        "segments_unanswered_at_reset",
        "Data segments that the RST's sender got since it last sent data itself",
        NO_RESET,
        "{} data segments stood unanswered when the RST came.",
        "No data stood unanswered when the RST came.",
    ),
    truth(
        "reset_ends_closed_flow",
        "The RST came after both FINs, after a goodbye, or from the side that had closed: ordinary tidying up",
        NO_RESET,
        "The RST only tidied up a connection that was closed already.",
    ),
    duration(
        "reset_after_handshake",
        "From the handshake's end to the first RST",
        f"{NO_RESET}, or {NO_START}",
        "The RST came {} after the handshake.",
    ),
    count(
        "resets_together",
        "Flows of the same responder that were reset within the same two seconds, this one included",
        NO_RESET,
        "{} connections of that server were reset within two seconds.",
    ),
)

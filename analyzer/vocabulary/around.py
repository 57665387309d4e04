"""What the bytes say, and what other flows and hosts did at the same time."""

from __future__ import annotations

from analyzer.vocabulary.declare import NO_FLOW, ONE_WAY, choice, count, duration, text, truth

__all__ = ["AROUND", "PROTOCOL"]

_NO_BYTES = "the capture holds no payload"
_NOT_FTP = "the flow is no FTP control connection"

PROTOCOL = (
    choice(
        "protocol",
        "ftp ftp-data tls http smtp ssh tds mysql postgresql redis socks other",
        "What the first bytes of the flow speak",
        _NO_BYTES,
        "The connection speaks {}.",
    ),
    choice(
        "tls_stage",
        "none client-hello server-hello finished",
        "How far a TLS handshake came; none when the flow speaks no TLS",
        _NO_BYTES,
        "The TLS handshake came as far as {}.",
        "The connection speaks no TLS.",
    ),
    choice(
        "tls_alert",
        "none fatal warning close-notify encrypted",
        "The TLS alert that was seen before the end",
        _NO_BYTES,
        "A TLS alert was seen: {}.",
    ),
    choice(
        "tls_alert_by",
        "none initiator responder",
        "Who sent the fatal TLS alert; none when the responder had closed before it",
        _NO_BYTES,
    ),
    text(
        "refusal_text",
        "The responder's last words when they are an error reply (4xx, 5xx, ERR, login failed)",
        "there was none, or it is encrypted",
        "The server's last words: {}.",
    ),
    truth(
        "refused_in_protocol",
        "The responder's last data is an error reply, not said unasked after a pause, and its close follows at once",
        _NO_BYTES,
        "The server answered with an error and closed.",
    ),
    duration(
        "ftp_transfer_time",
        "How long an FTP data transfer ran while the control connection was silent",
        _NOT_FTP,
        "A data transfer ran for {} while the control connection was silent.",
    ),
    truth(
        "ftp_data_refused",
        "The FTP server replied that it could open no data connection (425, RFC 959 §5.4)",
        _NOT_FTP,
        "The FTP server replied 425: it could open no data connection.",
    ),
    duration(
        "ftp_reply_awaited",
        "How long after that transfer's end the control connection brought no reply to it (226, 426 or 451, "
        "RFC 959 §5.4), nor anything else",
        _NOT_FTP,
        "The transfer was over, and for {} no reply to it came.",
    ),
    choice(
        "ftp_data_mode",
        "none passive passive-elsewhere active",
        "How an FTP control connection announced this flow's responder: the server its own address, the server another "
        "address than its own, or the client (RFC 959 §4.1.2)",
        "never; what no control connection announced has none",
        "The data connection was announced as {}.",
    ),
    choice(
        "ftp_data_opening",
        "none complete reset unanswered unreachable",
        "The outcome of the data connection that the control connection announced (RFC 959 §3.3); none when there was "
        "no announcement",
        _NOT_FTP,
        "The announced FTP data connection ended so: {}.",
    ),
)

AROUND = (
    truth(
        "healthy_at_error",
        "At the time of the error the flow was established, and neither side had sent FIN or RST, nor did data go "
        "unacknowledged",
        NO_FLOW,
        "At the time of the error the connection was established and healthy.",
        "At the time of the error the connection was not healthy.",
    ),
    truth(
        "worked_after_error",
        "Both sides exchanged acknowledged data after the time of the error",
        NO_FLOW,
        "Both sides exchanged data after the error.",
    ),
    truth(
        "responder_alive_elsewhere",
        "The responder's host answered other flows while this one got no answer",
        NO_FLOW,
        "The server answered other connections at the same time.",
        "The server answered no other connection at that time.",
    ),
    count(
        "flows_stopped_together",
        "Flows of the initiator's host that went unanswered in the same ten seconds, this one included",
        NO_FLOW,
        "{} connections of that client went unanswered at the same time.",
    ),
    count(
        "peers_stopped_together",
        "Different hosts that those flows lead to",
        NO_FLOW,
        "They lead to {} different hosts.",
    ),
    truth(
        "responder_lost_state",
        "The responder itself answered data of an established connection with a bare RST, without having closed it",
        ONE_WAY,
        "The server no longer knew the connection and answered its data with a bare RST.",
    ),
    truth(
        "responder_restart_seen",
        "Signs that the responder restarted: its host fell silent, announced itself anew by ARP, or its IP ids or "
        "timestamps began again",
        NO_FLOW,
        "The server's host shows signs of a restart.",
    ),
    truth(
        "initiator_address_changed",
        "After its last packet of this flow the initiator's host, known by its link-layer address, took another "
        "address and showed the old one no more",
        NO_FLOW,
        "The client's host took another address and left the old one.",
    ),
    truth(
        "same_payload_other_port",
        "The responder's side saw the same connection come from another address or port than before",
        "there is no capture from the responder's side",
        "The translated address or port of the client changed in the middle of the connection.",
    ),
    count(
        "attempts_per_minute",
        "Connection attempts of the initiator's host to the same responder port within the minute around the end",
        NO_FLOW,
        "The client tried to connect {} times within a minute.",
    ),
    count(
        "local_ports_in_use",
        "Different source ports that the initiator's host used within four minutes before the error",
        "the initiator's host is not known",
        "The client host used {} source ports within four minutes.",
    ),
)

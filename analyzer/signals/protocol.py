"""What the first and last bytes of each half say. Payload is data: nothing here trusts it further than a prefix."""

from __future__ import annotations

import re
from enum import Enum

from analyzer.flows.model import Flow
from analyzer.values import dataclass

__all__ = ["Protocol", "Talk", "TlsState", "read_protocol", "read_talk"]


class Protocol(Enum):
    """Application protocols told by their first bytes or port."""

    TLS = "tls"
    HTTP = "http"
    FTP = "ftp"
    SMTP = "smtp"
    SOCKS = "socks"
    SSH = "ssh"
    MYSQL = "mysql"
    POSTGRES = "postgres"
    TDS = "tds"
    REDIS = "redis"
    UNKNOWN = "unknown"


class TlsState(Enum):
    """How far a TLS handshake came, from the record types seen (RFC 8446 §5.1)."""

    NONE = "none"
    HELLO_ONLY = "hello-only"
    """A ClientHello, and nothing of the server."""
    ANSWERED = "answered"
    """The server answered; whether the handshake finished is not told."""
    ALERT = "alert"
    """A plain alert ended the handshake."""
    ESTABLISHED = "established"


_ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""TLS alert descriptions, RFC 8446 §6 and RFC 5246 §7.2."""

_ALERT_RECORD = re.compile(rb"\x15\x03.\x00\x02[\x01\x02].", re.DOTALL)
"""A plain alert: type, version 3.x, length 2, level, description (RFC 8446 §5.1 and §6)."""
_ENCRYPTED_ALERT = re.compile(rb"\x15\x03[\x00-\x04](?!\x00\x02)..", re.DOTALL)
_HTTP_REQUEST = re.compile(rb"(GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT|TRACE) ")
_HTTP_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_REPLY = re.compile(rb"(\d{3})[ -]")
_IDLE_WORDS = (b"timeout", b"timed out", b"time-out", b"inactiv", b"idle")
_SMTP_BANNER = re.compile(rb"220[ -].*(SMTP|ESMTP|mail)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Talk:
    """What the ends of the conversation say."""

    protocol: Protocol
    tls: TlsState
    tls_alert: str | None
    tls_alert_from_initiator: bool
    tls_alert_frame: int | None
    refusal: str | None
    """The responder's last words when they refuse: a status code and its text, printable, at most 80 characters."""
    refusal_code: int | None
    refusal_frame: int | None
    idle_notice: bool
    """The last words name a timeout (HTTP 408, or words such as "timeout" and "idle")."""
    proxy_refusal: bool
    """CONNECT or SOCKS answered with a failure."""


def read_talk(flow: Flow) -> Talk:
    """Read what the kept payload bytes of a flow say."""
    client, server = flow.initiator, flow.responder
    protocol = read_protocol(client.head, server.head, server.endpoint.port)
    tls, alert, alert_by_client, alert_frame = _tls(flow, protocol)
    refusal: str | None = None
    code: int | None = None
    frame: int | None = None
    proxy = False
    if protocol in (Protocol.FTP, Protocol.SMTP):
        match = _REPLY.match(server.tail)
        if match and match[1][:1] in b"45":
            code, refusal, frame = int(match[1]), _printable(server.tail), server.tail_frame
    elif protocol is Protocol.HTTP:
        match = _HTTP_STATUS.match(server.tail) or _HTTP_STATUS.match(server.head)
        if match and int(match[1]) >= 400:
            code, frame = int(match[1]), server.tail_frame
            refusal = _printable(match[0] + server.tail[match.end() : 80])
        proxy = client.head.startswith(b"CONNECT ") and code is not None
    elif protocol is Protocol.SOCKS:
        proxy = _socks_refused(server.tail)
        if proxy:
            refusal, frame = "SOCKS request rejected", server.tail_frame
    elif protocol is Protocol.MYSQL and server.tail[4:5] == b"\xff":
        refusal, frame = _printable(server.tail[7:]), server.tail_frame
        code = int.from_bytes(server.tail[5:7], "little")
    elif protocol is Protocol.POSTGRES and server.tail[:1] == b"E" and b"FATAL" in server.tail:
        refusal, frame = _printable(server.tail[5:]), server.tail_frame
    elif protocol is Protocol.REDIS and server.tail[:1] == b"-":
        refusal, frame = _printable(server.tail), server.tail_frame
    lowered = server.tail.lower()
    # 421 alone names no reason: "too many connections" has it too (RFC 959 §4.2, RFC 5321 §3.8).
    idle = refusal is not None and (code == 408 or any(word in lowered for word in _IDLE_WORDS))
    return Talk(protocol, tls, alert, alert_by_client, alert_frame, refusal, code, frame, idle, proxy)


def read_protocol(client: bytes, server: bytes, port: int) -> Protocol:
    """Tell the protocol by the first words of each half and the responder's port."""
    if client[:1] == b"\x16" and client[1:2] == b"\x03":
        return Protocol.TLS
    if _HTTP_REQUEST.match(client) or _HTTP_STATUS.match(server):
        return Protocol.HTTP
    if server.startswith(b"SSH-") or client.startswith(b"SSH-"):
        return Protocol.SSH
    if server.startswith((b"220 ", b"220-")):
        if port in (25, 465, 587) or _SMTP_BANNER.match(server) or client[:4].upper() in (b"EHLO", b"HELO"):
            return Protocol.SMTP
        return Protocol.FTP
    if port == 21 and _REPLY.match(server):
        return Protocol.FTP
    if port in (25, 465, 587) and _REPLY.match(server):
        return Protocol.SMTP
    if client[:1] in (b"\x04", b"\x05") and port in (1080, 1081, 9050, 9150) and len(client) >= 3:
        return Protocol.SOCKS
    if client[:1] == server[:1] == b"\x05" and len(server) == 2 and len(client) == 2 + client[1]:
        return Protocol.SOCKS
    if server[3:5] == b"\x00\x0a" or (port == 3306 and server[3:4] == b"\x00"):
        return Protocol.MYSQL
    if port == 5432 or client[4:8] == b"\x00\x03\x00\x00":
        return Protocol.POSTGRES
    if client[:2] in (b"\x12\x01", b"\x10\x01") and port in (1433, 1434):
        return Protocol.TDS
    if client[:1] == b"*" and client[2:4] == b"\r\n":
        return Protocol.REDIS
    return Protocol.UNKNOWN


def _tls(flow: Flow, protocol: Protocol) -> tuple[TlsState, str | None, bool, int | None]:
    if protocol is not Protocol.TLS:
        return TlsState.NONE, None, False, None
    client, server = flow.initiator, flow.responder
    for half, by_client in ((server, False), (client, True)):
        tail = half.tail
        if _ALERT_RECORD.match(tail):
            name = _ALERTS.get(tail[6], f"alert {tail[6]}")
            if name != "close_notify":
                return TlsState.ALERT, name, by_client, half.tail_frame
    if not server.data_segments:
        return TlsState.HELLO_ONLY, None, False, None
    # Only the client's second flight ends the handshake: change_cipher_spec (20), application data (23), more
    # handshake records in another segment than the ClientHello, or an alert that is encrypted already: a plain one
    # has two bytes (RFC 5246 §7.2).
    second_flight = client.tail[:1] in (b"\x14", b"\x16", b"\x17") or _ENCRYPTED_ALERT.match(client.tail)
    if client.tail_frame != client.head_frame and second_flight:
        return TlsState.ESTABLISHED, None, False, None
    return TlsState.ANSWERED, None, False, None


def _socks_refused(tail: bytes) -> bool:
    """RFC 1928 §3 and §6: no method fits, or a reply other than 0; SOCKS 4: 0x5B to 0x5D."""
    if tail[:1] == b"\x05":
        return tail[1:] == b"\xff" or (len(tail) >= 4 and 1 <= tail[1] <= 8 and not tail[2])
    return len(tail) == 8 and tail[0] == 0 and tail[1] in (0x5B, 0x5C, 0x5D)


def _printable(raw: bytes) -> str:
    line = raw.split(b"\r")[0].split(b"\n")[0][:80]
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)

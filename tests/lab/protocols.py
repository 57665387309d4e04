"""The conversations that run over the lab's connections: enough of each protocol for a dissector to know it."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["PROTOCOLS", "Protocol", "http_response"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """One application protocol as the lab speaks it."""

    name: str
    ports: tuple[int, ...]
    greeting: Callable[[random.Random], bytes] | None
    """What the server says first."""
    login: tuple[bytes, ...]
    """What the client says before its first request; each is answered once."""
    request: Callable[[random.Random], bytes]
    respond: Callable[[random.Random, bytes], bytes]


def http_response(rng: random.Random, size: int | None = None, *, status: str = "200 OK", close: bool = False) -> bytes:
    """One HTTP/1.1 response with a JSON body of about ``size`` bytes."""
    body = b'{"v":"' + bytes(rng.choice(b"abcdefgh") for _ in range(size or rng.randrange(80, 900))) + b'"}'
    lines = [f"HTTP/1.1 {status}", "Server: Kestrel", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    if close:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def _http_get(rng: random.Random) -> bytes:
    path = rng.choice(("/api/v1/items/", "/v2/orders/", "/status?id=", "/reports/"))
    agent = rng.choice(("svc/1.4", "Contoso-Agent/2.0", "python-requests/2.31"))
    return (
        f"GET {path}{rng.randrange(1, 9999)} HTTP/1.1\r\nHost: app.corp.example\r\nUser-Agent: {agent}\r\n"
        "Accept: application/json\r\n\r\n"
    ).encode()


def _soap_post(rng: random.Random) -> bytes:
    body = f"<s:Envelope><s:Body><Order id='{rng.randrange(9999)}'/></s:Body></s:Envelope>".encode()
    head = "POST /svc/Order.asmx HTTP/1.1\r\nHost: erp.corp.example\r\nContent-Type: text/xml\r\n"
    return f"{head}Content-Length: {len(body)}\r\nSOAPAction: Submit\r\n\r\n".encode() + body


def _http_any(rng: random.Random, _request: bytes) -> bytes:
    return http_response(rng)


def _redis_get(rng: random.Random) -> bytes:
    key = f"sess:{rng.randrange(100000, 999999)}".encode()
    return b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(key), key)


def _redis_value(rng: random.Random, _request: bytes) -> bytes:
    value = b"v" * rng.randrange(6, 140)
    return b"$%d\r\n%s\r\n" % (len(value), value)


def _pg_query(rng: random.Random) -> bytes:
    text = f"SELECT v FROM items WHERE id={rng.randrange(10, 999)}".encode() + b"\0"
    return b"Q" + struct.pack("!I", len(text) + 4) + text


def _pg_rows(rng: random.Random, _request: bytes) -> bytes:
    def message(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("!I", len(body) + 4) + body

    row = message(b"T", b"\0\1v\0" + bytes(6) + struct.pack("!IhIh", 23, 4, 0xFFFFFFFF, 0))
    data = message(b"D", b"\0\1" + struct.pack("!I", 4) + b"%04d" % rng.randrange(9999))
    return row + data + message(b"C", b"SELECT 1\0") + message(b"Z", b"I")


def _mysql_greeting(rng: random.Random) -> bytes:
    body = b"\x0a8.0.3%d\0" % rng.randrange(9) + struct.pack("<I", rng.randrange(1 << 20)) + b"abcdefgh\0"
    body += b"\xff\xf7\x21\x02\x00\xff\x81\x15" + bytes(10) + b"ijklmnopqrst\0mysql_native_password\0"
    return struct.pack("<I", len(body))[:3] + b"\0" + body


def _mysql_query(rng: random.Random) -> bytes:
    text = f"\x03SELECT v FROM t WHERE id = {rng.randrange(10, 999)}".encode()
    return struct.pack("<I", len(text))[:3] + b"\0" + text


def _mysql_ok(_rng: random.Random, _request: bytes) -> bytes:
    return b"\x07\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00"


def _tds_batch(rng: random.Random) -> bytes:
    text = f"SELECT v FROM dbo.Items WHERE id={rng.randrange(10, 999)}".encode("utf-16-le")
    return struct.pack("!BBHHBB", 1, 1, len(text) + 8, 0, 1, 0) + text


def _tds_rows(rng: random.Random, _request: bytes) -> bytes:
    body = bytes(rng.randrange(256) for _ in range(rng.randrange(60, 300)))
    return struct.pack("!BBHHBB", 4, 1, len(body) + 8, 51, 1, 0) + body


def _ftp_respond(_rng: random.Random, request: bytes) -> bytes:
    answers = {
        b"USER": b"331 Password required\r\n",
        b"PASS": b"230 User logged in.\r\n",
        b"SYST": b"215 Windows_NT\r\n",
        b"TYPE": b"200 Type set to I.\r\n",
        b"NOOP": b"200 NOOP command successful.\r\n",
        b"PWD\r": b'257 "/" is current directory.\r\n',
    }
    return answers.get(request[:4].upper(), b"200 Command okay.\r\n")


def _ftp_request(rng: random.Random) -> bytes:
    return rng.choice((b"NOOP\r\n", b"SYST\r\n", b"TYPE I\r\n", b"PWD\r\n"))


def _smtp_respond(_rng: random.Random, request: bytes) -> bytes:
    if request.upper().startswith(b"EHLO"):
        return b"250-mail.corp.example\r\n250 8BITMIME\r\n"
    return b"250 2.1.0 Ok\r\n"


def _smtp_request(rng: random.Random) -> bytes:
    return rng.choice((b"NOOP\r\n", b"RSET\r\n", b"MAIL FROM:<batch@corp.example>\r\n"))


def _bin_request(rng: random.Random) -> bytes:
    body = bytes(rng.randrange(256) for _ in range(rng.randrange(24, 180)))
    return struct.pack("!HH", 0xB17E, len(body)) + body


def _bin_respond(rng: random.Random, _request: bytes) -> bytes:
    return bytes(rng.randrange(256) for _ in range(rng.randrange(60, 380)))


PROTOCOLS: dict[str, Protocol] = {
    each.name: each
    for each in (
        Protocol("http", (80, 8080, 8000, 8888), None, (), _http_get, _http_any),
        Protocol("soap", (80, 8080), None, (), _soap_post, _http_any),
        Protocol("redis", (6379,), None, (), _redis_get, _redis_value),
        Protocol("pg", (5432,), None, (), _pg_query, _pg_rows),
        Protocol("mysql", (3306,), _mysql_greeting, (), _mysql_query, _mysql_ok),
        Protocol("tds", (1433,), None, (), _tds_batch, _tds_rows),
        Protocol(
            "ftp",
            (21,),
            lambda rng: rng.choice((b"220 Microsoft FTP Service\r\n", b"220 (vsFTPd 3.0.5)\r\n")),
            (b"USER batch\r\n", b"PASS secret\r\n"),
            _ftp_request,
            _ftp_respond,
        ),
        Protocol(
            "smtp",
            (25, 587),
            lambda _rng: b"220 mail.corp.example ESMTP\r\n",
            (b"EHLO app.corp.example\r\n",),
            _smtp_request,
            _smtp_respond,
        ),
        Protocol("bin", (50010, 51000, 50123, 50200, 9443, 4059), None, (), _bin_request, _bin_respond),
    )
}

"""Ordinary connections that are nobody's incident: they run beside every case and make up the healthy ones."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Callable

from tests.lab.case import Case
from tests.lab.programs import Server, Session, abort, read_some
from tests.lab.protocols import http_response

__all__ = ["KINDS", "resolver", "run_background"]

_PORTS = (443, 3000, 5671, 8443, 9000, 15672, 27017, 61616, 8089, 9092, 11211, 5044)


def _open(case: Case, _rng: random.Random, server: Server) -> Session:
    made = case.session(protocol=server.protocol.name)
    made.connect(server.address, server.port)
    return made


def _ready(case: Case, rng: random.Random, protocol: str, manners: Callable[[Server, socket.socket], None]) -> Server:
    while True:
        address = rng.choice([case.net.server_ip, *case.net.neighbours])
        port = rng.choice(_PORTS) if rng.random() < 0.8 else rng.randrange(1024, 49000)
        if port == case.port:
            continue
        try:
            return case.serve(manners, address=address, port=port, protocol=protocol)
        except OSError:
            continue


def _short_http(case: Case, rng: random.Random) -> None:
    def close_soon(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 1)
        time.sleep(0.05)
        conn.close()

    made = _open(case, rng, _ready(case, rng, "http", close_soon))
    made.ask()
    made.sock.recv(1)
    made.sock.close()


def _keep_alive(case: Case, rng: random.Random) -> None:
    """Requests until the end of the case; sometimes left open, sometimes closed."""
    made = _open(case, rng, _ready(case, rng, rng.choice(("http", "http", "bin", "redis")), Server.answer))
    made.ask()
    for _ in range(rng.randrange(1, 9)):
        if case.stop.wait(rng.uniform(0.3, 4.0)):
            break
        made.ask()
    if rng.random() < 0.6:
        case.stop.wait(rng.uniform(0, 2))
        made.sock.close()


def _half_close(case: Case, rng: random.Random) -> None:
    """The client ends its half; the server goes on sending and then closes."""

    def finish(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 1)
        while conn.recv(65536):
            pass
        for _ in range(rng.randrange(1, 6)):
            conn.sendall(bytes(rng.randrange(256) for _ in range(rng.randrange(100, 2400))))
            time.sleep(rng.uniform(0.0, 0.6))
        conn.close()

    made = _open(case, rng, _ready(case, rng, "bin", finish))
    made.ask()
    made.sock.shutdown(socket.SHUT_WR)
    while made.sock.recv(65536):
        pass
    made.sock.close()


def _reset_after_fin(case: Case, rng: random.Random) -> None:
    """The client has what it wants and closes; what the server still sends draws resets."""

    def chatty(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 2)
        conn.recv(65536)
        time.sleep(rng.uniform(0, 0.2))
        conn.sendall(b"bye" * 10)
        conn.close()

    made = _open(case, rng, _ready(case, rng, "bin", chatty))
    made.ask()
    time.sleep(rng.uniform(0, 0.3))
    made.ask()
    made.sock.close()


def _client_aborts(case: Case, rng: random.Random) -> None:
    """A complete exchange, then the client ends it with a reset, as load generators and browsers do."""
    made = _open(case, rng, _ready(case, rng, "http", Server.answer))
    for _ in range(rng.randrange(1, 4)):
        made.ask()
        time.sleep(rng.uniform(0.05, 0.3))
    abort(made.sock)


def _keepalives(case: Case, rng: random.Random) -> None:
    """Idle, with keepalives both ways that are answered."""

    def patient(server: Server, conn: socket.socket) -> None:
        _set_keepalive(conn, idle, 5)
        server.answer(conn)

    idle = rng.choice((5, 8, 8, 10))
    made = _open(case, rng, _ready(case, rng, "bin", patient))
    made.ask()
    _set_keepalive(made.sock, idle, 5)
    case.stop.wait()


def _set_keepalive(sock: socket.socket, idle: int, interval: int, count: int = 5) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, idle), (socket.TCP_KEEPINTVL, interval), (socket.TCP_KEEPCNT, count)):
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _download(case: Case, rng: random.Random) -> None:
    size = rng.choice((20_000, 60_000, 200_000))

    def push(_server: Server, conn: socket.socket) -> None:
        conn.recv(65536)
        conn.sendall(http_response(rng, size))
        time.sleep(0.3)
        conn.close()

    made = _open(case, rng, _ready(case, rng, "http", push))
    made.ask()
    made.sock.recv(1)
    made.sock.close()


def _server_tires(case: Case, rng: random.Random) -> None:
    """The server ends an idle keep-alive connection and the client closes at once: good manners."""
    limit = rng.choice((2.0, 4.0, 5.0, 15.0))

    def tire(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 2)
        time.sleep(limit)
        conn.close()

    made = _open(case, rng, _ready(case, rng, "http", tire))
    made.ask()
    time.sleep(0.2)
    made.ask()
    with contextlib.suppress(TimeoutError):
        read_some(made.sock, timeout=limit + 3)
    made.sock.close()


def _lookup(case: Case, rng: random.Random) -> None:
    """A name is looked up and found."""
    name = rng.choice(("intranet", "mail", "www", "files", "ntp")) + ".corp.example"
    query = struct.pack("!HHHHHH", rng.randrange(65536), 0x100, 1, 0, 0, 0)
    query += b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0\0\1\0\1"
    with case.net.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.sendto(query, (case.net.resolver, 53))
        with contextlib.suppress(TimeoutError):
            sock.recv(512)


KINDS: dict[str, Callable[[Case, random.Random], None]] = {
    "short": _short_http,
    "keepalive-http": _keep_alive,
    "halfclose": _half_close,
    "rstafterfin": _reset_after_fin,
    "abort": _client_aborts,
    "keepalive": _keepalives,
    "download": _download,
    "servertires": _server_tires,
    "dns": _lookup,
}
_WEIGHTS = (3, 4, 2, 2, 1, 1, 1, 1, 2)


def run_background(case: Case, lasting: float) -> None:
    """Start a handful of ordinary connections at random moments of the first ``lasting`` seconds."""
    for kind in case.rng.choices(list(KINDS), _WEIGHTS, k=case.rng.randrange(2, 8)):
        rng = random.Random(case.rng.random())
        threading.Thread(target=_later, args=(case, rng, KINDS[kind], rng.uniform(0, lasting)), daemon=True).start()


def _later(case: Case, rng: random.Random, kind: Callable[[Case, random.Random], None], wait: float) -> None:
    if case.stop.wait(wait):
        return
    with contextlib.suppress(OSError):
        kind(case, rng)


def resolver(case: Case) -> None:
    """The name server on the server's cable: knows a few names, fails others as their labels tell."""
    sock = case.net.server.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((case.net.resolver, 53))
    case.keep(sock)
    known = random.Random(case.rng.random())
    refused: dict[bytes, int] = {}
    case.extra["_refused"] = refused

    def run() -> None:
        while True:
            try:
                query, peer = sock.recvfrom(1024)
            except OSError:
                return
            question = query[12:]
            rcode = next((code for name, code in refused.items() if name in question), 0)
            if rcode < 0:
                continue
            time.sleep(0.0 if known.random() < 0.6 else 0.06)
            flags, answers = 0x8180 | rcode, b""
            if not rcode:
                answers = b"\xc0\x0c\0\1\0\1" + struct.pack("!IH", 300, 4) + socket.inet_aton(case.net.neighbours[0])
            head = query[:2] + struct.pack("!HHHHH", flags, 1, 1 if answers else 0, 0, 0)
            sock.sendto(head + question + answers, peer)

    threading.Thread(target=run, daemon=True).start()

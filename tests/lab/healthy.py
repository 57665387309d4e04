"""Captures without an incident that look as if they had one: ordinary traffic of the awkward kind."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from tests.lab.background import KINDS
from tests.lab.case import Case, DiscardedError, scenario
from tests.lab.path import SYN, build_tcp
from tests.lab.programs import Server, Session, abort, read_some
from tests.lab.protocols import http_response

HTTP = ("http",)
STORY = "No incident: ordinary traffic only"


def done(case: Case, text: str = "poll ok") -> None:
    """The application logs that all is well."""
    case.log.say(text, time.time())


def open_session(case: Case, server: Server) -> Session:
    """A connected session whose application logs that all is well."""
    made = case.connect(server)
    done(case)
    return made


@scenario("healthy", f"{STORY} (mix).")
def mix(case: Case) -> None:
    for _ in range(case.rng.randrange(2, 5)):
        made = open_session(case, case.serve(port=case.rng.randrange(20000, 40000)))
        made.talk(case.rng.randrange(1, 5))
        made.sock.close()
        done(case, "page done")
        case.pause(0.5, 3)


@scenario("healthy", f"{STORY} (long idle that survives).", protocols=("pg", "http", "tds", "bin", "redis"))
def long_idle(case: Case) -> None:
    made = open_session(case, case.serve())
    made.talk(4)
    time.sleep(case.rng.choice((50, 70, 90)))
    made.talk(3)
    done(case)
    if case.rng.random() < 0.5:
        made.sock.close()


@scenario("healthy", f"{STORY} (RST after FIN: the server still talks to a client that has closed).", protocols=HTTP)
def reset_after_fin(case: Case) -> None:
    def chatty(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 2)
        time.sleep(0.3)
        with contextlib.suppress(OSError):
            for _ in range(3):
                conn.sendall(b"event: ping\n\n")
                time.sleep(0.25)

    server = case.serve(chatty)
    for _ in range(3):
        made = open_session(case, server)
        made.talk(2)
        time.sleep(0.3)
        made.sock.close()
        done(case, "page done")
        case.pause(1, 2)


@scenario("healthy", f"{STORY} (client ends finished exchanges with RST).", protocols=("http", "redis", "bin"))
def client_resets(case: Case) -> None:
    server = case.serve()
    for _ in range(case.rng.randrange(3, 8)):
        made = case.connect(server)
        made.talk(case.rng.randrange(1, 3), (0.02, 0.2))
        abort(made.sock)
        case.pause(0.2, 1.5)
    done(case)


@scenario(
    "healthy", f"{STORY} (client closes with data still unread, as a browser that has seen enough).", protocols=HTTP
)
def closes_unread(case: Case) -> None:
    def pour(server: Server, conn: socket.socket) -> None:
        conn.recv(1000)
        with contextlib.suppress(OSError):
            for _ in range(20):
                conn.sendall(http_response(server.rng, 4000))
                time.sleep(0.05)
        conn.close()

    server = case.serve(pour)
    for _ in range(3):
        made = case.connect(server)
        made.sock.sendall(made.protocol.request(made.rng))
        made.sock.recv(2000)
        time.sleep(0.3)
        made.sock.close()
        done(case, "page done")
        case.pause(0.5, 1.5)


@scenario("healthy", f"{STORY} (half-close in use for a long download).", protocols=("bin", "http"))
def half_close(case: Case) -> None:
    def pour(_server: Server, conn: socket.socket) -> None:
        while conn.recv(4000):
            pass
        for _ in range(case.rng.randrange(8, 25)):
            conn.sendall(bytes(case.rng.randrange(500, 6000)))
            time.sleep(case.rng.uniform(0.1, 1.0))
        conn.close()

    made = open_session(case, case.serve(pour))
    made.sock.sendall(made.protocol.request(made.rng))
    made.sock.shutdown(socket.SHUT_WR)
    made.sock.settimeout(10)
    while made.sock.recv(65536):
        pass
    made.sock.close()
    done(case, "download done")


@scenario("healthy", f"{STORY} (keepalives, all answered).", protocols=("bin", "pg", "tds"))
def keepalives(case: Case) -> None:
    every = case.rng.choice((3, 5, 10))

    def patient(server: Server, conn: socket.socket) -> None:
        if both:
            _keepalive(conn, every)
        server.answer(conn)

    both = case.rng.random() < 0.5
    made = open_session(case, case.serve(patient))
    made.talk(2)
    _keepalive(made.sock, every)
    time.sleep(case.rng.choice((30, 45)))
    made.talk(1)
    made.sock.close()
    done(case)


def _keepalive(sock: socket.socket, every: int) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, every), (socket.TCP_KEEPINTVL, 2), (socket.TCP_KEEPCNT, 5)):
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


@scenario("healthy", f"{STORY} (a port scan passes by).", protocols=HTTP)
def port_scan(case: Case) -> None:
    made = open_session(case, case.serve())
    made.talk(2)
    half_open = case.rng.random() < 0.5
    target = case.net.neighbours[0]
    ports = case.rng.sample(range(20, 9000), 25)
    case.serve(address=target, port=ports[3])
    if half_open:
        # the kernel of the scanning host answers each SYN-ACK with a RST of its own accord
        with case.net.client.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            source = case.rng.randrange(40000, 60000)
            for port in ports:
                syn = build_tcp(
                    case.net.client_ip,
                    target,
                    source,
                    port,
                    flags=SYN,
                    seq=case.rng.randrange(1 << 32),
                    window=1024,
                    ttl=52,
                    ip_id=54321,
                )
                raw.sendto(syn, (target, 0))
                time.sleep(0.02)
    else:
        for port in ports:
            probe = case.session()
            with contextlib.suppress(OSError):
                probe.connect(target, port, 0.5)
            probe.sock.close()
    made.talk(2)
    done(case)


@scenario(
    "healthy",
    f"{STORY} (HTTP keep-alive ends by the server, the client closes gracefully and opens another).",
    protocols=HTTP,
)
def server_tires(case: Case) -> None:
    limit = case.rng.choice((5.0, 15.0))

    def tire(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 2)
        time.sleep(limit)
        conn.close()

    server = case.serve(tire)
    for _ in range(2):
        made = open_session(case, server)
        made.talk(2, (0.05, 0.2))
        with contextlib.suppress(TimeoutError):
            read_some(made.sock, timeout=limit + 5)
        time.sleep(case.rng.choice((0.0, 0.0, 1.5)))
        made.sock.close()
        done(case, "page done")


@scenario("healthy", f"{STORY} (a server that takes its time).", protocols=("http", "pg", "tds", "soap"))
def slow_server(case: Case) -> None:
    wait = case.rng.choice((8, 15, 25))

    def slow(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 1)
        request = conn.recv(65536)
        time.sleep(wait)
        conn.sendall(server.protocol.respond(server.rng, request))
        server.answer(conn)

    made = open_session(case, case.serve(slow))
    made.talk(1)
    made.ask(timeout=wait + 10)
    done(case, f"report ready after {wait} s")
    made.talk(1)
    made.sock.close()


@scenario(
    "healthy", f"{STORY} (a pool that opens and closes many short connections).", protocols=("http", "redis", "bin")
)
def many_short(case: Case) -> None:
    def once(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 1)
        if polite:
            conn.recv(10)
        conn.close()

    polite = case.rng.random() < 0.5
    server = case.serve(once)
    for _ in range(case.rng.randrange(15, 40)):
        made = case.session()
        made.connect(server.address, server.port)
        made.ask()
        made.sock.close()
        case.pause(0.02, 0.3)
    done(case)


@scenario("healthy", f"{STORY} (TLS, ended by close_notify and RST).", protocols=HTTP)
def tls_close(case: Case) -> None:
    """A plain-text stand-in for TLS records is enough: what matters is alert, FIN, and RST to what comes late."""

    def peer(_server: Server, conn: socket.socket) -> None:
        conn.recv(1000)
        conn.sendall(b"\x17\x03\x03\x01\x00" + bytes(256))
        conn.recv(1000)
        time.sleep(0.05)
        with contextlib.suppress(OSError):
            conn.sendall(b"\x15\x03\x03\x00\x1a" + bytes(26))
        conn.close()

    server = case.serve(peer, port=443)
    for _ in range(3):
        made = case.session()
        made.connect(server.address, server.port)
        made.sock.sendall(b"\x17\x03\x03\x00\x40" + bytes(64))
        read_some(made.sock)
        made.sock.sendall(b"\x15\x03\x03\x00\x1a" + bytes(26))
        made.sock.close()
        case.pause(0.3, 1)
    done(case)


@scenario("healthy", f"{STORY} (several of each ordinary kind at once).", protocols=HTTP)
def crowd(case: Case) -> None:
    for kind in case.rng.choices(list(KINDS.values()), k=12):
        threading.Thread(target=_quietly, args=(case, kind), daemon=True).start()
        case.pause(0.1, 0.8)
    case.pause(8, 14)
    if case.stop.is_set():
        raise DiscardedError("stopped early")
    done(case)


def _quietly(case: Case, kind: object) -> None:
    import random

    assert callable(kind)
    with contextlib.suppress(OSError):
        kind(case, random.Random(case.rng.random()))

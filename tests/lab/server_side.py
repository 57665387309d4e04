"""Causes on the server's side."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from tests.lab.case import Case, scenario
from tests.lab.evidence import first, last, pick, resent, together
from tests.lab.path import ACK, FIN, RST, SYN
from tests.lab.programs import Server, abort, forget

RESET_THEN = [("recv", 10054), ("recv", 10057)]
ABORTED_THEN = [("send", 10053), ("send", 10057)]
TIMEOUT_THEN = [("recv", 10060), ("send", 10057)]

server_fin = first(pick(flags=FIN, without=RST, client=False))
server_reset = first(pick(flags=RST, client=False))
client_data_at_end = last(pick(client=True, data=True, without=RST))


@scenario(
    "server-closed-then-client-sent",
    "The server ends the session with FIN right after its answer; the client does not notice, sends "
    "later and meets RST.",
)
def closed_then_sent(case: Case) -> None:
    count = case.rng.randrange(1, 5)

    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, count)
        time.sleep(case.rng.choice((0.0, 0.02, 0.1)))
        conn.close()

    made = case.connect(case.serve(manners))
    made.talk(count)
    case.pause(0.8, 7)
    with contextlib.suppress(OSError):
        made.sock.sendall(made.protocol.request(made.rng))
    time.sleep(0.2 + 2.2 * case.net.traits.delay)
    calls = case.rng.choice((ABORTED_THEN, [("send", 10054), ("send", 10057)]))
    case.fail(made, calls, culprit="server", decisive=together(server_fin, client_data_at_end, server_reset))


@scenario(
    "server-closed-then-client-sent",
    "The server says goodbye in its protocol and closes; the client sends on.",
    protocols=("ftp", "smtp"),
)
def closed_with_goodbye(case: Case) -> None:
    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 2)
        time.sleep(0.4)
        text = b"221 Goodbye.\r\n" if server.protocol.name == "ftp" else b"221 2.0.0 Bye\r\n"
        conn.sendall(text)
        conn.close()

    made = case.connect(case.serve(manners))
    made.talk(2)
    case.pause(1.5, 5)
    for _ in range(2):
        with contextlib.suppress(OSError):
            made.sock.sendall(made.protocol.request(made.rng))
        time.sleep(0.15 + 2.2 * case.net.traits.delay)
    case.fail(made, ABORTED_THEN, culprit="server", decisive=together(server_fin, server_reset))


def _idle_close(case: Case, limit: int, *, hard: bool) -> None:
    count = case.rng.randrange(1, 6)

    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, count)
        time.sleep(limit)
        if hard:
            abort(conn)
        else:
            conn.close()

    made = case.connect(case.serve(manners))
    made.talk(count)
    time.sleep(limit + case.rng.uniform(2, 8))
    case.log.say(case.rng.choice(("operator pressed Refresh", "queue item 771", "next job")), time.time())
    with contextlib.suppress(OSError):
        made.sock.sendall(made.protocol.request(made.rng))
    time.sleep(0.1 + 2.2 * case.net.traits.delay)
    case.notes.append(f"({'rst' if hard else 'fin'} after {limit} s)")
    calls = [("send", 10054), ("send", 10057)] if hard else ABORTED_THEN
    decisive = server_reset if hard else together(server_fin, server_reset)
    case.fail(made, calls, culprit="server", decisive=decisive, idle_gap_s=limit, timeout_s=limit)


@scenario("server-idle-timeout", "The server closes a connection that was idle too long; the client uses it later.")
def idle_timeout_fin(case: Case) -> None:
    _idle_close(case, case.rng.choice((15, 20, 30, 60, 75)), hard=False)


@scenario("server-idle-timeout", "The server resets a connection that was idle too long; the client uses it later.")
def idle_timeout_rst(case: Case) -> None:
    _idle_close(case, case.rng.choice((20, 30, 45, 60)), hard=True)


@scenario(
    "server-idle-timeout",
    "The server says why it closes an idle session; the client uses it later.",
    protocols=("ftp", "smtp"),
)
def idle_timeout_said(case: Case) -> None:
    limit = case.rng.choice((30, 60))

    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 2)
        time.sleep(limit)
        text = b"421 Timeout.\r\n" if server.protocol.name == "ftp" else b"421 4.4.2 Error: timeout exceeded\r\n"
        conn.sendall(text)
        conn.close()

    made = case.connect(case.serve(manners))
    made.talk(2)
    time.sleep(limit + case.rng.uniform(1, 6))
    for _ in range(2):
        with contextlib.suppress(OSError):
            made.sock.sendall(made.protocol.request(made.rng))
        time.sleep(0.1 + 2.2 * case.net.traits.delay)
    case.acceptable.append("server-closed-then-client-sent")
    case.fail(
        made,
        ABORTED_THEN,
        culprit="server",
        decisive=together(server_fin, server_reset),
        idle_gap_s=limit,
        timeout_s=limit,
    )


@scenario(
    "stale-pooled-connection",
    "The server closes idle pooled connections; the client takes one from its pool and sends.",
    protocols=("http", "soap", "pg", "redis"),
)
def stale_pool(case: Case) -> None:
    limit = case.rng.choice((15, 20, 30))

    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 2)
        time.sleep(limit)
        conn.close()

    server = case.serve(manners)
    pool = [case.connect(server) for _ in range(case.rng.randrange(2, 5))]
    for each in pool:
        each.talk(2, (0.02, 0.2))
    time.sleep(limit + case.rng.uniform(2, 6))
    made = pool.pop(case.rng.randrange(len(pool)))
    case.log.say("reusing pooled connection", time.time())
    with contextlib.suppress(OSError):
        made.sock.sendall(made.protocol.request(made.rng))
    time.sleep(0.1 + 2.2 * case.net.traits.delay)
    for other in pool:
        case.relate(other)
    case.acceptable += ["server-idle-timeout", "server-closed-then-client-sent"]
    case.fail(
        made,
        ABORTED_THEN,
        culprit="server",
        decisive=together(server_fin, client_data_at_end, server_reset),
        idle_gap_s=limit,
        timeout_s=limit,
    )


@scenario(
    "close-wait-leak",
    "The server closes its pooled connections (FIN); the client acknowledges, never closes nor sends: "
    "the sockets stay in CLOSE-WAIT.",
    protocols=("http", "soap", "bin", "redis"),
)
def close_wait(case: Case) -> None:
    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 2)
        time.sleep(limit)
        conn.close()

    limit = case.rng.uniform(4, 9)
    server = case.serve(manners)
    pool = []
    for _ in range(case.rng.randrange(2, 6)):
        made = case.connect(server)
        made.talk(2, (0.05, 0.3))
        pool.append(made)
    time.sleep(limit + case.rng.choice((20, 30, 45)))
    case.log.say("pool exhausted: all sockets are dead", time.time())
    for other in pool[:-1]:
        case.relate(other)
    case.fail(
        pool[-1],
        [(case.rng.choice(("shutdown", "getpeername")), 10057)],
        culprit="client",
        decisive=together(server_fin, last(pick(client=True, flags=ACK, data=False))),
        claims=[lambda frames, port: not pick(client=True, flags=FIN)(frames, port)],
    )


@scenario("server-reset", "The server aborts the active connection (SO_LINGER 0).")
def reset_linger(case: Case) -> None:
    count = case.rng.randrange(3, 6)

    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, count)
        conn.recv(65536)
        time.sleep(case.rng.uniform(0.0, 0.3))
        abort(conn)

    made = case.connect(case.serve(manners))
    made.talk(count)
    with contextlib.suppress(OSError):
        made.ask()
    case.fail(made, RESET_THEN, culprit="server", decisive=server_reset)


@scenario("server-reset", "The server aborts connections unasked, between two requests.")
def reset_between(case: Case) -> None:
    count = case.rng.randrange(2, 6)

    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, count)
        time.sleep(case.rng.uniform(0.5, 3))
        abort(conn)

    made = case.connect(case.serve(manners))
    made.talk(count)
    with contextlib.suppress(OSError):
        made.sock.settimeout(8)
        made.sock.recv(100)
    case.fail(made, RESET_THEN, culprit="server", decisive=server_reset)


@scenario("server-reset-unread-data", "The server closes with unread data in its buffer, so its kernel sends RST.")
def reset_unread(case: Case) -> None:
    count = case.rng.randrange(2, 4)

    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, count)
        time.sleep(0.6)
        conn.close()

    made = case.connect(case.serve(manners))
    made.talk(count, (0.1, 0.15))
    for _ in range(case.rng.randrange(1, 3)):
        made.sock.sendall(made.protocol.request(made.rng))
        time.sleep(0.02)
    with contextlib.suppress(OSError):
        made.sock.settimeout(8)
        made.sock.recv(100)
    case.acceptable.append("server-reset")
    case.fail(made, RESET_THEN, culprit="server", decisive=server_reset)


@scenario(
    "server-reset-unread-data",
    "The server answers an upload before it has read it all and closes.",
    protocols=("http", "soap"),
)
def reset_upload(case: Case) -> None:
    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 1)
        conn.recv(2000)
        time.sleep(0.5)
        conn.sendall(b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        conn.close()

    made = case.connect(case.serve(manners))
    made.talk(1)
    with contextlib.suppress(OSError):
        made.sock.sendall(b"POST /upload HTTP/1.1\r\nHost: app\r\nContent-Length: 40000\r\n\r\n" + bytes(20000))
        time.sleep(0.8 + 4 * case.net.traits.delay)
        made.sock.sendall(bytes(2000))
        time.sleep(0.2 + 2 * case.net.traits.delay)
    case.acceptable += ["server-reset", "protocol-rejected"]
    case.fail(made, [("send", 10054), ("send", 10057)], culprit="server", decisive=server_reset)


@scenario(
    "server-restarted",
    "The server loses all state without a word (restart/fail-over); the next data segment on the old "
    "connection is answered with RST by the server itself.",
    two=0.3,
)
def restarted(case: Case) -> None:
    server = case.serve()
    made = case.connect(server)
    made.talk(case.rng.randrange(2, 6))
    idle = case.rng.choice((3, 8, 20, 30))
    time.sleep(0.3)
    server.close_listener()
    for conn in server.accepted:
        forget(conn)
    time.sleep(idle)
    with contextlib.suppress(OSError):
        made.ask()
    case.fail(
        made, ABORTED_THEN, culprit="server", decisive=together(client_data_at_end, server_reset), idle_gap_s=idle
    )
    _reconnect_refused(case, server)


@scenario(
    "server-restarted",
    "The server restarts: dark for some seconds, then the retransmission is answered with RST by the server itself.",
)
def restarted_dark(case: Case) -> None:
    server = case.serve()
    made = case.connect(server)
    made.talk(case.rng.randrange(2, 5))
    hole = case.black_hole()
    server.close_listener()
    for conn in server.accepted:
        forget(conn)
    threading.Timer(case.rng.uniform(3, 6), lambda: case.net.path.remove(hole)).start()
    time.sleep(case.rng.uniform(0.2, 1.5))
    with contextlib.suppress(OSError):
        made.ask(timeout=25)
    case.fail(made, ABORTED_THEN, culprit="server", decisive=together(first(resent(client=True)), server_reset))
    _reconnect_refused(case, server)


def _reconnect_refused(case: Case, server: Server) -> None:
    if case.rng.random() < 0.3:
        again = case.serve()
        case.pause(0.2, 1)
        case.connect(again).talk(1)
        return
    time.sleep(0.05)
    again_session = case.session()
    with contextlib.suppress(OSError):
        again_session.connect(server.address, server.port)
    case.log.failure("connect", 10061, again_session.endpoint, time.time())
    case.relate(again_session)


@scenario(
    "server-unresponsive", "The server kernel ACKs the request but the application never answers; the client gives up."
)
def unresponsive(case: Case) -> None:
    count = case.rng.randrange(1, 4)
    patience = case.rng.choice((10, 15, 20, 30))

    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, count)
        while conn.recv(65536):
            pass

    made = case.connect(case.serve(manners))
    made.talk(count)
    with contextlib.suppress(TimeoutError):
        made.ask(timeout=patience)
    if case.rng.random() < 0.6:
        made.sock.close()
    case.notes.append(f"It waits {patience} s.")
    case.acceptable.append("client-gave-up-waiting")
    case.fail(made, TIMEOUT_THEN, culprit="server", decisive=client_data_at_end, timeout_s=patience)


@scenario(
    "server-unresponsive",
    "The server stops reading: its window closes to zero; the client gives up.",
    protocols=("bin", "http", "soap"),
)
def zero_window(case: Case) -> None:
    count = case.rng.randrange(1, 3)
    patience = case.rng.choice((12, 20, 30))

    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, count)
        time.sleep(300)

    server = case.serve(manners, receive_buffer=4096)
    made = case.connect(server)
    made.talk(count)
    made.sock.settimeout(patience)
    with contextlib.suppress(OSError):
        while True:
            made.sock.sendall(bytes(200_000))
    case.notes.append(f"It waits {patience} s.")

    def zero(frames: list, port: int) -> list[int]:  # type: ignore[type-arg]
        return [f.number for f in frames if f.source_port != port and f.window == 0 and not f.flags & (SYN | RST)]

    case.fail(made, [("send", 10060), ("send", 10057)], culprit="server", decisive=zero, timeout_s=patience)

"""Causes as a Windows client shows them on the wire."""

from __future__ import annotations

import contextlib
import socket
import time

from tests.lab.between import silent_from_server
from tests.lab.case import Case, scenario
from tests.lab.evidence import Frame, first, last, pick, resent, together
from tests.lab.idle import Forgetful
from tests.lab.path import DROP, FIN, RST, SYN, Packet, Verdict, build_reset
from tests.lab.programs import Server, Session, abort, forget
from tests.lab.winsock import GaveUpError, RefusedError, ResetError, WinTcp, hush_kernel

_TALK = ("http", "redis", "pg", "tds", "bin", "soap")
_WIN = "The client is a Winsock program."
server_reset = first(pick(flags=RST, client=False))
client_reset = last(pick(flags=RST, client=True))
last_request = last(pick(client=True, data=True, without=RST))


def _client(case: Case, address: str | None = None) -> WinTcp:
    hush_kernel(case.net.client)
    target = address or case.net.server_ip
    return WinTcp(case.net.client, case.net.client_ip, target, case.port, case.rng, case.rng.random() < 0.6)


def _as_session(case: Case, win: WinTcp) -> Session:
    """The connection in the form that the case's bookkeeping takes."""
    made = Session(socket.socket(), case.protocol, case.rng)
    made.ends, made.opened = win.ends, win.opened
    return made


def _talked(case: Case, win: WinTcp, count: int) -> None:
    win.connect()
    case.connected(_as_session(case, win))
    for _ in range(count):
        win.ask(case.protocol.request(case.rng))
        win.idle(case.rng.uniform(0.1, 0.4))


def same_isn(frames: list[Frame], port: int) -> bool:
    """All SYNs of the client carry one sequence number."""
    syns = [frame.seq for frame in frames if frame.is_tcp and frame.flags & SYN and frame.source_port == port]
    return len(syns) >= 3 and len(set(syns)) == 1


@scenario("connection-refused", f"No listener on the port; each of the client's SYNs is answered with RST. {_WIN}")
def win_refused(case: Case) -> None:
    win = _client(case)
    with contextlib.suppress(RefusedError):
        win.connect()
    case.fail(
        _as_session(case, win),
        [("connect", 10061), ("send", 10057)],
        culprit="server",
        decisive=together(first(pick(flags=SYN, client=True)), server_reset),
        claims=[same_isn],
    )


@scenario("connection-timed-out", f"The SYN is dropped silently in the middle. {_WIN}")
def win_timed_out(case: Case) -> None:
    case.black_hole()
    win = _client(case)
    with contextlib.suppress(GaveUpError):
        win.connect()
    calls = [("connect", 10060), ("getpeername", 10057)]
    case.fail(_as_session(case, win), calls, culprit="path", decisive=resent(client=True), claims=[same_isn])


@scenario("destination-unreachable", f"A router answers each SYN with ICMP unreachable; the client tries on. {_WIN}")
def win_unreachable(case: Case) -> None:
    target = f"10.{case.rng.randrange(250, 255)}.{case.rng.randrange(1, 250)}.{case.rng.randrange(2, 250)}"
    case.net.router1.ip(f"route add unreachable {target}/32")
    win = _client(case, target)
    with contextlib.suppress(GaveUpError):
        win.connect()

    def errors(frames: list[Frame], _port: int) -> list[int]:
        return [frame.number for frame in frames if frame.icmp_type == 3][:3]

    calls = [("connect", 10065), ("send", 10057)]
    case.fail(_as_session(case, win), calls, culprit="path", decisive=errors)


@scenario("path-lost", f"The path goes black; five retransmissions, then the client resets. {_WIN}", protocols=_TALK)
def win_path_lost(case: Case) -> None:
    case.serve()
    win = _client(case)
    _talked(case, win, case.rng.randrange(3, 7))
    case.black_hole()
    with contextlib.suppress(GaveUpError):
        win.ask(case.protocol.request(case.rng))
    case.fail(
        _as_session(case, win),
        [("recv", 10060), ("send", 10057)],
        culprit="path",
        decisive=together(resent(client=True), client_reset),
        claims=[silent_from_server],
    )


@scenario(
    "firewall-idle-drop", f"A box forgets the idle connection and drops what follows silently. {_WIN}", protocols=_TALK
)
def win_idle_drop(case: Case) -> None:
    limit = case.rng.choice((30, 45))
    box = Forgetful(limit)
    case.only(lambda packet: None if box.knows(packet) else DROP)
    case.serve()
    win = _client(case)
    _talked(case, win, 3)
    gap = limit + case.rng.choice((8, 15))
    win.idle(gap)
    case.log.say("next job", time.time())
    with contextlib.suppress(GaveUpError):
        win.ask(case.protocol.request(case.rng))
    case.fail(
        _as_session(case, win),
        [("recv", 10060), ("getpeername", 10057)],
        culprit="middlebox",
        decisive=together(resent(client=True), client_reset),
        claims=[silent_from_server],
        idle_gap_s=gap,
        timeout_s=limit,
    )


@scenario(
    "firewall-idle-reset",
    f"A box forgets the idle connection and answers the next segment with its own RST. {_WIN}",
    protocols=_TALK,
)
def win_idle_reset(case: Case) -> None:
    limit = case.rng.choice((30, 45))
    box = Forgetful(limit)
    genuine = case.net.traits.server_ttl - 2 - case.net.traits.hops
    ttl = case.rng.choice([each for each in (253, 62, 120) if abs(each - genuine) > 4])

    def decide(packet: Packet) -> Verdict:
        if box.knows(packet):
            return None
        if packet.up and not packet.flags & RST:
            case.net.path.send(build_reset(packet, back=True, ttl=ttl), up=False)
        return DROP

    case.only(decide)
    case.serve()
    win = _client(case)
    _talked(case, win, 3)
    gap = limit + case.rng.choice((8, 15))
    win.idle(gap)
    with contextlib.suppress(ResetError):
        win.ask(case.protocol.request(case.rng))
    case.fail(
        _as_session(case, win),
        [("recv", 10054), ("getpeername", 10057)],
        culprit="middlebox",
        decisive=together(last_request, server_reset),
        idle_gap_s=gap,
        timeout_s=limit,
    )


@scenario(
    "keepalive-unanswered",
    f"The path dies while the connection is idle; ten probes of one byte, then RST. {_WIN}",
    protocols=_TALK,
)
def win_keepalive(case: Case) -> None:
    case.serve()
    win = _client(case)
    _talked(case, win, 3)
    win.keepalive(case.rng.choice((4, 6)), rounds=case.rng.randrange(1, 3))
    case.black_hole()
    with contextlib.suppress(GaveUpError):
        win.keepalive(case.rng.choice((4, 6)), rounds=1)
    case.acceptable.append("path-lost")
    case.fail(
        _as_session(case, win),
        [("recv", 10054), ("getpeername", 10057)],
        culprit="path",
        decisive=together(last(pick(client=True, data=True), 5), client_reset),
    )


@scenario(
    "server-closed-then-client-sent",
    f"The server ends the session with FIN; the client sends later and meets RST. {_WIN}",
    protocols=_TALK,
)
def win_closed_then_sent(case: Case) -> None:
    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 2)
        conn.close()

    case.serve(manners)
    win = _client(case)
    _talked(case, win, 2)
    win.idle(case.rng.uniform(1, 5))
    with contextlib.suppress(ResetError, GaveUpError):
        win.ask(case.protocol.request(case.rng))
    case.fail(
        _as_session(case, win),
        [("recv", 10053), ("send", 10057)],
        culprit="server",
        decisive=together(first(pick(flags=FIN, client=False)), server_reset),
    )


@scenario("server-reset", f"The server aborts the active connection. {_WIN}", protocols=_TALK)
def win_server_reset(case: Case) -> None:
    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 3)
        conn.recv(65536)
        abort(conn)

    case.serve(manners)
    win = _client(case)
    _talked(case, win, 3)
    with contextlib.suppress(ResetError):
        win.ask(case.protocol.request(case.rng))
    calls = [("recv", 10054), (case.rng.choice(("shutdown", "getpeername")), 10057)]
    case.fail(_as_session(case, win), calls, culprit="server", decisive=server_reset)


@scenario(
    "server-restarted",
    f"The server loses all state; the next request is answered with RST by the server itself. {_WIN}",
    protocols=_TALK,
)
def win_restarted(case: Case) -> None:
    server = case.serve()
    win = _client(case)
    _talked(case, win, 3)
    server.close_listener()
    for conn in server.accepted:
        forget(conn)
    win.idle(case.rng.uniform(2, 9))
    with contextlib.suppress(ResetError):
        win.ask(case.protocol.request(case.rng))
    calls = [("recv", 10054), ("send", 10057)]
    case.fail(_as_session(case, win), calls, culprit="server", decisive=together(last_request, server_reset))
    again = WinTcp(case.net.client, case.net.client_ip, server.address, case.port, case.rng, win.modern)
    with contextlib.suppress(RefusedError):
        again.connect()
    case.log.failure("connect", 10061, f"{server.address}:{case.port}", time.time())
    case.related.append((again.ends, again.opened))


@scenario(
    "client-closed-locally",
    f"The client closes its healthy connection and uses the object again. {_WIN}",
    protocols=_TALK,
)
def win_closed(case: Case) -> None:
    case.serve()
    win = _client(case)
    _talked(case, win, case.rng.randrange(2, 6))
    hard = case.rng.random() < 0.5
    if hard:
        win.abort()
    else:
        win.close()
    time.sleep(case.rng.uniform(0.1, 1.0))
    decisive = first(pick(flags=RST if hard else FIN, client=True))
    case.fail(_as_session(case, win), [("send", 10057)], culprit="client", decisive=decisive)


@scenario(
    "healthy",
    f"No incident: ordinary traffic only (keepalive probes of one byte, all answered). {_WIN}",
    protocols=_TALK,
)
def win_healthy(case: Case) -> None:
    case.serve()
    win = _client(case)
    _talked(case, win, 3)
    win.keepalive(case.rng.choice((4, 8)), rounds=3)
    win.ask(case.protocol.request(case.rng))
    win.close()
    case.log.say("poll ok", time.time())

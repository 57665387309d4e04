"""Causes where the handshake and the program run past each other."""

from __future__ import annotations

import contextlib
import socket
import time

from tests.lab.case import Case, scenario
from tests.lab.evidence import Frame, first, pick, together
from tests.lab.opening import TIMED_OUT, attempt, client_syn, syn_ack
from tests.lab.path import ACK, DROP, FIN, PSH, RST, SYN, Packet, Verdict
from tests.lab.programs import forget


def _slow_handshake(case: Case, wait: float) -> None:
    held: set[int] = set()

    def hold(packet: Packet) -> Verdict:
        if packet.flags & SYN and packet.up and packet.client_port not in held:
            held.add(packet.client_port)
            return wait
        return None

    case.only(hold)


@scenario(
    "used-before-connected",
    "Non-blocking connect; the app uses the socket at once; the handshake completes only later.",
)
def used_early(case: Case) -> None:
    wait = case.rng.choice((0.4, 0.8, 1.2, 1.6))
    case.serve()
    if case.rng.random() < 0.5:
        _slow_handshake(case, wait)
    else:
        dropped: list[float] = []

        def lose_first(packet: Packet) -> Verdict:
            if packet.up and packet.flags & SYN and not dropped:
                dropped.append(packet.at)
                return DROP
            return None

        case.only(lose_first)
    made = case.session()
    made.ends = (case.net.client_ip, made.sock.getsockname()[1], case.net.server_ip, case.port)
    case.log.say(f"BeginConnect {made.endpoint}", time.time())
    made.opened = time.time()
    made.sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        made.sock.connect((case.net.server_ip, case.port))
    time.sleep(case.rng.uniform(0.01, 0.2))
    call = case.rng.choice(("send", "recv", "getpeername"))
    case.fail(made, [(call, 10057)], culprit="app", decisive=together(client_syn, syn_ack))
    time.sleep(2.5)
    made.sock.settimeout(5)
    made.login()
    made.talk(2)
    case.log.say("recovered, session up", time.time())


@scenario(
    "connect-abandoned",
    "The application's connect timeout is shorter than the path: it closes, and the late SYN-ACK draws a RST.",
)
def abandoned(case: Case) -> None:
    case.serve()
    patience = case.rng.choice((0.3, 0.5, 0.9))
    _slow_handshake(case, patience + case.rng.uniform(0.15, 1.2))
    made = attempt(case, case.net.server_ip, case.port, patience)
    made.sock.close()
    time.sleep(case.rng.choice((0.0, 2.0)))
    case.fail(
        made,
        TIMED_OUT,
        culprit="client",
        timeout_s=patience,
        decisive=together(client_syn, syn_ack, first(pick(flags=RST, client=True))),
    )


@scenario(
    "address-race-lost",
    "IPv6 goes nowhere; IPv4 connects after a short delay, but the program uses the IPv6 socket.",
    protocols=("http", "pg", "redis", "bin"),
    ipv6=True,
)
def race_lost(case: Case) -> None:
    case.serve()
    case.serve(address=case.net.server6)
    blocked = case.rng.random() < 0.7

    def six(packet: Packet) -> Verdict:
        if ":" not in packet.source:
            return None
        return DROP if blocked else 1.4

    case.only(six)
    loser = case.session(family=socket.AF_INET6)
    loser.ends = (case.net.client6, loser.sock.getsockname()[1], case.net.server6, case.port)
    loser.opened = time.time()
    loser.sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        loser.sock.connect((case.net.server6, case.port))
    time.sleep(0.25)
    winner = case.session()
    winner.connect(case.net.server_ip, case.port)
    case.connected(winner)
    case.relate(winner)
    time.sleep(0.05)
    case.acceptable += ["used-before-connected", "connection-timed-out"]
    case.fail(loser, [("send", 10057)], culprit="app", decisive=client_syn)
    winner.talk(2)
    time.sleep(case.rng.uniform(1, 3))


@scenario(
    "port-reuse-collision",
    "The client lost its old connection silently and reuses the same source port: the server answers the "
    "new SYN with an ACK of the old connection.",
    protocols=("bin", "http", "pg", "redis", "tds"),
)
def port_reuse(case: Case) -> None:
    server = case.serve()
    port = case.rng.randrange(49152, 65535)
    old = case.connect(server, port=port)
    old.talk(case.rng.randrange(2, 4))
    old_end = old.opened
    forget(old.sock)
    dead = case.rng.random() < 0.75
    # the stateful box knows only the new SYN: it does not let the client's RST pass
    case.only(lambda packet: DROP if dead and packet.up and packet.flags & RST and packet.at > 0 else None)
    case.pause(2, 6)
    made = case.session(port=port)
    with contextlib.suppress(OSError):
        made.connect(server.address, server.port, 4 if dead else 0.8)
    case.related.append((old.ends, old_end))

    def challenge(frames: list[Frame], client_port: int) -> list[int]:
        isn = next((f.seq for f in frames if f.flags & SYN and f.source_port == client_port), None)
        plain = pick(flags=ACK, without=SYN | RST | FIN | PSH, client=False)(frames, client_port)
        wrong = [f.number for f in frames if f.number in plain and isn is not None and f.ack != (isn + 1) & 0xFFFFFFFF]
        return together(client_syn)(frames, client_port) + wrong[:2] if wrong else []

    case.fail(made, TIMED_OUT, culprit="client", decisive=together(challenge, first(pick(flags=RST, client=True))))

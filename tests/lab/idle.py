"""Causes that need a silence: boxes and hosts that forget a connection nobody speaks on."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from tests.lab.between import RESET_THEN, TIMEOUT_THEN, last_request, server_reset, silent_from_server
from tests.lab.case import Case, scenario
from tests.lab.evidence import Frame, last, pick, resent, together
from tests.lab.path import DROP, FIN, RST, SYN, Packet, Verdict, build_reset, with_ports
from tests.lab.programs import Server, Session

_WAKE = ("next job", "queue item 88", "operator pressed Refresh", "poll timer fired")


def _idle(case: Case, limit: int, server: Server) -> Session:
    made = case.connect(server)
    made.talk(case.rng.randrange(2, 6))
    case.idle_gap_s = limit + case.rng.choice((8, 10, 15, 20))
    time.sleep(case.idle_gap_s)
    case.log.say(case.rng.choice(_WAKE), time.time())
    return made


def _conntrack(case: Case, limit: int, otherwise: str) -> None:
    """A stateful firewall in the first router: the kernel's own connection table with a short memory."""
    case.net.router1.nft(
        "table ip f { chain known { ct state established accept; "
        f"tcp flags & (syn|ack|rst|fin) == syn ct state new accept; {otherwise}; }} "
        "chain c { type filter hook forward priority 0; "
        f"tcp dport {case.port} jump known; tcp sport {case.port} jump known; }} }}"
    )
    case.net.router1.sysctl(
        netfilter__nf_conntrack_tcp_timeout_established=limit,
        netfilter__nf_conntrack_tcp_timeout_unacknowledged=limit,
        netfilter__nf_conntrack_tcp_loose=0,
    )


class Forgetful:
    """A box on the path that forgets a connection after ``limit`` idle seconds; a SYN starts it anew."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.seen: dict[tuple[str, int], float] = {}
        self.lost: set[tuple[str, int]] = set()

    def knows(self, packet: Packet) -> bool:
        """Note the packet; whether the box still knows its connection."""
        key = (packet.source if packet.up else packet.destination, packet.client_port)
        if packet.flags & SYN:
            self.lost.discard(key)
        elif packet.at - self.seen.get(key, packet.at) > self.limit:
            self.lost.add(key)
        self.seen[key] = packet.at
        return key not in self.lost


@scenario(
    "firewall-idle-drop", "A stateful firewall forgets the idle connection and drops what follows silently (both ways)."
)
def idle_drop_kernel(case: Case) -> None:
    limit = case.rng.choice((30, 30, 45, 60))
    _conntrack(case, limit, "drop")
    made = _idle(case, limit, case.serve())
    with contextlib.suppress(OSError):
        made.ask(timeout=case.rng.choice((13, 14, 20)))
    case.notes.append(f"(limit {limit} s)")
    case.fail(
        made,
        TIMEOUT_THEN,
        culprit="middlebox",
        decisive=resent(client=True, at_least=3),
        claims=[silent_from_server],
        idle_gap_s=case.idle_gap_s,
        timeout_s=limit,
    )


@scenario(
    "firewall-idle-drop",
    "A box far away forgets the idle connection; the request, or only its answer, vanishes there.",
    two=0.5,
)
def idle_drop_far(case: Case) -> None:
    limit = case.rng.choice((30, 40, 60))
    box = Forgetful(limit)
    both = case.rng.random() < 0.5
    case.only(lambda packet: None if box.knows(packet) or (packet.up and not both) else DROP)
    made = _idle(case, limit, case.serve())
    with contextlib.suppress(OSError):
        made.ask(timeout=case.rng.choice((13, 16)))
    if case.rng.random() < 0.4:
        made.sock.close()
    case.notes.append(f"(limit {limit} s, {'both ways' if both else 'answers only'})")
    case.fail(
        made,
        TIMEOUT_THEN,
        culprit="middlebox",
        decisive=resent(client=True, at_least=3),
        claims=[silent_from_server],
        idle_gap_s=case.idle_gap_s,
        timeout_s=limit,
    )


@scenario(
    "firewall-idle-drop",
    "The firewall's limit is shorter than the client's keepalive: the first probe already goes unanswered.",
    protocols=("pg", "bin", "redis", "tds"),
)
def idle_drop_late_keepalive(case: Case) -> None:
    limit = case.rng.choice((25, 30))
    box = Forgetful(limit)
    case.only(lambda packet: None if box.knows(packet) else DROP)
    made = case.connect(case.serve())
    made.talk(3)
    made.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, limit + 15), (socket.TCP_KEEPINTVL, 2), (socket.TCP_KEEPCNT, 5)):
        made.sock.setsockopt(socket.IPPROTO_TCP, option, value)
    made.sock.settimeout(limit + 45)
    with contextlib.suppress(OSError):
        made.sock.recv(10)
    case.acceptable.append("keepalive-unanswered")
    case.extra["findings"] = ["keepalive-longer-than-idle-limit"]
    case.fail(
        made,
        [("recv", 10060), ("send", 10057)],
        culprit="middlebox",
        decisive=last(pick(client=True), 5),
        idle_gap_s=limit + 15,
        timeout_s=limit,
    )


@scenario(
    "firewall-idle-reset",
    "A stateful firewall forgets the idle connection and answers the next segment with its own RST.",
)
def idle_reset_kernel(case: Case) -> None:
    limit = case.rng.choice((30, 30, 45, 60))
    _conntrack(case, limit, "reject with tcp reset")
    if case.net.traits.router_ttl == 64:
        case.net.router1.sysctl(ipv4__ip_default_ttl=case.rng.choice((64, 255)))
    made = _idle(case, limit, case.serve())
    with contextlib.suppress(OSError):
        made.ask(timeout=10)
    case.notes.append(f"(limit {limit} s)")
    case.fail(
        made,
        RESET_THEN,
        culprit="middlebox",
        decisive=together(last_request, server_reset),
        idle_gap_s=case.idle_gap_s,
        timeout_s=limit,
    )


@scenario(
    "firewall-idle-reset",
    "A box on the way forgets the idle connection and resets both ends at the next segment.",
    two=0.4,
)
def idle_reset_far(case: Case) -> None:
    limit = case.rng.choice((30, 40, 60))
    box = Forgetful(limit)
    genuine = case.net.traits.server_ttl - 2 - case.net.traits.hops
    ttl = case.rng.choice([each for each in (254, 251, 63, 126, 120, 60) if abs(each - genuine) > 4])
    far = case.rng.random() < 0.5

    def decide(packet: Packet) -> Verdict:
        if box.knows(packet):
            return None
        if packet.up and not packet.flags & RST:
            with_ack = case.style.fmt in ("iso", "nlog", "epoch")
            reset = build_reset(packet, back=True, ttl=ttl, with_ack=with_ack)
            case.net.path.send(reset, up=False, after=case.net.traits.delay * (1.0 if far else 0.1))
            case.net.path.send(build_reset(packet, back=False, ttl=ttl), up=True, after=case.net.traits.delay)
        return DROP

    case.only(decide)
    made = _idle(case, limit, case.serve())
    with contextlib.suppress(OSError):
        made.ask(timeout=10)
    case.notes.append(f"(limit {limit} s; TTL {ttl} at the box)")
    case.fail(
        made,
        RESET_THEN,
        culprit="middlebox",
        decisive=together(last_request, server_reset),
        idle_gap_s=case.idle_gap_s,
        timeout_s=limit,
    )


@scenario(
    "keepalive-unanswered",
    "The path dies while the connection is idle; the client's keepalive probes go unanswered until it gives up.",
    two=0.3,
)
def keepalive_dies(case: Case) -> None:
    made = case.connect(case.serve())
    made.talk(case.rng.randrange(2, 5))
    every = case.rng.choice((5, 8, 10))
    made.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    count = case.rng.choice((4, 5, 9))
    for option, value in (
        (socket.TCP_KEEPIDLE, every),
        (socket.TCP_KEEPINTVL, case.rng.choice((1, 2))),
        (socket.TCP_KEEPCNT, count),
    ):
        made.sock.setsockopt(socket.IPPROTO_TCP, option, value)
    answered = case.rng.randrange(0, 3)
    threading.Timer(every * (answered + 0.5), case.black_hole).start()
    made.sock.settimeout(60)
    with contextlib.suppress(OSError):
        made.sock.recv(10)
    case.notes.append(f"(idle {every} s, {answered} probes answered)")
    case.acceptable.append("path-lost")

    def probes(frames: list[Frame], port: int) -> list[int]:
        mine = [f for f in frames if f.source_port == port and f.is_tcp and not f.flags & (SYN | RST | FIN)]
        top = max((f.seq + f.length for f in mine), default=0)
        found = [f.number for f in mine if f.seq == top - 1 and f.length <= 1]
        return found[-count:] if len(found) >= count else []

    case.fail(made, [("recv", 10054), ("send", 10057)], culprit="path", decisive=probes)


@scenario(
    "keepalive-unanswered",
    "The server's keepalive probes do not reach the client; the server resets the connection it takes "
    "for dead, and the client's next request meets a RST.",
    two=1.0,
    protocols=("bin", "pg", "tds"),
)
def keepalive_server_gives_up(case: Case) -> None:
    def manners(server: Server, conn: socket.socket) -> None:
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, 6), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 4)):
            conn.setsockopt(socket.IPPROTO_TCP, option, value)
        server.answer(conn)

    made = case.connect(case.serve(manners))
    made.talk(3)
    hole = case.black_hole(up=False)
    time.sleep(14)
    case.net.path.remove(hole)
    with contextlib.suppress(OSError):
        made.ask(timeout=6)
    case.acceptable += ["server-restarted", "firewall-idle-reset", "server-idle-timeout", "path-lost"]
    case.extra["max_confidence"] = "low"
    case.fail(made, RESET_THEN, culprit="path", decisive=together(last_request, server_reset))


@scenario(
    "nat-mapping-changed",
    "A translating box forgets the idle mapping and gives the connection another port; the server knows "
    "no such connection and resets it.",
    two=1.0,
)
def nat_changed(case: Case) -> None:
    limit = case.rng.choice((20, 30, 45))
    box = Forgetful(limit)
    outside: dict[int, int] = {}
    inside: dict[int, int] = {}

    def translate(packet: Packet) -> Verdict:
        if packet.up:
            known = box.knows(packet)
            port = outside.get(packet.client_port)
            if port is None or (not known and not packet.flags & SYN):
                if port is not None and inside.get(port) == packet.client_port and not known:
                    del inside[port]
                port = outside[packet.client_port] = case.rng.randrange(1024, 65535)
                box.lost.clear()
            inside[port] = packet.client_port
            return with_ports(packet.raw, source=port)
        real = inside.get(packet.destination_port)
        if real is None:
            return DROP
        key = (packet.destination, real)
        box.seen[key] = packet.at
        return with_ports(packet.raw, destination=real)

    case.only(translate)
    made = _idle(case, limit, case.serve())
    with contextlib.suppress(OSError):
        made.ask(timeout=6)
    case.notes.append(f"(mapping kept {limit} s)")
    case.acceptable += ["server-restarted", "firewall-idle-reset"]
    case.fail(
        made,
        RESET_THEN,
        culprit="middlebox",
        decisive=together(last_request, server_reset),
        idle_gap_s=case.idle_gap_s,
        timeout_s=limit,
    )

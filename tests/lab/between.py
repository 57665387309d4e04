"""Causes between client and server: boxes that forget, boxes that reset, paths that end."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from tests.lab.case import Case, scenario
from tests.lab.evidence import Frame, first, last, pick, resent, together
from tests.lab.path import DROP, FIN, RST, SYN, Packet, Verdict, build_reset, with_ports
from tests.lab.programs import Server, Session, read_some

RESET_THEN = [("recv", 10054), ("recv", 10057)]
TIMEOUT_THEN = [("recv", 10060), ("send", 10057)]
server_reset = first(pick(flags=RST, client=False))
last_request = last(pick(client=True, data=True, without=RST))
_WAKE = ("next job", "queue item 88", "operator pressed Refresh", "poll timer fired")


def silent_from_server(frames: list[Frame], port: int) -> bool:
    """After the most repeated client segment first went out, nothing came back."""
    sent = resent(client=True)(frames, port)
    return bool(sent) and all(f.source_port == port for f in frames if f.is_tcp and f.number > sent[0])


def _idle(case: Case, limit: int, server: Server) -> Session:
    made = case.connect(server)
    made.talk(case.rng.randrange(2, 6))
    case.idle_gap_s = limit + case.rng.choice((8, 10, 15, 20))
    time.sleep(case.idle_gap_s)
    case.log.info(case.rng.choice(_WAKE), time.time())
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


def _inject(
    case: Case,
    *,
    to_client: bool,
    to_server: bool,
    ttl: int,
    after: int,
    ip_id: int,
    with_ack: bool,
    drop: bool = False,
) -> None:
    """Forge resets at the client's ``after``-th data segment."""
    count = [0]

    def decide(packet: Packet) -> Verdict:
        if not packet.up or not packet.payload:
            return None
        count[0] += 1
        if count[0] != after:
            return None
        path = case.net.path
        if to_client:
            # in front of the server's own answer, which is still on its way
            forged = build_reset(packet, back=True, ttl=ttl, ip_id=ip_id, with_ack=with_ack)
            path.send(forged, up=False, after=path.delay)
        if to_server:
            shift = len(packet.payload)
            forged = build_reset(packet, back=False, ttl=ttl, ip_id=ip_id, seq_offset=shift)
            path.send(forged, up=True, after=path.delay + 0.002)
        return DROP if drop else None

    case.only(decide)


@scenario("middlebox-reset", "A device in the middle injects RST in the middle of the conversation.", two=0.35)
def forged_reset(case: Case) -> None:
    genuine = case.net.traits.server_ttl - case.net.traits.hops - 1
    choices = [each for each in (120, 250, 255, 58, 64, 40, 30) if abs(each - genuine) >= 3]
    ttl = case.rng.choice(choices)
    both = case.rng.random() < 0.5
    ip_id = case.rng.choice((0, 0x1234, 54321, case.rng.randrange(65536)))
    count = case.rng.randrange(2, 6)
    _inject(
        case,
        to_client=True,
        to_server=both,
        ttl=ttl,
        after=count + len(case.protocol.login),
        ip_id=ip_id,
        with_ack=case.rng.random() < 0.3,
    )
    _until_reset(case, count, f"({'both' if both else 'client'}; TTL {ttl})")


@scenario(
    "middlebox-reset",
    "A device in the middle injects RST with the server's own TTL; the server's answer still arrives afterwards.",
    protocols=("http", "soap", "bin", "tds", "pg"),
)
def forged_reset_same_ttl(case: Case) -> None:
    ttl = case.net.traits.server_ttl - case.net.traits.hops - 1
    count = case.rng.randrange(2, 6)
    _inject(
        case,
        to_client=True,
        to_server=False,
        ttl=ttl,
        after=count,
        ip_id=case.rng.choice((0, 0, 0x4242)),
        with_ack=True,
    )
    _until_reset(case, count, "(client; same TTL)")
    case.acceptable.append("server-reset")


@scenario(
    "middlebox-reset", "A device fires a burst of RSTs with guessed sequence numbers and blocks the request.", two=0.3
)
def forged_burst(case: Case) -> None:
    genuine = case.net.traits.server_ttl - case.net.traits.hops - 1
    ttl = case.rng.choice([each for each in (110, 200, 240, 50) if abs(each - genuine) >= 3])
    count = case.rng.randrange(2, 5)
    done = [0]

    def decide(packet: Packet) -> Verdict:
        if not packet.up or not packet.payload:
            return None
        done[0] += 1
        if done[0] != count + len(case.protocol.login):
            return None
        for number, offset in enumerate((0, 1460, 4380)):
            forged = build_reset(
                packet, back=True, ttl=ttl + number, ip_id=case.rng.randrange(65536), with_ack=True, seq_offset=offset
            )
            case.net.path.send(forged, up=False, after=0.0005 * number)
        forged = build_reset(packet, back=False, ttl=ttl, ip_id=0)
        case.net.path.send(forged, up=True)
        return DROP

    case.only(decide)
    _until_reset(case, count, f"(burst; TTL {ttl})")


def _until_reset(case: Case, count: int, note: str) -> None:
    made = case.connect(case.serve())
    with contextlib.suppress(OSError):
        made.talk(count + 1)
    case.notes.append(note)
    time.sleep(0.1 + case.net.traits.delay * 3)
    case.fail(made, RESET_THEN, culprit="middlebox", decisive=server_reset)


@scenario(
    "middlebox-reset",
    "A device resets only the server's side; the client's next request meets the server's honest RST.",
    two=1.0,
    protocols=("http", "bin", "pg", "redis"),
)
def forged_to_server(case: Case) -> None:
    count = case.rng.randrange(2, 5)
    server = case.serve()
    made = case.connect(server)
    recent: list[Packet] = []
    case.only(lambda packet: recent.append(packet) if packet.up else None)
    made.talk(count)
    newest = recent[-1]
    forged = build_reset(newest, back=False, ttl=200, seq_offset=len(newest.payload))
    case.net.path.send(forged, up=True)
    case.pause(0.5, 3)
    with contextlib.suppress(OSError):
        made.ask(timeout=5)
    case.acceptable += ["server-restarted", "server-reset"]
    case.extra["max_confidence"] = "low"
    case.fail(made, RESET_THEN, culprit="middlebox", decisive=together(last_request, server_reset))


@scenario(
    "path-lost",
    "The path to the server goes black in the middle of an active chat; retransmissions go unanswered.",
    two=0.3,
)
def path_lost_chat(case: Case) -> None:
    made = case.connect(case.serve())
    made.talk(case.rng.randrange(3, 9))
    case.black_hole(down=case.rng.random() < 0.8)
    with contextlib.suppress(OSError):
        made.ask(timeout=case.rng.choice((12, 15, 20)))
    if case.rng.random() < 0.3:
        made.sock.close()
    case.fail(made, TIMEOUT_THEN, culprit="path", decisive=resent(client=True), claims=[silent_from_server])


@scenario(
    "path-lost",
    "The path to the server goes black in the middle of an active upload; retransmissions go unanswered.",
    protocols=("bin", "http", "soap"),
)
def path_lost_upload(case: Case) -> None:
    def sink(server: Server, conn: socket.socket) -> None:
        while conn.recv(262144):
            pass

    made = case.connect(case.serve(sink))
    threading.Timer(case.rng.uniform(0.8, 2.5), case.black_hole).start()
    made.sock.settimeout(case.rng.choice((10, 15)))
    made.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)
    with contextlib.suppress(OSError):
        while True:
            made.sock.sendall(bytes(3000))
            time.sleep(0.05)
    case.fail(
        made,
        [("send", 10060), ("send", 10057)],
        culprit="path",
        decisive=resent(client=True),
        claims=[silent_from_server],
    )


@scenario(
    "path-lost",
    "The path dies while the server streams to the client: the stream stops, and the client's next word goes unanswered.",
    protocols=("bin", "http"),
)
def path_lost_download(case: Case) -> None:
    def pour(server: Server, conn: socket.socket) -> None:
        conn.recv(1000)
        while True:
            conn.sendall(bytes(2500))
            time.sleep(0.06)

    made = case.connect(case.serve(pour))
    made.sock.sendall(made.protocol.request(made.rng))
    threading.Timer(case.rng.uniform(1, 2.5), case.black_hole).start()
    with contextlib.suppress(OSError):
        while made.sock.recv(65536):
            made.sock.settimeout(6)
    with contextlib.suppress(OSError):
        made.sock.sendall(made.protocol.request(made.rng))
    time.sleep(9)
    case.acceptable.append("server-unresponsive")
    case.fail(made, TIMEOUT_THEN, culprit="path", decisive=resent(client=True), claims=[silent_from_server])


@scenario(
    "path-mtu-blackhole",
    'A hop with a smaller MTU drops large packets and its ICMP "packet too big" is filtered (upload); small ones pass.',
    protocols=("soap", "http", "bin", "tds"),
)
def mtu_upload(case: Case) -> None:
    mtu = case.rng.choice((1400, 1420, 1280))
    case.only(lambda packet: DROP if packet.up and len(packet.raw) > mtu else None)
    made = case.connect(case.serve())
    made.talk(case.rng.randrange(2, 5))
    made.sock.settimeout(case.rng.choice((12, 18)))
    with contextlib.suppress(OSError):
        made.sock.sendall(made.protocol.request(made.rng) + bytes(case.rng.randrange(3000, 9000)))
        read_some(made.sock, timeout=case.rng.choice((12, 18)))
    case.notes.append(f"(MTU {mtu})")
    case.acceptable.append("path-lost")
    case.fail(made, TIMEOUT_THEN, culprit="middlebox", decisive=resent(client=True))


@scenario(
    "path-mtu-blackhole",
    "Large packets of the server vanish at a hop with a smaller MTU (download): the request is acknowledged, the answer never comes.",
    protocols=("http", "soap", "bin", "pg"),
    two=0.5,
)
def mtu_download(case: Case) -> None:
    mtu = case.rng.choice((1400, 1450, 1280))
    case.only(lambda packet: DROP if not packet.up and len(packet.raw) > mtu else None)

    def big(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, count)
        conn.recv(65536)
        conn.sendall(bytes(1460 * 4 + 600))
        time.sleep(300)

    count = case.rng.randrange(1, 4)
    made = case.connect(case.serve(big))
    for _ in range(count):
        made.sock.sendall(made.protocol.request(made.rng))
        read_some(made.sock)
        time.sleep(0.2)
    made.sock.sendall(made.protocol.request(made.rng))
    with contextlib.suppress(OSError):
        read_some(made.sock, 6000, timeout=case.rng.choice((12, 18)))
    case.notes.append(f"(MTU {mtu})")
    case.acceptable.append("server-unresponsive")
    case.fail(made, TIMEOUT_THEN, culprit="middlebox", decisive=last_request)


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
    "The server's keepalive probes do not reach the client; the server resets the connection it takes for dead, and the client's next request meets a RST.",
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
    "A translating box forgets the idle mapping and gives the connection another port; the server knows no such connection and resets it.",
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

"""Causes that end a connection before it is one."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from tests.lab.case import Case, scenario
from tests.lab.evidence import Frame, first, pick, resent, together
from tests.lab.path import ACK, DROP, FIN, PSH, RST, SYN, Packet, Verdict, build_reset
from tests.lab.programs import Server, Session, abort, forget, read_some

TIMED_OUT = [("connect", 10060), ("send", 10057)]
REFUSED = [("connect", 10061), ("send", 10057)]
UNREACHABLE = [("connect", 10065), ("send", 10057)]

client_syn = first(pick(flags=SYN, without=ACK, client=True))
syn_ack = first(pick(flags=SYN | ACK, client=False))
refusal = first(pick(flags=RST, client=False))


def no_answer(frames: list[Frame], port: int) -> bool:
    """Nothing of this stream came from the other side."""
    return all(frame.source_port == port for frame in frames if frame.is_tcp)


def never_established(frames: list[Frame], port: int) -> bool:
    """No SYN-ACK was seen."""
    return not pick(flags=SYN | ACK)(frames, port)


def _try(case: Case, address: str, port: int, timeout: float, *, announce: bool = True) -> Session:
    made = case.session()
    made.ends = (case.net.client_ip, made.sock.getsockname()[1], address, port)
    if announce and case.rng.random() < 0.6:
        case.log.info(f"connecting to {made.endpoint}", time.time())
    with contextlib.suppress(OSError):
        made.connect(address, port, timeout)
    return made


def quoted(frames: list[Frame], port: int) -> list[int]:
    """The SYN and the ICMP errors that quote it."""
    syns = client_syn(frames, port)
    errors = [frame.number for frame in frames if frame.icmp_type == 3]
    return [*syns, *errors[:2]] if errors else []


@scenario("connection-refused", "No listener on the port; the server kernel answers the SYN with RST.")
def refused(case: Case) -> None:
    tries = case.rng.choice((1, 1, 2, 3, 5))
    for number in range(tries):
        made = _try(case, case.net.server_ip, case.port, 5)
        if number < tries - 1:
            case.log.error("connect", 10061, made.endpoint, time.time())
            case.relate(made)
            time.sleep(case.rng.choice((0.5, 1.0, 2.0)))
    case.fail(made, REFUSED, culprit="server", decisive=together(client_syn, refusal), claims=[never_established])


@scenario("connection-refused", "A loop without back-off tries a closed port again and again.")
def refused_storm(case: Case) -> None:
    tries = case.rng.randrange(18, 45)
    for number in range(tries):
        made = _try(case, case.net.server_ip, case.port, 5, announce=False)
        if number < tries - 1:
            case.relate(made)
            time.sleep(case.rng.uniform(0.05, 0.12))
    case.extra["findings"] = ["reconnect-storm"]
    case.fail(made, REFUSED, culprit="server", decisive=together(client_syn, refusal), claims=[never_established])


@scenario(
    "connection-rejected-by-firewall", "The first router rejects the SYN (rst); the server is up and never sees it."
)
def rejected_near(case: Case) -> None:
    case.serve()
    case.net.router1.nft(
        "table ip f { chain c { type filter hook forward priority 0; "
        f"ip daddr {case.net.server_ip} tcp dport {case.port} reject with tcp reset; }} }}"
    )
    if case.net.traits.router_ttl == case.net.traits.server_ttl - 2 - case.net.traits.hops:
        case.net.router1.sysctl(ipv4__ip_default_ttl=255)
    made = _try(case, case.net.server_ip, case.port, 5)
    case.fail(made, REFUSED, culprit="middlebox", decisive=together(client_syn, refusal), claims=[never_established])


@scenario(
    "connection-rejected-by-firewall", "A firewall on the way rejects the SYN (rst) with its own TTL; the server is up."
)
def rejected_far(case: Case) -> None:
    case.serve()
    case.serve(port=case.port + 1000)
    genuine = case.net.traits.server_ttl - 2 - case.net.traits.hops
    ttl = case.rng.choice([each for each in (254, 250, 62, 63, 126, 120) if abs(each - genuine) > 4])

    def reject(packet: Packet) -> Verdict:
        if packet.up and packet.flags & SYN and packet.server == case.net.server_ip:
            case.net.path.send(
                build_reset(packet, back=True, ttl=ttl, with_ack=True), up=False, after=case.net.traits.delay / 2
            )
            return DROP
        return None

    case.only(reject)
    # the same host answers elsewhere, so that its own TTL is known
    known = case.session()
    known.connect(case.net.server_ip, case.port + 1000)
    case.keep(known)
    known.ask()
    made = _try(case, case.net.server_ip, case.port, 5)
    case.fail(made, REFUSED, culprit="middlebox", decisive=together(client_syn, refusal), claims=[never_established])


@scenario(
    "connection-rejected-by-firewall", "The router in the middle rejects the SYN with ICMP administratively prohibited."
)
def rejected_icmp(case: Case) -> None:
    case.serve()
    kind = case.rng.choice(("admin-prohibited", "host-prohibited", "net-prohibited"))
    router = case.rng.choice((case.net.router1, case.net.router2))
    router.nft(
        "table ip f { chain c { type filter hook forward priority 0; "
        f"ip daddr {case.net.server_ip} tcp dport {case.port} reject with icmp type {kind}; }} }}"
    )
    made = _try(case, case.net.server_ip, case.port, 8)
    case.fail(made, UNREACHABLE, culprit="middlebox", decisive=quoted, claims=[never_established])


@scenario("connection-timed-out", "The SYN is dropped silently in the middle; nothing ever comes back.")
def timed_out(case: Case) -> None:
    case.serve()
    case.black_hole()
    made = _try(case, case.net.server_ip, case.port, case.rng.choice((7, 7, 12, 21)))
    if case.rng.random() < 0.5:
        made.sock.close()
    case.fail(made, TIMED_OUT, culprit="path", decisive=resent(client=True), claims=[no_answer])


@scenario(
    "connection-timed-out", "The server is switched off: its neighbour table entry is still there, nothing answers."
)
def timed_out_dead_host(case: Case) -> None:
    absent = case.net.absent_address()
    case.net.router2.ip(f"neigh add {absent} lladdr 02:00:5e:10:00:07 dev lan nud permanent")
    for number in range(case.rng.choice((1, 1, 2))):
        if number:
            case.log.error("connect", 10060, made.endpoint, time.time())
            case.relate(made)
            made.sock.close()
        made = _try(case, absent, case.port, case.rng.choice((7, 10, 21)))
    case.fail(made, TIMED_OUT, culprit="path", decisive=resent(client=True), claims=[no_answer])


@scenario(
    "destination-unreachable",
    "The last router finds no such host on its cable and answers the SYN with ICMP host unreachable.",
)
def unreachable_arp(case: Case) -> None:
    made = _try(case, case.net.absent_address(), case.port, 8)
    case.fail(made, UNREACHABLE, culprit="path", decisive=quoted, claims=[never_established])


@scenario("destination-unreachable", "A router answers the SYN with ICMP unreachable at once.")
def unreachable_route(case: Case) -> None:
    target = f"10.{case.rng.randrange(250, 255)}.{case.rng.randrange(1, 250)}.{case.rng.randrange(2, 250)}"
    if case.rng.random() < 0.6:
        case.net.router1.ip(f"route add unreachable {target}/32")
    else:
        case.net.router1.ip("route add throw default")
    made = _try(case, target, case.port, 8)
    case.fail(
        made,
        case.rng.choice((UNREACHABLE, [("connect", 10051), ("send", 10057)])),
        culprit="path",
        decisive=quoted,
        claims=[never_established],
    )


@scenario(
    "handshake-not-completed",
    "The SYN-ACK reaches the client host, whose own filter drops it: SYN and SYN-ACK repeat, no ACK.",
)
def handshake_own_filter(case: Case) -> None:
    case.serve()
    case.net.client.nft(
        f"table ip f {{ chain i {{ type filter hook input priority 0; tcp sport {case.port} drop; }} }}"
    )
    made = _try(case, case.net.server_ip, case.port, case.rng.choice((9, 12)))
    case.fail(made, TIMED_OUT, culprit="client", decisive=together(client_syn, first(pick(flags=SYN | ACK), 3)))


@scenario(
    "handshake-not-completed",
    "The SYN reaches the server but its SYN-ACK is dropped in the middle (asymmetric path through a stateful device).",
    two=0.7,
)
def handshake_lost_back(case: Case) -> None:
    case.serve()
    case.black_hole(up=False)
    made = _try(case, case.net.server_ip, case.port, case.rng.choice((7, 9)))
    case.acceptable.append("connection-timed-out")
    case.fail(made, TIMED_OUT, culprit="middlebox", decisive=resent(client=True), claims=[no_answer])


@scenario(
    "handshake-not-completed",
    "The client's ACK never reaches the server: the SYN-ACK repeats and the first request goes unanswered.",
    protocols=("http", "redis", "pg", "tds", "bin"),
)
def handshake_ack_lost(case: Case) -> None:
    case.serve()
    case.only(lambda packet: DROP if packet.up and not packet.flags & SYN else None)
    made = case.session()
    made.connect(case.net.server_ip, case.port)
    case.connected(made)
    with contextlib.suppress(OSError):
        made.ask(timeout=case.rng.choice((8, 12)))
    case.fail(
        made,
        [("recv", 10060), ("send", 10057)],
        culprit="middlebox",
        decisive=together(resent(client=False, at_least=1), first(pick(client=True, data=True), 2)),
    )


@scenario(
    "accept-queue-full",
    "The server's program no longer accepts: its queue is full and further SYNs are dropped, while earlier connections stand.",
    protocols=("http", "redis", "bin", "pg"),
)
def queue_full(case: Case) -> None:
    case.serve(accepting=False, backlog=1)
    waiting = []
    for _ in range(2):
        made = case.session()
        made.connect(case.net.server_ip, case.port)
        made.sock.sendall(made.protocol.request(made.rng))
        waiting.append(made)
        case.relate(made)
        case.pause(0.1, 0.4)
    victim = _try(case, case.net.server_ip, case.port, case.rng.choice((7, 10)))
    case.acceptable += ["connection-timed-out", "handshake-not-completed"]
    case.fail(victim, TIMED_OUT, culprit="server", decisive=resent(client=True, at_least=1))


@scenario(
    "accept-queue-full",
    "Many clients at once fill the server's queue; the last one's SYN is dropped and repeated.",
    protocols=("http", "bin", "redis"),
)
def queue_full_burst(case: Case) -> None:
    case.serve(accepting=False, backlog=case.rng.randrange(3, 7))
    crowd: list[Session] = []

    def come() -> None:
        with contextlib.suppress(OSError):
            crowd.append(_try(case, case.net.server_ip, case.port, 9, announce=False))

    threads = [threading.Thread(target=come, daemon=True) for _ in range(6)]
    for thread in threads:
        thread.start()
        time.sleep(0.03)
    for _ in range(4):
        crowd.append(_try(case, case.net.server_ip, case.port, 0.3, announce=False))
    victim = _try(case, case.net.server_ip, case.port, 9)
    for thread in threads:
        thread.join(1)
    for each in crowd:
        case.relate(each)
    case.acceptable += ["connection-timed-out", "handshake-not-completed"]
    case.fail(victim, TIMED_OUT, culprit="server", decisive=resent(client=True, at_least=1))


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
    case.log.info(f"BeginConnect {made.endpoint}", time.time())
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
    case.log.info("recovered, session up", time.time())


@scenario(
    "connect-abandoned",
    "The application's connect timeout is shorter than the path: it closes, and the late SYN-ACK draws a RST.",
)
def abandoned(case: Case) -> None:
    case.serve()
    patience = case.rng.choice((0.3, 0.5, 0.9))
    _slow_handshake(case, patience + case.rng.uniform(0.15, 1.2))
    made = _try(case, case.net.server_ip, case.port, patience)
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
    "The client lost its old connection silently and reuses the same source port: the server answers the new SYN with an ACK of the old connection.",
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

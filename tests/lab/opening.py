"""Causes that end a connection before it is one."""

from __future__ import annotations

import contextlib
import threading
import time

from tests.lab.case import Case, scenario
from tests.lab.evidence import Frame, first, pick, resent, together
from tests.lab.path import ACK, DROP, RST, SYN, Packet, Verdict, build_reset
from tests.lab.programs import Session

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


def attempt(case: Case, address: str, port: int, timeout: float, *, announce: bool = True) -> Session:
    """A session that tried to connect, whatever came of it."""
    made = case.session()
    made.ends = (case.net.client_ip, made.sock.getsockname()[1], address, port)
    if announce and case.rng.random() < 0.6:
        case.log.say(f"connecting to {made.endpoint}", time.time())
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
        made = attempt(case, case.net.server_ip, case.port, 5)
        if number < tries - 1:
            case.log.failure("connect", 10061, made.endpoint, time.time())
            case.relate(made)
            time.sleep(case.rng.choice((0.5, 1.0, 2.0)))
    case.fail(made, REFUSED, culprit="server", decisive=together(client_syn, refusal), claims=[never_established])


@scenario("connection-refused", "A loop without back-off tries a closed port again and again.")
def refused_storm(case: Case) -> None:
    tries = case.rng.randrange(18, 45)
    for number in range(tries):
        made = attempt(case, case.net.server_ip, case.port, 5, announce=False)
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
    made = attempt(case, case.net.server_ip, case.port, 5)
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
    made = attempt(case, case.net.server_ip, case.port, 5)
    case.fail(made, REFUSED, culprit="middlebox", decisive=together(client_syn, refusal), claims=[never_established])


@scenario(
    "connection-rejected-by-firewall", "The router in the middle rejects the SYN with ICMP administratively prohibited."
)
def rejected_icmp(case: Case) -> None:
    case.serve()
    kind = case.rng.choice(("admin-prohibited", "host-prohibited", "net-prohibited", "port-unreachable"))
    router = case.rng.choice((case.net.router1, case.net.router2))
    router.nft(
        "table ip f { chain c { type filter hook forward priority 0; "
        f"ip daddr {case.net.server_ip} tcp dport {case.port} reject with icmp type {kind}; }} }}"
    )
    case.notes.append(f"({kind})")
    made = attempt(case, case.net.server_ip, case.port, 8)
    case.fail(
        made,
        REFUSED if kind.startswith("port") else UNREACHABLE,
        culprit="middlebox",
        decisive=quoted,
        claims=[never_established],
    )


@scenario("connection-timed-out", "The SYN is dropped silently in the middle; nothing ever comes back.")
def timed_out(case: Case) -> None:
    case.serve()
    case.black_hole()
    made = attempt(case, case.net.server_ip, case.port, case.rng.choice((7, 7, 12, 21)))
    if case.rng.random() < 0.5:
        made.sock.close()
    case.fail(made, TIMED_OUT, culprit="path", decisive=resent(client=True), claims=[no_answer])


@scenario(
    "connection-timed-out", "The server is switched off: its neighbour table entry is still there, nothing answers."
)
def timed_out_dead_host(case: Case) -> None:
    absent = case.net.absent_address()
    case.net.router2.ip(f"neigh add {absent} lladdr 02:00:5e:10:00:07 dev lan nud permanent")
    made = attempt(case, absent, case.port, case.rng.choice((7, 10, 21)))
    if case.rng.random() < 0.3:
        case.log.failure("connect", 10060, made.endpoint, time.time())
        case.relate(made)
        made.sock.close()
        made = attempt(case, absent, case.port, 7)
    case.fail(made, TIMED_OUT, culprit="path", decisive=resent(client=True), claims=[no_answer])


@scenario(
    "destination-unreachable",
    "The last router finds no such host on its cable and answers the SYN with ICMP host unreachable.",
)
def unreachable_arp(case: Case) -> None:
    made = attempt(case, case.net.absent_address(), case.port, 8)
    case.fail(made, UNREACHABLE, culprit="path", decisive=quoted, claims=[never_established])


@scenario("destination-unreachable", "A router answers the SYN with ICMP unreachable at once.")
def unreachable_route(case: Case) -> None:
    target = f"10.{case.rng.randrange(250, 255)}.{case.rng.randrange(1, 250)}.{case.rng.randrange(2, 250)}"
    if case.rng.random() < 0.6:
        case.net.router1.ip(f"route add unreachable {target}/32")
    else:
        case.net.router1.ip("route add throw default")
    made = attempt(case, target, case.port, 8)
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
    made = attempt(case, case.net.server_ip, case.port, case.rng.choice((9, 12)))
    case.fail(made, TIMED_OUT, culprit="client", decisive=together(client_syn, first(pick(flags=SYN | ACK), 3)))


@scenario(
    "handshake-not-completed",
    "The SYN reaches the server but its SYN-ACK is dropped in the middle (asymmetric path through a stateful device).",
    two=0.7,
)
def handshake_lost_back(case: Case) -> None:
    case.serve()
    case.black_hole(up=False)
    made = attempt(case, case.net.server_ip, case.port, case.rng.choice((7, 9)))
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
    "The server's program no longer accepts: its queue is full and further SYNs are dropped, while "
    "earlier connections stand.",
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
    victim = attempt(case, case.net.server_ip, case.port, case.rng.choice((7, 10)))
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
            crowd.append(attempt(case, case.net.server_ip, case.port, 9, announce=False))

    threads = [threading.Thread(target=come, daemon=True) for _ in range(6)]
    for thread in threads:
        thread.start()
        time.sleep(0.03)
    crowd += [attempt(case, case.net.server_ip, case.port, 0.3, announce=False) for _ in range(4)]
    victim = attempt(case, case.net.server_ip, case.port, 9)
    for thread in threads:
        thread.join(1)
    for each in crowd:
        case.relate(each)
    case.acceptable += ["connection-timed-out", "handshake-not-completed"]
    case.fail(victim, TIMED_OUT, culprit="server", decisive=resent(client=True, at_least=1))

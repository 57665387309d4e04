"""Causes between client and server: boxes that forget, boxes that reset, paths that end."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from tests.lab.case import Case, scenario
from tests.lab.evidence import Frame, first, last, pick, resent, together
from tests.lab.path import DROP, RST, Packet, Verdict, build_reset
from tests.lab.programs import Server, read_some

RESET_THEN = [("recv", 10054), ("recv", 10057)]
TIMEOUT_THEN = [("recv", 10060), ("send", 10057)]
server_reset = first(pick(flags=RST, client=False))
last_request = last(pick(client=True, data=True, without=RST))


def silent_from_server(frames: list[Frame], port: int) -> bool:
    """After the most repeated client segment first went out, nothing came back."""
    sent = resent(client=True)(frames, port)
    return bool(sent) and all(f.source_port == port for f in frames if f.is_tcp and f.number > sent[0])


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
    def sink(_server: Server, conn: socket.socket) -> None:
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
    "The path dies while the server streams to the client: the stream stops, and the client's next word "
    "goes unanswered.",
    protocols=("bin", "http"),
)
def path_lost_download(case: Case) -> None:
    def pour(_server: Server, conn: socket.socket) -> None:
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
    "Large packets of the server vanish at a hop with a smaller MTU (download): the request is "
    "acknowledged, the answer never comes.",
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

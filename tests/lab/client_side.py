"""Causes on the client's side, and errors that no packet explains."""

from __future__ import annotations

import contextlib
import socket
import struct
import time

from tests.lab.case import Case, scenario
from tests.lab.evidence import Frame, first, last, pick
from tests.lab.path import FIN, RST
from tests.lab.programs import Server, abort

client_fin = first(pick(flags=FIN, client=True))
client_reset = first(pick(flags=RST, client=True))


def client_ended_first(frames: list[Frame], port: int) -> bool:
    """The first FIN or RST is the client's."""
    ends = [frame for frame in frames if frame.is_tcp and frame.flags & (FIN | RST)]
    return bool(ends) and ends[0].source_port == port


@scenario(
    "client-closed-locally",
    "One thread of the client closes the healthy connection, another thread then sends on the dead socket object.",
)
def closed_by_thread(case: Case) -> None:
    made = case.connect(case.serve())
    made.talk(case.rng.randrange(2, 7))
    case.pause(0.3, 2)
    if case.rng.random() < 0.6:
        case.log.say(case.rng.choice(("Dispose() called", "closing session", "recycle worker")), time.time())
    made.sock.close()
    case.pause(0.1, 2.5)
    case.fail(
        made,
        [(case.rng.choice(("send", "recv", "shutdown")), 10057)],
        culprit="client",
        decisive=client_fin,
        claims=[client_ended_first],
    )


@scenario("client-closed-locally", "The client aborts its own connection (linger 0), then sends.")
def closed_by_abort(case: Case) -> None:
    made = case.connect(case.serve())
    made.talk(case.rng.randrange(2, 5))
    case.pause(0.3, 2)
    abort(made.sock)
    case.pause(0.1, 1)
    case.fail(made, [("send", 10057)], culprit="client", decisive=client_reset, claims=[client_ended_first])


@scenario(
    "client-closed-locally",
    "The client closes while the server's data is unread: its kernel sends RST.",
    protocols=("http", "bin", "redis"),
)
def closed_with_unread(case: Case) -> None:
    made = case.connect(case.serve())
    made.talk(case.rng.randrange(1, 4))
    made.sock.sendall(made.protocol.request(made.rng))
    time.sleep(0.3 + 3 * case.net.traits.delay)
    made.sock.close()
    case.pause(0.1, 1)
    case.fail(made, [("send", 10057)], culprit="client", decisive=client_reset, claims=[client_ended_first])


@scenario(
    "client-closed-locally",
    "The client shuts its connection down in both directions and its pool hands it out again.",
    protocols=("http", "pg", "tds", "redis"),
)
def closed_by_shutdown(case: Case) -> None:
    made = case.connect(case.serve())
    made.talk(case.rng.randrange(2, 6))
    made.sock.shutdown(socket.SHUT_RDWR)
    case.pause(0.5, 12)
    case.log.say("reusing pooled connection", time.time())
    case.fail(made, [("send", 10057)], culprit="client", decisive=client_fin, claims=[client_ended_first])


@scenario(
    "client-gave-up-waiting",
    "The server answers late; the client's own timeout is shorter, it closes, and uses the object again.",
    protocols=("http", "soap", "pg", "tds", "bin"),
)
def gave_up(case: Case) -> None:
    count = case.rng.randrange(1, 4)
    patience = case.rng.choice((3, 5, 10, 15))
    late = patience + case.rng.choice((1, 3, 6))

    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, count)
        request = conn.recv(65536)
        time.sleep(late)
        conn.sendall(server.protocol.respond(server.rng, request))
        conn.recv(100)
        conn.close()

    made = case.connect(case.serve(manners))
    made.talk(count)
    with contextlib.suppress(TimeoutError):
        made.ask(timeout=patience)
    hard = case.rng.random() < 0.35
    if hard:
        abort(made.sock)
    else:
        made.sock.close()
    if case.rng.random() < 0.5:
        case.log.say(f"request timed out after {patience} s", time.time(), "WARN")
    case.pause(0.05, 0.6)
    case.acceptable += ["server-unresponsive", "client-closed-locally"]
    case.notes.append(f"(client {patience} s, server {late} s)")
    case.fail(
        made,
        [("send", 10057)],
        culprit="client",
        decisive=client_reset if hard else client_fin,
        claims=[client_ended_first],
        timeout_s=patience,
    )
    time.sleep(late - patience)


def _dhcp(case: Case, address: str) -> None:
    """The client asks for an address and gets a new one: four packets, written as the programs would."""
    from scapy.layers.dhcp import BOOTP, DHCP
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    here = _mac(case.net.client.ip("link show eth0"))
    there = _mac(case.net.router1.ip("link show lan"))
    raw = bytes.fromhex(here.replace(":", ""))
    xid = case.rng.randrange(1 << 32)
    server = case.net.client_gateway
    steps: tuple[tuple[str, bool, list[tuple[str, str]]], ...] = (
        ("discover", True, []),
        ("offer", False, []),
        ("request", True, [("requested_addr", address)]),
        ("ack", False, []),
    )
    for kind, asking, extra in steps:
        source, target = (here, "ff:ff:ff:ff:ff:ff") if asking else (there, here)
        addresses = ("0.0.0.0", "255.255.255.255") if asking else (server, address)
        ports = (68, 67) if asking else (67, 68)
        options = (
            [("message-type", kind), *extra]
            if asking
            else [("message-type", kind), ("server_id", server), ("lease_time", 3600)]
        )
        packet = (
            Ether(src=source, dst=target)
            / IP(src=addresses[0], dst=addresses[1])
            / UDP(sport=ports[0], dport=ports[1])
            / BOOTP(op=1 if asking else 2, xid=xid, chaddr=raw, yiaddr="0.0.0.0" if asking else address)
            / DHCP(options=[*options, "end"])
        )
        _send_frame(case, bytes(packet), from_client=asking)
        time.sleep(0.02)


def _mac(text: str) -> str:
    return text.split("link/ether ", maxsplit=1)[1].split(maxsplit=1)[0]


def _send_frame(case: Case, frame: bytes, *, from_client: bool) -> None:
    namespace, interface = (case.net.client, "eth0") if from_client else (case.net.router1, "lan")
    with namespace.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, 0))
        raw.send(frame)


@scenario(
    "link-changed",
    "The client's network changes under it: the link drops, another address comes, the old connection is "
    "never heard of again.",
    background=False,
    two=0.3,
)
def link_changed(case: Case) -> None:
    def push(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 3)
        time.sleep(1.5)
        if chatty:
            conn.sendall(b"tick" * 10)
        time.sleep(100)

    chatty = case.rng.random() < 0.6
    server = case.serve(push)
    made = case.connect(server)
    made.talk(3)
    other = case.serve(port=case.port + 7)
    bystander = case.session()
    bystander.connect(other.address, other.port)
    bystander.login()
    bystander.ask()
    case.relate(bystander)
    old = case.net.client_ip
    new = f"{case.net.client_net}.{case.rng.randrange(130, 250)}"
    down = case.rng.choice((1.5, 4, 8))
    # the loss of carrier as the router and the application meet it: nothing in, nothing out, nobody at the address
    case.net.client.nft(
        "table ip f { chain o { type filter hook output priority 0; drop; } "
        "chain i { type filter hook input priority 0; drop; } }"
    )
    case.net.client.ip(f"addr del {old}/24 dev eth0")
    time.sleep(down)
    case.net.client.run("nft", "delete", "table", "ip", "f")
    if case.rng.random() < 0.7:
        _dhcp(case, new)
    case.net.client.ip(f"addr add {new}/24 dev eth0")
    case.net.client.ip(f"route add default via {case.net.client_gateway}")
    mac = bytes.fromhex(_mac(case.net.client.ip("link show eth0")).replace(":", ""))
    own = socket.inet_aton(new)
    arp = b"\xff" * 6 + mac + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + own + bytes(6) + own
    _send_frame(case, arp, from_client=True)
    case.log.say("network address changed", time.time(), "WARN")
    with contextlib.suppress(OSError):
        made.sock.sendall(made.protocol.request(made.rng))
    time.sleep(0.3)
    case.acceptable += ["path-lost", "client-closed-locally"]
    case.fail(made, [("send", 10053), ("send", 10057)], culprit="client", decisive=last(pick(), 2))
    case.net.client_ip = new
    again = case.session()
    again.connect(other.address, other.port)
    again.login()
    again.talk(2)

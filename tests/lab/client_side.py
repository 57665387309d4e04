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
        case.log.info(case.rng.choice(("Dispose() called", "closing session", "recycle worker")), time.time())
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
    case.log.info("reusing pooled connection", time.time())
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
        case.log.info(f"request timed out after {patience} s", time.time(), "WARN")
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
    from scapy.layers.dhcp import BOOTP, DHCP  # type: ignore[import-untyped]
    from scapy.layers.inet import IP, UDP  # type: ignore[import-untyped]
    from scapy.layers.l2 import Ether  # type: ignore[import-untyped]

    here = _mac(case.net.client.ip("link show eth0"))
    there = _mac(case.net.router1.ip("link show lan"))
    raw = bytes.fromhex(here.replace(":", ""))
    xid = case.rng.randrange(1 << 32)
    server = case.net.client_gateway
    steps = (
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
    return text.split("link/ether ")[1].split()[0]


def _send_frame(case: Case, frame: bytes, *, from_client: bool) -> None:
    namespace, interface = (case.net.client, "eth0") if from_client else (case.net.router1, "lan")
    with namespace.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, 0))
        raw.send(frame)


@scenario(
    "link-changed",
    "The client's network changes under it: the link drops, another address comes, the old connection is never heard of again.",
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
        "table ip f { chain o { type filter hook output priority 0; drop; } chain i { type filter hook input priority 0; drop; } }"
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
    case.log.info("network address changed", time.time(), "WARN")
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


@scenario(
    "neighbour-unresolved", "The server is on the client's own cable and does not answer ARP: no SYN ever leaves."
)
def neighbour(case: Case) -> None:
    target = f"{case.net.client_net}.{case.rng.randrange(123, 250)}"
    case.log.info(f"connecting to {target}:{case.port}", time.time())
    made = case.session()
    with contextlib.suppress(OSError):
        made.connect(target, case.port, 8)
    made.sock.close()
    case.fail_without_stream(
        f"{target}:{case.port}",
        case.rng.choice(([("connect", 10065), ("send", 10057)], [("connect", 10060), ("send", 10057)])),
        culprit="path",
        frames=lambda trace: [f.number for f in trace.frames if f.arp_for == target and f.arp_opcode == 1],
    )
    case.acceptable.append("destination-unreachable")
    case.needs_log = True


@scenario("name-resolution-failed", "DNS lookup fails; no connection is ever attempted.")
def no_name(case: Case) -> None:
    name = case.rng.choice(("files", "mq03", "erp-db", "ldap1", "print-srv")) + ".corp.example"
    kind, rcode, code = case.rng.choice(
        (("nx", 3, 11001), ("servfail", 2, 11002), ("refused", 5, 11002), ("no answer", -1, 11002))
    )
    refused = case.extra["_refused"]
    assert isinstance(refused, dict)
    label = name.split(".")[0].encode()
    refused[bytes([len(label)]) + label] = rcode
    case.log.info(f"resolving {name}", time.time())
    query = struct.pack("!HHHHHH", case.rng.randrange(65536), 0x100, 1, 0, 0, 0)
    query += b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0\0\1\0\1"
    with case.net.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for wait in (1, 2, 4) if rcode < 0 else (2,):
            sock.settimeout(wait)
            sock.sendto(query, (case.net.resolver, 53))
            try:
                sock.recv(512)
                break
            except TimeoutError:
                continue
    case.notes.append(f"({kind})")
    case.needs_log = True
    case.fail_without_stream(
        f"{name}:{case.port}",
        [("getaddrinfo", code), ("send", 10057)],
        culprit="path",
        frames=lambda trace: [
            f.number for f in trace.frames if f.is_dns and (f.dns_rcode > 0 if rcode > 0 else not f.dns_response)
        ][-3:],
    )


@scenario("never-connected", "The app never calls connect for this endpoint; not one packet to it exists.")
def never(case: Case) -> None:
    case.pause(3, 8)
    case.log.info("flushing queue", time.time())
    case.needs_log = True
    where = f"{case.rng.choice((case.net.server_ip, case.net.absent_address()))}:{case.port}"
    case.fail_without_stream(where, [(case.rng.choice(("send", "shutdown", "getpeername")), 10057)], culprit="app")


@scenario(
    "no-network-cause",
    "The connection is healthy before, during and after; the app calls recv/send on a listening or otherwise wrong socket.",
)
def healthy_but_error(case: Case) -> None:
    _healthy_error(case, case.rng.choice(("recv", "send")))
    case.acceptable.append("wrong-socket-used")


@scenario(
    "connect-context-not-updated",
    "A ConnectEx socket without its context: data flows, shutdown and getpeername answer 10057.",
)
def context_missing(case: Case) -> None:
    _healthy_error(case, case.rng.choice(("shutdown", "getpeername")))
    case.acceptable.append("no-network-cause")


@scenario(
    "wrong-socket-used",
    "The program accepts connections and then uses the listening socket for its data.",
    protocols=("http", "bin"),
)
def listening_used(case: Case) -> None:
    """The client host is the server here: somebody connects to it and is never answered."""
    port = case.rng.choice((8081, 9100, 47808))
    listener = case.net.client.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((case.net.client_ip, port))
    listener.listen(5)
    case.keep(listener)
    outside = case.net.server.socket()
    outside.connect((case.net.client_ip, port))
    case.keep(outside)
    accepted, _ = listener.accept()
    case.keep(accepted)
    case.log.info(f"client accepted on port {port}", time.time())
    outside.sendall(case.protocol.request(case.rng))
    case.pause(0.3, 1)
    case.needs_log = True
    case.acceptable.append("no-network-cause")
    case.fail_without_stream(f"{case.net.client_ip}:{port}", [("send", 10057)], culprit="app")
    case.pause(2, 4)
    outside.close()
    time.sleep(0.3)
    accepted.close()


@scenario("udp-socket-unconnected", "A UDP socket is used with send although no peer was ever set: nothing leaves.")
def udp_unconnected(case: Case) -> None:
    port = case.rng.choice((514, 5060, 8125))
    with case.net.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        if case.rng.random() < 0.5:
            sock.sendto(b"hello", (case.net.neighbours[0], port))
        case.pause(1, 4)
    case.needs_log = True
    case.acceptable += ["no-network-cause", "never-connected"]
    case.fail_without_stream(f"{case.net.server_ip}:{port}", [("send", 10057)], culprit="app")


def _healthy_error(case: Case, call: str) -> None:
    made = case.connect(case.serve())
    made.talk(case.rng.randrange(3, 8))
    case.needs_log = True
    case.fail_without_stream(made.endpoint, [(call, 10057)], culprit="app")
    for _ in range(3):
        case.pause(0.5, 2)
        made.talk(1)
    case.log.info("batch complete", time.time())


@scenario(
    "insufficient-evidence",
    "The capture holds only what the client sent: nothing can be said of the other direction.",
    protocols=("http", "pg", "bin", "redis"),
)
def one_direction(case: Case) -> None:
    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 3)
        abort(conn)

    made = case.connect(case.serve(manners))
    with contextlib.suppress(OSError):
        made.talk(4)
    case.extra["max_confidence"] = "low"
    case.extra["_only_source"] = case.net.client_ip
    case.acceptable += ["server-reset", "server-unresponsive", "no-network-cause", "never-connected"]
    case.fail(made, [("recv", 10054), ("recv", 10057)], culprit="unknown")


@scenario(
    "insufficient-evidence", "The capture was taken on another interface: the application's server never appears in it."
)
def wrong_interface(case: Case) -> None:
    where = f"203.0.113.{case.rng.randrange(2, 250)}:{case.port}"
    case.log.info(f"connected to {where}", time.time())
    case.pause(2, 6)
    case.needs_log = True
    case.extra["max_confidence"] = "low"
    case.acceptable += ["never-connected", "no-network-cause"]
    case.fail_without_stream(where, [("recv", 10054), ("recv", 10057)], culprit="unknown")


@scenario("insufficient-evidence", "The capture ended a minute before the error.", protocols=("http", "pg", "tds"))
def too_early(case: Case) -> None:
    made = case.connect(case.serve())
    made.talk(4)
    case.needs_log = True
    case.extra["max_confidence"] = "low"
    case.acceptable += ["never-connected", "no-network-cause"]
    later = time.time() + case.rng.uniform(300, 3000)
    case.incident_later(made.endpoint, "send", later)

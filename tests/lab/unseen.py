"""Errors that no TCP connection explains, or that the capture cannot show."""

from __future__ import annotations

import contextlib
import socket
import struct
import time

from tests.lab.case import Case, scenario
from tests.lab.programs import Server, abort


@scenario(
    "neighbour-unresolved", "The server is on the client's own cable and does not answer ARP: no SYN ever leaves."
)
def neighbour(case: Case) -> None:
    target = f"{case.net.client_net}.{case.rng.randrange(123, 250)}"
    case.log.say(f"connecting to {target}:{case.port}", time.time())
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
    case.log.say(f"resolving {name}", time.time())
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
    case.name_endpoint()
    case.pause(3, 8)
    case.log.say("flushing queue", time.time())
    case.needs_log = True
    where = f"{case.rng.choice((case.net.server_ip, case.net.absent_address()))}:{case.port}"
    case.fail_without_stream(where, [(case.rng.choice(("send", "shutdown", "getpeername")), 10057)], culprit="app")


@scenario(
    "no-network-cause",
    "The connection is healthy before, during and after; the app calls recv/send on a listening or "
    "otherwise wrong socket.",
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
    case.name_endpoint()
    port = case.rng.choice((8081, 9100, 47808))
    listener = case.net.client.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((case.net.client_ip, port))
    listener.listen(5)
    case.keep(listener)
    outside = case.net.server.socket()
    outside.bind((case.net.server_ip, case.rng.randrange(49152, 65535)))
    case.related.append(((case.net.server_ip, outside.getsockname()[1], case.net.client_ip, port), time.time()))
    outside.connect((case.net.client_ip, port))
    case.keep(outside)
    accepted, _ = listener.accept()
    case.keep(accepted)
    case.log.say(f"client accepted on port {port}", time.time())
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
    case.name_endpoint()
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
    case.log.say("batch complete", time.time())


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
    case.log.say(f"connected to {where}", time.time())
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

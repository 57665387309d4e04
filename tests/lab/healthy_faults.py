"""Captures without an incident in which the network misbehaves and everything comes right."""

from __future__ import annotations

import socket
import threading
import time

from tests.lab.case import Case, scenario
from tests.lab.healthy import STORY, done, open_session
from tests.lab.path import ACK, DROP, SYN, Packet, Verdict, build_reset
from tests.lab.programs import Server, read_some


@scenario("healthy", f"{STORY} (a lost SYN is repeated and the connection comes up).")
def lost_syn(case: Case) -> None:
    lost: list[float] = []
    which = case.rng.choice((SYN, SYN | ACK))

    def lose(packet: Packet) -> Verdict:
        if packet.flags & (SYN | ACK) == which and packet.flags & SYN and len(lost) < 1:
            lost.append(packet.at)
            return DROP
        return None

    case.only(lose)
    made = open_session(case, case.serve())
    made.talk(5)
    made.sock.close()
    done(case)


@scenario("healthy", f"{STORY} (packet loss with recovery).", protocols=("bin", "http"))
def loss(case: Case) -> None:
    def pour(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 1)
        conn.recv(1000)
        for _ in range(30):
            conn.sendall(bytes(3000))
            time.sleep(0.05)
        conn.close()

    rate = case.rng.choice((0.02, 0.05))
    case.only(lambda packet: DROP if not packet.flags & SYN and case.rng.random() < rate else None)
    made = open_session(case, case.serve(pour))
    made.talk(1)
    made.sock.sendall(made.protocol.request(made.rng))
    made.sock.settimeout(20)
    while made.sock.recv(65536):
        pass
    made.sock.close()
    time.sleep(2)
    done(case, "download done")


@scenario("healthy", f"{STORY} (a short outage in mid-transfer that heals).", protocols=("bin", "http", "pg"))
def outage(case: Case) -> None:
    made = open_session(case, case.serve())
    made.talk(3)
    hole = case.black_hole()
    threading.Timer(case.rng.choice((1.0, 3.0, 6.0)), lambda: case.net.path.remove(hole)).start()
    made.ask(timeout=30)
    made.talk(2)
    done(case)


@scenario("healthy", f"{STORY} (packets overtake each other).", protocols=("bin", "http"))
def reordered(case: Case) -> None:
    def pour(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 1)
        conn.recv(1000)
        for _ in range(15):
            conn.sendall(bytes(5000))
            time.sleep(0.03)
        conn.close()

    case.only(lambda packet: 0.004 if packet.payload and case.rng.random() < 0.1 else None)
    made = open_session(case, case.serve(pour))
    made.talk(1)
    made.sock.sendall(made.protocol.request(made.rng))
    while made.sock.recv(65536):
        pass
    made.sock.close()
    done(case, "download done")


@scenario("healthy", f"{STORY} (a full receive window that opens again).", protocols=("bin", "http"))
def window_reopens(case: Case) -> None:
    def lazy(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 1)
        time.sleep(case.rng.uniform(2, 6))
        got = 0
        while got < 60_000:
            got += len(conn.recv(65536))
        conn.sendall(b"OK")
        conn.recv(10)
        conn.close()

    made = open_session(case, case.serve(lazy, receive_buffer=4096))
    made.talk(1)
    made.sock.settimeout(20)
    made.sock.sendall(bytes(60_000))
    read_some(made.sock, timeout=20)
    made.sock.close()
    done(case, "upload done")


@scenario(
    "healthy",
    f"{STORY} (a forged RST with a wrong sequence number is ignored, the connection goes on).",
    protocols=("http", "bin", "pg", "redis"),
)
def blind_reset(case: Case) -> None:
    count = [0]

    def decide(packet: Packet) -> Verdict:
        if packet.up and packet.payload:
            count[0] += 1
            if count[0] == 3:
                forged = build_reset(packet, back=True, ttl=200, seq_offset=case.rng.choice((-5000, 900000, 2**31)))
                case.net.path.send(forged, up=False)
        return None

    case.only(decide)
    made = open_session(case, case.serve())
    made.talk(7)
    made.sock.close()
    done(case)

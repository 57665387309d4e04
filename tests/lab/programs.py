"""The two programs that talk: a threaded server whose manners a cause may replace, and a client session."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Callable

from tests.lab.kernel import Namespace
from tests.lab.protocols import Protocol

__all__ = ["Serve", "Server", "Session", "abort", "forget", "read_some"]

Serve = Callable[["Server", socket.socket], None]
_TCP_REPAIR = 19


def abort(sock: socket.socket) -> None:
    """Close with a reset (SO_LINGER with no time)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def forget(sock: socket.socket) -> None:
    """Destroy the connection without a word, as a power cut would (TCP_REPAIR, Linux)."""
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
    sock.close()


def read_some(sock: socket.socket, enough: int = 1, timeout: float = 10.0) -> bytes:
    """Read until ``enough`` bytes came or the peer closed. Raises TimeoutError."""
    sock.settimeout(timeout)
    data = b""
    while len(data) < enough:
        piece = sock.recv(262144)
        if not piece:
            break
        data += piece
    return data


class Server:
    """Listens and gives every connection to ``manners``; by default it answers each request."""

    def __init__(
        self,
        namespace: Namespace,
        address: str,
        port: int,
        protocol: Protocol,
        rng: random.Random,
        manners: Serve | None = None,
        *,
        backlog: int = 32,
        accepting: bool = True,
        receive_buffer: int = 0,
    ) -> None:
        self.protocol, self.rng, self.address, self.port = protocol, rng, address, port
        self.accepted: list[socket.socket] = []
        self.arrived = threading.Event()
        self._manners = manners or Server.answer
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = namespace.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.listener.bind((address, port))
        self.listener.listen(backlog)
        if accepting:
            threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted.append(conn)
            self.arrived.set()
            threading.Thread(target=self._run, args=(conn,), daemon=True).start()

    def _run(self, conn: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._manners(self, conn)

    def answer(self, conn: socket.socket) -> None:
        """Greet, answer every request, close when the client does."""
        self.greet(conn)
        while data := conn.recv(262144):
            conn.sendall(self.protocol.respond(self.rng, data))
        conn.close()

    def greet(self, conn: socket.socket) -> None:
        """Say the protocol's greeting, where it has one."""
        if self.protocol.greeting:
            conn.sendall(self.protocol.greeting(self.rng))

    def answer_some(self, conn: socket.socket, count: int) -> None:
        """Answer so many requests (logins included), then return with the connection open."""
        self.greet(conn)
        for _ in range(count + len(self.protocol.login)):
            data = conn.recv(262144)
            if not data:
                return
            conn.sendall(self.protocol.respond(self.rng, data))

    def close_listener(self) -> None:
        """Stop listening; established connections stay."""
        # a blocked accept keeps the port open until it returns
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Session:
    """One connection of the client program."""

    def __init__(self, sock: socket.socket, protocol: Protocol, rng: random.Random) -> None:
        self.sock, self.protocol, self.rng = sock, protocol, rng
        self.opened = time.time()
        self.ends: tuple[str, int, str, int] = ("", 0, "", 0)

    def connect(self, address: str, port: int, timeout: float = 10.0) -> Session:
        """Connect; raises what the socket raises. ``ends`` is known afterwards even when it fails."""
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(timeout)
        self.opened = time.time()
        here = self.sock.getsockname()
        self.ends = (str(here[0]), int(here[1]), address, port)
        self.sock.connect((address, port))
        return self

    def login(self) -> None:
        """Read the greeting and go through the login."""
        if self.protocol.greeting:
            read_some(self.sock)
        for line in self.protocol.login:
            self.sock.sendall(line)
            read_some(self.sock)

    def ask(self, timeout: float = 10.0) -> bytes:
        """One request and its answer."""
        self.sock.sendall(self.protocol.request(self.rng))
        data = read_some(self.sock, timeout=timeout)
        while b"Content-Length: " in data[:400]:
            head, _, body = data.partition(b"\r\n\r\n")
            missing = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]) - len(body)
            if missing <= 0:
                break
            more = read_some(self.sock, missing, timeout)
            if not more:
                break
            data += more
        return data

    def talk(self, count: int, pause: tuple[float, float] = (0.12, 0.45)) -> None:
        """Several requests with pauses of a person or a timer between them."""
        for _ in range(count):
            self.ask()
            time.sleep(self.rng.uniform(*pause))

    @property
    def port(self) -> int:
        """The client's port."""
        return self.ends[1]

    @property
    def endpoint(self) -> str:
        """``address:port`` of the server, as a log shows it."""
        return f"[{self.ends[2]}]:{self.ends[3]}" if ":" in self.ends[2] else f"{self.ends[2]}:{self.ends[3]}"

    @property
    def client(self) -> str:
        """``address:port`` of the client."""
        return f"[{self.ends[0]}]:{self.ends[1]}" if ":" in self.ends[0] else f"{self.ends[0]}:{self.ends[1]}"

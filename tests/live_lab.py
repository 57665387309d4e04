"""Real programs in namespaces that run into real causes while ``notconn live`` watches the client's interface."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.lab.kernel import Namespace
from tests.lab.network import Network, Traits
from tests.lab.path import DROP, RST, Packet, Verdict, build_reset
from tests.lab.programs import Server, Session
from tests.lab.protocols import PROTOCOLS

ROOT = Path(__file__).resolve().parents[1]
SILENCE_S = 24.0
_LIMIT_S = 12


def why_not() -> str | None:
    """Why namespaces cannot be made here; None where they can."""
    if sys.platform != "linux":
        return "network namespaces need Linux"
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("ip", "nft"):
        if shutil.which(program) is None:
            return f"network namespaces need the program {program}"
    try:
        Namespace()
        if not Path("/dev/net/tun").exists():
            return "network namespaces need /dev/net/tun"
    except OSError as error:
        return f"network namespaces cannot be made here ({error})"
    return None


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own; the test is skipped where none can be mounted."""
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True
    ).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write into a file until the disk is full."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as stream:
        while stream.write(bytes(4096)):
            pass


class Watched:
    """A running ``notconn live`` whose JSON lines are read as they come."""

    def __init__(self, namespace: Namespace | None, *arguments: str, stdin: int | None = None) -> None:
        command = [sys.executable, "-m", "analyzer.cli.main", "live", "--format", "json", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with namespace.entered() if namespace is not None else contextlib.nullcontext():
            self.process = subprocess.Popen(
                command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
            )
        self.events: list[dict[str, object]] = []
        self.errors = ""
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            event["heard"] = time.time()
            with self._changed:
                self.events.append(event)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, fits: Callable[[dict[str, object]], bool], timeout: float) -> dict[str, object] | None:
        """The first event that fits, as soon as it is there; None after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                found = next((event for event in self.events if fits(event)), None)
                left = deadline - time.monotonic()
                if found is not None or left <= 0 or not self._reader.is_alive():
                    return found
                self._changed.wait(left)

    def wait_kind(self, kind: str, timeout: float = 20.0) -> dict[str, object]:
        """The first event of a kind; fails with what the program said."""
        found = self.wait_for(lambda event: event["event"] == kind, timeout)
        assert found is not None, (kind, self.events, self.process.poll())
        return found

    def of(self, *kinds: str) -> list[dict[str, object]]:
        """Events of these kinds so far."""
        return [event for event in self.events if event["event"] in kinds]

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait(10)
        self._reader.join(5)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def finish(self, number: int = signal.SIGTERM, timeout: float = 30.0) -> int:
        """Send a signal, unless it has said that it ends, and wait for that; the exit code."""
        if self.process.poll() is None and not self.of("end"):
            self.process.send_signal(number)
        code = self.process.wait(timeout)
        self._reader.join(5)
        assert self.process.stderr is not None
        if not self.process.stderr.closed:
            self.errors += self.process.stderr.read()
        return code


@dataclass(slots=True)
class Ran:
    """One connection that was made to fail, or to live."""

    cause: str | None
    """None: healthy."""
    client: str
    server: str
    decisive: float
    """When the last thing that the cause needs happened, by this machine's clock."""


@dataclass(slots=True)
class Stage:
    """The network and the plays on it, each on a server port of its own."""

    network: Network
    ran: list[Ran] = field(default_factory=list)
    _servers: list[Server] = field(default_factory=list)
    _sessions: list[Session] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def build(cls, seed: int = 7) -> Stage:
        """A small quiet network."""
        traits = Traits(64, 64, 64, 0.002, 2, offload=False, timestamps=False, linear_syn=0, jitter=0.0, loss=0.0)
        network = Network(random.Random(seed), traits)
        network.build()
        return cls(network)

    def serve(self, port: int, manners: Callable[[Server, socket.socket], None] | None = None) -> Server:
        """A server program."""
        net = self.network
        made = Server(net.server, net.server_ip, port, PROTOCOLS["redis"], random.Random(port), manners)
        self._servers.append(made)
        return made

    def connect(self, server: Server) -> Session:
        """A connected client program."""
        made = self.session()
        return made.connect(server.address, server.port)

    def session(self) -> Session:
        """An unconnected one."""
        made = Session(self.network.client_socket(), PROTOCOLS["redis"], random.Random(1))
        self._sessions.append(made)
        return made

    def done(self, cause: str | None, made: Session, decisive: float) -> None:
        """Note what was made."""
        with self._lock:
            self.ran.append(Ran(cause, made.client, made.endpoint, decisive))

    def rule(self, port: int, decide: Callable[[Packet], Verdict]) -> None:
        """A box on the path that cares for one server port."""
        self.network.path.add(lambda packet: decide(packet) if packet.server_port == port else None)

    def firewall(self, drop_port: int, reset_port: int) -> None:
        """A router with conntrack that forgets idle connections of two ports after a few seconds."""
        router = self.network.router1
        chains = ""
        for name, otherwise in (("d", "drop"), ("r", "reject with tcp reset")):
            chains += (
                f"chain {name} {{ ct state established accept; "
                f"tcp flags & (syn|ack|rst|fin) == syn ct state new accept; {otherwise}; }} "
            )
        router.nft(
            f"table ip f {{ {chains}chain c {{ type filter hook forward priority 0; "
            f"tcp dport {drop_port} jump d; tcp sport {drop_port} jump d; "
            f"tcp dport {reset_port} jump r; tcp sport {reset_port} jump r; }} }}"
        )
        router.sysctl(
            netfilter__nf_conntrack_tcp_timeout_established=_LIMIT_S,
            netfilter__nf_conntrack_tcp_timeout_unacknowledged=_LIMIT_S,
            netfilter__nf_conntrack_tcp_loose=0,
        )

    def close(self) -> None:
        """End everything."""
        self.network.path.stop()
        for made in self._sessions:
            made.sock.close()
        for server in self._servers:
            server.close_listener()
            for conn in server.accepted:
                conn.close()

    def play(self, plays: Sequence[Callable[[Stage], None]]) -> None:
        """Run plays at once and wait for their ends."""
        failures: list[BaseException] = []

        def run(one: Callable[[Stage], None]) -> None:
            try:
                one(self)
            except BaseException as error:  # noqa: BLE001 - told by the test below
                failures.append(error)

        threads = [threading.Thread(target=run, args=(one,)) for one in plays]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]


def idle_drop(stage: Stage) -> None:
    made = stage.connect(stage.serve(6101))
    made.talk(3)
    time.sleep(SILENCE_S)
    started = time.time()
    with contextlib.suppress(OSError):
        made.ask(timeout=7)
    stage.done("firewall-idle-drop", made, started)


def idle_reset(stage: Stage) -> None:
    made = stage.connect(stage.serve(6102))
    made.talk(3)
    time.sleep(SILENCE_S)
    started = time.time()
    with contextlib.suppress(OSError):
        made.ask(timeout=5)
    stage.done("firewall-idle-reset", made, started)


def server_idle_timeout(stage: Stage) -> None:
    limit = 15.0

    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 3)
        time.sleep(limit)
        conn.close()

    made = stage.connect(stage.serve(6103, manners))
    made.talk(3)
    time.sleep(limit + 3)
    started = time.time()
    with contextlib.suppress(OSError):
        made.ask(timeout=3)
    stage.done("server-idle-timeout", made, started)


def fin_ignored(stage: Stage) -> None:
    def manners(server: Server, conn: socket.socket) -> None:
        server.answer_some(conn, 2)
        conn.close()

    made = stage.connect(stage.serve(6104, manners))
    made.talk(2)
    time.sleep(2)
    started = time.time()
    with contextlib.suppress(OSError):
        made.ask(timeout=3)
    stage.done("server-closed-then-client-sent", made, started)


def refused(stage: Stage) -> None:
    made = stage.session()
    started = time.time()
    with contextlib.suppress(OSError):
        made.connect(stage.network.server_ip, 6105)
    stage.done("connection-refused", made, started)


def syn_lost(stage: Stage) -> None:
    stage.rule(6106, lambda _packet: DROP)
    stage.serve(6106)
    made = stage.session()
    with contextlib.suppress(OSError):
        made.connect(stage.network.server_ip, 6106, timeout=16)
    # the connection is lost when the program gives up, not before
    stage.done("connection-timed-out", made, time.time())


def path_lost(stage: Stage) -> None:
    made = stage.connect(stage.serve(6107))
    made.talk(6)
    stage.rule(6107, lambda _packet: DROP)
    started = time.time()
    with contextlib.suppress(OSError):
        made.ask(timeout=10)
    stage.done("path-lost", made, started)


def injected_reset(stage: Stage) -> None:
    seen = [0]

    def decide(packet: Packet) -> Verdict:
        if packet.up and packet.payload and not packet.flags & RST:
            seen[0] += 1
            if seen[0] == 4:
                path = stage.network.path
                path.send(build_reset(packet, back=True, ttl=120, ip_id=0x1234), up=False, after=path.delay)
                forged = build_reset(packet, back=False, ttl=120, seq_offset=len(packet.payload))
                path.send(forged, up=True, after=path.delay + 0.002)
        return None

    stage.rule(6108, decide)
    made = stage.connect(stage.serve(6108))
    with contextlib.suppress(OSError):
        made.talk(6)
    stage.done("middlebox-reset", made, time.time())


def healthy_chat(stage: Stage) -> None:
    server = stage.serve(6201)
    for _ in range(8):
        made = stage.connect(server)
        made.talk(4)
        made.sock.close()
        stage.done(None, made, time.time())
        time.sleep(1.5)


def healthy_idle(stage: Stage) -> None:
    made = stage.connect(stage.serve(6202))
    made.talk(2)
    time.sleep(SILENCE_S)
    made.talk(2)
    made.sock.close()
    stage.done(None, made, time.time())


def healthy_abort(stage: Stage) -> None:
    """A client that closes with unread data sends a RST: ordinary."""
    server = stage.serve(6203)
    for _ in range(3):
        made = stage.connect(server)
        made.talk(2)
        made.sock.shutdown(socket.SHUT_WR)
        time.sleep(0.3)
        made.sock.close()
        stage.done(None, made, time.time())
        time.sleep(2)


GUILTY = (idle_drop, idle_reset, server_idle_timeout, fin_ignored, refused, syn_lost, path_lost, injected_reset)
HEALTHY = (healthy_chat, healthy_idle, healthy_abort)

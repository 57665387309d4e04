"""The path between the two routers: delay, hops, loss, and whatever box a cause needs in the middle.

One thread reads IP packets from either router's TUN device, asks the rules, and writes them to the other one when
they are due. Rules see real packets of real connections and may drop, delay, change or answer them.
"""

from __future__ import annotations

import heapq
import os
import random
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

__all__ = [
    "ACK",
    "DROP",
    "FIN",
    "PSH",
    "RST",
    "SYN",
    "Packet",
    "Path",
    "Rule",
    "build_reset",
    "build_tcp",
    "checksum",
    "with_ports",
]

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass(frozen=True, slots=True)
class Packet:
    """One IP packet on the path. ``up`` is from the client's side to the server's."""

    raw: bytes
    up: bool
    at: float
    protocol: int = 0
    source: str = ""
    destination: str = ""
    ttl: int = 0
    source_port: int = 0
    destination_port: int = 0
    flags: int = 0
    seq: int = 0
    ack: int = 0
    payload: bytes = b""

    @classmethod
    def read(cls, raw: bytes, up: bool, at: float) -> Packet:
        """Decode addresses, ports and the TCP header; what cannot be decoded stays zero."""
        bare = cls(raw, up, at)
        if len(raw) < 20:
            return bare
        if raw[0] >> 4 == 4:
            start, protocol, ttl = (raw[0] & 15) * 4, raw[9], raw[8]
            source, destination = socket.inet_ntoa(raw[12:16]), socket.inet_ntoa(raw[16:20])
        elif raw[0] >> 4 == 6 and len(raw) >= 40:
            start, protocol, ttl = 40, raw[6], raw[7]
            source = socket.inet_ntop(socket.AF_INET6, raw[8:24])
            destination = socket.inet_ntop(socket.AF_INET6, raw[24:40])
        else:
            return bare
        bare = replace(bare, protocol=protocol, source=source, destination=destination, ttl=ttl)
        if protocol == 17 and len(raw) >= start + 8:
            ports = struct.unpack_from("!HH", raw, start)
            return replace(bare, source_port=ports[0], destination_port=ports[1], payload=raw[start + 8 :])
        if protocol != 6 or len(raw) < start + 20:
            return bare
        sport, dport, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", raw, start)
        return replace(
            bare,
            source_port=sport,
            destination_port=dport,
            flags=flags,
            seq=seq,
            ack=ack,
            payload=raw[start + (offset >> 4) * 4 :],
        )

    @property
    def server_port(self) -> int:
        """The port on the server's side."""
        return self.destination_port if self.up else self.source_port

    @property
    def client_port(self) -> int:
        """The port on the client's side."""
        return self.source_port if self.up else self.destination_port

    @property
    def server(self) -> str:
        """The address on the server's side."""
        return self.destination if self.up else self.source

    @property
    def end(self) -> int:
        """The sequence number after this segment."""
        return (self.seq + len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)) & 0xFFFFFFFF


class _Drop:
    pass


DROP = _Drop()
Verdict = None | float | bytes | _Drop
"""None: untouched; a number: seconds of extra delay; bytes: the packet to send instead; DROP."""
Rule = Callable[[Packet], Verdict]


def build_tcp(
    source: str,
    destination: str,
    source_port: int,
    destination_port: int,
    *,
    flags: int,
    seq: int,
    ack: int = 0,
    window: int = 0,
    ttl: int = 64,
    ip_id: int = 0,
    payload: bytes = b"",
) -> bytes:
    """An IPv4 TCP packet without options, checksums right."""
    here, there = socket.inet_aton(source), socket.inet_aton(destination)
    tcp = struct.pack("!HHIIBBHHH", source_port, destination_port, seq, ack, 0x50, flags, window, 0, 0) + payload
    pseudo = here + there + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), ip_id, 0x4000, ttl, 6, 0) + here + there
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + tcp


def build_reset(
    seen: Packet, *, back: bool, ttl: int, ip_id: int = 0, with_ack: bool = False, seq_offset: int = 0, window: int = 0
) -> bytes:
    """A forged reset made from a packet on its way: ``back`` to its sender, else ahead of it to its receiver."""
    if back:
        names = (seen.destination, seen.source, seen.destination_port, seen.source_port)
        seq, ack = seen.ack, seen.end
    else:
        names = (seen.source, seen.destination, seen.source_port, seen.destination_port)
        seq, ack = seen.seq, seen.ack
    flags = RST | (ACK if with_ack else 0)
    seq = (seq + seq_offset) & 0xFFFFFFFF
    return build_tcp(*names, flags=flags, seq=seq, ack=ack if with_ack else 0, ttl=ttl, ip_id=ip_id, window=window)


def with_ports(raw: bytes, *, source: int = 0, destination: int = 0) -> bytes:
    """The same IPv4 TCP packet with other ports, as a translating box sends it."""
    start = (raw[0] & 15) * 4
    tcp = bytearray(raw[start:])
    if source:
        tcp[0:2] = struct.pack("!H", source)
    if destination:
        tcp[2:4] = struct.pack("!H", destination)
    tcp[16:18] = b"\0\0"
    pseudo = raw[12:20] + struct.pack("!BBH", 0, 6, len(tcp))
    tcp[16:18] = struct.pack("!H", checksum(pseudo + bytes(tcp)))
    return raw[:start] + bytes(tcp)


class Path:
    """The thread in the middle.

    ``delay`` is one way, in seconds, and ``jitter`` is what a packet may be late beside it without being overtaken;
    ``loss`` is the share of packets that vanish by chance; ``hops`` is taken off the TTL each way beside what the
    kernel routers take.
    """

    def __init__(self, client_side: int, server_side: int, *, delay: float, hops: int) -> None:
        self.delay, self.hops = delay, hops
        self.jitter, self.loss = 0.0, 0.0
        self.rng = random.Random(0)
        self.rules: list[Rule] = []
        self._sides = {True: client_side, False: server_side}
        self._due: list[tuple[float, int, bool, bytes]] = []
        self._count = 0
        self._lock = threading.Lock()
        self._wake_read, self._wake_write = os.pipe()
        self._running = True
        self._last = {True: 0.0, False: 0.0}
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to forward."""
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait."""
        self._running = False
        os.write(self._wake_write, b".")
        self._thread.join(5)

    def add(self, rule: Rule) -> Rule:
        """Put a rule in front of the others; the first that answers decides."""
        self.rules = [rule, *self.rules]
        return rule

    def remove(self, rule: Rule) -> None:
        """Take a rule away."""
        self.rules = [each for each in self.rules if each is not rule]

    def send(self, raw: bytes, *, up: bool, after: float = 0.0) -> None:
        """Put a packet of our own on the way; ``up`` towards the server."""
        with self._lock:
            self._count += 1
            heapq.heappush(self._due, (time.monotonic() + after, self._count, up, raw))
        os.write(self._wake_write, b".")

    def _decide(self, packet: Packet) -> tuple[bytes, float] | None:
        for rule in self.rules:
            verdict = rule(packet)
            if verdict is None:
                continue
            if isinstance(verdict, _Drop):
                return None
            if isinstance(verdict, bytes):
                return verdict, 0.0
            return packet.raw, verdict
        return packet.raw, 0.0

    def _take(self, raw: bytes, up: bool) -> None:
        decided = self._decide(Packet.read(raw, up, time.monotonic()))
        if decided is None or self.rng.random() < self.loss:
            return
        raw, extra = decided
        raw = self._age(raw)
        due = time.monotonic() + self.delay + extra + self.rng.random() * self.jitter
        if extra == 0.0:
            # a queue keeps its order: only a packet that a rule held back may be overtaken
            due = max(due, self._last[up])
            self._last[up] = due
        with self._lock:
            self._count += 1
            heapq.heappush(self._due, (due, self._count, up, raw))

    def _age(self, raw: bytes) -> bytes:
        if not self.hops:
            return raw
        if raw[0] >> 4 == 4:
            head = bytearray(raw[:20])
            head[8] = max(1, head[8] - self.hops)
            head[10:12] = b"\0\0"
            head[10:12] = struct.pack("!H", checksum(bytes(head) + raw[20 : (raw[0] & 15) * 4]))
            return bytes(head) + raw[20:]
        return raw[:7] + bytes([max(1, raw[7] - self.hops)]) + raw[8:]

    def _run(self) -> None:
        watched = [self._sides[True], self._sides[False], self._wake_read]
        while self._running:
            with self._lock:
                wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else 1.0
            ready, _, _ = select.select(watched, [], [], wait)
            for fd in ready:
                if fd == self._wake_read:
                    os.read(fd, 4096)
                    continue
                for _ in range(64):
                    try:
                        raw = os.read(fd, 65535)
                    except (BlockingIOError, OSError):
                        break
                    self._take(raw, fd == self._sides[True])
            self._flush()

    def _flush(self) -> None:
        while True:
            with self._lock:
                if not self._due or self._due[0][0] > time.monotonic():
                    return
                _, _, up, raw = heapq.heappop(self._due)
            try:
                os.write(self._sides[not up], raw)
            except OSError:
                continue

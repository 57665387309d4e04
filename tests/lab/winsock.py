"""A TCP of our own on a raw socket, with the habits of Windows that the Linux kernel does not have.

The same SYN again half a second after each RST, data given up after five retransmissions with a RST, keepalive
probes of one byte, ten of them a second apart, no timestamps, one SYN schedule or the other. Habits and numbers from
Microsoft's pages on TCP/IP registry values, SIO_KEEPALIVE_VALS and Get-NetTCPSetting, and public captures of them.
"""

from __future__ import annotations

import random
import socket
import struct
import time
from dataclasses import dataclass, field

from tests.lab.kernel import Namespace
from tests.lab.path import ACK, FIN, PSH, RST, SYN, Packet, checksum

__all__ = ["GaveUpError", "RefusedError", "ResetError", "WinTcp", "hush_kernel"]

_SO_MARK, _MARK = 36, 7
_OPTIONS = bytes.fromhex("020405b4010303080101" + "0402")


class RefusedError(Exception):
    """Every SYN was answered with RST."""


class GaveUpError(Exception):
    """Nothing answered until the retransmissions were used up."""


class ResetError(Exception):
    """The connection was reset by the peer, or in its name."""


def hush_kernel(client: Namespace) -> None:
    """Keep the kernel from resetting connections it does not know: only our own resets carry the mark."""
    client.nft(
        "table ip w { chain o { type filter hook output priority 0; "
        f"tcp sport 64000-65535 tcp flags & rst == rst meta mark != {_MARK} drop; }} }}"
    )


@dataclass(slots=True)
class WinTcp:
    """One connection. Ports are 64000 and above, where ``hush_kernel`` keeps the kernel out."""

    namespace: Namespace
    local: str
    remote: str
    remote_port: int
    rng: random.Random
    modern: bool
    """SYNs after 1, 2, 4 and 8 s and five tries at a refusal; else after 3 and 6 s, and three tries."""
    port: int = field(init=False)
    opened: float = field(init=False, default=0.0)
    peer_closed: bool = field(init=False, default=False)
    _out: socket.socket = field(init=False)
    _in: socket.socket = field(init=False)
    _seq: int = field(init=False)
    _una: int = field(init=False)
    _rcv: int = field(init=False, default=0)
    _ident: int = field(init=False)
    _rto: float = field(init=False, default=0.3)
    _inbox: bytes = field(init=False, default=b"")

    def __post_init__(self) -> None:
        self.port = self.rng.randrange(64000, 65535)
        self._seq = self._una = self.rng.randrange(1 << 32)
        self._ident = self.rng.randrange(1 << 16)
        self._out = self.namespace.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._out.setsockopt(socket.SOL_SOCKET, _SO_MARK, _MARK)
        self._in = self.namespace.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)

    @property
    def ends(self) -> tuple[str, int, str, int]:
        """The four-tuple, the client's end first."""
        return self.local, self.port, self.remote, self.remote_port

    def _emit(self, flags: int, *, seq: int | None = None, payload: bytes = b"") -> None:
        options = _OPTIONS if flags & SYN else b""
        offset = (20 + len(options)) // 4 << 4
        window = 64240 if flags & SYN else 0 if flags & RST else 1026
        number = self._seq if seq is None else seq & 0xFFFFFFFF
        ack = self._rcv if flags & ACK else 0
        tcp = struct.pack("!HHIIBBHHH", self.port, self.remote_port, number, ack, offset, flags, window, 0, 0)
        tcp += options + payload
        addresses = socket.inet_aton(self.local) + socket.inet_aton(self.remote)
        total = checksum(addresses + struct.pack("!BBH", 0, 6, len(tcp)) + tcp)
        tcp = tcp[:16] + struct.pack("!H", total) + tcp[18:]
        self._ident = (self._ident + 1) & 0xFFFF
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), self._ident, 0x4000, 128, 6, 0) + addresses
        self._out.sendto(head + tcp, (self.remote, 0))

    def _next(self, until: float) -> Packet | None:
        """The next segment of this connection, or None when the time is over."""
        while (left := until - time.monotonic()) > 0:
            self._in.settimeout(left)
            try:
                raw = self._in.recv(65535)
            except TimeoutError:
                return None
            packet = Packet.read(raw, False, 0.0)
            if (packet.source, packet.source_port, packet.destination_port) == (*self.ends[2:], self.port):
                return packet
        return None

    def connect(self) -> WinTcp:
        """Handshake. Raises RefusedError or GaveUpError."""
        self.opened = time.time()
        waits = [1.0, 2.0, 4.0, 8.0, 6.0] if self.modern else [3.0, 6.0, 12.0]
        refusals, most = 0, 5 if self.modern else 3
        isn = self._seq
        for wait in waits:
            self._emit(SYN, seq=isn)
            until = time.monotonic() + wait
            while packet := self._next(until):
                if packet.flags & RST:
                    refusals += 1
                    if refusals == most:
                        raise RefusedError
                    time.sleep(0.5)
                    self._emit(SYN, seq=isn)
                    until = time.monotonic() + wait
                elif packet.flags & (SYN | ACK) == SYN | ACK:
                    self._seq = self._una = (isn + 1) & 0xFFFFFFFF
                    self._rcv = (packet.seq + 1) & 0xFFFFFFFF
                    self._emit(ACK)
                    return self
        raise GaveUpError

    def _take(self, packet: Packet) -> None:
        if packet.flags & RST:
            if packet.seq == self._rcv:
                raise ResetError
            return
        if packet.flags & ACK:
            self._una = packet.ack
        if packet.seq != self._rcv:
            if packet.payload or packet.end == self._rcv:
                self._emit(ACK)
            return
        if packet.payload or packet.flags & FIN:
            self._rcv = packet.end
            self._inbox += packet.payload
            self.peer_closed = self.peer_closed or bool(packet.flags & FIN)
            self._emit(ACK)

    def idle(self, seconds: float) -> None:
        """Let time pass, acknowledging what comes. Raises ResetError."""
        until = time.monotonic() + seconds
        while packet := self._next(until):
            self._take(packet)

    def send(self, data: bytes) -> None:
        """Send one segment and see it acknowledged; GaveUpError and a RST after five
        retransmissions. Raises ResetError.
        """
        seq = self._seq
        self._seq = (seq + len(data)) & 0xFFFFFFFF
        wait = self._rto
        for _ in range(6):
            self._emit(PSH | ACK, seq=seq, payload=data)
            until = time.monotonic() + wait
            while packet := self._next(until):
                self._take(packet)
                if self._una == self._seq:
                    return
            wait *= 2
        self._emit(RST | ACK)
        raise GaveUpError

    def ask(self, data: bytes, patience: float = 10.0) -> bytes:
        """Send and wait for an answer. Raises ResetError, GaveUpError, and TimeoutError when nobody answers what was
        acknowledged.
        """
        self._inbox = b""
        self.send(data)
        until = time.monotonic() + patience
        while not self._inbox:
            if self.peer_closed:
                return b""
            packet = self._next(until)
            if packet is None:
                raise TimeoutError
            self._take(packet)
        return self._inbox

    def keepalive(self, every: float, *, rounds: int) -> None:
        """Probes of one byte; after ten without an answer a RST and GaveUpError."""
        for _ in range(rounds):
            self.idle(every)
            for _ in range(10):
                self._emit(ACK, seq=self._seq - 1, payload=b"\0")
                packet = self._next(time.monotonic() + 1.0)
                if packet is not None:
                    self._take(packet)
                    break
            else:
                self._emit(RST | ACK)
                raise GaveUpError

    def close(self) -> None:
        """FIN; whatever comes within a second is acknowledged."""
        self._emit(FIN | ACK)
        self._seq = (self._seq + 1) & 0xFFFFFFFF
        self.idle(1.0)

    def abort(self) -> None:
        """RST."""
        self._emit(RST | ACK)

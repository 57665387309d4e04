"""A small language to write captures as conversations.

    conv = Conversation(client="10.0.0.5:50123", server="10.9.0.7:21", rtt_ms=20)
    conv.handshake()
    conv.server("220 ready\\r\\n")
    conv.client("USER batch\\r\\n")
    conv.wait("75s")
    conv.server_rst()
    conv.write(path)

The capture is taken on the client's host: what the client sends stands at the moment it is sent, what the server
sends stands one round trip later. Sequence numbers start just below the wrap, so that every test crosses it, and are
kept by the conversation, as are acknowledgments, IP identifications and times. ``captured=False`` keeps a packet out
of the capture though it arrived, ``arrives=False`` loses it on the way, and ``seq``, ``ack``, ``ttl`` overrule.
Several conversations and loose packets make one capture with ``write_pcap(path, conv.packets + other.packets)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from analyzer.seqnum import distance
from analyzer.units import NS, parse_duration
from tests.loose_packets import START_NS, Captured, arp, dns, write_pcap

__all__ = ["Captured", "Conversation", "Host", "arp", "dns", "nanoseconds", "write_pcap"]


def nanoseconds(duration: str | float) -> int:
    """``"75s"``, ``"200ms"``, ``"2h"``, or a number of seconds."""
    return parse_duration(duration) if isinstance(duration, str) else round(duration * NS)


@dataclass(slots=True)
class Host:
    """What a host's packets have in common as they appear in the capture."""

    ttl: int
    """As captured, so already lowered by the hops for a host that is far away."""
    mac: str
    ip_id: Literal["counter", "zero"] = "counter"
    next_id: int = 0x7FF0
    window: int = 1026

    def identify(self, bare: bool) -> int:
        """The next IP identification; kernels send 0 with a reset for no socket and with a SYN-ACK."""
        if bare or self.ip_id == "zero":
            return 0
        self.next_id = (self.next_id + 1) & 0xFFFF
        return self.next_id


@dataclass(frozen=True, slots=True)
class _Sent:
    seq: int
    flags: str
    payload: bytes
    window: int | None
    options: list[tuple[str, object]] | None


@dataclass(slots=True)
class _Side:
    address: str
    port: int
    host: Host
    next_seq: int
    acked: int | None = None
    """What this side acknowledges of the other; None before it heard a SYN."""
    last: _Sent | None = None
    """The last segment that took up sequence space."""


def _split(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return address.strip("[]"), int(port)


Who = Literal["client", "server"]


@dataclass(slots=True)
class Conversation:
    """One TCP connection as a client-side capture shows it. Methods return the index of the packet they wrote."""

    client_name: str
    server_name: str
    rtt_ns: int
    now: int
    packets: list[Captured] = field(default_factory=list)
    _sides: dict[str, _Side] = field(default_factory=dict)

    def __init__(
        self,
        client: str = "10.0.0.5:50123",
        server: str = "10.9.0.7:8080",
        *,
        rtt_ms: float = 20,
        start: str | int | None = None,
        client_isn: int = 0xFFFFFF80,
        server_isn: int = 0xFFFFFFC0,
        client_ttl: int = 128,
        server_ttl: int = 57,
        client_mac: str = "02:00:00:00:00:05",
        client_ip_id: Literal["counter", "zero"] = "counter",
        server_ip_id: Literal["counter", "zero"] = "counter",
    ) -> None:
        if isinstance(start, str):
            start = int(datetime.fromisoformat(start).timestamp()) * NS
        self.client_name, self.server_name = client, server
        self.rtt_ns, self.now, self.packets = round(rtt_ms * 10**6), START_NS if start is None else start, []
        here = Host(client_ttl, client_mac, client_ip_id)
        there = Host(server_ttl, "02:00:00:00:00:01", server_ip_id, 0xFFF8, 502)
        self._sides = {
            "client": _Side(*_split(client), here, client_isn),
            "server": _Side(*_split(server), there, server_isn),
        }

    # -- one packet ----------------------------------------------------------------------------------------------

    def segment(
        self,
        who: Who,
        flags: str = "A",
        payload: bytes | str = b"",
        *,
        seq: int | None = None,
        ack: int | None = None,
        window: int | None = None,
        ttl: int | None = None,
        ip_id: int | None = None,
        options: list[tuple[str, object]] | None = None,
        captured: bool = True,
        arrives: bool = True,
        after: str | float = 0,
        dont_fragment: bool = True,
    ) -> int:
        """Write one segment at the present moment plus ``after``; everything not given follows from the conversation.

        Flags are scapy's letters (``S A F R P U``). A segment that carries data, SYN or FIN at the next sequence
        number moves its sender on; if it ``arrives`` the other side acknowledges it from now on. Returns the
        packet's index in ``packets``, or -1 when it is not in the capture.
        """
        self.now += nanoseconds(after)
        mine, other = self._sides[who], self._sides["server" if who == "client" else "client"]
        data = payload.encode() if isinstance(payload, str) else payload
        number = mine.next_seq if seq is None else seq & 0xFFFFFFFF
        if ack is None:
            ack = (mine.acked or 0) if "A" in flags else 0
        length = len(data) + ("S" in flags) + ("F" in flags)
        end = (number + length) & 0xFFFFFFFF
        if number == mine.next_seq and length:
            mine.next_seq = end
            mine.last = _Sent(number, flags, data, window, options)
        if arrives and length and (other.acked is None or distance(other.acked, end) > 0):
            other.acked = end
        bare = "R" in flags and "A" not in flags
        identity = mine.host.identify(bare or "SA" in flags) if ip_id is None else ip_id
        if window is None:
            window = 0 if bare else mine.host.window
        tcp = TCP(
            sport=mine.port,
            dport=other.port,
            seq=number,
            ack=ack & 0xFFFFFFFF,
            flags=flags,
            window=window,
            options=options or [],
        )
        frame = self._envelope(who, tcp / Raw(data) if data else tcp, ttl, identity, dont_fragment)
        # the capture is the client's: what was lost on its way here is not in it
        return self._keep(frame) if captured and (arrives or who == "client") else -1

    def _keep(self, frame: Packet) -> int:
        self.packets.append((self.now, bytes(frame)))
        return len(self.packets) - 1

    def _envelope(self, who: Who, inner: Packet, ttl: int | None, ip_id: int, dont_fragment: bool = True) -> Packet:
        mine, other = self._sides[who], self._sides["server" if who == "client" else "client"]
        hops = mine.host.ttl if ttl is None else ttl
        ether = Ether(src=mine.host.mac, dst=other.host.mac)
        if ":" in mine.address:
            return ether / IPv6(src=mine.address, dst=other.address, hlim=hops) / inner
        flags = "DF" if dont_fragment else 0
        return ether / IP(src=mine.address, dst=other.address, ttl=hops, id=ip_id, flags=flags) / inner

    # -- time ----------------------------------------------------------------------------------------------------

    def wait(self, duration: str | float) -> Conversation:
        """Nothing happens for so long."""
        self.now += nanoseconds(duration)
        return self

    def _round_trip(self) -> None:
        self.now += self.rtt_ns

    # -- opening -------------------------------------------------------------------------------------------------

    def syn(self, *, arrives: bool = True, captured: bool = True, mss: int = 1460) -> int:
        """The client's SYN, with the options that Windows sends."""
        options: list[tuple[str, object]] = [("MSS", mss), ("NOP", None), ("WScale", 8), ("NOP", None), ("NOP", None)]
        options.append(("SAckOK", b""))
        return self.segment("client", "S", options=options, window=64240, arrives=arrives, captured=captured)

    def syn_ack(self, *, arrives: bool = True, captured: bool = True, mss: int = 1460) -> int:
        """The server's SYN-ACK, one round trip later."""
        self._round_trip()
        options: list[tuple[str, object]] = [("MSS", mss), ("SAckOK", b""), ("NOP", None), ("WScale", 7)]
        return self.segment("server", "SA", options=options, window=64240, arrives=arrives, captured=captured)

    def handshake(self) -> Conversation:
        """SYN, SYN-ACK, ACK."""
        self.syn()
        self.syn_ack()
        self.segment("client", "A", after="40us")
        return self

    def refuse(self, *, ttl: int | None = None) -> int:
        """RST-ACK to the SYN (RFC 9293 section 3.5.2: sequence number 0)."""
        self._round_trip()
        return self.segment("server", "RA", seq=0, window=0, ttl=ttl, ip_id=0)

    # -- talking -------------------------------------------------------------------------------------------------

    def client(
        self,
        payload: bytes | str,
        *,
        acked: bool = True,
        arrives: bool = True,
        captured: bool = True,
        after: str | float = "10ms",
    ) -> int:
        """The client sends; the server acknowledges a round trip later unless ``acked`` is false."""
        index = self.segment("client", "PA", payload, arrives=arrives, captured=captured, after=after)
        if acked and arrives:
            self._round_trip()
            self.segment("server", "A")
        return index

    def server(
        self,
        payload: bytes | str,
        *,
        acked: bool = True,
        arrives: bool = True,
        captured: bool = True,
        after: str | float = "10ms",
    ) -> int:
        """The server sends; the client acknowledges at once unless ``acked`` is false."""
        index = self.segment("server", "PA", payload, arrives=arrives, captured=captured, after=after)
        if acked and arrives:
            self.segment("client", "A", after="40us")
        return index

    def exchange(
        self, request: bytes | str = b"GET / HTTP/1.1\r\n\r\n", answer: bytes | str = b"HTTP/1.1 200 OK\r\n\r\n"
    ) -> None:
        """A request and its answer, every byte acknowledged."""
        self.client(request)
        self.server(answer)

    def ack(self, who: Who, *, window: int | None = None, after: str | float = "1ms") -> int:
        """A bare acknowledgment; with ``window=0`` a closed window."""
        return self.segment(who, "A", window=window, after=after)

    def retransmit(
        self, who: Who = "client", *, after: str | float = "300ms", arrives: bool = True, captured: bool = True
    ) -> int:
        """The last segment of that side that took sequence space, once more."""
        last = self._sides[who].last
        if last is None:
            raise ValueError(f"the {who} has sent nothing that could be sent again")
        return self.segment(
            who,
            last.flags,
            last.payload,
            seq=last.seq,
            window=last.window,
            options=last.options,
            after=after,
            arrives=arrives,
            captured=captured,
        )

    def unanswered(self, times: int = 5, *, who: Who = "client", first: str | float = "300ms") -> list[int]:
        """The last segment again and again, each time after twice the wait (RFC 6298 section 5.5)."""
        wait = nanoseconds(first)
        found = []
        for _ in range(times):
            found.append(self.retransmit(who, after=wait / NS, arrives=False))
            wait *= 2
        return found

    def keepalive(
        self, who: Who = "client", *, answered: bool = True, garbage: bool = True, after: str | float = 0
    ) -> int:
        """A probe one below the next sequence number (RFC 9293 section 3.8.4); Windows' carry one byte of garbage."""
        mine = self._sides[who]
        index = self.segment(who, "A", b"\0" if garbage else b"", seq=mine.next_seq - 1, after=after)
        if answered:
            self._round_trip()
            self.segment("server" if who == "client" else "client", "A")
        return index

    # -- ending --------------------------------------------------------------------------------------------------

    def fin(self, who: Who, *, acked: bool = True, after: str | float = "10ms") -> int:
        """That side closes its half."""
        index = self.segment(who, "FA", after=after)
        if acked:
            if who == "client":
                self._round_trip()
            self.segment("server" if who == "client" else "client", "A", after="40us")
        return index

    def close(self, first: Who = "client") -> None:
        """A graceful close, begun by ``first``."""
        self.fin(first)
        self.fin("server" if first == "client" else "client")

    def client_rst(self, *, with_ack: bool = True, after: str | float = "1ms") -> int:
        """The client aborts; without the ACK it is the answer of a host that knows no such connection."""
        return self.segment("client", "RA" if with_ack else "R", window=0, after=after)

    def server_rst(self, *, with_ack: bool = True, ttl: int | None = None, after: str | float = 0) -> int:
        """The server aborts (RST-ACK), or its kernel denies the connection (bare RST); a round trip from now."""
        self._round_trip()
        return self.segment("server", "RA" if with_ack else "R", window=0, ttl=ttl, after=after)

    def middlebox_rst(
        self,
        toward: Literal["client", "server", "both"] = "client",
        *,
        ttl: int = 200,
        ip_id: int = 0,
        seq_offset: int = 0,
        with_ack: bool = False,
        after: str | float = "2ms",
    ) -> int:
        """A reset forged in the other side's name. What a box sends to the server is not seen on the client's host."""
        if toward == "server":
            return -1
        seq = self._sides["server"].next_seq + seq_offset
        flags = "RA" if with_ack else "R"
        return self.segment("server", flags, seq=seq, window=0, ttl=ttl, ip_id=ip_id, after=after)

    # -- beside TCP ----------------------------------------------------------------------------------------------

    def icmp(
        self, code: int = 1, *, router: str = "10.0.0.1", kind: int = 3, ttl: int = 254, after: str | float = "2ms"
    ) -> int:
        """An ICMP error that quotes the client's last segment: header and eight bytes (RFC 792), IPv6 the whole."""
        self.now += nanoseconds(after)
        mine = self._sides["client"]
        sent = next(
            frame
            for _, frame in reversed(self.packets)
            if (packet := Ether(frame)).haslayer(TCP) and packet[TCP].sport == mine.port
        )
        ether = Ether(src="02:00:00:00:00:01", dst=mine.host.mac)
        error: Packet
        if ":" in mine.address:
            error = IPv6(src=router, dst=mine.address, hlim=ttl) / ICMPv6DestUnreach(code=code) / Raw(sent[14:])
        else:
            error = IP(src=router, dst=mine.address, ttl=ttl, id=7) / ICMP(type=kind, code=code) / Raw(sent[14:42])
        return self._keep(ether / error)

    # -- out -----------------------------------------------------------------------------------------------------

    def write(self, path: Path | str) -> Path:
        """Write this conversation alone as a capture file."""
        return write_pcap(path, self.packets)

"""Packets beside a conversation, and the file they all end in; ``tests.wire`` gives them out."""

from __future__ import annotations

import struct
from pathlib import Path

from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether

from analyzer.units import NS

__all__ = ["START_NS", "Captured", "arp", "dns", "write_pcap"]

Captured = tuple[int, bytes]
"""Nanoseconds since 1970 and the frame's bytes."""
START_NS = 1_772_000_000_000_000_000


def dns(
    name: str,
    *,
    client: str = "10.0.0.5",
    resolver: str = "10.0.0.2",
    rcode: int | None = 0,
    answer: str = "10.9.0.7",
    at: int = START_NS,
    ident: int = 0x2A2A,
) -> list[Captured]:
    """A question and its answer; ``rcode=None`` leaves the question unanswered."""
    here, there = "02:00:00:00:00:05", "02:00:00:00:00:01"
    ask = IP(src=client, dst=resolver, ttl=128) / UDP(sport=53111, dport=53)
    question = Ether(src=here, dst=there) / ask / DNS(id=ident, rd=1, qd=[DNSQR(qname=name)])
    packets = [(at, bytes(question))]
    if rcode is not None:
        records = [DNSRR(rrname=name, rdata=answer, ttl=300)] if rcode == 0 else []
        reply = IP(src=resolver, dst=client, ttl=63) / UDP(sport=53, dport=53111)
        body = DNS(id=ident, qr=1, rd=1, ra=1, rcode=rcode, qd=[DNSQR(qname=name)], an=records)
        packets.append((at + 12_000_000, bytes(Ether(src=there, dst=here) / reply / body)))
    return packets


def arp(
    target: str,
    *,
    asker: str = "10.0.0.5",
    answered: bool = False,
    times: int = 3,
    at: int = START_NS,
    mac: str = "02:00:00:00:00:05",
) -> list[Captured]:
    """Who has ``target``? Asked once a second by ``asker`` with the link-layer address ``mac``, answered or not."""
    here = mac
    ask = Ether(src=here, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=here, psrc=asker, pdst=target)
    packets = [(at + number * NS, bytes(ask)) for number in range(times)]
    if answered:
        there = "02:00:00:00:00:09"
        reply = Ether(src=there, dst=here) / ARP(op=2, hwsrc=there, psrc=target, hwdst=here, pdst=asker)
        packets = [packets[0], (at + 300_000, bytes(reply))]
    return packets


def write_pcap(path: Path | str, packets: list[Captured], *, link_type: int = 1, snap_length: int = 262144) -> Path:
    """Write frames, in order of time, as a pcap file with nanoseconds; frames beyond ``snap_length`` are cut."""
    target = Path(path)
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snap_length, link_type)]
    for at, frame in sorted(packets, key=lambda packet: packet[0]):
        kept = frame[:snap_length]
        parts.append(struct.pack("<IIII", at // NS, at % NS, len(kept), len(frame)) + kept)
    target.write_bytes(b"".join(parts))
    return target

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import ARP, GRE, CookedLinux, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from analyzer.endpoint import parse_address
from analyzer.redaction.frames import redact_frame
from analyzer.redaction.masks import Masks

KEY = bytes(range(32))
A, B, A6, B6 = "10.1.2.3", "198.51.100.7", "2001:db8::5", "2001:db8:1::7"
HERE, THERE = "00:1a:2b:3c:4d:5e", "00:1a:2b:99:88:77"
TEXT = b"USER alice\r\n"


def packed(text: str) -> bytes:
    found = parse_address(text)
    assert found is not None
    return found


def masked(frame: Packet, link_type: int = 1) -> bytes:
    raw = bytes(frame)
    after = redact_frame(raw, link_type, Masks(KEY))
    assert len(after) == len(raw)
    for gone in (packed(A), packed(B), packed(A6), packed(B6), b"alice",
                 bytes.fromhex(HERE.replace(":", "")), bytes.fromhex(THERE.replace(":", ""))):  # fmt: skip
        assert gone not in after
    return after


def segment(**more: object) -> Packet:
    options = [("NOP", None), ("NOP", None), ("Timestamp", (5, 6))]
    return TCP(sport=50000, dport=21, seq=7, ack=9, flags="PA", options=options, **more) / Raw(TEXT)


def right_checksums(packet: Packet) -> None:
    """Compare every checksum with the one that scapy would write."""
    for layer in (IP, TCP, UDP, ICMP):
        if packet.haslayer(layer):
            again = type(packet)(bytes(packet))
            field = again[layer]
            old, field.chksum = field.chksum, None
            assert type(packet)(bytes(again))[layer].chksum == old


@pytest.mark.parametrize(
    "frame",
    [
        Ether(src=HERE, dst=THERE) / IP(src=A, dst=B, id=77, ttl=57) / segment(),
        Ether(src=HERE, dst=THERE) / Dot1Q(vlan=7) / IP(src=A, dst=B, id=77, ttl=57) / segment(),
        Ether(src=HERE, dst=THERE) / IP(src=A, dst=B) / UDP(sport=5000, dport=53) / DNS(qd=[DNSQR(qname="a.corp")]),
        Ether(src=HERE, dst=THERE) / IP(src=A, dst=B) / ICMP(type=8) / Raw(b"alice"),
    ],
)  # fmt: skip
def test_right_checksums_stay_right_and_headers_stay(frame: Packet) -> None:
    after = Ether(masked(frame))
    right_checksums(after)
    before = Ether(bytes(frame))
    assert (after[IP].len, after[IP].id, after[IP].ttl) == (before[IP].len, before[IP].id, before[IP].ttl)
    if before.haslayer(TCP):
        for name in ("sport", "dport", "seq", "ack", "flags", "window", "options"):
            assert getattr(after[TCP], name) == getattr(before[TCP], name)
        assert bytes(after[TCP].payload).rstrip(b"\0") == b"USER xxxxx\r\n"


def test_wrong_checksums_stay_wrong_and_unfinished_ones_unfinished() -> None:
    wrong = Ether(masked(Ether(src=HERE, dst=THERE) / IP(src=A, dst=B) / segment(chksum=0x1234)))
    assert wrong[TCP].chksum != Ether(bytes(Ether(src=HERE, dst=THERE) / IP(src=wrong[IP].src, dst=wrong[IP].dst) /
        TCP(sport=50000, dport=21, seq=7, ack=9, flags="PA") / Raw(TEXT)))[TCP].chksum  # fmt: skip
    length = len(bytes(segment()))
    partial = sum(struct.unpack("!4H", packed(A) + packed(B))) + 6 + length
    partial = partial % 0xFFFF
    after = Ether(masked(Ether(src=HERE, dst=THERE) / IP(src=A, dst=B) / segment(chksum=partial)))
    expected = sum(struct.unpack("!4H", packed(after[IP].src) + packed(after[IP].dst))) + 6 + length
    assert after[TCP].chksum == expected % 0xFFFF


def test_ipv6_and_its_neighbours() -> None:
    right = IPv6(masked(IPv6(src=A6, dst=B6) / segment(), 101))
    again = IPv6(bytes(right))
    again[TCP].chksum = None
    assert IPv6(bytes(again))[TCP].chksum == right[TCP].chksum
    group = "ff02::1:ff00:7"
    ask = Ether(src=HERE, dst="33:33:ff:00:00:07") / IPv6(src=A6, dst=group) / ICMPv6ND_NS(tgt=B6)
    after = Ether(masked(ask / ICMPv6NDOptSrcLLAddr(lladdr=HERE)))
    masks = Masks(KEY)
    assert packed(after[ICMPv6ND_NS].tgt) == masks.address(packed(B6))
    assert packed(after[IPv6].dst)[13:] == packed(after[ICMPv6ND_NS].tgt)[13:]
    assert bytes.fromhex(after.dst.replace(":", "")) == b"\x33\x33" + packed(after[IPv6].dst)[12:]
    assert after[ICMPv6NDOptSrcLLAddr].lladdr == after.src
    tell = Ether(src=HERE, dst=THERE) / IPv6(src=B6, dst=A6) / ICMPv6ND_NA(tgt=B6) / ICMPv6NDOptDstLLAddr(lladdr=HERE)
    assert Ether(masked(tell))[ICMPv6NDOptDstLLAddr].lladdr == after.src


def test_arp_and_ethernet_get_the_same_addresses() -> None:
    after = Ether(masked(Ether(src=HERE, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=HERE, psrc=A, pdst=B)))
    assert after.dst == "ff:ff:ff:ff:ff:ff"
    assert after[ARP].hwsrc == after.src
    assert packed(after[ARP].psrc) == Masks(KEY).address(packed(A))


@pytest.mark.parametrize("version", [4, 6])
def test_an_icmp_error_quotes_the_masked_packet(version: int) -> None:
    if version == 4:
        frame = IP(src=B, dst=A) / ICMP(type=3, code=1) / IP(src=A, dst=B, id=5) / segment()
        after = IP(masked(frame, 101))
        quoted = IP(bytes(after[ICMP].payload))
        right_checksums(after)
    else:
        whole = IPv6(masked(IPv6(src=B6, dst=A6) / ICMPv6DestUnreach() / IPv6(src=A6, dst=B6) / segment(), 101))
        quoted = IPv6(bytes(whole[ICMPv6DestUnreach].payload))
        after = whole
    assert (quoted.src, quoted.dst) == (after.dst, after.src)
    assert quoted[TCP].seq == 7


@pytest.mark.parametrize(
    ("frame", "link_type"),
    [
        (CookedLinux(src=bytes.fromhex("001a2b3c4d5e") + b"\0\0", lladdrlen=6) / IP(src=A, dst=B) / segment(), 113),
        (Ether(src=HERE, dst=THERE) / IP(src=A, dst=B) / GRE() / IP(src=B, dst=A) / segment(), 1),
        (Ether(src=HERE, dst=THERE) / IP(src=A, dst=B) / UDP(dport=4789) / VXLAN(vni=3) /
         Ether(src=THERE, dst=HERE) / IP(src=B, dst=A) / segment(), 1),
        (Ether(src=HERE, dst=THERE) / IP(src=A, dst=B, proto=4) / IP(src=B, dst=A) / segment(), 1),
        (Ether(src=HERE, dst=THERE, type=0x88CC) / Raw(b"chassis alice"), 1),
        (Raw(b"\x02\0\0\0") / IP(src=A, dst=B) / segment(), 0),
        (Raw(b"\xff\x03\x00\x21") / IP(src=A, dst=B) / segment(), 9),
        (Raw(b"radio alice") / IP(src=A, dst=B) / segment(), 127),
    ],
)  # fmt: skip
def test_other_links_and_tunnels_leak_nothing(frame: Packet, link_type: int) -> None:
    masked(frame, link_type)


def test_unknown_options_lose_their_values() -> None:
    frame = (
        Ether(src=HERE, dst=THERE)
        / IP(src=A, dst=B, options=b"\x07\x07\x04" + packed(A))
        / TCP(options=[("MSS", 1460), (30, b"alice")])
    )
    after = Ether(masked(frame))
    assert ("MSS", 1460) in after[TCP].options
    assert (30, bytes(5)) in after[TCP].options


@given(st.binary(max_size=160), st.sampled_from([0, 1, 9, 101, 113, 127, 276]))
def test_any_bytes_keep_their_number_and_never_raise(data: bytes, link_type: int) -> None:
    assert len(redact_frame(data, link_type, Masks(KEY))) == len(data)


@given(st.integers(0, 120))
def test_a_frame_cut_anywhere_leaks_nothing(size: int) -> None:
    raw = bytes(Ether(src=HERE, dst=THERE) / IP(src=A, dst=B) / segment())[:size]
    after = redact_frame(raw, 1, Masks(KEY))
    assert len(after) == len(raw)
    for gone in (packed(A), packed(B), b"alice", bytes.fromhex(HERE.replace(":", ""))):
        assert gone not in after

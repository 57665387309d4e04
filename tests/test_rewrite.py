"""Each rewrite does what it says and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet

from tests import rewrite
from tests.rewrite import Capture
from tests.wire import Conversation


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    conv = Conversation()
    conv.handshake()
    for _ in range(5):
        conv.exchange(b"q" * 50, b"a" * 700)
    conv.syn()
    conv.icmp(1)
    return rewrite.read(conv.write(tmp_path / "plain.pcap"))


def sound(packet: Packet, outer: type[Packet]) -> bool:
    """Whether the checksums that stand in the packet are those it should have."""
    copy = packet.copy()
    if copy.haslayer(IP):
        copy[IP].chksum = None
    if copy.haslayer(TCP) and not copy.haslayer(ICMP):
        copy[TCP].chksum = None
    return bytes(outer(bytes(copy))) == bytes(packet)


def ports(packet: Packet) -> tuple[int, int, int, int]:
    return packet[TCP].sport, packet[TCP].dport, packet[TCP].seq, packet[TCP].ack


def plain(capture: Capture) -> list[Packet]:
    return [Ether(frame.data) for frame in capture.frames]


def test_reading_back_gives_the_same(capture: Capture, tmp_path: Path) -> None:
    assert rewrite.read(rewrite.write(tmp_path / "again.pcap", capture)) == capture


def test_a_file_that_is_no_capture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="neither"):
        rewrite.read(path)


def test_pcapng_of_the_shared_captures(shared: Path) -> None:
    first = next(iter(sorted((shared / "captures").glob("*/capture.pcapng"))))
    read = rewrite.read(first)
    assert read.link_type == rewrite.ETHERNET
    assert len(read.frames) > 10
    assert [frame.at_ns for frame in read.frames] == sorted(frame.at_ns for frame in read.frames)


@pytest.mark.parametrize("tags", [(7,), (100, 200)])
def test_tagged(capture: Capture, tags: tuple[int, ...]) -> None:
    changed = rewrite.tagged(capture, *tags)
    for old, frame in zip(plain(capture), changed.frames, strict=True):
        packet = Ether(frame.data)
        assert packet[Dot1Q].vlan == tags[-1]
        assert packet.haslayer(Dot1AD) == (len(tags) == 2)
        assert bytes(packet[IP]) == bytes(old[IP])
        assert frame.length == len(frame.data)


@pytest.mark.parametrize(("version", "layer"), [(1, CookedLinux), (2, CookedLinuxV2)])
def test_as_any(capture: Capture, version: int, layer: type[Packet]) -> None:
    changed = rewrite.as_any(capture, version=version)
    assert changed.link_type == {1: rewrite.ANY_LINUX, 2: rewrite.ANY_LINUX2}[version]
    for old, frame in zip(plain(capture), changed.frames, strict=True):
        packet = layer(frame.data)
        assert bytes(packet[IP]) == bytes(old[IP])
        assert packet.pkttype == (4 if old[IP].src == "10.0.0.5" else 0)


def test_as_raw(capture: Capture) -> None:
    changed = rewrite.as_raw(capture)
    assert changed.link_type == rewrite.RAW
    assert [frame.data for frame in changed.frames] == [frame.data[14:] for frame in capture.frames]


def test_as_ipv6(capture: Capture) -> None:
    changed = rewrite.as_ipv6(capture)
    old = [packet for packet in plain(capture) if not packet.haslayer(ICMP)]
    assert len(changed.frames) == len(old)
    for before, frame in zip(old, changed.frames, strict=True):
        packet = Ether(frame.data)
        assert ports(packet) == ports(before)
        assert packet[IPv6].hlim == before[IP].ttl
        assert packet[IPv6].src == {"10.0.0.5": "fd00::a00:5", "10.9.0.7": "fd00::a09:7"}[before[IP].src]
        assert sound(packet, Ether)


def test_translated(capture: Capture) -> None:
    changed = rewrite.translated(capture, "10.0.0.5", "198.51.100.9")
    for before, packet in zip(plain(capture), plain(changed), strict=True):
        assert "10.0.0.5" not in (packet[IP].src, packet[IP].dst)
        assert b"\x0a\x00\x00\x05" not in bytes(packet)
        assert len(packet) == len(before)
        assert sound(packet, Ether)


def test_routed(capture: Capture) -> None:
    packets = plain(rewrite.routed(capture))
    assert len(packets) == 2 * len(capture.frames)
    incoming = [packet for packet in packets if not packet.src.startswith("02:00:00:00:aa")]
    outgoing = [packet for packet in packets if packet.src.startswith("02:00:00:00:aa")]
    for before, after in zip(incoming, outgoing, strict=True):
        assert after[IP].ttl == before[IP].ttl - 1
        assert bytes(after[IP].payload) == bytes(before[IP].payload)
        assert sound(after, Ether)


def test_one_direction(capture: Capture) -> None:
    assert {packet[IP].src for packet in plain(rewrite.one_direction(capture, "10.9.0.7"))} == {"10.9.0.7"}


def test_cut_short(capture: Capture) -> None:
    changed = rewrite.cut_short(capture)
    assert max(len(frame.data) for frame in changed.frames) == 96
    assert [frame.length for frame in changed.frames] == [frame.length for frame in capture.frames]


def test_started_late(capture: Capture) -> None:
    assert rewrite.started_late(capture, frames=3).frames == capture.frames[3:]
    later = rewrite.started_late(capture, seconds=0.1).frames
    assert later == tuple(f for f in capture.frames if f.at_ns >= capture.frames[0].at_ns + 10**8)


def test_ended_before(capture: Capture) -> None:
    assert rewrite.ended_before(capture, 4).frames == capture.frames[:3]


def test_duplicated(capture: Capture) -> None:
    changed = rewrite.duplicated(capture)
    assert [frame.data for frame in changed.frames[::2]] == [frame.data for frame in capture.frames]
    assert [frame.data for frame in changed.frames[1::2]] == [frame.data for frame in capture.frames]


def test_lossy(capture: Capture) -> None:
    spare = frozenset({1, len(capture.frames)})
    changed = rewrite.lossy(capture, 0.5, seed=3, spare=spare)
    assert 2 <= len(changed.frames) < len(capture.frames)
    assert {capture.frames[0], capture.frames[-1]} <= set(changed.frames)
    assert changed == rewrite.lossy(capture, 0.5, seed=3, spare=spare)


def test_reordered(capture: Capture) -> None:
    changed = rewrite.reordered(capture, every=2)
    assert changed.frames != capture.frames
    assert set(changed.frames) == set(capture.frames)
    assert len(changed.frames) == len(capture.frames)


def test_bad_checksums(capture: Capture) -> None:
    changed = rewrite.bad_checksums(capture, "10.0.0.5")
    for before, packet in zip(plain(capture), plain(changed), strict=True):
        mine = packet[IP].src == "10.0.0.5"
        assert sound(packet, Ether) != mine
        assert ports(packet) == ports(before) if packet.haslayer(TCP) else True


def test_shifted(capture: Capture) -> None:
    changed = rewrite.shifted(capture, -3600)
    pairs = zip(capture.frames, changed.frames, strict=True)
    assert {old.at_ns - new.at_ns for old, new in pairs} == {3600 * 10**9}


def test_merged(capture: Capture) -> None:
    other = rewrite.shifted(rewrite.translated(capture, "10.0.0.5", "10.0.0.6"), 86400)
    changed = rewrite.merged(capture, other)
    assert len(changed.frames) == 2 * len(capture.frames)
    assert changed.frames[-1].at_ns == capture.frames[-1].at_ns
    times = [frame.at_ns for frame in changed.frames]
    assert times == sorted(times)
    with pytest.raises(ValueError, match="link types"):
        rewrite.merged(capture, rewrite.as_raw(other))


@pytest.mark.parametrize(
    "change",
    [
        rewrite.tagged,
        rewrite.as_any,
        rewrite.as_raw,
        rewrite.as_ipv6,
        rewrite.routed,
        rewrite.cut_short,
        rewrite.duplicated,
        rewrite.reordered,
        rewrite.bad_checksums,
        rewrite.merged,
    ],
)
def test_nothing_gives_nothing(change: Callable[[Capture], Capture]) -> None:
    assert change(Capture(rewrite.ETHERNET, ())).frames == ()

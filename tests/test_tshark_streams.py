"""Random packets, read by tshark and by us: the same frames are TCP, with the same streams and payload lengths."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from analyzer.decode import columns as col
from analyzer.flows.digest import Digest
from tests import test_decode_layers, test_decode_links, test_decode_tunnels
from tests.digesting import Packet, rows_of
from tests.test_capture_blocks import enhanced, record
from tests.test_capture_formats import SECTION, block
from tests.test_decode_tunnels import INNER4, ip, udp

TSHARK = shutil.which("tshark")
pytestmark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")


def version() -> tuple[int, int]:
    text = subprocess.run([str(TSHARK), "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = text.split()[2].split(".")[:2]
    return int(major), int(minor)


def theirs(path: Path) -> dict[int, tuple[int, int]]:
    fields = ["frame.number", "tcp.stream", "tcp.len", "icmp.type", "icmpv6.type", "tcp.hdr_len"]
    command = [str(TSHARK), "-r", str(path), "-T", "fields", "-E", "occurrence=l"]
    out = subprocess.run(
        command + [part for field in fields for part in ("-e", field)], capture_output=True, text=True, check=True
    ).stdout
    found = {}
    for line in out.splitlines():
        frame, stream, length, icmp, icmpv6, header = line.split("\t")
        if stream and not icmp and not icmpv6 and int(header) >= 20:
            found[int(frame)] = int(stream), int(length or 0)
    return found


def ours(path: Path) -> dict[int, tuple[int, int]]:
    digest, found = Digest(), {}
    for buffer, row in rows_of(path):
        digest.update(buffer, row, 1)
        if digest.entry_of(0) >= 0:
            found[row[col.ROW_REF] & 0xFFFFFFFFFF] = digest.entry_of(0), row[col.ROW_LENGTH]
    return found


def write(path: Path, frames: list[bytes], link: int = 1) -> Path:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)
    path.write_bytes(head + b"".join(record(frame) for frame in frames))
    return path


@pytest.mark.parametrize("seed", range(4))
def test_streams_of_nonsense(tmp_path: Path, seed: int) -> None:
    if version() >= (4, 2):
        pytest.skip("this tshark numbers streams by a later rule")
    choose = random.Random(seed)
    frames = []
    for _ in range(2000):
        ends = "10.0.0.1", choose.choice((1000, 1001, 1002, 80)), choose.choice(("10.0.0.2",) * 9 + ("10.0.0.1",)), 80
        if choose.random() < 0.4:
            ends = ends[2], ends[3], ends[0], ends[1]
        packet = Packet(
            *ends, flags=choose.choice((2, 2, 18, 16, 16, 16, 24, 17, 4, 20, 1, 0, 3, 6)), seq=choose.choice((99, 100, 101, 200)),
            ack=choose.choice((0, 99, 100, 101, 200)), payload=b"x" * choose.choice((0, 0, 1, 30)),
        )  # fmt: skip
        frame = bytearray(packet.ethernet())
        frame[14 + 32] = choose.choice((5,) * 12 + (0, 3, 4, 6, 15)) << 4
        if choose.random() < 0.12:
            quote = bytes(frame[14:])[: choose.choice((28, 34, 36, 38, 40, 60))]
            frame[14:] = ip(1, bytes((choose.choice((3, 11, 5, 4, 12)), 1)) + bytes(6) + quote)
        frames.append(bytes(frame))
    path = write(tmp_path / "x.pcap", frames)
    expected, found = theirs(path), ours(path)
    # tshark tells no payload length where the header is longer than the segment.
    assert {frame: stream for frame, (stream, _) in found.items()} == {frame: stream for frame, (stream, _) in expected.items()}


@pytest.mark.parametrize("seed", range(4))
def test_nested_packets(tmp_path: Path, seed: int) -> None:
    choose = random.Random(seed)
    frames = []
    for number in range(600):
        six = choose.random() < 0.4
        ends = ("2001:db8::5", "2001:db8::7") if six else ("10.0.0.5", "10.9.0.7")
        packet = Packet(
            ends[0], choose.choice((1111, 2222)), ends[1], 80, flags=choose.choice((2, 16, 24, 17)), seq=choose.randrange(1 << 32),
            payload=b"y" * choose.choice((0, 1, 50)), options=choose.choice((b"", bytes.fromhex("0101080a0000000100000002"))),
        )  # fmt: skip
        inner = packet.ethernet()
        body = inner[14:]
        for _ in range(choose.choice((0, 0, 1, 1, 2))):
            now_six = body[0] >> 4 == 6
            kind = bytes.fromhex("86dd" if now_six else "0800")
            body = choose.choice(
                (
                    ip(41 if now_six else 4, body), ip(41 if now_six else 4, body, 6), ip(47, b"\0\0" + kind + body),
                    ip(47, b"\x30\0" + kind + bytes(8) + body), udp(4789, b"\x08" + bytes(7) + INNER4[:12] + kind + body),
                    udp(2152, b"\x30\xff" + struct.pack("!HI", len(body), 1) + body), udp(6081, b"\0\0" + kind + bytes(4) + body),
                    ip(47, b"\0\0\x65\x58" + INNER4[:12] + kind + body),
                )
            )  # fmt: skip
        kind = bytes.fromhex("86dd" if body[0] >> 4 == 6 else "0800")
        link = choose.choice(
            (kind, bytes.fromhex("81000005") + kind, bytes.fromhex("88a8000581000006") + kind, bytes.fromhex("884700064001 00065101"),
             b"\x88\x64\x11\0\0\1" + struct.pack("!H", len(body) + 2) + (b"\0\x57" if body[0] >> 4 == 6 else b"\0\x21"))
        )  # fmt: skip
        if choose.random() < 0.1 and body[0] == 0x45 and len(body) > 60:
            where = 8 * choose.randint(1, (len(body) - 21) // 8)
            for start, stop, flag in ((0, where, 0x2000), (where, len(body) - 20, where // 8)):
                part = bytearray(body[:20]) + body[20 + start : 20 + stop]
                part[2:8] = struct.pack("!HHH", len(part), number, flag)
                frames.append(inner[:12] + link + bytes(part))
        else:
            frames.append(inner[:12] + link + body)
    path = write(tmp_path / "x.pcap", frames)
    assert ours(path) == theirs(path)


def test_what_the_decoder_is_tested_with_is_read_by_tshark_too(tmp_path: Path) -> None:
    def cases(test: Any) -> Any:
        return test.pytestmark[0].args[1]

    links, layers = test_decode_links, test_decode_layers
    frames = [(link, bytes.fromhex(head) + links.IP4) for link, head in cases(links.test_ipv4_over_every_link)]
    frames += [(link, bytes.fromhex(head) + links.IP6) for link, head in cases(links.test_ipv6_over_some_links)]
    frames += [(1, links.MACS + bytes.fromhex(after) + links.IP4) for after in cases(links.test_what_may_stand_between_ethernet_and_ip)]
    frames += [(1, links.MACS + bytes.fromhex(after) + links.IP4) for after in cases(layers.test_tags_before_the_ethertype_and_service_headers)]
    frames += [(1, links.MACS + bytes.fromhex(after) + layers.ETHER + links.IP4) for after in cases(layers.test_whole_frames_in_frames)]
    frames += [(107, bytes.fromhex(head) + links.IP4) for head in cases(layers.test_frame_relay)]
    for number, packet in enumerate(cases(test_decode_tunnels.test_the_innermost_header_counts)):
        # A port of its own, or tshark takes what one tunnel taught it of a host for another.
        fresh = packet[20:22] == struct.pack("!H", 40000)
        frames.append((101, packet[:20] + struct.pack("!H", 41000 + number) + packet[22:] if fresh else packet))
    faces = sorted({link for link, _ in frames})
    path = tmp_path / "x.pcapng"
    path.write_bytes(
        SECTION
        + b"".join(block(1, struct.pack("<HHI", link, 0, 0)) for link in faces)
        + b"".join(enhanced(frame, face=faces.index(link)) for link, frame in frames)
    )
    assert len(ours(path)) == len(frames)
    known = theirs(path)
    missed = Counter(link for number, (link, _) in enumerate(frames, 1) if number not in known)
    # Linux's number for IPv6 on loopback; a control word told by addresses; SLIP; Solaris' IPv6; a frame without check sum.
    assert missed == {0: 1, 1: 1, 8: 1, 226: 1, 274: 1}

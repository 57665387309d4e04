from __future__ import annotations

import gzip
import hashlib
import io
import struct
from pathlib import Path

import pytest

from analyzer.capture.file import MAX_HOSTS, iter_frames, read_capture
from analyzer.capture.model import NoteKind
from analyzer.errors import CaptureError
from tests.digesting import Packet
from tests.test_capture_blocks import HEADER, INTERFACE, SECTION, enhanced, record
from tests.test_capture_formats import block, option
from tests.test_decode_fragments import pieces
from tests.test_decode_tunnels import udp
from tests.wire import Conversation


@pytest.fixture
def ftp(tmp_path: Path) -> Path:
    conversation = Conversation(server="10.9.0.7:21")
    conversation.handshake()
    conversation.server("220 ready\r\n")
    conversation.client("PORT 10,0,0,5,195,80\r\n")
    conversation.server("227 Entering Passive Mode (10,9,0,7,195,80).\r\n")
    conversation.server("226 done\r\n")
    conversation.close()
    return conversation.write(tmp_path / "ftp.pcap")


def test_a_capture_is_described(ftp: Path) -> None:
    capture = read_capture(str(ftp))
    info = capture.info
    assert (info.path, info.format) == (str(ftp), "pcap")
    assert info.sha256 == hashlib.sha256(ftp.read_bytes()).hexdigest()
    assert info.packets == info.health.tcp_packets == capture.flows.flow(0).packets
    assert info.first_ns is not None
    assert info.last_ns is not None
    assert info.first_ns < info.last_ns
    assert info.hosts == (b"\x0a\0\0\5", b"\x0a\x09\0\7")
    assert info.health.dropped is None
    assert info.health.undecoded == {}
    assert info.health.cut is None


def test_ftp_lines_are_noted(ftp: Path) -> None:
    notes = read_capture(str(ftp)).notes
    assert [note.payload[:4] for note in notes] == [b"PORT", b"227 "]
    assert {note.kind for note in notes} == {NoteKind.FTP}
    assert (notes[0].source, notes[0].source_port, notes[0].destination_port) == (b"\x0a\0\0\5", 50123, 21)


def test_ftp_on_another_port_is_known_by_its_greeting(tmp_path: Path) -> None:
    conversation = Conversation(server="10.9.0.7:2121")
    conversation.handshake()
    conversation.server("220 ready\r\n")
    conversation.server("421 idle too long\r\n")
    notes = read_capture(str(conversation.write(tmp_path / "x.pcap"))).notes
    assert [note.payload[:3] for note in notes] == [b"421"]


@pytest.mark.parametrize("container", ["", "+gzip"])
def test_standard_input(ftp: Path, container: str) -> None:
    data = gzip.compress(ftp.read_bytes()) if container else ftp.read_bytes()
    capture = read_capture("-", stdin=io.BytesIO(data))
    assert (capture.info.path, capture.info.format) == ("-", f"pcap{container}")
    assert capture.info.sha256 == hashlib.sha256(data).hexdigest()
    assert len(capture.flows) == 1


def test_progress_and_no_hash(ftp: Path) -> None:
    told: list[tuple[int, int | None]] = []
    capture = read_capture(str(ftp), progress=lambda done, total: told.append((done, total)), hash_file=False)
    assert capture.info.sha256 == ""
    assert told[-1] == (ftp.stat().st_size, ftp.stat().st_size)


def test_health_of_a_pcapng() -> None:
    frame = Packet(payload=b"x" * 100).ethernet()
    statistics = block(5, struct.pack("<III", 0, 0, 0) + option(4, struct.pack("<Q", 9)) + option(5, struct.pack("<Q", 2)))
    data = SECTION + INTERFACE + enhanced(frame, extra=option(1, b"hm")) + enhanced(frame[:60], original=len(frame)) + enhanced(b"abc")
    data += block(9, b"journal") + statistics
    capture = read_capture("-", stdin=io.BytesIO(data))
    health = capture.info.health
    assert (capture.info.packets, health.tcp_packets, health.truncated, health.comments, health.dropped) == (4, 2, 1, 1, 2)
    assert health.undecoded == {"link-header-cut": 1, "no-packet-block": 1}
    assert capture.flows.flow(0).initiator.truncated == 1


def test_a_segment_in_fragments_stands_on_the_frame_that_completes_it() -> None:
    tcp = Packet(payload=b"p" * 700, seq=5).ethernet()[34:]
    frames = []
    for at in range(0, len(tcp), 240):
        packet = bytearray(pieces(4)[0][:20]) + tcp[at : at + 240]
        packet[2:4] = struct.pack("!H", len(packet))
        packet[6:8] = struct.pack("!H", at // 8 | (0x2000 if at + 240 < len(tcp) else 0))
        frames.append(bytes(packet))
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101) + b"".join(record(frame) for frame in frames)
    capture = read_capture("-", stdin=io.BytesIO(data))
    flow = capture.flows.flow(0)
    assert (flow.first_frame, flow.packets, flow.initiator.payload_bytes + flow.responder.payload_bytes) == (3, 1, 700)
    assert capture.info.health.undecoded == {"ip-fragment": 2}


def test_packets_of_a_foreign_link_type_are_refused_by_number() -> None:
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 249) + record(bytes(40))
    with pytest.raises(CaptureError, match=r"249 \(USB\)"):
        read_capture("-", stdin=io.BytesIO(data))


def test_hosts_and_notes_are_bounded() -> None:
    frames = [
        Packet(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 1, f"11.{n >> 16}.{n >> 8 & 255}.{n & 255}", 2).ethernet() for n in range(3000)
    ]
    capture = read_capture("-", stdin=io.BytesIO(HEADER + b"".join(record(frame) for frame in frames)))
    assert len(capture.info.hosts) == MAX_HOSTS
    assert len(capture.flows) == 3000


def test_frames_by_number(ftp: Path) -> None:
    whole = {frame.frame: frame for frame in iter_frames(str(ftp), range(1, 100))}
    some = list(iter_frames(str(ftp), {5, 2}))
    assert [frame.frame for frame in some] == [2, 5]
    assert some[0] == whole[2]
    assert some[0].captured_length == len(some[0].data) == some[0].original_length
    assert some[0].link_type == 1
    assert list(iter_frames(str(ftp), ())) == []


def test_frames_tell_their_interface(tmp_path: Path) -> None:
    path = tmp_path / "two.pcapng"
    path.write_bytes(SECTION + INTERFACE + INTERFACE + enhanced(b"a") + enhanced(b"b", face=1) + SECTION + INTERFACE + enhanced(b"c"))
    assert [frame.interface for frame in iter_frames(str(path), range(9))] == [0, 1, 2]


def test_dns_is_noted() -> None:
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101) + record(udp(53, bytes(20)))
    (note,) = read_capture("-", stdin=io.BytesIO(data)).notes
    assert (note.kind, note.destination_port, len(note.payload), note.frame) == (NoteKind.DNS, 53, 20, 1)

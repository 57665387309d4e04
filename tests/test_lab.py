"""What of the lab can be proved without root: its packets, its logs, its plan. The rest proves itself case by case."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

pytest.importorskip("fcntl", reason="the lab runs on Linux")

from scapy.layers.inet import IP, TCP

from tests import rewrite
from tests.lab.applog import FORMATS, TEXTS, AppLog, LogStyle
from tests.lab.evidence import Frame, first, pick, resent, to_pcapng, together
from tests.lab.idle import Forgetful
from tests.lab.path import ACK, PSH, RST, SYN, Packet, build_reset, build_tcp, with_ports
from tests.lab.runner import load, plan, plan_mixed
from tests.wire import Conversation

ERROR_AT = 1_790_000_000.123


def data(**more: object) -> Packet:
    raw = build_tcp("10.0.0.5", "10.9.0.7", 50123, 80, flags=PSH | ACK, seq=1000, ack=2000, payload=b"abc", **more)  # type: ignore[arg-type]
    return Packet.read(raw, up=True, at=0.0)


def sound(raw: bytes) -> bool:
    fresh = IP(raw)
    fresh.chksum = None
    fresh[TCP].chksum = None
    return bytes(IP(bytes(fresh))) == raw


def test_a_packet_is_read_as_it_was_built() -> None:
    packet = data(ttl=57)
    assert (packet.source, packet.source_port, packet.destination_port) == ("10.0.0.5", 50123, 80)
    assert (packet.flags, packet.seq, packet.ack, packet.payload, packet.ttl) == (PSH | ACK, 1000, 2000, b"abc", 57)
    assert packet.end == 1003
    assert sound(packet.raw)


@pytest.mark.parametrize("raw", [b"", b"\x45", b"\x60" + bytes(10), b"\x45" + bytes(22)])
def test_a_cut_packet_is_no_error(raw: bytes) -> None:
    assert Packet.read(raw, up=True, at=0.0).payload == b""


def test_a_forged_reset_is_acceptable_to_its_victim() -> None:
    back = Packet.read(build_reset(data(), back=True, ttl=250, with_ack=True), up=False, at=0.0)
    assert (back.source, back.destination, back.seq, back.ack) == ("10.9.0.7", "10.0.0.5", 2000, 1003)
    assert back.flags == RST | ACK
    ahead = Packet.read(build_reset(data(), back=False, ttl=250), up=True, at=0.0)
    assert (ahead.source, ahead.seq, ahead.flags) == ("10.0.0.5", 1000, RST)
    assert sound(back.raw)
    assert sound(ahead.raw)


def test_translated_ports_keep_the_checksum_right() -> None:
    changed = with_ports(data().raw, source=1234, destination=4321)
    packet = Packet.read(changed, up=True, at=0.0)
    assert (packet.source_port, packet.destination_port) == (1234, 4321)
    assert sound(changed)


def test_a_box_forgets_after_its_limit_and_learns_from_a_syn() -> None:
    box = Forgetful(30)

    def seen(at: float, flags: int = ACK) -> bool:
        raw = build_tcp("10.0.0.5", "10.9.0.7", 50123, 80, flags=flags, seq=1)
        return box.knows(Packet.read(raw, up=True, at=at))

    assert seen(0, SYN)
    assert seen(29)
    assert not seen(60)
    assert not seen(61)
    assert seen(62, SYN)


@pytest.mark.parametrize("fmt", sorted(FORMATS))
def test_every_log_format_tells_of_10057_and_of_the_endpoint(fmt: str) -> None:
    log = AppLog(random.Random(1))
    log.say("connected to 10.9.0.7:80", ERROR_AT - 5)
    log.failure("send", 10057, "10.9.0.7:80", ERROR_AT)
    text = log.render(LogStyle(fmt))
    assert text.index("connected to") < text.rindex("10.9.0.7:80")
    assert any(sign in text for sign in ("10057", "0x80072749", TEXTS[10057][1], "Socket is not connected"))
    bare = AppLog(random.Random(1))
    bare.failure("send", 10057, "10.9.0.7:80", ERROR_AT)
    assert "10.9.0.7" not in bare.render(LogStyle(fmt, endpoint=False))


def test_zone_and_skew_move_the_clock() -> None:
    def rendered(style: LogStyle) -> str:
        log = AppLog(random.Random(1))
        log.say("x", 1_790_000_000.0)
        return log.render(style)

    assert rendered(LogStyle("iso")).startswith("2026-09-21T14:13:20.000 ")
    assert rendered(LogStyle("iso", zone_h=-5, zone_shown=True)).startswith("2026-09-21T09:13:20.000-05:00 ")
    assert rendered(LogStyle("iso", skew_s=1.5)).startswith("2026-09-21T14:13:21.500 ")
    assert rendered(LogStyle("epoch", zone_h=2)).startswith("1790000000000 ")


def frame(number: int, *, client: bool, flags: int, seq: int = 1, length: int = 0) -> Frame:
    ports = (50123, 80) if client else (80, 50123)
    return Frame(
        number=number,
        at=float(number),
        stream=0,
        source="",
        destination="",
        source_port=ports[0],
        destination_port=ports[1],
        flags=flags,
        seq=seq,
        ack=0,
        length=length,
        ttl=64,
        window=1,
        icmp_type=-1,
        dns_rcode=-1,
        dns_response=False,
        is_dns=False,
        arp_for="",
        arp_opcode=-1,
    )


def test_picks_find_what_decides() -> None:
    frames = [
        frame(1, client=True, flags=SYN),
        frame(2, client=True, flags=PSH | ACK, seq=7, length=5),
        frame(3, client=True, flags=PSH | ACK, seq=7, length=5),
        frame(4, client=True, flags=PSH | ACK, seq=7, length=5),
        frame(5, client=False, flags=RST),
    ]
    assert first(pick(flags=RST, client=False))(frames, 50123) == [5]
    assert resent(client=True)(frames, 50123) == [2, 3, 4]
    assert resent(client=True, at_least=3)(frames, 50123) == []
    assert together(pick(flags=SYN), pick(flags=RST))(frames, 50123) == [1, 5]
    assert together(pick(flags=SYN), pick(flags=RST, client=True))(frames, 50123) == []


def test_a_pcap_becomes_a_pcapng_of_the_same_frames(tmp_path: Path) -> None:
    conv = Conversation()
    conv.handshake()
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
    for at, raw in conv.packets:
        parts.append(struct.pack("<IIII", at // 10**9, at % 10**9 // 1000, len(raw), len(raw)) + raw)
    (tmp_path / "in.pcap").write_bytes(b"".join(parts))
    to_pcapng(tmp_path / "in.pcap", tmp_path / "out.pcapng", "Ethernet 2")
    assert rewrite.read(tmp_path / "out.pcapng") == rewrite.read(tmp_path / "in.pcap")


def test_scenarios_have_names_of_their_own() -> None:
    names = [each.run.__name__ for each in load()]
    assert len(names) == len(set(names))
    assert len({each.cause for each in load()}) > 40


def test_a_plan_goes_on_after_the_cases_that_exist(tmp_path: Path) -> None:
    (tmp_path / "server-reset-4").mkdir()
    runs = plan(["server-reset"], 2, 0, "s", tmp_path)
    assert [name for _, name, _, _ in runs] == ["server-reset-5", "server-reset-6"]
    several = plan(["server-reset"], 1, 1, "s", tmp_path)
    assert len({numbers for numbers, *_ in several}) == len(several) >= 3


def test_mixed_cases_hold_an_incident_and_something_healthy(tmp_path: Path) -> None:
    for numbers, *_ in plan_mixed(10, "s", tmp_path):
        causes = [load()[number].cause for number in numbers]
        assert "healthy" in causes
        assert set(causes) - {"healthy"}

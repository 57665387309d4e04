"""The conversation language: sequence numbers, times and forgeries come out as written."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from scapy.layers.dns import DNS
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet
from scapy.utils import PcapReader

from tests.conversations import CONVERSATIONS, ORDINARY
from tests.wire import Captured, Conversation, arp, dns, nanoseconds, write_pcap

ALL = [(cause, make) for cause, several in CONVERSATIONS.items() for make in several]
ALL += [("ordinary", make) for make in ORDINARY.values()]


def segments(conv: Conversation) -> list[Packet]:
    return [packet[TCP] for packet in decoded(conv.packets) if packet.haslayer(TCP) and not packet.haslayer(ICMP)]


def decoded(packets: list[Captured]) -> Iterator[Packet]:
    return (Ether(frame) for _, frame in packets)


def test_sequence_numbers_cross_the_wrap() -> None:
    conv = Conversation()
    conv.handshake()
    for _ in range(8):
        conv.exchange(b"a" * 100, b"b" * 100)
    mine = [segment.seq for segment in segments(conv) if segment.dport == 8080 and segment.payload]
    assert mine[0] > 0xFFFFFF00
    assert mine[-1] < 0x1000


def test_every_byte_is_acknowledged_in_order() -> None:
    conv = Conversation()
    conv.handshake()
    conv.exchange("question", "answer")
    syn, syn_ack, ack, request, acked, answer, last = segments(conv)
    assert (syn.flags, syn_ack.flags, ack.flags) == ("S", "SA", "A")
    assert syn_ack.ack == (syn.seq + 1) & 0xFFFFFFFF
    assert ack.ack == (syn_ack.seq + 1) & 0xFFFFFFFF
    assert acked.ack == (request.seq + len("question")) & 0xFFFFFFFF
    assert last.ack == (answer.seq + len("answer")) & 0xFFFFFFFF


def test_the_server_is_one_round_trip_away() -> None:
    conv = Conversation(rtt_ms=20)
    conv.handshake()
    assert conv.packets[1][0] - conv.packets[0][0] == 20_000_000


def test_a_wait_is_a_silence() -> None:
    conv = Conversation()
    conv.handshake()
    before = conv.packets[-1][0]
    conv.wait("75s").client("USER x\r\n", after=0)
    assert conv.packets[3][0] - before == 75 * 10**9


@pytest.mark.parametrize(("text", "expected"), [("75s", 75 * 10**9), ("200ms", 2 * 10**8), (1.5, 15 * 10**8)])
def test_durations(text: str | float, expected: int) -> None:
    assert nanoseconds(text) == expected


def test_unanswered_doubles_the_wait_and_repeats_the_bytes() -> None:
    conv = Conversation()
    conv.handshake()
    conv.client("lost", acked=False, arrives=False)
    places = conv.unanswered(4, first="200ms")
    times = [conv.packets[place][0] for place in places]
    assert [(late - early) // 10**6 for early, late in pairwise(times)] == [400, 800, 1600]
    copies = segments(conv)[-5:]
    assert len({(copy.seq, bytes(copy.payload)) for copy in copies}) == 1


def test_what_does_not_arrive_is_not_acknowledged() -> None:
    conv = Conversation()
    conv.handshake()
    conv.client("lost", acked=False, arrives=False)
    conv.segment("server", "A")
    sent, answer = segments(conv)[-2:]
    assert answer.ack == sent.seq


def test_what_is_not_captured_still_happened() -> None:
    conv = Conversation()
    conv.handshake()
    assert conv.server("unseen", captured=False, acked=False) == -1
    conv.segment("client", "A")
    conv.segment("server", "A")
    client, server = segments(conv)[-2:]
    assert client.ack == server.seq


def test_a_reset_of_the_middle_bears_its_own_marks() -> None:
    conv = Conversation(server_ttl=57)
    conv.handshake()
    place = conv.middlebox_rst(ttl=250, ip_id=0x1234, seq_offset=1460)
    forged, honest = Ether(conv.packets[place][1]), Ether(conv.packets[1][1])
    assert (forged[IP].ttl, forged[IP].id, honest[IP].ttl) == (250, 0x1234, 57)
    assert forged[IP].src == honest[IP].src
    assert forged[TCP].seq == (honest[TCP].seq + 1 + 1460) & 0xFFFFFFFF
    assert conv.middlebox_rst("server") == -1


def test_a_refusal_follows_the_rfc() -> None:
    conv = Conversation()
    conv.syn()
    conv.refuse()
    syn, reset = segments(conv)
    assert (reset.flags, reset.seq, reset.ack) == ("RA", 0, (syn.seq + 1) & 0xFFFFFFFF)


def test_a_windows_keepalive_carries_one_byte_below_the_next() -> None:
    conv = Conversation()
    conv.handshake()
    conv.client("x")
    conv.keepalive(after="30s")
    probe, answer = segments(conv)[-2:]
    assert bytes(probe.payload) == b"\0"
    assert answer.ack == (probe.seq + 1) & 0xFFFFFFFF


def test_identifications_count_up_and_are_zero_where_kernels_send_zero() -> None:
    conv = Conversation(server_ip_id="zero")
    conv.handshake()
    conv.exchange()
    idents = [packet[IP].id for packet in decoded(conv.packets) if packet[IP].src == "10.0.0.5"]
    assert idents == list(range(idents[0], idents[0] + len(idents)))
    assert {packet[IP].id for packet in decoded(conv.packets) if packet[IP].src == "10.9.0.7"} == {0}


def test_an_icmp_error_quotes_the_last_segment_of_the_client() -> None:
    conv = Conversation()
    conv.syn()
    place = conv.icmp(13, router="10.0.0.1")
    error = Ether(conv.packets[place][1])
    assert (error[IP].src, error[ICMP].type, error[ICMP].code) == ("10.0.0.1", 3, 13)
    assert bytes(error[ICMP].payload) == conv.packets[0][1][14:42]


def test_ipv6_is_spoken_when_the_addresses_are() -> None:
    conv = Conversation(client="[fd00::5]:50123", server="[fd00:9::7]:443")
    conv.handshake()
    conv.exchange()
    first = Ether(conv.packets[0][1])
    assert (first[IPv6].src, first[TCP].dport) == ("fd00::5", 443)


def test_names_and_neighbours() -> None:
    question, answer = decoded(dns("db.corp.example", rcode=3))
    assert (question[DNS].qr, answer[DNS].rcode) == (0, 3)
    assert len(dns("db.corp.example", rcode=None)) == 1
    assert [packet[ARP].op for packet in decoded(arp("10.0.0.9"))] == [1, 1, 1]
    assert [packet[ARP].op for packet in decoded(arp("10.0.0.9", answered=True))] == [1, 2]


def test_a_file_holds_the_packets_in_order_of_time(tmp_path: Path) -> None:
    late = Conversation(client="10.0.0.5:50124")
    late.wait("5s").handshake()
    early = Conversation()
    early.handshake()
    path = write_pcap(tmp_path / "two.pcap", late.packets + early.packets, snap_length=60)
    with PcapReader(str(path)) as reader:
        read = list(reader)
    assert [packet[TCP].sport for packet in read][:2] == [50123, 8080]
    assert [float(packet.time) for packet in read] == sorted(float(packet.time) for packet in read)
    assert max(len(packet) for packet in read) == 60


def test_nothing_sent_cannot_be_sent_again() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Conversation().retransmit("server")


@pytest.mark.parametrize(("cause", "make"), ALL, ids=lambda each: each if isinstance(each, str) else each.__name__)
def test_the_library_is_sound(cause: str, make: object, tmp_path: Path) -> None:
    """Times never go back, checksums are right, and every dialogue is one connection."""
    assert callable(make)
    conv = make()
    times = [at for at, _ in conv.packets]
    assert times == sorted(times)
    for packet in decoded(conv.packets):
        sealed = packet[IP].chksum
        packet[IP].chksum = None
        assert Ether(bytes(packet))[IP].chksum == sealed
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed")
    fields = ["-T", "fields", "-e", "tcp.stream"]
    done = subprocess.run(
        ["tshark", "-n", "-r", str(conv.write(tmp_path / f"{cause}.pcap")), *fields],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {line for line in done.stdout.split() if line} == {"0"}

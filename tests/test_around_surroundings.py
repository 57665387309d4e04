"""What a capture shows around one flow."""

from __future__ import annotations

import pytest

from analyzer.around.surroundings import IcmpHit
from analyzer.capture.model import Note, NoteKind
from analyzer.decode.notes import IcmpError
from analyzer.endpoint import Endpoint, parse_address, parse_endpoint
from analyzer.logs.model import SocketRow
from analyzer.units import MS, NS
from tests.conversations import guilty, ordinary
from tests.reading import index_of, surroundings_of
from tests.wire import Conversation, arp, dns

START = Conversation().now
CLIENT, SERVER = bytes([10, 0, 0, 5]), bytes([10, 9, 0, 7])


def _talk(
    client: str = "10.0.0.5:50123", server: str = "10.9.0.7:8080", start: int = START, ttl: int = 57
) -> Conversation:
    conv = Conversation(client=client, server=server, start=start, server_ttl=ttl)
    conv.handshake()
    conv.exchange()
    return conv


# -- flows by host and port --------------------------------------------------------------------------------------


def test_flows_are_found_by_every_end() -> None:
    around = surroundings_of(
        _talk(), _talk("10.0.0.5:50124", "10.9.0.7:443"), _talk("10.0.0.6:50125", "10.9.0.8:443", START + NS)
    )
    assert [row.index for row in around.rows] == [0, 1, 2]
    assert [row.index for row in around.to_responder(parse_endpoint("10.9.0.7:443"))] == [1]
    assert [row.index for row in around.to_host(SERVER)] == [0, 1]
    assert [row.index for row in around.from_host(CLIENT)] == [0, 1]
    assert [row.index for row in around.on_port(443)] == [1, 2]
    for nothing in (around.to_host(CLIENT), around.from_host(SERVER), around.on_port(1)):
        assert list(nothing) == []


def test_flows_between_two_hosts_are_found_whoever_opened_them() -> None:
    around = surroundings_of(_talk(), _talk("10.9.0.7:20", "10.0.0.5:50200"), _talk("10.0.0.5:50300", "10.9.0.8:80"))
    between = around.between({CLIENT, SERVER})
    assert sorted({str(row.initiator) for row in between}) == ["10.0.0.5:50123", "10.9.0.7:20"]


def test_a_flow_and_its_view_are_built_once() -> None:
    around = surroundings_of(_talk())
    assert around.flow(0) is around.flow(0)
    assert around.view(0) is around.view(0)
    assert around.view(0).flow is around.flow(0)


def test_the_socket_table_is_read_from_either_end() -> None:
    conv = _talk()
    ends = parse_endpoint(conv.client_name), parse_endpoint(conv.server_name)
    for row in (SocketRow(*ends, "ESTABLISHED", 1, "a"), SocketRow(*ends[::-1], "ESTABLISHED", 1, "a")):
        around = surroundings_of(conv, sockets=(row,))
        assert around.socket_of(around.flow(0)) is row
    listener = SocketRow(ends[1], None, "LISTEN", 1, "a")
    assert surroundings_of(conv, sockets=(listener,)).socket_of(around.flow(0)) is None


def test_attempts_are_counted_by_their_syns() -> None:
    convs = []
    for number in range(5):
        one = Conversation(client=f"10.0.0.5:{50200 + number}", start=START + number * NS)
        one.syn(arrives=False)
        convs.append(one)
    midstream = Conversation(client="10.0.0.5:50300")
    midstream.syn(captured=False)
    midstream.syn_ack(captured=False)
    midstream.exchange()
    around = surroundings_of(*convs, midstream)
    target = parse_endpoint("10.9.0.7:8080")
    assert around.attempts_near(target, START + 2 * NS, NS) == 3
    assert around.attempts_near(target, START + 2 * NS, 60 * NS) == 5
    assert around.attempts_near(parse_endpoint("10.9.0.9:1"), START, 60 * NS) == 0


# -- what a host's packets look like ---------------------------------------------------------------------------


def test_a_baseline_comes_from_other_flows_only() -> None:
    odd, usual = _talk(ttl=64), _talk("10.0.0.5:50200", ttl=57)
    around = surroundings_of(odd, usual)
    assert around.baseline(SERVER, without=index_of(odd, around)).ttls == (57,)
    assert around.baseline(SERVER, without=index_of(usual, around)).ttls == (64,)
    assert around.baseline(CLIENT, without=index_of(odd, around)).ttls == (128,)
    assert around.baseline(SERVER, without=index_of(odd, around)).round_trip_ns == 20 * MS


def test_the_network_stands_in_for_a_host_that_sent_nothing_else() -> None:
    refused = Conversation(client="10.0.0.5:50200", server="10.9.0.9:81")
    refused.syn(arrives=False)
    refused.refuse()
    around = surroundings_of(refused, _talk(ttl=57))
    baseline = around.baseline(bytes([10, 9, 0, 9]), without=index_of(refused, around))
    assert baseline.ttls == ()
    assert baseline.neighbour_ttls == (57,)
    elsewhere = surroundings_of(refused, _talk(server="10.77.0.7:80"))
    assert elsewhere.baseline(bytes([10, 9, 0, 9]), without=index_of(refused, elsewhere)).neighbour_ttls == ()


def test_silences_to_a_server_are_those_of_all_its_flows() -> None:
    first, second = _talk(), _talk("10.0.0.5:50200")
    first.client("again", after="30s")
    second.client("again", after="50s")
    around = surroundings_of(first, second, _talk("10.0.0.5:50300", "10.9.0.99:8080"))
    found = around.silences_to(parse_endpoint("10.9.0.7:8080"))
    lengths = {index: [silence.duration_ns // NS for silence in silences] for index, silences in found.items()}
    assert lengths == {index_of(first, around): [30], index_of(second, around): [50]}


# -- ICMP --------------------------------------------------------------------------------------------------------


def test_an_icmp_error_belongs_to_the_flow_it_quotes() -> None:
    conv = Conversation()
    conv.syn(arrives=False)
    frame = conv.icmp(1)
    other = Conversation(client="10.0.0.5:50200")
    other.syn(arrives=False)
    around = surroundings_of(conv, other)
    (hit,) = around.icmp_errors(around.flow(index_of(conv, around)))
    assert hit.note.frame == frame + 2
    assert list(around.icmp_errors(around.flow(index_of(other, around)))) == []
    assert around.icmp_hosts == {CLIENT, SERVER}


def test_an_icmp_error_of_an_earlier_use_of_the_ports_is_another_flows() -> None:
    conv = Conversation(client_isn=0x1000)
    conv.syn(arrives=False)
    conv.icmp(1)
    again = _talk(start=START + 600 * NS)
    around = surroundings_of(conv, again)
    assert len(around.rows) == 2
    assert [len(around.icmp_errors(around.flow(index))) for index in (0, 1)] == [1, 0]


@pytest.mark.parametrize(
    ("version", "kind", "code", "word"),
    [
        (4, 3, 0, "net-unreachable"),
        (4, 3, 1, "host-unreachable"),
        (4, 3, 2, "protocol-unreachable"),
        (4, 3, 3, "port-unreachable"),
        (4, 3, 4, "fragmentation-needed"),
        (4, 3, 7, "host-unreachable"),
        (4, 3, 13, "admin-prohibited"),
        (4, 11, 0, "time-exceeded"),
        (4, 5, 1, "other"),
        (6, 1, 0, "net-unreachable"),
        (6, 1, 1, "admin-prohibited"),
        (6, 1, 3, "host-unreachable"),
        (6, 1, 4, "port-unreachable"),
        (6, 1, 6, "admin-prohibited"),
        (6, 1, 9, "other"),
        (6, 2, 0, "fragmentation-needed"),
        (6, 3, 0, "time-exceeded"),
        (6, 4, 1, "other"),
    ],
)
def test_icmp_errors_have_words(version: int, kind: int, code: int, word: str) -> None:
    end = Endpoint(bytes(4 if version == 4 else 16), 1)
    note = Note(NoteKind.ICMP, 1, 0, bytes(4), bytes(4), 0, 0, 64, b"")
    assert IcmpHit(note, IcmpError(kind, code, version, end, end, 6, None, None)).kind == word


# -- names -------------------------------------------------------------------------------------------------------


def test_names_are_found_whole_or_by_their_first_label() -> None:
    around = surroundings_of(dns("db.corp.example"), dns("db2.corp.example", answer="10.9.0.8", at=START + NS))
    assert around.addresses_of("db.corp.example") == {SERVER}
    assert around.addresses_of("DB.corp.example.") == {SERVER}
    assert around.addresses_of("db") == {SERVER}
    assert around.addresses_of("db.other.example") == set()
    assert [one.name for one in around.lookups_of("db")] == ["db.corp.example"]
    assert [one.name for one in around.lookups_of("DB2.corp.example")] == ["db2.corp.example"]
    assert around.lookups_of("corp") == []


# -- neighbours --------------------------------------------------------------------------------------------------


def test_neighbour_questions_near_a_time_and_their_answer() -> None:
    target = parse_address("10.0.0.77")
    assert target is not None
    asked = surroundings_of(arp("10.0.0.77"))
    questions, answered = asked.neighbour_questions(target, START, 30 * NS)
    assert (len(questions), answered) == (3, False)
    assert asked.neighbour_questions(target, START + 600 * NS, 30 * NS) == ([], False)
    _, heard = surroundings_of(arp("10.0.0.77", answered=True)).neighbour_questions(target, START, 30 * NS)
    assert heard


def test_a_single_question_is_no_missing_neighbour() -> None:
    around = surroundings_of(arp("10.0.0.77", times=1), arp("10.0.0.78", times=2))
    assert set(around.unanswered_neighbours(START, 30 * NS)) == {parse_address("10.0.0.78")}
    assert around.asks_neighbours
    assert not surroundings_of(_talk()).asks_neighbours


# -- FTP and moves -----------------------------------------------------------------------------------------------


def test_announced_data_endpoints_are_kept() -> None:
    control = Conversation(server="10.9.0.7:21")
    control.handshake()
    control.server("220 FTP ready\r\n")
    control.client("EPSV\r\n")
    control.server("229 Entering Extended Passive Mode (|||50000|)\r\n")
    control.client("PORT 10,0,0,5,195,81\r\n")
    around = surroundings_of(control)
    assert set(around.ftp_announcements) == {parse_endpoint("10.9.0.7:50000"), parse_endpoint("10.0.0.5:50001")}


def test_link_layer_addresses_are_known_by_what_they_claimed() -> None:
    here, there = "02:00:00:00:00:05", "02:00:00:00:00:09"
    around = surroundings_of(
        _talk(), arp("10.0.0.77", asker="10.0.0.5", times=1), arp("10.0.0.77", asker="10.0.0.9", mac=there)
    )
    link = bytes.fromhex(here.replace(":", ""))
    assert around.links_of(CLIENT) == {link}
    assert [address for _, _, address in around.claims_of(link)] == [CLIENT]
    assert around.links_of(SERVER) == set()
    assert around.claims_of(bytes(6)) == ()


# -- one direction -----------------------------------------------------------------------------------------------


def test_a_capture_of_one_direction_is_known_as_one() -> None:
    conv = ordinary.server_closes_client_closes()
    half = [(at, frame) for at, frame in conv.packets if frame[26:30] == CLIENT]
    assert surroundings_of(half).one_sided
    assert not surroundings_of(conv).one_sided
    assert not surroundings_of(guilty.timed_out()).one_sided

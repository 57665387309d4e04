"""The timeline of an incident: what is shown, what is left out, and in which order."""

from __future__ import annotations

import re

import pytest

from analyzer.account.story import decisive_frames, flags_text, sequence, silences, timeline
from analyzer.around.surroundings import Surroundings
from analyzer.incidents.tie import Incident, from_log
from analyzer.report.model import TimelineRow
from analyzer.symptom import Symptom
from analyzer.units import MS, NS
from tests.conversations import CONVERSATIONS, guilty
from tests.reading import Part, examiner_of, index_of, log_of, stamp
from tests.wire import Conversation

START = Conversation().now
GUILTY = {f"{cause}/{make.__name__}": make for cause, several in CONVERSATIONS.items() for make in several}


def incident_of(conv: Conversation, *beside: Part) -> tuple[Incident, Surroundings]:
    examiner = examiner_of(conv, *beside)
    index = index_of(conv, examiner.around)
    symptom = Symptom("capture", None, 0, flow_index=index, candidates=1)
    return Incident(examiner.diagnose(examiner.examine(symptom))), examiner.around


def rows_of(conv: Conversation) -> tuple[TimelineRow, ...]:
    return timeline(*incident_of(conv))


def _long(exchanges: int) -> Conversation:
    conv = Conversation()
    conv.handshake()
    for _ in range(exchanges):
        conv.exchange()
    conv.wait("75s")
    conv.server_rst()
    return conv


# -- every cause -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(GUILTY))
def test_a_timeline_is_in_order_and_shows_what_decides(name: str) -> None:
    conv = GUILTY[name]()
    incident, around = incident_of(conv)
    rows = timeline(incident, around)
    assert [row.ts_ns for row in rows] == sorted(row.ts_ns for row in rows)
    shown = [row.frame for row in rows if row.frame is not None]
    assert len(shown) == len(set(shown))
    assert all(1 <= frame <= len(conv.packets) for frame in shown)
    decisive = decisive_frames(incident)
    assert decisive == tuple(sorted(set(decisive)))
    assert set(decisive) <= set(shown)
    assert {row.frame for row in rows if row.decisive and row.kind == "packet"} == set(decisive) & set(shown)
    assert all(row.kind in ("packet", "note", "elided") for row in rows)


@pytest.mark.parametrize("name", sorted(GUILTY))
def test_notes_are_sentences_or_reasons(name: str) -> None:
    for row in rows_of(GUILTY[name]()):
        assert row.label
        assert "{" not in row.note


# -- what is left out --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exchanges", [1, 4, 9, 40, 200])
def test_what_is_not_shown_is_counted(exchanges: int) -> None:
    conv = _long(exchanges)
    rows = rows_of(conv)
    hidden = sum(int(re.match(r"(\d+) packets? not shown", row.label)[1]) for row in rows if row.kind == "elided")  # type: ignore[index]
    assert sum(row.kind == "packet" for row in rows) + hidden == len(conv.packets)
    assert rows[-1].frame == len(conv.packets)
    assert len(rows) <= 60


def test_a_single_packet_is_not_called_packets() -> None:
    texts = [row.label for row in rows_of(_long(1)) + rows_of(_long(2)) + rows_of(_long(3)) if row.kind == "elided"]
    assert all(("1 packet not" in text) or not text.startswith("1 ") for text in texts)


# -- words -------------------------------------------------------------------------------------------------------


def test_packets_are_named_by_flags_and_length() -> None:
    conv = Conversation()
    conv.handshake()
    conv.client("x" * 77)
    conv.server_rst()
    rows = {row.frame: row for row in rows_of(conv)}
    assert [rows[frame].label for frame in (1, 2, 3, 4)] == ["SYN", "SYN, ACK", "ACK", "PSH, ACK 77 B"]
    assert (rows[4].flags, rows[4].length) == ("PSH, ACK", 77)
    assert rows[1].from_client is True
    assert rows[2].from_client is False


def test_flags_stand_in_one_order() -> None:
    examiner = examiner_of(guilty.server_reset())
    texts = {flags_text(segment) for segment in examiner.around.flow(0).segments}
    assert texts == {"SYN", "SYN, ACK", "ACK", "PSH, ACK", "RST, ACK"}


def test_a_fin_says_who_closes() -> None:
    rows = rows_of(guilty.server_closed_then_client_sent())
    notes = {row.note for row in rows}
    assert "The server closes its side." in notes
    assert "Sent although the server had closed." in notes


def test_what_was_never_acknowledged_is_marked() -> None:
    rows = rows_of(guilty.path_lost())
    notes = [row.note for row in rows]
    assert notes.count("Never acknowledged.") == 1
    assert "Sent again." in notes
    assert all(row.answered is False for row in rows if row.note in ("Never acknowledged.", "Sent again."))


def test_a_reset_says_why_it_is_believed_or_not() -> None:
    rows = rows_of(guilty.middlebox_reset())
    assert any("goes on with the connection after the reset" in row.note for row in rows if row.label.startswith("RST"))


def test_an_icmp_error_stands_among_the_packets() -> None:
    conv = guilty.unreachable()
    rows = [row for row in rows_of(conv) if row.kind == "note"]
    assert rows
    assert all(row.label.startswith("ICMP ") and row.decisive for row in rows)


# -- the log -----------------------------------------------------------------------------------------------------


def test_the_logs_lines_stand_where_they_belong() -> None:
    conv = Conversation()
    conv.handshake()
    opened = conv.now
    conv.exchange()
    conv.server_rst(after="5s")
    text = "".join(
        f"{stamp(at)} {line}\n"
        for at, line in (
            (opened, "INFO connected to 10.9.0.7:8080"),
            (conv.now, "ERROR recv from 10.9.0.7:8080 failed: 10054"),
            (conv.now + 80 * MS, "ERROR send to 10.9.0.7:8080 failed: 10057"),
        )
    )
    examiner = examiner_of(conv)
    (incident,), _ = from_log(log_of(text), examiner)
    rows = timeline(incident, examiner.around)
    logged = [row.label for row in rows if row.kind == "log"]
    assert logged[-1] == "log: send 10057"
    assert "log: recv 10054" in logged
    assert rows[-1].label == "log: send 10057"
    assert rows[-1].decisive
    assert rows[-1].frame is None


# -- silences ----------------------------------------------------------------------------------------------------


def test_silences_are_told_in_order_and_one_decides() -> None:
    conv = Conversation()
    conv.handshake()
    for second in (5, 200, 40):
        conv.exchange()
        conv.wait(second)
    conv.exchange()
    conv.client("anyone?", acked=False, arrives=False, after="400s")
    conv.unanswered(4)
    incident, _ = incident_of(conv)
    rows = silences(incident)
    starts = [row.start_ns for row in rows]
    assert starts == sorted(starts)
    (decisive,) = (row for row in rows if row.decisive)
    assert decisive.duration_ns == 400 * NS
    assert decisive.survived is False
    assert all(row.survived for row in rows if not row.decisive and row.duration_ns == 200 * NS + 10 * MS)
    assert decisive.limits
    assert all(200 * NS < limit.duration_ns <= 400 * NS for limit in decisive.limits)
    assert not any(row.limits for row in rows if not row.decisive)


def test_a_server_that_ends_a_silence_is_compared_with_servers_timers() -> None:
    conv = Conversation()
    conv.handshake()
    conv.exchange()
    conv.wait("60s")
    conv.fin("server", after=0)
    conv.client("late", acked=False, after="5s")
    conv.server_rst(with_ack=False)
    incident, _ = incident_of(conv)
    (decisive,) = (row for row in silences(incident) if row.decisive)
    assert decisive.ended_by.startswith("FIN of the server")
    assert decisive.limits
    assert all(abs(limit.duration_ns - 60 * NS) <= 6 * NS for limit in decisive.limits)


def test_a_connection_that_never_was_has_no_silences() -> None:
    incident, _ = incident_of(guilty.timed_out())
    assert silences(incident) == ()


def test_an_error_without_a_flow_has_no_frames_but_its_own_line() -> None:
    examiner = examiner_of(guilty.server_reset())
    text = f"{stamp(START)} ERROR send to 192.0.2.9:1 failed: 10057\n"
    (incident,), _ = from_log(log_of(text), examiner)
    assert decisive_frames(incident) == ()
    assert silences(incident) == ()
    assert [row.label for row in timeline(incident, examiner.around)] == ["log: send 10057"]


# -- sequence numbers ----------------------------------------------------------------------------------------------


def test_the_course_counts_bytes_from_the_syn_and_tells_what_was_sent_again() -> None:
    conv = Conversation()
    conv.handshake()
    conv.client(b"a" * 10)
    conv.server(b"b" * 30)
    conv.wait("75s")
    conv.client(b"c" * 7, arrives=False)
    conv.unanswered(2)
    rows = sequence(incident_of(conv)[0])
    told = [(row.from_client, row.kind, row.start, row.length, row.acked) for row in rows]
    assert told == [
        (True, "ack", 0, 0, 0),
        (True, "data", 0, 10, 0),
        (False, "ack", 0, 0, 10),
        (False, "data", 0, 30, 10),
        (True, "ack", 10, 0, 30),
        (True, "data", 10, 7, 30),
        (True, "again", 10, 7, 30),
        (True, "again", 10, 7, 30),
    ]


def test_the_course_goes_on_where_sequence_numbers_go_round() -> None:
    conv = Conversation(client_isn=0xFFFFFFF0)
    conv.handshake()
    for _ in range(4):
        conv.client(b"x" * 10)
    conv.server_rst()
    rows = [row for row in sequence(incident_of(conv)[0]) if row.from_client and row.length]
    assert [row.start for row in rows] == [0, 10, 20, 30]


def test_bytes_that_fill_a_hole_were_not_sent_before() -> None:
    conv = Conversation(client_isn=1000)
    conv.handshake()
    conv.client(b"x" * 10, captured=False, acked=False)
    conv.client(b"y" * 10, acked=False)
    start = conv.segment("client", "PA", b"x" * 10, seq=1001)
    conv.server_rst()
    kinds = {row.frame: row.kind for row in sequence(incident_of(conv)[0])}
    assert kinds[start + 1] == "data"


def test_a_course_of_many_packets_says_how_many_were_not_kept() -> None:
    conv = _long(200)
    rows = sequence(incident_of(conv)[0])
    assert len(rows) + sum(row.skipped for row in rows) == len(conv.packets) - 2
    assert sum(row.skipped > 0 for row in rows) == 1


def test_a_connection_that_never_was_has_no_course() -> None:
    conv = Conversation()
    conv.syn(arrives=False)
    conv.unanswered(3)
    assert sequence(incident_of(conv)[0]) == ()


def test_a_silence_that_the_server_ended_with_its_goodbye_was_not_survived() -> None:
    conv = Conversation()
    conv.handshake()
    conv.exchange()
    conv.wait("60s")
    conv.server(b"421 Timeout.\r\n")
    conv.fin("server")
    conv.client(b"NOOP\r\n", acked=False, after="5s")
    conv.server_rst(with_ack=False)
    (long,) = [row for row in silences(incident_of(conv)[0]) if row.duration_ns > 50 * NS]
    assert long.decisive
    assert long.survived is False


def test_the_last_packet_is_shown_however_many_came_after_the_decisive_ones() -> None:
    conv = Conversation()
    conv.handshake()
    conv.client(b"x" * 1460)
    for _ in range(20):
        conv.ack("server", window=0)
        conv.wait("2s")
    rows = [row for row in rows_of(conv) if row.kind == "packet"]
    assert rows[-1].frame == len(conv.packets)


def test_what_drew_a_reset_was_answered() -> None:
    conv = Conversation()
    conv.handshake()
    conv.exchange()
    conv.wait("70s")
    conv.client(b"anyone?", acked=False)
    conv.server_rst(with_ack=False)
    asked = next(row for row in rows_of(conv) if row.label == "PSH, ACK 7 B")
    assert asked.note.endswith("The only answer to it was a reset.")
    assert asked.answered is None
    (long,) = [row for row in silences(incident_of(conv)[0]) if row.duration_ns > 50 * NS]
    assert long.ended_by == "data of the client, answered only by a reset"

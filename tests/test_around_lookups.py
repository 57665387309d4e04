"""DNS questions joined with their repeats and answers."""

from __future__ import annotations

from analyzer.around.lookups import Lookup, read_lookups
from analyzer.capture.model import NoteKind
from analyzer.units import MS, NS
from tests.reading import capture_of
from tests.wire import Captured, Conversation, dns

START = Conversation().now


def lookups(*packets: list[Captured]) -> list[Lookup]:
    capture = capture_of(*packets)
    return list(read_lookups(note for note in capture.notes if note.kind is NoteKind.DNS))


def test_a_question_and_its_answer_are_one_lookup() -> None:
    (one,) = lookups(dns("DB.Example."))
    assert (one.name, one.query_type, one.client) == ("db.example", 1, bytes([10, 0, 0, 5]))
    assert one.frames == (1, 2)
    assert one.answered_ns is not None
    assert one.answered_ns - one.asked_ns == 12 * MS
    assert (one.response_code, one.addresses) == (0, (bytes([10, 9, 0, 7]),))


def test_an_unanswered_question_has_no_outcome() -> None:
    (one,) = lookups(dns("db.example", rcode=None))
    assert (one.answered_ns, one.response_code, one.addresses) == (None, None, ())


def test_the_resolvers_repeats_are_the_same_question() -> None:
    asked = [dns("db.example", rcode=None, at=START + second * NS) for second in (0, 1, 3, 7)]
    (one,) = lookups(*asked)
    assert one.frames == (1, 2, 3, 4)
    assert one.asked_ns == START
    late = dns("db.example", rcode=0, at=START + 8 * NS)
    (answered,) = lookups(*asked, late)
    assert answered.response_code == 0


def test_a_question_long_after_is_a_new_one() -> None:
    first, second = lookups(dns("db.example", rcode=None), dns("db.example", rcode=None, at=START + 60 * NS))
    assert second.asked_ns - first.asked_ns == 60 * NS


def test_a_question_after_its_answer_is_a_new_one() -> None:
    first, second = lookups(dns("db.example"), dns("db.example", rcode=3, at=START + NS))
    assert (first.response_code, second.response_code) == (0, 3)


def test_a_good_answer_stands_against_a_later_refusal_and_replaces_an_earlier_one() -> None:
    question, refused = dns("db.example", rcode=3)
    _, good = dns("db.example")
    (one,) = lookups([question, refused, (good[0] + MS, good[1])])
    assert (one.response_code, len(one.addresses)) == (0, 1)
    (other,) = lookups([question, good, (refused[0] + MS, refused[1])])
    assert (other.response_code, len(other.addresses)) == (0, 1)
    assert other.frames == (1, 2, 3)


def test_an_answer_without_its_question_stands_for_it() -> None:
    _, answer = dns("db.example")
    (one,) = lookups([answer])
    assert one.client == bytes([10, 0, 0, 5])
    assert one.frames == (1,)
    assert one.addresses


def test_two_clients_ask_their_own_questions() -> None:
    found = lookups(dns("db.example"), dns("db.example", client="10.0.0.6", rcode=3, at=START + MS))
    assert [(one.client[-1], one.response_code) for one in found] == [(5, 0), (6, 3)]


def test_damaged_messages_are_passed_over() -> None:
    at, frame = dns("db.example", rcode=None)[0]
    cut = bytearray(frame)
    cut[42:] = b"\xff" * (len(cut) - 42)
    assert lookups([(at, bytes(cut))]) == []

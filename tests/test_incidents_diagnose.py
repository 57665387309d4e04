"""Symptoms held against rules: rank, confidence, and what caps it."""

from __future__ import annotations

import pytest

from analyzer.incidents.diagnose import HIGH, LEAST, MEDIUM, Diagnosis, level
from analyzer.ruleset.evaluate import Match
from analyzer.symptom import Symptom
from analyzer.units import MS, NS
from tests.conversations import CONVERSATIONS, ORDINARY, guilty, ordinary
from tests.reading import Part, event_of, examiner_of, index_of, rules
from tests.wire import Conversation

START = Conversation().now
_NOT_IN_PACKETS_ALONE = ("client-closed-locally", "close-wait-leak")
"""A close by the client is ordinary until a log complains, a half-closed connection until time has passed."""


def diagnose(conv: Conversation, *beside: Part, symptom: Symptom | None = None) -> Diagnosis:
    examiner = examiner_of(conv, *beside)
    index = index_of(conv, examiner.around)
    noticed = symptom or Symptom("capture", None, 0, flow_index=index, candidates=1)
    return examiner.diagnose(examiner.examine(noticed))


def reasons(diagnosis: Diagnosis) -> str:
    return " ".join(cap.because for cap in diagnosis.caps)


# -- scores and words --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "word"),
    [(1.0, "high"), (HIGH, "high"), (HIGH - 0.01, "medium"), (MEDIUM, "medium"), (MEDIUM - 0.01, "low"), (0.0, "low")],
)
def test_scores_have_words(score: float, word: str) -> None:
    assert level(score) == word


def test_an_incident_of_the_capture_alone_may_be_a_lead() -> None:
    assert LEAST < MEDIUM < HIGH


# -- causes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "conv"), [(cause, make()) for cause, several in CONVERSATIONS.items() for make in several]
)
def test_each_guilty_conversation_is_recognised_and_its_causes_ranked(cause: str, conv: Conversation) -> None:
    diagnosis = diagnose(conv)
    if cause in _NOT_IN_PACKETS_ALONE:
        assert diagnosis.score < LEAST
    else:
        assert cause in rules().lineage(diagnosis.cause)
        assert diagnosis.score >= MEDIUM
    scores = [match.score for match in diagnosis.others]
    assert scores == sorted(scores, reverse=True)
    assert len({match.cause for match in diagnosis.others} | {diagnosis.cause}) == 1 + len(diagnosis.others)
    assert 0 <= diagnosis.score <= 1


# One scanned port alone is a connect that was given up; many of them are known for a scan (test_observe_derived).
@pytest.mark.parametrize("name", sorted(set(ORDINARY) - {"scanned_port_open"}))
def test_ordinary_conversations_make_no_incident(name: str) -> None:
    assert diagnose(ORDINARY[name]()).score < LEAST


def test_every_match_can_say_why() -> None:
    diagnosis = diagnose(guilty.server_idle_timeout())
    assert diagnosis.match is not None
    trace = diagnosis.examination.trace(diagnosis.match)
    assert trace.because
    assert any(reason.frames for reason in trace.because)


def test_when_no_rule_fits_that_is_the_answer() -> None:
    diagnosis = diagnose(_quiet())
    assert diagnosis.cause == "insufficient-evidence"
    assert diagnosis.match is None
    assert diagnosis.others == ()
    assert diagnosis.confidence == "low"


def _quiet() -> Conversation:
    conv = Conversation()
    conv.handshake()
    conv.exchange()
    return conv


def test_a_finer_cause_leads_when_it_fits_nearly_as_well() -> None:
    examiner = examiner_of(guilty.server_reset())
    by_cause = {rule.cause: rule for rule in examiner.rules.rules}
    coarse, fine, other = (by_cause[name] for name in ("server-reset", "server-reset-unread-data", "path-lost"))

    def first(*scores: tuple[object, float]) -> str:
        ranked = [Match(rule, score, ()) for rule, score in scores]  # type: ignore[arg-type]
        return examiner.finer_first(ranked)[0].cause

    assert first((coarse, 0.9), (fine, 0.85)) == fine.cause
    assert first((coarse, 0.9), (other, 0.88), (fine, 0.85)) == fine.cause
    assert first((coarse, 0.9), (fine, 0.5)) == coarse.cause
    assert first((fine, 0.9), (coarse, 0.85)) == fine.cause


# -- caps --------------------------------------------------------------------------------------------------------


def test_a_capture_that_began_late_is_never_trusted_fully() -> None:
    conv = Conversation()
    conv.syn(captured=False)
    conv.syn_ack(captured=False)
    conv.exchange()
    conv.exchange()
    conv.server_rst()
    diagnosis = diagnose(conv)
    assert diagnosis.score <= 0.84
    assert "began after the connection did" in reasons(diagnosis)


def test_lost_packets_cap_the_verdict() -> None:
    conv = Conversation()
    conv.handshake()
    conv.client("x" * 500, captured=False)
    conv.client("y" * 100)
    conv.server_rst()
    diagnosis = diagnose(conv)
    assert diagnosis.score <= 0.80
    assert "lacks packets" in reasons(diagnosis)


def test_a_log_that_disagrees_caps_the_verdict() -> None:
    conv = guilty.server_reset()
    error = event_of(at=conv.now + NS, remote=conv.server_name)
    earlier = event_of(at=conv.now, kind="prior", code=10061)
    told = diagnose(conv, symptom=Symptom("log", error.time_ns, 2 * MS, True, error, (earlier,), 0, 1))
    assert told.score <= 0.80
    assert "10061" in reasons(told)
    silent = diagnose(conv, symptom=Symptom("log", error.time_ns, 2 * MS, True, error, (), 0, 1))
    assert silent.score > told.score


def test_several_candidates_cap_the_verdict() -> None:
    conv = guilty.server_reset()
    error = event_of(at=conv.now + NS, remote=conv.server_name)
    diagnosis = diagnose(conv, symptom=Symptom("log", error.time_ns, 2 * MS, True, error, (), 0, 3))
    assert diagnosis.score <= 0.80
    assert "3 connections fit the error equally well" in reasons(diagnosis)


def test_an_assumed_clock_caps_what_rests_on_time() -> None:
    conv = ordinary.long_idle_survives()
    error = event_of(at=START + 60 * NS, remote=conv.server_name)
    for anchored in (True, False):
        diagnosis = diagnose(conv, symptom=Symptom("log", error.time_ns, 2 * MS, anchored, error, (), 0, 1))
        assert diagnosis.cause in ("no-network-cause", "connect-context-not-updated", "wrong-socket-used")
        assert ("offset is assumed" in reasons(diagnosis)) is (not anchored)


# -- times -------------------------------------------------------------------------------------------------------


def test_the_death_of_a_connection_is_the_first_thing_that_broke_it() -> None:
    lost = guilty.path_lost()
    examiner = examiner_of(lost)
    examination = examiner.examine(Symptom("capture", None, 0, flow_index=0, candidates=1))
    reading = examiner.reading(0)
    assert reading.ending.starts is not None
    assert examination.death_ns == reading.ending.starts.ts_ns
    assert examination.decisive_ns >= examination.death_ns


def test_a_connection_that_never_was_died_with_its_first_syn_or_its_refusal() -> None:
    for conv in (guilty.refused(), guilty.timed_out()):
        examiner = examiner_of(conv)
        examination = examiner.examine(Symptom("capture", None, 0, flow_index=0, candidates=1))
        opening = examiner.reading(0).opening
        expected = opening.reset or opening.syns[0]
        assert examination.death_ns == expected.ts_ns


def test_a_connection_that_lives_has_no_death() -> None:
    examiner = examiner_of(_quiet())
    examination = examiner.examine(Symptom("capture", None, 0, flow_index=0, candidates=1))
    assert examination.death_ns is None
    assert examination.decisive_ns == examiner.around.flow(0).last_ns


def test_without_a_flow_the_error_itself_is_the_time() -> None:
    examiner = examiner_of(guilty.server_reset())
    examination = examiner.examine(Symptom("log", START, MS, event=event_of(at=START)))
    assert (examination.death_ns, examination.decisive_ns) == (None, START)


# -- one examiner ------------------------------------------------------------------------------------------------


def test_a_flow_is_read_once() -> None:
    examiner = examiner_of(guilty.server_reset())
    assert examiner.reading(0) is examiner.reading(0)


def test_findings_stand_beside_causes_and_never_lead() -> None:
    for cause, several in CONVERSATIONS.items():
        diagnosis = diagnose(several[0]())
        examiner = diagnosis.examination._examiner
        assert not examiner.is_finding(diagnosis.cause), cause
        assert all(examiner.is_finding(match.cause) for match in diagnosis.examination.aggravating)


def test_settings_of_the_site_reach_the_rules() -> None:
    examiner = examiner_of(guilty.firewall_idle_drop(), settings={"idle_limit": 60 * NS})
    diagnosis = examiner.diagnose(examiner.examine(Symptom("capture", None, 0, flow_index=0, candidates=1)))
    plain = examiner_of(guilty.firewall_idle_drop())
    other = plain.diagnose(plain.examine(Symptom("capture", None, 0, flow_index=0, candidates=1)))
    assert diagnosis.cause == other.cause == "firewall-idle-drop"
    assert diagnosis.score >= other.score


def test_a_fact_is_asked_by_name() -> None:
    diagnosis = diagnose(guilty.server_reset())
    assert diagnosis.fact("ended_by") == "responder-rst"
    assert diagnosis.fact("icmp_from_responder") is None


def test_the_decisive_packet_of_an_unanswered_connect_is_its_last_syn() -> None:
    examiner = examiner_of(guilty.timed_out())
    examination = examiner.examine(Symptom("capture", None, 0, flow_index=0, candidates=1))
    assert examination.decisive_ns == examiner.reading(0).opening.syns[-1].ts_ns
    refused = examiner_of(guilty.refused())
    reset = refused.reading(0).opening.reset
    assert reset is not None
    assert refused.examine(Symptom("capture", None, 0, flow_index=0, candidates=1)).decisive_ns == reset.ts_ns

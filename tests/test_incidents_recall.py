"""A line like an examined one gets the same verdict without being examined: the shortcut changes nothing."""

from __future__ import annotations

import pytest

from analyzer.incidents import tie as incidents
from analyzer.incidents.recall import Recall
from analyzer.incidents.tie import Incident, from_log
from analyzer.symptom import Symptom
from analyzer.units import MS, NS
from tests.conversations import guilty
from tests.reading import event_of, examiner_of, log_of, stamp
from tests.wire import Conversation, dns

START = Conversation().now


def _talk(port: int, server: str, start: int = START) -> Conversation:
    conv = Conversation(client=f"10.0.0.5:{port}", server=server, start=start)
    conv.handshake()
    conv.exchange()
    return conv


def _capture() -> list[Conversation]:
    reset = _talk(50_200, "10.9.0.7:8080")
    reset.client("more")
    reset.now = START + 30 * NS
    reset.server_rst()
    lost = _talk(50_201, "10.9.0.8:443")
    lost.client("anyone?", acked=False, arrives=False, after="20s")
    lost.unanswered(5)
    well = _talk(50_202, "10.9.0.9:80")
    for _ in range(8):
        well.wait("10s")
        well.exchange()
    refused = Conversation(client="10.0.0.5:50203", server="10.9.0.7:81", start=START + 40 * NS)
    refused.syn(arrives=False)
    refused.refuse()
    return [reset, lost, well, refused]


def _log() -> str:
    lines = [
        (START + 20 * MS, "INFO connected to 10.9.0.7:8080"),
        (START + 40 * NS, "ERROR connect to 10.9.0.7:81 failed: 10061"),
    ]
    for number in range(160):
        server = ("10.9.0.7:8080", "10.9.0.8:443", "10.9.0.9:80", "10.9.0.7:81", "192.0.2.1:9")[number % 5]
        call = ("send", "shutdown")[number // 5 % 2]
        lines.append((START + 60 * MS + number * 600 * MS, f"ERROR {call} to {server} failed: 10057"))
    return "".join(f"{stamp(at)} {text}\n" for at, text in sorted(lines))


def _judge(each: int, monkeypatch: pytest.MonkeyPatch) -> list[Incident]:
    monkeypatch.setattr(incidents, "_EACH", each)
    found, _ = from_log(log_of(_log()), examiner_of(*_capture()))
    return found


def test_the_shortcut_changes_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = _judge(10**6, monkeypatch), _judge(0, monkeypatch)
    assert len(slow) == len(quick) == 160
    for one, other in zip(slow, quick, strict=True):
        assert other.diagnosis.cause == one.diagnosis.cause
        assert other.diagnosis.confidence == one.diagnosis.confidence
        assert other.symptom.flow_index == one.symptom.flow_index
        assert other.time_ns == one.time_ns


def test_the_shortcut_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = _judge(0, monkeypatch)
    assert len({id(one.diagnosis) for one in quick}) <= len(quick) // 2


def test_each_line_keeps_its_own_time_and_words(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = _judge(0, monkeypatch)
    lines = [one.symptom.event.line for one in quick if one.symptom.event is not None]
    assert len(set(lines)) == 160
    times = [one.time_ns for one in quick]
    assert times == sorted(times)


# -- what a verdict depends on -----------------------------------------------------------------------------------


def test_another_phase_peer_call_or_story_is_another_verdict() -> None:
    recall = Recall(examiner_of(guilty.server_reset()))
    conv = guilty.server_reset()

    def key(at: int, call: str = "send", remote: str = conv.server_name, earlier: int | None = None) -> object:
        event = event_of(at=at, call=call, remote=remote)
        context = () if earlier is None else (event_of(at=at, kind="prior", code=earlier),)
        return recall.key(Symptom("log", at, MS, True, event, context), [0], ())

    before, after = conv.now - 2 * MS, conv.now + 5 * NS
    assert key(after) == key(after + 10 * MS)
    different = [
        key(after),
        key(before),
        key(after, call="recv"),
        key(after, remote="10.9.0.99:1"),
        key(after, earlier=10054),
        key(after + 3600 * NS),
    ]
    assert len(set(different)) == len(different)


def test_names_that_earlier_lines_gave_are_kept_apart() -> None:
    recall = Recall(examiner_of(dns("a.example", rcode=3)))
    event = event_of(at=START + NS)
    keys = {recall.key(Symptom("log", event.time_ns, MS, True, event, host_names=(name,)), [], ()) for name in "ab"}
    assert len(keys) == 2


def test_an_error_without_a_time_depends_on_everything_else() -> None:
    recall = Recall(examiner_of(guilty.server_reset()))
    event = event_of(remote="10.9.0.7:8080")
    timeless = Symptom("log", None, MS, True, event)
    assert recall.key(timeless, [0], ()) == recall.key(timeless, [0], ())
    assert recall.key(timeless, [0], ()) != recall.key(timeless, [], ())
    assert recall.key(timeless, [0], (50_200,)) != recall.key(timeless, [0], ())

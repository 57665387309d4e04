"""Every sample gets its verdict, healthy ones get none, and each rule matches what it says it matches."""

from __future__ import annotations

import re
from functools import cache

import pytest

from analyzer.around.surroundings import Surroundings
from analyzer.capture.file import read_capture
from analyzer.incidents.diagnose import LEAST, Examiner
from analyzer.report.model import Report
from analyzer.ruleset.load import load_rules, read_rules
from analyzer.symptom import Symptom
from tests.build_samples import BUILT, pcapng
from tests.cases import LEVELS, SAMPLES, Case, answered, ask, lineage, sample, sample_names, samples
from tests.wire import Conversation, write_pcap

RULES = load_rules()
GUILTY = [one.name for one in samples() if one.cause is not None]
HEALTHY = [one.name for one in samples() if one.cause is None]
CAUSES = [cause for cause, one in RULES.causes.items() if one.kind == "cause"]
FINDINGS = [cause for cause, one in RULES.causes.items() if one.kind == "finding"]
_SPARED = {"ephemeral-ports-exhausted"}
"""Without a sample that must match: it needs 15,000 connections and has a test of its own."""
_MOST_BYTES = 1_500_000


def causes_of(name: str) -> set[str]:
    """Every cause and finding that the sample's reports name."""
    named = set()
    for with_log in (True, False):
        found = answered(name, with_log=with_log)
        named |= {incident.cause for incident in found.incidents} | {finding.id for finding in found.findings}
    return named


# -- the samples themselves ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sample_names())
def test_a_sample_is_complete(name: str) -> None:
    one = sample(name)
    story = (one.folder / "story.md").read_text(encoding="utf-8")
    assert {path.name for path in one.folder.iterdir()} == {"capture.pcapng", "app.log", "story.md", "expected.json"}
    assert story.startswith(f"# {one.raw['title']}\n")
    assert "What to look at." in story
    assert one.raw["source"] in ("recorded", "built")
    assert one.raw["how"]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert one.capture.read_bytes().startswith(b"\x0a\x0d\x0d\x0a")
    if one.cause is not None:
        assert one.cause in CAUSES
        assert set(one.accept) <= set(CAUSES)
        assert one.confidence in LEVELS
        assert one.without_log in LEVELS


def test_the_samples_are_small() -> None:
    total = sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file())
    assert total < _MOST_BYTES


def test_every_cause_has_a_sample() -> None:
    assert {one.cause for one in samples()} >= set(CAUSES)
    found = {name for one in samples() for name in one.raw.get("findings", ())}
    assert found >= set(FINDINGS) - _SPARED


@pytest.mark.parametrize("name", BUILT)
def test_a_built_sample_is_what_its_source_says(name: str) -> None:
    built, one = BUILT[name](), sample(name)
    assert one.capture.read_bytes() == pcapng(built.packets)
    assert one.log.read_bytes() == built.log.encode()


# -- verdicts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GUILTY)
def test_with_its_log_a_sample_gets_its_verdict(name: str) -> None:
    one, found = sample(name), answered(name, with_log=True)
    verdict = one.judge(found.incidents)
    assert verdict.incident is not None, "missed"
    assert verdict.right, (verdict.incident.cause, verdict.incident.score)
    assert LEVELS[verdict.incident.confidence] >= LEVELS[one.confidence or "none"], verdict.incident.score
    assert not verdict.false
    assert set(one.raw.get("findings", ())) <= {finding.id for finding in found.findings}
    _check_place(one, found)


@pytest.mark.parametrize("name", GUILTY)
def test_without_its_log_a_sample_gets_what_packets_can_show(name: str) -> None:
    one, found = sample(name), answered(name, with_log=False)
    verdict = one.judge(found.incidents)
    if one.needs_log:
        # Silence is right; a doubtful answer that names the right connection does no harm.
        assert verdict.incident is None or verdict.right or verdict.incident.confidence != "high"
    else:
        assert verdict.incident is not None, "missed"
        assert verdict.right, (verdict.incident.cause, verdict.incident.score)
        assert LEVELS[verdict.incident.confidence] >= LEVELS[one.without_log or "none"], verdict.incident.score
        _check_place(one, found)
    assert not [incident for incident in verdict.false if incident.confidence != "low"]


def _check_place(one: Case, found: Report) -> None:
    """The verdict names the connection and frames that decide it, and whoever the cause blames."""
    incident = one.judge(found.incidents).incident
    assert incident is not None
    assert incident.culprit == "unknown" or incident.culprit in (one.culprit, RULES.causes[incident.cause].culprit)
    if one.stream is None or incident.stream != one.stream:
        return
    assert incident.client == one.client
    assert incident.server == one.server
    if one.frames:
        shown = {frame for evidence in incident.evidence for frame in evidence.frames}
        shown |= {row.frame for row in incident.timeline if row.frame is not None}
        assert shown & set(one.frames), (one.frames, sorted(shown))


@pytest.mark.parametrize("name", HEALTHY)
@pytest.mark.parametrize("with_log", [True, False])
def test_a_healthy_sample_has_no_incident(name: str, with_log: bool) -> None:
    assert answered(name, with_log=with_log).incidents == ()


@pytest.mark.parametrize("name", HEALTHY)
def test_every_rule_is_silent_on_every_healthy_connection(name: str) -> None:
    """Not only on those that look suspicious at first sight: each flow is held against all rules."""
    examiner = Examiner(Surroundings(read_capture(str(sample(name).capture))), RULES)
    loud = []
    for row in examiner.around.rows:
        examination = examiner.examine(Symptom("capture", None, 0, flow_index=row.index, candidates=1))
        if examination.score >= LEAST and examination.facts.known_values.get("scan_like") is not True:
            loud.append((row.index, examination.cause, examination.matches[0].rule.id))
    assert not loud


# -- rules -----------------------------------------------------------------------------------------------------------


def test_rules_cite_samples_that_exist() -> None:
    read_rules(samples=sample_names())


@pytest.mark.parametrize("cause", RULES.causes)
def test_a_cause_has_samples_that_match_and_samples_that_must_not(cause: str) -> None:
    cited = RULES.knowledge(cause)
    assert cited.match or cause in _SPARED
    assert len(cited.must_not) >= 2
    assert {sample(name).cause for name in cited.must_not} >= {None}, "a healthy sample is among them"


@pytest.mark.parametrize(("cause", "name"), [(c, n) for c in RULES.causes for n in RULES.knowledge(c).match])
def test_a_sample_that_must_match(cause: str, name: str) -> None:
    assert cause in causes_of(name)


@pytest.mark.parametrize(("cause", "name"), [(c, n) for c in RULES.causes for n in RULES.knowledge(c).must_not])
def test_a_sample_that_must_not_match(cause: str, name: str) -> None:
    """A finer cause of the same kind would be as wrong."""
    assert not [named for named in causes_of(name) if cause in lineage(named)]


@pytest.mark.parametrize("rule", [one.id for one in RULES.rules if one.status == "stable"])
def test_a_stable_rule_decides_a_sample(rule: str) -> None:
    assert rule in _deciding()


@cache
def _deciding() -> set[str]:
    """The rules that fit the guilty connection of a sample."""
    from analyzer.incidents.tie import from_capture, from_log
    from analyzer.logs.read import read_log

    fitting = set()
    for name in GUILTY:
        one = sample(name)
        examiner = Examiner(Surroundings(read_capture(str(one.capture))), RULES)
        for incident in (*from_log(read_log(str(one.log)), examiner)[0], *from_capture(examiner)[0]):
            fitting |= {match.rule.id for match in incident.diagnosis.examination.evaluation.matches}
    return fitting


def test_running_out_of_source_ports_is_found(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Too many connections for a sample: made here, one SYN and its refusal each, from nearly every Windows port."""
    packets = []
    template = Conversation(client="10.0.0.5:49152", server="10.9.0.7:80")
    template.syn()
    template.refuse()
    (at, syn), (later, refusal) = template.packets
    for number in range(15_000):
        port = (49152 + number).to_bytes(2, "big")
        move = number * 1_000_000
        packets.append((at + move, syn[:34] + port + syn[36:]))
        packets.append((later + move, refusal[:36] + port + refusal[38:]))
    found = ask(write_pcap(tmp_path / "ports.pcap", packets))
    assert "ephemeral-ports-exhausted" in {finding.id for finding in found.findings}

"""What does not change the story must not change the verdict; what takes evidence away may only bring doubt.

Every sample is retold in the ways of `tests.retellings`. A way that keeps the evidence (``KEEPS``) must keep the cause.
One that takes evidence away (``TAKES``) may lower the confidence, lead to *insufficient-evidence* or to no incident;
none may turn a right cause into another one that is called high. Healthy samples stay without an incident.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from analyzer.report.model import IncidentReport
from tests import rewrite
from tests.cases import Case, answered, ask, labelled, sample, sample_names, samples
from tests.retellings import KEEPS, TAKES, TELLS_MORE, Rewritten, original

GUILTY = [one.name for one in samples() if one.cause is not None]
HEALTHY = [one.name for one in samples() if one.cause is None]
_NOTHING = "insufficient-evidence"


def answer(tmp_path: Path, written: Rewritten) -> tuple[IncidentReport, ...]:
    capture = rewrite.write(tmp_path / "capture.pcap", written.capture)
    log = None
    if written.log is not None:
        log = tmp_path / "app.log"
        log.write_text(written.log, encoding="utf-8")
    return ask(capture, log).incidents


def _of_the_case(case: Case, incidents: Iterable[IncidentReport]) -> list[IncidentReport]:
    """Incidents that speak of the guilty connection: from the log, or on its ports whatever the addresses became."""
    ports = [re.sub(r".*:", ":", end or "") for end in (case.client, case.server)]
    found = []
    for one in incidents:
        ends = [re.sub(r".*:", ":", end or "") for end in (one.client, one.server)]
        if one.source == "log" or (case.stream is not None and ends in (ports, ports[::-1])):
            found.append(one)
    return found


def complaint(case: Case, name: str, before: list[IncidentReport], after: list[IncidentReport]) -> str | None:
    """Say what is wrong with the verdict after a rewrite; None when it is as it should be."""
    if not before:
        return None
    was = max(before, key=lambda one: one.score)
    keeps = name in KEEPS
    if not after:
        return f"{case.name}, {name}: {was.cause} is no longer found" if keeps else None
    now = max(after, key=lambda one: one.score)
    told = f"{case.name}, {name}: {was.cause} {was.score} became {now.cause} {now.score}"
    if case.is_right(now.cause) and now.cause != _NOTHING:
        surer = now.score > was.score + 0.10 and name not in KEEPS and name not in TELLS_MORE
        return f"{told}, surer with less" if surer else None
    if now.cause == _NOTHING and not case.is_right(_NOTHING):
        return f"{told}, though nothing was taken away" if keeps else None
    return told if now.cause != _NOTHING and (keeps or now.confidence == "high") else None


@pytest.mark.parametrize("name", GUILTY)
def test_a_rewritten_sample_keeps_its_verdict_or_gives_way_to_doubt(tmp_path: Path, name: str) -> None:
    case = sample(name)
    capture, log = original(name)
    before = {given: _of_the_case(case, answered(name, with_log=given).incidents) for given in (True, False)}
    wrong = []
    for what, change in (KEEPS | TAKES).items():
        written = change(case, capture, log)
        if written is None:
            continue
        after = _of_the_case(case, answer(tmp_path, written))
        wrong.append(complaint(case, what, before[written.log is not None], after))
    assert not [one for one in wrong if one]


@pytest.mark.parametrize("name", HEALTHY)
def test_a_rewritten_healthy_sample_stays_without_an_incident(tmp_path: Path, name: str) -> None:
    case = sample(name)
    capture, log = original(name)
    wrong: list[str] = []
    for what, change in (KEEPS | TAKES).items():
        written = change(case, capture, log)
        if written is None:
            continue
        wrong += [
            f"{name}, {what}: {one.cause} {one.score} on stream {one.stream}"
            for one in answer(tmp_path, written)
            if what in KEEPS or one.confidence == "high"
        ]
    assert not wrong


def test_the_matrix_is_not_empty() -> None:
    """Most rewrites apply to most samples."""
    applied = 0
    for name in sample_names():
        case = sample(name)
        capture, log = original(name)
        applied += sum(change(case, capture, log) is not None for change in (KEEPS | TAKES).values())
    assert applied > 0.75 * len(sample_names()) * len(KEEPS | TAKES)


def test_the_servers_view_of_a_recorded_case_calls_no_other_cause_high(shared: Path) -> None:
    """The same minutes captured at the server, with the client's log and without: fewer things can be known there."""
    wrong: list[str] = []
    asked = 0
    for case in labelled(shared / "captures"):
        view = case.folder / "server.pcapng"
        if case.cause is None or not view.exists():
            continue
        asked += 1
        for log in (case.log, None):
            wrong += [
                f"{case.name}, log {log is not None}: {case.cause} became {one.cause} {one.score}"
                for one in _of_the_case(case, ask(view, log).incidents)
                if one.confidence == "high" and one.cause != _NOTHING and not case.is_right(one.cause)
            ]
    if not asked:
        pytest.skip("no recorded case has a capture of the server's side")
    assert not wrong

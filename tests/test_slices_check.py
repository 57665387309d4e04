from __future__ import annotations

from pathlib import Path

from analyzer.pipeline import Question, examine
from analyzer.slices.check import compare
from tests.cases import sample
from tests.rewrite import read, write


def test_a_capture_compared_with_itself_is_the_same() -> None:
    case = sample("server-aborts")
    examined = examine(Question([str(case.capture)], hash_files=False))
    _, incident = examined.incident("1")
    found = compare(examined, incident, str(case.capture), None)
    assert found.same
    assert incident.diagnosis.cause in found.sentence


def test_a_capture_without_the_proof_is_another_and_says_so(tmp_path: Path) -> None:
    case = sample("server-aborts")
    examined = examine(Question([str(case.capture)], [str(case.log)], hash_files=False))
    _, incident = examined.incident("1")
    whole = read(case.capture)
    decisive = set(case.frames)
    kept = tuple(one for number, one in enumerate(whole.frames, 1) if number not in decisive)
    path = tmp_path / "less.pcapng"
    write(path, type(whole)(whole.link_type, kept))
    found = compare(examined, incident, str(path), None)
    assert not found.same
    assert "another verdict" in found.sentence or "no such incident" in found.sentence

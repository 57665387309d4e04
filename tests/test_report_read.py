from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from analyzer.errors import InputError
from analyzer.pipeline import Question, analyze
from analyzer.report.diff import diff
from analyzer.report.json import render
from analyzer.report.note import mark
from analyzer.report.read import read_report
from analyzer.report.render import render as render_as
from tests import report_samples as samples
from tests.cases import sample


@pytest.mark.parametrize(
    "make", [samples.idle_drop, samples.server_closed, samples.three_in_a_group, samples.hostile, samples.nothing,
             samples.unmatched],
)  # fmt: skip
def test_what_was_written_reads_back_to_the_same_text(make) -> None:  # type: ignore[no-untyped-def]
    text = render(make())
    assert render(read_report(text.encode(), "x.json")) == text


def test_a_report_of_a_capture_reads_back() -> None:
    case = sample("ftp-nightly-job")
    text = render(analyze(Question([str(case.capture)], [str(case.log)])))
    assert render(read_report(text.encode(), "x.json")) == text


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"{}", b"[]", b'{"schema": "notconn/1"}', b'{"schema": "other/1", "incidents": []}', b"\xff\xfe",
     b'{"schema": "notconn/1", "incidents": [{}], "generated_by": "x", "captures": []}', b"[" * 100_000],
)  # fmt: skip
def test_anything_else_is_refused_in_one_sentence(data: bytes) -> None:
    with pytest.raises(InputError, match=r"x\.json: this is no JSON report of notconn"):
        read_report(data, "x.json")


def test_a_field_with_a_value_that_there_is_not_is_refused() -> None:
    tree = json.loads(render(samples.idle_drop()))
    tree["incidents"][0]["confidence"] = "certain"
    with pytest.raises(InputError, match="certain"):
        read_report(json.dumps(tree).encode(), "x.json")


def _values(tree: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _values(value, (*path, key))
    elif isinstance(tree, list):
        for number, value in enumerate(tree[:2]):
            yield from _values(value, (*path, number))
    yield path


@pytest.mark.parametrize(
    "wrong", ["null", "-1", "1e999", "NaN", "1e300", "9" * 40, '"x"', "[]", "{}", "[null]", "true"]
)
def test_a_wrong_value_anywhere_is_refused_or_harmless(wrong: str) -> None:
    whole = json.loads(render(samples.idle_drop()))
    for path in _values(whole):
        if not path:
            continue
        tree = json.loads(json.dumps(whole))
        place = tree
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = "@@"
        text = json.dumps(tree).replace('"@@"', wrong)
        try:
            report = read_report(text.encode(), "x.json")
        except InputError as error:
            assert "\n" not in str(error), path
            continue
        for form in ("json", "text", "markdown", "fragment"):
            render_as(report, form)


@pytest.mark.parametrize("total", [4_000, 10_000], ids=["with every field", "with what differs"])
def test_what_was_told_in_short_says_the_same_when_it_is_read_back(total: int) -> None:
    written = samples.errors(total)
    text = render(written)
    report = read_report(text.encode(), "x.json")
    assert render(report) == text
    assert mark(report) == mark(written)
    for own, back in zip(written.incidents, report.incidents, strict=True):
        assert (own.id, own.time_ns, own.time_known, own.stream, own.source) == (
            back.id, back.time_ns, back.time_known, back.stream, back.source,
        )  # fmt: skip
        assert (own.cause, own.confidence, own.score, own.culprit) == (
            back.cause, back.confidence, back.score, back.culprit,
        )  # fmt: skip
        assert (own.capture, own.client, own.server, own.group) == (back.capture, back.client, back.server, back.group)
        assert own.log is not None
        assert back.log is not None
        assert (own.log.path, own.log.line, own.log.call, own.log.code) == (
            back.log.path, back.log.line, back.log.call, back.log.code,
        )  # fmt: skip
        assert set(own.evidence[0].frames) <= {frame for one in back.evidence for frame in one.frames}
    limits = (*written.limits, report.limits[-1])
    for form in ("text", "servicenow", "html"):
        assert render_as(report, form) == render_as(replace(written, limits=limits), form)
    assert not [one for one in diff(written, report).changes if one.state != "same"]


def test_nobody_elses_proof_is_put_back() -> None:
    report = read_report(render(samples.errors(10_000)).encode(), "x.json")
    last = report.incidents[-1]
    assert (last.owner, len(last.fix), len(last.winsock)) == (report.incidents[3].owner, 3, 3)
    assert last.against == last.unknown == last.alternatives == last.timeline == last.silences == ()
    assert [one.statement for one in last.evidence] == ["As in incident 4."]


def test_the_title_of_one_told_in_short_names_its_own_parties() -> None:
    tree = json.loads(render(samples.three_in_a_group()))
    first, second = tree["incidents"][:2]
    first["title"] = f"It ended ({first['client']} to {first['server']})"
    tree["incidents"][1] = {"id": "2", "like": "1", "client": second["client"], "stream": None, "log": None}
    report = read_report(json.dumps(tree).encode(), "x.json")
    second = report.incidents[1]
    assert second.title == f"It ended ({second.client} to {first['server']})"
    assert (second.stream, second.log, second.time_ns) == (None, None, report.incidents[0].time_ns)


@pytest.mark.parametrize("like", ["2", "99", None, [], 4])
def test_one_that_is_like_nobody_is_refused(like: object) -> None:
    tree = json.loads(render(samples.three_in_a_group()))
    tree["incidents"][1]["like"] = like
    with pytest.raises(InputError, match=r"x\.json: this is no JSON report of notconn"):
        read_report(json.dumps(tree).encode(), "x.json")

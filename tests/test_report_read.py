from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from analyzer.errors import InputError
from analyzer.pipeline import Question, analyze
from analyzer.report.json import render
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

from __future__ import annotations

import json

import pytest

from analyzer.errors import InputError
from analyzer.pipeline import Question, analyze
from analyzer.report.json import render
from analyzer.report.read import read_report
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

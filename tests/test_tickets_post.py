from __future__ import annotations

import json
from dataclasses import replace

import pytest

from analyzer.report.note import mark
from analyzer.tickets.post import Dialect, make_post
from tests import report_samples as samples

DIALECTS: tuple[Dialect, ...] = ("adf", "jira", "markdown", "servicenow", "fragment", "text")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_carries_verdict_stamp_and_files(dialect: Dialect) -> None:
    post = make_post(samples.idle_drop(), (("ticket.zip", b"PK", "application/zip"),))
    body = post.body(dialect, post.files, 60_000)
    assert "firewall-idle-drop" in body
    assert post.stamp in body
    for file in post.files:
        assert file.name in body
        assert file.name.startswith(mark(samples.idle_drop()))
    if dialect == "adf":
        assert json.loads(body)["type"] == "doc"


@pytest.mark.parametrize("dialect", [one for one in DIALECTS if one != "adf"])
def test_a_long_report_is_cut_to_the_limit_and_keeps_its_stamp(dialect: Dialect) -> None:
    post = make_post(samples.many(400))
    body = post.body(dialect, post.files, 8_000)
    assert len(body) <= 8_000
    assert post.stamp in body


def test_the_revision_is_that_of_the_words_and_not_of_the_run() -> None:
    report = samples.idle_drop()
    same = make_post(replace(report, generated_ns=5, generated_by="notconn 99"))
    other = make_post(replace(report, incidents=(replace(report.incidents[0], cause="path-lost"),)))
    assert same.revision == make_post(report).revision != other.revision
    assert same.mark == other.mark


def test_hostile_names_stay_text_in_every_dialect() -> None:
    post = make_post(samples.hostile())
    for dialect in DIALECTS:
        body = post.body(dialect, (), 60_000)
        assert "\x1b" not in body
        if dialect == "fragment":
            assert "<script" not in body

"""The arguments that say what is to be analysed: each reaches the question, or is refused before the work begins."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest

from analyzer.cli.question import add_question, add_redaction, check_question, question_of, redaction_key
from analyzer.errors import OutputError, UsageError
from tests.cases import sample
from tests.conftest import Ran

Run = Callable[..., Ran]


def options(*arguments: object) -> argparse.Namespace:
    """The arguments as a command that analyses parses them."""
    parser = argparse.ArgumentParser()
    add_question(parser)
    add_redaction(parser)
    parser.add_argument("-o", "--output")
    parser.add_argument("--force", action="store_true")
    return parser.parse_args([str(one) for one in arguments])


def test_every_argument_reaches_the_question(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text("idle_limit = '60s'\n")
    asked = question_of(
        options(
            "a.pcap", "b.pcap", "--log", "one.log", "--log", "two.log", "--evtx", "three.evtx", "--netstat", "sockets",
            "--at", "191.5", "--endpoint", "db.example:5432", "--zone", "utc", "--site", site, "--rules", "mine",
            "--no-hash",
        )
    )  # fmt: skip
    assert asked.captures == ["a.pcap", "b.pcap"]
    assert asked.logs == ["one.log", "two.log", "three.evtx"]
    assert asked.sockets == "sockets"
    assert asked.at is not None
    assert asked.endpoint is not None
    assert asked.endpoint.name == "db.example"
    assert asked.zone is UTC
    assert asked.rules == [Path("mine")]
    assert asked.settings
    assert asked.hash_files is False


def test_what_is_not_asked_is_not_answered() -> None:
    asked = question_of(options("a.pcap"))
    assert (asked.logs, asked.sockets, asked.at, asked.endpoint, asked.zone) == ([], None, None, None, None)
    assert (asked.rules, asked.settings, asked.hash_files) == ([], {}, True)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--at", "soon"), ("--at", ""), ("--endpoint", ""), ("--endpoint", "a:b:c:d"), ("--zone", ""), ("--zone", "Mars")],
)
def test_a_value_that_means_nothing_is_refused(option: str, value: str) -> None:
    with pytest.raises(UsageError, match=option):
        question_of(options("a.pcap", option, value))


@pytest.mark.parametrize("option", ["--log", "--evtx", "--netstat", "--site", "--rules"])
def test_an_empty_name_is_refused_wherever_it_stands(option: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        check_question(options("a.pcap", option, ""))


def test_an_output_that_cannot_be_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("precious")
    check_question(options("a.pcap", "-o", tmp_path / "new"))
    check_question(options("a.pcap", "-o", "-"))
    with pytest.raises(UsageError, match="no text for standard output"):
        check_question(options("a.pcap", "-o", "-"), to_file=True)
    with pytest.raises(OutputError, match="--force"):
        check_question(options("a.pcap", "-o", tmp_path / "old"))
    for option in ("--log", "--evtx", "--netstat", "--site"):
        with pytest.raises(OutputError, match="never written over"):
            check_question(options("a.pcap", option, tmp_path / "old", "-o", tmp_path / "old", "--force"))


def test_a_key_is_read_where_it_is_said_to_be_and_does_nothing_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTCONN_TEST_KEY", "0123456789abcdef" * 4)
    assert redaction_key(options("a.pcap", "--redact")) is None
    key = redaction_key(options("a.pcap", "--redact", "--redact-key", "env:NOTCONN_TEST_KEY"))
    assert key is not None
    assert key == redaction_key(options("b.pcap", "--redact", "--redact-key", "env:NOTCONN_TEST_KEY"))
    with pytest.raises(UsageError, match="without --redact"):
        redaction_key(options("a.pcap", "--redact-key", "env:NOTCONN_TEST_KEY"))
    with pytest.raises(UsageError, match="NOTCONN_NONE"):
        redaction_key(options("a.pcap", "--redact", "--redact-key", "env:NOTCONN_NONE"))


def test_a_redacted_report_names_no_address(notconn: Run, tmp_path: Path) -> None:
    case = sample("ftp-nightly-job")
    asked = ("analyze", case.capture, "--log", case.log, "-o")
    assert notconn(*asked, tmp_path / "plain.txt").code == 0
    assert notconn(*asked, tmp_path / "safe.txt", "--redact").code == 0
    assert "10.229.140" in (tmp_path / "plain.txt").read_text(encoding="utf-8")
    assert "10.229.140" not in (tmp_path / "safe.txt").read_text(encoding="utf-8")

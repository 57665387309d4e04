"""What tshark adds to a report, and what happens where it cannot."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from analyzer import dissection
from analyzer.capture.interfaces import find_tshark
from analyzer.dissection import dissect
from analyzer.errors import UsageError
from analyzer.pipeline import Examined, Question, examine, report_of
from analyzer.report.model import Report
from analyzer.report.render import render
from tests.conftest import Ran
from tests.wire import Conversation

Run = Callable[..., Ran]
SAMPLES = Path(__file__).resolve().parents[1] / "samples"
# asyncio's transports outlive pyshark's loop, and its child watchers are deprecated.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def tshark() -> str:
    pytest.importorskip("pyshark")
    found = find_tshark()
    if found is None:
        pytest.skip("tshark is not installed")
    return found


def refused(path: Path, *answers: str, server: str = "10.9.0.7:2121") -> Path:
    """A server that greets, refuses and closes, after which the client sends."""
    conv = Conversation(server=server)
    conv.handshake()
    conv.server("220 ready\r\n")
    conv.client("USER batch\r\n")
    for answer in answers:
        conv.server(answer)
    conv.fin("server")
    conv.client("STAT\r\n")
    conv.server_rst()
    return conv.write(path)


def asked(path: Path) -> tuple[Examined, Report]:
    examined = examine(Question([str(path)]))
    return examined, report_of(examined)


def added(before: Report, after: Report) -> list[tuple[str, tuple[int, ...]]]:
    (old,), (new,) = before.incidents, after.incidents
    assert (new.cause, new.confidence, new.score) == (old.cause, old.confidence, old.score)
    assert new.evidence[: len(old.evidence)] == old.evidence
    return [(one.statement, one.frames) for one in new.evidence[len(old.evidence) :]]


@pytest.mark.usefixtures("tshark")
def test_a_tls_alert_is_named_with_its_frame_in_the_whole_capture() -> None:
    examined, report = asked(SAMPLES / "tls-version-too-old" / "capture.pcapng")
    deep, problems = dissect(examined, report)
    assert problems == []
    assert added(report, deep) == [("tshark reads a TLS alert: Protocol Version (70), Fatal (2).", (31,))]
    assert deep.incidents[0].evidence[-1].filter == "frame.number in {31}"


@pytest.mark.usefixtures("tshark")
def test_a_protocol_is_known_by_its_words_on_any_port(tmp_path: Path) -> None:
    examined, report = asked(refused(tmp_path / "x.pcap", "530 go away\r\n", "421 \x1b[31mtoo <b>many\r\n"))
    deep, _ = dissect(examined, report)
    (first, _), (second, _) = added(report, deep)
    assert first.startswith("tshark reads the FTP reply: ")
    assert '"go away"' in first
    assert "(421)" in second
    for form in ("text", "json", "markdown", "html"):
        assert b"\x1b" not in render(deep, form)
        assert b"many" in render(deep, form) or form == "text"
    assert b"<b>many" not in render(deep, "html")


@pytest.mark.usefixtures("tshark")
def test_a_redacted_report_does_not_quote(notconn: Run, tmp_path: Path) -> None:
    path = refused(tmp_path / "x.pcap", "530 user bob is locked\r\n")
    ran = notconn("analyze", path, "--deep", "--redact", "--format", "json")
    assert ran.code == 0
    assert "tshark reads the FTP reply" in ran.out
    assert "bob" not in ran.out
    assert "bob is locked" in notconn("analyze", path, "--deep", "--format", "json").out


def test_without_tshark_there_is_a_sentence(notconn: Run, capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dissection, "find_tshark", lambda: None)
    ran = notconn("analyze", capture, "--deep")
    assert ran.code == 2
    assert ran.sentence == "--deep needs tshark, which is not installed: install Wireshark, or leave --deep out"


def test_without_pyshark_there_is_a_sentence(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dissection, "find_tshark", lambda: "tshark")
    monkeypatch.setitem(sys.modules, "pyshark", None)
    with pytest.raises(UsageError, match="pip install pyshark"):
        dissect(*asked(capture))


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (TimeoutError(), "took longer than 20 s for incident 1; the report is without it"),
        (RuntimeError("TShark crashed\nmore"), "could not read the packets of incident 1 (TShark crashed)"),
        (ValueError(), "(ValueError)"),
    ],
)
def test_what_fails_leaves_the_report_as_it_is(
    capture: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception, words: str
) -> None:
    def fail(*_arguments: object) -> None:
        raise failure

    monkeypatch.setattr(dissection, "find_tshark", lambda: "tshark")
    monkeypatch.setattr(dissection, "_run", fail)
    examined, report = asked(capture)
    deep, problems = dissect(examined, report)
    assert deep == report
    (problem,) = problems
    assert words in problem


@pytest.mark.usefixtures("tshark")
def test_a_tshark_that_fails_changes_nothing(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name == "nt":
        pytest.skip("this needs a program written for a POSIX shell")
    broken = capture.parent / "tshark"
    broken.write_text('#!/bin/sh\n[ "$1" = -v ] && echo "TShark (Wireshark) 4.0.0." && exit 0\nexit 3\n')
    broken.chmod(0o755)
    monkeypatch.setattr(dissection, "find_tshark", lambda: str(broken))
    examined, report = asked(capture)
    deep, problems = dissect(examined, report)
    assert deep == report
    # pyshark tells only of a failure that it hears of before it has read the empty answer to its end.
    assert [one.partition(" (")[0] for one in problems] in ([], ["tshark could not read the packets of incident 1"])


@pytest.mark.usefixtures("tshark")
def test_asyncio_is_left_as_it_was(capture: Path) -> None:
    if not hasattr(asyncio, "get_child_watcher"):
        pytest.skip("this Python has no watchers of children")
    before = asyncio.get_child_watcher()
    dissect(*asked(capture))
    assert asyncio.get_child_watcher() is before


def test_statements_of_a_stream_are_few_and_its_packets_bounded(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(place: Path, _tshark: str, _decode_as: object, hear: Callable[[object], None]) -> None:
        assert place.stat().st_size
        for number in range(1, 5):
            field = SimpleNamespace(showname_value=f"{number} {'x' * 500}")
            layer = SimpleNamespace(layer_name="ssh", get_field=lambda _name, field=field: field)
            hear(SimpleNamespace(number=str(number), layers=[layer] * 9))

    monkeypatch.setattr(dissection, "find_tshark", lambda: "tshark")
    monkeypatch.setattr(dissection, "_run", run)
    monkeypatch.setattr(dissection, "_EDGE", 2)
    monkeypatch.setattr(dissection, "_MOST_STATEMENTS", 3)
    examined, report = asked(capture)
    deep, _ = dissect(examined, report)
    new = added(report, deep)
    assert len(new) == 3
    assert all(len(statement) < 200 for statement, _ in new)
    flow = examined.captures[0].flows.stream(report.incidents[0].stream or 0)
    frames = [frame for _, (frame,) in new]
    assert frames[0] == flow.first_frame
    assert frames[1] < frames[2] == sorted(one.frame for one in flow.segments)[-2]

"""Every dialect on every sample, on hostile captures and logs, and on ten thousand incidents."""

from __future__ import annotations

import re
import time
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("jinja2")

from analyzer.pipeline import Question, analyze
from analyzer.report.model import Report
from analyzer.report.phrases import frames
from analyzer.report.render import FORMATS, render
from analyzer.report.text import TICKET_LINES, ticket
from tests import report_samples
from tests.cases import answered, sample_names
from tests.dialects import READERS
from tests.loose_packets import START_NS
from tests.wire import Conversation, dns, write_pcap

MOST_BYTES = 5_000_000
MOST_SECONDS = 5.0


def test_no_dialect_is_forgotten() -> None:
    assert set(READERS) | {"pdf"} == set(FORMATS)


@pytest.mark.parametrize("dialect", READERS)
@pytest.mark.parametrize("name", sample_names())
def test_every_dialect_of_every_sample_says_the_same(name: str, dialect: str) -> None:
    report = answered(name, with_log=True)
    words = READERS[dialect](render(report, dialect))
    if not report.incidents:
        assert "consistent" in words or "No connection died" in words or dialect in ("csv", "sarif", "junit")
        return
    first = report.leading()[0]
    assert first.cause in words
    assert first.confidence in words
    for one in first.evidence[:3]:
        if dialect in ("csv", "json"):
            assert all(re.search(rf"\b{frame}\b", words) for frame in one.frames)
        else:
            assert frames(one.frames, word=False) in words
        assert dialect == "csv" or one.statement.rstrip(".")[:40] in words


@pytest.mark.parametrize("name", sample_names())
def test_the_tickets_text_of_every_sample_fits_a_comment(name: str) -> None:
    report = answered(name, with_log=True)
    for one in report.leading():
        assert len(ticket(report, one).splitlines()) <= TICKET_LINES


# -- hostile input -----------------------------------------------------------------------------------------------------

ATTACKS = {
    "script": "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "quotes": "\"'` onmouseover=alert(1) x=\"'><b>",
    "terminal": "\x1b[2J\x1b[31mred\x1b]0;title\x07\x9b1m",
    "direction": "\u202egpj.exe\u2066inside\u2069\u200b",
    "formula": "=cmd|' /C calc'!A0",
    "formula-plus": "+1+1",
    "formula-at": "@SUM(1)",
    "markdown": "](https://evil.test) ![x](https://evil.test/p.png) | a | b | `c` ```\n# head\n@all #12 <details>",
    "jira": "{code}h1. big{code} [~admin] !https://evil.test/p.png! {color:red}x{color} |cell| bq. ",
    "servicenow": "[code]<a href='https://evil.test'>x</a>[/code]",
    "mermaid": "end; participant X; Note over C: %%{init: {}}%%",
    "xml": "]]></failure><testcase name='x'/>&lt;&#0;",
}


@cache
def _hostile(attack: str, folder: Path) -> Report:
    """An FTP server, a log and both their files, all of which say ``attack`` wherever a stranger can say something."""
    said = ATTACKS[attack]
    talk = Conversation(server="10.9.0.7:21")
    talk.handshake()
    talk.server(f"220 {said}\r\n")
    talk.exchange(f"USER {said}\r\n", f"331 {said}\r\n")
    talk.wait("60s")
    talk.server(f"421 Timeout {said}\r\n")
    talk.fin("server")
    talk.client(b"NOOP\r\n", acked=False, after="5s")
    talk.server_rst(with_ack=False)
    name = said.replace("/", "_").replace("\x00", "")[:60].strip()
    capture = write_pcap(folder / f"{name}.pcap", talk.packets)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(talk.now // 10**9))
    log = folder / f"{name}.log"
    line = said.replace("\n", " ")
    log.write_text(f"{stamp}.900Z ERROR [{line}] {line} send() failed: 10057 peer=10.9.0.7:21 {line}\n", encoding="utf-8")
    return analyze(Question([str(capture)], [str(log)]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.mark.parametrize("dialect", READERS)
@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_stranger_wrote_comes_out_as_text(attack: str, dialect: str, folder: Path) -> None:
    place = folder / attack
    place.mkdir(exist_ok=True)
    report = _hostile(attack, place)
    assert [one.cause for one in report.incidents] == ["server-idle-timeout"]
    assert report.incidents[0].log is not None
    words = READERS[dialect](render(report, dialect))
    assert "server-idle-timeout" in words


@cache
def _misnamed(attack: str, folder: Path) -> Report:
    """A name that does not exist, and a log of the call that was made all the same."""
    name = ATTACKS[attack].replace(".", "").replace("\x00", "")[:60]
    capture = write_pcap(folder / "name.pcap", dns(name, rcode=3))
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START_NS // 10**9 + 1))
    log = folder / "name.log"
    log.write_text(f"{stamp}Z ERROR getaddrinfo failed: 11001\n{stamp}Z ERROR send() failed: 10057\n", encoding="utf-8")
    return analyze(Question([str(capture)], [str(log)]))


@pytest.mark.parametrize("dialect", READERS)
@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_name_server_was_asked_comes_out_as_text(attack: str, dialect: str, folder: Path) -> None:
    place = folder / f"{attack}-name"
    place.mkdir(exist_ok=True)
    report = _misnamed(attack, place)
    assert {one.cause for one in report.incidents} == {"name-resolution-failed"}
    assert "name-resolution-failed" in READERS[dialect](render(report, dialect))


@pytest.mark.parametrize("dialect", [name for name in READERS if name != "json"])  # no cause of the schema is hostile
def test_a_report_that_is_hostile_all_over_comes_out_as_text(dialect: str) -> None:
    READERS[dialect](render(report_samples.hostile(), dialect))


# -- ten thousand incidents --------------------------------------------------------------------------------------------


@cache
def _many(kind: str) -> Report:
    if kind == "a log":
        return report_samples.errors(10_000)
    report = report_samples.many(10_000)
    return report_samples.apart(report) if kind == "each alone" else report


@pytest.mark.parametrize("dialect", READERS)
@pytest.mark.parametrize("kind", ["in groups", "each alone", "a log"])
def test_ten_thousand_incidents_are_written_in_five_seconds_and_five_megabytes(dialect: str, kind: str) -> None:
    report = _many(kind)
    render(report_samples.nothing(), dialect)
    started = time.process_time()
    made = render(report, dialect)
    spent = time.process_time() - started
    assert spent < MOST_SECONDS
    assert len(made) < MOST_BYTES
    if dialect != "json":  # its schema is held on smaller reports; on this one alone it takes a minute
        READERS[dialect](made)

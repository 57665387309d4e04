"""``notconn diff``: captures and reports on either side, the forms, and the exit code for a pipeline."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cases import sample
from tests.conftest import Ran

Run = Callable[..., Ran]
BAD = sample("server-aborts").capture
GOOD = sample("healthy-keepalives").capture


def test_the_exit_code_is_the_answer(notconn: Run) -> None:
    same = notconn("diff", BAD, BAD)
    assert same.code == 1
    assert not same.err
    assert same.out.startswith("Not cured: ")
    assert "still there" in same.out
    assert notconn("diff", GOOD, GOOD).code == 0
    worse = notconn("diff", GOOD, BAD)
    assert worse.code == 1
    assert "(new)" in worse.out


def test_what_is_gone_is_cured_only_where_its_server_was_used_again(
    notconn: Run, capture: Path, tmp_path: Path
) -> None:
    from tests.wire import Conversation, write_pcap

    calm = Conversation(client="10.0.0.5:50199", server="10.9.0.7:21", rtt_ms=20)
    calm.handshake()
    calm.server(b"220 ready\r\n")
    calm.close()
    cured = notconn("diff", capture, write_pcap(tmp_path / "after.pcap", calm.packets))
    assert (cured.code, cured.out.splitlines()[0]) == (0, "Cured: 1 incident before, none after.")
    unused = notconn("diff", capture, GOOD)
    assert unused.code == 1
    assert "nobody connected to that server" in unused.out


def test_a_report_stands_for_its_capture(notconn: Run, capture: Path, tmp_path: Path) -> None:
    report = tmp_path / "before.json"
    assert notconn("analyze", capture, "-o", report).code == 0
    assert notconn("diff", report, capture).out == notconn("diff", capture, capture).out


def test_logs_belong_to_their_side(notconn: Run, capture: Path, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    lines = (f"2026-02-25 06:14:{40 + second}.000 ERROR send to 10.9.0.7:21 failed: 10057\n" for second in range(3))
    log.write_text("".join(lines))
    ran = notconn("diff", capture, capture, "--log-after", log, "--zone", "utc", "--format", "json")
    (change,) = json.loads(ran.out)["changes"]
    assert (change["before"], change["after"], change["state"]) == (1, 3, "more")
    ran = notconn("diff", capture, capture, "--log-before", log, "--zone", "utc")
    assert ran.code == 1
    assert "fewer" in ran.out


def test_json_stands_alone_and_a_file_is_never_written_over(notconn: Run, tmp_path: Path) -> None:
    ran = notconn("diff", BAD, GOOD, "--format", "json")
    assert not ran.err
    assert json.loads(ran.out)["cured"] is False
    target = tmp_path / "diff.json"
    target.write_text("precious")
    assert "--force" in notconn("diff", BAD, GOOD, "--format", "json", "-o", target).sentence
    assert target.read_text() == "precious"
    written = notconn("diff", BAD, GOOD, "--format", "json", "-o", target, "--force")
    assert (written.code, written.out, target.read_text()) == (1, "", ran.out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none.pcap", GOOD), "none.pcap"),
        ((GOOD, "none.pcap"), "none.pcap"),
        ((GOOD,), "AFTER"),
        (("-", "-"), "standard input holds one capture"),
        ((GOOD, GOOD, "--log-after", "none.log"), "none.log"),
        ((GOOD, GOOD, "--zone", "Mars/Olympus"), "Mars/Olympus"),
        ((GOOD, GOOD, "--format", "html"), "html"),
    ],
)
def test_wrong_calls_are_a_sentence(
    notconn: Run, arguments: tuple[object, ...], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    ran = notconn("diff", *arguments)
    assert ran.code == 2
    assert words in ran.sentence
    assert not ran.out

"""``notconn analyze``: the arguments reach the question, the answer reaches its place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.report.render import FORMATS
from tests.conftest import Ran

Run = Callable[..., Ran]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("2026-02-25 06:14:40.000 ERROR send to 10.9.0.7:21 failed: 10057\n")
    return path


def test_text_is_the_default(notconn: Run, capture: Path) -> None:
    ran = notconn("analyze", capture)
    assert ran.code == 0
    assert not ran.err
    assert ran.out.startswith("Incident 1:")
    assert "10.9.0.7:21" in ran.out


def test_only_what_is_kept_or_asked_for_by_name_carries_the_hash(notconn: Run, capture: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(capture.read_bytes()).hexdigest()
    assert digest not in notconn("analyze", capture).out
    assert digest in notconn("analyze", capture, "--format", "text").out
    assert digest not in notconn("analyze", capture, "--format", "text", "--no-hash").out
    assert notconn("analyze", capture, "-o", tmp_path / "report.txt").code == 0
    assert digest in (tmp_path / "report.txt").read_text(encoding="utf-8")


def test_json_stands_alone_on_standard_output(notconn: Run, capture: Path, log: Path) -> None:
    ran = notconn("analyze", capture, "--log", log, "--format", "json")
    assert not ran.err
    answer = json.loads(ran.out)
    assert [one["source"] for one in answer["incidents"]] == ["log"]
    assert answer["incidents"][0]["stream"] == 1


def test_the_same_question_gives_the_same_bytes(notconn: Run, capture: Path, log: Path) -> None:
    for form in ("text", "json", "html", "markdown"):
        first = notconn("analyze", capture, "--log", log, "--format", form)
        assert notconn("analyze", capture, "--log", log, "--format", form).out == first.out


@pytest.mark.parametrize("form", sorted(set(FORMATS) - {"pdf"}))
def test_every_form_by_its_name_and_by_the_files(notconn: Run, capture: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / f"report{FORMATS[form].suffix}"
    assert notconn("analyze", capture, "-o", out).code == 0
    assert out.read_text(encoding="utf-8") == notconn("analyze", capture, "--format", form).out


def test_fail_on(notconn: Run, capture: Path, tmp_path: Path) -> None:
    from tests.wire import write_pcap

    level = json.loads(notconn("analyze", capture, "--format", "json").out)["incidents"][0]["confidence"]
    order = ["low", "medium", "high"]
    for other in order:
        code = notconn("analyze", capture, "--fail-on", other).code
        assert code == int(order.index(level) >= order.index(other))
    empty = write_pcap(tmp_path / "empty.pcap", [])
    assert notconn("analyze", empty, "--fail-on", "low").code == 0


def test_a_time_and_an_endpoint_are_explained(notconn: Run, capture: Path) -> None:
    for arguments in (("--at", "2026-02-25T06:14:35Z"), ("--endpoint", "10.9.0.7:21"), ("--at", "1772000075")):
        answer = json.loads(notconn("analyze", capture, *arguments, "--format", "json").out)
        assert {one["source"] for one in answer["incidents"]} == {"call"}


def test_the_zone_of_a_log_moves_its_times(notconn: Run, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text("2026-02-25 07:14:40.000 ERROR send to 10.9.0.7:21 failed: 10057\n")
    times = set()
    for zone in ("+01:00", "Europe/Berlin", "+0100", "UTC+1"):
        ran = notconn("analyze", capture, "--log", tmp_path / "app.log", "--zone", zone, "--format", "json")
        assert ran.code == 0
        times.add(json.loads(ran.out)["incidents"][0]["time"][:16])
    assert times == {"2026-02-25T06:14"}


def test_no_hash(notconn: Run, capture: Path) -> None:
    answer = json.loads(notconn("analyze", capture, "--no-hash", "--format", "json").out)
    assert answer["captures"][0]["sha256"] == ""


def test_a_site_file_is_taken(notconn: Run, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("[limits]\nidle_limit = '350s'\n")
    assert notconn("analyze", capture, "--site", tmp_path / "site.toml").code == 0

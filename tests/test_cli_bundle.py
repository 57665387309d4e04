"""``notconn bundle``: what it writes, what it says, and what it leaves alone."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from analyzer.bundle import REPORT_NAME
from analyzer.report.read import read_report
from tests.cases import sample
from tests.conftest import Ran

Run = Callable[..., Ran]


def test_one_zip_and_its_files_named_on_standard_error(notconn: Run, capture: Path, tmp_path: Path) -> None:
    target = tmp_path / "ticket.zip"
    ran = notconn("bundle", capture, "-o", target, "--local", "+02:00")
    assert ran.code == 0
    assert not ran.out
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
        assert "+02:00" in archive.read("times.csv").decode()
        assert "+02:00" in archive.read("README.txt").decode()
        assert len(read_report(archive.read(REPORT_NAME), REPORT_NAME).incidents) == 1
    assert "incident-1.pcapng" in names
    assert ran.sentence == f"wrote {target}: {', '.join(names)}"


def test_one_incident_of_many(notconn: Run, tmp_path: Path) -> None:
    capture = sample("retry-loop-on-closed-port").capture
    assert notconn("bundle", capture, "--incident", "2", "-o", tmp_path / "two.zip").code == 0
    with zipfile.ZipFile(tmp_path / "two.zip") as archive:
        assert [name for name in archive.namelist() if name.startswith("incident-")] == ["incident-2.pcapng"]
        assert [one.id for one in read_report(archive.read(REPORT_NAME), REPORT_NAME).incidents] == ["2"]


def test_what_is_there_stays_until_force_and_until_the_new_is_whole(
    notconn: Run, capture: Path, tmp_path: Path
) -> None:
    target = tmp_path / "ticket.zip"
    target.write_bytes(b"precious")
    assert "--force" in notconn("bundle", capture, "-o", target).sentence
    assert notconn("bundle", capture, "-o", target, "--force", "--incident", "99").code == 2
    assert target.read_bytes() == b"precious"
    assert notconn("bundle", capture, "-o", target, "--force").code == 0
    assert zipfile.is_zipfile(target)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["capture.pcap", "ticket.zip"]


def test_secrets_are_refused_until_they_are_redacted_or_allowed(notconn: Run, tmp_path: Path) -> None:
    case = sample("ftp-nightly-job")
    asked = ("bundle", case.capture, "--log", case.log, "-o", tmp_path / "b.zip")
    ran = notconn(*asked)
    assert ran.code == 2
    assert "--allow-secrets" in ran.sentence
    assert not list(tmp_path.iterdir())
    assert notconn(*asked, "--redact").code == 0
    assert notconn(*asked, "--allow-secrets", "--force").code == 0


def test_nothing_died_nothing_to_bundle(notconn: Run, tmp_path: Path) -> None:
    ran = notconn("bundle", sample("healthy-keepalives").capture, "-o", tmp_path / "n.zip")
    assert ran.code == 2
    assert "there is no incident to bundle" in ran.sentence
    assert not list(tmp_path.iterdir())


def test_a_zone_that_there_is_not_is_refused_before_the_work(notconn: Run, capture: Path, tmp_path: Path) -> None:
    ran = notconn("bundle", capture, "-o", tmp_path / "n.zip", "--local", "Mars/Olympus")
    assert ran.code == 2
    assert ran.sentence.startswith("--local: 'Mars/Olympus' is no zone")

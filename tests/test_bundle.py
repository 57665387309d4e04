from __future__ import annotations

import hashlib
import zipfile
from datetime import UTC
from pathlib import Path

import pytest

from analyzer.bundle import REPORT_NAME, make_bundle
from analyzer.errors import OutputError, UsageError
from analyzer.pipeline import Question, examine
from analyzer.report.read import read_report
from analyzer.slices.make import prepare_masks
from tests.cases import sample

KEY = bytes(range(32))


def examined(name: str):  # type: ignore[no-untyped-def]
    case = sample(name)
    return examine(Question([str(case.capture)], [str(case.log)]))


def test_a_bundle_holds_report_packets_questions_and_times_with_their_hashes(tmp_path: Path) -> None:
    target = tmp_path / "b.zip"
    made = make_bundle(examined("database-idle-behind-firewall"), target)
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        assert tuple(archive.namelist()) == made.names
        assert set(made.names) >= {
            "README.txt", "report.html", "report.md", "report.txt", REPORT_NAME, "questions.md", "times.csv",
            "incident-1.pcapng",
        }  # fmt: skip
        readme = archive.read("README.txt").decode()
        for name in made.names[1:]:
            assert f"{hashlib.sha256(archive.read(name)).hexdigest()}  {name}" in readme
        report = read_report(archive.read(REPORT_NAME), REPORT_NAME)
    assert report.incidents[0].cause == "firewall-idle-drop"
    assert made.slices["1"].comparison.same
    assert made.slices["1"].comparison.sentence in readme


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    found = examined("server-aborts")
    for name in ("a.zip", "b.zip"):
        make_bundle(found, tmp_path / name, masks=prepare_masks(found, KEY), local=UTC)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_redacted_bundle_holds_nothing_of_the_site(tmp_path: Path) -> None:
    found = examined("login-refused-in-protocol")
    masks = prepare_masks(found, KEY)
    target = tmp_path / "b.zip"
    make_bundle(found, target, masks=masks)
    with zipfile.ZipFile(target) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            for old in masks.replaced_addresses:
                assert old not in data or name.endswith(".html")
            for host in masks.known_names:
                assert host.encode() not in data
            assert b"app.log" not in data


def test_one_incident_of_many_and_none_that_there_is_not(tmp_path: Path) -> None:
    found = examined("retry-loop-on-closed-port")
    make_bundle(found, tmp_path / "one.zip", incident="1")
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert [one.id for one in read_report(archive.read(REPORT_NAME), "r").incidents] == ["1"]
    with pytest.raises(UsageError, match="no such incident"):
        make_bundle(found, tmp_path / "two.zip", incident="9999")


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(b"precious")
    with pytest.raises(OutputError, match="--force"):
        make_bundle(examined("server-aborts"), tmp_path / "b.zip")
    assert (tmp_path / "b.zip").read_bytes() == b"precious"

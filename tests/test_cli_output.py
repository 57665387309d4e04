"""Outputs: whole or not at all, never over an input, never over anything unasked."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.cli.output import check_output, new_file, write_output
from analyzer.errors import OutputError
from tests.conftest import Ran

Run = Callable[..., Ran]
ROOT = Path(__file__).resolve().parents[1]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.json"
    target.write_bytes(b"old")

    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_output(b"new", str(target), force=True)
    assert target.read_bytes() == b"old"


def test_a_device_needs_no_force() -> None:
    if not Path("/dev/null").exists():
        pytest.skip("this system has no /dev/null")
    check_output("/dev/null", force=False)
    write_output(b"data", "/dev/null", force=False)


def test_standard_output_by_name(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write_output(b"data", "-", force=False)
    assert capfdbinary.readouterr().out == b"data"


def test_the_check_comes_before_the_work(tmp_path: Path) -> None:
    check_output(str(tmp_path / "new.json"), force=False)
    for wrong in (tmp_path, tmp_path / "gone" / "new.json"):
        with pytest.raises(OutputError, match="-o"):
            check_output(str(wrong), force=True)


def test_an_empty_name_is_a_sentence() -> None:
    with pytest.raises(OutputError, match="-o: the name is empty"):
        check_output("", force=False)


class _Full(io.BytesIO):
    """A file on a full disk: small pieces are taken, and missed when the file is closed."""

    def close(self) -> None:
        if not self.closed:
            super().close()
            raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "flows.json"

    def full(path: Path, _mode: str) -> _Full:
        path.touch()
        return _Full()

    monkeypatch.setattr(Path, "open", full)
    monkeypatch.setattr(_Full, "flush", lambda _self: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OutputError, match="No space left on device"):
        write_output(b"data", str(target), force=False)
    assert not target.exists()


def test_what_stands_there_stays_until_the_new_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "slice.pcapng"
    target.write_bytes(b"old")

    def interrupted() -> None:
        with new_file(str(target), force=True) as place:
            place.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(OutputError, match=r"slice\.pcapng: full"), new_file(str(target), force=True) as place:
        raise OutputError(f"{place}: full")
    assert [one.name for one in tmp_path.iterdir()] == ["slice.pcapng"]
    assert target.read_bytes() == b"old"
    with new_file(str(target), force=True) as place:
        place.write_bytes(b"new")
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("command", ["analyze", "flows", "slice", "bundle"])
def test_no_input_is_written_over_even_when_forced(notconn: Run, capture: Path, command: str) -> None:
    before = capture.read_bytes()
    for given in (capture, capture.parent, capture.parent / "*.pcap"):
        ran = notconn(command, given, "-o", capture, "--force")
        assert ran.code == 2
        assert "this is read as input" in ran.sentence
    assert capture.read_bytes() == before


def test_no_log_is_written_over(notconn: Run, capture: Path, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("2026-02-25 06:13:20 ERROR 10057\n")
    assert "this is read as input" in notconn("analyze", capture, "--log", log, "-o", log, "--force").sentence
    assert "this is read as input" in notconn("diff", capture, capture, "-o", capture, "--force").sentence
    assert log.read_text() == "2026-02-25 06:13:20 ERROR 10057\n"


@pytest.mark.parametrize("command", ["slice", "bundle"])
def test_packets_do_not_go_to_standard_output(notconn: Run, capture: Path, command: str) -> None:
    assert "name a file" in notconn(command, capture, "-o", "-").sentence


def test_one_standard_input_is_no_two_captures(notconn: Run, capture: Path) -> None:
    assert "holds one capture" in notconn("diff", "-", "-").sentence
    assert "only a capture" in notconn("analyze", capture, "--log", "-").sentence
    assert "only a capture" in notconn("analyze", capture, "--netstat", "-").sentence
    assert "only a capture" in notconn("diff", capture, capture, "--log-after", "-").sentence


def shell(command: str, capture: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of the shell in which ``notconn`` is the command line of this tree."""
    if os.name == "nt":
        pytest.skip("this needs a POSIX shell")
    line = command.replace("notconn", f"'{sys.executable}' -m analyzer.cli.main")
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=capture.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("notconn analyze capture.pcap >&-", 0),
        ("notconn analyze capture.pcap 2>&-", 0),
        ("notconn flows capture.pcap >&-", 0),
        ("notconn analyze gone.pcap 2>&-", 2),
        ("notconn analyze - <&-", 2),
        ("notconn flows - <&-", 2),
        ("notconn --help >&-", 0),
    ],
)
def test_closed_streams(capture: Path, command: str, code: int) -> None:
    ran = shell(command, capture)
    assert ran.returncode == code
    assert b"Traceback" not in ran.stderr


@pytest.mark.parametrize("command", ["analyze capture.pcap", "flows capture.pcap", "explain 10057", "rules docs"])
def test_a_full_standard_output_is_a_sentence(capture: Path, command: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    ran = shell(f"notconn {command} > /dev/full", capture)
    assert ran.returncode == 2
    assert ran.stderr.startswith(b"notconn: standard output cannot be written")
    assert ran.stderr.count(b"\n") == 1


@pytest.mark.parametrize("command", ["analyze capture.pcap", "rules docs", "explain causes"])
def test_a_reader_that_goes_away_is_no_failure(capture: Path, command: str) -> None:
    ran = shell(f"(notconn {command}; echo $? >&2) | head -1", capture)
    assert ran.stderr.split() == [b"0"]


def test_a_full_temporary_folder_is_a_sentence(notconn: Run, capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device", "/tmp/notconn-1/slice.pcapng")

    monkeypatch.setattr("analyzer.slices.make.TemporaryDirectory", full)
    ran = notconn("slice", capture, "-o", capture.parent / "s.pcapng")
    assert ran.code == 2
    assert ran.sentence.startswith("/tmp/notconn-1/slice.pcapng: No space left on device; ")


@pytest.mark.parametrize("form", ["text", "json", "csv", "parquet"])
def test_a_file_name_that_is_no_text(notconn: Run, capture: Path, form: str) -> None:
    if os.name == "nt" or sys.platform == "darwin":
        pytest.skip("this system has no such names")
    if form == "parquet":
        pytest.importorskip("pyarrow")
    odd = Path(os.fsdecode(os.fsencode(capture.parent) + b"/\xff\xfe \n\x1b.pcap"))
    odd.write_bytes(capture.read_bytes())
    target = capture.parent / "out"
    assert notconn("flows", odd, "--format", form, "-o", target).code == 0
    assert b"\x1b" not in target.read_bytes() or form == "parquet"
    assert notconn("analyze", odd, "-o", capture.parent / "report.html").code == 0


@pytest.mark.parametrize("command", ["analyze", "flows"])
def test_an_office_file_is_not_pretended(notconn: Run, capture: Path, command: str) -> None:
    ran = notconn(command, capture, "-o", capture.parent / "table.XLSX")
    assert ran.code == 2
    assert "no form ends in .XLSX; .csv opens in a spreadsheet" in ran.sentence
    assert not (capture.parent / "table.XLSX").exists()


@pytest.mark.parametrize("option", ["--log", "--evtx", "--netstat", "--site", "--rules"])
def test_an_empty_name_of_an_input_is_refused(notconn: Run, capture: Path, option: str) -> None:
    assert "the name of a file is empty" in notconn("analyze", capture, option, "").sentence
    assert "the name of a file is empty" in notconn("analyze", "").sentence


def test_an_unknown_option_points_to_the_help_of_its_command(notconn: Run, capture: Path) -> None:
    assert notconn("analyze", capture, "--frob").sentence.endswith("`notconn analyze --help` lists what there is")
    assert notconn("-v").sentence.endswith("`notconn --help` lists what there is")

"""``notconn flows``: forms, outputs, and what stands where."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.cli.main import main
from analyzer.tables import FLOW_COLUMNS
from tests.conftest import Ran

Run = Callable[..., Ran]
ROOT = Path(__file__).resolve().parents[1]
NAMES = [column.name for column in FLOW_COLUMNS]


def test_text_is_the_default(notconn: Run, capture: Path) -> None:
    ran = notconn("flows", capture)
    assert ran.code == 0
    assert not ran.err
    assert "10.0.0.5:50123  10.9.0.7:21" in ran.out
    assert "\x1b" not in ran.out
    assert "RSTR   a reset in the server's name" in ran.out


def test_json_csv_and_parquet_have_the_same_columns_and_rows(notconn: Run, capture: Path, tmp_path: Path) -> None:
    import pandas as pd

    answer = json.loads(notconn("flows", capture, "--format", "json").out)
    assert answer["schema"] == "notconn/1"
    assert answer["captures"][0]["packets"] == sum(flow["packets"] for flow in answer["flows"])
    assert len(answer["captures"][0]["sha256"]) == 64
    assert [list(flow) for flow in answer["flows"]] == [NAMES, NAMES]
    read = list(csv.DictReader(io.StringIO(notconn("flows", capture, "--format", "csv").out)))
    assert [list(row) for row in read] == [NAMES, NAMES]
    assert [row["last"] for row in read] == [flow["last"] for flow in answer["flows"]]
    assert notconn("flows", capture, "-o", tmp_path / "flows.parquet").code == 0
    frame = pd.read_parquet(tmp_path / "flows.parquet")
    assert list(frame.columns) == NAMES
    assert frame.payload_bytes.tolist() == [flow["payload_bytes"] for flow in answer["flows"]]


@pytest.mark.parametrize("form", ["text", "csv", "json", "parquet"])
def test_a_file_holds_what_standard_output_would(notconn: Run, capture: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / f"flows.{'txt' if form == 'text' else form}"
    ran = notconn("flows", capture, "-o", out)
    assert ran.code == 0
    assert not ran.out
    assert ran.err == f"notconn: wrote {out}\n"
    command = [sys.executable, "-m", "analyzer.cli.main", "flows", str(capture), "--format", form]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    assert out.read_bytes() == done.stdout


def test_the_form_that_is_named_wins_over_the_files_name(notconn: Run, capture: Path, tmp_path: Path) -> None:
    notconn("flows", capture, "-o", tmp_path / "flows.txt", "--format", "json")
    assert json.loads((tmp_path / "flows.txt").read_text())["schema"] == "notconn/1"


def test_folders_patterns_and_standard_input(notconn: Run, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "second.pcap").write_bytes(capture.read_bytes())
    for given in (tmp_path, tmp_path / "*.pcap"):
        answer = json.loads(notconn("flows", given, "--format", "json", "--no-hash").out)
        assert len(answer["captures"]) == 2
        assert len(answer["flows"]) == 4
        assert answer["captures"][0]["sha256"] == ""
    command = [sys.executable, "-m", "analyzer.cli.main", "flows", "-", "--format", "json"]
    done = subprocess.run(command, cwd=ROOT, input=capture.read_bytes(), capture_output=True, check=True, timeout=60)
    assert json.loads(done.stdout)["flows"][1]["capture"] == "-"


def test_a_hostile_file_name_is_harmless_in_every_form(notconn: Run, capture: Path, tmp_path: Path) -> None:
    name = "=cmd|\x1b[2J\u202e.pcap"
    hostile = tmp_path / "-x" / name
    hostile.parent.mkdir()
    hostile.write_bytes(capture.read_bytes())
    assert "\x1b" not in notconn("flows", hostile).out
    assert json.loads(notconn("flows", hostile, "--format", "json").out)["flows"][0]["capture"] == str(hostile)
    text = notconn("flows", hostile, "--format", "csv").out
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_parquet_without_pyarrow(notconn: Run, capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    ran = notconn("flows", capture, "-o", tmp_path / "flows.parquet")
    assert ran.code == 2
    assert "pip install 'notconn[parquet]'" in ran.sentence
    assert not (tmp_path / "flows.parquet").exists()


class Terminal(io.TextIOWrapper):
    """Standard output as a terminal has it."""

    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], bytes]:
    """Put a terminal in the place of standard output; returns what reads what it shows."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Terminal(raw, encoding="utf-8", write_through=True))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return raw.getvalue


def test_colour_on_a_terminal_only(capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = terminal(monkeypatch)
    assert main(["flows", str(capture)]) == 0
    assert b"\x1b[31mRSTR\x1b[0m" in shown()
    assert main(["flows", str(capture), "-o", str(tmp_path / "flows.txt")]) == 0
    assert b"\x1b" not in (tmp_path / "flows.txt").read_bytes()
    before = len(shown())
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(["flows", str(capture)]) == 0
    assert b"\x1b" not in shown()[before:]


def test_parquet_is_not_thrown_at_a_terminal(
    capture: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = terminal(monkeypatch)
    assert main(["flows", str(capture), "--format", "parquet"]) == 2
    assert not shown()
    assert "-o flows.parquet" in capfd.readouterr().err

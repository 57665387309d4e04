"""Tables as DataFrames and Parquet: dtypes, missing values, what they accept."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import analyzer
from analyzer.errors import CaptureError, OutputError
from analyzer.frames import flows_frame, frame, incidents_frame, parquet, resets_frame, silences_frame
from analyzer.tables import FLOW_COLUMNS, INCIDENT_COLUMNS, RESET_COLUMNS, SILENCE_COLUMNS, flow_table, incident_table
from tests import report_samples
from tests.wire import Conversation, write_pcap

ROOT = Path(__file__).resolve().parents[1]
DTYPES = {
    "int": "Int64",
    "float": "float64",
    "text": "string",
    "flag": "boolean",
    "time": "datetime64[ns, UTC]",
    "frames": "object",
}
ALL = {"flows": FLOW_COLUMNS, "silences": SILENCE_COLUMNS, "resets": RESET_COLUMNS, "incidents": INCIDENT_COLUMNS}


def frames_of(path: Path) -> dict[str, pd.DataFrame]:
    return {
        "flows": flows_frame(path),
        "silences": silences_frame(path),
        "resets": resets_frame(path),
        "incidents": incidents_frame(analyzer.analyze(path)),
    }


def check_dtypes(frames: dict[str, pd.DataFrame]) -> None:
    for name, found in frames.items():
        assert list(found.columns) == [column.name for column in ALL[name]]
        assert {column: str(dtype) for column, dtype in found.dtypes.items()} == {
            column.name: DTYPES[column.kind] for column in ALL[name]
        }


def test_dtypes_are_the_same_with_and_without_rows(capture: Path, tmp_path: Path) -> None:
    check_dtypes(frames_of(capture))
    empty = frames_of(write_pcap(tmp_path / "empty.pcap", []))
    check_dtypes(empty)
    assert all(found.empty for found in empty.values())


def test_cells_are_the_tables(capture: Path) -> None:
    read = analyzer.read(capture)
    found, table = flows_frame(read), flow_table([read])
    for column in table.columns:
        for cell, wanted in zip(found[column.name], table.values[column.name], strict=True):
            if wanted is None:
                assert pd.isna(cell)
            elif column.kind == "time":
                assert cell.value == wanted
                assert str(cell.tz) == "UTC"
            else:
                assert cell == wanted


def test_what_is_not_known_is_missing_and_not_zero(tmp_path: Path) -> None:
    alone = Conversation()
    alone.syn(arrives=False)
    (row,) = flows_frame(alone.write(tmp_path / "a.pcap")).itertuples()
    assert row.server_missing_bytes is pd.NA
    assert pd.isna(row.longest_silence_s)
    assert row.protocol is pd.NA


def test_paths_folders_captures_and_lists_are_taken(capture: Path, tmp_path: Path) -> None:
    read = analyzer.read(capture)
    for given, count in (
        (str(capture), 2),
        (capture, 2),
        (tmp_path, 2),
        (str(tmp_path / "*.pcap"), 2),
        (read, 2),
        ([read, capture], 4),
        (iter([capture]), 2),
        ([], 0),
    ):
        assert len(flows_frame(given)) == count


def test_a_missing_capture_is_refused(tmp_path: Path) -> None:
    for function in (flows_frame, silences_frame, resets_frame):
        with pytest.raises(CaptureError, match="no such file"):
            function(tmp_path / "gone.pcap")


def test_frames_of_two_captures_can_be_joined(capture: Path, tmp_path: Path) -> None:
    empty = write_pcap(tmp_path / "empty.pcap", [])
    both = pd.concat([flows_frame(capture), flows_frame(empty)])
    assert {column: str(dtype) for column, dtype in both.dtypes.items()} == {
        column.name: DTYPES[column.kind] for column in FLOW_COLUMNS
    }


def test_parquet_gives_the_same_frame_back(capture: Path) -> None:
    pytest.importorskip("pyarrow")
    table = flow_table([analyzer.read(capture)])
    back = pd.read_parquet(io.BytesIO(parquet(table)))
    wanted = frame(table)
    assert {name: str(dtype) for name, dtype in back.dtypes.items()} == {
        name: str(dtype) for name, dtype in wanted.dtypes.items()
    }
    for name in ("syn_frames", "fin_frames", "rst_frames"):
        back[name] = [tuple(cell) for cell in back[name]]
    pd.testing.assert_frame_equal(back, wanted)


def test_parquet_types_do_not_hang_on_the_rows() -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    full = pq.read_schema(io.BytesIO(parquet(incident_table(report_samples.idle_drop()))))
    empty = pq.read_schema(io.BytesIO(parquet(incident_table(report_samples.nothing()))))
    assert full.types == empty.types
    assert full.names == empty.names


def test_parquet_without_pyarrow_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(OutputError, match=r"pip install 'notconn\[parquet\]'"):
        parquet(incident_table(report_samples.nothing()))


def test_it_works_where_an_event_loop_runs_already(capture: Path) -> None:
    script = (
        "import analyzer, asyncio\n"
        f"async def cell(): return len(analyzer.flows_frame({str(capture)!r}))\n"
        "print(asyncio.run(cell()))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, timeout=60)
    assert done.stdout.split() == [b"2"]

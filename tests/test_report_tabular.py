"""Tables as JSON, CSV and text."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.flows.machine import VERDICTS as CODES
from analyzer.report import tabular
from analyzer.report.model import CaptureSummary
from analyzer.report.tabular import VERDICTS, flows_text
from analyzer.tables import FLOW_COLUMNS, INCIDENT_COLUMNS, Column, Table, incident_table
from tests import report_samples


def table_json(*arguments: Any) -> str:
    return "".join(tabular.table_json(*arguments))


def table_csv(given: Table) -> str:
    return "".join(tabular.table_csv(given))


START = 1_772_000_000_000_000_000


def flow(**changes: Any) -> dict[str, Any]:
    """One row of a flow table."""
    row: dict[str, Any] = {column.name: {"int": 7, "float": 0.5, "text": "x", "flag": False, "time": START,
                                         "frames": (1, 2)}[column.kind] for column in FLOW_COLUMNS}  # fmt: skip
    return {**row, "capture": "a.pcap", "client": "10.0.0.5:50123", "server": "10.9.0.7:21", "verdict": "SF", **changes}


def table(*rows: dict[str, Any]) -> Table:
    return Table(FLOW_COLUMNS, {column.name: [row[column.name] for row in rows] for column in FLOW_COLUMNS})


def summary(path: str = "a.pcap", **changes: Any) -> CaptureSummary:
    given: dict[str, Any] = {
        "path": path, "sha256": "", "format": "pcap", "packets": 3, "first_ns": START, "last_ns": START + 10**9
    }  # fmt: skip
    return CaptureSummary(**{**given, **changes})


def test_json_holds_what_the_contract_names() -> None:
    answer = json.loads(table_json(table(flow(), flow(stream=8, handshake_ms=None)), "flows", [summary()]))
    assert list(answer) == ["schema", "captures", "flows"]
    assert answer["schema"] == "notconn/1"
    assert answer["captures"][0]["path"] == "a.pcap"
    assert [one["stream"] for one in answer["flows"]] == [7, 8]
    assert list(answer["flows"][0]) == [column.name for column in FLOW_COLUMNS]
    assert answer["flows"][0]["first"] == "2026-02-25T06:13:20.000000000Z"
    assert answer["flows"][0]["rst_frames"] == [1, 2]
    assert answer["flows"][0]["reused_ports"] is False
    assert answer["flows"][1]["handshake_ms"] is None
    names = "stream capture client server first_frame last_frame packets payload_bytes first last verdict history"
    assert {*names.split(), "longest_silence_s", "rst_frames", "fin_frames"} <= answer["flows"][0].keys()


def test_json_has_a_row_a_line() -> None:
    text = table_json(table(flow(), flow(), flow()), "flows", [summary()])
    lines = text.splitlines()
    assert len(lines) == 5
    assert all(json.loads(line.rstrip(",")) for line in lines[1:-1])


def test_json_without_rows() -> None:
    assert json.loads(table_json(table(), "flows", []))["flows"] == []


@given(st.text(), st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=32)))
def test_json_is_ascii_and_gives_any_cell_back(text: str, number: float | None) -> None:
    written = table_json(table(flow(protocol=text, handshake_ms=number)), "flows", [summary(path=text)])
    assert written.isascii()
    back = json.loads(written)["flows"][0]
    assert back["protocol"] == text
    assert back["handshake_ms"] == (None if number is None else round(number, 9))


def test_csv_has_the_same_columns_and_empty_cells_for_what_is_not_known() -> None:
    text = table_csv(table(flow(protocol=None, rst_frames=(3, 4), reused_ports=True)))
    read = list(csv.DictReader(io.StringIO(text)))
    assert list(read[0]) == [column.name for column in FLOW_COLUMNS]
    assert read[0]["protocol"] == ""
    assert read[0]["rst_frames"] == "3 4"
    assert read[0]["reused_ports"] == "true"
    assert read[0]["duration_s"] == "0.5"
    assert read[0]["last"] == "2026-02-25T06:13:20.000000000Z"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "|calc", "%0A=1"])
def test_csv_text_cannot_become_a_formula(text: str) -> None:
    read = list(csv.reader(io.StringIO(table_csv(table(flow(capture=text))))))
    assert len(read) == 2
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "|", "%")) for row in read for cell in row)


def test_negative_numbers_stay_numbers() -> None:
    column = Column("delta", "int", "")
    assert table_csv(Table((column,), {"delta": [-5]})) == "delta\n-5\n"


def test_incidents_can_be_written_too() -> None:
    found = incident_table(report_samples.idle_drop())
    assert json.loads(table_json(found, "incidents", []))["incidents"][0]["cause"] == "firewall-idle-drop"
    assert table_csv(found).splitlines()[0] == ",".join(column.name for column in INCIDENT_COLUMNS)


def test_text_shows_each_flow_and_explains_its_verdict() -> None:
    text = flows_text(table(flow(stream=3, verdict="RSTR", packets=12, longest_silence_s=75.3)), [summary()])
    assert re.search(
        r"^3  10\.0\.0\.5:50123  10\.9\.0\.7:21  06:13:20\.000 +0\.50 s +12 +7 +75\.3 s  RSTR$", text, re.MULTILINE
    )
    assert "RSTR   a reset in the server's name" in text
    assert "SF " not in text


LONG = "[2001:0db8:1111:2222:3333:4444:5555:6666]:65535"


@pytest.mark.parametrize(
    "rows",
    [
        [flow()],
        [flow(client="10.192.100.160:61648", server="192.168.222.156:11433", duration_s=3599.9, packets=123_456_789)],
        [flow(client="[2001:db8::1]:50123", server="[2001:db8::2]:443")],
        [flow(client=LONG, server=LONG, stream=1_234_567, payload_bytes=10**13, longest_silence_s=86_400 * 30.0)],
        [flow(), flow(first=START + 5 * 86_400 * 10**9, duration_s=0.0001)],
        [flow(capture="/very/long/" + "folder/" * 30 + "a.pcap")],
    ],
)
@pytest.mark.parametrize("color", [False, True])
def test_text_fits_a_hundred_columns_and_cuts_no_address(rows: list[dict[str, Any]], color: bool) -> None:
    text = flows_text(table(*rows), [summary(rows[0]["capture"])], color=color)
    assert ("\x1b" in text) == color
    plain = re.sub(r"\x1b\[\d+m", "", text)
    assert plain == flows_text(table(*rows), [summary(rows[0]["capture"])])
    assert max(len(line) for line in plain.splitlines() if "/" not in line) <= 100
    for row in rows:
        assert row["client"] in plain
        assert row["server"] in plain


def test_text_of_several_captures_and_of_none() -> None:
    text = flows_text(
        table(flow(), flow(capture="c.pcap")),
        [summary("a.pcap"), summary("b.pcap", remarks=("The capture holds no TCP packet.",)), summary("c.pcap")],
    )
    assert text.index("a.pcap") < text.index("b.pcap") < text.index("The capture holds no TCP") < text.index("c.pcap")
    assert "0 connections" in " ".join(text.split())
    assert flows_text(table(), [summary(first_ns=None, last_ns=None)]) == "a.pcap: pcap, 3 packets, 0 connections\n"


def test_every_verdict_is_explained() -> None:
    assert set(VERDICTS) == set(CODES)


def test_slices_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (0, 1, 3, 4, 6, 7):
        many = table(*(flow(stream=number) for number in range(count)))
        whole = table_json(many, "flows", [summary()]), table_csv(many)
        with monkeypatch.context() as patch:
            patch.setattr(tabular, "_SLICE", 3)
            assert (table_json(many, "flows", [summary()]), table_csv(many)) == whole
        assert len(json.loads(whole[0])["flows"]) == count


def test_twenty_thousand_flows_are_written_in_a_blink() -> None:
    many = table(*(flow(stream=number) for number in range(20_000)))
    for write in (lambda: table_json(many, "flows", [summary()]), lambda: table_csv(many)):
        started = time.process_time()
        write()
        assert time.process_time() - started < 3

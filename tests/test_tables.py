"""Flows, silences, resets and incidents as tables: every cell against the packets that were written."""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from analyzer.capture.file import Capture, read_capture
from analyzer.tables import (
    FLOW_COLUMNS,
    INCIDENT_COLUMNS,
    RESET_COLUMNS,
    SILENCE_COLUMNS,
    Table,
    flow_table,
    incident_table,
    reset_table,
    silence_table,
)
from tests import report_samples
from tests.wire import Conversation, write_pcap

ROOT = Path(__file__).resolve().parents[1]
TYPES = {"int": int, "float": float, "text": str, "flag": bool, "time": int, "frames": tuple}
NEVER_UNKNOWN = {"stream", "capture", "client", "server", "first_frame", "last_frame", "first", "last", "packets"}


def rows(table: Table) -> list[dict[str, Any]]:
    """The rows by column name, every cell of its column's type."""
    found = [dict(zip((column.name for column in table.columns), row, strict=True)) for row in table.rows()]
    assert len(found) == len(table)
    for row in found:
        for column in table.columns:
            cell = row[column.name]
            if cell is None:
                assert column.name not in NEVER_UNKNOWN
                assert column.kind != "frames"
            else:
                assert isinstance(cell, TYPES[column.kind])
                assert isinstance(cell, bool) == (column.kind == "flag")
    return found


def read(path: Path) -> Capture:
    return read_capture(str(path), hash_file=False)


def test_a_flow_that_the_server_resets_after_silence(capture: Path) -> None:
    ordinary, idle = rows(flow_table([read(capture)]))
    assert ordinary["verdict"] == "SF"
    assert ordinary["protocol"] == "http"
    assert idle["client"] == "10.0.0.5:50123"
    assert idle["server"] == "10.9.0.7:21"
    assert idle["initiator_from"] == "syn"
    assert idle["verdict"] == "RSTR"
    assert idle["protocol"] == "ftp"
    assert idle["client_payload_bytes"] == len("USER batch\r\n")
    assert idle["server_payload_bytes"] == len("220 ready\r\n")
    assert idle["payload_bytes"] == idle["client_payload_bytes"] + idle["server_payload_bytes"]
    assert idle["packets"] == idle["client_packets"] + idle["server_packets"]
    assert idle["rst_frames"] == (idle["last_frame"],) == (idle["longest_silence_frame"],)
    assert idle["longest_silence_s"] == pytest.approx(75, abs=1)
    assert idle["handshake_ms"] == pytest.approx(20)
    assert idle["duration_s"] == pytest.approx((idle["last"] - idle["first"]) / 1e9)
    assert (idle["fins"], idle["rsts"], idle["fin_frames"]) == (0, 1, ())
    assert idle["reused_ports"] is False


def test_a_short_flow_knows_its_longest_pause_exactly(tmp_path: Path) -> None:
    talk = Conversation(rtt_ms=10)
    talk.handshake()
    talk.wait("400ms")
    talk.client(b"x")
    (row,) = rows(flow_table([read(talk.write(tmp_path / "a.pcap"))]))
    assert row["longest_silence_s"] == pytest.approx(0.4, abs=0.02)


def test_what_is_not_known_is_none(tmp_path: Path) -> None:
    alone = Conversation()
    alone.syn(arrives=False)
    (row,) = rows(flow_table([read(alone.write(tmp_path / "a.pcap"))]))
    assert row["longest_silence_s"] is None
    assert row["longest_silence_frame"] is None
    assert row["handshake_ms"] is None
    assert row["protocol"] is None
    assert row["server_missing_bytes"] is None
    assert row["verdict"] == "S0"


def test_a_refused_syn_has_no_handshake(tmp_path: Path) -> None:
    refused = Conversation(rtt_ms=10)
    refused.syn()
    refused.refuse()
    (row,) = rows(flow_table([read(refused.write(tmp_path / "a.pcap"))]))
    assert row["verdict"] == "REJ"
    assert row["handshake_ms"] is None


def test_a_repeated_syn_counts_from_the_first(tmp_path: Path) -> None:
    slow = Conversation(rtt_ms=10)
    slow.syn(arrives=False)
    slow.retransmit("client", after="1s")
    slow.syn_ack()
    (row,) = rows(flow_table([read(slow.write(tmp_path / "a.pcap"))]))
    assert row["handshake_ms"] == pytest.approx(1010, abs=15)


def test_ports_used_again_are_flows_of_their_own(tmp_path: Path) -> None:
    first = Conversation(client_isn=1000)
    first.handshake()
    first.close()
    second = Conversation(client_isn=90_000_000, start=first.now + 5 * 10**9)
    second.handshake()
    second.close()
    found = rows(flow_table([read(write_pcap(tmp_path / "a.pcap", first.packets + second.packets))]))
    assert [row["reused_ports"] for row in found] == [False, True]
    assert [row["stream"] for row in found] == [0, 1]


def test_several_captures_are_one_table(capture: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pcap"
    other.write_bytes(capture.read_bytes())
    found = rows(flow_table([read(capture), read(other)]))
    assert [Path(row["capture"]).name for row in found] == ["capture.pcap"] * 2 + ["other.pcap"] * 2


def test_no_capture_and_no_flow_give_empty_columns(tmp_path: Path) -> None:
    empty = read(write_pcap(tmp_path / "a.pcap", []))
    for captures in ([], [empty]):
        for table in (flow_table(captures), silence_table(captures), reset_table(captures)):
            assert len(table) == 0
            assert set(table.values) == {column.name for column in table.columns}


def test_a_silence_and_its_answer(tmp_path: Path) -> None:
    talk = Conversation(rtt_ms=20)
    talk.handshake()
    talk.exchange(b"a", b"b")
    talk.wait("30s")
    talk.exchange(b"c", b"d")
    talk.wait("90s")
    talk.unanswered(1)
    found = rows(silence_table([read(talk.write(tmp_path / "a.pcap"))]))
    longest, other = found[0], found[1]
    assert longest["duration_s"] > other["duration_s"] == pytest.approx(30, abs=0.5)
    assert other["after_from"] == "client"
    assert other["after_payload_bytes"] == 1
    assert other["after_flags"] == "PSH ACK"
    assert other["answer_frame"] == other["after_frame"] + 1
    assert other["answer_after_s"] == pytest.approx(0.02, abs=0.01)
    assert other["end"] - other["start"] == pytest.approx(other["duration_s"] * 1e9)
    assert longest["answer_frame"] is None
    assert longest["answer_flags"] is None
    assert longest["answer_after_s"] is None


def test_resets_and_who_sent_them(capture: Path, tmp_path: Path) -> None:
    (row,) = rows(reset_table([read(capture)]))
    assert row["claimed_by"] == "server"
    assert row["origin"] == "endpoint"
    assert row["ttl_delta"] == 0
    forged = Conversation(rtt_ms=20, server_ttl=57)
    forged.handshake()
    forged.exchange(b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")
    forged.client(b"GET /forbidden HTTP/1.1\r\n\r\n")
    forged.server_rst(ttl=62)
    (row,) = rows(reset_table([read(forged.write(tmp_path / "a.pcap"))]))
    assert row["origin"] == "middlebox"
    assert row["ttl_delta"] == 5
    assert "TTL 62 is 5 off" in row["reasons"]
    assert row["weight"] > 0


def test_incidents_of_a_report() -> None:
    for report in (report_samples.idle_drop(), report_samples.server_closed()):
        found = rows(incident_table(report))
        assert [row["id"] for row in found] == [one.id for one in report.incidents]
        assert [row["cause"] for row in found] == [one.cause for one in report.incidents]
        for row, one in zip(found, report.incidents, strict=True):
            assert set(row["frames"]) == {frame for evidence in one.evidence for frame in evidence.frames}


def test_every_column_is_in_the_documentation_with_its_meaning() -> None:
    text = (ROOT / "docs" / "python-api.md").read_text(encoding="utf-8")
    for columns in (FLOW_COLUMNS, SILENCE_COLUMNS, RESET_COLUMNS, INCIDENT_COLUMNS):
        assert len({column.name for column in columns}) == len(columns)
        lines = [f"| `{column.name}` | {column.kind} | {column.meaning} |" for column in columns]
        assert "\n".join(lines) in text


CASES = ("server-restarted-1", "firewall-idle-drop-1", "middlebox-reset-1", "port-reuse-collision-1", "healthy-1")


@pytest.mark.parametrize("case", CASES)
def test_cells_agree_with_tshark(shared: Path, case: str) -> None:
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    path = shared / "captures" / case / "capture.pcapng"
    fields = ("tcp.stream", "frame.number", "frame.time_epoch", "tcp.len", "tcp.flags")
    command = [tshark, "-r", str(path), "-Y", "tcp && !icmp", "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    streams: dict[int, list[list[str]]] = defaultdict(list)
    for line in done.stdout.splitlines():
        cells = line.split("\t")
        streams[int(cells[0])].append(cells)
    found = {row["stream"]: row for row in rows(flow_table([read(path)]))}
    assert found.keys() == streams.keys()
    for number, packets in streams.items():
        row = found[number]
        frames = [int(cells[1]) for cells in packets]
        flags = [int(cells[4], 16) for cells in packets]
        times = [float(cells[2]) for cells in packets]
        assert (row["first_frame"], row["last_frame"], row["packets"]) == (frames[0], frames[-1], len(frames))
        assert row["payload_bytes"] == sum(int(cells[3]) for cells in packets)
        assert row["rst_frames"] == tuple(frame for frame, flag in zip(frames, flags, strict=True) if flag & 4)
        assert row["fin_frames"] == tuple(frame for frame, flag in zip(frames, flags, strict=True) if flag & 1)
        pauses = [after - before for before, after in pairwise(times)]
        if row["longest_silence_s"] is not None:
            assert row["longest_silence_s"] == pytest.approx(max(pauses), abs=1e-5)
        else:
            assert max(pauses, default=0) < 1

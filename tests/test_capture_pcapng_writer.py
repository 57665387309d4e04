"""What is written is pcapng: our reader and tshark take it, and every field comes back."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.file import read_capture
from analyzer.capture.pcapng_writer import PcapngWriter, interface_block, packet_block, section_block, statistics_block
from analyzer.capture.stream import Stream
from analyzer.decode import columns as col
from tests.test_live_running import talk

_SECOND = 1_700_000_000_000_000_000


@given(
    packets=st.lists(st.tuples(st.integers(0, 1 << 62), st.binary(max_size=99), st.integers(0, 2000)), max_size=12),
    comments=st.lists(st.text(max_size=40), max_size=3),
)
def test_every_packet_comes_back(packets: list[tuple[int, bytes, int]], comments: list[str]) -> None:
    data = section_block(comments=comments, application="a", hardware="h", system="s") + interface_block(1, 0)
    for ts_ns, octets, more in packets:
        data += packet_block(0, ts_ns, octets, len(octets) + more, comments)
    assert len(data) % 4 == 0
    found = []
    stream = Stream("test")
    for part in stream.feed(data):
        if part.batch is not None:
            for n in range(part.batch.count):
                off, captured, original, ts_ns, link = part.batch.records[n * col.REC_STRIDE : (n + 1) * col.REC_STRIDE]
                found.append((ts_ns, bytes(part.batch.buffer[off : off + captured]), original - captured))
                assert link & 0xFFFF == 1
    assert found == packets
    assert stream.damage is None


def test_equal_interfaces_are_described_once() -> None:
    stream = io.BytesIO()
    writer = PcapngWriter(stream, application="test")
    numbers = [writer.interface(1, 0, name=name, capture_filter="tcp") for name in ("eth0", "eth1", "eth0")]
    assert numbers == [0, 1, 0]
    assert writer.interface(101, 0, name="eth0", capture_filter="tcp") == 2


def test_a_long_comment_is_cut_between_characters() -> None:
    block = packet_block(0, 0, b"", 0, ["ü" * 40_000])
    assert len(block) < 65_536 + 100
    assert block.count("ü".encode()) == (65_535 - 3) // 2


def test_tshark_reads_names_comments_times_and_counters(tmp_path: Path) -> None:
    tshark, capinfos = shutil.which("tshark"), shutil.which("capinfos")
    if tshark is None or capinfos is None:
        pytest.skip("tshark and capinfos are not installed")
    path = tmp_path / "made.pcapng"
    with path.open("wb") as stream:
        writer = PcapngWriter(stream, comments=["of the file"], application="notconn test", system="an OS")
        number = writer.interface(1, 96, name="eth7", description="a card", capture_filter="tcp port 80")
        for n, (_, data) in enumerate(talk(50123).packets):
            writer.packet(number, _SECOND + n, data, len(data), [f"comment {n}"] if n < 2 else [])
        writer.statistics(number, _SECOND + 9, received=20, dropped=7)
    fields = ("frame.time_epoch", "frame.interface_name", "frame.comment", "tcp.srcport")
    command = [tshark, "-r", str(path), "-T", "json", *(word for field in fields for word in ("-e", field))]
    rows = [row["_source"]["layers"] for row in json.loads(subprocess.run(command, capture_output=True).stdout)]
    assert [row["frame.comment"] for row in rows[:2]] == [["comment 0"], ["comment 1"]]
    assert rows[3]["frame.time_epoch"][0].endswith("000000003") or "000000003" in rows[3]["frame.time_epoch"][0]
    assert {row["frame.interface_name"][0] for row in rows} == {"eth7"}
    said = subprocess.run([capinfos, str(path)], capture_output=True, text=True)
    assert said.returncode == 0
    for words in ("notconn test", "of the file", "a card", "tcp port 80", "an OS"):
        assert words in said.stdout
    capture = read_capture(str(path))
    assert (capture.info.health.dropped, capture.info.packets) == (7, len(rows))


def test_counters_that_nobody_knows_are_left_out() -> None:
    bare = statistics_block(0, _SECOND)
    assert (
        len(bare)
        < len(statistics_block(0, _SECOND, received=1))
        < len(statistics_block(0, _SECOND, received=1, dropped_by_interface=0, dropped_by_system=0, start_ns=1))
    )

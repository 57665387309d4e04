"""The ring keeps its bounds, survives kills, full disks and restarts, and is always a row of captures."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.capture.pcapng_writer import interface_block, packet_block, section_block
from analyzer.capture.ring import Ring
from analyzer.capture.stream import Stream
from analyzer.errors import OutputError
from analyzer.units import NS

PREAMBLE = section_block(application="test") + interface_block(1, 0, name="eth0")
START = 1_700_000_000 * NS
PACKET = bytes.fromhex("0200000000010200000000020800") + bytes(186)
ROOT = Path(__file__).resolve().parents[1]


def keep(ring: Ring, count: int, first: int = 0, gap_ns: int = NS // 1000) -> None:
    """Append numbered packets, flushing every ten."""
    for number in range(first, first + count):
        ts_ns = START + number * gap_ns
        data = PACKET[:-4] + struct.pack(">I", number)
        ring.append(packet_block(0, ts_ns, data, len(data)), 1, ts_ns, ts_ns)
        if number % 10 == 9:
            ring.flush()
    ring.flush()


def counted(folder: Path) -> int:
    """Packets in all files, every one of which must be whole."""
    total = 0
    for path in sorted(folder.glob("ring-*.pcap*")):
        stream = Stream(path.name)
        for _ in stream.feed(path.read_bytes()):
            pass
        assert stream.damage is None, path
        assert stream.pending == 0, path
        total += stream.frames
    return total


def test_packets_come_back_in_order(tmp_path: Path) -> None:
    ring = Ring(tmp_path, size=4 << 20)
    ring.begin(PREAMBLE)
    keep(ring, 1000)
    (file,) = ring.files()
    assert (file.first_ns, file.last_ns) == (START, START + 999 * NS // 1000)
    assert ring.used == file.path.stat().st_size == len(PREAMBLE) + 1000 * len(packet_block(0, 0, PACKET, 200))
    ring.close()
    assert counted(tmp_path) == 1000


def test_the_size_is_never_exceeded_and_the_oldest_go_first(tmp_path: Path) -> None:
    ring = Ring(tmp_path, size=1 << 20)
    ring.begin(PREAMBLE)
    for part in range(40):
        keep(ring, 500, part * 500)
        assert sum(path.stat().st_size for path in tmp_path.glob("ring-*.pcapng")) <= 1 << 20
    assert ring.given_up > 0
    assert ring.files()[-1].last_ns == START + 19_999 * NS // 1000
    first = ring.files()[0].first_ns
    assert first is not None
    assert first > START
    ring.close()
    assert counted(tmp_path) > 2000


def test_packets_do_not_get_older_than_asked(tmp_path: Path) -> None:
    ring = Ring(tmp_path, size=64 << 20, age_ns=60 * NS)
    ring.begin(PREAMBLE)
    for number in range(300):
        keep(ring, 1, number, NS)
    files = ring.files()
    assert 8 <= len(files) <= 20
    assert files[0].first_ns is not None
    assert START + 299 * NS - files[0].first_ns <= 60 * NS + 2 * 60 * NS // 16
    ring.close()


def test_files_are_found_by_time(tmp_path: Path) -> None:
    ring = Ring(tmp_path, size=64 << 20, age_ns=3600 * NS)
    ring.begin(PREAMBLE)
    for number in range(1000):
        keep(ring, 1, number, NS)
    all_files = ring.files()
    some = ring.files(START + 300 * NS, START + 310 * NS)
    assert len(all_files) >= 4
    assert 1 <= len(some) <= 2
    assert ring.files(START + 5000 * NS, START + 6000 * NS) == []
    ring.close()


def test_a_new_stream_gets_a_new_file_and_an_equal_one_does_not(tmp_path: Path) -> None:
    ring = Ring(tmp_path, size=4 << 20)
    ring.begin(PREAMBLE)
    keep(ring, 10)
    ring.begin(PREAMBLE)
    keep(ring, 10, 10)
    assert len(ring.files()) == 1
    ring.begin(section_block() + interface_block(101, 0, name="tun0"))
    keep(ring, 10, 20)
    assert len(ring.files()) == 2
    ring.begin(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    record = struct.pack("<IIII", 1_700_000_000, 0, len(PACKET), len(PACKET)) + PACKET
    ring.append(record, 1, START, START)
    ring.close()
    assert sorted(path.suffix for path in tmp_path.glob("ring-*")) == [".pcap", ".pcapng", ".pcapng"]
    assert counted(tmp_path) == 31


def test_a_restart_goes_on_behind_what_is_there(tmp_path: Path) -> None:
    ring = Ring(tmp_path, size=4 << 20)
    ring.begin(PREAMBLE)
    keep(ring, 100)
    ring.close()
    ring = Ring(tmp_path, size=4 << 20)
    assert [file.last_ns for file in ring.files()] == [START + 99 * NS // 1000]
    ring.begin(PREAMBLE)
    keep(ring, 100, 100)
    assert [file.path.name for file in ring.files()] == ["ring-00000001.pcapng", "ring-00000002.pcapng"]
    ring.close()
    assert counted(tmp_path) == 200


@pytest.mark.parametrize("cut", [1, 3, 40, 150, 231])
def test_a_cut_record_is_taken_off(tmp_path: Path, cut: int) -> None:
    ring = Ring(tmp_path, size=4 << 20)
    ring.begin(PREAMBLE)
    keep(ring, 50)
    ring.close()
    path = tmp_path / "ring-00000001.pcapng"
    os.truncate(path, path.stat().st_size - cut)
    ring = Ring(tmp_path, size=4 << 20)
    assert len(ring.repaired) == 1
    ring.close()
    assert counted(tmp_path) == 49


def test_a_file_without_packets_or_header_is_removed(tmp_path: Path) -> None:
    (tmp_path / "ring-00000004.pcapng").write_bytes(PREAMBLE)
    (tmp_path / "ring-00000005.pcapng").write_bytes(b"")
    (tmp_path / "ring-00000006.new").write_bytes(PREAMBLE[:9])
    ring = Ring(tmp_path, size=4 << 20)
    assert ring.files() == []
    ring.begin(PREAMBLE)
    keep(ring, 1)
    ring.close()
    assert [path.name for path in tmp_path.glob("ring-*.*") if path.suffix == ".new"] == []
    assert counted(tmp_path) == 1


def test_two_programs_cannot_share_a_ring(tmp_path: Path) -> None:
    ring = Ring(tmp_path, size=4 << 20)
    with pytest.raises(OutputError, match="another notconn keeps its ring here"):
        Ring(tmp_path, size=4 << 20)
    ring.close()
    Ring(tmp_path, size=4 << 20).close()


def test_a_folder_that_cannot_be_written_is_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    with pytest.raises(OutputError, match="choose another place with -o"):
        Ring(file / "ring", size=4 << 20)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small file system needs Linux, root and mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_costs_the_oldest_packets_first(small_disk: Path) -> None:
    ring = Ring(small_disk / "ring", size=16 << 20)
    ring.begin(PREAMBLE)
    keep(ring, 20_000)
    assert ring.trouble is None or ring.lost
    ring.close()
    assert counted(small_disk / "ring") > 1000


def test_a_disk_that_someone_else_fills_stops_the_ring_and_nothing_else(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = Ring(small_disk / "ring", size=16 << 20)
    ring.begin(PREAMBLE)
    keep(ring, 100)
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))
    keep(ring, 3000, 100)
    assert ring.trouble is not None
    assert "free some space" in ring.trouble
    assert ring.lost > 0
    filler.unlink()
    monkeypatch.setattr("analyzer.capture.ring._RETRY_S", 0.0)
    ring._retry_at = 0.0
    keep(ring, 1000, 4000)
    assert ring.trouble is None
    ring.close()
    counted(small_disk / "ring")


_WRITER = """
import os
import sys
import time
from pathlib import Path
from analyzer.capture.pcapng_writer import interface_block, packet_block, section_block
from analyzer.capture.ring import Ring
ring = Ring(Path(sys.argv[1]), size=64 << 20)
ring.begin(section_block() + interface_block(1, 0))
number = 0
while True:
    for _ in range(20):
        number += 1
        ring.append(packet_block(0, number * 1000, bytes(900), 900), 1, number * 1000, number * 1000)
    ring.flush()
    os.write(1, b"%d\\n" % number)
    time.sleep(0.001)
"""


def test_kill_9_loses_nothing_that_was_flushed(tmp_path: Path) -> None:
    rng = random.Random(5)
    tshark = shutil.which("tshark")
    kept = 0
    for turn in range(20 if os.environ.get("NOTCONN_SOAK") else 8):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert writer.stdout is not None
        assert writer.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.1))
        writer.send_signal(signal.SIGKILL)
        flushed = [line for line in writer.stdout.read().split() if line]
        writer.stdout.close()
        writer.wait(10)
        kept += int(flushed[-1]) if flushed else 20
        newest = max(tmp_path.glob("ring-*.pcapng"))
        if tshark is not None and turn % 5 == 0:
            done = subprocess.run([tshark, "-r", str(newest), "-c", "1"], capture_output=True)
            assert done.returncode == 0, done.stderr
        Ring(tmp_path, size=64 << 20).close()
        assert counted(tmp_path) >= kept
        kept = counted(tmp_path)

"""The running program: what it says when it cannot begin, and what it survives once it has begun."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analyzer.capture.file import read_capture
from analyzer.capture.interfaces import find_dumpcap
from analyzer.capture.pcapng_writer import interface_block, packet_block, section_block
from analyzer.capture.stream import Stream
from analyzer.units import NS
from tests.conftest import Ran
from tests.live_lab import Stage, Watched, fill, fin_ignored, refused, small_disk, why_not
from tests.test_live_running import talk
from tests.wire import Captured, Conversation

Call = Callable[..., Ran]
_LAB = why_not()
lab = pytest.mark.skipif(_LAB is not None, reason=str(_LAB))
linux_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="a user without rights can only be tried by root on Linux"
)
with_dumpcap = pytest.mark.skipif(find_dumpcap() is None, reason="dumpcap is not installed")
_PREAMBLE = section_block() + interface_block(1, 0, name="eth0")


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage.build()
    yield made
    made.close()


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """Start watches that end with the test."""
    made: list[Watched] = []

    def start(stage: Stage | None, *arguments: str, stdin: int | None = None) -> Watched:
        namespace = stage.network.client if stage is not None else None
        made.append(Watched(namespace, "-o", str(tmp_path / "out"), *arguments, stdin=stdin))
        made[-1].wait_kind("start")
        return made[-1]

    yield start
    for one in made:
        one.kill()


# -- a pipe ------------------------------------------------------------------------------------------------------------


def _blocks(packets: Sequence[Captured]) -> bytes:
    return b"".join(packet_block(0, ts_ns, data, len(data)) for ts_ns, data in packets)


def _idle_drop() -> Conversation:
    dying = talk(50123)
    dying.wait("300s")
    dying.client(b"question", arrives=False)
    dying.unanswered(5)
    return dying


def test_a_pipe_is_watched_to_its_end(watch: Callable[..., Watched]) -> None:
    reading, writing = os.pipe()
    watched = watch(None, "-", stdin=reading)
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        pipe.write(_PREAMBLE)
        for ts_ns, data in _idle_drop().packets:
            pipe.write(packet_block(0, ts_ns, data, len(data)))
    end = watched.wait_kind("end")
    assert watched.finish() == 0
    assert end["packets"] == len(_idle_drop().packets)
    (told,) = watched.of("incident")
    assert (told["cause"], told["slice_packets"]) == ("firewall-idle-drop", len(_idle_drop().packets))
    assert (Path(str(told["folder"])) / "slice.pcapng").is_file()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ended before a capture began"),
        (b"x", "ended before a capture began"),
        (b"2026-11-22 10:00:00 ERROR send failed: 10057\n" * 99, "a text file"),
        (bytes(100_000), "neither pcap nor pcapng"),
        (b"\x1f\x8b\x08" + bytes(range(256)), "it is compressed"),
    ],
    ids=["nothing", "a byte", "a log", "zeros", "gzip"],
)
def test_a_pipe_without_a_capture_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    reading, writing = os.pipe()
    watched = Watched(None, "-", "-o", str(tmp_path), stdin=reading)
    os.close(reading)
    with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb") as pipe:
        pipe.write(data)
    assert watched.finish(signal.SIGCONT) == 2
    assert words in watched.errors
    assert watched.errors.count("\n") == 1
    watched.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one program alone")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_end_finishes_ring_and_reports_and_a_restart_goes_on(
    watch: Callable[..., Watched], tmp_path: Path, number: int
) -> None:
    dying = _idle_drop().packets
    first = dying[: len(dying) - 6]
    for part, wait in ((first, "1h"), (dying[len(first) :], "2s")):
        reading, writing = os.pipe()
        watched = watch(None, "-", "--wait", wait, stdin=reading)
        os.close(reading)
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            pipe.write(_PREAMBLE + _blocks(part))
            time.sleep(1.5)
            assert watched.of("incident") == []
            assert watched.finish(number) == 0
        assert watched.errors == ""
        assert watched.events[-1]["packets"] == len(part)
    again = watched.wait_kind("ring")
    assert f"going on with the ring: {len(first)} packets, 1 connection" in str(again["text"])
    (told,) = watched.of("incident")
    assert told["cause"] == "firewall-idle-drop"
    assert told["slice_packets"] == len(dying)
    rings = sorted((tmp_path / "out" / "ring").glob("ring-*.pcapng"))
    assert sum(read_capture(str(path)).info.packets for path in rings) == len(dying)


@linux_root
def test_a_disk_that_fills_up_stops_neither_capture_nor_verdicts(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "2m") as small:
        reading, writing = os.pipe()
        watched = Watched(None, "-", "-o", str(small / "out"), "--wait", "1s", stdin=reading)
        os.close(reading)
        try:
            watched.wait_kind("start")
            with os.fdopen(writing, "wb", buffering=0) as pipe:
                quiet = talk(1, rounds=20).packets
                pipe.write(_PREAMBLE + _blocks(quiet))
                watched.wait_for(lambda _event: False, 1.0)
                fill(small / "filler")
                pipe.write(_blocks(_idle_drop().packets))
                full = watched.wait_for(lambda event: "packets cannot be kept" in str(event["text"]), 10)
                assert full is not None, watched.events
                told = watched.wait_for(lambda event: event["event"] == "incident", 15)
                assert told is not None, watched.events
                assert (told["cause"], told["folder"]) == ("firewall-idle-drop", None)
                assert any("cannot be written down" in str(event["text"]) for event in watched.of("note"))
                (small / "filler").unlink()
                deadline = time.monotonic() + 20
                over = None
                while over is None and time.monotonic() < deadline:
                    later = talk(2, rounds=2)
                    later.now = _idle_drop().packets[-1][0] + round((time.monotonic() - deadline + 60) * NS)
                    later.exchange(b"a", b"b")
                    pipe.write(_blocks(later.packets[-2:]))
                    over = watched.wait_for(lambda event: "that is over" in str(event["text"]), 1.0)
                assert over is not None, watched.events
            watched.wait_kind("end")
            assert watched.finish() == 0
            assert watched.errors == ""
        finally:
            watched.kill()


# -- what a running watch survives -------------------------------------------------------------------------------------


@lab
@with_dumpcap
def test_a_killed_dumpcap_and_an_interface_that_goes_and_comes(stage: Stage, watch: Callable[..., Watched]) -> None:
    watched = watch(stage, "-i", "eth0", "--wait", "2s")
    stage.play([fin_ignored])
    time.sleep(1)
    children = subprocess.run(["pgrep", "-P", str(watched.process.pid)], capture_output=True, text=True).stdout.split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    assert "signal 9" in str(watched.wait_kind("gap")["text"])
    assert watched.wait_for(lambda event: "that is over" in str(event["text"]), 15)
    network = stage.network
    network.client.ip("link del eth0")
    assert watched.wait_for(lambda event: "no such interface" in str(event["text"]), 15)
    time.sleep(1)
    network._link(network.client, network.router1, network.client_ip, network.client_gateway)
    over = watched.wait_for(
        lambda event: "that is over" in str(event["text"]) and "no such interface" in str(event["text"]), 20
    )
    assert over is not None, watched.events
    stage.play([refused])
    client = stage.ran[-1].client
    assert watched.wait_for(lambda event: event.get("client") == client, 15), watched.events
    assert watched.finish() == 0
    assert watched.errors == ""
    end = watched.wait_kind("end")
    assert end["gaps"] == 2
    told = {str(event["client"]): event["cause"] for event in watched.of("incident")}
    assert told == {ran.client: ran.cause for ran in stage.ran}


@lab
@with_dumpcap
def test_takeovers_lose_and_double_nothing(stage: Stage, tmp_path: Path) -> None:
    script = (
        "import analyzer.cli.live as live, sys\n"
        "from analyzer.cli.main import main\n"
        "live._COUNT_EVERY_S = 1.0\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-c", script, "live", "-i", "eth0", "-o", str(tmp_path / "o"), "--format", "json"]
    with stage.network.client.entered():
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(root)}
        )
    assert process.stdout is not None
    assert '"start"' in process.stdout.readline()
    tap = tmp_path / "tap.pcap"
    stage.network.tap(stage.network.client, tap)
    made = stage.connect(stage.serve(6300))
    until = time.monotonic() + 5
    while time.monotonic() < until:
        made.ask()
        time.sleep(0.002)
    time.sleep(1.0)
    stage.network.untap()
    process.terminate()
    out = process.stdout.read()
    process.stdout.close()
    assert process.wait(30) == 0
    assert '"incident"' not in out
    sent = read_capture(str(tap)).flows.flow(0).packets
    rings = [read_capture(str(path)) for path in sorted((tmp_path / "o" / "ring").glob("ring-*.pcapng"))]
    assert sum(ring.flows.flow(0).packets for ring in rings if len(ring.flows)) >= sent
    import json

    end = json.loads(out.splitlines()[-1])
    assert end["gaps"] == 0
    assert end["dropped"] == 0
    assert abs(int(end["packets"]) - sent) <= 12  # the SYN came before the tap's last packet; ARP counts too


@lab
def test_logs_signals_and_metrics(stage: Stage, watch: Callable[..., Watched], tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("started\n", encoding="utf-8")
    watched = watch(stage, "-i", "eth0", "--wait", "2s", "--log", str(log), "--zone", "utc", "--metrics", "9657")
    stage.play([fin_ignored])
    stamp = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"{stamp} ERROR send to {stage.ran[0].server} failed: WSAENOTCONN 10057\n")
    told = watched.wait_for(lambda event: event.get("source") == "log", 15)
    assert told is not None, watched.events
    assert told["cause"] == "server-closed-then-client-sent"
    assert "10057" in (Path(str(told["folder"])) / "log.txt").read_text(encoding="utf-8")
    log.rename(tmp_path / "app.log.1")
    log.write_text(f"{stamp} ERROR recv from {stage.ran[0].server} failed: WSAENOTCONN 10057\n", encoding="utf-8")
    rotated = watched.wait_for(lambda event: event.get("source") == "log" and event["id"] != told["id"], 15)
    assert rotated is not None, watched.events
    assert "recv from" in (Path(str(rotated["folder"])) / "log.txt").read_text(encoding="utf-8")
    watched.process.send_signal(signal.SIGUSR1)
    asked = watched.wait_for(lambda event: event.get("source") == "call", 15)
    assert asked is not None, watched.events
    assert "SIGUSR1" in str(asked["text"])
    script = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9657/metrics').read().decode())"
    with stage.network.client.entered():
        counters = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout
    assert "notconn_capture_up 1\n" in counters
    assert watched.finish() == 0


@lab
def test_a_program_is_run_and_its_failure_explained(stage: Stage, watch: Callable[..., Watched]) -> None:
    client = f"import socket\nprint('not JSON')\nsocket.socket().connect(('{stage.network.server_ip}', 6399))\n"
    watched = watch(stage, "-i", "eth0", "--wait", "2s", "--exec", sys.executable, "-c", client)
    end = watched.wait_kind("end", 30)
    assert watched.finish() == 0
    assert "not JSON" in watched.errors
    assert any("exit code 1" in str(event["text"]) for event in watched.of("note"))
    assert "connection-refused" in {event["cause"] for event in watched.of("incident")}
    assert end["incidents"]


def _records(folder: Path) -> int:
    """Whole packets in the files of a ring, also while someone writes it."""
    total = 0
    for path in folder.glob("ring-*.pcapng"):
        stream = Stream(path.name)
        for _ in stream.feed(path.read_bytes()):
            pass
        total += stream.frames
    return total


def test_kill_9_leaves_a_ring_that_opens(tmp_path: Path) -> None:
    """A watch on a pipe is killed at random moments; what was written until then is there, in whole files."""
    rng = random.Random(3)
    ring = tmp_path / "out" / "ring"
    tshark = shutil.which("tshark")
    packet = talk(1).packets[0][1]
    kept = 0
    for _turn in range(20 if os.environ.get("NOTCONN_SOAK") else 2):
        reading, writing = os.pipe()
        watched = Watched(None, "-", "-o", str(tmp_path / "out"), stdin=reading)
        os.close(reading)
        watched.wait_kind("start")
        given = written = 0
        deadline, until = time.monotonic() + 20, 0.0
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            pipe.write(_PREAMBLE)
            while time.monotonic() < (until or deadline):
                now = time.time_ns()
                pipe.write(b"".join(packet_block(0, now + n, packet, len(packet)) for n in range(20)))
                given += 20
                if not until and given % 200 == 0 and _records(ring) > kept:
                    until = time.monotonic() + rng.uniform(0.0, 1.0)
                time.sleep(0.005)
            written = _records(ring)
            watched.process.kill()
        watched.kill()
        assert written > kept, "nothing was written within seconds"
        assert given >= written - kept
        kept = _records(ring)
        assert kept >= written
        for path in sorted(ring.glob("ring-*.pcapng"))[-1:] if tshark is not None else ():
            done = subprocess.run([str(tshark), "-r", str(path), "-c", "5"], capture_output=True)
            assert done.returncode == 0, done.stderr
    assert sum(read_capture(str(path)).info.packets for path in ring.glob("ring-*.pcapng")) == kept


def test_time_that_runs_back_is_said(watch: Callable[..., Watched]) -> None:
    reading, writing = os.pipe()
    watched = watch(None, "-", stdin=reading)
    os.close(reading)
    later = talk(1)
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        pipe.write(_PREAMBLE)
        for back in (0, 3600 * NS):
            for ts_ns, data in later.packets:
                pipe.write(packet_block(0, ts_ns - back, data, len(data)))
    watched.wait_kind("end")
    (clock,) = watched.of("clock")
    assert "set back by" in str(clock["text"])
    assert watched.of("incident") == []

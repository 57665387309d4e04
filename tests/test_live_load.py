"""Under load every packet is either seen or reported as dropped, and what was dropped is said."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from analyzer.capture.interfaces import find_dumpcap
from tests.live_lab import why_not

_REASON = why_not()
pytestmark = pytest.mark.skipif(_REASON is not None, reason=str(_REASON))

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))


@pytest.fixture
def cable() -> object:
    import live as bench

    return bench.Cable()


@pytest.mark.parametrize("backend", ["dumpcap", "scapy"])
def test_sent_is_seen_and_dropped(cable: object, tmp_path: Path, backend: str) -> None:
    import live as bench

    if backend == "dumpcap" and find_dumpcap() is None:
        pytest.skip("dumpcap is not installed")
    assert isinstance(cable, bench.Cable)
    watch = cable.watch(tmp_path, "--with", backend, "--buffer", "1MiB", "--memory", "160MiB")
    sent = cable.send("data", 2000, 1.0, 256, 200)
    # while the watch stands still, its pipe, the capture program and the kernel's buffer run full
    os.kill(watch.pid, signal.SIGSTOP)
    sent += cable.send("data", 12000, 2.0, 256, 200)
    os.kill(watch.pid, signal.SIGCONT)
    time.sleep(2)
    sent += cable.send("data", 2000, 1.0, 256, 200)
    time.sleep(1)
    watch.terminate()
    assert watch.stdout is not None
    events = [json.loads(line) for line in watch.stdout]
    watch.stdout.close()
    assert watch.wait(60) == 0
    end = events[-1]
    assert end["event"] == "end"
    assert end["dropped"] > 0
    assert end["packets"] + end["dropped"] == sent
    assert sum(event["dropped"] for event in events if event["event"] == "loss") == end["dropped"]
    assert [event for event in events if event["event"] == "incident" and event["confidence"] == "high"] == []

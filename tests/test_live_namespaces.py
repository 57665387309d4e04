"""The whole watch over real kernel TCP: eight causes at once, among healthy connections, each told in time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from analyzer.capture.file import read_capture
from analyzer.capture.interfaces import find_dumpcap
from tests.live_lab import GUILTY, HEALTHY, Ran, Stage, Watched, why_not

_IN_TIME_S = 10.0
_FINER = {"stale-pooled-connection": "server-idle-timeout"}
"""Causes that refine the one that was made."""
_REASON = why_not()
pytestmark = [
    pytest.mark.skipif(_REASON is not None, reason=str(_REASON)),
    pytest.mark.xdist_group("live"),
]


def _coarse(event: Mapping[str, object]) -> str:
    cause = str(event["cause"])
    return _FINER.get(cause, cause)


class _Played:
    def __init__(self, stage: Stage, watched: Watched, folder: Path) -> None:
        self.stage, self.watched, self.folder = stage, watched, folder

    def told(self, ran: Ran) -> list[dict[str, object]]:
        return [event for event in self.watched.of("incident", "revised") if event["client"] == ran.client]


@pytest.fixture(scope="module")
def stage_watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, _Played]]:
    """Every play at once, watched through dumpcap and through scapy at the same time."""
    stage = Stage.build()
    stage.firewall(6101, 6102)
    watched: dict[str, _Played] = {}
    try:
        for backend in ("dumpcap", "scapy"):
            if backend == "scapy" or find_dumpcap() is not None:
                folder = tmp_path_factory.mktemp(backend)
                arguments = ("-i", "eth0", "-o", str(folder), "--with", backend, "--after", "6s")
                watched[backend] = _Played(stage, Watched(stage.network.client, *arguments), folder)
        for one in watched.values():
            one.watched.wait_kind("start")
        stage.play([*GUILTY, *HEALTHY])
        time.sleep(7)
        for one in watched.values():
            assert one.watched.finish() == 0, one.watched.errors
            assert one.watched.errors == ""
        yield watched
    finally:
        for one in watched.values():
            one.watched.kill()
        stage.close()


@pytest.fixture(params=["dumpcap", "scapy"])
def played(request: pytest.FixtureRequest, stage_watched: dict[str, _Played]) -> _Played:
    """What one way of capturing saw."""
    if request.param not in stage_watched:
        pytest.skip("dumpcap is not installed")
    return stage_watched[str(request.param)]


def test_every_cause_is_told_right_in_time_with_what_came_before(played: _Played) -> None:
    guilty = [ran for ran in played.stage.ran if ran.cause is not None]
    assert len(guilty) == len(GUILTY)
    for ran in guilty:
        told = played.told(ran)
        assert [_coarse(event) for event in told][-1:] == [ran.cause], (ran, told)
        first = next(event for event in told if _coarse(event) == ran.cause)
        assert float(str(first["heard"])) - ran.decisive <= _IN_TIME_S, (ran, first)
        assert int(str(first["slice_before"])) > 0, (ran, first)


def test_no_healthy_connection_is_told(played: _Played) -> None:
    healthy = [ran for ran in played.stage.ran if ran.cause is None]
    assert len(healthy) >= 10
    assert [event for ran in healthy for event in played.told(ran)] == []
    assert played.watched.of("withdrawn") == []


def test_a_folder_holds_the_slice_and_a_report_on_it(played: _Played) -> None:
    for ran in played.stage.ran:
        if ran.cause is None:
            continue
        event = played.told(ran)[-1]
        folder = Path(str(event["folder"]))
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        incident = report["incidents"][0]
        assert (_coarse(incident), incident["client"]) == (ran.cause, ran.client)
        capture = read_capture(str(folder / "slice.pcapng"))
        assert report["captures"][0]["sha256"] == capture.info.sha256
        flow = capture.flows.stream(incident["stream"])
        assert str(flow.initiator.endpoint) == ran.client
        assert flow.first_ns < int(str(event["decisive_ns"])) or ran.cause == "connection-timed-out"
        assert capture.info.health.comments > 0
        assert (folder / "report.txt").read_text(encoding="utf-8").strip()
        assert "<html" in (folder / "report.html").read_text(encoding="utf-8")


def test_what_was_seen_and_lost_is_counted(played: _Played) -> None:
    end = played.watched.wait_kind("end")
    assert end["dropped"] == 0
    assert int(str(end["packets"])) > 200

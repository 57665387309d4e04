"""What a terminal shows, and what stands in lines where there is none."""

from __future__ import annotations

import io
import json
from dataclasses import replace

from rich.console import Console

from analyzer.endpoint import Endpoint, parse_endpoint
from analyzer.live.events import Event, as_json, as_line
from analyzer.live.running import Running
from analyzer.live.status import Quiet, Status, describe, metrics_of, quietest
from analyzer.live.teller import Told
from analyzer.live.view import TerminalView, draw
from analyzer.units import NS
from tests.test_live_running import feed, talk

_NOW = 1_795_000_000 * NS


def _status() -> Status:
    def end(text: str) -> Endpoint:
        return parse_endpoint(text)

    return Status(
        name="Ethernet 2",
        now_ns=_NOW,
        running_s=4000.0,
        packets=1_234_567,
        tcp_packets=1_200_000,
        bytes=10**9,
        packets_per_s=1234.5,
        bits_per_s=9.9e6,
        flows=321,
        open_flows=123,
        retired=9,
        given_up=2,
        memory=12 << 20,
        memory_bound=100 << 20,
        dropped=17,
        drops_known=True,
        gaps=1,
        waiting=0,
        ring_used=40 << 20,
        ring_bound=512 << 20,
        ring_first_ns=_NOW - 3600 * NS,
        trouble=["eth0: the interface is down"],
        counts={("server-reset", "high"): 3},
        withdrawn=0,
        recent=[Told(_NOW, 4, "server-reset", "high", "10.0.0.5:50123", "10.9.0.7:443", "x", "incident")],
        quiet=[
            Quiet(
                end("10.0.0.5:50124"), end("10.9.0.7:443"), 230 * NS, "Azure Load Balancer", 240 * NS
            )
        ],
    )  # fmt: skip


def test_the_view_fits_eighty_columns_and_says_what_matters() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=False)
    console.print(draw(_status()))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert all(len(line) <= 80 for line in text.splitlines())
    for words in (
        "Ethernet 2",
        "1,234,567",
        "123 open of 321",
        "17, 1 gap",
        "server-reset",
        "high",
        "interface is down",
    ):
        assert words in text
    assert "in 10 s" in text


def test_events_scroll_above_the_view() -> None:
    stream = io.StringIO()
    view = TerminalView(stream)
    with view:
        view.show(_status())
        view.say(Event("incident", _NOW, "something died", grave=True))
        view.say(Event("status", _NOW, "not shown twice"))
    assert "INCIDENT something died" in stream.getvalue()
    assert "not shown twice" not in stream.getvalue()


def test_a_line_and_its_json_twin() -> None:
    event = Event("incident", _NOW, "10.0.0.5 died\x1b[2J", {"cause": "server-reset", "id": 4}, grave=True)
    assert as_line(event).startswith("2026-11-")
    assert "INCIDENT 10.0.0.5 died" in as_line(event)
    assert "\x1b" not in as_line(event)
    found = json.loads(as_json(event))
    assert found["schema"] == "notconn-live/1"
    assert (found["event"], found["cause"], found["id"]) == ("incident", "server-reset", 4)
    assert "\n" not in as_json(replace(event, text="two\nlines"))


def test_a_status_is_a_sentence_and_counters() -> None:
    assert describe(_status()) == (
        "1,234,567 packets (1,234/s), 123 open connections, 3 incidents, 17 packets dropped, 1 gap, "
        "2 connections given up for want of memory, 12 MiB of flows, 40 MiB of packets"
    )
    assert "drops not told yet" in describe(replace(_status(), drops_known=False))
    metrics = {metric.name: metric for metric in metrics_of(_status())}
    assert metrics["notconn_capture_up"].samples[()] == 0
    assert metrics["notconn_incidents_total"].samples[("cause", "server-reset"), ("confidence", "high")] == 3


def test_silences_nearest_to_a_known_limit_come_first() -> None:
    running = Running("test")
    first, second, busy = talk(1), talk(2), talk(3)
    second.now += 40 * NS
    second.exchange(b"a", b"b")
    busy.now += 200 * NS
    busy.exchange(b"a", b"b")
    closed = talk(4)
    closed.close()
    feed(running, first.packets + second.packets + busy.packets + closed.packets)
    now = (running.last_ns or 0) + 5 * NS
    found = quietest(running.digest, now, 5)
    ports = [min(one.low.port, one.high.port) for one in found]
    assert sorted(ports) == [1, 2]
    assert all(one.limit_ns is None or one.limit_ns > one.silence_ns for one in found)
    assert found[0].left_ns / found[0].silence_ns <= found[1].left_ns / found[1].silence_ns

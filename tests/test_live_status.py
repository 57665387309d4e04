"""How a watch is doing, as a sentence, as counters, and as the silences to look at."""

from __future__ import annotations

from dataclasses import replace

from analyzer.endpoint import Endpoint, parse_endpoint
from analyzer.live.running import Running
from analyzer.live.status import Quiet, Status, describe, metrics_of, quietest
from analyzer.live.teller import Told
from analyzer.units import NS
from tests.test_live_running import feed, talk

NOW = 1_795_000_000 * NS


def status() -> Status:
    def end(text: str) -> Endpoint:
        return parse_endpoint(text)

    return Status(
        name="Ethernet 2",
        now_ns=NOW,
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
        ring_first_ns=NOW - 3600 * NS,
        capturing=False,
        trouble=["eth0: the interface is down"],
        counts={("server-reset", "high"): 3},
        withdrawn=0,
        recent=[Told(NOW, 4, "server-reset", "high", "10.0.0.5:50123", "10.9.0.7:443", "x", "incident")],
        quiet=[
            Quiet(
                end("10.0.0.5:50124"), end("10.9.0.7:443"), 230 * NS, "Azure Load Balancer", 240 * NS
            )
        ],
    )  # fmt: skip


def test_a_status_is_a_sentence_and_counters() -> None:
    assert describe(status()) == (
        "1,234,567 packets (1,234/s), 123 open connections, 3 incidents, 17 packets dropped, 1 gap, "
        "2 connections given up for want of memory, 12 MiB of flows, 40 MiB of packets"
    )
    assert "drops not known" in describe(replace(status(), drops_known=False))
    metrics = {metric.name: metric for metric in metrics_of(status())}
    assert metrics["notconn_capture_up"].samples[()] == 0
    assert metrics["notconn_incidents_total"].samples[("cause", "server-reset"), ("confidence", "high")] == 3


def test_capturing_is_told_apart_from_other_troubles() -> None:
    metrics = {metric.name: metric for metric in metrics_of(replace(status(), capturing=True))}
    assert metrics["notconn_capture_up"].samples[()] == 1


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

"""A digest of chosen flows holds them unchanged, and its columns tell which to choose."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.capture.file import read_capture
from analyzer.live.running import Running
from analyzer.live.selection import bytes_of, columns, related, select
from tests.test_live_running import bare, feed, flows_of, talk
from tests.wire import Captured, Conversation


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), share=st.floats(0.05, 1.0), spend=st.booleans())
def test_what_is_selected_is_unchanged(seed: int, share: float, spend: bool) -> None:
    rng = random.Random(seed)
    packets: list[Captured] = []
    for number in range(12):
        made = talk(4000 + number, server=f"10.9.0.{number % 3}", rounds=rng.randrange(0, 30))
        if rng.random() < 0.5:
            made.wait(rng.randrange(1, 500)).unanswered(rng.randrange(1, 6))
        if rng.random() < 0.3:
            made.server_rst()
        packets += made.packets
    running = Running("test")
    feed(running, packets)
    last = running.last_ns or 0
    before = {flow.initiator.endpoint: bare(flow) for flow in flows_of(running, last)}
    chosen = np.array([rng.random() < share for _ in range(running.digest.count)])
    running.digest = select(running.digest, chosen, spend=spend)
    after = flows_of(running, last)
    assert len(after) == int(chosen.sum())
    assert all(before[flow.initiator.endpoint] == bare(flow) for flow in after)


def test_selecting_all_of_real_captures_changes_nothing(shared: Path) -> None:
    for folder in sorted((shared / "captures").glob("*-1"))[::3]:
        capture = read_capture(str(folder / "capture.pcapng"), hash_file=False)
        digest = select(capture.digest, np.ones(capture.digest.count, dtype=bool))
        running = Running("test")
        running.digest = digest
        found = {
            (flow.first_frame, flow.initiator.endpoint): flow for flow in flows_of(running, capture.info.last_ns or 0)
        }
        assert len(found) == len(capture.flows)
        for flow in capture.flows:
            same = found[flow.first_frame, flow.initiator.endpoint]
            assert replace(bare(same), reused_ports=flow.reused_ports) == replace(
                bare(flow), reused_ports=flow.reused_ports
            )


def test_a_digest_that_is_spent_gives_its_memory_back() -> None:
    running = Running("test")
    feed(running, [packet for port in range(1000, 1100) for packet in talk(port, rounds=3).packets])
    given = running.digest
    every = np.ones(given.count, dtype=bool)
    before = bytes_of(given)
    made = select(given, every)
    assert bytes_of(given) == before
    assert bytes_of(select(given, every, spend=True)) == bytes_of(made)
    assert bytes_of(given) == len(given.slots) * given.slots.itemsize


def test_company_shares_a_host(tmp_path: Path) -> None:
    running = Running("test")
    packets = [
        *talk(1, client="10.0.0.1", server="10.9.0.1").packets,
        *talk(2, client="10.0.0.1", server="10.9.0.2").packets,
        *talk(3, client="10.0.0.3", server="10.9.0.1").packets,
        *talk(4, client="10.0.0.4", server="10.9.0.4").packets,
        *talk(5, client="[fd00::1]", server="[fd00::9]").packets,
        *talk(6, client="[fd00::2]", server="[fd00::9]").packets,
    ]
    feed(running, packets)
    order = {flow.initiator.endpoint.port: n for n, flow in enumerate(flows_of(running, running.last_ns or 0))}
    first = related(running.digest, [order[1]], 100)
    assert {port for port, n in order.items() if first[n]} == {1, 2, 3}
    six = related(running.digest, [order[5]], 100)
    assert {port for port, n in order.items() if six[n]} == {5, 6}
    one = related(running.digest, [order[1]], 1)
    assert {port for port, n in order.items() if one[n]} == {1}
    del tmp_path


def test_columns_tell_what_is_open() -> None:
    running = Running("test")
    closed, reset, tried = talk(1), talk(2), Conversation(client="10.0.0.5:3", server="10.9.0.7:443")
    closed.close()
    reset.server_rst()
    tried.syn(arrives=False)
    feed(running, closed.packets + reset.packets + tried.packets + talk(4).packets)
    view = columns(running.digest)
    rows: dict[int, tuple[bool, bool]] = {
        flow.initiator.endpoint.port: (bool(view.closed[n]), bool(view.opening[n]))
        for n, flow in enumerate(flows_of(running, running.last_ns or 0))
    }
    assert rows == {1: (True, False), 2: (True, False), 3: (False, True), 4: (False, False)}
    assert bytes_of(running.digest) > 0
    order = {port: n for n, port in enumerate(rows)}
    every = np.ones(4, dtype=bool)
    kept = [{port for port, n in order.items() if view.most_telling(every, room)[n]} for room in (1, 2, 3)]
    assert kept == [{4}, {4, 3}, {4, 3, 2}]

"""What came before and after an error."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from analyzer.endpoint import Endpoint
from analyzer.logs.model import LogEvent, LogFile

NS = 10**9


def event(second: float | None, kind: str, **rest: object) -> LogEvent:
    base = LogEvent("a.log", 1, "x", None if second is None else int(second * NS), False, 1, "error")
    return replace(base, kind=kind, **rest)  # type: ignore[arg-type]


def log(*events: LogEvent) -> LogFile:
    numbered = tuple(replace(one, line=line) for line, one in enumerate(events, 1))
    return LogFile("a.log", "ascii", len(events), "text", numbered, None, None, False, None)


def lines(events: list[LogEvent]) -> list[int]:
    return [one.line for one in events]


def test_context_is_near_and_in_order() -> None:
    found = log(
        event(0, "lifecycle", action="connected"),
        event(100, "lifecycle", action="connecting"),
        event(199, "prior", code=10060),
        event(200, "error", code=10057),
        event(201, "prior", code=10061),
    )
    [error] = found.errors
    assert lines(found.context(error)) == [2, 3]
    assert lines(found.context(error, within_ns=300 * NS)) == [1, 2, 3]
    assert lines(found.following(error)) == [5]


def test_records_of_other_connections_are_left_out() -> None:
    here, there = Endpoint(bytes([10, 9, 0, 7]), 21), Endpoint(bytes([10, 9, 0, 8]), 21)
    found = log(
        event(1, "prior", code=10060, remote=there, port=21),
        event(2, "prior", code=10060, remote=here, port=21),
        event(3, "prior", code=10060, pid=5),
        event(4, "lifecycle", local_port=50),
        event(5, "error", code=10057, remote=here, port=21, pid=6, local_port=51),
    )
    [error] = found.errors
    assert lines(found.context(error)) == [2]


def test_hosts_are_compared_without_case() -> None:
    one = event(1, "prior", host_name="FTP.example.com", port=21)
    assert one.concerns(event(1, "error", host_name="ftp.example.com", port=21))
    assert not one.concerns(event(1, "error", host_name="www.example.com", port=21))


def test_without_times_the_nearest_records_count() -> None:
    found = log(*(event(None, "lifecycle") for _ in range(40)), event(None, "error", code=10057))
    [error] = found.errors
    assert lines(found.context(error)) == list(range(21, 41))


def test_the_connection_is_the_last_connected_however_long_ago() -> None:
    here = Endpoint(bytes([10, 9, 0, 7]), 21)
    found = log(
        event(0, "lifecycle", action="connected", remote=here, port=21, local_port=50),
        event(1, "lifecycle", action="closing"),
        event(9000, "error", code=10057, remote=here, port=21),
    )
    [error] = found.errors
    opened = found.connection(error)
    assert opened is not None
    assert opened.local_port == 50
    alone = log(event(1, "error", code=10057))
    assert alone.connection(alone.events[0]) is None


def test_equal_events_keep_their_places() -> None:
    found = log(event(1, "prior"), event(2, "error", code=10057), event(3, "prior"), event(4, "error", code=10057))
    first, second = found.errors
    assert lines(found.context(first)) == [1]
    assert lines(found.context(second)) == [1, 3]


_EVENTS = st.builds(
    event,
    st.none() | st.integers(0, 400),
    st.sampled_from(("error", "error", "error", "prior", "lifecycle")),
    local_port=st.none() | st.integers(1, 2),
)


@given(st.lists(_EVENTS, min_size=1, max_size=40), st.booleans(), st.integers(0, 100), st.data())
def test_context_finds_what_looking_at_every_record_finds(
    events: list[LogEvent], ordered: bool, within: int, data: st.DataObject
) -> None:
    if ordered:
        events.sort(key=lambda one: one.time_ns or 0)
    found = log(*events)
    events = list(found.events)
    place = data.draw(st.integers(0, len(events) - 1))
    near: list[LogEvent] = []
    for other in reversed(events[:place]):
        if events[place].time_ns is not None and other.time_ns is not None:
            if abs(other.time_ns - events[place].time_ns) > within * NS:
                break
        elif len(near) >= 20:
            break
        if other.kind != "error" and events[place].concerns(other):
            near.insert(0, other)
    assert found.context(events[place], within * NS) == near

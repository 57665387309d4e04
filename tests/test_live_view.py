"""What a terminal shows."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from analyzer.endpoint import parse_endpoint
from analyzer.live.events import Event
from analyzer.live.status import Quiet, Status
from analyzer.live.teller import Told
from analyzer.live.view import TerminalView, draw
from analyzer.units import NS
from tests.test_live_status import NOW, status

_SIX = "[2001:db8:1234:5678:9abc:def0:1111:2222]:50124"


def _drawn(one: Status, width: int = 80, height: int = 24) -> str:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
    console.print(draw(one, console))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_view_says_what_matters() -> None:
    text = _drawn(status())
    for words in (
        "Ethernet 2",
        "1,234,567",
        "123 open of 321",
        "17, 1 gap",
        "server-reset",
        "high",
        "interface is down",
        "10.0.0.5:50123 - 10.9.0.7:443",
        "Azure Load Balancer",
    ):
        assert words in text
    assert "10 s " in text


def _crowded() -> Status:
    """Long names, long addresses, and more incidents than a screen has lines."""
    cause = "server-closed-then-client-sent"
    told = [
        Told(NOW + n * NS, n, cause, "medium", "192.168.100.125:50123", "192.168.200.117:8443", "x", "incident")
        for n in range(11)
    ]
    told.append(Told(NOW + 60 * NS, 11, "path-lost", "high", _SIX, _SIX, "x", "revised"))
    six = parse_endpoint(_SIX)
    silences = [Quiet(six, six, (7000 + n) * NS, "a limit with a rather long name " * 2, 7200 * NS) for n in range(5)]
    return replace(status(), recent=told, quiet=silences)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (132, 50)])
def test_the_view_fits_the_terminal_and_the_newest_stands_first(width: int, height: int) -> None:
    lines = _drawn(_crowded(), width, height).splitlines()
    assert all(len(line) <= width for line in lines)
    assert len(lines) < height
    first = next(n for n, line in enumerate(lines) if line.startswith("time")) + 1
    assert "path-lost (revised)" in lines[first]
    assert all("…" in line or width > 80 for line in lines[first:])
    # the ports stay: an endpoint is cut at its start
    assert all(line.rstrip().endswith(("50124", "8443")) for line in lines[first:])


def test_events_scroll_above_the_view() -> None:
    stream = io.StringIO()
    view = TerminalView(stream)
    with view:
        view.show(status())
        view.say(Event("incident", NOW, "something died", grave=True))
        view.say(Event("status", NOW, "not shown twice"))
    assert "INCIDENT something died" in stream.getvalue()
    assert "not shown twice" not in stream.getvalue()

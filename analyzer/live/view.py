"""The live view of a terminal: what comes in, what is held, the last incidents, and who is about to hit a limit.

It is narrow (80 columns suffice), redrawn twice a second at most and only where it changed, so that it can be read over
a slow ssh. Without a terminal nothing is drawn: events are plain lines then.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import IO, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from analyzer.live.events import Event, as_line
from analyzer.live.status import Quiet, Status, uptime
from analyzer.live.teller import Told
from analyzer.report.escape import plain
from analyzer.report.phrases import count
from analyzer.units import NS, format_duration, format_instant

__all__ = ["TerminalView", "draw"]

_COLOUR = {"high": "bold red", "medium": "yellow", "low": "dim"}
_LEAST_ROWS = 3
_GAP = 2
"""Columns between two columns of a table."""


def draw(status: Status, console: Console) -> Group:
    """Return the view of a status, no higher than the console."""
    parts: list[Text | Table] = [_head(status)]
    parts += [Text(f"! {plain(text)}", style="bold red") for text in status.trouble]
    parts.append(_numbers(status))
    if status.quiet:
        parts.append(_silences(status.quiet, console.width))
    left = console.height - len(console.render_lines(Group(*parts))) - 3
    parts.append(_incidents(list(status.recent)[-max(_LEAST_ROWS, left) :], console.width))
    return Group(*parts)


def _head(status: Status) -> Text:
    head = Text("notconn live ", style="bold", no_wrap=True, overflow="ellipsis")
    head.append(plain(status.name), style="bold cyan")
    head.append(f"  {format_instant(status.now_ns)[:19].replace('T', ' ')} UTC, for {uptime(status)}. Ctrl-C ends it.")
    return head


def _numbers(status: Status) -> Table:
    table = Table.grid(padding=(0, 2))
    lost = f"{status.dropped:,}" if status.drops_known else "not known"
    if status.gaps:
        lost += f", {count(status.gaps, 'gap')}"
    ring = f"{status.ring_used / 2**20:,.0f} of {status.ring_bound / 2**20:,.0f} MiB"
    if status.ring_first_ns is not None:
        ring += f", back to {format_instant(status.ring_first_ns)[11:19]}"
    held = f"{status.open_flows:,} open of {status.flows:,}"
    if status.given_up:
        held += f", {status.given_up:,} given up"
    memory = f"{status.memory / 2**20:,.0f} of {status.memory_bound / 2**20:,.0f} MiB"
    rows = (
        ("packets", f"{status.packets:,}", "rate", f"{status.packets_per_s:,.0f}/s, {_bits(status.bits_per_s)}"),
        ("connections", held, "memory", memory),
        ("dropped", lost, "ring", ring),
    )
    for left, value, right, other in rows:
        style = "bold red" if left == "dropped" and (status.dropped or status.gaps) else ""
        table.add_row(Text(left, style="dim"), Text(value, style=style), Text(right, style="dim"), Text(other))
    return table


def _bits(rate: float) -> str:
    for unit in ("bit/s", "kbit/s", "Mbit/s"):
        if rate < 1000:
            return f"{rate:.0f} {unit}"
        rate /= 1000
    return f"{rate:.1f} Gbit/s"


def _table(title: str, *names: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1), pad_edge=False)
    for name in names:
        table.add_column(name, header_style="dim", overflow="ellipsis", no_wrap=True)
    return table


def _fitted(text: str, room: int) -> str:
    """Cut a text at its start: the end of an endpoint tells more."""
    return text if len(text) <= room else "…" + text[len(text) - max(room, 2) + 1 :]


def _pair(left: str, right: str, room: int) -> str:
    if not left or not right:
        return _fitted(plain(left or right), room)
    right = _fitted(plain(right), max(room * 2 // 3, room - 3 - len(left)))
    return f"{_fitted(plain(left), room - 3 - len(right))} - {right}"


def _silences(quiet: Sequence[Quiet], width: int) -> Table:
    rows = [
        (
            format_duration(one.silence_ns // NS * NS),
            format_duration(one.left_ns // NS * NS) if one.limit_ns is not None else "",
            _cut(plain(one.limit) or "none known", width // 3),
            "yellow" if one.left_ns * 10 < one.silence_ns else "",
        )
        for one in quiet
    ]
    names = "silent", "limit in", "known limit"
    lengths = [max(len(name), *(len(row[n]) for row in rows)) for n, name in enumerate(names)]
    room = width - sum(lengths) - 3 * _GAP
    table = _table("longest silences near a known limit", *names, "connection")
    for one, (silence, left, limit, style) in zip(quiet, rows, strict=True):
        table.add_row(silence, Text(left, style=style), limit, _pair(str(one.low), str(one.high), room))
    return table


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _incidents(recent: Sequence[Told], width: int) -> Table | Text:
    """Return the last incidents, the newest first."""
    if not recent:
        return Text("no incidents so far", style="dim")
    table = _table("last incidents", "time", "conf.", "cause", "connection")
    causes = [f"{one.cause} (revised)" if one.change == "revised" else one.cause for one in recent]
    room = width - len("00:00:00") - len("medium") - max(map(len, causes)) - 3 * _GAP
    for one, cause in zip(reversed(recent), reversed(causes), strict=True):
        table.add_row(
            format_instant(one.time_ns)[11:19], Text(one.confidence, style=_COLOUR[one.confidence]), cause,
            _pair(one.client, one.server, room),
        )  # fmt: skip
    return table


class TerminalView:
    """Draws on a terminal while entered; events that a person must see scroll above the view."""

    def __init__(self, stream: IO[str]) -> None:
        self._console = Console(file=stream, highlight=False)
        self._live = Live(console=self._console, refresh_per_second=2, auto_refresh=False, transient=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, status: Status) -> None:
        """Draw a status."""
        self._live.update(draw(status, self._console), refresh=True)

    def say(self, event: Event) -> None:
        """Print an event above the view; what the view shows anyway is left out."""
        if event.kind != "status":
            self._console.print(Text(as_line(event), style="bold" if event.grave else ""), soft_wrap=True)

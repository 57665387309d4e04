"""``notconn live``: watch an interface or a pipe, and have the packets that led to the failure."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from analyzer.cli.options import parse_endpoint, parse_zone
from analyzer.errors import OutputError, UsageError

if TYPE_CHECKING:
    from analyzer.live.events import Event
    from analyzer.live.plan import Plan
    from analyzer.live.watch import Watch

__all__ = ["EXAMPLES", "configure", "run"]

_LEVELS = {"low": 0, "medium": 1, "high": 2}
_COUNT_EVERY_S = 300.0
_OWN_MEMORY = 112 << 20
"""What Python, the rules and a report at work take."""
_LEAST_MEMORY = 160 << 20
_LEAST_RING = 1 << 20
_LEAST_SNAP = 128
"""Ethernet with two tags, IPv6 and TCP with all its options take 122 bytes."""

EXAMPLES = (
    ("notconn live -i eth0", "watch; each incident gets a folder below notconn-live/incidents"),
    ("notconn live -i 'Ethernet 2' --log app.log", "and explain each 10057 that the log records from now on"),
    ("ssh host tcpdump -U -w - | notconn live -", "watch another machine"),
    ("notconn live -i eth0 --notify msteams://... --metrics 9657", "tell people and Prometheus"),
    ("notconn live -i lo --once --exec ./client", "run a program and explain how it failed"),
    ("kill -USR1 $(pidof notconn)", "explain this moment"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add = parser.add_argument
    add("pipe", nargs="?", metavar="-", help="read a capture from standard input as it is written")
    add("-i", "--interface", metavar="NAME", help="name, number or address, see `notconn interfaces`")
    add("-o", "--output", metavar="DIR", default="notconn-live", help="folder of the ring and the incidents")
    add("--log", action="append", default=[], metavar="FILE", help="follow the application's log; may repeat")
    add("--zone", metavar="ZONE", help="zone of logs that do not tell; by default this machine's")
    add("--endpoint", metavar="ADDRESS:PORT", help="only connections of this endpoint")
    add("--site", metavar="FILE", help="what you know of the network (TOML)")
    add("--rules", action="append", default=[], metavar="DIR", help="a folder with rules of your own; may repeat")
    add("--wait", metavar="TIME", default="4s", help="how long to wait for what follows before judging (4s)")
    add("--after", metavar="TIME", default="30s", help="how long after an incident its packets are still added (30s)")
    capture = parser.add_argument_group("capture").add_argument
    capture("--filter", metavar="FILTER", help="kernel filter as of tcpdump; by default TCP, ICMP, ARP, DNS, DHCP")
    capture("--snap", type=int, default=None, metavar="BYTES", help="bytes kept of a packet (512; 0: all)")
    capture("--buffer", metavar="SIZE", default="32MiB", help="the kernel's buffer (32MiB)")
    capture("--with", dest="backend", choices=("auto", "dumpcap", "scapy"), default="auto", help="who captures")
    capture("--no-promiscuous", action="store_true", help="only packets of this machine")
    bounds = parser.add_argument_group("bounds").add_argument
    bounds("--memory", metavar="SIZE", default="512MiB", help="bound of the whole program (512MiB)")
    bounds("--idle", metavar="TIME", default="150min", help="how long a silent connection is followed (150min)")
    bounds("--ring-size", metavar="SIZE", default="512MiB", help="of packets kept on disk (512MiB; 0: none)")
    bounds("--ring-age", metavar="TIME", default="24h", help="how old packets on disk may get (24h)")
    bounds("--incidents-size", metavar="SIZE", default="4GiB", help="of incident folders kept (4GiB; 0: no bound)")
    bounds("--incidents-age", metavar="TIME", default="365d", help="how old they may get (365d; 0: any age)")
    bounds("--duration", metavar="TIME", help="end by itself after this time")
    bounds("--once", action="store_true", help="end after the first incident")
    tell = parser.add_argument_group("tell").add_argument
    tell("--format", choices=("view", "lines", "json"), help="a view (at a terminal), lines, or JSON lines")
    tell("--report", metavar="FORMS", default="text,json,html", help="forms of each report (text,json,html)")
    tell("--notify", action="append", default=[], metavar="ADDRESS", help="tell people through Apprise; may repeat")
    tell("--notify-every", metavar="TIME", default="15min", help="at most one message of a kind in this time (15min)")
    tell("--attach", metavar="TICKET", help="give each report to `notconn attach --to TICKET`")
    tell("--metrics", metavar="[ADDRESS:]PORT", help="serve counters for Prometheus; on the loopback unless told")
    tell("--fail-on", choices=tuple(_LEVELS), metavar="LEVEL", help="exit with 1 after an incident of this confidence")
    tell("--exec", nargs=argparse.REMAINDER, metavar="PROGRAM", help="run it and explain its errors; ends with it")


def run(options: argparse.Namespace) -> int:
    """Watch until the end; returns the exit code."""
    from analyzer.live.memory import return_large_blocks
    from analyzer.live.watch import Watch

    return_large_blocks()
    plan = _plan(options)
    form = options.format or ("view" if sys.stdout.isatty() and not options.exec else "lines")
    if options.exec and form == "view":
        raise UsageError("--format view has no room for the output of --exec; use lines or json")
    try:
        plan.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"no folder can be made here ({error.strerror})"
        raise OutputError(f"{plan.output}: {reason}; choose another with -o") from None
    if form == "view":
        from analyzer.live.view import TerminalView

        view = TerminalView(sys.stdout)
        watch = Watch(plan, view.say, view.show)
        with view:
            _guard(watch, options)
    else:
        watch = Watch(plan, _printer(form == "json"))
        _guard(watch, options)
    if options.fail_on is not None and watch.best is not None:
        return int(_LEVELS[watch.best] >= _LEVELS[options.fail_on])
    return 0


def _guard(watch: Watch, options: argparse.Namespace) -> None:
    """Run with signals: the first Ctrl-C or SIGTERM ends in order, the second at once; SIGUSR1 asks."""
    stops: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if stops:
            raise KeyboardInterrupt
        stops.append(number)
        watch.stop()

    def ask(_number: int, _frame: FrameType | None) -> None:
        watch.ask_now("asked for by SIGUSR1")

    wanted = {"SIGINT": stop, "SIGTERM": stop, "SIGHUP": stop, "SIGBREAK": stop, "SIGUSR1": ask}
    before = {
        number: signal.signal(number, handler)
        for name, handler in wanted.items()
        if (number := getattr(signal, name, None)) is not None
    }
    watch.end_after_first = options.once
    try:
        watch.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _printer(as_json_lines: bool) -> _Printer:
    return _Printer(as_json_lines)


class _Printer:
    """Prints each event as a line of its own, at once."""

    def __init__(self, as_json_lines: bool) -> None:
        self._json = as_json_lines

    def __call__(self, event: Event) -> None:
        from analyzer.live.events import as_json, as_line

        line = as_json(event) if self._json else as_line(event)
        os.write(sys.stdout.fileno(), line.encode("utf-8", "replace") + b"\n")


def _plan(options: argparse.Namespace) -> Plan:
    """Check everything that can be checked before anything begins."""
    from analyzer.capture.live import DEFAULT_SNAP, Pipe, Request, choose_backend, open_tap, settle_filter
    from analyzer.live.plan import Plan
    from analyzer.live.running import Keep
    from analyzer.ruleset.load import load_rules
    from analyzer.site import load_site

    if (options.interface is None) == (options.pipe is None):
        raise UsageError("name what to watch: -i INTERFACE (see `notconn interfaces`), or - for standard input")
    if options.pipe not in (None, "-"):
        raise UsageError(f"{options.pipe}: notconn live reads - or an interface (-i); a file goes to: notconn analyze")
    if options.exec is not None and not options.exec:
        raise UsageError("--exec: name the program to run; it takes all that follows")
    if options.attach is not None:
        from analyzer.tickets.target import parse_target

        try:
            parse_target(options.attach)
        except UsageError as error:
            raise UsageError(str(error).replace("--to", "--attach", 1)) from None
    from analyzer.report.render import FORMATS

    formats = [name for name in options.report.split(",") if name]
    for name in formats:
        if name not in FORMATS:
            raise UsageError(f"--report {name}: there is no such form; choose of {', '.join(FORMATS)}")
    rules = load_rules([Path(folder) for folder in options.rules])
    settings = load_site(Path(options.site)) if options.site else {}
    memory = _size("--memory", options.memory)
    if memory < _LEAST_MEMORY:
        raise UsageError(f"--memory {options.memory}: give 160MiB at least; the program itself takes about 100MiB")
    ring = _size("--ring-size", options.ring_size)
    if 0 < ring < _LEAST_RING:
        raise UsageError(f"--ring-size {options.ring_size}: give 1MiB at least, or 0 to keep no packets")
    queue = min(32 << 20, (memory - _OWN_MEMORY) // 6)
    common = {
        "rules": rules,
        "output": Path(options.output),
        "ring_bytes": ring,
        "ring_age_ns": _time("--ring-age", options.ring_age),
        "incidents_bytes": _size("--incidents-size", options.incidents_size) or None,
        "incidents_age_s": _age("--incidents-age", options.incidents_age),
        # What is let go of is copied without it: for a moment the flows take twice their bound.
        "keep": Keep(idle_ns=_time("--idle", options.idle), memory_bytes=(memory - _OWN_MEMORY - queue) * 2 // 5),
        "queue_bytes": queue,
        "wait_ns": _time("--wait", options.wait),
        "after_ns": _time("--after", options.after),
        "settings": settings,
        "rule_folders": [Path(folder) for folder in options.rules],
        "zone": parse_zone(options.zone or "local") if options.zone or options.interface else None,
        "endpoint": parse_endpoint(options.endpoint) if options.endpoint else None,
        "logs": [Path(log) for log in options.log],
        "command": options.exec or (),
        # JSON lines stand alone on standard output.
        "command_output": sys.stderr if options.format == "json" else None,
        "formats": formats,
        "notify": options.notify,
        "notify_every_s": _time("--notify-every", options.notify_every) / 1e9,
        "attach": options.attach,
        "metrics": _address(options.metrics),
        "duration_s": _time("--duration", options.duration) / 1e9 if options.duration else None,
    }
    if options.pipe is not None:
        for name, value in (("--filter", options.filter), ("--snap", options.snap)):
            if value is not None:
                raise UsageError(f"{name} belongs to an interface; give it to the program that writes into the pipe")
        return Plan(name="standard input", open_tap=Pipe, own_clock=False, restart=False, **common)
    from analyzer.capture.interfaces import find_device

    snap = DEFAULT_SNAP if options.snap is None else options.snap
    if snap and snap < _LEAST_SNAP:
        raise UsageError(f"--snap {snap}: the headers alone take up to {_LEAST_SNAP} bytes; give more, or 0 for all")
    backend = choose_backend(options.backend)
    request = settle_filter(
        Request(
            find_device(options.interface),
            backend,
            "",
            snap_length=snap,
            buffer_mib=max(1, _size("--buffer", options.buffer) >> 20),
            promiscuous=not options.no_promiscuous,
        ),
        options.filter,
    )
    return Plan(
        name=request.device.label,
        open_tap=lambda: open_tap(request),
        count_every_s=_COUNT_EVERY_S if backend == "dumpcap" else None,
        **common,
    )


def _size(option: str, text: str) -> int:
    from analyzer.units import parse_size

    if text == "0":
        return 0
    try:
        return parse_size(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def _time(option: str, text: str) -> int:
    from analyzer.units import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def _age(option: str, text: str) -> float | None:
    return None if text == "0" else _time(option, text) / 1e9


def _address(text: str | None) -> tuple[str, int] | None:
    from analyzer.live.metrics import parse_address

    return None if text is None else parse_address(text)

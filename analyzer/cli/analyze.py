"""``notconn analyze``: captures and logs in, a report out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analyzer.cli.options import (
    add_captures,
    add_output,
    check_input,
    check_output,
    parse_endpoint,
    parse_instant,
    parse_zone,
    write_output,
)
from analyzer.cli.progress import progress_bar

__all__ = ["EXAMPLES", "configure", "run"]

_LEVELS = {"low": 0, "medium": 1, "high": 2}


EXAMPLES = (
    ("notconn analyze capture.pcapng", "every connection that died, and why"),
    ("notconn analyze capture.pcapng --log app.log", "the cause of each 10057 that the log records"),
    ("notconn analyze capture.pcapng --log app.log --zone Europe/Berlin -o report.html", "one page for the ticket"),
    ("notconn analyze captures/ --endpoint 10.9.0.7:21 --at 2026-05-26T02:03:11Z", "what happened to it then"),
    ("notconn analyze captures/ --format json --fail-on high", "for a script; exit code 1 at a sure incident"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from analyzer.report.render import FORMATS

    add_captures(parser)
    add = parser.add_argument
    add("--log", action="append", default=[], metavar="FILE", help="the application's log; may repeat")
    add("--evtx", action="append", default=[], metavar="FILE", help="a Windows event log; may repeat")
    add("--netstat", metavar="FILE", help="output of netstat -ano, ss -tanp or Get-NetTCPConnection")
    add("--zone", metavar="ZONE", help="zone of logs that do not tell: utc, local, +01:00, Europe/Berlin")
    add("--at", metavar="TIME", help="explain what happened at this time (UTC unless it says otherwise)")
    add("--endpoint", metavar="ADDRESS:PORT", help="explain what happened to connections of this endpoint")
    add("--site", metavar="FILE", help="what you know of the network (TOML)")
    add("--rules", action="append", default=[], metavar="DIR", help="a folder with rules of your own; may repeat")
    add("--format", choices=tuple(FORMATS), metavar="FORM", help="by default text, or what FILE's name asks for")
    add(
        "--fail-on",
        choices=tuple(_LEVELS),
        metavar="LEVEL",
        help="exit with 1 when an incident has this confidence or more: low, medium or high",
    )
    add_output(parser)
    forms = (f"  {name:<11} {entry.meaning}" for name, entry in FORMATS.items())
    parser.epilog = "\n".join(["forms:", *forms])


def run(options: argparse.Namespace) -> int:
    """Analyse and write the report; returns the exit code."""
    from analyzer.pipeline import Question, analyze
    from analyzer.report.render import format_for_path, render
    from analyzer.site import load_site

    check_input(options.captures)
    check_output(options.output, force=options.force)
    settings = load_site(Path(options.site)) if options.site else {}
    question = Question(
        captures=options.captures,
        logs=[*options.log, *options.evtx],
        sockets=options.netstat,
        at_ns=parse_instant(options.at) if options.at else None,
        endpoint=parse_endpoint(options.endpoint) if options.endpoint else None,
        zone=parse_zone(options.zone) if options.zone else None,
        rules=[Path(folder) for folder in options.rules],
        settings=settings,
        hash_files=not options.no_hash,
    )
    with progress_bar() as progress:
        report = analyze(question, progress=progress)
    form = options.format or (format_for_path(options.output) if options.output else None) or "text"
    if form == "text" and options.output is None:
        from analyzer.report.text import render as render_text
        from analyzer.report.text import wants_color

        data = render_text(report, color=wants_color(sys.stdout)).encode("utf-8", "replace")
    else:
        data = render(report, form)
    write_output(data, options.output, force=options.force)
    if options.fail_on is not None:
        least = _LEVELS[options.fail_on]
        return int(any(_LEVELS[incident.confidence] >= least for incident in report.incidents))
    return 0


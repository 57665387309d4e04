"""``notconn analyze``: captures and logs in, a report out."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from analyzer.cli.options import add_captures, add_output, parse_endpoint, parse_instant, parse_zone, write_output
from analyzer.cli.progress import progress_bar

__all__ = ["configure", "run"]

_LEVELS = {"low": 0, "medium": 1, "high": 2}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from analyzer.report.render import FORMATS

    add_captures(parser)
    parser.add_argument("--log", action="append", default=[], metavar="FILE", help="the application's log; may repeat")
    parser.add_argument("--evtx", action="append", default=[], metavar="FILE", help="a Windows event log; may repeat")
    parser.add_argument("--netstat", metavar="FILE", help="output of netstat -ano, ss -tanp or Get-NetTCPConnection")
    parser.add_argument("--zone", metavar="ZONE", help="zone of logs that do not say: utc, local, +01:00, Europe/Berlin")
    parser.add_argument("--at", metavar="TIME", help="explain what happened at this time (UTC unless it says otherwise)")
    parser.add_argument("--endpoint", metavar="HOST:PORT", help="explain what happened to connections of this endpoint")
    parser.add_argument("--site", metavar="FILE", help="what you know of the network (TOML)")
    parser.add_argument("--rules", action="append", default=[], metavar="DIR", help="a folder with rules of your own")
    parser.add_argument("--format", choices=sorted(FORMATS), help="the report's form; by default text, or by FILE's name")
    parser.add_argument("--fail-on", choices=sorted(_LEVELS), metavar="LEVEL", help="exit 1 at an incident of LEVEL or above")
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Analyse and write the report; returns the exit code."""
    from analyzer.pipeline import Question, analyze
    from analyzer.report.render import format_for_path, render
    from analyzer.site import load_site

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
        from analyzer.report import text

        data = text.render(report, color=_colour_wanted()).encode("utf-8", "replace")
    else:
        data = render(report, form)
    write_output(data, options.output, force=options.force)
    if options.fail_on is not None:
        least = _LEVELS[options.fail_on]
        return int(any(_LEVELS[incident.confidence] >= least for incident in report.incidents))
    return 0


def _colour_wanted() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

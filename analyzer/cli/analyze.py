"""``notconn analyze``: captures and logs in, a report out."""

from __future__ import annotations

import argparse
import sys

from analyzer.cli.options import warn_unread
from analyzer.cli.output import add_output, write_output
from analyzer.cli.progress import progress_bar, warn_if_interpreted
from analyzer.cli.question import add_question, add_redaction, check_question, question_of, redaction_key
from analyzer.values import replace

__all__ = ["EXAMPLES", "configure", "run"]

_LEVELS = {"low": 0, "medium": 1, "high": 2}


EXAMPLES = (
    ("notconn analyze capture.pcapng", "every connection that died, and why"),
    ("notconn analyze capture.pcapng --log app.log", "the cause of each 10057 that the log records"),
    ("notconn analyze capture.pcapng --log app.log --zone Europe/Berlin -o report.html", "one page for the ticket"),
    ("notconn analyze captures/ --endpoint 10.9.0.7:21 --at 2026-05-26T02:03:11Z", "what happened to it then"),
    ("notconn analyze capture.pcapng --redact -o safe.html", "a page without addresses and names, for people outside"),
    ("notconn analyze captures/ --format json --fail-on high", "for a script; exit code 1 at a sure incident"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from analyzer.report.render import FORMATS

    add_question(parser)
    add = parser.add_argument
    add("--format", choices=tuple(FORMATS), metavar="FORM", help="by default text, or what FILE's name asks for")
    add(
        "--fail-on",
        choices=tuple(_LEVELS),
        metavar="LEVEL",
        help="exit with 1 when an incident has this confidence or more: low, medium or high",
    )
    add("--deep", action="store_true", help="let tshark, where it is installed, dissect the guilty streams for more")
    add_redaction(parser)
    add_output(parser)
    forms = (f"  {name:<11} {entry.meaning}" for name, entry in FORMATS.items())
    parser.epilog = "\n".join(["forms:", *forms])


def run(options: argparse.Namespace) -> int:
    """Analyse and write the report; returns the exit code."""
    from analyzer.pipeline import examine, report_of
    from analyzer.report.render import format_for_path, render
    from analyzer.report.text import WORKED

    check_question(options)
    warn_if_interpreted(options.captures)
    key = redaction_key(options)
    question = question_of(options)
    if options.format is None and options.output is None:
        # What is only looked at needs no proof of which bytes it was; to hash a file takes as long as to read it.
        question = replace(question, hash_files=False)
    with progress_bar() as progress:
        examined = examine(question, progress=progress)
    warn_unread(examined.unread)
    form = options.format or (format_for_path(options.output) if options.output else None) or "text"
    report = report_of(examined, worked=WORKED if form == "text" and not options.redact else None)
    if options.deep:
        from analyzer.dissection import dissect

        report, problems = dissect(examined, report, quote=not options.redact)
        for problem in problems:
            print(f"notconn: {problem}", file=sys.stderr)
    if options.redact:
        from analyzer.slices.make import redacted_report

        report = redacted_report(examined, report, key, allow_secrets=options.allow_secrets)
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

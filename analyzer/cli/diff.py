"""``notconn diff``: the incidents before and after a change."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.cli.options import check_input, parse_zone, warn_unread
from analyzer.cli.output import add_output, check_output, write_output
from analyzer.errors import UsageError

if TYPE_CHECKING:
    from analyzer.report.model import Report

__all__ = ["EXAMPLES", "configure", "run"]

EXAMPLES = (
    ("notconn diff before.pcapng after.pcapng", "what is gone, what is new; exit code 1 unless it is cured"),
    ("notconn diff before.json after/ --log-after app.log", "a report of then against captures of now"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add = parser.add_argument
    add("before", metavar="BEFORE", help="a capture, a folder, a pattern, or a JSON report of notconn")
    add("after", metavar="AFTER", help="the same from after the change")
    add("--log-before", action="append", default=[], metavar="FILE", help="the application's log of then; may repeat")
    add("--log-after", action="append", default=[], metavar="FILE", help="the application's log of now; may repeat")
    add("--zone", metavar="ZONE", help="zone of logs that do not tell: utc, local, +01:00, Europe/Berlin")
    add("--site", metavar="FILE", help="what you know of the network (TOML)")
    add("--rules", action="append", default=[], metavar="DIR", help="a folder with rules of your own; may repeat")
    add("--format", choices=("text", "json"), default="text", metavar="FORM", help="text or json")
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Compare and write; returns 0 when everything is cured, else 1."""
    from analyzer.report.diff import diff, render_json, render_text

    beside = (*options.log_before, *options.log_after, options.site)
    check_input([options.before, options.after], *beside)
    if options.before == options.after == "-":
        raise UsageError("- -: standard input holds one capture; write the other one to a file and name that")
    check_output(options.output, force=options.force, inputs=(options.before, options.after, *beside))
    before, _ = _report(options.before, options.log_before, options)
    after, used = _report(options.after, options.log_after, options)
    difference = diff(before, after, used)
    text = render_json(difference) if options.format == "json" else render_text(difference)
    write_output(text.encode("utf-8", "replace"), options.output, force=options.force)
    return 0 if difference.cured else 1


def _report(path: str, logs: list[str], options: argparse.Namespace) -> tuple[Report, set[str] | None]:
    """Read or make a report; with it the servers that its captures connect to, None where only a report is there."""
    from analyzer.pipeline import Question, examine, report_of
    from analyzer.report.read import read_report
    from analyzer.site import load_site

    file = Path(path)
    if file.is_file():
        with file.open("rb") as stream:
            is_text = stream.read(64).lstrip()[:1] == b"{"
        if is_text:
            return read_report(file.read_bytes(), path), None
    question = Question(
        captures=[path],
        logs=logs,
        zone=parse_zone(options.zone) if options.zone else None,
        rules=[Path(folder) for folder in options.rules],
        settings=load_site(Path(options.site)) if options.site else {},
        hash_files=False,
    )
    examined = examine(question)
    warn_unread(examined.unread)
    used = {str(row.responder) for part in examined.parts for row in part.around.rows}
    return report_of(examined), used

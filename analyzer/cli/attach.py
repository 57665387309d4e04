"""``notconn attach``: bring a report to the ticket it belongs to."""

from __future__ import annotations

import argparse
import sys
import zipfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.errors import InputError

if TYPE_CHECKING:
    from analyzer.report.model import Report

__all__ = ["EXAMPLES", "configure", "run"]

EXAMPLES = (
    ("notconn attach report.json --to jira:PROJ-12 --dry-run", "show what would be sent"),
    ("notconn attach ticket.zip --to servicenow:INC0010023", "an internal work note, with page and bundle as files"),
    ("notconn attach report.json --to github:owner/repo#12", "a comment; a second run updates it"),
)
_MOST_REPORT_BYTES = 256 << 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from analyzer.tickets.target import SYSTEMS

    forms = ", ".join(f"{name}:{system.form}" for name, system in SYSTEMS.items())
    add = parser.add_argument
    add("report", metavar="REPORT", help="a JSON report (analyze -o report.json) or a bundle (bundle -o ticket.zip)")
    add("--to", required=True, metavar="TICKET", help=f"one of {forms}")
    add("--public", action="store_true", help="let people outside the team read it; without it the note is internal")
    add("--dry-run", action="store_true", help="send nothing and ask no server; print what would be sent")


def run(options: argparse.Namespace) -> int:
    """Send the report, or show what would be sent; returns the exit code."""
    from analyzer.tickets.deliver import deliver, describe
    from analyzer.tickets.post import make_post
    from analyzer.tickets.target import parse_target
    from analyzer.tickets.vendors import vendor_of

    target = parse_target(options.to)
    report, extra = _read(options.report)
    post = make_post(report, extra, public=options.public)
    with closing(vendor_of(target, dry=options.dry_run)) as vendor:
        if options.dry_run:
            from analyzer.cli.output import write_output

            write_output(describe(vendor, post, target.ticket).encode("utf-8", "replace"), None, force=False)
        else:
            deliver(vendor, post, lambda sentence: print(f"notconn: {sentence}", file=sys.stderr))
    return 0


def _read(path: str) -> tuple[Report, tuple[tuple[str, bytes, str], ...]]:
    """Return the report in a file or bundle, and the bundle itself as a file to send along. Raises InputError."""
    from analyzer.bundle import REPORT_NAME
    from analyzer.report.read import read_report

    file = Path(path)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: it cannot be read ({error.strerror}); check the name") from None
    if not data.startswith(b"PK\x03\x04"):
        return read_report(data, path), ()
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.getinfo(REPORT_NAME).file_size > _MOST_REPORT_BYTES:
                raise KeyError(REPORT_NAME)
            report = archive.read(REPORT_NAME)
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError, NotImplementedError):
        raise InputError(
            f"{path}: this zip is no bundle of notconn; make one: notconn bundle ... -o ticket.zip"
        ) from None
    return read_report(report, f"{path}/{REPORT_NAME}"), ((file.name, data, "application/zip"),)

"""``notconn bundle``: one zip for the other team."""

from __future__ import annotations

import argparse
import sys

from analyzer.cli.options import parse_zone, warn_unread
from analyzer.cli.output import new_file
from analyzer.cli.question import add_question, add_redaction, check_question, question_of, redaction_key
from analyzer.errors import UsageError

__all__ = ["EXAMPLES", "configure", "run"]

EXAMPLES = (
    ("notconn bundle capture.pcapng --log app.log -o ticket.zip", "report, packets and questions in one file"),
    ("notconn bundle capture.pcapng --redact --local Europe/Berlin -o safe.zip", "for people outside"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_question(parser)
    add = parser.add_argument
    add("--incident", metavar="N", help="only this incident; without it all that the report works out")
    add("--local", metavar="ZONE", default="local", help="the zone of local times; this machine's without it")
    add_redaction(parser)
    add("-o", "--output", metavar="FILE", required=True, help="the zip to write")
    add("--force", action="store_true", help="write over FILE if it exists")


def run(options: argparse.Namespace) -> int:
    """Analyse and write the bundle; returns the exit code."""
    from analyzer.bundle import make_bundle
    from analyzer.cli.progress import progress_bar
    from analyzer.pipeline import examine
    from analyzer.report.escape import plain
    from analyzer.slices.make import prepare_masks

    check_question(options, to_file=True)
    key = redaction_key(options)
    zone = parse_zone(options.local, "--local")
    with progress_bar() as progress:
        examined = examine(question_of(options), progress=progress)
    warn_unread(examined.unread)
    if not any(part.incidents for part in examined.parts):
        raise UsageError("there is no incident to bundle: no connection died in a way that surfaces as a socket error")
    masks = prepare_masks(examined, key) if options.redact else None
    with new_file(options.output, force=options.force) as place:
        made = make_bundle(
            examined, place, incident=options.incident, masks=masks, local=zone, allow_secrets=options.allow_secrets
        )
    print(f"notconn: wrote {plain(options.output)}: {', '.join(made.names)}", file=sys.stderr)
    for name, one in made.slices.items():
        if not one.comparison.same:
            print(f"notconn: incident {name}: {one.comparison.sentence}", file=sys.stderr)
    if made.left_out:
        print(f"notconn: {made.left_out:,} incidents more have no slice; name one with --incident N", file=sys.stderr)
    return 0

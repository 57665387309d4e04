"""``notconn slice``: the packets of one incident as a capture of its own."""

from __future__ import annotations

import argparse
import sys

from analyzer.cli.options import warn_unread
from analyzer.cli.output import new_file
from analyzer.cli.question import add_question, add_redaction, check_question, question_of, redaction_key
from analyzer.errors import UsageError

__all__ = ["EXAMPLES", "configure", "run"]

EXAMPLES = (
    ("notconn slice capture.pcapng --log app.log --incident 1 -o incident-1.pcapng", "what proves incident 1"),
    ("notconn slice capture.pcapng --incident 1 --redact -o safe.pcapng", "the same, for people outside"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_question(parser)
    add = parser.add_argument
    add("--incident", metavar="N", help="the incident's number in the report; may be left out where there is only one")
    add_redaction(parser)
    add("-o", "--output", metavar="FILE", required=True, help="the pcapng file to write")
    add("--force", action="store_true", help="write over FILE if it exists")


def run(options: argparse.Namespace) -> int:
    """Analyse, cut, write; returns the exit code."""
    from analyzer.cli.progress import progress_bar
    from analyzer.pipeline import examine
    from analyzer.report.escape import plain
    from analyzer.slices.make import make_slice, prepare_masks

    check_question(options, to_file=True)
    key = redaction_key(options)
    with progress_bar() as progress:
        examined = examine(question_of(options), progress=progress)
    warn_unread(examined.unread)
    name = options.incident
    if name is None:
        total = sum(len(part.incidents) for part in examined.parts)
        if not total:
            raise UsageError("there is no incident to cut out: no connection died in a way that surfaces as an error")
        if total > 1:
            raise UsageError(f"there are {total} incidents; say which with --incident N (notconn analyze shows them)")
        name = "1"
    masks = prepare_masks(examined, key) if options.redact else None
    with new_file(options.output, force=options.force) as place:
        made = make_slice(examined, name, place, masks=masks, allow_secrets=options.allow_secrets)
    print(f"notconn: wrote {plain(options.output)}: {len(made.frames):,} of {made.packets:,} packets", file=sys.stderr)
    print(f"notconn: {made.comparison.sentence}", file=sys.stderr)
    if options.redact and options.redact_key is None:
        print(
            "notconn: the key was random: give --redact-key to get the same replacements in another run.",
            file=sys.stderr,
        )
    return 0

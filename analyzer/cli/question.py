"""The arguments that say what is to be analysed, and how it is to be redacted, for every command that analyses."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.cli.options import add_captures, check_input, parse_moment, parse_target, parse_zone
from analyzer.cli.output import check_output
from analyzer.errors import UsageError

if TYPE_CHECKING:
    from analyzer.factset import Value
    from analyzer.pipeline import Question

__all__ = ["add_question", "add_redaction", "check_question", "question_of", "redaction_key"]


def add_question(parser: argparse.ArgumentParser) -> None:
    """Add the captures and everything that `analyze` is asked with."""
    add_captures(parser)
    add = parser.add_argument
    add("--log", action="append", default=[], metavar="FILE", help="the application's log; may repeat")
    add("--evtx", action="append", default=[], metavar="FILE", help="a Windows event log; may repeat")
    add("--netstat", metavar="FILE", help="output of netstat -ano, ss -tanp or Get-NetTCPConnection")
    add("--zone", metavar="ZONE", help="zone of logs that do not tell: utc, local, +01:00, Europe/Berlin")
    add(
        "--at", metavar="TIME", help="explain what happened then: 2026-05-26T02:03:11Z, 02:03 (UTC), 191.5 (from start)"
    )
    add("--endpoint", metavar="HOST:PORT", help="explain connections of this address or name, port, or both")
    add("--site", metavar="FILE", help="what you know of the network (TOML)")
    add("--rules", action="append", default=[], metavar="DIR", help="a folder with rules of your own; may repeat")


def check_question(options: argparse.Namespace, *, to_file: bool = False) -> None:
    """Refuse inputs and an output that cannot be, before the work begins; ``to_file`` where only a file will do.

    Raises UsageError, OutputError.
    """
    beside = (*options.log, *options.evtx, options.netstat, options.site)
    check_input(options.captures, *beside, *options.rules)
    if to_file and options.output == "-":
        raise UsageError("-o -: this is no text for standard output; name a file")
    check_output(options.output, force=options.force, inputs=(*options.captures, *beside))


def question_of(options: argparse.Namespace) -> Question:
    """Return the question that the arguments ask. Raises UsageError, RuleError."""
    from analyzer.pipeline import Question

    return Question(
        captures=options.captures,
        logs=[*options.log, *options.evtx],
        sockets=options.netstat,
        at=parse_moment(options.at) if options.at is not None else None,
        endpoint=parse_target(options.endpoint) if options.endpoint is not None else None,
        zone=parse_zone(options.zone) if options.zone is not None else None,
        rules=[Path(folder) for folder in options.rules],
        settings=_site(options.site) if options.site else {},
        hash_files=not options.no_hash,
    )


def _site(path: str) -> dict[str, Value]:
    from analyzer.site import load_site

    return load_site(Path(path))


def add_redaction(parser: argparse.ArgumentParser) -> None:
    """Add what says whether and how addresses, names and payload are replaced."""
    add = parser.add_argument
    add("--redact", action="store_true", help="replace addresses and names, cut payload to what the verdict needs")
    add(
        "--redact-key",
        metavar="PLACE",
        help="where the key of the replacements is: env:NAME, keyring:NAME or file:PATH; random without it",
    )
    add("--allow-secrets", action="store_true", help="write even what looks like a password, cookie or token")


def redaction_key(options: argparse.Namespace) -> bytes | None:
    """Return the key, None for a random one. Raises UsageError."""
    if options.redact_key is None:
        return None
    if not options.redact:
        raise UsageError("--redact-key does nothing without --redact; add it")
    from analyzer.redaction.key import read_key

    return read_key(options.redact_key)

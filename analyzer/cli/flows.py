"""``notconn flows``: the TCP connections of captures as a table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from analyzer.cli.options import add_captures, check_input, warn_unread
from analyzer.cli.output import add_output, check_output, write_output
from analyzer.cli.progress import progress_bar, warn_if_interpreted

if TYPE_CHECKING:
    from analyzer.report.model import CaptureSummary
    from analyzer.tables import Table

__all__ = ["EXAMPLES", "configure", "run"]

EXAMPLES = (
    ("notconn flows capture.pcapng", "a table for a terminal"),
    ("notconn flows captures/ --format csv -o flows.csv", "every capture of a folder, for a spreadsheet"),
    ("notconn flows capture.pcapng --format json | jq '.flows[] | select(.rsts > 0)'", "for programs"),
    ("notconn flows captures/*.pcapng -o flows.parquet", "for pandas, DuckDB or Spark"),
)
_SUFFIXES = {".txt": "text", ".json": "json", ".csv": "csv", ".parquet": "parquet"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_captures(parser)
    parser.add_argument(
        "--format",
        choices=tuple(_SUFFIXES.values()),
        help="text, csv, json or parquet, all with the same columns but text; by default text, or by FILE's name",
    )
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Read the captures and write the table; returns the exit code."""
    from analyzer.capture.several import read_captures
    from analyzer.errors import UsageError
    from analyzer.report.escape import plain
    from analyzer.report.health import capture_summary, unread_summary
    from analyzer.tables import flow_table

    check_input(options.captures)
    warn_if_interpreted(options.captures)
    check_output(options.output, force=options.force, inputs=options.captures)
    by_name = (form for suffix, form in _SUFFIXES.items() if (options.output or "").lower().endswith(suffix))
    form = options.format or next(by_name, "text")
    if form == "parquet" and options.output is None and sys.stdout.isatty():
        raise UsageError("Parquet is no text for a terminal; name a file with -o flows.parquet")
    with progress_bar() as progress:
        captures, unread = read_captures(options.captures, hash_files=not options.no_hash, progress=progress)
    warn_unread(unread)
    summaries = [capture_summary(capture.info) for capture in captures]
    summaries += [unread_summary(one.path, one.why) for one in unread]
    data = _render(flow_table(captures), summaries, form, color=options.output is None)
    if form in ("csv", "parquet"):
        # These forms have no place for it, and half a table must not pass for a whole one.
        for capture in captures:
            if capture.info.health.cut is not None:
                print(f"notconn: {plain(capture.info.path)}: {plain(capture.info.health.cut)}", file=sys.stderr)
    write_output(data, options.output, force=options.force)
    return 0


def _render(table: Table, summaries: list[CaptureSummary], form: str, *, color: bool) -> Iterable[bytes]:
    if form == "parquet":
        from analyzer.frames import parquet

        return [parquet(table)]
    from analyzer.report import tabular
    from analyzer.report.text import wants_color

    if form == "json":
        pieces: Iterable[str] = tabular.table_json(table, "flows", summaries)
    elif form == "csv":
        pieces = tabular.table_csv(table)
    else:
        pieces = [tabular.flows_text(table, summaries, color=color and wants_color(sys.stdout))]
    return (piece.encode("utf-8", "replace") for piece in pieces)

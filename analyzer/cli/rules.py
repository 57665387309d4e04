"""``notconn rules``: check rule files, or print their documentation."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analyzer.cli.output import write_output

__all__ = ["EXAMPLES", "configure", "run"]

EXAMPLES = (
    ("notconn rules check", "check the rules that come along"),
    ("notconn rules check my-rules/", "check rules of your own: every problem with file, line and column"),
    ("notconn rules docs > rules.md", "the reference of all rules and facts as Markdown"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("action", choices=("check", "docs"), help="check all, or print the reference as Markdown")
    parser.add_argument("folder", nargs="?", metavar="DIR", help="a folder with rules; by default those of notconn")


def run(options: argparse.Namespace) -> int:
    """Check or print."""
    from analyzer.ruleset.docs import check, render_docs

    folder = Path(options.folder) if options.folder else None
    if options.action == "docs":
        write_output(render_docs(folder).encode(), None, force=False)
        return 0
    count = check(folder)
    print(f"notconn: {count} rules are sound.", file=sys.stderr)
    return 0

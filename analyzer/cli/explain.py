"""``notconn explain``: what is known about an error code, a cause or a rule, offline."""

from __future__ import annotations

import argparse

from analyzer.cli.output import write_output

__all__ = ["EXAMPLES", "configure", "run"]

EXAMPLES = (
    ("notconn explain 10057", "the error: what it means, which call gives it when, what to look at"),
    ("notconn explain firewall-idle-drop", "a root cause: how it comes about, what to change"),
    ("notconn explain causes", "every root cause in one line; also: codes, calls"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("topic", metavar="TOPIC", help="an error code such as 10057, a cause id or a rule id")


def run(options: argparse.Namespace) -> int:
    """Print the explanation."""
    from analyzer.ruleset.explain import explain_text

    write_output(explain_text(options.topic).encode(), None, force=False)
    return 0

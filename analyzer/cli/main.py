"""``notconn``: find the command, run it, turn expected failures into one sentence and exit code 2."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from analyzer.errors import NotconnError

__all__ = ["main"]

_COMMANDS = {
    "analyze": "say why connections in a capture died, with the frames that prove it",
    "flows": "list the TCP connections of a capture",
    "explain": "explain an error code, a root cause or a rule, offline",
    "rules": "check the rules, or print their documentation",
}
_INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, in the same form as every other failure."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise NotconnError(f"{message}; `{self.prog} --help` lists what there is")


def _build(name: str | None) -> argparse.ArgumentParser:
    from analyzer.version import program_version

    parser = _Parser(prog="notconn", description="Why did this socket stop being connected? (WSAENOTCONN, 10057)")
    parser.add_argument("--version", action="version", version=f"notconn {program_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for command, summary in _COMMANDS.items():
        sub = commands.add_parser(command, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if command == name:
            # Only the command that was asked for is imported: start-up counts.
            import_module(f"analyzer.cli.{command}").configure(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code. 0: done; 1: --fail-on was met; 2: input or call was wrong."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = next((word for word in arguments if word in _COMMANDS), None)
    try:
        parser = _build(name)
        options = parser.parse_args(arguments)
        if options.command is None:
            parser.print_help()
            return 2
        return int(import_module(f"analyzer.cli.{options.command}").run(options))
    except NotconnError as error:
        print(f"notconn: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("notconn: interrupted; nothing was written.", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (| head): no failure of ours. Python would complain at exit otherwise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        print("notconn: the machine has too little memory for this capture; analyse it in parts.", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

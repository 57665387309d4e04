"""``notconn``: find the command, run it, turn expected failures into one sentence and exit code 2."""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from analyzer.errors import NotconnError, UsageError

__all__ = ["COMMANDS", "build", "console", "main"]

COMMANDS = {
    "analyze": "say why connections in a capture died, with the frames that prove it",
    "flows": "list the TCP connections of a capture",
    "slice": "write the packets of one incident as a capture of its own",
    "live": "watch an interface and keep what led to each failure",
    "interfaces": "list the interfaces that can be watched",
    "bundle": "write one zip for the other team: report, packets, questions",
    "diff": "compare two captures or reports: did the change cure it?",
    "attach": "send a report to the ticket it belongs to",
    "explain": "explain an error code, a root cause or a rule, offline",
    "rules": "check the rules, or print their documentation",
}
_EXAMPLES = (
    ("notconn analyze capture.pcapng", "every connection that died in this capture, and why"),
    ("notconn analyze capture.pcapng --log app.log", "the cause of each 10057 that this log records"),
    ("notconn flows capture.pcapng --format csv -o flows.csv", "the connections as a table"),
    ("notconn live -i eth0", "watch an interface, and keep what led to each failure"),
    ("notconn explain 10057", "what the error means and which call gives it when"),
)
_EXIT_CODES = """exit codes:
  0  done
  1  done, and --fail-on was met
  2  the input or the call was wrong; standard error says what, and how to mend it
  130  interrupted"""
_INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, in the same form as every other failure."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(f"{message}; `{self.prog} --help` lists what there is")


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of examples, and a column wide enough for the names of the commands."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=_columns() - 2)
        # argparse forgets that commands stand further to the right than options.
        self._action_max_length = max(map(len, COMMANDS)) + 4


def _columns() -> int:
    """Return the width for help, which argparse asks for with every argument; its own way loads two decompressors."""
    try:
        return int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size().columns or 80
    except (ValueError, OSError):
        return 80


def _examples(examples: Iterable[tuple[str, str]]) -> str:
    return "examples:\n" + "\n".join(f"  {command}\n      {meaning}" for command, meaning in examples)


def build(name: str | None, *, alone: bool = False) -> argparse.ArgumentParser:
    """Return the parser, with the arguments of the command ``name`` only, ``alone`` without the others' names.

    Start-up counts: most of it was spent on arguments that were not asked for.
    """
    from analyzer.version import program_version

    parser = _Parser(
        prog="notconn",
        formatter_class=_Help,
        description="Why did this socket stop being connected? (WSAENOTCONN, 10057)\n\n"
        "Reads packet captures (pcap, pcapng) and names the cause, the frames that prove it, and what to change.",
        epilog=f"{_examples(_EXAMPLES)}\n\n{_EXIT_CODES}\n\n`notconn COMMAND --help` tells more of each.",
    )
    parser.add_argument("--version", action="version", version=f"notconn {program_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser, title="commands")
    for command in (name,) if alone and name is not None else COMMANDS:
        summary = COMMANDS[command]
        sub = commands.add_parser(
            command,
            help=summary,
            description=summary[0].upper() + summary[1:].rstrip("?") + ("?" if summary.endswith("?") else "."),
            formatter_class=_Help,
        )
        if command == name:
            module = import_module(f"analyzer.cli.{command}")
            module.configure(sub)
            parts = [_examples(module.EXAMPLES)] if hasattr(module, "EXAMPLES") else []
            sub.epilog = "\n\n".join([*parts, sub.epilog] if sub.epilog else parts)
    return parser


def _check_command(name: str) -> None:
    if name in COMMANDS:
        return
    # Not Path.exists, which raises for a name that is too long.
    there = os.path.exists(name)  # noqa: PTH110
    if there or name.lower().endswith((".pcap", ".pcapng", ".cap", ".etl", ".gz", ".zst")):
        raise UsageError(f"{name}: a command comes first; try: notconn analyze {name}")
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, 1)
    hint = f"did you mean `notconn {near[0]}`?" if near else f"there are {', '.join(COMMANDS)}"
    raise UsageError(f"there is no command {name!r}; {hint}")


def _run(arguments: list[str]) -> int:
    name = next((word for word in arguments if not word.startswith("-")), None)
    if name is not None:
        _check_command(name)
    parser = build(name, alone=arguments[:1] == [name])
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        called = f"notconn {options.command}" if options.command else "notconn"
        raise UsageError(f"unrecognized arguments: {' '.join(unknown)}; `{called} --help` lists what there is")
    if options.command is None:
        parser.print_help(sys.stderr)
        return 2
    return int(import_module(f"analyzer.cli.{options.command}").run(options))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code. 0: done; 1: --fail-on was met; 2: input or call was wrong."""
    # Both are missing where a program without a console, or a shell that closed them, starts us.
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except SystemExit as stop:
        # argparse ends the program itself after --help and --version.
        return int(stop.code or 0)
    except NotconnError as error:
        _say(str(error))
        return 2
    except KeyboardInterrupt:
        _say("interrupted; nothing was written.")
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (| head): no failure of ours. Python would complain at exit otherwise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # What no command expects: a full disk under the temporary folder, a network drive that went away.
        place = error.filename or "a file"
        _say(f"{place}: {error.strerror or error}; check the disk, the network drive and the permissions")
        return 2
    except MemoryError:
        _say("the machine has too little memory for this capture; analyse it in parts (editcap -i 3600 in.pcapng out).")
        return 2


def console() -> NoReturn:
    """Be the program: run the command line, and leave without taking apart what it made.

    Python's own way out visits every object once more, which takes as long as reading a small capture.
    """
    # Nearly all that is made lives until the answer is written; looking for cycles among it costs a tenth of the time.
    gc.set_threshold(100_000 if sys.argv[1:2] == ["live"] else 1_000_000)
    code = main()
    threading = sys.modules.get("threading")
    if threading is None or threading.active_count() == 1:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
            atexit._run_exitfuncs()  # noqa: SLF001 - what others registered is still done
            os._exit(code)
    sys.exit(code)


def _say(sentence: str) -> None:
    from analyzer.report.escape import block

    # File names and what stands in files are data: they must not move a terminal's cursor.
    with suppress(OSError):
        print(f"notconn: {block(sentence)}", file=sys.stderr)


if __name__ == "__main__":
    console()

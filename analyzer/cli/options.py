"""Arguments and outputs that several commands share."""

from __future__ import annotations

import argparse
import errno
import os
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer import endpoint
from analyzer.endpoint import Endpoint
from analyzer.errors import OutputError, UsageError

if TYPE_CHECKING:
    from analyzer.capture.several import Unread
    from analyzer.moment import Moment
    from analyzer.target import Target

__all__ = [
    "add_captures",
    "add_output",
    "check_input",
    "check_output",
    "parse_endpoint",
    "parse_moment",
    "parse_target",
    "parse_zone",
    "warn_unread",
    "write_output",
]

_OFFSET = re.compile(r"(?:utc|UTC)?(?P<sign>[+-])(?P<hours>0?[0-9]|1[0-9]|2[0-3])(?::?(?P<minutes>[0-5][0-9]))?")


def add_captures(parser: argparse.ArgumentParser) -> None:
    """Add the captures to read."""
    parser.add_argument(
        "captures",
        nargs="+",
        metavar="CAPTURE",
        help="pcap or pcapng, also gzip or zstd: a file, several, a folder, a pattern, or - for standard input",
    )
    parser.add_argument("--no-hash", action="store_true", help="do not compute the SHA-256 of the captures")


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add where the answer goes."""
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE instead of standard output")
    parser.add_argument("--force", action="store_true", help="write over FILE if it exists")


def check_output(path: str | None, *, force: bool) -> None:
    """Refuse an output that could not be written, before the work and not after it. Raises OutputError."""
    if path is None or path == "-":
        return
    target = Path(path)
    try:
        if target.is_dir():
            raise OutputError(f"{path}: this is a folder; name a file in it with -o")
        if not force and target.is_file():
            raise _exists(path)
        if not target.parent.is_dir():
            raise OutputError(f"{path}: there is no folder {target.parent}; make it first, or choose another with -o")
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None


def write_output(data: bytes | Iterable[bytes], path: str | None, *, force: bool) -> None:
    """Write to a file, or to standard output. Raises OutputError; never writes over a file without being told."""
    pieces = [data] if isinstance(data, bytes) else data
    if path is None or path == "-":
        try:
            sys.stdout.flush()
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            if error.errno == errno.EINVAL:
                # Windows' way to say that the reader of a pipe went away.
                raise BrokenPipeError from None
            raise OutputError(f"standard output cannot be written ({error.strerror}); name a file with -o") from None
        return
    check_output(path, force=force)
    try:
        _write_file(pieces, Path(path), force=force)
    except FileExistsError:
        raise _exists(path) from None
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    print(f"notconn: wrote {path}", file=sys.stderr)


def _write_file(pieces: Iterable[bytes], target: Path, *, force: bool) -> None:
    if target.exists() and not target.is_file():
        # A device or a pipe has nothing to lose.
        with target.open("wb") as stream:
            stream.writelines(pieces)
        return
    # What stands there stays whole until all of the new is on the disk.
    place = target.with_name(f".{target.name}.{os.getpid()}") if force else target
    with place.open("xb") as stream:
        try:
            stream.writelines(pieces)
            stream.flush()
        except BaseException:
            stream.close()
            place.unlink(missing_ok=True)
            raise
    if force:
        place.replace(target)


def _exists(path: str) -> OutputError:
    return OutputError(f"{path}: there is such a file already; add --force to write over it")


def _unwritable(path: str, error: OSError | ValueError) -> OutputError:
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(f"{path}: it cannot be written ({reason}); choose another place with -o")


def check_input(captures: Sequence[str]) -> None:
    """Refuse to wait for a capture that a person would have to type. Raises UsageError."""
    if "-" in captures and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("-: standard input is a terminal; pipe a capture into it: tcpdump -w - | notconn analyze -")


def warn_unread(unread: Iterable[Unread]) -> None:
    """Name each file of a folder or pattern that was left out, also where the answer goes to a file."""
    from analyzer.report.escape import plain

    for one in unread:
        print(f"notconn: {plain(one.path)} was left out: {plain(one.why)}", file=sys.stderr)


def parse_endpoint(text: str) -> Endpoint:
    """Read ``ADDRESS:PORT`` or ``[IPv6]:PORT``. Raises UsageError."""
    try:
        return endpoint.parse_endpoint(text)
    except ValueError as error:
        raise UsageError(f"--endpoint: {error}") from None


def parse_target(text: str) -> Target:
    """Read an endpoint, an address, a host name or a port. Raises UsageError."""
    from analyzer import target

    try:
        return target.parse_target(text)
    except ValueError as error:
        raise UsageError(f"--endpoint: {error}") from None


def parse_moment(text: str) -> Moment:
    """Read a time in any shape that people type. Raises UsageError."""
    from analyzer import moment

    try:
        return moment.parse_moment(text)
    except ValueError as error:
        raise UsageError(f"--at: {error}") from None


def parse_zone(text: str, option: str = "--zone") -> tzinfo:
    """Read ``utc``, ``local``, an offset such as ``+01:00``, or a zone name. Raises UsageError."""
    lowered = text.lower()
    if lowered in ("utc", "z"):
        return UTC
    if lowered == "local":
        local = datetime.now().astimezone().tzinfo
        assert local is not None
        return local
    match = _OFFSET.fullmatch(text)
    if match is not None:
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
        return timezone(offset if match["sign"] == "+" else -offset)
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(text)
    except (OSError, ValueError, KeyError):
        raise UsageError(
            f"{option}: {text!r} is no zone; write utc, local, an offset such as +01:00, or a name as Europe/Berlin"
        ) from None

"""Arguments that several commands share, and what is wrong with them before the work begins."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING

from analyzer import endpoint
from analyzer.endpoint import Endpoint
from analyzer.errors import UsageError

if TYPE_CHECKING:
    from analyzer.capture.several import Unread
    from analyzer.incidents.moment import Moment
    from analyzer.incidents.target import Target

__all__ = [
    "add_captures",
    "check_input",
    "parse_endpoint",
    "parse_moment",
    "parse_target",
    "parse_zone",
    "warn_unread",
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


def check_input(captures: Sequence[str], *others: str | None) -> None:
    """Refuse empty names, and what standard input cannot give: what a person would have to type, two things, a log.

    ``others`` are the files beside the captures. Raises UsageError.
    """
    if "" in (*captures, *others):
        raise UsageError("the name of a file is empty; check the variable that should hold it")
    if "-" in others:
        raise UsageError("-: only a capture is read from standard input; write the other one to a file and name that")
    if "-" not in captures:
        return
    if sys.stdin is None:
        raise UsageError("-: standard input is closed; pipe a capture into it: tcpdump -w - | notconn analyze -")
    if sys.stdin.isatty():
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
    from analyzer.incidents import target

    try:
        return target.parse_target(text)
    except ValueError as error:
        raise UsageError(f"--endpoint: {error}") from None


def parse_moment(text: str) -> Moment:
    """Read a time in any shape that people type. Raises UsageError."""
    from analyzer.incidents import moment

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

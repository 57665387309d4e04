"""Arguments and outputs that several commands share."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path

from analyzer.endpoint import Endpoint, parse_address
from analyzer.errors import OutputError, UsageError
from analyzer.units import NS

__all__ = ["add_captures", "add_output", "parse_endpoint", "parse_instant", "parse_zone", "write_output"]


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


def write_output(data: bytes, path: str | None, *, force: bool) -> None:
    """Write to a file, or to standard output. Raises OutputError; never writes over a file without being told."""
    if path is None or path == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    target = Path(path)
    try:
        with target.open("wb" if force else "xb") as stream:
            stream.write(data)
    except FileExistsError:
        raise OutputError(f"{path}: there is such a file already; add --force to write over it") from None
    except OSError as error:
        raise OutputError(f"{path}: it cannot be written ({error.strerror}); choose another place with -o") from error
    print(f"notconn: wrote {path}", file=sys.stderr)


def parse_endpoint(text: str) -> Endpoint:
    """Read ``ADDRESS:PORT`` or ``[IPv6]:PORT``. Raises UsageError."""
    host, _, port = text.rpartition(":")
    packed = parse_address(host) if host else None
    if packed is None or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"--endpoint {text}: write ADDRESS:PORT, such as 10.9.0.7:21 or [2001:db8::7]:443")
    return Endpoint(packed, int(port))


def parse_instant(text: str) -> int:
    """Read an ISO 8601 time, UTC unless it carries an offset, or seconds since 1970; returns ns. Raises UsageError."""
    try:
        return round(float(text) * NS)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--at {text}: write a time such as 2026-11-22T14:33:50Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    whole = moment.replace(microsecond=0)
    return int(whole.timestamp()) * NS + moment.microsecond * 1000


def parse_zone(text: str) -> tzinfo:
    """Read ``utc``, ``local``, an offset such as ``+01:00``, or a zone name. Raises UsageError."""
    lowered = text.lower()
    if lowered in ("utc", "z"):
        return timezone.utc
    if lowered == "local":
        local = datetime.now().astimezone().tzinfo
        assert local is not None
        return local
    if text[:1] in "+-" and text[1:].replace(":", "").isdigit():
        digits = text[1:].replace(":", "").ljust(4, "0")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]))
        return timezone(offset if text[0] == "+" else -offset)
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(text)
    except (OSError, ValueError, KeyError):
        raise UsageError(f"--zone {text}: write utc, local, an offset such as +01:00, or a name such as Europe/Berlin") from None

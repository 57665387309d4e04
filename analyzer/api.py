"""What a Python program or a notebook calls: plain functions, no event loop, no state."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.endpoint import Endpoint
from analyzer.errors import UsageError
from analyzer.units import instant_of

if TYPE_CHECKING:
    from analyzer.capture.file import Capture
    from analyzer.incidents.moment import Moment
    from analyzer.incidents.target import Target
    from analyzer.report.model import Report

__all__ = ["analyze", "read"]

AnyPath = str | os.PathLike[str]


def read(
    path: AnyPath, *, hash_file: bool = True, progress: Callable[[int, int | None], None] | None = None
) -> Capture:
    """Read one capture file, ``-`` for standard input.

    ``progress`` is called with the bytes read so far and, where known, in all. Raises CaptureError for a file that is
    missing or no capture; one that is damaged further on is read up to there, and ``capture.info.health.cut`` says so.
    """
    from analyzer.capture.file import read_capture

    return read_capture(os.fspath(path), progress=progress, hash_file=hash_file)


def analyze(
    captures: AnyPath | Iterable[AnyPath],
    *,
    logs: AnyPath | Iterable[AnyPath] = (),
    sockets: AnyPath | None = None,
    at: datetime | str | None = None,
    endpoint: Endpoint | str | None = None,
    zone: tzinfo | None = None,
    site: AnyPath | None = None,
    rules: AnyPath | Iterable[AnyPath] = (),
    hash_files: bool = True,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Report:
    """Say why connections died. The arguments are those of ``notconn analyze``.

    ``captures`` are files, folders or patterns; ``logs`` application or Windows event logs; ``sockets`` a file with the
    output of netstat, ss or Get-NetTCPConnection; ``at`` a time to explain, in any shape that ``--at`` takes (UTC
    unless it says otherwise); ``endpoint`` such as ``10.9.0.7:21``, a host name that the captures know, or a port;
    ``zone`` that of logs which do not tell theirs; ``site`` a TOML file with what is known of the network; ``rules``
    folders with rules of your own. ``progress`` is called with a path, its bytes read so far and, where known, in all.
    Raises NotconnError for what cannot be used.
    """
    from analyzer.pipeline import Question
    from analyzer.pipeline import analyze as answer
    from analyzer.site import load_site

    question = Question(
        captures=_paths(captures),
        logs=_paths(logs),
        at=None if at is None else _moment(at),
        endpoint=None if endpoint is None else _target(endpoint),
        zone=zone,
        sockets=None if sockets is None else os.fspath(sockets),
        rules=[Path(folder) for folder in _paths(rules)],
        settings=load_site(Path(site)) if site is not None else {},
        hash_files=hash_files,
    )
    return answer(question, progress=progress)


def _paths(paths: AnyPath | Iterable[AnyPath]) -> list[str]:
    given = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    return [os.fspath(path) for path in given]


def _moment(at: datetime | str) -> Moment:
    from analyzer.incidents.moment import Moment, parse_moment

    if isinstance(at, datetime):
        return Moment(ns=instant_of(at if at.tzinfo else at.replace(tzinfo=UTC)))
    try:
        return parse_moment(at)
    except ValueError as error:
        raise UsageError(f"at: {error}") from None


def _target(endpoint: Endpoint | str) -> Target:
    from analyzer.incidents.target import Target, parse_target

    if isinstance(endpoint, Endpoint):
        return Target(packed=endpoint.packed, port=endpoint.port)
    try:
        return parse_target(endpoint)
    except ValueError as error:
        raise UsageError(f"endpoint: {error}") from None

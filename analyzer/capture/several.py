"""Several captures at once: what folders and patterns hold, and which of that cannot be read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable

from analyzer.capture.file import Capture, read_capture
from analyzer.capture.series import alike, read_series
from analyzer.errors import CaptureError
from analyzer.values import dataclass

__all__ = ["Unread", "expand", "read_captures"]

Progress = Callable[[str, int, int | None], None]
"""Path, bytes read, bytes in all (None where unknown)."""

_CAPTURE_NAME = re.compile(r"(?i)\.(?:pcapng|pcap|cap|dmp|ntar)\d*(?:\.gz|\.zst)?$")
"""With digits behind it, as ``tcpdump -C`` names what it rotates."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A file of a folder or pattern that could not be read, and why, as half a sentence."""

    path: str
    why: str


def expand(paths: Iterable[str]) -> dict[str, bool]:
    """Turn files, folders, patterns and ``-`` into capture paths, each once, in order; True where a path was named.

    Raises CaptureError for a pattern or a folder that holds no capture.
    """
    import glob

    found: dict[str, bool] = {}
    for path in paths:
        inside: list[str] = []
        try:
            if path != "-" and os.path.isdir(path):
                with os.scandir(path) as entries:
                    inside = sorted(one.path for one in entries if one.is_file() and _CAPTURE_NAME.search(one.name))
                if not inside:
                    raise CaptureError(f"{path}: this folder holds no .pcap or .pcapng file; name the capture itself")
            elif path != "-" and not os.path.exists(path) and glob.has_magic(path):
                inside = sorted(match for match in glob.glob(path, recursive=True) if os.path.isfile(match))
                if not inside:
                    raise CaptureError(f"{path}: no file matches this pattern; check the folder")
        except OSError as error:
            raise CaptureError(
                f"{path}: this folder cannot be read ({error.strerror}); check its permissions"
            ) from None
        for one in inside:
            found.setdefault(one, False)
        if not inside:
            found[path] = True
    return found


def read_captures(
    paths: Iterable[str], *, hash_files: bool = True, progress: Progress | None = None
) -> tuple[list[Capture], list[Unread]]:
    """Read every capture that ``paths`` name, rotated files as one; what in a folder is no capture is left out.

    Raises CaptureError for a file that was named itself and cannot be read, and where nothing can be read.
    """
    captures: list[Capture] = []
    unread: list[Unread] = []
    named = expand(paths)

    def leave_out(path: str, error: CaptureError) -> None:
        if named[path]:
            raise error
        unread.append(Unread(path, str(error).removeprefix(f"{path}: ")))

    for family in alike(named):
        if len(family) > 1:
            captures += read_series(family, hash_files=hash_files, progress=progress, failed=leave_out)
            continue
        path = family[0]
        note = None if progress is None else (lambda done, total, path=path: progress(path, done, total))
        try:
            captures.append(read_capture(path, progress=note, hash_file=hash_files))
        except CaptureError as error:
            leave_out(path, error)
    if unread and not captures:
        first = unread[0]
        if len(unread) == 1:
            raise CaptureError(f"{first.path}: {first.why}")
        raise CaptureError(f"none of {len(unread)} files can be read; the first is {first.path}: {first.why}")
    return captures, unread

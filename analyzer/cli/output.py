"""Where a command's answer goes: standard output or a file, whole or not at all, never over what is there unasked."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from analyzer.errors import OutputError

__all__ = ["add_output", "check_output", "new_file", "write_output"]

_OFFICE = (".doc", ".docx", ".odt", ".rtf", ".xls", ".xlsx", ".ods", ".ppt", ".pptx")
"""Endings whose programs would call text that is written there damaged."""


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add where the answer goes."""
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE instead of standard output")
    parser.add_argument("--force", action="store_true", help="write over FILE if it exists")


def check_output(path: str | None, *, force: bool, inputs: Iterable[str | None] = ()) -> None:
    """Refuse an output that could not or must not be written, before the work and not after it. Raises OutputError.

    ``inputs`` are the files, folders and patterns that are read: with ``force`` too, none of them is written over.
    """
    if path is None or path == "-":
        return
    if not path:
        raise OutputError("-o: the name is empty; name a file")
    target = Path(path)
    if target.suffix.lower() in _OFFICE:
        raise OutputError(
            f"{path}: no form ends in {target.suffix}; .csv opens in a spreadsheet, .html and .pdf anywhere"
        )
    try:
        if target.is_dir():
            raise OutputError(f"{path}: this is a folder; name a file in it with -o")
        if not force and target.is_file():
            raise _exists(path)
        if not target.parent.is_dir():
            raise OutputError(f"{path}: there is no folder {target.parent}; make it first, or choose another with -o")
        if force and target.is_file() and any(target.samefile(one) for one in _files(inputs)):
            raise OutputError(f"{path}: this is read as input, and never written over; choose another with -o")
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None


def write_output(data: bytes | Iterable[bytes], path: str | None, *, force: bool) -> None:
    """Write to a file, or to standard output. Raises OutputError; never writes over a file without being told."""
    from analyzer.report.escape import plain

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
    print(f"notconn: wrote {plain(path)}", file=sys.stderr)


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
            with suppress(OSError):
                # Closing writes what is left, and fails as the writing did.
                stream.close()
            place.unlink(missing_ok=True)
            raise
    if force:
        place.replace(target)


def _files(inputs: Iterable[str | None]) -> Iterator[str]:
    from analyzer.capture.several import expand

    for one in inputs:
        if one and one != "-":
            yield from filter(os.path.exists, expand([one]))


@contextmanager
def new_file(path: str, *, force: bool) -> Iterator[Path]:
    """Yield the place at which to make a file; with ``force`` what stands at ``path`` stays whole until that is done.

    Raises OutputError.
    """
    target = Path(path)
    if not force:
        yield target
        return
    place = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield place
        place.replace(target)
    except OutputError as error:
        raise OutputError(str(error).replace(str(place), path)) from None
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        place.unlink(missing_ok=True)


def _exists(path: str) -> OutputError:
    return OutputError(f"{path}: there is such a file already; add --force to write over it")


def _unwritable(path: str, error: OSError | ValueError) -> OutputError:
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(f"{path}: it cannot be written ({reason}); choose another place with -o")

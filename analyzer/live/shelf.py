"""Keeps the folders of incidents within a bound of size and age: the oldest leave first, what is not ours stays."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable
from pathlib import Path

from analyzer.values import dataclass, field

__all__ = ["Shelf"]

_FOLDER = re.compile(r"\d{8}T\d{6}Z-\d{4,}(?:-.*)?")
_OURS = re.compile(r"(?:\.?slice\.pcapng|report\.\w+|log\.txt|WITHDRAWN\.txt)(?:\.new)?")


@dataclass(slots=True)
class Shelf:
    """Folders below ``root``, by the time they were written. One that holds a file of any other name is left alone.

    ``size`` in bytes and ``age_s`` in seconds; None where there is no such bound.
    """

    root: Path
    size: int | None = None
    age_s: float | None = None
    clock: Callable[[], float] = time.time
    _sizes: dict[Path, int] = field(default_factory=dict)
    """Bytes of each folder, the oldest first."""
    _known: bool = False

    def put(self, folder: Path) -> None:
        """Take note of a folder that was written or written anew."""
        self._look()
        size = _size_of(folder)
        if size is not None:
            self._sizes[folder] = size

    def clear(self) -> list[int]:
        """Give up the oldest folders until the bounds hold, the newest one never; the bytes of each that is gone."""
        self._look()
        used, gone = sum(self._sizes.values()), []
        for folder in list(self._sizes)[:-1]:
            if not (self.size is not None and used > self.size) and not self._too_old(folder):
                break
            # What cannot be removed now is found again by the next start.
            size = self._sizes.pop(folder)
            used -= size
            if _remove(folder):
                gone.append(size)
        return gone

    def _too_old(self, folder: Path) -> bool:
        # By the time of writing: packets that come through a pipe may be years old.
        with contextlib.suppress(OSError):
            return self.age_s is not None and self.clock() - folder.stat().st_mtime > self.age_s
        return False

    def _look(self) -> None:
        """Find what earlier runs left, once."""
        if self._known:
            return
        self._known = True
        found: list[tuple[float, Path, int]] = []
        with contextlib.suppress(OSError):
            for folder in self.root.iterdir():
                size = _size_of(folder) if _FOLDER.fullmatch(folder.name) else None
                if size is not None:
                    found.append((folder.stat().st_mtime, folder, size))
        self._sizes = {folder: size for _, folder, size in sorted(found)}


def _size_of(folder: Path) -> int | None:
    """Return the bytes in a folder of ours; None where it holds anything else, or is none."""
    try:
        if folder.is_symlink():
            return None
        files = list(folder.iterdir())
        if not all(_OURS.fullmatch(file.name) and file.is_file() and not file.is_symlink() for file in files):
            return None
        return sum(file.stat().st_size for file in files)
    except OSError:
        return None


def _remove(folder: Path) -> bool:
    """Remove a folder of ours; False where somebody put something into it meanwhile, or holds it open."""
    if _size_of(folder) is None:
        return False
    try:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    except OSError:
        return False
    return True

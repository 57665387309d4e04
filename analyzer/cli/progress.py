"""A progress bar on standard error, only where a person watches and only when it takes long enough to wonder."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["progress_bar"]

_PATIENCE_S = 0.7


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int | None], None] | None]:
    """Yield a function (path, bytes done, bytes in all) to call while reading; None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    started = time.monotonic()
    shown: list[tuple[Progress, TaskID]] = []
    paths: list[str] = []

    def update(path: str, done: int, total: int | None) -> None:
        if not shown:
            if time.monotonic() - started < _PATIENCE_S:
                return
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

            bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            bar.start()
            shown.append((bar, bar.add_task(Path(path).name, total=total)))
            paths.append(path)
        bar, task = shown[0]
        if path != paths[0]:
            paths[0] = path
            bar.reset(task, description=Path(path).name, total=total)
        bar.update(task, completed=done, total=total)

    try:
        yield update
    finally:
        for bar, _ in shown:
            bar.stop()

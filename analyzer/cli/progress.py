"""A progress bar on standard error, only where a person watches and only when it takes long enough to wonder."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["progress_bar", "warn_if_interpreted"]

_PATIENCE_S = 0.7
_SLOW_BYTES = 5_000_000
"""From this size on the difference is worth a sentence."""


def warn_if_interpreted(paths: Iterable[str]) -> None:
    """Say once that the packet loop runs interpreted, where the captures are large enough to notice."""
    from analyzer.flows import tally

    size = sum(os.path.getsize(path) for path in paths if os.path.isfile(path))  # noqa: PTH113, PTH202 - these do not raise
    if size >= _SLOW_BYTES and not getattr(tally, "__file__", "").endswith((".so", ".pyd")):
        print(
            "notconn: the packet loop runs interpreted, about a hundred times slower: no C compiler was found when "
            "notconn was installed. Install one and run pip install --force-reinstall again.",
            file=sys.stderr,
        )


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

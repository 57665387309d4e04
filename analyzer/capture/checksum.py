"""The SHA-256 of a capture file, made beside everything else: it is needed when the report is written."""

from __future__ import annotations

import threading
from pathlib import Path

__all__ = ["FileChecksum"]

_STEP = 8 << 20
"""Bytes hashed at a time. Between two steps the thread may wait for the interpreter, so there are few of them."""


class FileChecksum:
    """Hashes the first ``size`` bytes of a file, the length it had when it was opened, in a thread of its own."""

    def __init__(self, path: str, size: int) -> None:
        self._path = path
        self._left = size
        self._result = ""
        self._thread = threading.Thread(target=self._run, name="sha256", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        import hashlib

        made = hashlib.sha256()
        buffer = memoryview(bytearray(min(_STEP, self._left)))
        try:
            with Path(self._path).open("rb", buffering=0) as stream:
                while self._left and (count := stream.readinto(buffer[: self._left])):
                    made.update(buffer[:count])
                    self._left -= count
        except OSError:
            # The reader of the packets meets the same error, and tells it.
            return
        self._result = made.hexdigest()

    def finish(self) -> str:
        """Wait for the end; return the hash in hexadecimal, empty when the file could not be read again."""
        self._thread.join()
        return self._result

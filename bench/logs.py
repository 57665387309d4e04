"""Speed and memory of reading application logs.

    python bench/logs.py [--size 1GB] [--kind plain|dense|pid|utf16] [--keep FILE]

``plain`` has an error every 10 MB or so, as a real log has; ``dense`` one in twenty records; ``pid`` carries 10057
as process id in every line, the worst case for a search by bytes; ``utf16`` is ``plain`` in UTF-16LE. Prints MB/s
of the file as it stands on disk, errors found, and the peak of memory.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analyzer.logs.read import read_log

_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9}
_TRACE = """System.Net.Sockets.SocketException (10057): A request to send or receive data was disallowed because \
the socket is not connected
   at System.Net.Sockets.Socket.Send(Byte[] buffer, Int32 offset, Int32 size, SocketFlags socketFlags)"""
_ORDINARY = 20_000


def records(kind: str) -> Iterator[str]:
    """Yield records without end."""
    number = 0
    while True:
        number += 1
        seconds = number // 50
        day, hour = 1 + seconds // 86400 % 28, seconds // 3600 % 24
        clock = f"2026-11-{day:02d} {hour:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d},{number % 1000:03d}"
        pid = 10057 if kind == "pid" else 4312
        where = f"10.{number % 200}.{number % 7}.{number % 250}:8080"
        level, message = "INFO ", f"pid {pid} request {number:x} served in {number % 400} ms, 200 OK"
        if number % (20 if kind == "dense" else 100_000) == 11:
            level, message = "ERROR", f"send failed ({where})\n{_TRACE}"
        elif number % 9 == 0:
            message = f"connected to {where} from local port {50000 + number % 9999}"
        yield f"{clock} [{number % 37}] {level} Contoso.Transfer.Session - {message}\n"


def make(path: Path, size: int, kind: str) -> None:
    """Write a log of at least ``size`` bytes: ordinary text once, then repeated, since only its reading is measured."""
    encoding = "utf-16-le" if kind == "utf16" else "utf-8"
    source = records(kind)
    block = "".join(next(source) for _ in range(_ORDINARY if kind == "dense" else 120_000)).encode(encoding)
    with path.open("wb") as stream:
        if kind == "utf16":
            stream.write(b"\xff\xfe")
        written = 0
        while written < size:
            written += stream.write(block)


def peak_mb() -> float | None:
    """Return the peak of resident memory in MB; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6


def main() -> int:
    """Make a log, read it, print one line."""
    parser = argparse.ArgumentParser(description="Speed of reading application logs")
    parser.add_argument("--size", default="1GB")
    parser.add_argument("--kind", default="plain", choices=["plain", "dense", "pid", "utf16"])
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    size = int(float(options.size[:-2]) * _UNITS[options.size[-2:].upper()])
    with tempfile.TemporaryDirectory() as folder:
        path = options.keep or Path(folder) / "bench.log"
        if not path.exists():
            make(path, size, options.kind)
        before = peak_mb()
        start, cpu = time.perf_counter(), time.process_time()
        log = read_log(path)
        took, cpu = time.perf_counter() - start, time.process_time() - cpu
        megabytes = path.stat().st_size / 1e6
        memory = f", peak {peak_mb():.0f} MB (before reading {before:.0f} MB)" if before is not None else ""
        print(
            f"{options.kind}: {megabytes:.0f} MB in {took:.2f} s = {megabytes / took:.0f} MB/s "
            f"({megabytes / cpu:.0f} MB per second of processor time); "
            f"{log.lines} lines, {log.errors_seen} errors, {len(log.events)} events{memory}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

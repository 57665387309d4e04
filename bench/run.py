"""Speed and memory against peers and against the limit, whole processes, in turn.

    python bench/run.py [--inputs FOLDER] [--only mix small tiny] [--rounds N] [--all] [--project FOLDER]

Makes the captures of ``make_inputs.py`` where they are missing, then lets each program read each capture once a round,
one after the other, so that what else the machine does falls on all alike. Prints the medians of wall time, of CPU time
(user and system, of all threads) and of the peak of memory, packets a second by wall time, and wall and CPU time as
multiples of those of ``notconn analyze``. *read* is our reader alone, which leaves all flows judged; *walk* is the
limit: one thread takes the records apart and nothing looks at their bytes. tshark reads the smaller captures only,
unless ``--all`` is given. Programs that are not installed are named. Needs a system with ``os.wait4`` (not Windows).
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
_WALK = """
import sys
from analyzer.capture.source import Source, open_file
from analyzer.capture.blocks import Reader
stream, size = open_file(sys.argv[1])
source = Source(stream, sys.argv[1], size=size, hash_file=False)
print(sum(batch.count for batch in Reader(source).batches()))
source.close()
"""
_READ = """
import sys
from analyzer.capture.file import read_capture
print(len(read_capture(sys.argv[1], hash_file=False).flows))
"""
_SLOW = ("tshark",)
_LARGE = 50_000_000


@dataclass(frozen=True, slots=True)
class Program:
    """One way to read a capture; ``{capture}`` and ``{folder}`` (empty, for what it writes) are put in."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def programs() -> list[Program]:
    """Return everything that is compared, ours first."""
    start = (sys.executable, "-P", "-c", "from analyzer.cli.main import console; console()")
    return [
        Program("notconn analyze", (*start, "analyze", "{capture}")),
        Program("notconn analyze json", (*start, "analyze", "--format", "json", "{capture}")),
        Program("notconn flows", (*start, "flows", "--format", "csv", "{capture}")),
        Program("read", (sys.executable, "-P", "-c", _READ, "{capture}")),
        Program("walk", (sys.executable, "-P", "-c", _WALK, "{capture}")),
        Program("tcpdump --count", ("tcpdump", "-r", "{capture}", "--count")),
        Program("nfpcapd", ("nfpcapd", "-r", "{capture}", "-w", "{folder}")),
        Program("tcptrace -n", ("tcptrace", "-n", "{capture}")),
        Program("softflowd", ("softflowd", "-d", "-r", "{capture}", "-n", "127.0.0.1:9")),
        Program("argus", ("argus", "-X", "-r", "{capture}", "-w", "{folder}/argus.out")),
        Program("tshark", ("tshark", "-n", "-q", "-r", "{capture}", "-z", "conv,tcp")),
    ]


def measure(command: Sequence[str], environment: dict[str, str]) -> Run | None:
    """Run a command to its end; None when it failed."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        return None
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / unit)


def packets_in(path: Path, environment: dict[str, str]) -> int:
    """Count the records of a capture."""
    command = [sys.executable, "-P", "-c", _WALK, str(path)]
    told = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return int(told.stdout)


def compare(path: Path, rounds: int, everything: bool, environment: dict[str, str]) -> None:
    """Print one table."""
    packets = packets_in(path, environment)
    runs: dict[str, list[Run]] = {}
    absent, failed = [], []
    wanted = []
    for program in programs():
        if shutil.which(program.command[0]) is None:
            absent.append(program.name)
        elif everything or program.name not in _SLOW or path.stat().st_size < _LARGE:
            wanted.append(program)
    for _ in range(rounds):
        for program in wanted:
            with tempfile.TemporaryDirectory() as folder:
                command = [part.replace("{capture}", str(path)).replace("{folder}", folder) for part in program.command]
                run = measure(command, environment)
            if run is None:
                failed.append(program.name)
            else:
                runs.setdefault(program.name, []).append(run)
    print(f"\n{path.name}: {packets:,} packets, {path.stat().st_size / 1e6:,.1f} MB, {rounds} rounds, medians")
    print(f"{'':22}{'packets/s':>12}{'wall s':>9}{'CPU s':>9}{'peak MiB':>10}{'wall ratio':>12}{'CPU ratio':>11}")
    ours = runs.get("notconn analyze", [])
    own_wall, own_cpu = (
        statistics.median(getattr(run, field) for run in ours) if ours else 0.0 for field in ("wall_s", "cpu_s")
    )
    for name, several in runs.items():
        wall, cpu, peak = (
            statistics.median(getattr(run, field) for run in several) for field in ("wall_s", "cpu_s", "peak_mib")
        )
        ratios = (f"{wall / own_wall:.2f}", f"{cpu / own_cpu:.2f}") if ours else ("", "")
        print(f"{name:22}{packets / wall:12,.0f}{wall:9.2f}{cpu:9.2f}{peak:10,.0f}{ratios[0]:>12}{ratios[1]:>11}")
    if absent:
        print(f"not installed: {', '.join(absent)}")
    if failed:
        print(f"failed: {', '.join(dict.fromkeys(failed))}")


def main() -> int:
    """Make what is missing, then compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=Path, default=Path(tempfile.gettempdir()) / "bench", help="folder of captures")
    parser.add_argument("--only", nargs="+", choices=("mix", "small", "tiny"), default=["tiny", "small", "mix"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--all", action="store_true", help="let the slow ones read the large captures too")
    parser.add_argument("--project", type=Path, default=HERE.parent, help="where the compiled package stands")
    options = parser.parse_args()
    options.inputs.mkdir(parents=True, exist_ok=True)
    missing = [name for name in options.only if not (options.inputs / f"{name}.pcap").exists()]
    if missing:
        subprocess.run([sys.executable, HERE / "make_inputs.py", options.inputs, *missing], check=True)
    environment = {**os.environ, "PYTHONPATH": str(options.project)}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    print(f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, Python {sys.version.split()[0]}")
    for name in options.only:
        compare(options.inputs / f"{name}.pcap", options.rounds, options.all, environment)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""All checks with one command: ``python -m tests``. Arguments go to pytest."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKS = (
    ("style", [sys.executable, "-m", "ruff", "check", "."]),
    ("types", [sys.executable, "-m", "mypy", "--no-error-summary"]),
    ("import contracts", [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]),
)


def main() -> int:
    """Run every check, even after one failed, and tell which did."""
    failed: list[str] = []
    for name, command in CHECKS:
        started = time.monotonic()
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        print(f"{name}: {'failed' if result.returncode else 'passed'} ({time.monotonic() - started:.1f} s)", flush=True)
        if result.returncode:
            failed.append(name)
            print(result.stdout, result.stderr, sep="\n", flush=True)
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal", *sys.argv[1:]], cwd=ROOT, check=False
    )
    if tests.returncode:
        failed.append("tests")
    if failed:
        print(f"failed: {', '.join(failed)}", flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())

"""The program that is suspected: its lines are passed on and read along, and its end is told after the last of them."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from analyzer.errors import UsageError
from analyzer.live.command import Command


def _until_the_end(command: Command) -> list[bytes]:
    lines: list[bytes] = []
    deadline = time.monotonic() + 10
    while command.code is None and time.monotonic() < deadline:
        lines += [line.data for line in command.poll()]
        time.sleep(0.01)
    return lines


def test_what_it_says_is_passed_on_and_numbered_and_its_exit_code_comes_last(tmp_path: Path) -> None:
    script = "import sys\nfor n in range(900): print('line', n)\nsys.stderr.write('no end'); sys.exit(3)"
    shown = tmp_path / "shown.txt"
    with shown.open("w", encoding="utf-8") as output:
        command = Command([sys.executable, "-c", script], output=output)
        lines = _until_the_end(command)
    assert command.code == 3
    assert len(lines) == 901
    assert b"no end" in lines
    assert [line for line in lines if line != b"no end"] == [b"line %d" % n for n in range(900)]
    assert sorted(shown.read_bytes().replace(b"no end", b"no end\n").split()) == sorted(b"\n".join(lines).split())
    context = command.context()
    assert (len(context), context[-1].number) == (400, 901)


def test_an_output_that_is_closed_does_not_stop_the_reading() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as output:
        command = Command([sys.executable, "-c", "print('one'); print('two')"], output=output)
        assert _until_the_end(command) == [b"one", b"two"]
    assert command.code == 0


def test_a_program_that_cannot_be_started_is_refused() -> None:
    with pytest.raises(UsageError, match="give its full path"):
        Command(["/no/such/program"])


@pytest.mark.parametrize("script", ["", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "])
def test_a_program_is_ended_with_the_watch(script: str) -> None:
    """Politely; one that will not go is killed."""
    if script and sys.platform == "win32":
        pytest.skip("Windows ends a program without asking it")
    command = Command([sys.executable, "-c", script + "print('ready', flush=True); import time; time.sleep(60)"])
    deadline = time.monotonic() + 10
    while not command.poll() and time.monotonic() < deadline:
        time.sleep(0.01)
    began = time.monotonic()
    command.stop()
    _until_the_end(command)
    assert command.code is not None
    assert time.monotonic() - began < 8
    command.stop()

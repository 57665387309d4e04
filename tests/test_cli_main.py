"""Commands, help and exit codes."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from analyzer.cli import main as cli
from analyzer.cli.main import COMMANDS, build
from tests.conftest import Ran

Run = Callable[..., Ran]
ROOT = Path(__file__).resolve().parents[1]


def parser_of(command: str) -> argparse.ArgumentParser:
    actions = build(command)._subparsers._group_actions  # type: ignore[union-attr]
    return actions[0].choices[command]  # type: ignore[index, no-any-return]


def options_of(command: str) -> Iterator[str]:
    for action in parser_of(command)._actions:
        yield from (option for option in action.option_strings if option not in ("-h", "--help"))


def programs(line: str) -> list[list[str]]:
    """The words of each program in a line for a shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|>")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= {"|", ">"}:
            found.append([])
        else:
            found[-1].append(word)
    return found


def test_help_lists_every_command_with_examples(notconn: Run) -> None:
    ran = notconn("--help")
    assert ran.code == 0
    assert not ran.err
    for command in COMMANDS:
        assert f"    {command} " in ran.out
    assert "examples:" in ran.out
    assert "exit codes:" in ran.out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_has_examples_that_parse(notconn: Run, command: str) -> None:
    ran = notconn(command, "--help")
    assert ran.code == 0
    assert not ran.err
    assert "examples:" in ran.out
    assert all(len(line) <= 100 for line in ran.out.splitlines())
    for example, meaning in import_module(f"analyzer.cli.{command}").EXAMPLES:
        assert example in ran.out
        assert meaning in ran.out
        for words in programs(example):
            if words[0] == "notconn":
                build(words[1]).parse_args(words[1:])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_argument_says_what_it_is(command: str) -> None:
    for action in parser_of(command)._actions:
        assert action.help, action.dest


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_in_the_documentation(command: str) -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert f"## notconn {command}\n" in text
    assert f"[`notconn {command}`](#notconn-{command})" in text
    own = text.partition(f"## notconn {command}\n")[2].partition("\n## ")[0]
    common = text.partition("## What every command")[2].partition("\n## ")[0]
    for option in options_of(command):
        assert f"`{option}" in own or f"`{option}" in common, option


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("there is no README yet")
    assert f"notconn {command}" in readme.read_text(encoding="utf-8")


def test_every_module_of_the_folder_is_a_command_or_shared() -> None:
    modules = {path.stem for path in (ROOT / "analyzer" / "cli").glob("*.py")}
    assert set(COMMANDS) <= modules


def test_the_version(notconn: Run) -> None:
    ran = notconn("--version")
    assert ran.code == 0
    assert ran.out == f"notconn {import_module('analyzer.version').VERSION}\n"


def test_only_the_command_that_is_asked_for_is_loaded() -> None:
    script = (
        "import sys; from analyzer.cli.main import main; code = main(['explain', '10057']); "
        "print([name for name in sys.modules if name.startswith('analyzer.cli.')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, timeout=60)
    loaded = done.stderr.decode()
    assert "analyzer.cli.explain" in loaded
    assert "analyzer.cli.analyze" not in loaded


SLOW_TO_START = ("dataclasses", "difflib", "html", "inspect", "jinja2", "numpy", "rich", "shutil", "socket", "tomllib")


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="argparse itself loads some of them for its colours")
def test_a_small_capture_is_not_kept_waiting_for_what_it_does_not_need(capture: Path) -> None:
    script = (
        "import sys; from analyzer.cli.main import main; code = main(['analyze', sys.argv[1]]); "
        f"print([name for name in {SLOW_TO_START!r} if name in sys.modules], file=sys.stderr)"
    )
    # Without the site's own start-up files, which import what they like.
    command = [sys.executable, "-S", "-c", script, str(capture)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    assert b"Incident 1" in done.stdout
    assert done.stderr.decode().strip() == "[]"


def _left(start: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    script = f"import sys; from analyzer.cli.main import console; {start}console()"
    return subprocess.run([sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, timeout=60)


def test_leaving_at_once_loses_nothing(notconn: Run, tmp_path: Path, capture: Path) -> None:
    whole = notconn("analyze", capture, "--format", "json")
    done = _left("", "analyze", str(capture), "--format", "json")
    assert (done.returncode, done.stdout.decode(), done.stderr) == (whole.code, whole.out, b"")
    done = _left("", "analyze", str(capture), "--fail-on", "low")
    assert done.returncode == 1
    done = _left("", "analyze", str(tmp_path / "none.pcap"))
    assert done.returncode == 2
    assert done.stderr.decode().startswith("notconn: ")
    asked = tmp_path / "asked"
    assert _left(f"import atexit; atexit.register(open, {str(asked)!r}, 'w'); ", "explain", "10057").returncode == 0
    assert asked.exists()
    late = tmp_path / "late"
    start = f"import threading; threading.Timer(1.0, open, ({str(late)!r}, 'w')).start(); "
    assert _left(start, "explain", "10057").returncode == 0
    assert late.exists()


def test_too_little_memory_is_a_sentence(notconn: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_arguments: list[str]) -> int:
        raise MemoryError

    monkeypatch.setattr(cli, "_run", run)
    ran = notconn("flows", "x.pcap")
    assert ran.code == 2
    assert "too little memory" in ran.sentence


def test_a_defect_is_not_hidden(notconn: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_arguments: list[str]) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "_run", run)
    with pytest.raises(ZeroDivisionError):
        notconn("flows", "x.pcap")


def test_the_readme_shows_what_its_first_command_prints(notconn: Run) -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    sample = ROOT / "samples" / "ftp-nightly-job"
    assert shown in notconn("analyze", str(sample / "capture.pcapng"), "--log", str(sample / "app.log")).out

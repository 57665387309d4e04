"""The programs that capture: how they are asked, how their end is explained, and pipes of others."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from analyzer.capture import live as module
from analyzer.capture.interfaces import Device, find_dumpcap
from analyzer.capture.live import Pipe, Program, Request, choose_backend, explain, open_tap, settle_filter
from analyzer.errors import CaptureError

_DEVICE = Device(1, "eth0", "Ethernet 2", "", (), loopback=False)
_REQUEST = Request(_DEVICE, "dumpcap", "tcp")


def _program(script: str) -> Program:
    return Program([sys.executable, "-c", script], _REQUEST)


def _read_all(program: Program) -> bytes:
    data = b""
    while more := program.read():
        data += more
    return data


def _said(program: Program) -> str:
    data = _read_all(program)
    program.ended()
    return data.decode().strip()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("dumpcap: Invalid capture filter (can't parse filter expression: syntax error)", "--filter 'tcp' is no"),
        ("You don't have permission to capture on that device", "this user may not capture packets"),
        ("PermissionError: [Errno 1] Operation not permitted", "this user may not capture packets"),
        ("OSError: [Errno 100] Network is down", "the interface is down"),
        ("There is no device named eth0", "there is no such interface any more"),
        ("The network adapter on which the capture was being done is no longer attached", "no such interface any more"),
        ("No space left on device", "found no space"),
        ("Capturing on 'eth0'\nFile: -\nsomething nobody has seen", "something nobody has seen"),
        ("", "it said nothing"),
    ],
)
def test_what_a_program_says_becomes_a_sentence_with_a_remedy(said: str, words: str) -> None:
    sentence = explain(said, _REQUEST)
    assert words in sentence
    assert "\n" not in sentence
    assert ";" in sentence


def test_a_program_that_ends_by_itself_is_explained_and_one_that_was_asked_to_is_not() -> None:
    ended = _program("import sys; print('data'); print('Network is down', file=sys.stderr); sys.exit(1)")
    assert _read_all(ended).strip() == b"data"
    assert "the interface is down" in str(ended.ended())
    asked = _program("import time; print('ready', flush=True); time.sleep(60)")
    asked.read()
    asked.kill()
    assert _read_all(asked) == b""
    assert asked.ended() is None


@pytest.mark.skipif(sys.platform == "win32", reason="signals of other programs are not told on Windows")
def test_a_program_that_was_killed_is_told_so() -> None:
    program = _program("import time; print('ready', flush=True); time.sleep(60)")
    program.read()
    os.kill(program.pid, signal.SIGKILL)
    assert _read_all(program) == b""
    assert "was ended by signal 9" in str(program.ended())


def test_a_program_that_does_not_end_when_asked_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STOP_S", 0.3)
    deaf = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    program = _program(deaf + "import os, time; print('ready', flush=True); os.close(1); time.sleep(60)")
    assert b"ready" in _read_all(program)
    began = time.monotonic()
    program.stop()
    assert program.ended() is None
    assert time.monotonic() - began < 10


def test_a_program_that_is_not_there_is_refused() -> None:
    with pytest.raises(CaptureError, match="cannot be started"):
        Program(["/no/such/dumpcap"], _REQUEST)


def test_who_captures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_dumpcap", lambda: None)
    assert choose_backend() == "scapy"
    with pytest.raises(CaptureError, match="install Wireshark"):
        choose_backend("dumpcap")
    monkeypatch.setattr(module, "find_dumpcap", lambda: "/usr/bin/dumpcap")
    assert (choose_backend(), choose_backend("scapy")) == ("dumpcap", "scapy")


def test_what_is_asked_for_reaches_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "win32":
        pytest.skip("a script is no program on Windows")
    fake = tmp_path / "dumpcap"
    fake.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv[1:])\n", encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setattr(module, "find_dumpcap", lambda: str(fake))
    whole = replace(_REQUEST, snap_length=0, capture_filter="", promiscuous=False, buffer_mib=7)
    assert _said(open_tap(whole)) == str(["-q", "-i", "eth0", "-B", "7", "-p", "-w", "-"])
    assert _said(open_tap(_REQUEST)) == str(["-q", "-i", "eth0", "-B", "32", "-s", "512", "-f", "tcp", "-w", "-"])


def test_the_widest_filter_that_a_link_knows_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(request: Request) -> str | None:
        return None if "vlan" not in request.capture_filter and "arp" not in request.capture_filter else "no filter"

    monkeypatch.setattr(module, "_check", check)
    assert settle_filter(_REQUEST, None).capture_filter == "tcp or icmp or icmp6 or udp port 53"
    assert settle_filter(_REQUEST, "").capture_filter == ""
    with pytest.raises(CaptureError, match="no filter"):
        settle_filter(_REQUEST, "arp")
    monkeypatch.setattr(module, "_check", lambda _request: "this user may not capture packets; ask")
    with pytest.raises(CaptureError, match="may not capture"):
        settle_filter(_REQUEST, None)


@pytest.mark.parametrize("wanted", ["tcp port 80", "icmp6", "vlan and tcp"])
def test_dumpcap_compiles_filters(wanted: str) -> None:
    if find_dumpcap() is None:
        pytest.skip("dumpcap is not installed")
    request = replace(_REQUEST, device=replace(_DEVICE, name="lo", label="lo"))
    try:
        assert settle_filter(request, wanted).capture_filter == wanted
        with pytest.raises(CaptureError, match="no capture filter"):
            settle_filter(request, wanted + " and and")
    except CaptureError as error:
        if "may not capture" not in str(error):
            raise
        pytest.skip("this user may not capture packets")


def test_a_pipe_gives_what_comes_and_stops_when_told() -> None:
    reading, writing = os.pipe()
    pipe = Pipe(reading)
    os.write(writing, b"abc")
    assert pipe.read() == b"abc"
    pipe.stop()
    assert (pipe.read(), pipe.ended()) == (b"", None)
    os.close(writing)
    os.close(reading)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals")
def test_a_terminal_is_no_pipe() -> None:
    import pty

    ours, theirs = pty.openpty()
    with pytest.raises(CaptureError, match="standard input is a terminal"):
        Pipe(theirs)
    os.close(ours)
    os.close(theirs)

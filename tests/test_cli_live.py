"""``notconn live``: what it refuses before it begins, each in one sentence with a remedy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.capture.interfaces import find_dumpcap, list_devices
from tests.conftest import Ran
from tests.live_lab import fill, small_disk

Call = Callable[..., Ran]
linux_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="a user without rights can only be tried by root on Linux"
)
with_dumpcap = pytest.mark.skipif(find_dumpcap() is None, reason="dumpcap is not installed")


def test_neither_interface_nor_pipe(notconn: Call) -> None:
    assert "name what to watch" in notconn("live").sentence


def test_a_file_is_for_analyze(notconn: Call, tmp_path: Path) -> None:
    assert "notconn analyze" in notconn("live", tmp_path / "x.pcap").sentence


def test_an_interface_that_is_not_there(notconn: Call, tmp_path: Path) -> None:
    ran = notconn("live", "-i", "eth99", "-o", tmp_path)
    assert ran.code == 2
    assert "there is no such interface" in ran.sentence
    assert "notconn interfaces" in ran.sentence


@linux_root
@pytest.mark.parametrize("backend", [pytest.param("dumpcap", marks=with_dumpcap), "scapy"])
def test_a_wrong_filter(notconn: Call, tmp_path: Path, backend: str) -> None:
    ran = notconn("live", "-i", "lo", "-o", tmp_path, "--filter", "tcp prt 80", "--with", backend)
    assert ran.code == 2
    assert "--filter 'tcp prt 80' is no capture filter" in ran.sentence
    assert "such as 'tcp port 443'" in ran.sentence


@linux_root
@pytest.mark.parametrize("backend", [pytest.param("dumpcap", marks=with_dumpcap), "scapy"])
def test_no_rights(tmp_path: Path, backend: str) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    root = Path(__file__).resolve().parents[1]
    rights = "-net_raw,-net_admin"
    drop = ["setpriv", "--inh-caps", rights, "--bounding-set", rights]
    command = [sys.executable, "-m", "analyzer.cli.main", "live", "-i", "lo", "-o", str(tmp_path / "o")]
    done = subprocess.run(
        [*drop, *command, "--with", backend], cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert "this user may not capture packets" in done.stderr


def test_a_place_that_cannot_be_written(notconn: Call, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    ran = notconn("live", "-i", "lo", "-o", file / "out")
    assert ran.code == 2
    assert "choose another with -o" in ran.sentence


def test_scapy_knows_no_device_for_all(notconn: Call, tmp_path: Path) -> None:
    if all(device.name != "any" for device in list_devices()):
        pytest.skip("there is no interface called any here")
    ran = notconn("live", "-i", "any", "-o", tmp_path / "o", "--with", "scapy")
    assert ran.code == 2
    assert "name it, or install dumpcap" in ran.sentence


@linux_root
def test_a_full_disk_at_the_start(notconn: Call, tmp_path: Path) -> None:
    with small_disk(tmp_path / "full", "4k") as full:
        fill(full / "filler")
        ran = notconn("live", "-i", "lo", "-o", full / "out", "--duration", "1s")
        assert ran.code == 2
        assert "No space left on device" in ran.sentence
        assert "-o" in ran.sentence


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--memory", "4MiB"), "160MiB at least"),
        (("--wait", "soon"), "--wait"),
        (("--ring-size", "big"), "--ring-size"),
        (("--report", "text,poem"), "--report poem"),
        (("--metrics", "x:y"), "--metrics"),
        (("--log", "/no/such/log"), "check the name after --log"),
        (("--endpoint", "nowhere"), "--endpoint"),
        (("--exec",), "--exec"),
        (("--snap", "40"), "--snap 40"),
        (("--ring-size", "4KiB"), "1MiB at least"),
        (("--attach", "jira:nothing"), "--attach 'jira:nothing'"),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(
    notconn: Call, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    ran = notconn("live", "-i", "lo", "-o", tmp_path / "o", "--with", "scapy", *arguments)
    assert ran.code == 2
    assert words in ran.sentence

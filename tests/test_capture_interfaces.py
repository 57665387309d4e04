"""An interface is found by each name that a person may use, wherever the list of them comes from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.capture import interfaces as module
from analyzer.capture.interfaces import find_device, find_dumpcap, list_devices
from analyzer.errors import CaptureError

# as dumpcap -D -M writes them: number and name, vendor, friendly name, type, addresses, kind
_WINDOWS = (
    "1. \\Device\\NPF_{4F1A}\tIntel(R) Ethernet I219\tEthernet 2\t0\t10.1.2.3,fe80::1\tnetwork\n"
    "2. \\Device\\NPF_{77AB}\tIntel(R) Wi-Fi 6\tWi-Fi\t5\t192.168.7.9\tnetwork\n"
    "3. \\Device\\NPF_Loopback\tAdapter for loopback traffic capture\tLoopback\t0\t\tloopback\n"
    "4. bluetooth-monitor\t\tBluetooth\t0\t\tnetwork\n"
    "a line of chatter\n"
)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_settings: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(command, 0, _WINDOWS.encode(), b"")

    monkeypatch.setattr(module, "find_dumpcap", lambda: "C:\\dumpcap.exe")
    monkeypatch.setattr(module.subprocess, "run", run)


@pytest.mark.usefixtures("windows")
def test_what_dumpcap_lists_has_the_names_of_the_systems_settings() -> None:
    first, second, third = list_devices()
    assert (first.number, first.label, first.description) == (1, "Ethernet 2", "Intel(R) Ethernet I219")
    assert first.addresses == ("10.1.2.3", "fe80::1")
    assert (second.name, second.loopback) == ("\\Device\\NPF_{77AB}", False)
    assert third.loopback


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(
    "text", ["Wi-Fi", "wi-fi", "\\Device\\NPF_{77AB}", "2", "192.168.7.9", "Intel(R) Wi-Fi 6", " wi-fi "]
)
def test_each_name_leads_to_it(text: str) -> None:
    assert find_device(text).number == 2


@pytest.mark.usefixtures("windows")
def test_an_address_may_carry_its_zone() -> None:
    assert find_device("fe80::1%12").label == "Ethernet 2"


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(("text", "words"), [("Wi-Fy", "did you mean Wi-Fi"), ("9", "there are Ethernet 2, Wi-Fi")])
def test_what_is_not_there_is_refused_with_what_is(text: str, words: str) -> None:
    with pytest.raises(CaptureError, match="there is no such interface") as refused:
        find_device(text)
    assert words in str(refused.value)


@pytest.mark.parametrize("way", ["dumpcap", "scapy", "system"])
def test_the_loopback_is_found_in_every_way(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "dumpcap" and find_dumpcap() is None:
        pytest.skip("dumpcap is not installed")
    if way != "dumpcap":
        monkeypatch.setattr(module, "find_dumpcap", lambda: None)
    if way == "system":
        if sys.platform != "linux":
            pytest.skip("the loopback is called lo on Linux only")
        monkeypatch.setattr(module, "_from_scapy", list)
    found = [device for device in list_devices() if device.loopback]
    if way == "dumpcap" and not found:
        pytest.skip("dumpcap may not list interfaces here")
    assert found
    assert find_device(found[0].label) == found[0]


def test_a_dumpcap_that_does_not_answer_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_dumpcap", lambda: "/no/such/dumpcap")
    monkeypatch.setattr(module, "_from_scapy", lambda: [("eth9", "", "", (), False)])
    assert [device.name for device in list_devices()] == ["eth9"]


def test_dumpcap_is_found_beside_the_search_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("ProgramFiles", str(tmp_path))
    monkeypatch.setenv("ProgramW6432", str(tmp_path))
    program = tmp_path / "Wireshark" / "dumpcap.exe"
    program.parent.mkdir()
    program.write_bytes(b"")
    assert find_dumpcap() == str(program)

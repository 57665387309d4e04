"""Windows event logs: binary and XML."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from analyzer.errors import LogError
from analyzer.logs.eventlog import evtx_records, is_event_xml, record_events, split_event_xml
from analyzer.logs.read import read_log

HEAD = '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event">'


def event(provider: str, number: int, data: str, time: str = "2026-11-22T14:05:01.1234567Z") -> str:
    return (
        f'{HEAD}<System><Provider Name="{provider}"/><EventID Qualifiers="0">{number}</EventID><Level>2</Level>'
        f'<TimeCreated SystemTime="{time}"/><EventRecordID>77</EventRecordID><Execution ProcessID="988" ThreadID="3"/>'
        f"<Channel>Application</Channel><Computer>WIN-7Q2</Computer></System><EventData>{data}</EventData></Event>"
    )


def test_an_application_error(tmp_path: Path) -> None:
    text = "send to 10.9.0.7:21 failed: SocketException (10057): A request to send or receive data was disallowed"
    path = tmp_path / "export.xml"
    path.write_text(
        f"<Events>\n{event('Acme', 1000, f'<Data>{text}</Data>')}\n{event('Acme', 1, '<Data>idle</Data>')}</Events>"
    )
    log = read_log(path)
    [error] = log.errors
    assert (log.format, log.zone_known, error.line, error.source, error.pid) == ("event-xml", True, 2, "Acme", 988)
    assert (error.code, error.call, error.endpoint_text) == (10057, "send", "10.9.0.7:21")
    assert error.time_ns == 1795356301_123456700
    assert error.zone_known


def test_utf16_export(tmp_path: Path) -> None:
    path = tmp_path / "export.xml"
    text = f"<?xml version='1.0' encoding='utf-16'?><Events>{event('Acme', 1000, '<Data>WSAENOTCONN</Data>')}</Events>"
    path.write_bytes(text.encode("utf-16"))
    assert len(read_log(path).errors) == 1


@pytest.mark.parametrize(
    ("provider", "number", "kind", "action"),
    [
        ("Tcpip", 4231, "prior", "port-exhaustion"),
        ("Schannel", 36887, "prior", "tls"),
        ("Microsoft-Windows-DNS-Client", 1014, "prior", "gave-up"),
        ("Microsoft-Windows-Kernel-Power", 42, "lifecycle", "link"),
    ],
)
def test_events_of_windows_itself(provider: str, number: int, kind: str, action: str) -> None:
    read = record_events(1, event(provider, number, '<Data Name="x">40</Data>'), "a.evtx")
    assert read is not None
    [one] = read[1]
    assert (one.kind, one.action) == (kind, action)


@pytest.mark.parametrize(("number", "call"), [(1003, "send"), (1004, "recv")])
def test_afd_status_is_the_answer(number: int, call: str) -> None:
    for status in ("0xC0000140", "3221225792"):
        xml = event("Microsoft-Windows-Winsock-AFD", number, f'<Data Name="Status">{status}</Data>')
        read = record_events(1, xml, "a.evtx")
        assert read is not None
        [one] = read[1]
        assert (one.kind, one.code, one.call) == ("error", 10057, call)
    fine = record_events(1, event("Microsoft-Windows-Winsock-AFD", number, '<Data Name="Status">0x0</Data>'), "a.evtx")
    assert fine is not None
    assert fine[1] == []


def test_ids_of_an_event_are_no_error() -> None:
    xml = event("Acme", 10057, '<Data Name="ProcessId">10057</Data><Data Name="Port">10057</Data>')
    read = record_events(10057, xml, "a.evtx")
    assert read is not None
    assert read[1] == []


@pytest.mark.parametrize(
    "xml", ["<Event", "<Event></Evnt>", '<!DOCTYPE x [<!ENTITY a "b">]><Event>&a;</Event>', "", "<Event>\x00</Event>"]
)
def test_damaged_xml_is_told(xml: str) -> None:
    assert record_events(1, xml, "a.evtx") is None


def test_damaged_records_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "export.xml"
    path.write_text(
        f"<Events>{event('Acme', 1, '<Data>&bad;</Data>')}{event('Acme', 2, '<Data>WSAENOTCONN</Data>')}</Events>"
    )
    log = read_log(path)
    assert len(log.errors) == 1
    assert "1 of its 2 records are damaged" in log.problems[0]


def test_splitting() -> None:
    text = f"<Events>\n\n{event('A', 1, '')}\n{event('B', 2, '')}</Events>"
    assert [line for line, _ in split_event_xml(text)] == [3, 4]
    assert is_event_xml(text)
    assert not is_event_xml("<html>")


def test_missing_package_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evtx", None)
    path = tmp_path / "a.evtx"
    path.write_bytes(b"ElfFile\0" + bytes(4096))
    with pytest.raises(LogError, match=r"install notconn\[evtx\]"):
        read_log(path)


def test_a_broken_evtx_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("evtx")
    path = tmp_path / "a.evtx"
    path.write_bytes(b"ElfFile\0" + bytes(100))
    with pytest.raises(LogError, match="no readable Windows event log"):
        list(evtx_records(str(path)))


def test_public_event_logs(shared: Path) -> None:
    pytest.importorskip("evtx")
    folder = shared / "corpus" / "evtx"
    if not folder.is_dir():
        pytest.skip("no corpus/evtx beside the captures")
    counts = {}
    for path in sorted(folder.glob("*.evtx")):
        log = read_log(path)
        assert (log.format, log.errors, log.zone_known) == ("evtx", (), True)
        assert log.first_ns is not None
        assert any("no record of 10057" in problem for problem in log.problems)
        counts[path.name] = log.lines
    assert counts["system.evtx"] == 1601

"""Every shape, language and encoding in which the error is really written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from analyzer.errors import LogError
from analyzer.logs.model import LogEvent, LogFile
from analyzer.logs.read import read_log, read_sockets
from analyzer.units import NS
from tests.log_shapes import Shape, load_shapes

SHAPES = load_shapes()
BY_NAME = {shape.name: shape for shape in SHAPES}


def write(folder: Path, data: bytes | str, name: str = "app.log") -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def ns(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()) * 10**9 + int(fraction.ljust(9, "0") or 0)


def check(shape: Shape, log: LogFile) -> None:
    wanted = dict(shape.expected)
    errors = log.errors
    assert len(errors) == int(wanted.pop("error") or 0), [event.text for event in errors]
    assert log.errors_seen == sum(1 + event.duplicates for event in errors)
    if not errors:
        assert any("no record of 10057" in problem for problem in log.problems)
        return
    event = errors[0]
    prior = wanted.pop("prior", None)
    if prior:
        assert [one.code for one in log.context(event) if one.code] == [int(code) for code in prior.split(",")]
    got = described(event)
    for key, value in wanted.items():
        if key == "time" and value is not None:
            assert event.time_ns == ns(value), (event.time_ns, ns(value))
        else:
            assert got[key] == value, (key, event)


def described(event: LogEvent) -> dict[str, str | None]:
    values = {
        "code": event.code,
        "call": event.call,
        "endpoint": event.endpoint_text,
        "host": event.host_name,
        "port": event.port,
        "local_port": event.local_port,
        "time": event.time_ns,
        "res": event.time_resolution_ns,
        "zone": "yes" if event.zone_known else "no",
        "symbol": event.symbol,
        "pid": event.pid,
        "process": event.process,
        "thread": event.thread,
        "source": event.source,
    }
    return {key: None if value is None else str(value) for key, value in values.items()}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_shape_is_read(shape: Shape, tmp_path: Path) -> None:
    check(shape, read_log(write(tmp_path, shape.text), year_hint=2026))


ENCODED = {
    "utf-8": ("german", "french", "spanish", "japanese", "chinese"),
    "utf-8-sig": ("german", "japanese"),
    "utf-16": ("german", "japanese", "dotnet-framework", "bracketed"),
    "utf-16-le": ("french", "japanese", "dotnet-framework", "bracketed"),
    "utf-16-be": ("german", "chinese", "bracketed"),
    "cp1252": ("german", "french", "spanish", "french-typographic"),
    "cp850": ("german", "french", "spanish"),
    "cp932": ("japanese",),
    "cp936": ("chinese",),
}


@pytest.mark.parametrize(("encoding", "name"), [(key, name) for key, names in ENCODED.items() for name in names])
def test_every_encoding_reads_the_same(encoding: str, name: str, tmp_path: Path) -> None:
    shape = BY_NAME[name]
    log = read_log(write(tmp_path, shape.text.encode(encoding)))
    check(shape, log)
    [event] = log.errors
    assert "\ufffd" not in event.text
    plain = read_log(write(tmp_path, shape.text, "plain.log"))
    assert [one.text for one in log.events] == [one.text for one in plain.events]
    expected = {"utf-16": "utf-16-le"}.get(encoding, encoding)
    assert log.encoding in (expected, "ascii")


def test_labelled_captures_give_time_endpoint_call_and_code(shared: Path) -> None:
    import json
    import re

    seen = 0
    for label_path in sorted((shared / "captures").glob("*/label.json")):
        label = json.loads(label_path.read_text())
        variants = label["variants"]
        written = (label_path.parent / "app.log").read_text()
        log = read_log(label_path.parent / "app.log", year_hint=2026)
        assert len(log.errors) == len(label["incidents"]), label["case"]
        for event, incident in zip(log.errors, label["incidents"], strict=True):
            seen += 1
            assert event.time_ns is not None
            zone = 0 if event.zone_known else variants.get("tz", 0)
            true_ns = ns(incident["time_utc"].rstrip("Z"))
            late = true_ns - (event.time_ns - zone * 3600 * 10**9 - int(variants.get("skew", 0) * 10**9))
            # The label is cut to milliseconds, the log may be finer.
            assert -(10**6) < late < max(event.time_resolution_ns, 10**6), label["case"]
            assert event.code == 10057
            assert event.endpoint_text == (incident["server"] if variants.get("endpoint") else None), label["case"]
            before = written[: re.search(r"10057|socket is not connected", written).start()]  # type: ignore[union-attr]
            calls = re.findall(r"\b(send|recv|shutdown|getpeername)(?:\(\)| failed| error| ->)", before)
            named = re.findall(r'"Op": "(\w+)"', written)
            assert event.call == (named[-1] if not calls else calls[-1]) or label["case"] == "server-restarted-1"
            codes = [one.code for one in log.context(event) if one.code is not None]
            logged = [int(code) for code in re.findall(r"\b(1[01]0(?!57)\d\d)\b", before)]
            assert codes == logged or not logged, label["case"]
    assert seen >= 40


def test_times_below_what_they_date(tmp_path: Path) -> None:
    records = [
        f"{words}\n    ProcessId=4312\n    DateTime=2026-11-22T13:05:{second:02d}.1234567Z\n"
        for second, words in (
            (1, "Link Information: 0 : connecting to 10.9.0.7:21"),
            (9, "System.Net.Sockets Error: 0 : Socket#18518655::Receive() - ConnectionReset (10054)"),
            (17, "System.Net.Sockets Error: 0 : Socket#18518655::Send() - NotConnected (10057)"),
        )
    ]
    log = read_log(write(tmp_path, "".join(records)))
    told = {event.code: event.time_ns for event in log.events if event.code is not None}
    assert told[10057] is not None
    assert told[10054] is not None
    assert told[10057] - told[10054] == 8 * NS
    assert next(event for event in log.events if event.code == 10057).zone_known


def test_zone_given_by_the_caller_is_applied(tmp_path: Path) -> None:
    path = write(tmp_path, "2026-07-22 14:05:01 send failed: WSAENOTCONN\n")
    naive = read_log(path)
    assert not naive.zone_known
    assert naive.errors[0].time_ns == ns("2026-07-22T14:05:01")
    given = read_log(path, zone=timezone(timedelta(hours=2)))
    assert given.zone_known
    assert given.errors[0].time_ns == ns("2026-07-22T12:05:01")


def test_a_zone_in_the_line_beats_the_callers(tmp_path: Path) -> None:
    path = write(tmp_path, "2026-07-22 14:05:01 -05:00 send failed: WSAENOTCONN\n")
    [event] = read_log(path, zone=timezone(timedelta(hours=2))).errors
    assert event.time_ns == ns("2026-07-22T19:05:01")


def test_a_log_without_the_error_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    log = read_log(write(tmp_path, "2026-11-22 14:05:01 connected to 10.9.0.7:21\n2026-11-22 14:05:02 idle\n"))
    assert log.errors == ()
    assert [event.action for event in log.events] == ["connected"]
    assert log.problems == ("no record of 10057 or its equals was found in it",)
    assert (log.first_ns, log.last_ns) == (ns("2026-11-22T14:05:01"), ns("2026-11-22T14:05:02"))


def test_a_log_without_times_says_so(tmp_path: Path) -> None:
    log = read_log(write(tmp_path, "send failed: WSAENOTCONN\n"))
    assert log.errors[0].time_ns is None
    assert "no line has a readable time" in log.problems[0]
    assert log.first_ns is None


def test_a_date_in_the_files_name_completes_times_of_day(tmp_path: Path) -> None:
    log = read_log(write(tmp_path, "[14:05:01 ERR] send failed: WSAENOTCONN\n", "app-20261122.log"))
    assert log.errors[0].time_ns == ns("2026-11-22T14:05:01")
    assert (log.date_known, log.date_from) == (False, "file name")
    assert any("no date" in problem for problem in log.problems)


def test_an_instant_near_the_capture_completes_date_and_year(tmp_path: Path) -> None:
    near = ns("2024-03-01T10:00:00")
    log = read_log(write(tmp_path, "[14:05:01 ERR] send failed: WSAENOTCONN\n"), near_ns=near)
    assert log.errors[0].time_ns == ns("2024-03-01T14:05:01")
    log = read_log(write(tmp_path, "Mar  1 09:59:58 h p[1]: send failed: WSAENOTCONN\n"), near_ns=near)
    assert log.errors[0].time_ns == ns("2024-03-01T09:59:58")
    assert (log.year_known, log.date_from) == (False, "hint")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\xd4\xc3\xb2\xa1" + bytes(40), "packet capture"),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "packet capture"),
        (bytes(range(256)) * 20, "no text"),
        (b"PK\x03\x04" + bytes(40), "ZIP"),
        (b"\x1f\x8b\x08\x00broken", "damaged compressed"),
    ],
    ids=["empty", "pcap", "pcapng", "binary", "zip", "gzip"],
)
def test_what_is_no_log_is_refused_in_one_sentence(data: bytes, words: str, tmp_path: Path) -> None:
    path = write(tmp_path, data)
    with pytest.raises(LogError, match=words) as caught:
        read_log(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="does not exist"):
        read_log(tmp_path / "absent.log")
    with pytest.raises(LogError, match="is a folder"):
        read_log(tmp_path)
    with pytest.raises(LogError, match="no usable path"):
        read_log("a\0b")


def test_sockets_are_read_and_a_log_is_no_table(tmp_path: Path) -> None:
    table = write(tmp_path, "  TCP    10.0.0.5:50123    10.9.0.7:21    CLOSE_WAIT    988\r\n", "netstat.txt")
    [row] = read_sockets(table)
    assert (str(row.remote), row.state, row.pid) == ("10.9.0.7:21", "CLOSE_WAIT", 988)
    assert read_log(table).sockets == (row,)
    with pytest.raises(LogError, match="holds no row"):
        read_sockets(write(tmp_path, "2026-11-22 14:05:01 hello\n"))


def test_equal_records_of_one_instant_are_folded(tmp_path: Path) -> None:
    line = "2026-11-22 14:05:01.123 send failed: 10057 (10.9.0.7:21)\n"
    other = "2026-11-22 14:05:01.123 send failed: 10057 (10.9.0.8:21)\n"
    log = read_log(write(tmp_path, line * 3 + other))
    assert [(event.port, event.duplicates) for event in log.errors] == [(21, 2), (21, 0)]
    assert log.errors_seen == 4

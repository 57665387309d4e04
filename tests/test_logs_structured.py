"""JSON, CSV and W3C records."""

from __future__ import annotations

from analyzer.logs.records import events_of
from analyzer.logs.structured import (
    csv_header,
    csv_record,
    json_objects,
    json_record,
    mapping_record,
    parse_json_line,
    w3c_record,
)


def test_serilog_template_is_filled_in() -> None:
    value = {
        "@t": "2026-11-22T14:05:01.0610000Z",
        "@mt": "{Op} to {Endpoint} failed",
        "@l": "Error",
        "@x": "System.Net.Sockets.SocketException (10057): A request",
        "Op": "send",
        "Endpoint": "10.9.0.7:21",
        "SourceContext": "Acme.Session",
    }
    record = json_record(3, value, "shown")
    assert record.text.splitlines()[0] == "send to 10.9.0.7:21 failed"
    [event] = events_of(record, "a.log")
    assert (event.code, event.call, event.endpoint_text, event.source) == (10057, "send", "10.9.0.7:21", "Acme.Session")
    assert event.text == "shown"


def test_serilog_compact_with_properties() -> None:
    value = {
        "Timestamp": "2026-11-22T14:05:01Z",
        "MessageTemplate": "lost {Peer:l}",
        "Properties": {"Peer": "10.9.0.7:21"},
    }
    assert json_record(1, value, "").text.splitlines()[0] == "lost 10.9.0.7:21"


def test_nested_container_log() -> None:
    value = {"log": '{"msg":"send failed","errno":10057}\n', "time": "2026-11-22T14:05:01.5Z"}
    record = json_record(1, value, "")
    assert record.stamp is not None
    assert [event.code for event in events_of(record, "")] == [10057]


def test_times_by_name() -> None:
    for name in ("@timestamp", "ts", "time", "timestamp", "TimeCreated"):
        assert json_record(1, {name: 1795356301123, "msg": "x"}, "").stamp is not None, name
    split = json_record(1, {"date": "2026-11-22", "time": "14:05:01", "msg": "x"}, "").stamp
    assert split is not None
    assert split.year == 2026
    assert json_record(1, {"msg": "x"}, "").stamp is None


def test_ids_in_fields_are_no_error() -> None:
    fields = {"message": "socket error", "pid": "10057", "port": "10057", "row": "10057", "count": "10057"}
    assert [event for event in events_of(mapping_record(1, fields, "", None), "") if event.kind == "error"] == []


def test_json_lines_with_prefix_and_damage() -> None:
    assert parse_json_line('2026 stdout F {"a": 1}') == {"a": 1}
    assert parse_json_line('{"a": ') is None
    assert parse_json_line("[1]") is None
    assert parse_json_line("{" * 5000) is None


def test_json_objects_of_every_layout() -> None:
    assert [value for _, value in json_objects('[{"a": 1},\n {"a": 2}]')] == [{"a": 1}, {"a": 2}]
    assert [(line, value) for line, value in json_objects('{\n "a": 1\n}\n{\n "a": 2\n}')] == [
        (1, {"a": 1}),
        (4, {"a": 2}),
    ]
    assert [value for _, value in json_objects('{"records": [{"a": 1}, {"a": 2}]}')] == [{"a": 1}, {"a": 2}]
    assert [value for _, value in json_objects('[{"a": 1}, {"a": , {"b": 2}]')] == [{"a": 1}, {"b": 2}]
    assert list(json_objects("nothing")) == []


def test_csv_headers() -> None:
    assert csv_header("Level,Date and Time,Source,Event ID,Task Category") is not None
    assert csv_header("Ebene\tDatum und Uhrzeit\tQuelle\tEreignis-ID\tAufgabenkategorie") is not None
    assert csv_header("time;level;message") == (";", ["time", "level", "message"])
    assert csv_header("2026-11-22 14:05:01,INFO,x") is None
    assert csv_header("a,b") is None
    assert csv_header("red,green,blue") is None


def test_csv_rows() -> None:
    row = csv_record(2, '1,2026-11-22 14:05:01,"send failed,\nWSAENOTCONN"', ",", ["id", "time", "message"])
    assert row is not None
    assert row.stamp is not None
    assert [event.code for event in events_of(row, "")] == [10057]
    extra = csv_record(
        2,
        "Error,11/22/2026 2:05:01 PM,A,1,None,WSAENOTCONN",
        ",",
        ["Level", "Date and Time", "Source", "Event ID", "x"],
    )
    assert extra is not None
    assert extra.text.startswith("WSAENOTCONN")
    assert csv_record(2, "one,two", ",", ["a", "b", "c"]) is None


def test_w3c_rows() -> None:
    names = ["date", "time", "c-ip", "c-port", "s-ip", "s-port", "sc-win32-status", "time-taken"]
    record = w3c_record(9, "2026-11-22 14:05:01 10.0.0.5 50123 10.9.0.7 443 10057 120", names)
    assert record is not None
    [event] = events_of(record, "")
    assert (event.code, str(event.remote), event.local_port) == (10057, "10.0.0.5:50123", 443)
    taken = w3c_record(9, "2026-11-22 14:05:01 10.0.0.5 50123 10.9.0.7 443 0 10057", names)
    assert taken is not None
    assert events_of(taken, "") == []
    assert w3c_record(9, "short", names) is None


def test_a_gateways_w3c_row_does_not_name_the_server_that_failed_it() -> None:
    names = ["date", "time", "s-port", "c-ip", "sc-status", "sc-win32-status"]
    for status, remote in (("502", None), ("500", "10.0.0.5")):
        record = w3c_record(9, f"2026-11-22 14:05:01 443 10.0.0.5 {status} 10057", names)
        assert record is not None
        [event] = events_of(record, "")
        assert event.endpoint_text == remote

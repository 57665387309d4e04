"""What the head of a log teaches about its build."""

from __future__ import annotations

from analyzer.logs.layout import learn_layout, w3c_fields


def test_text_with_times() -> None:
    layout = learn_layout(["2026-11-22 14:05:01,123 [7] INFO A - x", "System.Exception: y", "   at A.B()"])
    assert (layout.format, layout.form, layout.column) == ("text", "iso", 0)
    assert layout.stamp("2026-11-22 14:05:01,123 [7] INFO A - x") is not None
    assert layout.continues("   at A.B()", None)
    assert layout.continues("OSError: [WinError 10057]", None)
    assert not layout.continues("2026-11-22 14:05:02,123 [7] INFO", None)


def test_a_time_inside_a_continuation_opens_no_record() -> None:
    layout = learn_layout(["2026-11-22 14:05:01 a", "2026-11-22 14:05:02 b"])
    assert layout.continues("      session since 2026-11-22 14:00:00 was lost", None)


def test_text_without_times() -> None:
    layout = learn_layout(["send failed: 10057", "recv failed: 10057"])
    assert layout.form is None
    assert not layout.continues("recv failed: 10057", "send failed: 10057")
    assert layout.continues("   at A.B()", "System.Exception: x")
    assert layout.continues("OSError: [WinError 10057]", "    self.sock.recv(1)")


def test_json_lines() -> None:
    layout = learn_layout(['{"time":"2026-11-22T14:05:01Z","msg":"a"}'] * 3)
    assert layout.format == "json-lines"
    assert not layout.continues('{"a":1}', None)
    prefixed = learn_layout(['2026-11-22T14:05:01Z stdout F {"msg":"a"}'] * 3)
    assert prefixed.format == "json-lines"
    assert prefixed.record(1, '2026-11-22T14:05:01Z stdout F {"msg":"a"}', ()).stamp is not None


def test_csv() -> None:
    layout = learn_layout(["id,timestamp,level,message", "1,2026-11-22 14:05:01,INFO,a"])
    assert (layout.format, layout.delimiter) == ("csv", ",")
    assert learn_layout(["Level\tDate and Time\tSource", "Error\t11/22/2026 2:05:01 PM\tA"]).delimiter == "\t"
    assert learn_layout(["well, this is prose, really", "and more"]).format == "text"
    # log4net's comma is no delimiter.
    assert learn_layout(["2026-11-22 14:05:01,123 [7] INFO a, b, c"]).format == "text"


def test_w3c() -> None:
    layout = learn_layout(["#Software: x", "#Fields: date time c-ip", "2026-11-22 14:05:01 10.0.0.5"])
    assert (layout.format, layout.utc) == ("w3c", True)
    assert w3c_fields("#Fields: date time c-ip") == ("date", "time", "c-ip")
    assert w3c_fields("#Version: 1.0") is None


def test_nothing() -> None:
    assert learn_layout([]).format == "text"
    assert learn_layout(["", "  "]).form is None

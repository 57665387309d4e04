"""Counters are served in Prometheus' text format, on the loopback unless told otherwise."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from analyzer.errors import UsageError
from analyzer.live.metrics import Exporter, Metric, parse_address, render


def test_the_text_format() -> None:
    labels = (("cause", 'a "quoted"\nname\\'), ("confidence", "high"))
    text = render(
        [
            Metric("notconn_x_total", "counter", "What it is.", {labels: 3.0}),
            Metric("notconn_y", "gauge", "Y.", {(): 0.5}),
        ]
    )
    assert text == (
        "# HELP notconn_x_total What it is.\n# TYPE notconn_x_total counter\n"
        'notconn_x_total{cause="a \\"quoted\\"\\nname\\\\",confidence="high"} 3\n'
        "# HELP notconn_y Y.\n# TYPE notconn_y gauge\nnotconn_y 0.5\n"
    )


def test_large_counters_keep_their_digits() -> None:
    text = render([Metric("notconn_packets_total", "counter", "P.", {(): 123_456_789_012.0})])
    assert "notconn_packets_total 123456789012\n" in text


def test_it_is_served() -> None:
    exporter = Exporter("127.0.0.1", 0)
    exporter.update([Metric("notconn_flows", "gauge", "Flows.", {(): 7.0})])
    with urllib.request.urlopen(f"http://127.0.0.1:{exporter.port}/metrics", timeout=5) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert b"notconn_flows 7\n" in answer.read()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{exporter.port}/else", timeout=5)
    caught.value.close()
    with pytest.raises(UsageError, match="choose another port"):
        Exporter("127.0.0.1", exporter.port)
    exporter.close()


@pytest.mark.parametrize(
    ("text", "address"),
    [("9657", ("127.0.0.1", 9657)), ("0.0.0.0:80", ("0.0.0.0", 80)), ("[::1]:9000", ("::1", 9000))],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "x", "host:", "1:99999"])
def test_wrong_addresses_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_address(text)

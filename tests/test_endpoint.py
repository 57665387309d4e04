"""Addresses and ports as values and as text."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.endpoint import Endpoint, format_address, parse_address, parse_endpoint

packed_addresses = st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16)


@given(packed_addresses, st.integers(1, 65535))
def test_an_endpoint_reads_back_from_its_own_text(packed: bytes, port: int) -> None:
    endpoint = Endpoint(packed, port)
    assert parse_endpoint(str(endpoint)) == endpoint


@given(packed_addresses)
def test_addresses_are_those_of_the_standard_library(packed: bytes) -> None:
    assert ipaddress.ip_address(format_address(packed)) == ipaddress.ip_address(packed)
    assert parse_address(str(ipaddress.ip_address(packed))) == packed


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        (" 10.0.0.5 ", bytes([10, 0, 0, 5])),
        ("[::1]", bytes(15) + b"\x01"),
        ("fe80::1%eth0", bytes.fromhex("fe80" + "00" * 13 + "01")),
        ("fe80::1%12", bytes.fromhex("fe80" + "00" * 13 + "01")),
    ],
)
def test_addresses_are_read_in_the_forms_that_logs_write(text: str, packed: bytes) -> None:
    assert parse_address(text) == packed


@pytest.mark.parametrize("text", ["", "db.example", "10.0.0", "10.0.0.256", "1.2.3.4.5", "::g", "a\0b"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_address(text) is None


@pytest.mark.parametrize(
    "text", ["10.0.0.5", "10.0.0.5:", "10.0.0.5:0", "10.0.0.5:65536", ":21", "host:21", "1.2.3.4:٢١"]
)
def test_what_is_no_endpoint_is_named_with_its_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="write ADDRESS:PORT"):
        parse_endpoint(text)


def test_an_ipv6_endpoint_keeps_its_brackets() -> None:
    assert str(parse_endpoint("[2001:db8::7]:443")) == "[2001:db8::7]:443"
    assert parse_endpoint("[2001:db8::7]:443").address == "2001:db8::7"


def test_endpoints_are_ordered_by_address_and_then_port() -> None:
    first, second, third = parse_endpoint("10.0.0.5:9"), parse_endpoint("10.0.0.5:80"), parse_endpoint("10.0.0.6:1")
    assert sorted([third, second, first]) == [first, second, third]

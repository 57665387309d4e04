from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from analyzer.redaction.addresses import AddressMap

KEY = bytes(range(32))
MAP = AddressMap(KEY)
V4 = st.ip_addresses(v=4).map(lambda one: one.packed)
V6 = st.ip_addresses(v=6).map(lambda one: one.packed)


def common(a: bytes, b: bytes) -> int:
    """Bits that two addresses share from the left."""
    return 8 * len(a) - (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_length()


@given(V4, V4)
def test_prefixes_of_ipv4_are_kept_exactly(a: bytes, b: bytes) -> None:
    assert common(MAP(a), MAP(b)) == common(a, b)


@given(V4, st.integers(0, 31))
def test_neighbours_stay_neighbours(a: bytes, bit: int) -> None:
    b = (int.from_bytes(a, "big") ^ 1 << bit).to_bytes(4, "big")
    assert common(MAP(a), MAP(b)) == 31 - bit


@given(V6, V6)
def test_prefixes_of_ipv6_are_kept_exactly(a: bytes, b: bytes) -> None:
    plain = [one for one in (a, b) if one[0] & 0xE0 == 0x20]
    if len(plain) == 2:
        assert common(MAP(a), MAP(b)) == common(a, b)


@given(V4 | V6)
def test_what_an_address_is_for_stays(a: bytes) -> None:
    before, after = ipaddress.ip_address(a), ipaddress.ip_address(MAP(a))
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "224.0.0.0/3",
                    "2000::/3", "fc00::/8", "fd00::/8", "fe80::/64", "ff00::/8"):  # fmt: skip
        inside = ipaddress.ip_network(network)
        assert (before in inside) == (after in inside)


def test_nobodys_addresses_stay() -> None:
    for text in ("0.0.0.0", "127.0.0.1", "255.255.255.255", "224.0.0.251", "::", "::1", "ff02::1"):
        packed = ipaddress.ip_address(text).packed
        assert MAP(packed) == packed


def test_an_embedded_ipv4_address_is_the_same_host() -> None:
    inner = ipaddress.ip_address("198.51.100.9").packed
    for prefix in ("::ffff:0:0", "64:ff9b::"):
        whole = ipaddress.ip_address(prefix).packed[:12] + inner
        assert MAP(whole) == whole[:12] + MAP(inner)


def test_a_solicited_node_group_follows_its_host() -> None:
    host = ipaddress.ip_address("2001:db8::12:3456").packed
    group = ipaddress.ip_address("ff02::1:ff12:3456").packed
    table = AddressMap(KEY)
    masked = table(host)
    assert table(group) == group[:13] + masked[13:]
    assert AddressMap(KEY)(group) != group


def test_hardly_any_host_keeps_much_of_its_address() -> None:
    address = ipaddress.ip_address("10.229.140.157").packed
    made = [AddressMap(n.to_bytes(32, "big"))(address) for n in range(400)]
    assert sum(one[:3] == address[:3] for one in made) <= 2
    assert len(set(made)) >= 399


def test_another_key_is_another_map_and_the_same_key_the_same() -> None:
    address = ipaddress.ip_address("10.1.2.3").packed
    assert AddressMap(KEY)(address) == MAP(address)
    assert len({AddressMap(bytes([n]) * 32)(address) for n in range(8)}) == 8
    assert MAP.replaced[address] == MAP(address)

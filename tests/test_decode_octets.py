from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.decode import octets


@given(st.binary(max_size=12), st.integers(-4, 14))
def test_numbers_are_read_in_both_orders_and_zero_outside(data: bytes, p: int) -> None:
    for size, big, little in ((2, octets.u16, octets.u16le), (4, octets.u32, octets.u32le)):
        inside = 0 <= p <= len(data) - size
        assert big(data, p) == (int.from_bytes(data[p : p + size], "big") if inside else 0)
        assert little(data, p) == (int.from_bytes(data[p : p + size], "little") if inside else 0)

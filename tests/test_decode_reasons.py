from __future__ import annotations

from array import array

from analyzer.decode import columns as col
from analyzer.decode.reasons import name_counts


def test_every_place_has_a_name() -> None:
    counts = array("q", bytes(8 * col.COUNT_SIZE))
    for code in range(1, col.STOP_TUNNEL + 1):
        counts[code] = 1
    counts[col.STOP_PROTOCOL + 17] = 5
    counts[col.STOP_PROTOCOL + 99] = 2
    counts[col.COUNT_DIRECT], counts[col.COUNT_DIRECT + 1] = col.STOP_ETHERTYPE + 0x88CC, 3
    counts[col.COUNT_SIZE - 1] = 4
    named = name_counts(counts, 6)
    assert next(iter(named.items())) == ("no-packet-block", 6)
    assert named["udp"] == 5
    assert named["ip-protocol-99"] == 2
    assert named["ethertype-0x88cc"] == 3
    assert named["ethertype-other"] == 4
    assert named["arp"] == 1
    assert sum(named.values()) == col.STOP_TUNNEL + 5 + 2 + 3 + 4 + 6

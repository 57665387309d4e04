"""Stable names for the places where decoding stopped."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.decode import columns as col

__all__ = ["name_counts"]

_NAMES = {
    col.STOP_LINK_CUT: "link-header-cut",
    col.STOP_LINK_TYPE: "link-type-unsupported",
    col.STOP_LLC: "llc",
    col.STOP_ARP: "arp",
    col.STOP_IP_CUT: "ip-header-cut",
    col.STOP_IP_BAD: "ip-header-bad",
    col.STOP_FRAGMENT: "ip-fragment",
    col.STOP_TCP_CUT: "tcp-header-cut",
    col.STOP_TCP_BAD: "tcp-header-bad",
    col.STOP_DEPTH: "nested-too-deep",
    col.STOP_PPP: "ppp-control",
    col.STOP_MPLS: "mpls-payload-unknown",
    col.STOP_TUNNEL_CUT: "tunnel-header-cut",
    col.STOP_TUNNEL: "tunnel-payload-unknown",
}
_PROTOCOLS = {1: "icmp", 2: "igmp", 17: "udp", 50: "esp", 58: "icmpv6", 89: "ospf", 103: "pim", 112: "vrrp", 132: "sctp"}


def name_counts(counts: Sequence[int], foreign: int = 0) -> dict[str, int]:
    """Return ``{name: packets}`` from the decoder's counters, the most frequent first; ``foreign`` blocks held no packet."""
    named: dict[str, int] = {}
    for code in range(1, col.COUNT_DIRECT):
        if counts[code] > 0:
            number = code - col.STOP_PROTOCOL
            name = _PROTOCOLS.get(number, f"ip-protocol-{number}") if number >= 0 else _NAMES[code]
            named[name] = named.get(name, 0) + counts[code]
    for slot in range(col.COUNT_DIRECT, col.COUNT_DIRECT + 2 * col.COUNT_PAIRS, 2):
        if counts[slot + 1]:
            named[f"ethertype-0x{counts[slot] - col.STOP_ETHERTYPE:04x}"] = counts[slot + 1]
    if counts[col.COUNT_SIZE - 1]:
        named["ethertype-other"] = counts[col.COUNT_SIZE - 1]
    if foreign:
        named["no-packet-block"] = foreign
    return dict(sorted(named.items(), key=lambda item: (-item[1], item[0])))

"""A host that takes another address: its link-layer address stays, and tells that it is the same host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from analyzer.units import NS

if TYPE_CHECKING:
    from analyzer.around.surroundings import Surroundings
    from analyzer.flows.model import Flow, Segment
    from analyzer.flows.rows import FlowRow

__all__ = ["Move", "address_taken"]

Move = tuple[int, int]
"""(time in ns, frame) of the packet in which the host first shows its new address."""

_MOST = 64
"""Flows of one host, or near one time, that are looked into."""
_BEFORE_NS = 600 * NS
_INITIAL_TTLS = frozenset((64, 128, 255))


def address_taken(around: Surroundings, flow: Flow, until_ns: int) -> Move | None:
    """Return where the initiator's host shows an address that it took after its last packet in ``flow``.

    None when it shows none until ``until_ns``, or goes on with the old one. ARP and DHCP name the link-layer address
    (RFC 826, RFC 2131 §2); where they were not captured, a new connection that left the same adapter tells.
    """
    old, gone = flow.initiator.endpoint.packed, flow.initiator.last_ns
    if gone is None:
        return None
    signs = (*_announced(around, old, gone, until_ns), *_connected(around, flow, gone, until_ns))
    first = min(signs, default=None)
    return None if first is None or _goes_on(around, old, first[0]) else first


def _announced(around: Surroundings, old: bytes, gone: int, until: int) -> Iterator[Move]:
    """Yield ARP of the host's link-layer address from another address, and leases of one to it."""
    for link in around.links_of(old):
        claims = around.claims_of(link)
        before = {address for ns, _, address in claims if ns <= gone}
        for ns, frame, address in claims:
            if gone < ns <= until and address != old and address not in before:
                yield ns, frame


def _connected(around: Surroundings, flow: Flow, gone: int, until: int) -> Iterator[Move]:
    """Yield the first new connection that left the same adapter from another address."""
    old = flow.initiator.endpoint.packed
    adapter = next((s.link_source for s in flow.segments if s.from_initiator), 0)
    if not adapter or any(s.link_source == adapter for s in flow.segments if not s.from_initiator):
        # What sends for both ends forwards for many.
        return
    others: dict[bytes, Segment] = {}
    for syn, row in _syns_of(around, adapter, gone, until):
        new = row.initiator.packed
        if _same_network(new, old):
            continue
        others.setdefault(new, syn)
        if len(others) > 1:
            # A router, a balancer or a host with many addresses: that one of them is heard later says nothing.
            return
    for new, syn in others.items():
        # They come in the order in which they began: the first is what is asked for.
        if syn.ts_ns > gone and syn.ttl in _INITIAL_TTLS and around.from_host(new)[0].first_ns > gone:
            yield syn.ts_ns, syn.frame


def _syns_of(around: Surroundings, adapter: int, gone: int, until: int) -> Iterator[tuple[Segment, FlowRow]]:
    """Yield the SYNs that left an adapter, before a time and from it until another."""
    before, after = around.rows.near(gone, _BEFORE_NS, 0), around.rows.near(gone, 0, until - gone)
    for row in (*before[-_MOST:], *after[:_MOST]):
        syn = around.capture.flows.first_syn(row.index) if row.saw_syn else None
        if syn is not None and syn.link_source == adapter:
            yield syn, row


def _same_network(new: bytes, old: bytes) -> bool:
    """Tell what an IPv6 host changes at will (RFC 8981); and addresses of both families it has at once."""
    return new == old or len(new) != len(old) or (len(new) == 16 and new[:8] == old[:8])


def _goes_on(around: Surroundings, old: bytes, since: int) -> bool:
    """Tell whether anything of the host came from its old address after a time."""
    for row in around.from_host(old)[-_MOST:]:
        if row.last_ns > since and (around.flow(row.index).initiator.last_ns or 0) > since:
            return True
    return False

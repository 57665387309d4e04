"""One light row a flow: what questions about many flows need, without building each flow."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, overload

from analyzer.endpoint import Endpoint

if TYPE_CHECKING:
    from analyzer.flows.table import FlowTable

__all__ = ["FlowRow", "RowIndex", "RowList", "rows_of"]

_KEPT = 1 << 15
_V6 = 1 << 32


class FlowRow(NamedTuple):
    """A flow in short."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody asks a row for
    stream: int
    initiator: Endpoint
    responder: Endpoint
    initiator_packets: int
    responder_packets: int
    initiator_payload: int
    responder_payload: int
    first_frame: int
    last_frame: int
    first_ns: int
    last_ns: int
    responder_last_ns: int | None
    saw_syn: bool
    established: bool
    """SYN-ACK seen and acknowledged, or the flow was met midstream with data of both halves."""
    rsts: int
    initiator_fins: int
    responder_fins: int
    longest_silence_ns: int
    unanswered_since_ns: int | None
    """When the initiator's first never acknowledged segment, or a SYN without any answer, was sent; None otherwise."""


class RowList(Sequence[FlowRow]):
    """Rows in the order their flows began, each made when it is asked for."""

    __slots__ = ("_began", "_indexes", "_row")

    def __init__(
        self, indexes: Sequence[int], row: Callable[[int], FlowRow], began: Callable[[int], int]
    ) -> None:
        """``row`` gives the row of a flow's index, ``began`` the time of its first packet in ns."""
        self._indexes = indexes
        self._row = row
        self._began = began

    def __len__(self) -> int:
        return len(self._indexes)

    @overload
    def __getitem__(self, at: int) -> FlowRow: ...

    @overload
    def __getitem__(self, at: slice) -> RowList: ...

    def __getitem__(self, at: int | slice) -> FlowRow | RowList:
        if isinstance(at, slice):
            return RowList(self._indexes[at], self._row, self._began)
        return self._row(self._indexes[at])

    def __iter__(self) -> Iterator[FlowRow]:
        return map(self._row, self._indexes)

    @property
    def indexes(self) -> Sequence[int]:
        """The flows' positions in their table."""
        return self._indexes

    def near(self, around_ns: int, before_ns: int, after_ns: int | None = None) -> RowList:
        """Flows that began from ``before_ns`` before a time to ``after_ns`` (the same by default) after it.

        Where a capture's clock steps back, rows around the step may be missed.
        """
        after = before_ns if after_ns is None else after_ns
        low = bisect_left(self._indexes, around_ns - before_ns, key=self._began)
        return self[low : bisect_right(self._indexes, around_ns + after, lo=low, key=self._began)]


class RowIndex:
    """The rows of a table by host, port and endpoint; nothing is made before it is asked for."""

    def __init__(self, table: FlowTable) -> None:
        self._table = table
        self._rows: dict[int, FlowRow] = {}

    def row(self, index: int) -> FlowRow:
        """Return the row at ``index``; many are remembered. Raises IndexError."""
        row = self._rows.get(index)
        if row is None:
            if len(self._rows) >= _KEPT:
                self._rows.clear()
            row = self._rows[index] = self._table.row(index)
        return row

    def rows(self, indexes: Sequence[int]) -> RowList:
        """Return the rows of these flows."""
        return RowList(indexes, self.row, self._table.beginnings.__getitem__)

    @cached_property
    def every(self) -> RowList:
        """All rows."""
        return self.rows(range(len(self._table)))

    @cached_property
    def _parties(self) -> tuple[Sequence[int], Sequence[int], dict[bytes, int]]:
        return self._table.parties()

    def _host(self, packed: bytes) -> int:
        """Return a host's number; -1 for one that no flow has."""
        if len(packed) == 4:
            return int.from_bytes(packed, "big")
        return self._parties[2].get(packed, -1)

    @cached_property
    def _by_responder(self) -> dict[int, list[int]]:
        return _grouped(self._parties[1])

    @cached_property
    def _by_responder_host(self) -> dict[int, list[int]]:
        return _joined(self._by_responder, lambda end: end >> 16)

    @cached_property
    def _by_initiator_host(self) -> dict[int, list[int]]:
        return _grouped(end >> 16 for end in self._parties[0])

    @cached_property
    def _by_port(self) -> dict[int, list[int]]:
        return _joined(self._by_responder, lambda end: end & 0xFFFF)

    @cached_property
    def _by_network(self) -> dict[int | bytes, list[int]]:
        found: dict[int | bytes, list[int]] = {}
        names = list(self._parties[2])
        for host, indexes in self._by_responder_host.items():
            network: int | bytes = host >> 8 if host < _V6 else names[host - _V6][:-1]
            found.setdefault(network, []).extend(indexes)
        return {network: sorted(indexes) for network, indexes in found.items()}

    def to_responder(self, packed: bytes, port: int) -> RowList:
        """Flows to an endpoint."""
        return self.rows(self._by_responder.get(self._host(packed) << 16 | port, ()))

    def to_host(self, packed: bytes) -> RowList:
        """Flows to any port of a host."""
        return self.rows(self._by_responder_host.get(self._host(packed), ()))

    def from_host(self, packed: bytes) -> RowList:
        """Flows that a host opened."""
        return self.rows(self._by_initiator_host.get(self._host(packed), ()))

    def on_port(self, port: int) -> RowList:
        """Flows to any host on a port."""
        return self.rows(self._by_port.get(port, ()))

    def local_ports(self, rows: RowList) -> int:
        """Return from how many ports the initiators of some flows speak."""
        initiators = self._parties[0]
        return len({initiators[index] & 0xFFFF for index in rows.indexes})

    def different_responders(self, rows: RowList, most: int, wanted: Callable[[FlowRow], bool]) -> int:
        """Return to how many endpoints the wanted ones of some flows lead, at most ``most``."""
        numbers, found = self._parties[1], set[int]()
        for index in rows.indexes:
            number = numbers[index]
            if number not in found and wanted(self.row(index)):
                found.add(number)
                if len(found) == most:
                    break
        return len(found)

    @cached_property
    def _until(self) -> list[int]:
        """For each flow the latest packet of all flows up to it, in ns."""
        table, latest, found = self._table, 0, []
        for index in range(len(table)):
            latest = max(latest, table.ended(index))
            found.append(latest)
        return found

    def any_alive(self, time_ns: int, within_ns: int) -> bool:
        """Tell whether any flow had its first packet no later, and its last no earlier, than so long around a time."""
        if self.every.near(time_ns, within_ns):
            return True
        began = bisect_right(self.every.indexes, time_ns + within_ns, key=self._table.began)
        return began > 0 and self._until[began - 1] >= time_ns - within_ns

    def to_network(self, packed: bytes) -> RowList:
        """Flows to the hosts whose address differs in the last byte at most: the smallest network that is common."""
        if len(packed) == 4:
            return self.rows(self._by_network.get(int.from_bytes(packed[:-1], "big"), ()))
        return self.rows(self._by_network.get(packed[:-1], ()))

    def between(self, hosts: Iterable[bytes]) -> RowList:
        """Flows between any two of some hosts, in order."""
        numbers = {self._host(host) for host in hosts}
        responders = self._parties[1]
        found = [
            index
            for number in numbers
            for index in self._by_initiator_host.get(number, ())
            if responders[index] >> 16 in numbers
        ]
        return self.rows(sorted(found))

    def rushes(self, least: int, within_ns: int) -> list[RowList]:
        """Return the flows of each endpoint to which so many may have begun within a time, in order of first flows."""
        began = self._table.beginnings.__getitem__
        # So many in a row hold a whole one of the blocks, so the ends of the blocks tell.
        block = (least + 1) // 2
        return [
            self.rows(indexes)
            for indexes in self._by_responder.values()
            if len(indexes) >= least
            and any(
                began(indexes[at + block - 1]) - began(indexes[at]) <= within_ns
                for at in range(0, len(indexes) - block + 1, block)
            )
        ]

    def busiest_initiators(self, least: int) -> list[RowList]:
        """Return the flows of each host that opened at least so many, in order of the hosts' first flows."""
        return [self.rows(indexes) for indexes in self._by_initiator_host.values() if len(indexes) >= least]


def _grouped(keys: Iterable[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        found[key].append(index)
    return dict(found)


def _joined(groups: dict[int, list[int]], name: Callable[[int], int]) -> dict[int, list[int]]:
    """Join groups that share a name; much fewer steps than to sort every flow again."""
    found: dict[int, list[int]] = defaultdict(list)
    for key, indexes in groups.items():
        found[name(key)] += indexes
    for indexes in found.values():
        indexes.sort()
    return dict(found)


def rows_of(table: FlowTable) -> Sequence[FlowRow]:
    """One row a flow, in the order of the table."""
    return [table.row(index) for index in range(len(table))]

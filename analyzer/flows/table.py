"""All flows of a capture."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.flows.model import Flow
from analyzer.flows.reference import ReferenceDigest, build_flow

__all__ = ["FlowTable"]


class FlowTable:
    """Flows in the order of their first frame."""

    def __init__(self, digest: ReferenceDigest) -> None:
        self._flows = [flow for flow in digest.flows if flow.segments]
        self._by_stream = {flow.stream: index for index, flow in enumerate(self._flows)}
        self._built: dict[int, Flow] = {}

    def __len__(self) -> int:
        return len(self._flows)

    def __iter__(self) -> Iterator[Flow]:
        return (self.flow(index) for index in range(len(self)))

    def flow(self, index: int) -> Flow:
        """Build the flow at ``index``. Raises IndexError."""
        if index not in self._built:
            self._built[index] = build_flow(self._flows[index], index)
        return self._built[index]

    def stream(self, number: int) -> Flow:
        """Build the flow with Wireshark's ``tcp.stream``. Raises KeyError."""
        return self.flow(self._by_stream[number])

    def suspects(self) -> list[int]:
        """Return the positions of the flows that may deserve a diagnosis."""
        return list(range(len(self)))

"""Parts of a digest: its columns as arrays, and a digest of chosen flows only.

A chosen part is made by the digest's own ``merge``: entries are picked out, then merged into an empty digest, which
copies what they refer to and nothing else.
"""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from analyzer.flows import layout as lay
from analyzer.flows.digest import Digest
from analyzer.values import dataclass

__all__ = ["Columns", "bytes_of", "columns", "related", "select"]

_LOW32 = 0xFFFFFFFF
_STRIDES = {
    "entries": lay.E_STRIDE, "halves": lay.T_STRIDE, "kept": lay.S_STRIDE, "entry_words": lay.W_STRIDE,
    "pairs": 0, "cold": 0, "pool": 0, "lists": 0, "extras": 0, "spoken": 0,
}  # fmt: skip
"""Words of an entry in each array; 0 for what entries refer to."""
_ARRAYS = ("slots", "entries", "halves", "cold", "kept", "pool", "lists", "extras", "entry_words", "spoken")


def bytes_of(digest: Digest) -> int:
    """Return the memory that a digest takes, in bytes."""
    total = len(digest.pairs)
    for name in _ARRAYS:
        words = getattr(digest, name)
        total += len(words) * words.itemsize
    return total


def _matrix(words: array[int], count: int, stride: int) -> Any:
    return np.frombuffer(words, dtype=np.int64, count=count * stride).reshape(count, stride)


@dataclass(frozen=True, slots=True)
class Columns:
    """One value a flow, as numpy arrays of equal length."""

    last_ns: Any
    """Of the flow's last packet; 0 for an entry without packets."""
    closed: Any
    """A FIN of both halves, or a RST."""
    reset: Any
    """A RST."""
    opening: Any
    """Packets of one half only."""
    packets: Any

    def most_telling(self, candidates: Any, room: int) -> Any:
        """Choose ``room`` of the candidates: open, then tried, then reset, then closed in order; late before early."""
        rank = np.where(self.closed, np.where(self.reset, 1, 0), np.where(self.opening, 2, 3))
        order = np.lexsort((self.last_ns, rank, candidates))
        chosen = np.zeros(len(rank), dtype=bool)
        chosen[order[-room:]] = True
        return chosen & candidates


def columns(digest: Digest) -> Columns:
    """Read a digest's columns."""
    halves = _matrix(digest.halves, digest.count, lay.T_STRIDE)
    low, high = lay.T_HALVES, lay.T_HALVES + lay.H_STRIDE
    packets = [halves[:, side + lay.H_PACKETS] & _LOW32 for side in (low, high)]
    fins = [halves[:, side + lay.H_COUNTS] >> lay.COUNT_ONE_FIN & lay.COUNT_LIMIT for side in (low, high)]
    rsts = [halves[:, side + lay.H_COUNTS] >> lay.COUNT_ONE_RST for side in (low, high)]
    reset = (rsts[0] > 0) | (rsts[1] > 0)
    return Columns(
        last_ns=np.maximum(halves[:, low + lay.H_LAST_NS], halves[:, high + lay.H_LAST_NS]),
        closed=((fins[0] > 0) & (fins[1] > 0)) | reset,
        reset=reset,
        opening=(packets[0] == 0) | (packets[1] == 0),
        packets=packets[0] + packets[1],
    )


def _picked(words: array[int], count: int, stride: int, places: Any) -> array[int]:
    found = array("q", [0]) * (len(places) * stride)
    # mode: with the default one numpy writes into a copy first.
    _matrix(words, count, stride).take(places, axis=0, out=_matrix(found, len(places), stride), mode="clip")
    return found


def select(digest: Digest, chosen: Any, *, spend: bool = False) -> Digest:
    """Return a digest of the chosen flows (a boolean for each entry), in their order.

    ``spend``: the given digest is used up on the way, since two large ones are much at once.
    """
    count = digest.count
    part = Digest(first=False)
    places = np.flatnonzero(chosen)
    kept = len(places)
    if not kept:
        return Digest()
    for name, stride in _STRIDES.items():
        words = getattr(digest, name)
        setattr(part, name, _picked(words, count, stride, places) if stride else words)
        if spend:
            setattr(digest, name, words[:0])
    # Earlier connections on the same endpoints are found anew while merging.
    _matrix(part.entries, kept, lay.E_STRIDE)[:, lay.E_PREVIOUS] = 0
    # These bound what merging may need; the old digest's own counts would make the new one as large.
    segments = _matrix(part.kept, kept, lay.S_STRIDE)
    full = lay.KEEP_ALL // lay.G_SEGMENTS
    chunks = np.minimum((segments[:, lay.S_COUNT] + lay.G_SEGMENTS - 1) // lay.G_SEGMENTS, full) + 1
    part.key_state[lay.K_ENTRIES] = kept
    part.key_state[lay.K_PAIRS] = min(digest.key_state[lay.K_PAIRS], kept)
    part.tally_state[lay.M_COLD] = min(digest.tally_state[lay.M_COLD], 2 * kept)
    part.pool_state[lay.P_CHUNKS] = int(chunks.sum())
    part.pool_state[lay.P_SILENCES] = min(digest.pool_state[lay.P_SILENCES], kept)
    part.pool_state[lay.P_EXTRAS] = min(digest.pool_state[lay.P_EXTRAS], kept)
    part.word_state[lay.W_POOL] = min(digest.word_state[lay.W_POOL], 4 * lay.W_LONG * kept)
    fresh = Digest()
    fresh.merge(part)
    _trim(fresh)
    return fresh


def _trim(digest: Digest) -> None:
    for words, used in (
        (digest.cold, digest.tally_state[lay.M_COLD] * lay.C_STRIDE),
        (digest.pool, digest.pool_state[lay.P_CHUNKS] * lay.G_STRIDE),
        (digest.lists, digest.pool_state[lay.P_SILENCES] * lay.L_STRIDE),
        (digest.extras, digest.pool_state[lay.P_EXTRAS] * lay.X_STRIDE),
        (digest.spoken, digest.word_state[lay.W_POOL] + lay.W_LONG),
    ):
        del words[used:]


def related(digest: Digest, entries: list[int], most: int) -> Any:
    """Choose the flows that share a host with one of ``entries``, these included; at most ``most``, the latest."""
    count = digest.count
    keys = _matrix(digest.entries, count, lay.E_STRIDE)
    sixes = (keys[:, lay.E_PORTS] >> lay.EP_V6_SHIFT & 1).astype(bool)
    low = (keys[:, lay.E_KEY] >> 32) + (1 << 31)
    high = keys[:, lay.E_KEY] & _LOW32
    if sixes.any():
        pairs = np.frombuffer(bytes(digest.pairs[: 32 * digest.key_state[lay.K_PAIRS]]), dtype=np.uint64).reshape(-1, 4)
        # Two words of an address folded into one: a collision only adds a flow to the company.
        index = np.where(sixes, keys[:, lay.E_KEY], 0)
        folded = pairs[:, 0::2] * np.uint64(0x9E3779B97F4A7C15) ^ pairs[:, 1::2]
        low = np.where(sixes, folded[index, 0].astype(np.int64), low)
        high = np.where(sixes, folded[index, 1].astype(np.int64), high)
    hosts = np.unique(np.concatenate((low[entries], high[entries])))
    company = np.isin(low, hosts) | np.isin(high, hosts)
    wanted = np.zeros(count, dtype=bool)
    wanted[entries] = True
    if int(company.sum()) > most:
        last = columns(digest).last_ns
        order = np.lexsort((last, wanted, company))
        company = np.zeros(count, dtype=bool)
        company[order[-most:]] = True
    return company | wanted

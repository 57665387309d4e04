"""What is kept of all flows of a capture, or of a part of one.

``digest(a ++ b) == merge(digest(a), digest(b))`` for neighbours in capture order; it is associative, and an empty
digest is its identity. What is capped becomes unknown, never different.
"""

from __future__ import annotations

from array import array

from analyzer.decode import columns as col
from analyzer.flows import keys, segments, segments_merge, tally, tally_merge, words
from analyzer.flows import layout as lay
from analyzer.flows.renumber import renumber

__all__ = ["Digest"]

_WORD = 8
_SLOTS = 4096
_ZEROS = memoryview(bytes(1 << 17))
_SPARE = 256
"""Records of the rare kinds that there is always room for."""


def _words(count: int) -> array[int]:
    return array("q", bytes(_WORD * count))


def _reserve(words_: array[int], used: int, more: int) -> None:
    """Make room for ``more`` words after the ``used`` ones.

    Growth is by a sixteenth: on Linux a large array grows without being copied, and memory is worth more than calls.
    """
    lack = used + more - len(words_)
    if lack <= 0:
        return
    lack = _WORD * max(lack, used >> 4)
    # From a block that stays in the cache: as many zeros at once would be new memory to fetch, too.
    for _ in range(lack // len(_ZEROS)):
        words_.frombytes(_ZEROS)
    words_.frombytes(_ZEROS[: lack % len(_ZEROS)])


class Digest:
    """Flow state as arrays of words (see ``layout``); picklable.

    ``first`` tells that the digest starts where its capture starts, so that nothing before it can matter. A part that
    does not must be merged into one that does before its flows are read.
    """

    __slots__ = (
        "_marks", "_which", "cold", "entries", "entry_words", "extras", "halves", "key_state", "kept",
        "lists", "pairs", "pool", "pool_state", "slots", "spoken", "tally_state", "word_state",
    )

    def __init__(self, *, first: bool = True) -> None:
        self._clear(first)

    def _clear(self, first: bool) -> None:
        self.key_state = _words(lay.K_SIZE)
        self.key_state[lay.K_FIRST] = first
        self.slots = array("i", bytes(4 * _SLOTS))
        self.entries = _words(0)
        self.pairs = bytearray()
        self.tally_state = _words(lay.M_SIZE)
        self.halves = _words(0)
        self.cold = _words(0)
        self.pool_state = _words(lay.P_SIZE)
        self.kept = _words(0)
        self.pool = _words(0)
        self.lists = _words(0)
        self.extras = _words(0)
        self.word_state = _words(lay.W_SIZE)
        self.entry_words = _words(0)
        self.spoken = _words(0)
        self._which = _words(col.BATCH)
        self._marks = _words(col.BATCH)

    def __getstate__(self) -> dict[str, object]:
        """Give what is used of each array; the room for more is made again where it is needed."""
        used = {
            "entries": self.count * lay.E_STRIDE,
            "halves": self.count * lay.T_STRIDE,
            "kept": self.count * lay.S_STRIDE,
            "entry_words": self.count * lay.W_STRIDE,
            "pairs": 32 * self.key_state[lay.K_PAIRS],
            "cold": self.tally_state[lay.M_COLD] * lay.C_STRIDE,
            "pool": self.pool_state[lay.P_CHUNKS] * lay.G_STRIDE,
            "lists": self.pool_state[lay.P_SILENCES] * lay.L_STRIDE,
            "extras": self.pool_state[lay.P_EXTRAS] * lay.X_STRIDE,
            "spoken": self.word_state[lay.W_POOL],
        }
        whole = ("key_state", "tally_state", "pool_state", "word_state")
        return {name: getattr(self, name)[:size] for name, size in used.items()} | {
            name: getattr(self, name) for name in whole
        }

    def __setstate__(self, state: dict[str, object]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._which = _words(col.BATCH)
        self._marks = _words(col.BATCH)
        size = _SLOTS
        while size < 2 * self.count:
            size *= 2
        self.slots = array("i", bytes(4 * size))
        keys.rebuild(self.slots, self.entries, self.count)

    @property
    def first(self) -> bool:
        """Whether the digest starts where its capture starts."""
        return bool(self.key_state[lay.K_FIRST])

    @property
    def count(self) -> int:
        """Entries: flows, and stream numbers that only an ICMP error or a tunnel took."""
        return self.key_state[lay.K_ENTRIES]

    def _make_room(self, entries: int, pairs: int) -> None:
        """Make room for so many more entries, and slots for them."""
        count = self.count
        _reserve(self.entries, count * lay.E_STRIDE, entries * lay.E_STRIDE)
        _reserve(self.halves, count * lay.T_STRIDE, entries * lay.T_STRIDE)
        _reserve(self.kept, count * lay.S_STRIDE, entries * lay.S_STRIDE)
        _reserve(self.entry_words, count * lay.W_STRIDE, entries * lay.W_STRIDE)
        lack = 32 * (self.key_state[lay.K_PAIRS] + pairs) - len(self.pairs)
        if lack > 0:
            self.pairs.extend(bytes(max(lack, len(self.pairs) >> 4)))
        size = len(self.slots)
        while size < 2 * (count + entries):
            size *= 2
        if size > len(self.slots):
            self.slots = array("i", bytes(4 * size))
            keys.rebuild(self.slots, self.entries, count)

    def update(self, buffer: bytes | bytearray, rows: array[int], count: int) -> list[int]:
        """Take in ``count`` rows (at most ``BATCH``) whose bytes lie in ``buffer``.

        Returns the rows that hold a line of an FTP control connection worth a note; of a digest that is not ``first``
        every row that looks like one.
        """
        if not count:
            return []
        self._make_room(2 * count, count)
        which = self._which
        keys.assign(buffer, rows, count, self.slots, self.entries, self.pairs, self.key_state, which)
        done = 0
        while done < count:
            _reserve(self.cold, self.tally_state[lay.M_COLD] * lay.C_STRIDE, _SPARE * lay.C_STRIDE)
            done = tally.update(rows, count, which, self.halves, self.cold, self.tally_state, self.first, done)
        state = self.pool_state
        _reserve(self.pool, state[lay.P_CHUNKS] * lay.G_STRIDE, count * lay.G_STRIDE)
        done = 0
        while done < count:
            _reserve(self.lists, state[lay.P_SILENCES] * lay.L_STRIDE, _SPARE * lay.L_STRIDE)
            _reserve(self.extras, state[lay.P_EXTRAS] * lay.X_STRIDE, _SPARE * lay.X_STRIDE)
            done = segments.update(rows, count, which, self.kept, self.pool, self.lists, self.extras, state, done)
        _reserve(self.spoken, self.word_state[lay.W_POOL], 2 * count * lay.W_LONG)
        text = memoryview(self.spoken).cast("B")
        found = words.update(
            buffer, rows, count, which, self.entry_words, self.spoken, text, self.word_state, self._marks,
            not self.first,
        )
        text.release()
        return self._marks[:found].tolist() if found else []

    def entry_of(self, row: int) -> int:
        """Return the entry of a row of the last update, -1 for a quoted segment."""
        return self._which[row]

    def greeted(self, entry: int) -> bool:
        """Tell whether what a side of the entry said first, as far as the digest saw, was a greeting with code 220."""
        return bool(self.entry_words[entry * lay.W_STRIDE] >> lay.W_CONTROL & 1)

    @property
    def doubts(self) -> int:
        """How often a merge met what reading in one go might have told otherwise."""
        return self.key_state[lay.K_DOUBTS] + self.tally_state[lay.M_DOUBTS]

    def renumber(self, frames: int) -> None:
        """Count all frames on from ``frames``."""
        renumber(
            frames, self.count, self.halves, self.pool, self.pool_state[lay.P_CHUNKS], self.lists,
            self.pool_state[lay.P_SILENCES], self.extras, self.pool_state[lay.P_EXTRAS], self.entry_words, self.spoken,
        )

    def merge(self, right: Digest) -> array[int]:
        """Take in the digest of what comes right after. ``right`` must not be ``first`` unless this one is empty.

        ``right`` is used up: its memory is given back piece by piece, since two large digests are much at once.
        Returns where each of its entries went, shifted by one; bit 0 tells that it was joined with one that was there.
        """
        count = right.count
        places = _words(count)
        self._make_room(count, right.key_state[lay.K_PAIRS])
        joined = keys.join(
            self.slots, self.entries, self.pairs, self.key_state, right.entries, right.pairs, count, places
        )
        right.slots = array("i")
        right.entries = _words(0)
        _reserve(self.spoken, self.word_state[lay.W_POOL], right.word_state[lay.W_POOL] + 2 * joined * lay.W_LONG)
        text, other = memoryview(self.spoken).cast("B"), memoryview(right.spoken).cast("B")
        words.merge(
            places, count, self.entry_words, self.spoken, text, self.word_state, right.entry_words, right.spoken, other
        )
        text.release()
        other.release()
        right.spoken = _words(0)
        _reserve(
            self.cold,
            self.tally_state[lay.M_COLD] * lay.C_STRIDE,
            (right.tally_state[lay.M_COLD] + 2 * joined) * lay.C_STRIDE,
        )
        tally_merge.merge(
            places, count, self.halves, self.cold, self.tally_state, right.halves, right.cold, right.kept, right.pool
        )
        mine, theirs = self.pool_state, right.pool_state
        _reserve(self.pool, mine[lay.P_CHUNKS] * lay.G_STRIDE, (theirs[lay.P_CHUNKS] + 1) * lay.G_STRIDE)
        _reserve(self.lists, mine[lay.P_SILENCES] * lay.L_STRIDE, (theirs[lay.P_SILENCES] + joined) * lay.L_STRIDE)
        _reserve(self.extras, mine[lay.P_EXTRAS] * lay.X_STRIDE, (theirs[lay.P_EXTRAS] + joined) * lay.X_STRIDE)
        segments_merge.merge(
            places, count, self.kept, self.pool, self.lists, self.extras, mine, right.kept, right.pool, right.lists,
            right.extras, right.halves, _words(8),
        )
        right._clear(right.first)
        return places

from __future__ import annotations

from array import array

from analyzer.decode import ahead


def test_asking_ahead_changes_nothing() -> None:
    words = array("q", [1, 2, 3])
    ahead.fetch(words, 1)
    ahead.fetch(words, -1)
    ahead.fetch_slot(array("i"), 5)
    assert words.tolist() == [1, 2, 3]

from __future__ import annotations

from itertools import product

import pytest

from analyzer.flows.machine import VERDICTS, State, state, verdict


@pytest.mark.parametrize(
    ("counters", "expected"),
    [
        ((0, 0, 0, 0), State.INACTIVE), ((1, 0, 0, 0), State.PARTIAL), ((1, 1, 0, 0), State.OPENED),
        ((3, 1, 1, 0), State.CLOSED), ((3, 0, 1, 0), State.CLOSED), ((4, 1, 1, 1), State.RESET), ((1, 0, 0, 1), State.RESET),
    ],
)  # fmt: skip
def test_the_last_word_is_the_state(counters: tuple[int, int, int, int], expected: State) -> None:
    assert state(*counters) is expected


OPENED, CLOSED, RESET, PARTIAL, INACTIVE = State.OPENED, State.CLOSED, State.RESET, State.PARTIAL, State.INACTIVE


@pytest.mark.parametrize(
    ("mine", "other", "syns", "expected"),
    [
        (OPENED, INACTIVE, (True, False), "S0"), (OPENED, OPENED, (True, True), "S1"), (CLOSED, CLOSED, (True, True), "SF"),
        (OPENED, RESET, (True, False), "REJ"), (CLOSED, OPENED, (True, True), "S2"), (OPENED, CLOSED, (True, True), "S3"),
        (RESET, OPENED, (True, True), "RSTO"), (OPENED, RESET, (True, True), "RSTR"), (RESET, INACTIVE, (True, False), "RSTOS0"),
        (INACTIVE, RESET, (False, True), "RSTRH"), (CLOSED, INACTIVE, (True, False), "SH"),
        (INACTIVE, CLOSED, (False, True), "SHR"), (PARTIAL, PARTIAL, (False, False), "OTH"),
    ],
)  # fmt: skip
def test_zeek_s_codes(mine: State, other: State, syns: tuple[bool, bool], expected: str) -> None:
    assert verdict(mine, other, initiator_syn=syns[0], responder_syn=syns[1]) == expected


def test_every_pair_of_halves_has_a_code_and_every_code_a_pair() -> None:
    found = {
        verdict(mine, other, initiator_syn=first, responder_syn=second)
        for mine, other, first, second in product(State, State, (True, False), (True, False))
    }
    assert found == set(VERDICTS)

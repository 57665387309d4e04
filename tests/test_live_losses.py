"""A loss counts for what it could have hidden, and for nothing else."""

from __future__ import annotations

from analyzer.live.losses import Loss, Losses
from analyzer.units import NS


def test_losses_count_where_they_touch() -> None:
    losses = Losses()
    losses.add(Loss(100 * NS, 110 * NS, 5, "slow"))
    losses.add(Loss(200 * NS, 260 * NS, None, "killed"))
    assert losses.within(0, 50 * NS) == 0
    assert losses.within(90 * NS, 105 * NS) == 5
    assert losses.within(120 * NS, 190 * NS) == 0
    assert losses.within(220 * NS, 230 * NS) == 1
    assert losses.within(0, 1000 * NS) == 6
    assert (losses.dropped, losses.gaps) == (5, 1)


def test_totals_outlive_what_is_forgotten() -> None:
    losses = Losses()
    for second in range(10_000):
        losses.add(Loss(second * NS, second * NS, 1, "slow"))
    losses.forget_before(9_990 * NS)
    assert losses.dropped == 10_000
    assert losses.within(0, 9_000 * NS) == 0
    assert losses.within(9_995 * NS, 9_995 * NS) == 1
    assert losses.latest is not None
    assert losses.latest.end_ns == 9_999 * NS

"""What a capture cannot show is said in whole sentences."""

from __future__ import annotations

from analyzer.capture.model import Health
from analyzer.limits import limits_of
from analyzer.surroundings import Surroundings
from tests.conversations import ordinary
from tests.reading import surroundings_of


def _health(around: Surroundings) -> Health:
    return around.capture.info.health


def test_what_a_capture_cannot_show_is_said() -> None:
    whole = surroundings_of(ordinary.server_closes_client_closes())
    assert any("never on the wire" in sentence for sentence in limits_of(_health(whole), with_log=True))
    assert any("No log was given" in sentence for sentence in limits_of(_health(whole), with_log=False))
    assert len(limits_of(_health(whole), with_log=True)) == 1
    cut = surroundings_of(ordinary.server_closes_client_closes(), snap_length=60)
    assert any("cut by the snap length" in sentence for sentence in limits_of(_health(cut), with_log=True))
    assert all(sentence.endswith(".") for sentence in limits_of(_health(cut), with_log=False))

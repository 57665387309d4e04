"""What was noticed: by default nothing is claimed of clocks and flows."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from analyzer.symptom import Symptom


def test_what_the_capture_shows_needs_no_clock_and_no_log() -> None:
    symptom = Symptom("capture", None, 0)
    assert symptom.clock_anchored
    assert symptom.event is None
    assert symptom.flow_index is None
    assert (symptom.context, symptom.host_names, symptom.candidates) == ((), (), 0)


def test_a_symptom_is_a_value() -> None:
    symptom = Symptom("call", 5, 2)
    assert replace(symptom, flow_index=3) == Symptom("call", 5, 2, flow_index=3)
    with pytest.raises(FrozenInstanceError):
        symptom.time_ns = 7  # type: ignore[misc]

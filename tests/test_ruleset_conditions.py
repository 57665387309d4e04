"""Conditions in words and as JSON."""

from __future__ import annotations

import pytest

from analyzer.ruleset.conditions import condition_text, dump_condition, restore_condition
from analyzer.ruleset.model import All, AnyOf, Condition, Not, Reference, Test
from analyzer.units import NS

FIN = Test("responder_fin", "eq", True)
SILENT = Test("silence_before_end", "ge", 60 * NS)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (FIN, "responder_fin"),
        (Test("responder_fin", "eq", False), "not responder_fin"),
        (Test("responder_fin", "ne", True), "not responder_fin"),
        (SILENT, "silence_before_end ≥ 60 s"),
        (Test("initiator_bytes", "gt", 4096), "initiator_bytes > 4,096 B"),
        (Test("opening", "in", ("reset", "unanswered")), "opening in reset, unanswered"),
        (Test("silence_before_end", "between", (NS, 2 * NS)), "silence_before_end between 1.00 s and 2.00 s"),
        (Test("silence_before_end", "in", Reference("timeouts.nat")), "silence_before_end in $timeouts.nat"),
        (Test("silence_before_end", "gt", Reference("site.idle_limit")), "silence_before_end > $site.idle_limit"),
        (All((FIN, SILENT)), "responder_fin and silence_before_end ≥ 60 s"),
        (AnyOf((All((FIN, SILENT)), FIN)), "(responder_fin and silence_before_end ≥ 60 s) or responder_fin"),
        (Not(AnyOf((FIN, SILENT))), "not (responder_fin or silence_before_end ≥ 60 s)"),
    ],
)
def test_in_words_and_back_from_json(condition: Condition, text: str) -> None:
    assert condition_text(condition) == text
    assert restore_condition(dump_condition(condition)) == condition

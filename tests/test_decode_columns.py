from __future__ import annotations

import re
from pathlib import Path

import pytest

from analyzer.decode import columns
from analyzer.flows import layout


@pytest.mark.parametrize("module", [columns, layout])
def test_the_compiled_twin_has_the_same_numbers(module: object) -> None:
    source = Path(str(module.__file__))  # type: ignore[attr-defined]
    text = source.with_suffix(".pxd").read_text(encoding="utf-8")
    twin = {name: int(value) for name, value in re.findall(r"^    (\w+) = (-?\d+)$", text, re.MULTILINE)}
    twin |= {name: int(value) for name, value in re.findall(r"#define NOTCONN_(\w+) (\d+)LL", text)}
    assert twin == {name: value for name, value in vars(module).items() if name.isupper() and isinstance(value, int)}


def test_no_two_columns_of_a_group_share_a_place() -> None:
    for prefix, stride in (("REC", columns.REC_STRIDE), ("ROW", columns.ROW_STRIDE), ("NOTE", columns.NOTE_STRIDE)):
        places = [value for name, value in vars(columns).items() if name.startswith(f"{prefix}_") and "STRIDE" not in name]
        assert sorted(places) == list(range(stride))

"""The cases of tests/data/logs/shapes.txt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

SHAPES = Path(__file__).parent / "data" / "logs" / "shapes.txt"


@dataclass(frozen=True, slots=True)
class Shape:
    """One log as it looks and what must be read from it."""

    name: str
    expected: dict[str, str | None]
    text: str


def load_shapes() -> list[Shape]:
    """Return every case of the file, in its order."""
    shapes: list[Shape] = []
    for block in re.split(r"(?m)^=== ", SHAPES.read_text(encoding="utf-8"))[1:]:
        head, _, text = block.partition("\n")
        name, *pairs = head.split()
        expected: dict[str, str | None] = {}
        for pair in pairs:
            key, _, value = pair.partition("=")
            expected[key] = None if value == "-" else unquote(value)
        shapes.append(Shape(name, expected, text))
    return shapes

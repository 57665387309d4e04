"""YAML with places."""

from __future__ import annotations

import pytest

from analyzer.ruleset.yamltree import Node, Source, nearest, read_tree


def read(text: str) -> Node:
    source = Source("x.yaml", text)
    tree = read_tree(source)
    assert tree is not None
    assert source.problems == []
    return tree


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-3", -3),
        ("0.25", 0.25),
        ("012", "012"),
        ("0x10", "0x10"),
        ("1e3", "1e3"),
        ("1:30", "1:30"),
        ("yes", "yes"),
        ("off", "off"),
        ("2026-11-22", "2026-11-22"),
        ("'true'", "true"),
        ('"12"', "12"),
        ("350s", "350s"),
        ("$site.idle_limit", "$site.idle_limit"),
    ],
)
def test_scalars(text: str, value: object) -> None:
    assert read(f"a: {text}").plain() == {"a": value}


def test_every_value_knows_its_place() -> None:
    tree = read("a:\n  - b: 1\n    c: [x, yy]\n")
    a = tree.get("a")
    assert a is not None
    (entry,) = a.parts()
    found = entry.get("c")
    assert found is not None
    assert [(part.value, part.line, part.column) for part in found.parts()] == [("x", 3, 9), ("yy", 3, 12)]
    assert [(key.value, key.line, key.column) for key, _ in entry.pairs()] == [("b", 2, 5), ("c", 3, 5)]


def test_asking_a_node_for_what_it_is_not_gives_nothing() -> None:
    tree = read("a: 1")
    scalar = tree.get("a")
    assert scalar is not None
    assert (scalar.get("b"), scalar.parts(), list(scalar.pairs())) == (None, (), [])
    assert (scalar.is_map, scalar.is_list, tree.is_map) == (False, False, True)
    assert tree.get("b") is None


def test_blocks_of_text() -> None:
    assert read("a: >-\n  one\n  two\nb: |\n  x\n   y\n").plain() == {"a": "one two", "b": "x\n y\n"}


def test_a_complaint_shows_the_line_and_a_caret_also_behind_tabs_and_escapes() -> None:
    source = Source("x.yaml", "a: 1\n\t\x1b[31mb: 2\n")
    source.complain((2, 7), "what is this?")
    assert source.problems == ["x.yaml:2:7: what is this?\n      [31mb: 2\n          ^"]


def test_a_place_beyond_the_file_does_no_harm() -> None:
    source = Source("x.yaml", "a: 1")
    source.complain((9, 1), "where?")
    assert source.problems == ["x.yaml:9:1: where?\n    \n    ^"]


def test_a_long_line_is_shown_around_the_place() -> None:
    source = Source("x.yaml", "a: " + "x" * 500)
    source.complain((1, 400), "here.")
    _, shown, caret = source.problems[0].split("\n")
    assert len(shown) <= 124
    assert len(caret) <= len(shown)


def test_the_nearest_word() -> None:
    assert nearest("servr", ["server", "client"]) == " Did you mean 'server'?"
    assert nearest("zzz", ["server", "client"]) == ""

"""Slotted values behave as the standard library's do; each check runs on both."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from analyzer import values

_THEIRS = (dataclasses.dataclass, dataclasses.field)
_OURS: Any = (values.dataclass, values.field)


def _made(given: Any) -> tuple[Any, Any]:
    dataclass, field = given

    @dataclass(frozen=True, slots=True)
    class Point:
        """A place."""

        x: int
        y: int = 2
        names: tuple[str, ...] = field(default=(), repr=False)
        seen: list[int] = field(default_factory=list, compare=False)

        @property
        def sum(self) -> int:
            """Of both."""
            return self.x + self.y

        @classmethod
        def origin(cls) -> Point:
            """Where all begins."""
            return cls(0, 0)

    @dataclass(slots=True)
    class Count:
        """A number that changes."""

        value: int = 0

    return Point, Count


BOTH = pytest.mark.parametrize("made", [_made(_THEIRS), _made(_OURS)], ids=["standard", "own"])


@BOTH
def test_fields_have_their_values_and_defaults(made: tuple[Any, Any]) -> None:
    point, count = made
    one = point(1)
    assert (one.x, one.y, one.names, one.seen, one.sum) == (1, 2, (), [], 3)
    assert point(1).seen is not one.seen
    assert point(y=5, x=4, names=("a",), seen=[7]) == point(4, 5, ("a",))
    assert point.origin() == point(0, 0)
    number = count()
    number.value += 3
    assert number == count(3)


@BOTH
@pytest.mark.parametrize(
    ("call", "named"),
    [((), {}), ((1, 2, (), [], 5), {}), ((1,), {"z": 3}), ((1,), {"x": 1})],
    ids=["missing", "too many", "unknown", "twice"],
)
def test_wrong_arguments_are_refused_each_time(made: tuple[Any, Any], call: tuple[int, ...], named: Any) -> None:
    for _ in range(2):
        with pytest.raises(TypeError):
            made[0](*call, **named)


@BOTH
def test_equality_and_hash_go_by_the_compared_fields(made: tuple[Any, Any]) -> None:
    point, count = made
    assert point(1, seen=[1]) == point(1, seen=[2])
    assert hash(point(1, 2)) == hash(point(1))
    assert point(1) != point(2)
    assert point(0, 0) != count(0)
    assert point(1) != (1, 2, ())
    with pytest.raises(TypeError):
        hash(count())


@BOTH
def test_nothing_can_be_set_in_a_frozen_one_or_added_to_any(made: tuple[Any, Any]) -> None:
    point, count = made
    one = point(1)
    for change in (lambda: setattr(one, "x", 3), lambda: delattr(one, "x"), lambda: setattr(one, "z", 3)):
        with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
            change()
    assert one == point(1)
    with pytest.raises(AttributeError):
        count().other = 1
    assert not hasattr(one, "__dict__")


@BOTH
def test_the_text_shows_the_fields_that_are_to_be_shown(made: tuple[Any, Any]) -> None:
    assert repr(made[0](1, names=("secret",))).endswith("Point(x=1, y=2, seen=[])")


@BOTH
@pytest.mark.parametrize("replace", [dataclasses.replace, values.replace])
def test_replace_changes_a_copy(made: tuple[Any, Any], replace: Callable[..., Any]) -> None:
    one = made[0](1, seen=[4])
    other = replace(one, y=9)
    assert (other.x, other.y, other.seen, one.y) == (1, 9, [4], 2)
    with pytest.raises(TypeError):
        replace(one, z=1)


@BOTH
def test_the_standard_library_knows_the_fields(made: tuple[Any, Any]) -> None:
    point: Any = made[0]
    assert dataclasses.is_dataclass(point)
    assert [(one.name, one.repr, one.compare) for one in dataclasses.fields(point)] == [
        ("x", True, True),
        ("y", True, True),
        ("names", False, True),
        ("seen", True, False),
    ]
    assert dataclasses.asdict(point(1)) == {"x": 1, "y": 2, "names": (), "seen": []}
    assert point.__match_args__ == ("x", "y", "names", "seen")


@values.dataclass(frozen=True, slots=True)
class Kept:
    """What is written away and read again."""

    number: int
    text: str = "t"


def test_copies_and_pickles_are_equal() -> None:
    one = Kept(1)
    assert pickle.loads(pickle.dumps(one)) == copy.copy(one) == copy.deepcopy(one) == one

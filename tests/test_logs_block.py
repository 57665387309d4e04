"""Places and line numbers inside a stretch of a log."""

from __future__ import annotations

from analyzer.logs.block import Block

TEXT = b"first\nsecond WSAENOTCONN\nthird connected to x\nfourth\nfifth error=107\n"


def test_places_are_absolute() -> None:
    block = Block(TEXT, 1000, 50)
    place = 1000 + TEXT.index(b"ENOTCONN")
    assert block.hits(1000, block.end) == [place, 1000 + TEXT.index(b"rror=107")]
    assert block.line_of(place) == 51
    assert block.line_of(place, once=True) == 51
    assert block.line_start(place) == 1006
    assert block.line_end(place) == 1000 + TEXT.index(b"\nthird")


def test_hits_are_those_that_begin_inside() -> None:
    block = Block(TEXT, 0, 1)
    place = TEXT.index(b"ENOTCONN")
    assert block.hits(0, place) == []
    assert block.hits(place, place + 1) == [place]
    assert block.hits(place + 1, place + 20) == []


def test_steps_from_both_ends() -> None:
    text = b"".join(b"%d connected to x\n" % n for n in range(20_000))
    block = Block(text, 10, 1)
    all_steps = block.steps(10, block.end, 100_000)
    assert len(all_steps) == 20_000
    assert block.steps(10, block.end, 5) == all_steps[:5]
    assert block.last_steps(10, block.end, 5) == all_steps[-5:]


def test_lines() -> None:
    block = Block(TEXT, 0, 1)
    assert block.lines_from(3, 1) == [(6, 24)]
    assert [TEXT[a:b] for a, b in block.last_lines(len(TEXT), 2)] == [b"fifth error=107\n", b"fourth"]
    assert block.rfind(b"th", 0, len(TEXT)) == TEXT.rindex(b"th")


def test_line_numbers_across_strides() -> None:
    text = b"x\n" * 200_000
    block = Block(text, 0, 7)
    assert block.line_of(0) == 7
    assert block.line_of(200_000) == 100_007
    assert block.line_of(len(text)) == 200_007

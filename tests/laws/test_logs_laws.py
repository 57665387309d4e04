"""Laws of reading logs: nothing a file may hold raises, and cutting its bytes changes nothing."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.errors import LogError
from analyzer.logs.endpoints import find_places
from analyzer.logs.findcodes import find_codes
from analyzer.logs.read import read_log
from analyzer.logs.scan import LogScanner, Scan
from analyzer.logs.sockets import parse_sockets
from analyzer.logs.stamps import find_stamp, stamp_from_value
from analyzer.logs.timeline import Timeline

PIECES = r"""
10057|WSAENOTCONN|ENOTCONN|socket is not connected|send failed:|connected to|10.9.0.7:21|[2001:db8::7]:443
2026-11-22 14:05:01|Nov 22 14:05:01|14:05:01|03/04/2026 2:05:01 PM|1795356301|{|}|[|]|"|,|(|)|ERROR|0x80072749
   at A.B()|{"time":"2026-11-22T14:05:01Z","msg":"10057"}|#Fields: date time c-ip|time,level,message|接続されていないか
"""
WORDS = st.sampled_from([*re.split(r"[|\n]", PIECES), "\n", "\r\n", "\t", "\x00", "\ufeff"])
TEXTS = st.lists(st.one_of(WORDS, st.text(max_size=20)), max_size=40).map(" ".join)
DATA = st.one_of(
    st.binary(max_size=600),
    TEXTS.map(lambda text: text.encode("utf-8", "replace")),
    TEXTS.map(lambda text: text.encode("utf-16", "replace")),
    TEXTS.map(lambda text: text.encode("cp932", "replace")),
)


def scanned(data: bytes, cuts: list[int]) -> Scan:
    scanner = LogScanner("a.log")
    start = 0
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        scanner.feed(data[start:cut])
        start = cut
    return scanner.close()


@settings(deadline=None)
@given(DATA)
def test_reading_never_raises_but_for_what_is_no_log(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.log"
        path.write_bytes(data)
        try:
            log = read_log(path, year_hint=2026)
        except LogError:
            return
        assert log.errors_seen >= len(log.errors)
        for event in log.events:
            assert len(event.text) <= 500
            assert 1 <= event.line <= max(log.lines, 1)
            assert event.port is None or 0 < event.port < 65536
            log.context(event)


@settings(deadline=None)
@given(DATA, st.lists(st.integers(0, 2000), max_size=20))
def test_cutting_changes_nothing(data: bytes, cuts: list[int]) -> None:
    assert scanned(data, cuts) == scanned(data, [])


@settings(deadline=None)
@given(TEXTS)
def test_pieces_of_text_never_raise(text: str) -> None:
    find_places(text)
    parse_sockets(text)
    for hit in find_codes(text):
        assert 0 <= hit.place <= len(text)
    stamp = find_stamp(text)
    if stamp is not None:
        assert 0 <= stamp.start < stamp.end <= len(text)
        Timeline([(1, stamp)], year_hint=2026).resolve(1, stamp)


@given(st.one_of(st.integers(), st.floats(), st.text(max_size=40), st.none(), st.booleans()))
def test_values_of_time_fields_never_raise(value: object) -> None:
    stamp_from_value(value)

"""The feed keeps packets coming: programs that end are started again, and take over from each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from analyzer.errors import CaptureError
from analyzer.live import feed as feed_module
from analyzer.live.feed import Delivery, Feed


class FakeTap:
    """A capture program that a test plays."""

    def __init__(self, why: str | None = None) -> None:
        self.why = why
        self.stopped = threading.Event()
        self._data: list[bytes] = []
        self._over = False
        self._changed = threading.Condition()

    def give(self, data: bytes) -> None:
        with self._changed:
            self._data.append(data)
            self._changed.notify()

    def end(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify()

    def read(self) -> bytes:
        with self._changed:
            while not self._data and not self._over:
                self._changed.wait(5)
            return self._data.pop(0) if self._data else b""

    def stop(self) -> None:
        self.stopped.set()
        self.end()

    kill = stop

    def ended(self) -> str | None:
        return None if self.stopped.is_set() else self.why


def _poll(feed: Feed, until: Callable[[list[Delivery]], bool], seconds: float = 5.0) -> list[Delivery]:
    found: list[Delivery] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not until(found):
        delivery = feed.poll(0.02)
        if delivery is not None:
            found.append(delivery)
    return found


def _said(deliveries: list[Delivery]) -> bytes:
    return b"".join(delivery.data for delivery in deliveries)


def test_bytes_come_in_order_and_the_end_is_told() -> None:
    tap = FakeTap("it broke")
    feed = Feed(lambda: tap, "eth0", restart=False)
    tap.give(b"header ")
    feed.start()
    tap.give(b"one ")
    tap.give(b"two")
    tap.end()
    found = _poll(feed, lambda have: bool(have) and not have[-1].data)
    assert _said(found) == b"header one two"
    assert found[-1].why == "it broke"
    assert feed.finished


def test_a_program_that_never_begins_is_an_error_with_its_reason() -> None:
    tap = FakeTap("eth0: this user may not capture packets; ask for the right")
    tap.end()
    with pytest.raises(CaptureError, match="may not capture"):
        Feed(lambda: tap, "eth0", restart=True).start()


def test_a_program_that_ends_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "_PAUSES_S", (0.05, 0.05))
    taps: list[FakeTap] = []

    def open_tap() -> FakeTap:
        if len(taps) == 1:
            taps.append(FakeTap("eth0: there is no such interface any more"))
            taps[-1].end()
        else:
            taps.append(FakeTap("it was killed"))
            taps[-1].give(b"[%d]" % len(taps))
        return taps[-1]

    feed = Feed(open_tap, "eth0", restart=True)
    feed.start()
    taps[0].end()
    found = _poll(feed, lambda have: any(not one.data for one in have))
    assert found[-1].why == "it was killed"
    assert feed.trouble == "it was killed"
    found = _poll(feed, bool)
    assert _said(found) == b"[3]"
    assert feed.trouble is None
    assert feed.restarts == 1
    assert not feed.finished


def test_a_takeover_overlaps_and_nothing_is_read_twice() -> None:
    taps: list[FakeTap] = []

    def open_tap() -> FakeTap:
        taps.append(FakeTap())
        taps[-1].give(b"<%d>" % len(taps))
        return taps[-1]

    feed = Feed(open_tap, "eth0", restart=True, count_every_s=0.2)
    feed.start()
    found = _poll(feed, lambda have: any(one.data == b"<2>" for one in have))
    assert taps[0].stopped.is_set()
    ends = [one for one in found if not one.data]
    assert len(ends) == 1
    assert ends[0].follower is found[-1].line
    assert _said(found) == b"<1><2>"
    assert ends[0].why is None
    assert feed.takeovers == 1
    feed.stop()
    _poll(feed, lambda _have: feed.finished)
    assert feed.finished


def test_a_takeover_that_fails_leaves_the_running_one_alone() -> None:
    taps: list[FakeTap] = []

    def open_tap() -> FakeTap:
        taps.append(FakeTap("no more programs"))
        if len(taps) == 1:
            taps[0].give(b"<1>")
        else:
            taps[-1].end()
        return taps[-1]

    feed = Feed(open_tap, "eth0", restart=True, count_every_s=0.1)
    feed.start()
    _poll(feed, lambda _have: len(taps) > 2)
    assert not taps[0].stopped.is_set()
    taps[0].give(b"still here")
    assert b"still here" in _said(_poll(feed, lambda have: b"still here" in _said(have)))
    feed.kill()


def test_a_full_queue_makes_the_program_wait() -> None:
    tap = FakeTap()
    tap.give(b"x")
    feed = Feed(lambda: tap, "eth0", restart=False, queue_bytes=1000)
    feed.start()
    for _ in range(50):
        tap.give(bytes(100))
    time.sleep(0.2)
    assert feed.waiting <= 1100
    tap.end()
    found = _poll(feed, lambda have: bool(have) and not have[-1].data)
    assert len(_said(found)) == 5001


def test_stop_reads_what_is_still_held() -> None:
    tap = FakeTap()
    tap.give(b"a")
    feed = Feed(lambda: tap, "eth0", restart=True)
    feed.start()
    tap.give(b"b")
    feed.stop()
    assert _said(_poll(feed, lambda _have: feed.finished)) == b"ab"

"""``notconn explain`` on the terminal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import Ran

Run = Callable[..., Ran]


@pytest.mark.parametrize("topic", ["10057", "WSAENOTCONN", "0x2749", "firewall-idle-drop", "causes", "codes", "calls"])
def test_topics(notconn: Run, topic: str) -> None:
    ran = notconn("explain", topic)
    assert ran.code == 0
    assert not ran.err
    assert len(ran.out.splitlines()) > 3
    assert "\x1b" not in ran.out


def test_an_unknown_topic_gets_the_nearest(notconn: Run) -> None:
    ran = notconn("explain", "firewall-idel-drop")
    assert ran.code == 2
    assert "firewall-idle-drop" in ran.sentence

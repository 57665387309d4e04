"""``notconn interfaces`` says the same to people and to programs."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from analyzer.capture import interfaces as module
from tests.conftest import Ran


def test_interfaces_are_listed(notconn: Callable[..., Ran]) -> None:
    found = json.loads(notconn("interfaces", "--format", "json").out)
    assert found["schema"] == "notconn-interfaces/1"
    names = {one["name"] for one in found["interfaces"]}
    assert names
    text = notconn("interfaces").out
    assert all(one["label"] in text for one in found["interfaces"])


def test_a_name_cannot_take_over_the_terminal(notconn: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_dumpcap", lambda: None)
    row = ("\\Device\\NPF_{1}", "evil\x1b[2J", "a card", ("10.0.0.1",), True)
    monkeypatch.setattr(module, "_from_scapy", lambda: [row])
    text = notconn("interfaces").out
    assert "\x1b" not in text
    for words in ("  1  evil", "a card", "10.0.0.1", "NPF_{1}", "loopback"):
        assert words in text

"""Whatever could be an incident without a log is notable, and flows that tell the same story share a key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.around.surroundings import Surroundings
from analyzer.capture.file import Capture, read_capture
from analyzer.incidents.diagnose import LEAST, Examiner
from analyzer.symptom import Symptom
from tests.conversations import CONVERSATIONS, ORDINARY
from tests.reading import capture_of, rules
from tests.wire import Conversation

SAMPLES = Path(__file__).parent.parent / "samples"
MAKES: dict[str, Callable[[], Conversation]] = {
    **{f"{cause}/{make.__name__}": make for cause, several in CONVERSATIONS.items() for make in several},
    **ORDINARY,
}
_TOLD_BY_OTHERS = ("link-changed", "nat-mapping-changed")
"""Causes that another flow shows; the flow itself may look well."""


def _overlooked(capture: Capture) -> list[tuple[int, str | None]]:
    """Return the suspects that examining would call incidents though they are not notable."""
    examiner = Examiner(Surroundings(capture), rules())
    notable = {flow.index for flow in capture.flows.notable()}
    found = []
    for index in capture.flows.suspects():
        if index in notable:
            continue
        one = examiner.examine(Symptom("capture", None, 0, flow_index=index, candidates=1))
        scans = one.facts.known_values.get("scan_like") is True
        if one.score >= LEAST and one.cause not in _TOLD_BY_OTHERS and not scans:
            found.append((index, one.cause))
    return found


@pytest.mark.parametrize("name", sorted(MAKES))
def test_no_conversation_that_dies_is_overlooked(name: str) -> None:
    assert _overlooked(capture_of(MAKES[name]())) == []


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*/*.pcap*")), ids=lambda path: path.parent.name)
def test_no_sample_is_overlooked(path: Path) -> None:
    assert _overlooked(read_capture(str(path), hash_file=False)) == []


def test_no_labelled_capture_is_overlooked(shared: Path) -> None:
    missed = {}
    for path in sorted((shared / "captures").rglob("*.pcap*")):
        found = _overlooked(read_capture(str(path), hash_file=False))
        if found:
            missed[path.name] = found
    assert missed == {}


def _take(conv: Conversation, step: str, pause: str) -> None:
    match step:
        case "ask":
            conv.client("GET / HTTP/1.1\r\n\r\n", after=pause)
        case "answer":
            conv.server("200 OK", after=pause)
        case "lose":
            conv.client("anyone?", acked=False, arrives=False, after=pause)
            conv.unanswered(3)
        case "client fin" | "server fin":
            conv.fin("client" if step == "client fin" else "server", after=pause)
        case "client rst":
            conv.client_rst(after=pause)
        case "server rst":
            conv.server_rst(after=pause)
        case _:
            conv.wait(pause)


_STEPS = st.sampled_from(("ask", "answer", "lose", "client fin", "server fin", "client rst", "server rst", "wait"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_STEPS, max_size=9), st.sampled_from(("200ms", "2s", "12s")))
def test_no_sequence_of_events_is_overlooked(steps: list[str], pause: str) -> None:
    conv = Conversation()
    conv.handshake()
    for step in steps:
        _take(conv, step, pause)
    assert _overlooked(capture_of(conv)) == []


def test_equal_conversations_share_a_key_and_different_ones_do_not() -> None:
    def dead(client: str, again: int) -> Conversation:
        conv = Conversation(client=client)
        conv.handshake()
        conv.exchange()
        conv.client("anyone?", acked=False, arrives=False, after="40s")
        conv.unanswered(again)
        return conv

    one, two = dead("10.0.0.5:50001", 5), dead("10.0.0.6:50002", 5)
    refused = Conversation(client="10.0.0.7:50003")
    refused.handshake()
    refused.exchange()
    refused.server_rst()
    first, second, third = capture_of(one, two, refused).flows.notable()
    assert first.key == second.key
    assert third.key != first.key

"""The same connection in two captures of one run is known again, whoever translated its addresses."""

from __future__ import annotations

from analyzer.around.surroundings import Surroundings
from analyzer.around.twins import is_same, mark_of, twin_of
from analyzer.units import NS
from tests.reading import surroundings_of, view_of
from tests.wire import Conversation

START = Conversation().now


def views(*, client: str = "10.0.0.5:50123", hops: int = 3, skew: int = 2 * NS) -> tuple[Conversation, Conversation]:
    """One conversation as its client's host and its server's network see it, in which ``client`` may be translated."""
    here = Conversation()
    there = Conversation(client=client, client_ttl=128 - hops, server_ttl=57 + hops, start=START + skew)
    for conv in (here, there):
        conv.handshake()
        conv.exchange()
    return here, there


def pair(here: Conversation, *there: Conversation) -> tuple[Surroundings, Surroundings]:
    """Both captures, as one run holds them."""
    first, second = surroundings_of(here), surroundings_of(*there)
    first.others, second.others = (second,), (first,)
    return first, second


def test_a_translated_connection_is_known_by_its_first_numbers() -> None:
    first, second = pair(*views(client="203.0.113.9:4411"))
    twin, back = twin_of(first, 0), twin_of(second, 0)
    assert twin is not None
    assert back is not None
    assert (twin.around, twin.index, str(twin.view.flow.initiator.endpoint)) == (second, 0, "203.0.113.9:4411")
    assert twin.nearer_initiator is False
    assert back.nearer_initiator is True
    assert twin.offset_ns == 2 * NS
    assert back.offset_ns == -2 * NS
    assert twin.name == "capture.pcap"


def test_another_connection_is_no_twin() -> None:
    here, there = views()
    other = Conversation(client_isn=77)
    other.handshake()
    assert not is_same(view_of(here), view_of(other))
    assert twin_of(pair(here, other)[0], 0) is None
    assert twin_of(surroundings_of(here), 0) is None
    late = Conversation()
    late.exchange()
    assert twin_of(pair(late, there)[0], 0) is None


def test_two_copies_of_one_capture_have_no_nearer_one() -> None:
    twin = twin_of(pair(*views(hops=0))[0], 0)
    assert twin is not None
    assert twin.nearer_initiator is None


def test_what_the_other_capture_holds_and_watched() -> None:
    here, there = views()
    lost = here.client("lost on the way", acked=False, arrives=False, after="5s")
    first, _ = pair(here, there)
    twin = twin_of(first, 0)
    assert twin is not None
    segments = first.view(0).segments
    assert twin.holds(segments[3])
    assert not twin.holds(segments[lost])
    assert mark_of(segments[3]) == mark_of(twin.view.segments[3])
    assert twin.watched(segments[3])
    assert not twin.watched(segments[lost])
    later = Conversation(client="10.0.0.6:50124", start=there.now + 60 * NS, client_isn=5)
    later.handshake()
    longer = twin_of(pair(here, there, later)[0], 0)
    assert longer is not None
    assert longer.watched(segments[lost])

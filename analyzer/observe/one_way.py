"""What one direction cannot tell: a half that was not captured is never read as a half that was not sent."""

from __future__ import annotations

from analyzer.factset import FactSet
from analyzer.flows.model import Flow

__all__ = ["forget_unseen"]

_REASON = "only one direction was captured"
_SETTLE_BY = "a capture of both directions"
_ABSENT = frozenset(("none", "nothing", "silence", "unanswered", False, 0))
"""Values that say no more than that nothing was seen."""
_OF_EITHER = (
    "answered_after_silence",
    "ended_by",
    "half_close_in_use",
    "large_ever_delivered",
    "late_answer",
    "missing_large_answer",
    "orderly_close",
    "request_unanswered_time",
    "reset_answers",
    "reset_both_ways",
    "reset_claimed_by",
    "reset_form",
    "reset_sender",
    "transmissions_unanswered",
    "undelivered",
    "segments_unanswered_at_reset",
    "unread_data_at_reset",
)
"""Facts that compare the halves, or count both."""
_OF_RESPONDER = (
    "accepted_then_reset",
    "data_after_responder_fin",
    "foreign_ack_seen",
    "idle_notice",
    "opening",
    "proxy_reply",
    "refused_in_protocol",
    "responder_bytes",
    "responder_fin",
    "responder_lost_state",
    "responder_restart_seen",
    "syn_acks_repeated",
    "tls_alert",
    "tls_failed",
    "zero_window_time",
)
_OF_INITIATOR = (
    "data_after_responder_fin",
    "initiator_bytes",
    "initiator_closed_after_fin",
    "initiator_fin",
    "initiator_reset_syn_ack",
    "keepalive_probes",
    "requests_before_silence",
    "tls_alert",
)
_NEEDS_BOTH = (
    "initiator_gave_up_first",
    "keepalives_unanswered",
    "longest_survived_here",
    "longest_survived_silence",
    "probes_never_answered",
    "shortest_fatal_silence",
)
"""Facts that no single half can answer."""
_NEEDS_RESPONDER = (
    "flows_stopped_together",
    "initiator_fin_acked",
    "peers_stopped_together",
    "responder_alive_elsewhere",
    "syn_schedule_cut_short",
    "tls_stage",
)
"""Facts that rest on the responder's silence, whatever their value."""
_NEEDS_INITIATOR = ("close_wait_time", "request_before_silence_answered", "time_from_responder_fin_to_data")


def forget_unseen(facts: FactSet, flow: Flow) -> None:
    """Turn into unknowns what a flow of one captured direction seems to show of the other.

    What the captured half itself shows, such as its FIN or its RST, stays known.
    """
    seen_initiator = bool(flow.initiator.packets)
    absent = (*_OF_EITHER, *(_OF_RESPONDER if seen_initiator else _OF_INITIATOR))
    always = (*_NEEDS_BOTH, *(_NEEDS_RESPONDER if seen_initiator else _NEEDS_INITIATOR))
    values = facts.known_values
    for name in (*absent, *always):
        if name in values and (name in always or values[name] in _ABSENT):
            facts.miss(name, _REASON, _SETTLE_BY)

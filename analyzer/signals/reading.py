"""All signals of one flow, each read at its first use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from analyzer.flows.model import RST, Flow, Segment
from analyzer.signals.closing import Closing, read_closing
from analyzer.signals.delivery import (
    Pending,
    Probes,
    Unanswered,
    read_hole,
    read_pending,
    read_probes,
    read_unanswered,
    zero_window_stall,
)
from analyzer.signals.ending import Ending, EndingKind, Pause, read_ending, read_pause
from analyzer.signals.opening import Opening, OpeningKind, read_opening
from analyzer.signals.protocol import Talk, read_talk
from analyzer.signals.reset import Baseline, Reset, read_resets
from analyzer.signals.wire import WireView
from analyzer.units import NS

__all__ = ["Reading"]

_MANY_PROBES = 3
"""So many probes without an answer are no lost packets any more."""


class Reading:
    """The signals of one flow."""

    def __init__(self, view: WireView, baselines: Mapping[bool, Baseline] | None = None) -> None:
        self.view = view
        self._baselines = baselines

    @property
    def flow(self) -> Flow:
        """The flow that is read."""
        return self.view.flow

    @cached_property
    def opening(self) -> Opening:
        """How the connection was made."""
        return read_opening(self.view)

    @cached_property
    def established(self) -> bool:
        """The handshake finished, or the capture began later than it."""
        return self.opening.kind in (OpeningKind.COMPLETE, OpeningKind.NOT_SEEN)

    @cached_property
    def closing(self) -> Closing:
        """FINs and what came after one."""
        return read_closing(self.view)

    @cached_property
    def resets(self) -> tuple[Reset, ...]:
        """Every RST, judged."""
        return read_resets(self.view, self._baselines)

    @cached_property
    def stuck(self) -> dict[bool, Unanswered | None]:
        """By ``from_initiator``: data never acknowledged."""
        return {side: read_unanswered(self.view, side) for side in (True, False)}

    @cached_property
    def probes(self) -> dict[bool, Probes | None]:
        """By ``from_initiator``: trailing unanswered keepalive probes."""
        return {side: read_probes(self.view, side) for side in (True, False)}

    @cached_property
    def pending(self) -> Pending | None:
        """The last request without an answer."""
        return read_pending(self.view)

    @cached_property
    def hole(self) -> Segment | None:
        """The responder's first segment beyond data that never came."""
        return read_hole(self.view)

    @cached_property
    def responder_stall(self) -> int:
        """How long the responder's window stayed closed until the flow ended, in ns; 0 when it did not."""
        stall = zero_window_stall(self.view, of_initiator=False)
        return self.flow.last_ns - stall[0].ts_ns if stall else 0

    @cached_property
    def responder_stall_frames(self) -> tuple[int, ...]:
        """Frames of that stall."""
        return tuple(s.frame for s in zero_window_stall(self.view, of_initiator=False))

    @cached_property
    def talk(self) -> Talk:
        """What the kept payload says."""
        return read_talk(self.flow)

    @cached_property
    def ending(self) -> Ending:
        """What ended the flow first."""
        return read_ending(self.view, self.stuck, self._made_frame)

    @property
    def _made_frame(self) -> int:
        """The frame that finished the handshake; what came before it belongs to the opening."""
        opening = self.opening
        if opening.final_ack is not None:
            return opening.final_ack.frame
        return opening.syn_acks[0].frame if opening.syn_acks else 0

    @cached_property
    def pause(self) -> Pause | None:
        """The silence before that; the pauses between probes that nobody answers are its consequence."""
        decisive = self.ending.decisive
        for run in self.probes.values():
            if run is None or len(run.probes) < _MANY_PROBES or run.silence_from_frame is None:
                continue
            gave_up = decisive is None or (decisive.has(RST) and decisive.from_initiator is run.from_initiator)
            before = next((s for s in self.view.segments if s.frame == run.silence_from_frame), None)
            if gave_up and before is not None:
                return Pause(before, run.probes[0]) if run.silence_ns >= NS else None
        return read_pause(self.view, self.ending)

    @cached_property
    def decisive_reset(self) -> Reset | None:
        """The RST that ended the flow or answered what was sent into its end."""
        working = [reset for reset in self.resets if not reset.ignored and reset.segment.frame > self._made_frame]
        if not working:
            return None
        decisive = self.ending.decisive
        if decisive is not None:
            for reset in working:
                if reset.segment.frame == decisive.frame:
                    return reset
            late = {s.frame for s in self.closing.resets_after_late_data}
            for reset in working:
                if reset.segment.frame in late:
                    return reset
        return working[0]

    @cached_property
    def ends_by_silence(self) -> bool:
        """Packets stopped arriving before anyone closed."""
        return self.ending.kind is EndingKind.SILENCE

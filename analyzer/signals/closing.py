"""FINs, what was sent after one, and half-closes in use (RFC 9293 §3.6)."""

from __future__ import annotations

import re

from analyzer import seqnum
from analyzer.flows.model import ACK, FIN, RST, Segment
from analyzer.signals.wire import WireView
from analyzer.units import MS
from analyzer.values import dataclass

__all__ = ["Closing", "read_closing", "says_goodbye"]

_ONE_BREATH_NS = 100 * MS
"""A program that closes sooner after its last words awaited no answer to them."""
_CLOSE_NOTIFY = re.compile(rb"\x15\x03[\x00-\x04]|\x17\x03\x03\x00\x13", re.DOTALL)
"""An alert record; in TLS 1.3 an encrypted one of two bytes, its type and its tag (RFC 8446 §5.2)."""
_GOODBYE = re.compile(
    rb"(?i:(?:[!-~]{1,12} )?(?:quit|logout|exit|bye)\r?\n$)"  # SMTP, FTP, POP3, IMAP with its tag
    rb"|(?i:\*1\r\n\$4\r\nquit\r\n$)"  # Redis
    rb"|\x01\x00\x00\x00\x01$"  # MySQL: COM_QUIT
    rb"|X\x00\x00\x00\x04$"  # PostgreSQL: Terminate
    rb"|\xe0\x00$"  # MQTT: DISCONNECT
    rb"|0.\x02[\x01-\x04].{1,4}B\x00$"  # LDAP: unbind, after its message number
    rb"|\x03\x00\x00\x09\x02\xf0\x80!"  # RDP: disconnect-provider ultimatum (T.125)
    rb"|\x88[\x80-\xff]",  # WebSocket: close, masked
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Closing:
    """How each half ended, by FIN."""

    initiator_fin: Segment | None
    responder_fin: Segment | None
    first_fin: Segment | None
    responder_fin_acked: bool | None
    """The initiator acknowledged the responder's FIN; None when there was none."""
    data_after_responder_fin: tuple[Segment, ...]
    """New data of the initiator sent after the responder's FIN had reached it; not its words while closing."""
    data_after_initiator_fin: tuple[Segment, ...]
    """New data of the responder sent after the initiator's FIN."""
    resets_after_late_data: tuple[Segment, ...]
    """RSTs of the responder that answer the initiator's data after its FIN."""
    late_data_acked: bool
    """The responder acknowledged data sent after its own FIN: it was only half-closed."""
    farewell: Segment | None
    """What the initiator said while closing after the responder's FIN; no use of the connection."""

    @property
    def both(self) -> bool:
        """Both halves sent FIN."""
        return self.initiator_fin is not None and self.responder_fin is not None

    @property
    def half_close_used(self) -> bool:
        """One half closed and the other went on delivering data that was acknowledged."""
        return self.late_data_acked or bool(self.data_after_initiator_fin and not self.resets_after_late_data)


def read_closing(view: WireView) -> Closing:
    """Read the FINs of a flow."""
    initiator_fin = _first_fin(view.initiator)
    responder_fin = _first_fin(view.responder)
    fins = [fin for fin in (initiator_fin, responder_fin) if fin is not None]
    first = min(fins, key=lambda fin: fin.frame) if fins else None
    late: tuple[Segment, ...] = ()
    resets: tuple[Segment, ...] = ()
    acked = False
    fin_acked: bool | None = None
    farewell: Segment | None = None
    if responder_fin is not None:
        fin_end = responder_fin.end_seq
        ack = next(
            (
                s
                for s in view.initiator
                if s.frame > responder_fin.frame and s.has(ACK) and not seqnum.before(s.ack, fin_end)
            ),
            None,
        )
        fin_acked = ack is not None
        # Data that crossed the FIN was sent by one who could not know.
        late = _new_data(view.initiator, ack) if ack is not None else ()
        farewell = _farewell(late, initiator_fin, view)
        if farewell is not None:
            late = ()
        if late:
            resets = tuple(s for s in view.responder if s.has(RST) and s.frame > late[0].frame)
            acked = any(
                s.has(ACK) and not s.has(RST) and s.frame > late[0].frame and not seqnum.before(s.ack, late[0].end_seq)
                for s in view.responder
            )
    after_own: tuple[Segment, ...] = ()
    if initiator_fin is not None:
        after_own = _new_data(view.responder, initiator_fin)
    return Closing(initiator_fin, responder_fin, first, fin_acked, late, after_own, resets, acked, farewell)


def says_goodbye(words: bytes) -> bool:
    """Tell whether ``words``, the beginning of an initiator's last data, end a session: it wants nothing more."""
    return _CLOSE_NOTIFY.match(words) is not None or _GOODBYE.match(words) is not None


def _first_fin(segments: tuple[Segment, ...]) -> Segment | None:
    return next((s for s in segments if s.has(FIN) and not s.has(RST)), None)


def _farewell(late: tuple[Segment, ...], own_fin: Segment | None, view: WireView) -> Segment | None:
    """Return what the initiator said while it closed: a TLS close_notify, or words in one breath with its own FIN.

    None when it said nothing, or went on using the connection.
    """
    if not late:
        return None
    said = late[0]
    if own_fin is not None and said.frame <= own_fin.frame and late[-1].frame <= own_fin.frame:
        return said if own_fin.ts_ns - said.ts_ns <= _ONE_BREATH_NS else None
    # The RST that answers a close_notify often comes before the FIN could be sent.
    last = view.flow.initiator
    return said if len(late) == 1 and last.tail_frame == said.frame and _CLOSE_NOTIFY.match(last.tail) else None


def _new_data(segments: tuple[Segment, ...], since: Segment) -> tuple[Segment, ...]:
    """Return data of ``segments`` from ``since`` on, beyond what they had sent before."""
    sent: int | None = None
    fresh: list[Segment] = []
    for s in segments:
        if s.has(RST):
            continue
        new = sent is None or seqnum.before(sent, s.end_seq)
        if new and s.payload_len and s.frame >= since.frame:
            fresh.append(s)
        if new:
            sent = s.end_seq
    return tuple(fresh)

"""The table of known idle limits: which products are known to give up after a silence of a given length.

``rules/idle-timeouts.csv`` holds one limit a row with the page that states it. A match is never more than a hint:
many products share a round number, so every candidate is listed and none is named as the culprit.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from analyzer.errors import RuleError
from analyzer.resources import rules_directory
from analyzer.units import NS
from analyzer.values import dataclass

__all__ = ["KINDS", "MIDDLEBOXES", "SCOPES", "Limit", "is_known_limit", "load_limits", "matching"]

MIDDLEBOXES = ("firewall", "nat", "load_balancer", "proxy", "vpn")
KINDS = ("middlebox", *MIDDLEBOXES, "server", "client_library", "os")
"""Kinds of product that a rule may ask for; ``middlebox`` stands for everything between the ends."""
SCOPES = (
    "tcp_established",
    "tcp_half_closed",
    "tcp_opening",
    "tcp_time_wait",
    "tcp_rst",
    "tcp_unacknowledged",
    "tcp_denied",
    "tcp_policy_match",
    "tcp_keepalive",
    "tcp_retransmit",
    "http_keepalive",
    "http_lifetime",
    "request_idle",
    "upstream_keepalive",
    "app_idle",
    "app_keepalive",
    "control_channel",
    "data_channel",
    "login",
    "pool_idle",
    "sip_signalling",
    "tunnel",
    "udp",
    "udp_stream",
)
"""What a limit applies to."""

_IDLE_SCOPES = frozenset(
    {
        "tcp_established",
        "http_keepalive",
        "request_idle",
        "upstream_keepalive",
        "app_idle",
        "control_channel",
        "data_channel",
        "pool_idle",
        "login",
        "tunnel",
    }
)
"""Scopes whose limit ends an established TCP connection that carries nothing."""

_EARLY_NS, _LATE_NS = NS, 3 * NS
"""A timer fires on its tick, seconds late at most (sweepers aside); rounding in a log makes it look a second early."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One idle limit of one product."""

    id: str
    kind: str
    vendor: str
    product: str
    scope: str
    default_ns: int | None
    """None where the product has no documented default, or never gives up."""
    lowest_ns: int | None
    highest_ns: int | None
    on_expiry: str
    """silent_drop, reject, rst_both, rst_client, rst_server, fin, or empty where it is not known."""
    configurable_by: str
    note: str
    source: str
    """Address of the page that states the default."""
    sourced: bool
    """The default was read on that page; False: it is from general knowledge."""

    @property
    def name(self) -> str:
        """Vendor and product in one."""
        if self.product.casefold().startswith(self.vendor.casefold()):
            return self.product
        return f"{self.vendor} {self.product}".strip()


def load_limits(path: Path) -> tuple[Limit, ...]:
    """Read a table of limits, shortest default first. Raises RuleError with every bad line."""
    import csv  # only needed once a limit is asked for

    problems: list[str] = []
    limits: list[Limit] = []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(stream)
            for row in rows:
                try:
                    limits.append(_limit(row))
                except (KeyError, TypeError, ValueError, AttributeError) as error:
                    problems.append(f"{path.name}:{rows.line_num}:1: this row is no limit ({error}).")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problems.append(f"{path.name}:1:1: the table cannot be read ({error}).")
    if problems:
        raise RuleError(problems)
    return tuple(sorted(limits, key=lambda limit: (limit.default_ns or 0, limit.id)))


def _limit(row: dict[str, str]) -> Limit:
    if row["kind"] not in KINDS or row["scope"] not in SCOPES:
        raise ValueError(f"kind {row['kind']!r} or scope {row['scope']!r} is not known")
    return Limit(
        id=row["id"],
        kind=row["kind"],
        vendor=row["vendor"],
        product=row["product"],
        scope=row["scope"],
        default_ns=_seconds(row["default_seconds"]) or None,
        lowest_ns=_seconds(row["min_seconds"]),
        highest_ns=_seconds(row["max_seconds"]),
        on_expiry=row["on_expiry"],
        configurable_by=row["configurable_by"],
        note=row["version_note"],
        source=row["source_url"],
        sourced=row["confidence"] == "sourced",
    )


def _seconds(text: str) -> int | None:
    return round(float(text) * NS) if text.strip() else None


@lru_cache(maxsize=1)
def _known() -> tuple[Limit, ...]:
    return load_limits(rules_directory() / "idle-timeouts.csv")


def matching(
    lo_ns: int | None,
    hi_ns: int,
    *,
    kind: str | None = None,
    scope: str | None = None,
    on_expiry: Iterable[str] | None = None,
    limits: tuple[Limit, ...] | None = None,
) -> list[Limit]:
    """List the limits whose default may explain an idle limit in ``(lo_ns, hi_ns]``, shortest first.

    ``lo_ns`` is the longest silence that was survived, None where none was; then only limits close to ``hi_ns`` are
    listed, since every shorter one would fit. ``kind`` and ``scope`` are of `KINDS` and `SCOPES`; without a scope only
    those that end an idle TCP connection are considered. ``limits`` replaces the table that comes with the rules.
    """
    lowest = lo_ns if lo_ns is not None else hi_ns - max(_LATE_NS, hi_ns // 20)
    wanted = None if on_expiry is None else frozenset(on_expiry)
    return [
        limit
        for limit in (_known() if limits is None else limits)
        if limit.default_ns is not None
        and lowest < limit.default_ns <= hi_ns + _EARLY_NS
        and _is_kind(limit, kind)
        and (limit.scope == scope if scope else limit.scope in _IDLE_SCOPES)
        and (wanted is None or limit.on_expiry in wanted)
    ]


def is_known_limit(silence_ns: int, *, kind: str | None = None, scope: str | None = None) -> bool:
    """Tell whether a silence of this length is what a known default would leave: a second early to three late."""
    return any(default - _EARLY_NS <= silence_ns <= default + _LATE_NS for default in _defaults(kind, scope))


@lru_cache(maxsize=64)
def _defaults(kind: str | None, scope: str | None) -> tuple[int, ...]:
    return tuple(
        sorted(
            {
                limit.default_ns
                for limit in _known()
                if limit.default_ns is not None
                and _is_kind(limit, kind)
                and (limit.scope == scope if scope else limit.scope in _IDLE_SCOPES)
            }
        )
    )


def _is_kind(limit: Limit, kind: str | None) -> bool:
    return kind is None or limit.kind == kind or (kind == "middlebox" and limit.kind in MIDDLEBOXES)

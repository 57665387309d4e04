"""Everything a watch is asked, checked and complete."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import IO

from analyzer.capture.live import Tap
from analyzer.endpoint import Endpoint
from analyzer.factset import Value
from analyzer.live.running import Keep
from analyzer.ruleset.load import RuleSet
from analyzer.units import NS
from analyzer.values import dataclass, field

__all__ = ["Plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to watch, what to keep, whom to tell."""

    name: str
    """What is captured, as a person calls it."""
    open_tap: Callable[[], Tap]
    rules: RuleSet
    output: Path
    """The folder of the ring and of the incidents."""
    own_clock: bool = True
    """Packets are stamped by this machine."""
    restart: bool = True
    """Start the capture program again when it ends by itself."""
    count_every_s: float | None = None
    """Let a new capture program take over so often, because the old one tells its drops only at its end."""
    ring_bytes: int = 512 << 20
    """0: keep no packets."""
    ring_age_ns: int | None = 24 * 3600 * NS
    incidents_bytes: int | None = None
    incidents_age_s: float | None = None
    """Folders of incidents are removed above that size and age; None: never."""
    keep: Keep = field(default_factory=Keep)
    queue_bytes: int = 32 << 20
    """Of packets that were read and are not looked at yet."""
    wait_ns: int = 4 * NS
    """How long to wait for what follows before judging."""
    after_ns: int = 30 * NS
    """How long after an incident its packets still go into its slice."""
    settings: Mapping[str, Value] = field(default_factory=dict)
    rule_folders: Sequence[Path] = ()
    zone: tzinfo | None = None
    endpoint: Endpoint | None = None
    """Only connections to or from it are of interest."""
    logs: Sequence[Path] = ()
    command: Sequence[str] = ()
    command_output: IO[str] | None = None
    """Where the command's output goes on to; None: to ours."""
    formats: Sequence[str] = ("text", "json", "html")
    notify: Sequence[str] = ()
    notify_every_s: float = 900.0
    attach: str | None = None
    metrics: tuple[str, int] | None = None
    duration_s: float | None = None
    """End by itself after so long."""

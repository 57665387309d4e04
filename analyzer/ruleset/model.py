"""What a rule is: conditions as trees, rules, causes, and the closed list of settings they may refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from analyzer.factset import FactType, Value
from analyzer.units import NS
from analyzer.values import dataclass

__all__ = [
    "CULPRITS",
    "SETTINGS",
    "Adjustment",
    "All",
    "AnyOf",
    "Cause",
    "Condition",
    "Not",
    "Operand",
    "Reference",
    "Rule",
    "Setting",
    "Test",
    "facts_of",
]

CULPRITS = ("client", "server", "middlebox", "path", "application", "unknown")
"""Who or what ended the connection or kept it from coming about; ``application`` where no packet did, and only the
program's use of its sockets is to blame. Who has to act is the owner, and may be another."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that is not in the rule: ``$site.NAME``, or ``$timeouts[.KIND[.SCOPE]]`` of the table of limits."""

    name: str
    """Without the dollar sign."""


Operand = Value | Reference | tuple[Value | Reference, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """One fact compared with one operand."""

    __test__ = False  # pytest would take the name for a test case

    fact: str
    op: str
    """eq, ne, lt, le, gt, ge, in, between (both ends included)."""
    operand: Operand


@dataclass(frozen=True, slots=True)
class All:
    """True when every part is true, false when one is false, else unknown."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when one part is true, false when every part is false, else unknown."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when the part is false, false when it is true, else unknown."""

    part: Condition


Condition = Test | All | AnyOf | Not


def facts_of(condition: Condition | None) -> Iterator[str]:
    """Yield the fact names that a condition asks for, in the order written, with repeats."""
    if isinstance(condition, Test):
        yield condition.fact
    elif isinstance(condition, Not):
        yield from facts_of(condition.part)
    elif condition is not None:
        for part in condition.parts:
            yield from facts_of(part)


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What makes a rule's verdict more or less likely."""

    condition: Condition
    by: float
    """Added to the score by ``raises``, taken away by ``lowers``; always positive."""
    because: str
    """One sentence for the report; empty leaves it to the facts' own statements."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to recognise a cause."""

    id: str
    cause: str
    status: str
    """draft, stable (decided labelled cases and erred in none), or retired (kept readable, never evaluated)."""
    score: float
    """0 to 1, before it is raised, lowered or capped."""
    when: Condition | None
    """None: not written yet; such a rule never matches."""
    unless: Condition | None = None
    needs: tuple[tuple[str, float], ...] = ()
    """(fact name, the highest score allowed while that fact is unknown)."""
    raises: tuple[Adjustment, ...] = ()
    lowers: tuple[Adjustment, ...] = ()
    culprit: str | None = None
    """Of `CULPRITS`, where what the rule asks for points to another than the cause usually does."""

    @property
    def facts(self) -> tuple[str, ...]:
        """Every fact the rule asks for, each once, in the order written."""
        names = [*facts_of(self.when), *facts_of(self.unless), *(name for name, _ in self.needs)]
        for adjustment in (*self.raises, *self.lowers):
            names.extend(facts_of(adjustment.condition))
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class Cause:
    """A root cause or a finding of the closed list: what every diagnosis needs to name it."""

    id: str
    group: str
    kind: str
    """cause, or finding: reported beside a cause."""
    title: str
    refines: str | None
    culprit: str
    owner: str
    """Who has to act."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that a site may set and rules may refer to as ``$site.NAME``."""

    name: str
    type: FactType
    default: Value | None
    """None: a test against it is unknown until the site sets it."""
    meaning: str


SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        setting.name: setting
        for setting in (
            Setting("idle_limit", FactType.DURATION, None, "The idle limit of the firewall or balancer on the path."),
            Setting("idle_silence", FactType.DURATION, 10 * NS, "The shortest silence that may count as idleness."),
            Setting("syn_give_up", FactType.DURATION, 18 * NS, "When an operating system gives up a connect itself."),
            Setting("clock_tolerance", FactType.DURATION, 2 * NS, "How far a log's clock may be off."),
            Setting("storm_attempts", FactType.INT, 30, "Connection attempts a minute that make a reconnect storm."),
            Setting("port_range", FactType.INT, 16384, "Ephemeral ports of the client host (Windows: 49152 to 65535)."),
        )
    }
)
"""The settings rules may refer to, by name."""

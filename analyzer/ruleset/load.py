"""Rule folders: read with every check, or from the compiled form when it still agrees with the sources.

A folder holds ``causes.yaml`` (the closed list), ``fixes.yaml``, ``winsock.yaml`` and ``codes.yaml`` (shared texts)
and one ``<cause>.yaml`` a cause. Parsing all of that takes longer than analysing a small capture, so ``compiled.json``
beside them holds the same, checked and plain. It is used only when the hash of all sources and the vocabulary agrees.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from analyzer.errors import RuleError
from analyzer.facts import VOCABULARY
from analyzer.resources import rules_directory
from analyzer.ruleset.conditions import dump_condition, restore_condition
from analyzer.ruleset.knowledge import Answer, Knowledge, restore_knowledge
from analyzer.ruleset.model import SETTINGS, Adjustment, Cause, Rule
from analyzer.values import dataclass, field

__all__ = ["COMPILED", "ErrorCode", "RuleSet", "Runtime", "SocketState", "compile_rules", "load_rules", "read_rules"]

COMPILED = "compiled.json"
_FORMAT = 2
_SHARED = ("causes.yaml", "codes.yaml", "fixes.yaml", "winsock.yaml")


@dataclass(frozen=True, slots=True)
class SocketState:
    """What each call answers in one state of the socket."""

    id: str
    title: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One socket error explained."""

    code: int
    symbol: str
    names: tuple[str, ...]
    """Other spellings and numbers of the same error."""
    words: str
    meaning: str
    chain: str
    """What comes after it."""
    look_at: str
    """What to look for in a capture."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """How a runtime shows a 10057."""

    name: str
    shows: str
    mind: str
    """What is easily misread there."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules and what is known about their causes."""

    groups: tuple[tuple[str, str, tuple[str, ...]], ...]
    """(id, title, cause ids), in the order of causes.yaml."""
    causes: dict[str, Cause]
    rules: tuple[Rule, ...]
    stamp: str
    """Hash of all sources: names the version of the rules in a report."""
    _texts: dict[str, str]
    """Cause id to its knowledge as JSON text; decoded only for causes that are reported."""
    _states: str
    _codes: str = "{}"
    _decoded: dict[str, Knowledge] = field(default_factory=dict)

    def knowledge(self, cause: str) -> Knowledge:
        """Return what is known about a cause. Raises KeyError for an id outside the closed list."""
        found = self._decoded.get(cause)
        if found is None:
            found = self._decoded[cause] = restore_knowledge(json.loads(self._texts[cause]))
        return found

    def states(self) -> tuple[SocketState, ...]:
        """Return what each call answers, by state of the socket."""
        return tuple(
            SocketState(name, state["title"], tuple(Answer(**answer) for answer in state["answers"]))
            for name, state in json.loads(self._states).items()
        )

    def codes(self) -> tuple[ErrorCode, ...]:
        """Return the socket errors that are explained."""
        return tuple(ErrorCode(**{**one, "names": tuple(one["names"])}) for one in json.loads(self._codes)["codes"])

    def runtimes(self) -> tuple[Runtime, ...]:
        """Return how runtimes show a 10057."""
        return tuple(Runtime(**one) for one in json.loads(self._codes)["runtimes"])

    def lineage(self, cause: str) -> tuple[str, ...]:
        """Return the cause and those it refines, finest first."""
        found: list[str] = []
        current: str | None = cause
        while current is not None and current not in found:
            found.append(current)
            current = self.causes[current].refines
        return tuple(found)


def load_rules(extra: Sequence[Path] = (), directory: Path | None = None) -> RuleSet:
    """Load the rules that come with the program and those of ``extra`` folders.

    A rule of an extra folder replaces the one with the same id; a cause file there may hold rules alone, or a whole
    cause of its own that its ``causes.yaml`` lists. Raises RuleError with every problem found.
    """
    folder = directory or rules_directory()
    if not extra:
        sources = _gather(folder)
        stamp = _stamp(sources)
        compiled = _restore(folder / COMPILED, stamp)
        if compiled is not None:
            return compiled
        return _assemble(_check(sources, None), stamp)
    from analyzer.ruleset.schema import Context

    sources = _gather(folder)
    context = Context()
    document = _check(sources, None, context)
    for more in extra:
        added = _gather(more)
        sources += added
        _merge(document, _check(added, None, context, full=False))
    return _assemble(document, _stamp(sources))


def read_rules(directory: Path | None = None, samples: Iterable[str] | None = None) -> RuleSet:
    """Read the sources with every check, never the compiled form; ``samples`` are the names that rules may cite.

    Raises RuleError with every problem found.
    """
    sources = _gather(directory or rules_directory())
    return _assemble(_check(sources, samples), _stamp(sources))


def compile_rules(directory: Path | None = None) -> str:
    """Return the text of the compiled form of a folder. Raises RuleError with every problem found."""
    sources = _gather(directory or rules_directory())
    document = {"stamp": _stamp(sources), **_check(sources, None)}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _gather(folder: Path) -> list[tuple[str, bytes]]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".yaml")
        found = [(f"{folder.name}/{path.name}", path.read_bytes()) for path in paths]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RuleError([f"{folder}: the rule folder cannot be read ({reason}); name an existing one."]) from error
    if not found:
        raise RuleError([f"{folder}: this folder holds no .yaml file; name the folder of your rules."])
    return found


def _stamp(sources: list[tuple[str, bytes]]) -> str:
    """Hash names and contents; line ends do not count, since version control may rewrite them."""
    digest = hashlib.blake2b(digest_size=16)
    facts = [(fact.name, fact.type.value, fact.choices) for fact in VOCABULARY.values()]
    settings = [(setting.name, setting.type.value) for setting in SETTINGS.values()]
    digest.update(repr((_FORMAT, facts, settings)).encode())
    for name, content in sources:
        plain = content.replace(b"\r\n", b"\n")
        digest.update(b"%s\0%d\0" % (name.rpartition("/")[2].encode(), len(plain)))
        digest.update(plain)
    return digest.hexdigest()


def _restore(path: Path, stamp: str) -> RuleSet | None:
    try:
        with path.open("rb") as stream:
            # The stamp stands first, so a stale file is known for one without being read.
            if stamp.encode() not in stream.read(64):
                return None
            stream.seek(0)
            return _assemble(json.loads(stream.read()), stamp)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _check(
    sources: list[tuple[str, bytes]],
    samples: Iterable[str] | None,
    context: object = None,
    *,
    full: bool = True,
) -> dict[str, Any]:
    """Read sources into the plain document that the compiled form holds. Raises RuleError."""
    from analyzer.ruleset.schema import Context, read_cause_file, read_causes, read_codes, read_fixes, read_states
    from analyzer.ruleset.yamltree import Source, read_tree

    known = context if isinstance(context, Context) else Context()
    known.samples = None if samples is None else frozenset(samples)
    if not full:
        known.rules = {}
    problems: list[str] = []
    trees = {}
    for name, content in sources:
        try:
            source = Source(name, content.decode("utf-8-sig"), problems)
        except UnicodeDecodeError:
            problems.append(f"{name}:1:1: the file is no UTF-8 text; save it as UTF-8.")
            continue
        tree = read_tree(source)
        if tree is not None:
            trees[name.rpartition("/")[2]] = (tree, source)
    groups: list[Any] = []
    if "causes.yaml" in trees:
        groups = read_causes(*trees["causes.yaml"], known)
    if "fixes.yaml" in trees:
        read_fixes(*trees["fixes.yaml"], known)
    if "winsock.yaml" in trees:
        read_states(*trees["winsock.yaml"], known)
    codes: Any = {"codes": [], "runtimes": []}
    if "codes.yaml" in trees:
        codes = read_codes(*trees["codes.yaml"])
    listed = {cause for group in groups for cause in group["causes"]}
    causes: list[Any] = []
    rules: list[Rule] = []
    texts: dict[str, str] = {}
    for name, (tree, source) in trees.items():
        if name in _SHARED:
            continue
        plain, found = read_cause_file(tree, source, known, full=full or name.removesuffix(".yaml") in listed)
        rules += found
        if not plain:
            continue
        cause = plain["id"]
        if full and f"{cause}.yaml" != name:
            source.complain(tree.get("id") or tree, f"the file of '{cause}' is called {cause}.yaml.")
        if full or cause in listed:
            group, kind = known.causes.get(cause, ("", "cause"))
            causes.append({"id": cause, "group": group, "kind": kind, **_light(plain)})
            texts[cause] = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    if not problems:
        missing = sorted(listed - texts.keys())
        problems += [f"causes.yaml:1:1: the cause '{cause}' has no file {cause}.yaml." for cause in missing]
    if problems:
        raise RuleError(problems)
    order = {cause: position for position, cause in enumerate(known.causes)}
    causes.sort(key=lambda cause: order[cause["id"]])
    rules.sort(key=lambda rule: (order[rule.cause], rule.id))
    return {
        "groups": groups,
        "causes": causes,
        "rules": [_dump_rule(rule) for rule in rules],
        "states": json.dumps(known.states, ensure_ascii=False, separators=(",", ":")),
        "codes": json.dumps(codes, ensure_ascii=False, separators=(",", ":")),
        "knowledge": texts,
    }


def _light(plain: Any) -> dict[str, Any]:
    return {name: plain[name] for name in ("title", "refines", "culprit", "owner")}


def _merge(document: dict[str, Any], added: dict[str, Any]) -> None:
    replaced = {rule["id"] for rule in added["rules"]}
    document["rules"] = [rule for rule in document["rules"] if rule["id"] not in replaced] + added["rules"]
    document["groups"] += added["groups"]
    document["causes"] += added["causes"]
    document["knowledge"].update(added["knowledge"])
    document["states"] = added["states"]


def _assemble(document: dict[str, Any], stamp: str) -> RuleSet:
    return RuleSet(
        groups=tuple((group["id"], group["title"], tuple(group["causes"])) for group in document["groups"]),
        causes={cause["id"]: Cause(**cause) for cause in document["causes"]},
        rules=tuple(_restore_rule(rule) for rule in document["rules"]),
        stamp=stamp,
        _texts=document["knowledge"],
        _states=document["states"],
        _codes=document["codes"],
    )


def _dump_rule(rule: Rule) -> Any:
    return {
        "id": rule.id,
        "cause": rule.cause,
        "status": rule.status,
        "score": rule.score,
        "when": None if rule.when is None else dump_condition(rule.when),
        "unless": None if rule.unless is None else dump_condition(rule.unless),
        "needs": list(rule.needs),
        "raises": [[dump_condition(one.condition), one.by, one.because] for one in rule.raises],
        "lowers": [[dump_condition(one.condition), one.by, one.because] for one in rule.lowers],
        "culprit": rule.culprit,
    }


def _restore_rule(plain: Any) -> Rule:
    return Rule(
        plain["id"],
        plain["cause"],
        plain["status"],
        plain["score"],
        None if plain["when"] is None else restore_condition(plain["when"]),
        None if plain["unless"] is None else restore_condition(plain["unless"]),
        tuple((name, highest) for name, highest in plain["needs"]),
        tuple(Adjustment(restore_condition(one), by, because) for one, by, because in plain["raises"]),
        tuple(Adjustment(restore_condition(one), by, because) for one, by, because in plain["lowers"]),
        plain["culprit"],
    )

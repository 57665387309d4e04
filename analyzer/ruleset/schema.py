"""The form of rule files, cause lists and shared texts: each value checked where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable

from analyzer.facts import VOCABULARY
from analyzer.ruleset.condition_reader import read_condition
from analyzer.ruleset.conditions import dump_condition
from analyzer.ruleset.knowledge import PARTIES, placeholders
from analyzer.ruleset.model import CULPRITS, Adjustment, Condition, Rule
from analyzer.ruleset.yamltree import Node, Plain, Source, nearest
from analyzer.values import dataclass, field

__all__ = ["Context", "read_cause_file", "read_causes", "read_codes", "read_fixes", "read_states"]

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_STATUS = ("draft", "stable", "retired")
_RULE_KEYS = ["id", "status", "culprit", "score", "when", "unless", "needs", "raises", "lowers"]
_CAUSE_TEXTS = ["title", "culprit", "owner", "summary", "why"]
_CAUSE_LISTS = ["known_problems", "counter_evidence", "would_settle", "references"]
_CAUSE_KEYS = (
    *["id", "refines", "look_alikes", "fix", "winsock", "samples", "rules"],
    *_CAUSE_TEXTS,
    *_CAUSE_LISTS,
)


@dataclass(slots=True)
class Context:
    """What the files of one rule folder refer to in each other."""

    causes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Cause id to (group, kind)."""
    fixes: dict[str, Plain] = field(default_factory=dict)
    states: dict[str, Plain] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)
    """Rule id to the place where it stands."""
    samples: frozenset[str] | None = None
    """Names of the samples there are; None: not checked."""


def _keys(node: Node, allowed: Iterable[str], source: Source, required: Iterable[str] = ()) -> bool:
    if not node.is_map:
        source.complain(node, "a mapping is expected here.")
        return False
    known = list(allowed)
    for key, _ in node.pairs():
        if key.value not in known:
            source.complain(key, f"the key '{key.value}' is not known here.{nearest(str(key.value), known)}")
    missing = [name for name in required if node.get(name) is None]
    if missing:
        source.complain(node, f"missing here: {', '.join(missing)}.")
    return not missing


def _text(node: Node | None, source: Source) -> str:
    if node is None:
        return ""
    if not isinstance(node.value, str) or not node.value.strip():
        source.complain(node, "text is expected here.")
        return ""
    return node.value.strip()


def _id(node: Node | None, source: Source) -> str:
    name = _text(node, source)
    if node is not None and name and not _ID.fullmatch(name):
        source.complain(node, f"'{name}' is no id; use small letters, digits and single hyphens.")
    return name


def _texts(node: Node | None, source: Source) -> list[str]:
    if node is None:
        return []
    if not node.is_list:
        source.complain(node, "a list of texts is expected here.")
        return []
    return [_text(part, source) for part in node.parts()]


def _number(node: Node | None, source: Source, low: float, high: float) -> float:
    if node is None:
        return low
    if isinstance(node.value, bool) or not isinstance(node.value, int | float) or not low <= node.value <= high:
        source.complain(node, f"a number from {low:g} to {high:g} is expected here.")
        return low
    return float(node.value)


def _one_of(node: Node | None, allowed: Iterable[str], source: Source, what: str) -> str:
    value = _text(node, source)
    known = list(allowed)
    if node is not None and value and value not in known:
        hint = nearest(value, known) or (f" It is one of {', '.join(known)}." if len(known) < 8 else "")
        source.complain(node, f"there is no {what} '{value}'.{hint}")
    return value


def read_causes(node: Node, source: Source, context: Context) -> list[Plain]:
    """Read causes.yaml into groups ``{id, title, kind, causes}`` and note every cause in the context."""
    groups: list[Plain] = []
    if not _keys(node, ("groups",), source, ("groups",)):
        return groups
    listed = node.get("groups")
    for group in listed.parts() if listed else ():
        if not _keys(group, ("id", "title", "kind", "causes"), source, ("id", "title", "causes")):
            continue
        kind = _one_of(group.get("kind"), ("cause", "finding"), source, "kind") or "cause"
        name = _id(group.get("id"), source)
        ids: list[str] = []
        members = group.get("causes")
        for member in members.parts() if members else ():
            cause = _id(member, source)
            if cause in context.causes:
                source.complain(member, f"the cause '{cause}' is listed twice.")
            context.causes[cause] = (name, kind)
            ids.append(cause)
        groups.append({"id": name, "title": _text(group.get("title"), source), "kind": kind, "causes": ids})
    return groups


def read_fixes(node: Node, source: Source, context: Context) -> None:
    """Read fixes.yaml: shared fixes by id."""
    for key, value in node.pairs():
        context.fixes[_id(key, source)] = _fix(value, source, context)


def read_states(node: Node, source: Source, context: Context) -> None:
    """Read winsock.yaml: what each call answers, by state of the socket."""
    for key, value in node.pairs():
        name = _id(key, source)
        if not _keys(value, ("title", "answers"), source, ("title", "answers")):
            continue
        answers: list[Plain] = []
        listed = value.get("answers")
        for part in listed.parts() if listed else ():
            if _keys(part, ("call", "error", "why"), source, ("call", "error", "why")):
                answers += [{word: _text(part.get(word), source) for word in ("call", "error", "why")}]
        context.states[name] = {"title": _text(value.get("title"), source), "answers": answers}


def read_codes(node: Node, source: Source) -> Plain:
    """Read codes.yaml: error codes ``{code, symbol, names, words, meaning, chain, look_at}`` and runtimes."""
    read: dict[str, list[Plain]] = {"codes": [], "runtimes": []}
    if not _keys(node, read, source, read):
        return read
    texts = ("symbol", "words", "meaning", "chain", "look_at")
    for part in _list(node.get("codes"), source):
        if _keys(part, ("code", "names", *texts), source, ("code", "names", *texts)):
            code = int(_number(part.get("code"), source, 1, 65535))
            names = _texts(part.get("names"), source)
            read["codes"].append(
                {"code": code, "names": names, **{name: _text(part.get(name), source) for name in texts}}
            )
    for part in _list(node.get("runtimes"), source):
        if _keys(part, ("name", "shows", "mind"), source, ("name", "shows", "mind")):
            read["runtimes"] += [{name: _text(part.get(name), source) for name in ("name", "shows", "mind")}]
    return read


def _fix(node: Node, source: Source, context: Context) -> Plain:
    if not _keys(node, ("use", "when", "text", "code"), source):
        return {"text": "", "code": {}, "shared": None, "when": None}
    used: Plain = {"text": "", "code": {}, "when": None}
    shared: str | None = None
    use = node.get("use")
    if use is not None:
        name = _one_of(use, context.fixes, source, "shared fix")
        used = context.fixes.get(name, used)
        shared = name
    elif node.get("text") is None:
        source.complain(node, "missing here: text, or use.")
    code = dict(used["code"])
    given = node.get("code")
    if given is not None and not given.is_map:
        source.complain(given, "code is a mapping of language to source text.")
    for language, text in given.pairs() if given else ():
        code[str(language.value)] = _text(text, source)
    asked = node.get("when")
    condition = read_condition(asked, source) if asked is not None else None
    return {
        "text": _text(node.get("text"), source) or used["text"],
        "code": code,
        "shared": shared,
        "when": used["when"] if condition is None else dump_condition(condition),
    }


def _samples(node: Node | None, source: Source, context: Context, stable: bool) -> Plain:
    found: dict[str, list[str]] = {"match": [], "must_not": []}
    if node is None or not _keys(node, ("match", "must_not"), source):
        return found
    for kind in tuple(found):
        listed = node.get(kind)
        found[kind] = _texts(listed, source)
        for part in listed.parts() if listed and context.samples is not None else ():
            if part.value not in (context.samples or ()):
                hint = nearest(str(part.value), context.samples or ())
                source.complain(part, f"there is no sample '{part.value}'.{hint}")
    if stable and not found["match"]:
        source.complain(node, "a stable rule needs at least one sample that must match.")
    return found


def read_cause_file(node: Node, source: Source, context: Context, *, full: bool) -> tuple[Plain, list[Rule]]:
    """Read the file of one cause: its knowledge as plain data, and its rules.

    ``full``: every part of the knowledge is required, as it is for the rules that come with the program.
    """
    required = ("id", *_CAUSE_TEXTS, *_CAUSE_LISTS, "look_alikes", "fix", "winsock", "samples") if full else ("id",)
    if not _keys(node, _CAUSE_KEYS, source, required):
        return {}, []
    cause = _one_of(node.get("id"), context.causes, source, "cause")
    rules: list[Rule] = []
    listed = node.get("rules")
    if listed is not None and not listed.is_list:
        source.complain(listed, "rules is a list.")
    for part in listed.parts() if listed else ():
        rule = _rule(part, source, context, cause)
        if rule is not None:
            rules.append(rule)
    statuses = [part.get("status") for part in listed.parts()] if listed else []
    stable = any(status is not None and status.value == "stable" for status in statuses)
    refines = node.get("refines")
    plain: dict[str, Plain] = {
        "id": cause,
        "refines": _one_of(refines, context.causes, source, "cause") if refines else None,
        "samples": _samples(node.get("samples"), source, context, stable),
        "look_alikes": _look_alikes(node.get("look_alikes"), source, context, cause),
        "fix": [_fix(part, source, context) for part in _list(node.get("fix"), source)],
        "winsock": [],
        "states": [],
    }
    for name in _CAUSE_TEXTS:
        plain[name] = _text(node.get(name), source)
    for name in _CAUSE_LISTS:
        plain[name] = _texts(node.get(name), source)
    if node.get("culprit") is not None:
        _one_of(node.get("culprit"), CULPRITS, source, "culprit")
    for part in _list(node.get("winsock"), source):
        state = _one_of(part, context.states, source, "socket state")
        plain["states"].append(state)
        plain["winsock"] += context.states.get(state, {"answers": []})["answers"]
    summary = node.get("summary")
    for name in placeholders(plain["summary"]) if summary else ():
        if name not in VOCABULARY and name not in PARTIES and summary is not None:
            source.complain(summary, f"there is no fact '{name}' to fill in.{nearest(name, [*VOCABULARY, *PARTIES])}")
    return plain, rules


def _list(node: Node | None, source: Source) -> tuple[Node, ...]:
    if node is not None and not node.is_list:
        source.complain(node, "a list is expected here.")
    return node.parts() if node else ()


def _look_alikes(node: Node | None, source: Source, context: Context, cause: str) -> list[Plain]:
    read: list[Plain] = []
    for part in _list(node, source):
        if not _keys(part, ("cause", "tell_apart"), source, ("cause", "tell_apart")):
            continue
        other = _one_of(part.get("cause"), context.causes, source, "cause")
        if other == cause:
            source.complain(part, "a cause is no look-alike of itself.")
        read.append({"cause": other, "tell_apart": _text(part.get("tell_apart"), source)})
    return read


def _rule(node: Node, source: Source, context: Context, cause: str) -> Rule | None:
    if not _keys(node, _RULE_KEYS, source, ("id", "status")):
        return None
    name = _id(node.get("id"), source)
    status = _one_of(node.get("status"), _STATUS, source, "status")
    if name in context.rules:
        source.complain(node.get("id") or node, f"the rule id '{name}' is taken; it stands in {context.rules[name]}.")
    context.rules[name] = f"{source.name}:{node.line}"
    before = len(source.problems)
    culprit = _one_of(node.get("culprit"), CULPRITS, source, "culprit") or None
    when = _condition(node.get("when"), source)
    unless = _condition(node.get("unless"), source)
    if when is None and status == "stable" and node.get("when") is None:
        source.complain(node, "a stable rule needs a 'when'.")
    if when is not None and node.get("score") is None:
        source.complain(node, "missing here: score.")
    score = _number(node.get("score"), source, 0.0, 1.0)
    needs = _needs(node.get("needs"), source)
    raises = _adjustments(node.get("raises"), source)
    lowers = _adjustments(node.get("lowers"), source)
    if len(source.problems) > before:
        return None
    return Rule(name, cause, status, score, when, unless, needs, raises, lowers, culprit)


def _condition(node: Node | None, source: Source) -> Condition | None:
    return read_condition(node, source) if node is not None else None


def _needs(node: Node | None, source: Source) -> tuple[tuple[str, float], ...]:
    needs: dict[str, float] = {}
    if node is not None and not node.is_map:
        source.complain(node, "needs is a mapping of fact to the highest score while it is unknown.")
    for key, value in node.pairs() if node else ():
        _one_of(key, VOCABULARY, source, "fact")
        needs[str(key.value)] = _number(value, source, 0.0, 1.0)
    return tuple(needs.items())


def _adjustments(node: Node | None, source: Source) -> tuple[Adjustment, ...]:
    read: list[Adjustment] = []
    for part in _list(node, source):
        if not _keys(part, ("if", "by", "because"), source, ("if", "by")):
            continue
        condition = _condition(part.get("if"), source)
        by = _number(part.get("by"), source, 0.0, 1.0)
        if condition is not None:
            read.append(Adjustment(condition, by, _text(part.get("because"), source)))
    return tuple(read)

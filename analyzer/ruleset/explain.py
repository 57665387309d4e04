"""What is known about an error code, a cause or a rule, as plain text for a terminal; needs no network."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from analyzer.errors import UsageError
from analyzer.ruleset.conditions import condition_text
from analyzer.ruleset.knowledge import Answer, Fix
from analyzer.ruleset.load import ErrorCode, RuleSet, load_rules
from analyzer.ruleset.model import Adjustment, Rule
from analyzer.ruleset.yamltree import nearest

__all__ = ["explain_text", "topics"]

_WIDTH = 100
_OVERVIEW = ("causes", "codes", "calls")


def topics(rules: RuleSet) -> tuple[str, ...]:
    """List everything that `explain_text` knows, in the order causes, rules, codes, overviews."""
    codes = (str(one.code) for one in rules.codes())
    return (*rules.causes, *(rule.id for rule in rules.rules), *codes, *_OVERVIEW)


def explain_text(topic: str, rules: RuleSet | None = None) -> str:
    """Explain ``topic``: an error code in any spelling, a cause id, a rule id, ``causes``, ``codes`` or ``calls``.

    Raises UsageError with the nearest known topic for anything else.
    """
    known = rules or load_rules()
    word = topic.strip()
    lower = word.lower()
    if lower in known.causes:
        return _text(_cause(lower, known))
    rule = next((one for one in known.rules if one.id == lower), None)
    if rule is not None:
        return _text(_rule(rule, known))
    code = _find_code(word, known)
    if code is not None:
        return _text(_code(code, known))
    overview = {"causes": _causes, "codes": _codes, "calls": _calls}.get(lower)
    if overview is not None:
        return _text(overview(known))
    hint = nearest(lower, topics(known))
    raise UsageError(
        f"There is nothing to explain under '{topic}'.{hint} 'causes' lists the causes, 'codes' the error codes."
    )


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def _find_code(word: str, rules: RuleSet) -> ErrorCode | None:
    wanted = word.casefold()
    exact = (one for one in rules.codes() if wanted in (str(one.code), one.symbol.casefold()))
    named = (one for one in rules.codes() if wanted in {name.casefold() for name in one.names})
    return next(exact, None) or next(named, None)


def _head(title: str) -> Iterator[str]:
    lines = list(_wrap(title, ""))
    yield from lines
    yield "=" * max(map(len, lines))


def _section(title: str, *texts: str) -> Iterator[str]:
    yield ""
    yield title
    for text in texts:
        yield from _wrap(text)


def _wrap(text: str, indent: str = "  ", first: str | None = None) -> Iterator[str]:
    yield from textwrap.wrap(
        " ".join(text.split()),
        _WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _items(title: str, texts: Iterable[str]) -> Iterator[str]:
    listed = list(texts)
    if listed:
        yield ""
        yield title
        for text in listed:
            yield from _wrap(text, "    ", "  - ")


def _answers(answers: Iterable[Answer]) -> Iterator[str]:
    for answer in answers:
        yield from _wrap(f"{answer.call}: {answer.error}", "    ", "  - ")
        yield from _wrap(answer.why, "    ")


def _code(code: ErrorCode, rules: RuleSet) -> Iterator[str]:
    yield from _head(f"{code.code} {code.symbol}: {code.words}")
    yield from _section("What it is", code.meaning)
    yield from _section("What comes before and after" if code.code == 10057 else "What comes after", code.chain)
    yield from _section("What to look at", code.look_at)
    yield from _section("Other spellings", ", ".join(code.names))
    if code.code != 10057:
        yield from _section("See also", "notconn explain 10057")
        return
    yield ""
    yield "Which call answers what, by state of the socket"
    for state in rules.states():
        yield ""
        yield f"  {state.title}"
        for answer in state.answers:
            yield from _wrap(f"{answer.call}: {answer.error}", "      ", "    - ")
    yield from _items("How runtimes show it", (f"{one.name}: {one.shows} {one.mind}" for one in rules.runtimes()))
    others = [f"{one.code} {one.symbol}: {one.words}" for one in rules.codes() if one.code != 10057]
    yield from _items("The errors around it (notconn explain CODE)", others)
    yield from _section("The causes", "notconn explain causes lists them; notconn explain CAUSE-ID tells each in full.")


def _cause(cause: str, rules: RuleSet) -> Iterator[str]:
    known = rules.knowledge(cause)
    entry = rules.causes[cause]
    yield from _head(f"{cause}: {known.title}")
    kind = "A finding that is reported beside a cause." if entry.kind == "finding" else ""
    refines = f"Refines {entry.refines}." if entry.refines else ""
    text = " ".join(part for part in (kind, refines, f"Culprit: {entry.culprit}.", f"Who acts: {entry.owner}.") if part)
    yield from _wrap(text, "")
    yield from _section("How it comes to 10057", known.why)
    yield ""
    yield "What each call answers from then on"
    yield from _answers(known.winsock)
    yield from _items(
        "What it is taken for, and how to tell", (f"{one.cause}: {one.tell_apart}" for one in known.look_alikes)
    )
    yield from _items("What speaks against it", known.counter_evidence)
    yield from _items("What would settle it", known.would_settle)
    yield ""
    yield "What to change"
    for fix in known.fix:
        yield from _fix(fix)
    yield from _items("Where its rules are known to err", known.known_problems)
    own = [rule for rule in rules.rules if rule.cause == cause]
    yield from _items(
        "Its rules (notconn explain RULE-ID)", (f"{rule.id}, {rule.status}, score {rule.score:g}" for rule in own)
    )
    yield from _items("References", known.references)


def _fix(fix: Fix) -> Iterator[str]:
    only = f" (Where {fix.audience()}.)" if fix.when is not None else ""
    yield from _wrap(fix.text + only, "    ", "  - ")
    for language, source in fix.code.items():
        yield ""
        yield f"      {language}:"
        yield from (f"        {line}".rstrip() for line in source.splitlines())
    if fix.code:
        yield ""


def _rule(rule: Rule, rules: RuleSet) -> Iterator[str]:
    yield from _head(f"{rule.id}: recognises {rule.cause}")
    culprit = f" Culprit: {rule.culprit}." if rule.culprit else ""
    yield from _wrap(f"{rules.causes[rule.cause].title}. Status {rule.status}, score {rule.score:g}.{culprit}", "")
    if rule.when is not None:
        yield from _section("When", condition_text(rule.when))
    if rule.unless is not None:
        yield from _section("Unless", condition_text(rule.unless))
    yield from _items("Raised by", (_adjustment(one, "+") for one in rule.raises))
    yield from _items("Lowered by", (_adjustment(one, "-") for one in rule.lowers))
    yield from _items(
        "Needs", (f"{name}: the score is at most {highest:g} while it is unknown" for name, highest in rule.needs)
    )
    yield from _section("See also", f"notconn explain {rule.cause}")


def _adjustment(one: Adjustment, sign: str) -> str:
    because = f" ({one.because})" if one.because else ""
    return f"{sign}{one.by:g} when {condition_text(one.condition)}{because}"


def _causes(rules: RuleSet) -> Iterator[str]:
    yield from _head("Root causes")
    width = max(len(cause) for cause in rules.causes)
    for _, title, causes in rules.groups:
        yield ""
        yield title
        for cause in causes:
            yield f"  {cause:<{width}}  {rules.causes[cause].title}"


def _codes(rules: RuleSet) -> Iterator[str]:
    yield from _head("Socket errors")
    for code in rules.codes():
        yield f"  {code.code}  {code.symbol:<18}  {code.words}"


def _calls(rules: RuleSet) -> Iterator[str]:
    yield from _head("Which call answers what, by state of the socket")
    for state in rules.states():
        yield ""
        yield state.title
        yield from _answers(state.answers)

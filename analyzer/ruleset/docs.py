"""The reference of all rules as Markdown, the check behind ``notconn rules check``, and the generated files.

``python -m analyzer.ruleset.docs`` writes ``README.md`` and ``compiled.json`` into the rule folder; a test compares
them with the sources.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from analyzer.errors import InputError, NotconnError
from analyzer.facts import FAMILIES, Fact, FactType
from analyzer.resources import rules_directory, samples_directory
from analyzer.ruleset.conditions import condition_text
from analyzer.ruleset.knowledge import Fix, Knowledge
from analyzer.ruleset.load import COMPILED, RuleSet, compile_rules, load_rules, read_rules
from analyzer.ruleset.model import SETTINGS, Adjustment, Rule
from analyzer.ruleset.timeouts import KINDS, load_limits
from analyzer.units import format_duration

__all__ = ["README", "check", "render_docs", "write_generated"]

README = "README.md"
_FENCES = {"C": "c", "C#": "csharp", "Python": "python", "PowerShell": "powershell", "Windows": "bat"}
_INTRODUCTION = """\
# Rules and causes

This page is generated from the files beside it; change those, and run `python -m analyzer.ruleset.docs`.

One YAML file holds one root cause: what is known about it, and the rules that recognise it. A rule asks only for facts
of the list below. A fact may be unknown, and then so may the answer: `all` is false as soon as one part is false, `any`
is true as soon as one part is true, and what is left open stays *unknown*. A rule matches when `when` is true and
`unless` is false; while `unless` is unknown it matches with a score of at most 0.6.

| in a rule | meaning |
| --- | --- |
| `all: [...]`, `any: [...]`, `not: {...}` | conditions of conditions; several facts in one mapping: all of them |
| `fact: value` | equal; the long form is `fact: {eq: value}` or `{is: value}` |
| `fact: {gt: 5s, le: 2min}` | `eq ne lt le gt ge`; several must all hold |
| `fact: {in: [a, b]}`, `fact: {between: [5s, 1min]}` | one of a list; both ends included |
| `350s`, `200ms`, `2h`, `4KiB` | durations and sizes carry their unit |
| `$site.NAME` | a setting of the site file, or its default |
| `{in: $timeouts}`, `{in: $timeouts.firewall}` | as long as a known idle limit: 1 s early to 3 s late |
| `score` | how likely the cause is when nothing else is known, 0 to 1 |
| `raises`, `lowers` | `if` a condition is true, the score changes `by` that much, `because` of this |
| `needs` | the highest score allowed while a fact is unknown |
| `status` | `draft`, `stable` (decided labelled cases, erred in none) or `retired` (never evaluated) |
"""


def check(folder: Path | None = None) -> int:
    """Check every file of a rule folder, and return how many rules it holds.

    Samples that rules name must exist when the program's own folder is checked. A folder that only adds to the
    program's rules, as ``--rules`` takes it, is checked together with them. Raises RuleError with every problem.
    """
    if folder is not None and _adds(folder):
        return len(load_rules([folder]).rules)
    samples: list[str] | None = None
    if folder is None:
        try:
            samples = sorted(path.name for path in samples_directory().iterdir() if path.is_dir())
        except InputError:
            samples = None
    rules = read_rules(folder, samples)
    table = (folder or rules_directory()) / "idle-timeouts.csv"
    if table.exists():
        load_limits(table)
    return len(rules.rules)


def _adds(folder: Path) -> bool:
    """Tell whether a folder leans on the program's causes, fixes and socket states."""
    shared = ("causes.yaml", "fixes.yaml", "winsock.yaml")
    return folder.is_dir() and not all((folder / name).exists() for name in shared)


def render_docs(folder: Path | None = None) -> str:
    """Return the reference of a rule folder as Markdown. Raises RuleError with every problem."""
    rules = load_rules([folder]) if folder is not None and _adds(folder) else read_rules(folder)
    lines = [_INTRODUCTION, *_contents(rules)]
    for _, title, causes in rules.groups:
        lines += [f"## {title}", ""]
        for cause in causes:
            lines += _cause(cause, rules)
    lines += [*_shared_fixes(rules), *_states(rules), *_facts(), *_settings(), *_limits(folder or rules_directory())]
    return "\n".join(lines).rstrip() + "\n"


def write_generated(folder: Path | None = None) -> list[Path]:
    """Write the reference and the compiled form into a rule folder, and return what changed."""
    target = folder or rules_directory()
    changed: list[Path] = []
    for name, text in ((README, render_docs(target)), (COMPILED, compile_rules(target))):
        path = target / name
        content = text.encode()
        if not path.exists() or path.read_bytes().replace(b"\r\n", b"\n") != content:
            path.write_bytes(content)
            changed.append(path)
    return changed


def _escape(text: str) -> str:
    """Keep ``text`` from being read as Markdown or ending a table cell."""
    for mark in ("\\", "|", "<", "*", "_", "`"):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


def _contents(rules: RuleSet) -> Iterator[str]:
    yield from ("## Causes at a glance", "", "| cause | in words | culprit | rules |", "| --- | --- | --- | --- |")
    for _, _, causes in rules.groups:
        for cause in causes:
            entry = rules.causes[cause]
            own = [rule for rule in rules.rules if rule.cause == cause]
            shown = ", ".join(sorted({rule.status for rule in own})) or "none"
            yield f"| [{cause}](#{cause}) | {_escape(entry.title)} | {entry.culprit} | {len(own)} ({shown}) |"
    yield ""


def _cause(cause: str, rules: RuleSet) -> Iterator[str]:
    entry = rules.causes[cause]
    known = rules.knowledge(cause)
    yield from (
        f"### {cause}",
        "",
        f"**{_escape(entry.title)}.** Culprit: {entry.culprit}. Who acts: {_escape(entry.owner)}.",
    )
    if entry.refines:
        yield f"Refines [{entry.refines}](#{entry.refines})."
    yield from ("", _escape(known.why), "")
    yield from _knowledge(known)
    for rule in rules.rules:
        if rule.cause == cause:
            yield from _rule(rule)


def _knowledge(known: Knowledge) -> Iterator[str]:
    if known.states:
        named = ", ".join(f"[{state}](#state-{state})" for state in known.states)
        yield from (f"*What each call answers from then on*: {named}.", "")
    look_alikes = (f"[{one.cause}](#{one.cause}): {_escape(one.tell_apart)}" for one in known.look_alikes)
    yield from _list("Look-alikes", look_alikes)
    yield from _list("Speaks against it", map(_escape, known.counter_evidence))
    yield from _list("Would settle it", map(_escape, known.would_settle))
    yield from ("*What to change*", "")
    for fix in known.fix:
        if fix.shared:
            yield f"- [{fix.shared}](#fix-{fix.shared})"
        else:
            yield from _fix(fix)
    yield ""
    yield from _list("Known problems of its rules", map(_escape, known.known_problems))
    yield from _list("References", map(_escape, known.references))
    yield from _list("Samples that must match", (f"`{one}`" for one in known.match))
    yield from _list("Samples that must not", (f"`{one}`" for one in known.must_not))


def _list(title: str, texts: Iterable[str]) -> Iterator[str]:
    listed = list(texts)
    if listed:
        yield from (f"*{title}*", "", *(f"- {text}" for text in listed), "")


def _fix(fix: Fix) -> Iterator[str]:
    only = f" (Where `{fix.audience()}`.)" if fix.when is not None else ""
    yield f"- {_escape(fix.text)}{only}"
    if fix.code:
        yield ""
    for language, source in fix.code.items():
        yield from (f"  {language}:", "", f"  ```{_FENCES.get(language, 'text')}")
        yield from (f"  {line}".rstrip() for line in source.splitlines())
        yield from ("  ```", "")


def _rule(rule: Rule) -> Iterator[str]:
    culprit = f", culprit {rule.culprit}" if rule.culprit else ""
    yield f"Rule `{rule.id}` ({rule.status}, score {rule.score:g}{culprit})"
    yield ""
    if rule.when is not None:
        yield f"- when `{condition_text(rule.when)}`"
    if rule.unless is not None:
        yield f"- unless `{condition_text(rule.unless)}`"
    yield from (_adjustment(one, "raised") for one in rule.raises)
    yield from (_adjustment(one, "lowered") for one in rule.lowers)
    yield from (f"- at most {highest:g} while `{name}` is unknown" for name, highest in rule.needs)
    yield ""


def _adjustment(one: Adjustment, verb: str) -> str:
    because = f": {_escape(one.because)}" if one.because else ""
    return f"- {verb} by {one.by:g} if `{condition_text(one.condition)}`{because}"


def _shared_fixes(rules: RuleSet) -> Iterator[str]:
    yield from ("## Fixes that several causes share", "")
    shown: set[str] = set()
    for cause in rules.causes:
        for fix in rules.knowledge(cause).fix:
            if fix.shared and fix.shared not in shown:
                shown.add(fix.shared)
                yield from (f"### Fix {fix.shared}", "", *_fix(fix), "")


def _states(rules: RuleSet) -> Iterator[str]:
    yield from ("## Which call answers what", "", "By state of the socket, native Winsock.", "")
    for state in rules.states():
        yield from (f"### State {state.id}", "", f"{_escape(state.title)}.", "")
        yield from ("| call | answers | because |", "| --- | --- | --- |")
        yield from (f"| {_escape(one.call)} | {_escape(one.error)} | {_escape(one.why)} |" for one in state.answers)
        yield ""


def _facts() -> Iterator[str]:
    yield from ("## Facts", "", "What a condition may ask for.", "")
    for family, facts in FAMILIES.items():
        yield from (f"### {family}", "", "| fact | type | meaning | unknown when |", "| --- | --- | --- | --- |")
        for fact in facts:
            yield f"| `{fact.name}` | {_type(fact)} | {_escape(fact.meaning)} | {_escape(fact.unknown_when)} |"
        yield ""


def _type(fact: Fact) -> str:
    return ", ".join(f"`{choice}`" for choice in fact.choices) if fact.type is FactType.ENUM else fact.type.value


def _settings() -> Iterator[str]:
    yield from ("## Settings", "", "| setting | type | default | meaning |", "| --- | --- | --- | --- |")
    for setting in SETTINGS.values():
        default = "none" if setting.default is None else str(setting.default)
        if setting.type is FactType.DURATION and isinstance(setting.default, int):
            default = format_duration(setting.default)
        yield f"| `$site.{setting.name}` | {setting.type.value} | {default} | {_escape(setting.meaning)} |"
    yield ""


def _limits(folder: Path) -> Iterator[str]:
    table = folder / "idle-timeouts.csv"
    if not table.exists():
        return
    limits = load_limits(table)
    yield from (
        "## Known idle limits",
        "",
        f"`{table.name}` holds {len(limits)} limits, each with the page that states it:",
        "",
    )
    yield from ("| kind | limits | read on the page | from general knowledge |", "| --- | --- | --- | --- |")
    for kind in KINDS:
        own = [limit for limit in limits if limit.kind == kind]
        if own:
            sourced = sum(limit.sourced for limit in own)
            yield f"| `{kind}` | {len(own)} | {sourced} | {len(own) - sourced} |"
    yield ""


def _main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else None
    try:
        changed = write_generated(folder)
    except NotconnError as error:
        print(error, file=sys.stderr)
        return 2
    for path in changed:
        print(f"wrote {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1:]))

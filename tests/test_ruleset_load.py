"""Rule folders: what is accepted, every complaint with its place, and the compiled form."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from analyzer.errors import RuleError
from analyzer.ruleset import load
from analyzer.ruleset.load import COMPILED, compile_rules, load_rules, read_rules
from analyzer.ruleset.model import Adjustment, All, AnyOf, Not, Reference, Test
from analyzer.units import NS

CAUSES = """\
groups:
  - id: all
    title: All of them
    causes: [server-reset, server-reset-unread-data]
  - id: beside
    title: Beside a cause
    kind: finding
    causes: [no-keepalive]
"""
FIXES = """\
reconnect:
  text: Connect again.
  code:
    Python: |
      sock = connect()
"""
STATES = """\
reset-received:
  title: The peer's RST has arrived
  answers:
    - {call: recv, error: 10054 WSAECONNRESET, why: The stack keeps the error.}
"""
CAUSE = """\
id: {cause}
title: The server reset the connection
culprit: server
owner: Whoever runs the server
summary: The server reset the connection[ after {{silence_before_end}} of silence].
why: It did.
known_problems: [none]
look_alikes:
  - {{cause: {other}, tell_apart: By the bytes.}}
counter_evidence: [a capture at the server without that RST]
would_settle: [a capture at the server]
fix:
  - use: reconnect
winsock: [reset-received]
references: [RFC 9293 §3.5.2]
samples: {{match: [], must_not: []}}
"""
OTHERS = {
    "server-reset": "server-reset-unread-data",
    "server-reset-unread-data": "server-reset",
    "no-keepalive": "server-reset",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "rules"
    made.mkdir()
    (made / "causes.yaml").write_text(CAUSES)
    (made / "fixes.yaml").write_text(FIXES)
    (made / "winsock.yaml").write_text(STATES)
    for cause, other in OTHERS.items():
        (made / f"{cause}.yaml").write_text(CAUSE.format(cause=cause, other=other))
    return made


def add_rule(folder: Path, text: str, cause: str = "server-reset") -> None:
    path = folder / f"{cause}.yaml"
    path.write_text(path.read_text() + "rules:\n" + textwrap.indent(textwrap.dedent(text), "  "))


def problems(folder: Path, samples: list[str] | None = None) -> list[str]:
    with pytest.raises(RuleError) as caught:
        read_rules(folder, samples)
    return caught.value.problems


def test_a_rule_with_everything(folder: Path) -> None:
    add_rule(
        folder,
        """\
        - id: reset-in-flight
          status: draft
          culprit: middlebox
          score: 0.7
          when:
            all:
              - ended_by: responder-rst
              - any:
                  - silence_before_end: {ge: 1s, lt: 2min}
                  - initiator_bytes: {gt: 4KiB}
              - not: {reset_both_ways: true}
          unless: {reset_sender: {in: [box, undetermined]}}
          needs: {end_captured: 0.5}
          raises:
            - if: {silence_before_end: {in: $timeouts.server}}
              by: 0.1
              because: The silence is as long as a known limit.
          lowers:
            - if: {silence_before_end: {gt: $site.idle_limit}}
              by: 0.2
        """,
    )
    (rule,) = read_rules(folder).rules
    silence = "silence_before_end"
    assert rule.when == All(
        (
            Test("ended_by", "eq", "responder-rst"),
            AnyOf(
                (
                    All((Test(silence, "ge", NS), Test(silence, "lt", 120 * NS))),
                    Test("initiator_bytes", "gt", 4096),
                )
            ),
            Not(Test("reset_both_ways", "eq", True)),
        )
    )
    assert rule.unless == Test("reset_sender", "in", ("box", "undetermined"))
    assert rule.culprit == "middlebox"
    assert rule.needs == (("end_captured", 0.5),)
    listed = Test(silence, "in", Reference("timeouts.server"))
    assert rule.raises == (Adjustment(listed, 0.1, "The silence is as long as a known limit."),)
    assert rule.lowers == (Adjustment(Test(silence, "gt", Reference("site.idle_limit")), 0.2, ""),)
    assert rule.facts == (
        "ended_by",
        silence,
        "initiator_bytes",
        "reset_both_ways",
        "reset_sender",
        "end_captured",
    )


def test_several_facts_in_one_mapping_are_all_asked(folder: Path) -> None:
    add_rule(folder, "- {id: a, status: draft, score: 0.5, when: {responder_fin: true, syn_count: 1}}")
    (rule,) = read_rules(folder).rules
    assert rule.when == All((Test("responder_fin", "eq", True), Test("syn_count", "eq", 1)))


@pytest.mark.parametrize(
    ("condition", "complaint"),
    [
        ("silence_befor_end: {gt: 60s}", "Did you mean 'silence_before_end'?"),
        ("silence_before_end: {gt: 60}", "a number with its unit, such as 350s"),
        ("silence_before_end: {gt: 60 sec}", "is no duration"),
        ("silence_before_end: {gt: 4KiB}", "is no duration"),
        ("silence_before_end: {more: 60s}", "there is no operator 'more'"),
        ("silence_before_end: {between: [60s]}", "a list of two values"),
        ("silence_before_end: {between: [60s, 5s]}", "the lower end comes first"),
        ("silence_before_end: {in: $timeouts.firewal}", "Did you mean 'firewall'?"),
        ("silence_before_end: {gt: $site.idle_limt}", "Did you mean '$site.idle_limit'?"),
        ("silence_before_end: {gt: $site.storm_attempts}", "is a int and 'silence_before_end' a duration"),
        ("syn_count: {in: $timeouts}", "only a duration can be looked up"),
        ("syn_count: {gt: many}", "a whole number"),
        ("syn_count: true", "a whole number"),
        ("initiator_bytes: {gt: 12}", "such as 512B or 4KiB"),
        ("initiator_bytes: {gt: 12kB}", "is no size"),
        ("responder_fin: {gt: true}", "has no order"),
        ("responder_fin: yes", "true or false"),
        ("responder_fin: 1", "true or false"),
        ("responder_fin: {is: unknown}", "cannot ask whether a fact is known"),
        ("ended_by: responder-rts", "Did you mean 'responder-rst'?"),
        ("ended_by: {in: []}", "takes a list of values"),
        ("all: {responder_fin: true}", "takes a list of conditions"),
        ("any: []", "at least one"),
        ("responder_fin: {}", "an operator is missing"),
    ],
)
def test_what_a_condition_may_not_be(folder: Path, condition: str, complaint: str) -> None:
    add_rule(folder, f"- id: a\n  status: draft\n  score: 0.5\n  when:\n    {condition}\n")
    found = problems(folder)
    assert len(found) == 1
    assert complaint in found[0]


def test_a_problem_shows_file_line_column_and_a_caret(folder: Path) -> None:
    add_rule(folder, "- id: a\n  status: draft\n  score: 0.5\n  when:\n    ended_by: responder-rts\n")
    line = (folder / "server-reset.yaml").read_text().split("\n").index("      ended_by: responder-rts") + 1
    assert problems(folder) == [
        (
            f"rules/server-reset.yaml:{line}:17: 'responder-rts' is no value of 'ended_by'."
            " Did you mean 'responder-rst'?\n"
            "          ended_by: responder-rts\n"
            "                    ^"
        )
    ]


def test_all_problems_come_at_once(folder: Path) -> None:
    add_rule(
        folder,
        """\
        - id: a
          status: drafty
          score: 2
          wen: {responder_fin: true}
          needs: {end_capture: 0.5}
        - id: a
          status: stable
          score: 0.5
          when: {responder_fin: nope}
        """,
    )
    (folder / "no-keepalive.yaml").write_text("id: no-keepalve\nid: twice\n")
    text = "\n".join(problems(folder))
    for complaint in (
        "there is no status 'drafty'",
        "a number from 0 to 1",
        "'wen' is not known here. Did you mean 'when'?",
        "there is no fact 'end_capture'",
        "the rule id 'a' is taken",
        "compared with true or false, not with 'nope'",
        "'id' stands here for the second time",
        "missing here: title",
        "at least one sample",
    ):
        assert complaint in text, complaint


def test_unknown_causes_and_shared_texts(folder: Path) -> None:
    path = folder / "server-reset.yaml"
    path.write_text(
        path.read_text()
        .replace("server-reset-unread-data, tell", "server-rest, tell")
        .replace("use: reconnect", "use: reconect")
        .replace("winsock: [reset-received]", "winsock: [reset-receved]")
        .replace("{silence_before_end}", "{silence}")
        .replace("culprit: server", "culprit: nobody")
    )
    text = "\n".join(problems(folder))
    assert "there is no cause 'server-rest'. Did you mean 'server-reset'?" in text
    assert "there is no shared fix 'reconect'. Did you mean 'reconnect'?" in text
    assert "there is no socket state 'reset-receved'. Did you mean 'reset-received'?" in text
    assert "there is no fact 'silence' to fill in" in text
    assert "there is no culprit 'nobody'" in text


def test_missing_samples_are_named(folder: Path) -> None:
    path = folder / "server-reset.yaml"
    path.write_text(path.read_text().replace("match: []", "match: [server-reset-linger]"))
    assert read_rules(folder).knowledge("server-reset").match == ("server-reset-linger",)
    (found,) = problems(folder, samples=["server-reset-linger0"])
    assert "there is no sample 'server-reset-linger'. Did you mean 'server-reset-linger0'?" in found


def test_a_cause_without_file_and_a_file_of_another_name(folder: Path) -> None:
    (folder / "no-keepalive.yaml").rename(folder / "keepalive.yaml")
    assert "the file of 'no-keepalive' is called no-keepalive.yaml" in problems(folder)[0]
    (folder / "keepalive.yaml").unlink()
    assert problems(folder) == ["causes.yaml:1:1: the cause 'no-keepalive' has no file no-keepalive.yaml."]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"a: [", "this is no valid YAML"),
        (b"", "the file is empty"),
        (b"- a\n", "a mapping is expected"),
        (b"\xff\xfe", "no UTF-8 text"),
        (b"a: &x [*x]\n", "aliases are not allowed"),
        (b"a: &x 1\nb: *x\n", "aliases are not allowed"),
        (b"? [a, b]\n: 1\n", "a key must be one word"),
        (b"!!python/object:os.system x\n", "tag"),
        (b"a: 1\n---\nb: 2\n", "a second document begins here"),
        (b"a: " + b"[" * 5000 + b"]" * 5000, "nested more than"),
    ],
)
def test_files_that_are_no_rules(folder: Path, content: bytes, complaint: str) -> None:
    (folder / "no-keepalive.yaml").write_bytes(content)
    assert any(complaint in one for one in problems(folder))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="name an existing one"):
        load_rules(directory=tmp_path / "nowhere")


def test_words_that_yaml_would_bend_stay_text(folder: Path) -> None:
    path = folder / "server-reset.yaml"
    path.write_text(path.read_text().replace("references: [RFC 9293 §3.5.2]", "references: [1:30, yes, 0x10]"))
    assert read_rules(folder).knowledge("server-reset").references == ("1:30", "yes", "0x10")


def test_the_compiled_form_says_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_rule(folder, "- {id: a, status: draft, score: 0.5, when: {silence_before_end: {in: [$site.idle_limit, 5s]}}}")
    read = read_rules(folder)
    (folder / COMPILED).write_text(compile_rules(folder), encoding="utf-8")
    monkeypatch.setattr(load, "_check", None)  # the sources must not be needed
    loaded = load_rules(directory=folder)
    assert (loaded.rules, loaded.causes, loaded.groups) == (read.rules, read.causes, read.groups)
    assert loaded.stamp == read.stamp
    assert loaded.states() == read.states()
    for cause in OTHERS:
        assert loaded.knowledge(cause) == read.knowledge(cause)


def test_a_stale_or_broken_compiled_form_is_not_used(folder: Path) -> None:
    compiled = folder / COMPILED
    compiled.write_text(compile_rules(folder), encoding="utf-8")
    add_rule(folder, "- {id: a, status: draft, score: 0.5, when: {responder_fin: true}}")
    assert [rule.id for rule in load_rules(directory=folder).rules] == ["a"]
    good = compile_rules(folder)
    for broken in ("", good[: len(good) // 2], "{}", good.replace('"rules"', '"ruled"')):
        compiled.write_text(broken, encoding="utf-8")
        assert [rule.id for rule in load_rules(directory=folder).rules] == ["a"]


def test_line_ends_do_not_make_the_compiled_form_stale(folder: Path) -> None:
    before = read_rules(folder).stamp
    for path in folder.glob("*.yaml"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_rules(folder).stamp == before


def test_an_extra_folder_adds_and_replaces_rules(folder: Path, tmp_path: Path) -> None:
    add_rule(folder, "- {id: a, status: draft, score: 0.5, when: {responder_fin: true}}")
    own = tmp_path / "own"
    own.mkdir()
    (own / "ours.yaml").write_text(
        "id: server-reset\nrules:\n"
        "  - {id: a, status: draft, score: 0.9, when: {responder_fin: true}}\n"
        "  - {id: b, status: draft, score: 0.2, when: {initiator_fin: true}}\n"
    )
    loaded = load_rules([own], folder)
    assert [(rule.id, rule.score) for rule in loaded.rules] == [("a", 0.9), ("b", 0.2)]
    assert loaded.knowledge("server-reset").title == "The server reset the connection"


def test_an_extra_folder_may_bring_a_cause_of_its_own(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "causes.yaml").write_text("groups:\n  - {id: ours, title: Ours, causes: [our-proxy]}\n")
    (own / "our-proxy.yaml").write_text(CAUSE.format(cause="our-proxy", other="server-reset"))
    loaded = load_rules([own], folder)
    assert loaded.causes["our-proxy"].group == "ours"
    assert loaded.knowledge("our-proxy").look_alikes[0].cause == "server-reset"


def test_an_extra_folder_is_checked_too(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "ours.yaml").write_text("id: sever-reset\n")
    with pytest.raises(RuleError, match="Did you mean 'server-reset'"):
        load_rules([own], folder)


def test_knowledge_is_complete_and_shared_texts_are_put_in(folder: Path) -> None:
    rules = read_rules(folder)
    knowledge = rules.knowledge("server-reset")
    assert knowledge.fix[0].text == "Connect again."
    assert knowledge.fix[0].code == {"Python": "sock = connect()"}
    assert [answer.call for answer in knowledge.winsock] == ["recv"]
    assert rules.causes["no-keepalive"].kind == "finding"
    assert rules.states()[0].title == "The peer's RST has arrived"
    with pytest.raises(KeyError):
        rules.knowledge("nothing")


def test_lineage_follows_refines(folder: Path) -> None:
    path = folder / "server-reset-unread-data.yaml"
    path.write_text(path.read_text() + "refines: server-reset\n")
    rules = read_rules(folder)
    assert rules.lineage("server-reset-unread-data") == ("server-reset-unread-data", "server-reset")
    assert rules.lineage("server-reset") == ("server-reset",)

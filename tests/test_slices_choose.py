from __future__ import annotations

from itertools import pairwise

from analyzer.account.write import incident_report
from analyzer.pipeline import Question, examine
from analyzer.slices.choose import WIDEST, choose
from tests.cases import sample


def chosen(name: str, width: int = 0):  # type: ignore[no-untyped-def]
    case = sample(name)
    examined = examine(Question([str(case.capture)], [str(case.log)], hash_files=False))
    part, incident = examined.incident("1")
    written = incident_report(1, incident, part.around, examined.rules)
    return choose(part.around, incident, written, width), part, incident


def test_the_incidents_connection_and_the_bounds_of_the_capture_are_always_there() -> None:
    choice, part, incident = chosen("database-idle-behind-firewall")
    flow = incident.diagnosis.examination.reading.flow
    assert choice.flows[flow.index] == "the connection of the incident"
    assert {1, part.around.capture.info.packets} <= set(choice.frames)
    assert not choice.everything


def test_the_control_connection_comes_with_its_data_connection() -> None:
    choice, part, _ = chosen("ftp-data-connection-dropped")
    assert {part.around.rows[index].responder.port for index in choice.flows} >= {21}
    assert len(choice.flows) >= 2


def test_an_incident_without_a_connection_gets_the_lookups_near_it() -> None:
    choice, _, _ = chosen("name-does-not-exist")
    assert any(why.startswith("DNS") for why in choice.frames.values())


def test_each_width_holds_the_one_before_it() -> None:
    sizes = [chosen("nothing-listens", width)[0] for width in range(WIDEST + 1)]
    for narrow, wide in pairwise(sizes):
        assert set(narrow.flows) <= set(wide.flows)
        assert set(narrow.frames) <= set(wide.frames)
    assert sizes[-1].everything

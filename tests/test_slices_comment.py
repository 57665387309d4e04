from __future__ import annotations

from analyzer.slices.choose import Choice
from analyzer.slices.comment import packet_comments, section_comment
from tests import report_samples as samples


def test_telling_packets_carry_their_original_number_and_stream() -> None:
    incident = samples.idle_drop_incident()
    frame = incident.evidence[0].frames[0]
    bounds = {1: "the first packet of the capture: when it began"}
    choice = Choice(flows={4: "the connection of the incident"}, frames=bounds)
    said = packet_comments(incident, choice, {frame: 4, frame - 1: 4}, {4: incident.stream or 0})
    assert said[frame].startswith(f"notconn: frame {frame}, tcp.stream {incident.stream} of the capture.")
    assert incident.evidence[0].statement in said[frame]
    assert said[1] == "notconn: frame 1 of the capture. The first packet of the capture: when it began."
    assert any("DECISIVE." in text for text in said.values())


def test_words_of_a_capture_come_out_harmless() -> None:
    report = samples.hostile()
    said = packet_comments(report.incidents[0], Choice(), {}, {})
    assert all(text.isprintable() for text in said.values())


def test_the_files_comment_names_verdict_source_and_frames() -> None:
    incident, capture = samples.idle_drop_incident(), samples.capture()
    text = section_comment(
        incident, capture, [1, 23, 24, 25, 40], program="notconn 1", redacted=True, checked="Analysed again: the same."
    )
    assert incident.cause in text
    assert capture.sha256 in text
    assert "Redacted" in text
    assert "Analysed again: the same." in text
    assert text.endswith("Frames here = frames of the capture: 1=1, 2-4=23-25, 5=40.")
    plain = section_comment(incident, capture, [1], program="notconn 1", redacted=False, checked="")
    assert "Redacted" not in plain

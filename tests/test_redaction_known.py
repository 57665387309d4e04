from __future__ import annotations

from pathlib import Path

from analyzer.endpoint import Endpoint
from analyzer.logs.model import SocketRow
from analyzer.logs.read import read_log
from analyzer.redaction.known import learn, mask_endpoint, mask_log, mask_socket
from analyzer.redaction.masks import Masks

KEY = bytes(range(32))


def test_a_log_reads_as_if_hosts_had_other_names_and_nothing_else_changes(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text(
        "2026-05-26 02:03:10.000 connecting to files.corp.example:443\n"
        "2026-05-26 02:03:11.120 send failed: 10057 WSAENOTCONN 10.9.0.7:21\n",
        encoding="utf-8",
    )
    log = read_log(path)
    masks = Masks(KEY)
    learn(masks, (), [log], ["530 alice cannot log in"], ["tcp and host web01.corp.example and src net 10.0.0.0/8"])
    assert "web01" not in masks.text("taken with the filter 'host web01.corp.example'")
    masked = mask_log(log, masks)
    assert [(one.line, one.code, one.call, one.time_ns) for one in masked.events] == [
        (one.line, one.code, one.call, one.time_ns) for one in log.events
    ]
    text = " ".join(one.text for one in masked.events)
    assert "files.corp" not in text
    assert "10.9.0.7" not in text
    remote = log.events[-1].remote
    assert remote is not None
    assert masked.events[-1].remote == mask_endpoint(remote, masks)
    assert masks.text("said: 530 alice cannot log in") == "said: 530 xxxxx cannot log in"
    assert masked.context(masked.events[-1]) is not None


def test_a_socket_row_keeps_all_but_its_addresses() -> None:
    masks = Masks(KEY)
    row = SocketRow(Endpoint(bytes((10, 0, 0, 5)), 50000), None, "CLOSE_WAIT", 7, "app.exe")
    masked = mask_socket(row, masks)
    assert masked.local == Endpoint(masks.address(bytes((10, 0, 0, 5))), 50000)
    assert (masked.remote, masked.state, masked.pid, masked.process) == (None, "CLOSE_WAIT", 7, "app.exe")

"""What tshark reads in the guilty streams, through pyshark: error replies of protocols that the built-in reader skips.

Only the packets of a few incidents go to tshark, in a file of their own, bounded in number and in time. What it answers
is added as evidence; no verdict rests on it, so a report says the same of the cause with and without.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from analyzer.capture.file import iter_frames
from analyzer.capture.interfaces import find_tshark
from analyzer.capture.pcapng_writer import PcapngWriter
from analyzer.errors import UsageError
from analyzer.incidents.part import Part
from analyzer.pipeline import Examined
from analyzer.report.escape import plain
from analyzer.report.model import Evidence, Report
from analyzer.report.phrases import frame_filter
from analyzer.signals.protocol import Protocol
from analyzer.signals.reading import Reading
from analyzer.slices.gather import frames_of
from analyzer.values import dataclass

__all__ = ["dissect"]

_MOST_INCIDENTS = 5
_EDGE = 500
"""Packets of the stream's beginning and of its end that are dissected."""
_MOST_STATEMENTS = 6
_MOST_TEXT = 120
_SECONDS = 20.0
"""For each stream; tshark answers in about one."""


@dataclass(frozen=True, slots=True)
class _Tell:
    """One kind of message worth telling."""

    layer: str
    fields: tuple[str, ...]
    """The first must be there."""
    words: str
    is_telling: Callable[[str], bool] = lambda _value: True
    text: str | None = None
    """A field that holds what the server wrote: it is quoted unless the report is redacted."""


def _is_error_reply(code: str) -> bool:
    return code.isdecimal() and int(code) >= 400


def _is_failure(code: str) -> bool:
    return re.fullmatch(r"(?:0x)?0+", code) is None


_SMB_ORDINARY = ("0x00000000", "0x00000103", "0xc0000016", "0x80000006")
"""Success, pending, more processing required, no more files (MS-ERREF §2.3.1)."""

_TELLS = (
    _Tell("tls", ("tls.alert_message.desc", "tls.alert_message.level"), "a TLS alert"),
    _Tell("http", ("http.response.code",), "the HTTP status", _is_error_reply, "http.response.phrase"),
    _Tell("http2", ("http2.rst_stream.error",), "a reset of an HTTP/2 stream", _is_failure),
    _Tell("http2", ("http2.goaway.error",), "an HTTP/2 GOAWAY"),
    _Tell("ftp", ("ftp.response.code",), "the FTP reply", _is_error_reply, "ftp.response.arg"),
    _Tell("smtp", ("smtp.response.code",), "the SMTP reply", _is_error_reply, "smtp.rsp.parameter"),
    _Tell("mysql", ("mysql.error_code",), "the MySQL error", _is_failure, "mysql.error.message"),
    _Tell("pgsql", ("pgsql.code",), "the PostgreSQL error", _is_failure, "pgsql.message"),
    _Tell("tds", ("tds.error.number",), "the SQL Server error", _is_failure, "tds.error.msgtext"),
    _Tell("ldap", ("ldap.resultCode",), "the LDAP result", _is_failure, "ldap.errorMessage"),
    _Tell("smb2", ("smb2.nt_status",), "the SMB status", lambda code: code.lower() not in _SMB_ORDINARY),
    _Tell(
        "amqp", ("amqp.method.arguments.reply_code",), "the AMQP reply", _is_failure, "amqp.method.arguments.reply_text"
    ),
    _Tell("mqtt", ("mqtt.conack.val",), "the MQTT answer to the connect", _is_failure),
    _Tell("mqtt", ("mqtt.disconnect.reason_code",), "the MQTT reason of the disconnect"),
    _Tell("ssh", ("ssh.disconnect_reason",), "the SSH reason of the disconnect"),
    _Tell("resp", ("resp.error",), "an error of Redis", text="resp.error"),
)
_NAMES = {
    Protocol.TLS: "tls",
    Protocol.HTTP: "http",
    Protocol.FTP: "ftp",
    Protocol.SMTP: "smtp",
    Protocol.SSH: "ssh",
    Protocol.MYSQL: "mysql",
    Protocol.POSTGRES: "pgsql",
    Protocol.TDS: "tds",
    Protocol.REDIS: "resp",
}
"""What Wireshark calls the protocols that the first bytes tell, whatever the port."""


def dissect(examined: Examined, report: Report, *, quote: bool = True) -> tuple[Report, list[str]]:
    """Return the report with what tshark reads in its leading incidents, and sentences on what could not be asked.

    ``quote`` allows the words of servers in it. Raises UsageError where tshark or pyshark is missing.
    """
    tshark = find_tshark()
    if tshark is None:
        raise UsageError("--deep needs tshark, which is not installed: install Wireshark, or leave --deep out")
    told: list[str] = []
    found: dict[str, tuple[Evidence, ...]] = {}
    leading = [one for one in report.leading() if one.stream is not None and examined.holds(one.id)]
    for one in leading[:_MOST_INCIDENTS]:
        part, incident = examined.incident(one.id)
        reading = incident.diagnosis.examination.reading
        if reading is None:
            continue
        if part.around.capture.info.path == "-":
            told.append("tshark needs a second look at the packets: write standard input to a file first")
            break
        try:
            found[one.id] = _read(part, reading, tshark, quote)
        except ImportError:
            raise UsageError("--deep needs pyshark, which is not installed: pip install pyshark") from None
        except TimeoutError:
            told.append(f"tshark took longer than {_SECONDS:.0f} s for incident {one.id}; the report is without it")
        except Exception as error:  # noqa: BLE001 - pyshark passes on whatever asyncio, lxml and tshark fail with
            why = plain(str(error).partition("\n")[0], _MOST_TEXT) or type(error).__name__
            told.append(f"tshark could not read the packets of incident {one.id} ({why}); the report is without it")
    incidents = tuple(replace(one, evidence=(*one.evidence, *found.get(one.id, ()))) for one in report.incidents)
    return replace(report, incidents=incidents), told


def _read(part: Part, reading: Reading, tshark: str, quote: bool) -> tuple[Evidence, ...]:
    info, flow = part.around.capture.info, reading.flow
    frames = sorted(frames_of(info, [part.around.rows[flow.index]]))
    if len(frames) > 2 * _EDGE:
        frames = frames[:_EDGE] + frames[-_EDGE:]
    with TemporaryDirectory(prefix="notconn-") as folder:
        place = Path(folder) / "stream.pcapng"
        with place.open("wb") as stream:
            writer = PcapngWriter(stream)
            for raw in iter_frames(info, frames):
                writer.packet(writer.interface(raw.link_type, 0), raw.ts_ns, raw.data, raw.original_length)
        said: dict[str, list[int]] = {}
        name = _NAMES.get(reading.talk.protocol)
        decode_as = {f"tcp.port=={flow.responder.endpoint.port}": name} if name is not None else {}

        def hear(packet: Any) -> None:
            for statement in _statements(packet, quote):
                said.setdefault(statement, []).append(frames[int(packet.number) - 1])

        _run(place, tshark, decode_as, hear)
    return tuple(
        Evidence(statement, tuple(dict.fromkeys(numbers)), frame_filter(numbers))
        for statement, numbers in list(said.items())[:_MOST_STATEMENTS]
    )


@contextmanager
def _asyncio_as_it_was() -> Iterator[None]:
    """Undo what pyshark does to the whole program: another watcher for its children, and a loop."""
    import asyncio

    if not hasattr(asyncio, "set_child_watcher"):
        yield
        return
    policy = asyncio.get_event_loop_policy()
    watcher = policy.get_child_watcher()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        policy.set_child_watcher(watcher)
        asyncio.set_event_loop(None)
        loop.close()


def _run(place: Path, tshark: str, decode_as: Mapping[str, str], hear: Callable[[Any], None]) -> None:
    with warnings.catch_warnings():
        # pyshark calls what newer versions of asyncio advise against.
        warnings.simplefilter("ignore")
        with _asyncio_as_it_was():
            _dissect_file(place, tshark, decode_as, hear)


def _dissect_file(place: Path, tshark: str, decode_as: Mapping[str, str], hear: Callable[[Any], None]) -> None:
    import pyshark

    capture = pyshark.FileCapture(
        str(place),
        keep_packets=False,
        display_filter=" or ".join(dict.fromkeys(tell.layer for tell in _TELLS)),
        decode_as=dict(decode_as),
        tshark_path=tshark,
        # No name servers: what they say today is no evidence, and they would learn who is looked at.
        custom_parameters=["-n"],
    )
    try:
        capture.apply_on_packets(hear, timeout=_SECONDS)
    except BaseException:
        with suppress(Exception):
            capture.close()
        raise
    # Closing tells when tshark itself failed.
    capture.close()


def _statements(packet: Any, quote: bool) -> list[str]:
    found = []
    for layer in packet.layers:
        for tell in _TELLS:
            if layer.layer_name != tell.layer:
                continue
            first = layer.get_field(tell.fields[0])
            if first is None or not tell.is_telling(str(first)):
                continue
            fields = (layer.get_field(name) for name in tell.fields if name != tell.text)
            parts = [_shown(field) for field in fields if field is not None]
            text = layer.get_field(tell.text) if quote and tell.text is not None else None
            parts += [f'"{plain(str(text), _MOST_TEXT)}"'] if text is not None else []
            found.append(f"tshark reads {tell.words}{': ' if parts else ''}{', '.join(parts)}.")
    return found


def _shown(field: Any) -> str:
    return plain(str(getattr(field, "showname_value", None) or field), _MOST_TEXT)

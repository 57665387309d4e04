"""What every test may ask for."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from analyzer.cli.main import main

# A loaded machine is no defect of ours: laws are about answers, and speed has its own benchmark.
settings.register_profile("notconn", deadline=None)
settings.load_profile("notconn")
# Whoever starts the tests in the background may have them ignore Ctrl-C, which the programs they start would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_BESIDE = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of captures and facts that is not part of the project; the test is skipped where it is missing."""
    folder = Path(os.environ.get("NOTCONN_SHARED", _BESIDE))
    if not (folder / "captures").is_dir():
        pytest.skip(f"no captures in {folder}: set NOTCONN_SHARED to the folder that holds them")
    return folder


@dataclass(frozen=True, slots=True)
class Ran:
    """What a call of the command line left behind."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """What standard error says, where it says one thing and no traceback."""
        assert "Traceback" not in self.err
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("notconn: ")
        return lines[0].removeprefix("notconn: ")


@pytest.fixture
def notconn(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Ran]:
    """Run the command line in this process, the real one from its arguments to its exit code."""

    def run(*arguments: object) -> Ran:
        capfdbinary.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        return Ran(code, out.decode("utf-8", "surrogateescape"), err.decode("utf-8", "surrogateescape"))

    return run


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A capture of two connections: one that closes in order, one that the server resets after 75 s of silence."""
    from tests.wire import Conversation, write_pcap

    ordinary = Conversation(client="10.0.0.5:50122", server="10.9.0.7:80", rtt_ms=20)
    ordinary.handshake()
    ordinary.exchange(b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")
    ordinary.close()
    idle = Conversation(client="10.0.0.5:50123", server="10.9.0.7:21", rtt_ms=20)
    idle.handshake()
    idle.server(b"220 ready\r\n")
    idle.client(b"USER batch\r\n")
    idle.wait("75s")
    idle.server_rst()
    return write_pcap(tmp_path / "capture.pcap", ordinary.packets + idle.packets)

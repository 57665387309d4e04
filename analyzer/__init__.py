"""Why did this socket stop being connected? Reads packet captures and answers with frames for proof.

    import analyzer

    report = analyzer.analyze("capture.pcapng", logs=["app.log"])
    print(analyzer.render(report, "text").decode())
    flows = analyzer.flows_frame("capture.pcapng")

What is named here is the public interface (docs/python-api.md); every other module is free to change. Importing the
package costs next to nothing: a name is loaded when it is first used, pandas only by what returns a DataFrame.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from analyzer.version import program_version

if TYPE_CHECKING:
    from analyzer.api import analyze, read
    from analyzer.capture.file import Capture
    from analyzer.endpoint import Endpoint
    from analyzer.errors import CaptureError, InputError, LogError, NotconnError, OutputError, RuleError, UsageError
    from analyzer.flows.model import Flow
    from analyzer.frames import flows_frame, incidents_frame, resets_frame, silences_frame
    from analyzer.report.model import IncidentReport, Report
    from analyzer.report.render import render

__version__ = program_version()
__all__ = [
    "Capture",
    "CaptureError",
    "Endpoint",
    "Flow",
    "IncidentReport",
    "InputError",
    "LogError",
    "NotconnError",
    "OutputError",
    "Report",
    "RuleError",
    "UsageError",
    "__version__",
    "analyze",
    "flows_frame",
    "incidents_frame",
    "read",
    "render",
    "resets_frame",
    "silences_frame",
]

_HOME = {
    "Capture": "analyzer.capture.file",
    "CaptureError": "analyzer.errors",
    "Endpoint": "analyzer.endpoint",
    "Flow": "analyzer.flows.model",
    "IncidentReport": "analyzer.report.model",
    "InputError": "analyzer.errors",
    "LogError": "analyzer.errors",
    "NotconnError": "analyzer.errors",
    "OutputError": "analyzer.errors",
    "Report": "analyzer.report.model",
    "RuleError": "analyzer.errors",
    "UsageError": "analyzer.errors",
    "analyze": "analyzer.api",
    "flows_frame": "analyzer.frames",
    "incidents_frame": "analyzer.frames",
    "read": "analyzer.api",
    "render": "analyzer.report.render",
    "resets_frame": "analyzer.frames",
    "silences_frame": "analyzer.frames",
}


def __getattr__(name: str) -> Any:
    """Load a public name at its first use."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'analyzer' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

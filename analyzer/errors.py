"""Every exception of ours.

    NotconnError                    base: the command line prints it as one sentence and exits 2
    ├── InputError                  what the user gave cannot be used; says the place and the remedy
    │   ├── CaptureError            a capture file or device
    │   ├── LogError                an application log, event log or socket table
    │   ├── RuleError               a rule, cause or site file; carries every problem found, not the first
    │   └── UsageError              options that contradict each other
    └── OutputError                 a report or slice that cannot be written, or would overwrite something

Any other exception that leaves the package is a defect.
"""

from __future__ import annotations

__all__ = [
    "CaptureError",
    "InputError",
    "LogError",
    "NotconnError",
    "OutputError",
    "RuleError",
    "UsageError",
]


class NotconnError(Exception):
    """Base of all expected failures. ``str()`` is one sentence: what, where, remedy."""


class InputError(NotconnError):
    """Something the user gave cannot be used."""


class CaptureError(InputError):
    """A capture file or device cannot be read."""


class LogError(InputError):
    """A log, event log or socket table cannot be read."""


class RuleError(InputError):
    """A rule, cause list or site file is wrong. ``problems`` holds every one, each with its place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UsageError(InputError):
    """The call itself is wrong."""


class OutputError(NotconnError):
    """A result cannot be written where it was asked for."""

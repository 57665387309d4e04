"""Where a report is to go: ``jira:PROJ-12``, ``github:owner/repo#12``, ``mailto:ops@corp.example``."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from analyzer.errors import UsageError
from analyzer.values import dataclass

__all__ = ["SYSTEMS", "System", "Target", "parse_target"]


@dataclass(frozen=True, slots=True)
class System:
    """One kind of ticket system."""

    title: str
    module: str
    form: str
    """What follows the name and a colon, as an example."""
    pattern: re.Pattern[str]
    address: str = ""
    """Of the public service; empty where each customer has a server of its own."""


def _system(title: str, module: str, form: str, pattern: str, address: str = "") -> System:
    return System(title, module, form, re.compile(pattern), address)


SYSTEMS: dict[str, System] = {
    "jira": _system("Jira", "jira", "PROJ-12", r"(?P<key>[A-Z][A-Z0-9_]{0,30}-[0-9]{1,9})"),
    "servicenow": _system("ServiceNow", "servicenow", "INC0010023", r"(?P<number>[A-Z]{2,10}[0-9]{4,12})"),
    "github": _system(
        "GitHub",
        "github",
        "owner/repo#12",
        r"(?P<owner>[A-Za-z0-9-]{1,39})/(?P<repo>[A-Za-z0-9._-]{1,100})#(?P<number>[0-9]{1,9})",
        "https://api.github.com",
    ),
    "gitlab": _system(
        "GitLab",
        "gitlab",
        "group/project#12",
        r"(?P<project>[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+){1,20})(?P<kind>[#!])(?P<number>[0-9]{1,9})",
        "https://gitlab.com",
    ),
    "azure": _system(
        "Azure DevOps",
        "azure",
        "organization/project#12",
        r"(?P<organization>[A-Za-z0-9-]{1,50})/(?P<project>[^/#?%:\\]{1,64})#(?P<number>[0-9]{1,9})",
        "https://dev.azure.com",
    ),
    "zendesk": _system("Zendesk", "zendesk", "35436", r"#?(?P<number>[0-9]{1,12})"),
    "redmine": _system("Redmine", "redmine", "123", r"#?(?P<number>[0-9]{1,9})"),
    "rt": _system("Request Tracker", "rt", "123", r"#?(?P<number>[0-9]{1,9})"),
    "mailto": _system(
        "e-mail", "mail", "ops@corp.example", r"(?P<to>[^\s@,;<>]+@[^\s@,;<>]+(?:,[^\s@,;<>]+@[^\s@,;<>]+){0,19})"
    ),
}
_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))


@dataclass(frozen=True, slots=True)
class Target:
    """One ticket."""

    name: str
    """Key of `SYSTEMS`."""
    parts: dict[str, str]
    base: str
    """Address of the server, without a slash at its end; empty for mail."""

    @property
    def system(self) -> System:
        """The kind of ticket system."""
        return SYSTEMS[self.name]

    @property
    def ticket(self) -> str:
        """What people call the ticket."""
        parts = self.parts
        if self.name == "github":
            return f"{parts['owner']}/{parts['repo']}#{parts['number']}"
        if self.name == "gitlab":
            return f"{parts['project']}{parts['kind']}{parts['number']}"
        if self.name == "azure":
            return f"{parts['organization']}/{parts['project']}#{parts['number']}"
        return next(iter(parts.values()))


def parse_target(text: str) -> Target:
    """Read what stands after ``--to``; the server's address comes from ``NOTCONN_<SYSTEM>_URL``. Raises UsageError."""
    name, _, rest = text.partition(":")
    system = SYSTEMS.get(name.lower())
    if system is None:
        forms = ", ".join(f"{key}:{one.form}" for key, one in SYSTEMS.items())
        raise UsageError(f"--to {text!r}: there is no ticket system {name!r}; write one of {forms}")
    refusal = f"--to {text!r}: this is no ticket of {system.title}; write it like {name.lower()}:{system.form}"
    match = system.pattern.fullmatch(rest.upper() if name.lower() in ("jira", "servicenow") else rest)
    if match is None:
        raise UsageError(refusal)
    parts = match.groupdict()
    if any(set(part) <= {"."} for part in "/".join(parts.values()).split("/")):
        # A dot would lead to another address of the server.
        raise UsageError(refusal)
    base = "" if name.lower() == "mailto" else _base(name.lower(), system)
    return Target(name.lower(), parts, base)


def _base(name: str, system: System) -> str:
    variable = f"NOTCONN_{name.upper()}_URL"
    base = (os.environ.get(variable) or system.address).rstrip("/")
    if not base:
        raise UsageError(f"the address of your {system.title} is not known; set {variable}=https://...")
    try:
        url = urlsplit(base)
        host = url.hostname or ""
    except ValueError:
        url, host = urlsplit(""), ""
    if url.scheme == "http" and host in _LOOPBACK:
        # Nothing leaves this machine.
        return base
    if url.scheme != "https" or not host or url.username or url.query or url.fragment:
        raise UsageError(f"{variable} is {base!r}; it must be https://host and no more than a path behind it")
    return base

"""From a target to what speaks its system's language."""

from __future__ import annotations

from typing import Any

from analyzer.tickets.credentials import Credentials, read_credentials
from analyzer.tickets.deliver import Vendor
from analyzer.tickets.target import Target

__all__ = ["vendor_of"]


def vendor_of(target: Target, *, dry: bool = False, **more: Any) -> Vendor:
    """Return the vendor for a target; ``dry`` needs no token, for nothing is sent. Raises UsageError, OutputError."""
    if dry:
        credentials = Credentials("none", "nobody@invalid")
    else:
        # Mail servers inside a company often take mail without a login.
        credentials = read_credentials(target.name, target.system.title, needed=target.name != "mailto")
    match target.name:
        case "jira":
            from analyzer.tickets.jira import Jira as Chosen
        case "servicenow":
            from analyzer.tickets.servicenow import ServiceNow as Chosen  # type: ignore[assignment]
        case "github":
            from analyzer.tickets.github import GitHub as Chosen  # type: ignore[assignment]
        case "gitlab":
            from analyzer.tickets.gitlab import GitLab as Chosen  # type: ignore[assignment]
        case "azure":
            from analyzer.tickets.azure import AzureDevOps as Chosen  # type: ignore[assignment]
        case "zendesk":
            from analyzer.tickets.zendesk import Zendesk as Chosen  # type: ignore[assignment]
        case "redmine":
            from analyzer.tickets.redmine import Redmine as Chosen  # type: ignore[assignment]
        case "rt":
            from analyzer.tickets.rt import RequestTracker as Chosen  # type: ignore[assignment]
        case _:
            from analyzer.tickets.mail import Mail as Chosen  # type: ignore[assignment]
    return Chosen(target, credentials, **more)

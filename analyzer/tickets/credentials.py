"""Tokens: from the environment or the system's keyring, never from the command line, never shown."""

from __future__ import annotations

import os

from analyzer.errors import UsageError
from analyzer.values import dataclass, field

__all__ = ["Credentials", "read_credentials"]

_SERVICE = "notconn"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who speaks to a server."""

    token: str = field(repr=False)
    user: str = ""
    """Where the token is that of a user: a mail address or a login."""

    def hide(self, text: str) -> str:
        """Return ``text`` without the token, should a server have sent it back."""
        return text.replace(self.token, "[token]") if self.token else text


def read_credentials(name: str, title: str, *, needed: bool = True) -> Credentials:
    """Return the token of a system, from ``NOTCONN_<SYSTEM>_TOKEN`` or the keyring's ``notconn`` entry of that name.

    Raises UsageError where there is none and it is ``needed``.
    """
    variable = f"NOTCONN_{name.upper()}_TOKEN"
    token = os.environ.get(variable, "").strip() or _from_keyring(name)
    if not token and needed:
        raise UsageError(
            f"there is no token for {title}; set {variable}, or put it into the keyring: keyring set {_SERVICE} {name}"
        )
    if any(ord(character) < 33 or ord(character) > 126 for character in token) and name != "mailto":
        raise UsageError(f"the token in {variable} has a blank or a character that no token has; copy it again")
    return Credentials(token, os.environ.get(f"NOTCONN_{name.upper()}_USER", "").strip())


def _from_keyring(name: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return ""
    try:
        return (keyring.get_password(_SERVICE, name) or "").strip()
    except (KeyringError, RuntimeError, OSError):
        # A machine without a keyring is as good as one with an empty one.
        return ""

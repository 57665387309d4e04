"""Where the key of a redaction comes from: made at random, or a secret that is kept outside the command line."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from analyzer.errors import UsageError

__all__ = ["KEY_BYTES", "random_key", "read_key"]

KEY_BYTES = 32
_LEAST = 12
_SALT = b"notconn redact-key 1"
_FORMS = "env:NAME, keyring:NAME or file:PATH"


def random_key() -> bytes:
    """Return a key that nobody can name again: the replacements of this run fit no other run's."""
    return secrets.token_bytes(KEY_BYTES)


def read_key(place: str) -> bytes:
    """Return the key that ``env:NAME``, ``keyring:NAME`` or ``file:PATH`` holds.

    64 hexadecimal digits are the key itself; any other text of at least 12 characters is stretched to one by scrypt
    (RFC 7914). Raises UsageError where nothing is found, and for a secret given in the place of its name.
    """
    kind, _, name = place.partition(":")
    if kind == "env" and name:
        text = os.environ.get(name, "")
        missing = f"--redact-key: the environment has no variable {name}, or it is empty"
    elif kind == "file" and name:
        text, missing = _from_file(name), f"--redact-key: {name} is empty"
    elif kind == "keyring" and name:
        text, missing = _from_keyring(name), f"--redact-key: the keyring holds no secret 'redact-key' of {name!r}"
    else:
        raise UsageError(
            f"--redact-key takes the place of a secret and not the secret, which others could read in the list of "
            f"processes: {_FORMS}"
        )
    text = text.strip()
    if not text:
        raise UsageError(f"{missing}; put a secret there, or leave the option out for a random key")
    return _stretch(text, place)


def _stretch(text: str, place: str) -> bytes:
    if len(text) == 2 * KEY_BYTES:
        try:
            return bytes.fromhex(text)
        except ValueError:
            pass
    if len(text) < _LEAST:
        raise UsageError(f"--redact-key: the secret in {place} has {len(text)} characters; take {_LEAST} or more")
    return hashlib.scrypt(text.encode("utf-8", "surrogateescape"), salt=_SALT, n=1 << 14, r=8, p=1, dklen=KEY_BYTES)


def _from_file(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"--redact-key: {name} cannot be read ({reason}); check the name") from None


def _from_keyring(name: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise UsageError(
            "--redact-key: keyring is not installed: pip install 'notconn[tickets]', or use env:NAME or file:PATH"
        ) from None
    try:
        return keyring.get_password(name, "redact-key") or ""
    except KeyringError as error:
        raise UsageError(f"--redact-key: the keyring cannot be asked ({error}); use env:NAME or file:PATH") from None

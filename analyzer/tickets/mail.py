"""E-mail over SMTP with verified TLS: the answer to every other system (RFC 5321, 3207, 8314)."""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from urllib.parse import urlsplit

from analyzer.errors import UsageError
from analyzer.report.escape import plain
from analyzer.report.phrases import headline
from analyzer.tickets.credentials import Credentials
from analyzer.tickets.deliver import Known, Unchanging, Uploaded
from analyzer.tickets.post import Dialect, File, Post
from analyzer.tickets.target import Target
from analyzer.tickets.wire import Refused

__all__ = ["Mail"]

_TIMEOUT_S = 60
_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))


class Mail(Unchanging):
    """One message. Nobody can tell whether it was sent before; by its Message-ID mail systems drop a second one."""

    title = "e-mail"
    dialect: Dialect = "text"
    longest = 200_000
    takes_files = True
    updates = False

    def __init__(self, target: Target, credentials: Credentials, **more: Any) -> None:
        del more
        self._to = target.parts["to"]
        self._credentials = credentials
        self._held: dict[str, File] = {}
        self._from = os.environ.get("NOTCONN_MAILTO_FROM", "").strip() or credentials.user
        url = os.environ.get("NOTCONN_MAILTO_URL", "")
        try:
            parts = urlsplit(url)
            self._host, self._implicit = parts.hostname or "", parts.scheme == "smtps"
            self._port = parts.port or (465 if self._implicit else 587)
        except ValueError:
            self._host = ""
        if not self._host or parts.scheme not in ("smtp", "smtps"):
            raise UsageError("the mail server is not known; set NOTCONN_MAILTO_URL=smtps://host or smtp://host:587")
        if "@" not in self._from or any(ord(one) < 33 for one in self._from):
            raise UsageError("the sender is not known; set NOTCONN_MAILTO_FROM to a mail address")

    def look(self, post: Post) -> Known:
        """Ask the server for the largest message that it takes (RFC 1870)."""
        del post
        with self._connected("asking the mail server") as server:
            size = server.esmtp_features.get("size", "")
        # Base64 makes three bytes four, and lines end.
        return Known(self._to, limit=int(int(size) * 0.72) if size.isdecimal() and int(size) else None)

    def _connected(self, step: str) -> smtplib.SMTP:
        context = ssl.create_default_context()
        try:
            if self._implicit:
                server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=_TIMEOUT_S, context=context)
                server.ehlo()
            else:
                server = smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT_S)
                server.ehlo()
                if self._host not in _LOOPBACK or server.has_extn("starttls"):
                    # Without it the report would cross the network in the clear.
                    server.starttls(context=context)
                    server.ehlo()
            if self._credentials.token:
                server.login(self._credentials.user, self._credentials.token)
        except (OSError, smtplib.SMTPException) as error:
            raise self._refused(step, error) from None
        return server

    def _refused(self, step: str, error: Exception) -> Refused:
        if isinstance(error, smtplib.SMTPResponseException):
            said = error.smtp_error
            words = f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"
        else:
            words = str(error)
        login = isinstance(error, smtplib.SMTPAuthenticationError)
        hint = "; check NOTCONN_MAILTO_USER and NOTCONN_MAILTO_TOKEN" if login else ""
        return Refused(f"e-mail: {step} failed: {self._credentials.hide(plain(words, 240))}{hint}")

    def upload(self, file: File) -> Uploaded:
        """Hold the file until the message is sent."""
        self._held[file.name] = file
        return Uploaded(file.name, file.name)

    def withdraw(self, file: Uploaded) -> bool:
        """Let go of a file that never left."""
        self._held.pop(file.name, None)
        return True

    def close(self) -> None:
        """Do nothing: each step has a connection of its own."""

    def message(self, post: Post, body: str, files: Sequence[Uploaded]) -> EmailMessage:
        """Return the message as it would be sent."""
        message = EmailMessage(policy=SMTP)
        message["From"] = self._from
        message["To"] = ", ".join(self._to.split(","))
        message["Subject"] = f"[{post.mark}] {plain(headline(post.report), 120)}"
        message["Message-ID"] = f"<{post.mark}.{post.revision}@notconn.invalid>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(body)
        for one in files:
            held = self._held[one.name]
            kind, _, sub = held.media_type.partition("/")
            message.add_attachment(held.data, maintype=kind, subtype=sub, filename=one.name)
        return message

    def write(self, post: Post, body: str, files: Sequence[Uploaded]) -> str:
        """Send the message."""
        message = self.message(post, body, files)
        step = "sending the message"
        with self._connected(step) as server:
            try:
                refused = server.send_message(message)
            except (OSError, smtplib.SMTPException) as error:
                raise self._refused(step, error) from None
        if refused:
            raise Refused(f"e-mail: {step} failed for {', '.join(refused)}; the others have it")
        return self._to

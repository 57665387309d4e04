"""Zendesk: ticket comments and uploads (developer.zendesk.com, "Attachments", "Ticket Comments")."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from analyzer.errors import UsageError
from analyzer.tickets.credentials import Credentials
from analyzer.tickets.deliver import Comment, Known, Unchanging, Uploaded
from analyzer.tickets.post import Dialect, File, Post
from analyzer.tickets.target import Target
from analyzer.tickets.wire import Api, Speaker

__all__ = ["Zendesk"]

_LIMIT = 50 << 20
"""Largest file of a comment, by Zendesk's page on attachments; no interface tells it."""
_MOST_PAGES = 50


class Zendesk(Unchanging, Speaker):
    """One ticket."""

    title = "Zendesk"
    dialect: Dialect = "fragment"
    longest = 60_000
    takes_files = True
    updates = False
    """Comments are not changed."""

    def __init__(self, target: Target, credentials: Credentials, **more: Any) -> None:
        if not credentials.user:
            raise UsageError("Zendesk tokens belong to a user; set NOTCONN_ZENDESK_USER to the user's mail address")
        self._number = target.parts["number"]
        self._base = target.base
        secret = base64.b64encode(f"{credentials.user}/token:{credentials.token}".encode()).decode()
        self.api = Api(target, credentials, {"Authorization": f"Basic {secret}"}, **more)

    def look(self, post: Post) -> Known:
        """Ask for the ticket and for earlier comments."""
        self.api.get(f"asking for ticket {self._number}", f"/api/v2/tickets/{self._number}.json")
        params: dict[str, str] = {"page[size]": "100"}
        for _ in range(_MOST_PAGES):
            path = f"/api/v2/tickets/{self._number}/comments.json"
            answer = self.api.get("reading the comments", path, params=params)
            for one in answer.get("comments", ()):
                text = f"{one.get('html_body') or ''} {one.get('body') or ''}"
                if post.mark in text:
                    return Known(self._number, Comment(str(one["id"]), text), limit=_LIMIT)
            meta = answer.get("meta") or {}
            if not meta.get("has_more"):
                break
            params["page[after]"] = str(meta.get("after_cursor"))
        return Known(self._number, limit=_LIMIT)

    def upload(self, file: File) -> Uploaded:
        """Send one file's bytes for a token that a comment may use within an hour."""
        step = f"uploading {file.name}"
        answer = self.api.json(
            self.api.send(
                step, "POST", "/api/v2/uploads.json", params={"filename": file.name}, content=file.data,
                headers={"Content-Type": file.media_type}, again=True,
            ),
            step,
        )  # fmt: skip
        return Uploaded(str(answer["upload"]["token"]), file.name)

    def withdraw(self, file: Uploaded) -> bool:
        """Delete an upload that no comment used."""
        self.api.send(f"removing {file.name}", "DELETE", f"/api/v2/uploads/{file.id}.json", again=True)
        return True

    def write(self, post: Post, body: str, files: Sequence[Uploaded]) -> str:
        """Write a comment with its files in one request; without ``public: false`` it would go to the requester."""
        comment = {"html_body": body, "public": post.public, "uploads": [one.id for one in files]}
        path = f"/api/v2/tickets/{self._number}.json"
        self.api.send("writing the comment", "PUT", path, json={"ticket": {"comment": comment}})
        return f"{self._base}/agent/tickets/{self._number}"

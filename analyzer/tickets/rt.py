"""Request Tracker 5: REST 2 (docs.bestpractical.com/rt/latest/RT/REST2.html)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from analyzer.tickets.credentials import Credentials
from analyzer.tickets.deliver import Comment, Known, Unchanging, Uploaded
from analyzer.tickets.post import Dialect, File, Post
from analyzer.tickets.target import Target
from analyzer.tickets.wire import Api, Speaker

__all__ = ["RequestTracker"]

_PAGE = 100
_MOST_PAGES = 50


class RequestTracker(Unchanging, Speaker):
    """One ticket. Files travel inside the comment, so there is one request and nothing to take back."""

    title = "Request Tracker"
    dialect: Dialect = "text"
    longest = 60_000
    takes_files = True
    updates = False
    """The history of a ticket is not changed."""

    def __init__(self, target: Target, credentials: Credentials, **more: Any) -> None:
        self._number = target.parts["number"]
        self._base = target.base
        headers = {"Authorization": f"token {credentials.token}"}
        self.api = Api(target, credentials, headers, **more)
        self._held: dict[str, File] = {}

    def look(self, post: Post) -> Known:
        """Ask for the ticket and for the names of its files, which carry the mark of an earlier run."""
        self.api.get(f"asking for ticket {self._number}", f"/REST/2.0/ticket/{self._number}")
        for page in range(1, _MOST_PAGES + 1):
            answer = self.api.get(
                "reading its files",
                f"/REST/2.0/ticket/{self._number}/attachments",
                params={"fields": "Filename", "per_page": _PAGE, "page": page},
            )
            items = answer.get("items", ())
            names = [str(one.get("Filename") or "") for one in items]
            ours = [name for name in names if name.startswith(post.mark)]
            if ours:
                same = any(post.revision in name for name in ours)
                return Known(self._number, Comment("", " ".join((*ours, post.stamp if same else ""))))
            # RT 5.0.3 answers "pages": null where it did not count, so a page that is not full is the last one.
            if len(items) < _PAGE:
                break
        return Known(self._number)

    def upload(self, file: File) -> Uploaded:
        """Hold the file until the comment is written."""
        self._held[file.name] = file
        return Uploaded(file.name, file.name)

    def withdraw(self, file: Uploaded) -> bool:
        """Let go of a file that never left."""
        self._held.pop(file.name, None)
        return True

    def write(self, post: Post, body: str, files: Sequence[Uploaded]) -> str:
        """Write a comment, or with ``public`` a reply that goes to the requestors."""
        attached = [
            {
                "FileName": one.name,
                "FileType": self._held[one.name].media_type,
                "FileContent": base64.b64encode(self._held[one.name].data).decode(),
            }
            for one in files
        ]
        content = {"Content": body, "ContentType": "text/plain", "Attachments": attached}
        kind = "correspond" if post.public else "comment"
        path = f"/REST/2.0/ticket/{self._number}/{kind}"
        self.api.send("writing the comment", "POST", path, json=content)
        return f"{self._base}/Ticket/Display.html?id={self._number}"

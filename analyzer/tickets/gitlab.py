"""GitLab: notes of issues and merge requests, project uploads (docs.gitlab.com, "Notes API", "Project uploads")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from analyzer.tickets.credentials import Credentials
from analyzer.tickets.deliver import Comment, Known, Uploaded
from analyzer.tickets.post import Dialect, File, Post
from analyzer.tickets.target import Target
from analyzer.tickets.wire import Api, Speaker

__all__ = ["GitLab"]

_PAGE = 100
_MOST_PAGES = 50
_LINK = re.compile(r"/uploads/([0-9a-f]{32}/([A-Za-z0-9._-]+))")


class GitLab(Speaker):
    """One issue or merge request."""

    title = "GitLab"
    dialect: Dialect = "markdown"
    longest = 900_000
    takes_files = True
    updates = True

    def __init__(self, target: Target, credentials: Credentials, **more: Any) -> None:
        parts = target.parts
        kind = "issues" if parts["kind"] == "#" else "merge_requests"
        self._project = f"/api/v4/projects/{quote(parts['project'], safe='')}"
        self._ticket = f"{self._project}/{kind}/{parts['number']}"
        self._name = target.ticket
        self._where = f"{target.base}/{parts['project']}/-/{kind}/{parts['number']}"
        headers = {"PRIVATE-TOKEN": credentials.token}
        self.api = Api(target, credentials, headers, **more)

    def look(self, post: Post) -> Known:
        """Ask for the ticket and for earlier notes."""
        self.api.get(f"asking for {self._name}", self._ticket)
        for page in range(1, _MOST_PAGES + 1):
            found = self.api.get("reading the notes", f"{self._ticket}/notes", params={"per_page": _PAGE, "page": page})
            for one in found:
                if post.mark in (one.get("body") or ""):
                    files = {name: place for place, name in _LINK.findall(one["body"]) if name.startswith(post.mark)}
                    return Known(self._name, Comment(str(one["id"]), one["body"]), files)
            if len(found) < _PAGE:
                break
        return Known(self._name)

    def upload(self, file: File) -> Uploaded:
        """Send one file as multipart; only who has its address can open it."""
        step = f"uploading {file.name}"
        files = {"file": (file.name, file.data, file.media_type)}
        answer = self.api.json(self.api.send(step, "POST", f"{self._project}/uploads", files=files), step)
        place = _LINK.search(answer.get("url", ""))
        return Uploaded(place[1] if place else "", file.name, str(answer["markdown"]))

    def withdraw(self, file: Uploaded) -> bool:
        """Delete an upload, which only maintainers of newer versions may."""
        if not file.id:
            return False
        self.api.send(f"removing {file.name}", "DELETE", f"{self._project}/uploads/{file.id}", again=True)
        return True

    def _linked(self, body: str, files: Sequence[Uploaded]) -> str:
        links = [one.detail or f"[{one.name}](/uploads/{one.id})" for one in files]
        return f"{body}\n\n{' '.join(links)}\n" if links else body

    def write(self, post: Post, body: str, files: Sequence[Uploaded]) -> str:
        """Write a note, internal unless public."""
        content = {"body": self._linked(body, files), "internal": not post.public}
        step = "writing the note"
        answer = self.api.json(self.api.send(step, "POST", f"{self._ticket}/notes", json=content), step)
        return f"{self._where}#note_{answer.get('id', '')}"

    def change(self, post: Post, comment: Comment, body: str, files: Sequence[Uploaded]) -> str:
        """Replace a note; who may see it stays as it was."""
        del post
        path = f"{self._ticket}/notes/{comment.id}"
        self.api.send("updating the note", "PUT", path, again=True, json={"body": self._linked(body, files)})
        return f"{self._where}#note_{comment.id}"

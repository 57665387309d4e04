"""Jira Cloud (REST 3, ADF) and Data Center (REST 2, wiki markup): developer.atlassian.com, "Issue attachments"."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from analyzer.tickets.credentials import Credentials
from analyzer.tickets.deliver import Comment, Known, Uploaded
from analyzer.tickets.post import Dialect, File, Post
from analyzer.tickets.target import Target
from analyzer.tickets.wire import Api, Speaker

__all__ = ["Jira"]

_PAGE = 100
_MOST_PAGES = 50
_LONGEST = 32_767
_INTERNAL = {"key": "sd.public.comment", "value": {"internal": True}}
"""What makes a comment of a service project internal; other projects ignore it."""


class Jira(Speaker):
    """One issue."""

    title = "Jira"
    dialect: Dialect = "jira"
    longest = _LONGEST
    takes_files = True
    updates = True

    def __init__(self, target: Target, credentials: Credentials, **more: Any) -> None:
        import base64

        self._key = target.parts["key"]
        self._base = target.base
        secret = f"{credentials.user}:{credentials.token}".encode()
        value = f"Basic {base64.b64encode(secret).decode()}" if credentials.user else f"Bearer {credentials.token}"
        headers = {"Authorization": value, "X-Atlassian-Token": "no-check"}
        self.api = Api(target, credentials, headers, **more)
        self._version = 2

    @property
    def _issue(self) -> str:
        return f"/rest/api/{self._version}/issue/{self._key}"

    def look(self, post: Post) -> Known:
        """Ask which Jira it is, for the issue, the limit and earlier comments."""
        info = self.api.get("asking for the kind of Jira", "/rest/api/2/serverInfo")
        if info.get("deploymentType") == "Cloud":
            self._version, self.dialect = 3, "adf"
        issue = self.api.get(f"asking for {self._key}", self._issue, params={"fields": "attachment,summary"})
        meta = self.api.get("asking for the limit of files", f"/rest/api/{self._version}/attachment/meta")
        attached = (issue.get("fields") or {}).get("attachment") or []
        return Known(
            title=self._key,
            comment=self._earlier(post),
            files={one["filename"]: str(one["id"]) for one in attached if one["filename"].startswith(post.mark)},
            limit=meta.get("uploadLimit"),
            files_allowed="" if meta.get("enabled", True) else "this Jira does not take files.",
        )

    def _earlier(self, post: Post) -> Comment | None:
        for page in range(_MOST_PAGES):
            answer = self.api.get(
                f"reading the comments of {self._key}",
                f"{self._issue}/comment",
                params={"startAt": page * _PAGE, "maxResults": _PAGE},
            )
            for one in answer.get("comments", ()):
                text = one["body"] if isinstance(one["body"], str) else json.dumps(one["body"])
                if post.mark in text:
                    return Comment(str(one["id"]), text)
            if (page + 1) * _PAGE >= answer.get("total", 0):
                break
        return None

    def upload(self, file: File) -> Uploaded:
        """Send one file as multipart."""
        step = f"uploading {file.name}"
        files = {"file": (file.name, file.data, file.media_type)}
        answer = self.api.json(self.api.send(step, "POST", f"{self._issue}/attachments", files=files), step)
        return Uploaded(str(answer[0]["id"]), file.name)

    def withdraw(self, file: Uploaded) -> bool:
        """Delete an attachment."""
        self.api.send(f"removing {file.name}", "DELETE", f"/rest/api/{self._version}/attachment/{file.id}", again=True)
        return True

    def _content(self, body: str) -> Any:
        return json.loads(body) if self.dialect == "adf" else body

    def write(self, post: Post, body: str, files: Sequence[Uploaded]) -> str:
        """Write a comment, internal in a service project unless public."""
        del files
        content: dict[str, Any] = {"body": self._content(body)}
        if not post.public:
            content["properties"] = [_INTERNAL]
        step = "writing the comment"
        answer = self.api.json(self.api.send(step, "POST", f"{self._issue}/comment", json=content), step)
        return f"{self._base}/browse/{self._key}?focusedCommentId={answer.get('id', '')}"

    def change(self, post: Post, comment: Comment, body: str, files: Sequence[Uploaded]) -> str:
        """Replace a comment; who may see it stays as it was."""
        del post, files
        path = f"{self._issue}/comment/{comment.id}"
        self.api.send("updating the comment", "PUT", path, again=True, json={"body": self._content(body)})
        return f"{self._base}/browse/{self._key}?focusedCommentId={comment.id}"

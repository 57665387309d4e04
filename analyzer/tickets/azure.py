"""Azure DevOps: work items, their comments and attachments (learn.microsoft.com, "Work Item Tracking" 7.1)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from analyzer.tickets.credentials import Credentials
from analyzer.tickets.deliver import Comment, Known, Uploaded
from analyzer.tickets.post import Dialect, File, Post
from analyzer.tickets.target import Target
from analyzer.tickets.wire import Api, Refused, Speaker

__all__ = ["AzureDevOps"]

_VERSION = {"api-version": "7.1"}
_COMMENTS = {"api-version": "7.1-preview.4"}
_LIMIT = 60 << 20
"""Largest attachment of a work item in the service, by Microsoft's page on work tracking limits."""
_PATCH = {"Content-Type": "application/json-patch+json"}
_MOST_PAGES = 50


class AzureDevOps(Speaker):
    """One work item."""

    title = "Azure DevOps"
    dialect: Dialect = "fragment"
    longest = 150_000
    takes_files = True
    updates = True

    def __init__(self, target: Target, credentials: Credentials, **more: Any) -> None:
        parts = target.parts
        self._organization = f"/{parts['organization']}"
        self._project = f"{self._organization}/{quote(parts['project'])}"
        self._project_name = parts["project"]
        self._number = parts["number"]
        self._name = target.ticket
        self._base = target.base
        secret = base64.b64encode(f":{credentials.token}".encode()).decode()
        self.api = Api(target, credentials, {"Authorization": f"Basic {secret}"}, **more)

    @property
    def _item(self) -> str:
        return f"{self._project}/_apis/wit/workitems/{self._number}"

    @property
    def _where(self) -> str:
        return f"{self._base}{self._project}/_workitems/edit/{self._number}"

    def look(self, post: Post) -> Known:
        """Ask whether the project is public, for the item with its files, and for earlier comments."""
        path = f"{self._organization}/_apis/projects/{quote(self._project_name)}"
        project = self.api.get("asking for the project", path, params=_VERSION)
        if project.get("visibility") == "public" and not post.public:
            raise Refused(
                f"Azure DevOps: {self._name} is in a public project, where everybody would read it; add --public if "
                "that is meant, and think of --redact"
            )
        item = self.api.get(f"asking for {self._name}", self._item, params={**_VERSION, "$expand": "relations"})
        files = {
            str(one["attributes"].get("name")): f"relation:{index}"
            for index, one in enumerate(item.get("relations") or ())
            if one.get("rel") == "AttachedFile" and str(one["attributes"].get("name")).startswith(post.mark)
        }
        return Known(self._name, self._earlier(post), files, _LIMIT)

    def _earlier(self, post: Post) -> Comment | None:
        params: dict[str, str] = {**_COMMENTS, "$top": "200"}
        for _ in range(_MOST_PAGES):
            answer = self.api.get("reading the comments", f"{self._item}/comments", params=params)
            for one in answer.get("comments", ()):
                if post.mark in (one.get("text") or ""):
                    return Comment(str(one["id"]), one["text"])
            following = answer.get("continuationToken")
            if not following:
                break
            params["continuationToken"] = following
        return None

    def upload(self, file: File) -> Uploaded:
        """Send one file's bytes; nobody sees it until it is linked."""
        step = f"uploading {file.name}"
        answer = self.api.json(
            self.api.send(
                step, "POST", f"{self._project}/_apis/wit/attachments", params={**_VERSION, "fileName": file.name},
                content=file.data, headers={"Content-Type": "application/octet-stream"}, again=True,
            ),
            step,
        )  # fmt: skip
        return Uploaded(str(answer["id"]), file.name, str(answer["url"]))

    def withdraw(self, file: Uploaded) -> bool:
        """Unlink a file; one that was never linked is shown nowhere."""
        if file.id.startswith("relation:"):
            path = f"/relations/{file.id.partition(':')[2]}"
            self._change(f"unlinking {file.name}", [{"op": "remove", "path": path}])
        return True

    def _change(self, step: str, operations: list[dict[str, Any]]) -> None:
        self.api.send(step, "PATCH", self._item, params=_VERSION, headers=_PATCH, json=operations)

    @staticmethod
    def _links(post: Post, files: Sequence[Uploaded]) -> list[dict[str, Any]]:
        return [
            {
                "op": "add",
                "path": "/relations/-",
                "value": {
                    "rel": "AttachedFile",
                    "url": one.detail,
                    "attributes": {"name": one.name, "comment": post.mark},
                },
            }
            for one in files
            if one.detail
        ]

    def write(self, post: Post, body: str, files: Sequence[Uploaded]) -> str:
        """Link the files and write the comment in one change of the item, so that neither comes alone."""
        history = {"op": "add", "path": "/fields/System.History", "value": body}
        self._change("writing the comment", [*self._links(post, files), history])
        return self._where

    def change(self, post: Post, comment: Comment, body: str, files: Sequence[Uploaded]) -> str:
        """Link new files, then replace the comment."""
        links = self._links(post, files)
        if links:
            self._change("linking the files", links)
        path = f"{self._item}/comments/{comment.id}"
        self.api.send("updating the comment", "PATCH", path, again=True, params=_COMMENTS, json={"text": body})
        return self._where

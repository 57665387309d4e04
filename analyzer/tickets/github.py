"""GitHub and GitHub Enterprise: issue comments (docs.github.com, "REST API endpoints for issue comments").

Files cannot be attached through its interface, so the comment holds the whole report as Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analyzer.tickets.credentials import Credentials
from analyzer.tickets.deliver import Comment, Known, Uploaded
from analyzer.tickets.post import Dialect, File, Post
from analyzer.tickets.target import Target
from analyzer.tickets.wire import Api, Refused, Speaker

__all__ = ["GitHub"]

_PAGE = 100
_MOST_PAGES = 50


class GitHub(Speaker):
    """One issue or pull request."""

    title = "GitHub"
    dialect: Dialect = "markdown"
    longest = 65_536
    takes_files = False
    updates = True

    def __init__(self, target: Target, credentials: Credentials, **more: Any) -> None:
        self._repo = f"/repos/{target.parts['owner']}/{target.parts['repo']}"
        self._number = target.parts["number"]
        self._ticket = target.ticket
        headers = {
            "Authorization": f"Bearer {credentials.token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        self.api = Api(target, credentials, headers, **more)

    def look(self, post: Post) -> Known:
        """Ask whether the repository is public, and for earlier comments."""
        repository = self.api.get("asking for the repository", self._repo)
        if not repository.get("private") and not post.public:
            raise Refused(
                f"GitHub: {self._ticket} is in a public repository, where everybody would read it; add --public if "
                "that is meant, and think of --redact"
            )
        self.api.get(f"asking for {self._ticket}", f"{self._repo}/issues/{self._number}")
        for page in range(1, _MOST_PAGES + 1):
            found = self.api.get(
                "reading the comments",
                f"{self._repo}/issues/{self._number}/comments",
                params={"per_page": _PAGE, "page": page},
            )
            for one in found:
                if post.mark in (one.get("body") or ""):
                    return Known(self._ticket, Comment(str(one["id"]), one["body"]))
            if len(found) < _PAGE:
                break
        return Known(self._ticket)

    def upload(self, file: File) -> Uploaded:
        """Refuse: there is no way to."""
        raise Refused(f"GitHub: uploading {file.name} failed: it takes no files")

    def withdraw(self, file: Uploaded) -> bool:
        """Do nothing: nothing was uploaded."""
        del file
        return False

    def write(self, post: Post, body: str, files: Sequence[Uploaded]) -> str:
        """Write a comment."""
        del post, files
        step = "writing the comment"
        path = f"{self._repo}/issues/{self._number}/comments"
        answer = self.api.json(self.api.send(step, "POST", path, json={"body": body}), step)
        return str(answer.get("html_url", self._ticket))

    def change(self, post: Post, comment: Comment, body: str, files: Sequence[Uploaded]) -> str:
        """Replace a comment."""
        del post, files
        step = "updating the comment"
        path = f"{self._repo}/issues/comments/{comment.id}"
        answer = self.api.json(self.api.send(step, "PATCH", path, again=True, json={"body": body}), step)
        return str(answer.get("html_url", self._ticket))

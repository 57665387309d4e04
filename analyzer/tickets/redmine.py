"""Redmine: issues, journals and uploads (redmine.org, "Rest api", "Rest Issues", "Rest IssueJournals")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analyzer.tickets.credentials import Credentials
from analyzer.tickets.deliver import Comment, Known, Uploaded
from analyzer.tickets.post import Dialect, File, Post
from analyzer.tickets.target import Target
from analyzer.tickets.wire import Api, Refused, Speaker

__all__ = ["Redmine"]

_FILES_ARE_PUBLIC = (
    "Redmine shows files to everybody who sees the issue, those of a private note too; --public sends them."
)


class Redmine(Speaker):
    """One issue."""

    title = "Redmine"
    dialect: Dialect = "text"
    longest = 60_000
    takes_files = True
    updates = True

    def __init__(self, target: Target, credentials: Credentials, **more: Any) -> None:
        self._number = target.parts["number"]
        self._base = target.base
        headers = {"X-Redmine-API-Key": credentials.token}
        self.api = Api(target, credentials, headers, **more)

    def look(self, post: Post) -> Known:
        """Ask for the issue with its journal and files, and whether this account may write what others cannot read."""
        path = f"/issues/{self._number}.json"
        include = {"include": "journals,attachments"}
        issue = self.api.get(f"asking for issue {self._number}", path, params=include)["issue"]
        if not post.public:
            self._check_private_notes(issue)
        comment = None
        for one in issue.get("journals", ()):
            if post.mark in (one.get("notes") or ""):
                comment = Comment(str(one["id"]), one["notes"])
                break
        return Known(
            title=self._number,
            comment=comment,
            files={
                one["filename"]: str(one["id"])
                for one in issue.get("attachments", ())
                if one["filename"].startswith(post.mark)
            },
            files_allowed="" if post.public or issue.get("is_private") else _FILES_ARE_PUBLIC,
        )

    def _check_private_notes(self, issue: dict[str, Any]) -> None:
        """Redmine drops "private" in silence where a role lacks the right, and the note would be public."""
        step = "asking for the rights of this account"
        user = self.api.get(step, "/users/current.json", params={"include": "memberships"})["user"]
        if user.get("admin"):
            return
        project = (issue.get("project") or {}).get("id")
        roles = [
            role["id"]
            for one in user.get("memberships", ())
            if (one.get("project") or {}).get("id") == project
            for role in one.get("roles", ())
        ]
        for role in roles:
            if "set_notes_private" in self.api.get(step, f"/roles/{role}.json")["role"].get("permissions", ()):
                return
        raise Refused(
            f"Redmine: {step} failed: no role of this account in that project may set notes as private, so the note "
            "would be public; give it that right, or add --public"
        )

    def upload(self, file: File) -> Uploaded:
        """Send one file's bytes for a token; it belongs to no issue yet."""
        step = f"uploading {file.name}"
        answer = self.api.json(
            self.api.send(
                step, "POST", "/uploads.json", params={"filename": file.name}, content=file.data,
                headers={"Content-Type": "application/octet-stream"}, again=True,
            ),
            step,
        )  # fmt: skip
        upload = answer["upload"]
        return Uploaded(str(upload.get("id", "")), file.name, str(upload["token"]))

    def withdraw(self, file: Uploaded) -> bool:
        """Delete a file, or leave one without an issue to Redmine, which clears them away each day."""
        if not file.id:
            return True
        self.api.send(f"removing {file.name}", "DELETE", f"/attachments/{file.id}.json", again=True)
        return True

    @staticmethod
    def _framed(body: str) -> str:
        # The same in both of Redmine's markups, and nothing inside is read as markup.
        return "<pre>\n" + body.replace("</pre", "< /pre") + "</pre>"

    @staticmethod
    def _uploads(files: Sequence[Uploaded]) -> list[dict[str, str]]:
        return [
            {
                "token": one.detail,
                "filename": one.name,
                "content_type": "text/html" if one.name.endswith("html") else "application/zip",
            }
            for one in files
            if one.detail
        ]

    def write(self, post: Post, body: str, files: Sequence[Uploaded]) -> str:
        """Write a note with its files in one change of the issue."""
        content = {"notes": self._framed(body), "private_notes": not post.public, "uploads": self._uploads(files)}
        path = f"/issues/{self._number}.json"
        self.api.send("writing the note", "PUT", path, json={"issue": content})
        return f"{self._base}/issues/{self._number}"

    def change(self, post: Post, comment: Comment, body: str, files: Sequence[Uploaded]) -> str:
        """Attach new files, then replace the note (Redmine 5.0 and newer)."""
        del post
        uploads = self._uploads(files)
        if uploads:
            path = f"/issues/{self._number}.json"
            self.api.send("attaching the files", "PUT", path, json={"issue": {"uploads": uploads}})
        path = f"/journals/{comment.id}.json"
        self.api.send("updating the note", "PUT", path, again=True, json={"journal": {"notes": self._framed(body)}})
        return f"{self._base}/issues/{self._number}#change-{comment.id}"

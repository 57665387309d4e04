"""ServiceNow: Table API and Attachment API (servicenow.com/docs, "Attachment API", "Table API")."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from analyzer.tickets.credentials import Credentials
from analyzer.tickets.deliver import Comment, Known, Unchanging, Uploaded
from analyzer.tickets.post import Dialect, File, Post
from analyzer.tickets.target import Target
from analyzer.tickets.wire import Api, Refused, Speaker

__all__ = ["ServiceNow"]

_TABLES = {
    "INC": "incident", "CHG": "change_request", "PRB": "problem", "RITM": "sc_req_item", "SCTASK": "sc_task",
    "REQ": "sc_request", "CS": "sn_customerservice_case", "TASK": "task",
}  # fmt: skip
_LONGEST = 30_000


class ServiceNow(Unchanging, Speaker):
    """One record of a task table."""

    title = "ServiceNow"
    dialect: Dialect = "servicenow"
    longest = _LONGEST
    takes_files = True
    updates = False
    """Journal entries are not changed."""

    def __init__(self, target: Target, credentials: Credentials, **more: Any) -> None:
        self._number = target.parts["number"]
        self._table = _TABLES.get(self._number.rstrip("0123456789"), "task")
        self._base = target.base
        secret = f"{credentials.user}:{credentials.token}".encode()
        value = f"Basic {base64.b64encode(secret).decode()}" if credentials.user else f"Bearer {credentials.token}"
        self.api = Api(target, credentials, {"Authorization": value}, **more)
        self._id = ""

    def look(self, post: Post) -> Known:
        """Find the record by its number, its journal and its attachments."""
        field = "comments" if post.public else "work_notes"
        found = self.api.get(
            f"looking for {self._number}",
            f"/api/now/table/{self._table}",
            params={
                "sysparm_query": f"number={self._number}",
                "sysparm_fields": f"sys_id,number,{field}",
                "sysparm_display_value": "true",
                "sysparm_limit": "1",
            },
        ).get("result", [])
        if not found:
            raise Refused(f"ServiceNow: looking for {self._number} failed: there is no such {self._table}", 404)
        self._id = str(found[0]["sys_id"])
        attached = self.api.get(
            "reading its attachments",
            "/api/now/attachment",
            params={"sysparm_query": f"table_name={self._table}^table_sys_id={self._id}"},
        ).get("result", [])
        journal = str(found[0].get(field) or "")
        start = journal.find(post.mark)
        return Known(
            title=self._number,
            comment=None if start < 0 else Comment("", journal),
            files={one["file_name"]: one["sys_id"] for one in attached if one["file_name"].startswith(post.mark)},
            limit=self._limit(),
        )

    def _limit(self) -> int | None:
        try:
            found = self.api.get(
                "asking for the limit of files",
                "/api/now/table/sys_properties",
                params={
                    "sysparm_query": "name=com.glide.attachment.max_size",
                    "sysparm_fields": "value",
                    "sysparm_limit": "1",
                },
            ).get("result", [])
            return int(float(found[0]["value"]) * (1 << 20)) if found and float(found[0]["value"]) else None
        except (Refused, ValueError, KeyError, TypeError):
            # Most accounts may not read properties; the upload itself then tells.
            return None

    def upload(self, file: File) -> Uploaded:
        """Send one file's bytes."""
        step = f"uploading {file.name}"
        params = {"table_name": self._table, "table_sys_id": self._id, "file_name": file.name}
        answer = self.api.json(
            self.api.send(
                step, "POST", "/api/now/attachment/file", params=params, content=file.data,
                headers={"Content-Type": file.media_type},
            ),
            step,
        )  # fmt: skip
        return Uploaded(str(answer["result"]["sys_id"]), file.name)

    def withdraw(self, file: Uploaded) -> bool:
        """Delete an attachment."""
        self.api.send(f"removing {file.name}", "DELETE", f"/api/now/attachment/{file.id}", again=True)
        return True

    def write(self, post: Post, body: str, files: Sequence[Uploaded]) -> str:
        """Add a work note, or a comment that the caller sees when public."""
        del files
        field = "comments" if post.public else "work_notes"
        path = f"/api/now/table/{self._table}/{self._id}"
        self.api.send("writing the work note", "PATCH", path, json={field: body}, params={"sysparm_fields": "sys_id"})
        return f"{self._base}/{self._table}.do?sys_id={self._id}"

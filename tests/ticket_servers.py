"""Ticket systems on this machine, as each vendor's documentation says they behave, and as badly as a test wants."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["AzureServer", "Fault", "GitHubServer", "GitLabServer", "JiraServer", "RedmineServer", "Request", "RtServer",
           "Server", "ServiceNowServer", "ZendeskServer", "running"]  # fmt: skip

TOKEN = "s3cret-token-7788"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def parts(self) -> list[tuple[str, bytes]]:
        """File name and bytes of each part of a multipart body."""
        boundary = self.headers["content-type"].partition("boundary=")[2].encode()
        found = []
        for part in self.body.split(b"--" + boundary)[1:-1]:
            head, _, data = part.partition(b"\r\n\r\n")
            name = re.search(rb'filename="([^"]+)"', head)
            found.append((name[1].decode() if name else "", data[:-2]))
        return found


@dataclass(slots=True)
class Fault:
    """What goes wrong with matching requests."""

    method: str
    path: str
    status: int
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    done_first: bool = False
    """The server does what it was asked, and only its answer is lost."""
    body: Any = None


Answer = tuple[int, Any]


class Server:
    """What the systems have in common: a token, a log of requests, faults."""

    variable = ""
    authorization: ClassVar[tuple[str, str]] = ("authorization", f"Bearer {TOKEN}")

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.counter = 100
        self.url = ""

    def next(self) -> str:
        self.counter += 1
        return str(self.counter)

    def writes(self) -> list[Request]:
        return [one for one in self.requests if one.method != "GET"]

    def answer(self, request: Request) -> tuple[int, Any, dict[str, str]]:
        self.requests.append(request)
        name, value = self.authorization
        if request.headers.get(name) != value:
            return 401, {"message": f"bad credentials {request.headers.get(name)}"}, {}
        for fault in self.faults:
            if fault.times and fault.method == request.method and fault.path in request.path:
                fault.times -= 1
                if fault.done_first:
                    self.handle(request)
                return fault.status, fault.body, fault.headers
        status, body = self.handle(request)
        return status, body, {}

    def handle(self, request: Request) -> Answer:
        raise NotImplementedError


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Serve on a free port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            split = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer, extra = server.answer(Request(self.command, unquote(split.path), query, headers, body))
            data = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            extra = {"Content-Type": "application/json", **extra}
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


class JiraServer(Server):
    """Jira Cloud (``Basic``, ADF) or Data Center (PAT, wiki markup)."""

    def __init__(self, *, cloud: bool) -> None:
        super().__init__()
        self.cloud, self.version, self.limit = cloud, 3 if cloud else 2, 10_000_000
        self.attachments: dict[str, tuple[str, bytes]] = {}
        self.comments: list[dict[str, Any]] = []
        if cloud:
            secret = base64.b64encode(f"me@corp.example:{TOKEN}".encode()).decode()
            self.authorization = ("authorization", f"Basic {secret}")  # type: ignore[misc]

    def handle(self, request: Request) -> Answer:
        path, method = request.path, request.method
        api = f"/rest/api/{self.version}"
        if path == "/rest/api/2/serverInfo":
            return 200, {"deploymentType": "Cloud" if self.cloud else "Server", "version": "9.12"}
        if not path.startswith(api):
            return 404, {"errorMessages": ["no such version"]}
        if path == f"{api}/attachment/meta":
            return 200, {"enabled": True, "uploadLimit": self.limit}
        if path == f"{api}/issue/PROJ-12" and method == "GET":
            files = [{"id": number, "filename": name} for number, (name, _) in self.attachments.items()]
            return 200, {"key": "PROJ-12", "fields": {"summary": "x", "attachment": files}}
        if path == f"{api}/issue/PROJ-12/attachments" and method == "POST":
            if request.headers.get("x-atlassian-token") != "no-check":
                return 403, {"errorMessages": ["XSRF check failed"]}
            ((name, data),) = request.parts
            if len(data) > self.limit:
                return 413, {"errorMessages": ["too large"]}
            number = self.next()
            self.attachments[number] = (name, data)
            return 200, [{"id": number, "filename": name}]
        match = re.fullmatch(rf"{api}/attachment/(\d+)", path)
        if match and method == "DELETE":
            return (204, None) if self.attachments.pop(match[1], None) else (404, {})
        if path == f"{api}/issue/PROJ-12/comment":
            if method == "GET":
                start = int(request.query["startAt"])
                page = self.comments[start : start + int(request.query["maxResults"])]
                return 200, {"comments": page, "total": len(self.comments)}
            if isinstance(request.json["body"], dict) != self.cloud:
                return 400, {"errors": {"comment": "wrong format"}}
            self.comments.append({"id": self.next(), **request.json})
            return 201, self.comments[-1]
        match = re.fullmatch(rf"{api}/issue/PROJ-12/comment/(\d+)", path)
        if match and method == "PUT":
            (found,) = [one for one in self.comments if one["id"] == match[1]]
            found.update(request.json)
            return 200, found
        return 404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."]}


class ServiceNowServer(Server):
    def __init__(self) -> None:
        super().__init__()
        self.journal: dict[str, str] = {"work_notes": "", "comments": ""}
        self.attachments: dict[str, tuple[str, bytes]] = {}
        self.forbidden: tuple[str, ...] = ()

    def handle(self, request: Request) -> Answer:
        path, method, query = request.path, request.method, request.query
        if path == "/api/now/table/incident" and query.get("sysparm_query") == "number=INC0010023":
            return 200, {"result": [{"sys_id": "a1b2", "number": "INC0010023", **self.journal}]}
        if path.startswith("/api/now/table/") and method == "GET":
            if path.endswith("sys_properties"):
                return 403, {"error": {"message": "User Not Authorized"}}
            return 200, {"result": []}
        if path == "/api/now/attachment":
            return 200, {"result": [{"sys_id": key, "file_name": name} for key, (name, _) in self.attachments.items()]}
        if path == "/api/now/attachment/file":
            if query["file_name"].endswith(self.forbidden or ("\0",)):
                return 403, {"error": {"message": "file extension is not allowed"}}
            key = self.next()
            self.attachments[key] = (query["file_name"], request.body)
            return 201, {"result": {"sys_id": key}}
        if path.startswith("/api/now/attachment/") and method == "DELETE":
            return (204, None) if self.attachments.pop(path.rpartition("/")[2], None) else (404, {})
        if path == "/api/now/table/incident/a1b2" and method == "PATCH":
            for name, text in request.json.items():
                self.journal[name] = f"2026-05-26 - me (Work notes)\n{text}\n\n{self.journal[name]}"
            return 200, {"result": {"sys_id": "a1b2"}}
        return 404, {"error": {"message": "No Record found"}}


class GitHubServer(Server):
    def __init__(self) -> None:
        super().__init__()
        self.private = True
        self.comments: list[dict[str, Any]] = []

    def handle(self, request: Request) -> Answer:
        path, method = request.path, request.method
        if path == "/repos/owner/repo":
            return 200, {"private": self.private}
        if path == "/repos/owner/repo/issues/12":
            return 200, {"number": 12}
        if path == "/repos/owner/repo/issues/12/comments":
            if method == "GET":
                size, page = int(request.query["per_page"]), int(request.query["page"])
                return 200, self.comments[(page - 1) * size : page * size]
            if len(request.json["body"]) > 65_536:
                return 422, {"message": "Validation Failed", "errors": [{"message": "body is too long"}]}
            self.comments.append({"id": int(self.next()), "html_url": "https://github.test/12", **request.json})
            return 201, self.comments[-1]
        match = re.fullmatch(r"/repos/owner/repo/issues/comments/(\d+)", path)
        if match and method == "PATCH":
            (found,) = [one for one in self.comments if one["id"] == int(match[1])]
            found.update(request.json)
            return 200, found
        return 404, {"message": "Not Found"}


class GitLabServer(Server):
    authorization = ("private-token", TOKEN)

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[dict[str, Any]] = []
        self.uploads: dict[str, bytes] = {}

    def handle(self, request: Request) -> Answer:
        path, method = request.path, request.method
        project = "/api/v4/projects/group/sub/project"
        if path == f"{project}/issues/12":
            return 200, {"iid": 12}
        if path == f"{project}/uploads" and method == "POST":
            ((name, data),) = request.parts
            place = f"{int(self.next()):032x}/{name}"
            self.uploads[place] = data
            return 201, {"alt": name, "url": f"/uploads/{place}", "markdown": f"[{name}](/uploads/{place})"}
        if path.startswith(f"{project}/uploads/") and method == "DELETE":
            place = path.removeprefix(f"{project}/uploads/")
            return (204, None) if self.uploads.pop(place, None) is not None else (404, {})
        if path == f"{project}/issues/12/notes":
            if method == "GET":
                size, page = int(request.query["per_page"]), int(request.query["page"])
                return 200, self.notes[(page - 1) * size : page * size]
            self.notes.append({"id": int(self.next()), **request.json})
            return 201, self.notes[-1]
        match = re.fullmatch(rf"{project}/issues/12/notes/(\d+)", path)
        if match and method == "PUT":
            (found,) = [one for one in self.notes if one["id"] == int(match[1])]
            found.update(request.json)
            return 200, found
        return 404, {"message": "404 Project Not Found"}


class AzureServer(Server):
    authorization = ("authorization", "Basic " + base64.b64encode(f":{TOKEN}".encode()).decode())

    def __init__(self) -> None:
        super().__init__()
        self.visibility = "private"
        self.relations: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []
        self.blobs: dict[str, bytes] = {}

    def answer(self, request: Request) -> tuple[int, Any, dict[str, str]]:
        if request.headers.get("authorization") != self.authorization[1]:
            self.requests.append(request)
            return 203, b"<html>Sign In</html>", {"Content-Type": "text/html; charset=utf-8"}
        return super().answer(request)

    def handle(self, request: Request) -> Answer:
        path, method = request.path, request.method
        item = "/org/My Project/_apis/wit/workitems/12"
        if "api-version" not in request.query:
            return 400, {"message": "No api-version was supplied"}
        if path == "/org/_apis/projects/My Project":
            return 200, {"visibility": self.visibility}
        if path == "/org/My Project/_apis/wit/attachments" and method == "POST":
            key = self.next()
            self.blobs[key] = request.body
            return 201, {"id": key, "url": f"{self.url}/attachments/{key}"}
        if path == item and method == "GET":
            return 200, {"id": 12, "relations": self.relations}
        if path == item and method == "PATCH":
            if request.headers["content-type"] != "application/json-patch+json":
                return 415, {"message": "wrong media type"}
            for one in request.json:
                if one["op"] == "remove":
                    del self.relations[int(one["path"].rpartition("/")[2])]
                elif one["path"] == "/relations/-":
                    self.relations.append(one["value"])
                elif one["path"] == "/fields/System.History":
                    self.comments.append({"id": int(self.next()), "text": one["value"]})
            return 200, {"id": 12}
        if path == f"{item}/comments":
            return 200, {"comments": self.comments}
        match = re.fullmatch(rf"{item}/comments/(\d+)", path)
        if match and method == "PATCH":
            (found,) = [one for one in self.comments if one["id"] == int(match[1])]
            found.update(request.json)
            return 200, found
        return 404, {"message": "TF401232: Work item 12 does not exist"}


class ZendeskServer(Server):
    authorization = ("authorization", "Basic " + base64.b64encode(f"me@corp.example/token:{TOKEN}".encode()).decode())

    def __init__(self) -> None:
        super().__init__()
        self.comments: list[dict[str, Any]] = []
        self.uploads: dict[str, bytes] = {}

    def handle(self, request: Request) -> Answer:
        path, method = request.path, request.method
        if path == "/api/v2/tickets/35436.json" and method == "GET":
            return 200, {"ticket": {"id": 35436}}
        if path == "/api/v2/tickets/35436/comments.json":
            return 200, {"comments": self.comments, "meta": {"has_more": False}}
        if path == "/api/v2/uploads.json":
            key = f"token{self.next()}"
            self.uploads[key] = request.body
            return 201, {"upload": {"token": key}}
        if path.startswith("/api/v2/uploads/") and method == "DELETE":
            found = self.uploads.pop(path.rpartition("/")[2].removesuffix(".json"), None)
            return (204, None) if found is not None else (404, {})
        if path == "/api/v2/tickets/35436.json" and method == "PUT":
            comment = request.json["ticket"]["comment"]
            self.comments.append({"id": int(self.next()), "public": True, **comment})
            return 200, {"ticket": {"id": 35436}}
        return 404, {"error": "RecordNotFound", "description": "Not found"}


class RedmineServer(Server):
    authorization = ("x-redmine-api-key", TOKEN)

    def __init__(self) -> None:
        super().__init__()
        self.journals: list[dict[str, Any]] = []
        self.attachments: dict[str, dict[str, Any]] = {}
        self.private_issue = False
        self.permissions = ["view_issues", "add_issue_notes", "set_notes_private"]

    def handle(self, request: Request) -> Answer:
        path, method = request.path, request.method
        if path == "/issues/123.json" and method == "GET":
            attached = [one for one in self.attachments.values() if one["attached"]]
            issue = {"id": 123, "project": {"id": 1}, "is_private": self.private_issue, "journals": self.journals}
            return 200, {"issue": {**issue, "attachments": attached}}
        if path == "/users/current.json":
            member = {"project": {"id": 1}, "roles": [{"id": 4, "name": "Support"}]}
            return 200, {"user": {"id": 5, "memberships": [member]}}
        if path == "/roles/4.json":
            return 200, {"role": {"id": 4, "permissions": self.permissions}}
        if path == "/uploads.json":
            if request.headers["content-type"] != "application/octet-stream":
                return 406, None
            key = self.next()
            self.attachments[key] = {"id": int(key), "filename": request.query["filename"], "attached": False}
            return 201, {"upload": {"id": int(key), "token": f"{key}.abc"}}
        if path.startswith("/attachments/") and method == "DELETE":
            found = self.attachments.pop(path.rpartition("/")[2].removesuffix(".json"), None)
            return (204, None) if found is not None else (404, None)
        if path == "/issues/123.json" and method == "PUT":
            issue = request.json["issue"]
            for upload in issue.get("uploads", ()):
                self.attachments[upload["token"].partition(".")[0]]["attached"] = True
            if issue.get("notes"):
                private = bool(issue.get("private_notes")) and "set_notes_private" in self.permissions
                self.journals.append({"id": int(self.next()), "notes": issue["notes"], "private_notes": private})
            return 204, None
        match = re.fullmatch(r"/journals/(\d+)\.json", path)
        if match and method == "PUT":
            (found,) = [one for one in self.journals if one["id"] == int(match[1])]
            found.update(request.json["journal"])
            return 204, None
        return 404, None


class RtServer(Server):
    authorization = ("authorization", f"token {TOKEN}")

    def __init__(self) -> None:
        super().__init__()
        self.comments: list[dict[str, Any]] = []

    def handle(self, request: Request) -> Answer:
        path, method = request.path, request.method
        if path == "/REST/2.0/ticket/123":
            return 200, {"id": 123}
        if path == "/REST/2.0/ticket/123/attachments":
            names = [one["FileName"] for comment in self.comments for one in comment["Attachments"]]
            return 200, {"items": [{"id": str(n), "Filename": name} for n, name in enumerate(names)], "pages": None}
        if path in ("/REST/2.0/ticket/123/comment", "/REST/2.0/ticket/123/correspond") and method == "POST":
            self.comments.append({"kind": path.rpartition("/")[2], **request.json})
            return 201, ["Comments added"]
        return 404, {"message": "Not Found"}

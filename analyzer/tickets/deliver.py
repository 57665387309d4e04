"""The order of steps that is the same for every system: look, upload, write, tidy up; or take back what was begun."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from analyzer.errors import OutputError
from analyzer.report.escape import plain
from analyzer.report.phrases import count
from analyzer.tickets.post import Dialect, File, Post
from analyzer.tickets.wire import Refused, Uncertain
from analyzer.values import dataclass, field

__all__ = ["Comment", "Known", "Unchanging", "Uploaded", "Vendor", "deliver", "describe"]

_ATTEMPTS = 3
_MISUNDERSTOOD = (AttributeError, LookupError, TypeError, ValueError)
"""What comes of an answer in a form that no documentation shows, as a server of another release may give it."""


@dataclass(frozen=True, slots=True)
class Comment:
    """An earlier comment of ours."""

    id: str
    text: str
    """As the server gives it back; only searched for the stamp."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that the server holds."""

    id: str
    name: str
    detail: str = ""
    """What a comment needs to refer to it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a ticket holds before anything is sent."""

    title: str
    comment: Comment | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    """Files of ours by name, with their ids."""
    limit: int | None = None
    """Largest file that the server takes, in bytes; None where it does not tell."""
    files_allowed: str = ""
    """Why no file may be sent; empty where it may."""


class Vendor(Protocol):
    """One ticket system."""

    title: str
    dialect: Dialect
    longest: int
    """Characters that a comment may have."""
    takes_files: bool
    updates: bool
    """Comments can be changed."""

    def look(self, post: Post) -> Known:
        """Ask for the ticket, the limits and what an earlier run left."""

    def upload(self, file: File) -> Uploaded:
        """Send one file. Raises Refused, Uncertain."""

    def withdraw(self, file: Uploaded) -> bool:
        """Take a file back; False where the system has no way to."""

    def write(self, post: Post, body: str, files: Sequence[Uploaded]) -> str:
        """Write a new comment; returns where it is. Raises Refused, Uncertain."""

    def change(self, post: Post, comment: Comment, body: str, files: Sequence[Uploaded]) -> str:
        """Replace an earlier comment; returns where it is. Raises Refused."""

    def close(self) -> None:
        """Let go of connections."""


class Unchanging:
    """A system in which what was written stays as it was written."""

    title: str

    def change(self, post: Post, comment: Comment, body: str, files: Sequence[Uploaded]) -> str:
        """Refuse."""
        del post, comment, body, files
        raise Refused(f"{self.title}: updating failed: what was written there cannot be changed")


def deliver(vendor: Vendor, post: Post, tell: Callable[[str], None]) -> None:
    """Bring the report to the ticket once; a second time it is updated, or left alone where nothing changed.

    Raises OutputError that names the step; what had been uploaded is then taken back where the system can.
    """
    try:
        _deliver(vendor, post, tell)
    except _MISUNDERSTOOD as error:
        raise OutputError(_sentence(vendor, error)) from None


def _deliver(vendor: Vendor, post: Post, tell: Callable[[str], None]) -> None:
    known = vendor.look(post)
    files = _fitting(vendor, post, known, tell)
    if known.comment is not None and post.stamp in known.comment.text:
        missing = [one for one in files if one.name not in known.files and one.name not in known.comment.text]
        if not missing:
            tell(f"{vendor.title}: {known.title} has this report already; nothing was sent.")
            return
    if known.comment is not None and not vendor.updates:
        tell(
            f"{vendor.title}: {known.title} has an earlier form of this report, and comments cannot be changed there; "
            "nothing was sent."
        )
        return
    uploaded: list[Uploaded] = []
    try:
        for file in files:
            if file.name in known.files:
                uploaded.append(Uploaded(known.files[file.name], file.name))
                continue
            uploaded.append(_upload(vendor, post, file))
        body = post.body(vendor.dialect, tuple(files), vendor.longest)
        where = _write(vendor, post, known, body, uploaded)
    except (OutputError, *_MISUNDERSTOOD) as error:
        fresh = [one for one in uploaded if one.name not in known.files]
        raise OutputError(f"{_sentence(vendor, error)}{_taken_back(vendor, fresh)}") from None
    # Who may read an updated comment stays as it was.
    done = "updated" if known.comment is not None else f"written {'publicly' if post.public else 'internally'}"
    told = f" with {count(len(files), 'file')}" if files else ""
    tell(f"{vendor.title}: {done}{told}: {where}")
    _tidy(vendor, known, files, tell)


def _sentence(vendor: Vendor, error: Exception) -> str:
    if isinstance(error, OutputError):
        return str(error)
    what = plain(repr(error), 200)
    return f"{vendor.title}: the server's answer has a form that is not known ({what}); look at the ticket yourself"


def _fitting(vendor: Vendor, post: Post, known: Known, tell: Callable[[str], None]) -> list[File]:
    if not vendor.takes_files:
        return []
    if known.files_allowed:
        tell(f"{vendor.title}: no file is attached: {known.files_allowed}")
        return []
    chosen = []
    for file in post.files:
        if known.limit is not None and len(file.data) > known.limit:
            tell(
                f"{vendor.title}: {file.name} ({len(file.data):,} bytes) is larger than the server takes "
                f"({known.limit:,} bytes) and stays here."
            )
        else:
            chosen.append(file)
    return chosen


def _upload(vendor: Vendor, post: Post, file: File) -> Uploaded:
    for attempt in range(_ATTEMPTS):
        try:
            return vendor.upload(file)
        except Uncertain:
            if attempt + 1 == _ATTEMPTS:
                raise
            found = vendor.look(post).files.get(file.name)
            if found is not None:
                return Uploaded(found, file.name)
    raise AssertionError("the last attempt raises")


def _write(vendor: Vendor, post: Post, known: Known, body: str, files: Sequence[Uploaded]) -> str:
    for attempt in range(_ATTEMPTS):
        try:
            if known.comment is not None:
                return vendor.change(post, known.comment, body, files)
            return vendor.write(post, body, files)
        except Uncertain:
            # The answer was lost, and perhaps the comment was not: another would be one too many.
            found = vendor.look(post).comment
            if found is not None and post.stamp in found.text:
                return known.title
            if attempt + 1 == _ATTEMPTS:
                raise
    raise AssertionError("the last attempt raises")


def _taken_back(vendor: Vendor, files: Sequence[Uploaded]) -> str:
    if not files:
        return "; nothing was changed there"
    left = []
    for one in files:
        try:
            if not vendor.withdraw(one):
                left.append(one.name)
        except Refused:
            left.append(one.name)
    if left:
        return f"; uploaded before and still there, though no comment names it: {', '.join(left)}"
    return "; what had been uploaded was taken back"


def _tidy(vendor: Vendor, known: Known, files: Sequence[File], tell: Callable[[str], None]) -> None:
    """Remove the files of an earlier form of the report, now that nothing refers to them."""
    current = {one.name for one in files}
    for name, number in reversed(list(known.files.items())):
        if name not in current:
            try:
                vendor.withdraw(Uploaded(number, name))
            except Refused as error:
                tell(f"the older {name} stays: {error}")


def describe(vendor: Vendor, post: Post, where: str) -> str:
    """Return what `deliver` would send, without asking any server."""
    files = post.files if vendor.takes_files else ()
    lines = [
        f"Would go to {vendor.title}, {where}, {'publicly' if post.public else 'internally'}.",
        *[f"File: {one.name}, {one.media_type}, {len(one.data):,} bytes" for one in files],
        "Comment:",
        "",
        post.body(vendor.dialect, tuple(files), vendor.longest),
    ]
    return "\n".join(lines) + "\n"

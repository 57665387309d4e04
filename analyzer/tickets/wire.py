"""One server over HTTPS: verified, patient with a busy server, and honest about which step failed.

A request that can be repeated without harm is tried again after a connection error, 429 and 5xx (RFC 9110 §10.2.3,
RFC 6585 §4). One that cannot, such as writing a comment, is only repeated where the server says that it did nothing;
otherwise `Uncertain` is raised, and the caller looks what is there before it goes on.
"""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from analyzer.errors import OutputError
from analyzer.report.escape import plain
from analyzer.tickets.credentials import Credentials
from analyzer.tickets.target import Target

if TYPE_CHECKING:
    import httpx

__all__ = ["Api", "Refused", "Speaker", "Uncertain"]

_TRIES = 5
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 120.0
_TIMEOUT_S = 60.0
_MOST_WORDS = 240
_BUSY = frozenset((429, 503))
"""Answers by which a server says that it did nothing."""
_RETRIED = frozenset((429, 500, 502, 503, 504))


class Refused(OutputError):  # noqa: N818 - it is what the server did
    """The server said no. ``status`` is its answer, 0 where there was none."""

    def __init__(self, sentence: str, status: int = 0) -> None:
        super().__init__(sentence)
        self.status = status


class Uncertain(Refused):
    """The server failed after it may have done what it was asked."""


class Api:
    """Requests to one server."""

    def __init__(
        self,
        target: Target,
        credentials: Credentials,
        headers: Mapping[str, str],
        *,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        """Speak to the server of a target. Raises OutputError where httpx is missing."""
        try:
            import httpx
        except ImportError:
            raise OutputError("attach needs httpx, which is not installed: pip install 'notconn[tickets]'") from None
        self.title = target.system.title
        self.base = target.base
        self._credentials = credentials
        self._variable = f"NOTCONN_{target.name.upper()}_TOKEN"
        self._sleep = sleep or time.sleep
        self._errors = httpx.TransportError
        self._never_sent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
        # The system's own store of authorities holds those of a company too; nothing turns the check off.
        self._client = httpx.Client(
            headers={"User-Agent": "notconn", "Accept": "application/json", **headers},
            verify=ssl.create_default_context(),
            timeout=_TIMEOUT_S,
            follow_redirects=False,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def get(self, step: str, path: str, **more: Any) -> Any:
        """Ask for JSON. Raises Refused."""
        return self.json(self.send(step, "GET", path, again=True, **more), step)

    def json(self, response: httpx.Response, step: str) -> Any:
        """Return an answer's JSON. Raises Refused for anything else, such as a login page."""
        try:
            return response.json()
        except ValueError:
            if response.status_code == 203:
                # Azure DevOps answers a wrong token with its login page.
                raise Refused(self._sentence(step, response, token=True), 401) from None
            kind = response.headers.get("Content-Type", "nothing").partition(";")[0]
            raise Refused(
                f"{self.title}: {step} failed: the server answered with {plain(kind)} and not JSON; check the address "
                f"{self.base}",
                response.status_code,
            ) from None

    def send(self, step: str, method: str, path: str, *, again: bool = False, **more: Any) -> httpx.Response:
        """Send one request, with patience; ``again`` says that it may be repeated without harm.

        Raises Refused, or Uncertain where the server may have carried it out.
        """
        pause = _FIRST_PAUSE_S
        for attempt in range(1, _TRIES + 1):
            last = attempt == _TRIES
            try:
                response = self._client.request(method, f"{self.base}{path}", **more)
            except self._errors as error:
                sentence = f"{self.title}: {step} failed: {self._reason(error)}"
                if not again and not isinstance(error, self._never_sent):
                    raise Uncertain(sentence) from None
                if last or _is_certificate(error):
                    raise Refused(sentence) from None
                self._sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter needs no secrecy
                pause *= 2
                continue
            if response.status_code < 300:
                return response
            if response.status_code not in _RETRIED:
                raise Refused(self._sentence(step, response), response.status_code)
            wait = _retry_after(response)
            if not again and response.status_code not in _BUSY:
                raise Uncertain(self._sentence(step, response), response.status_code)
            if last or (wait is not None and wait > _LONGEST_PAUSE_S):
                raise Refused(self._sentence(step, response, wait), response.status_code)
            self._sleep(wait if wait is not None else pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause *= 2
        raise AssertionError("every way out of the loop is above")

    def _reason(self, error: Exception) -> str:
        if _is_certificate(error):
            return (
                f"the certificate of {self.base} cannot be verified ({plain(str(error), _MOST_WORDS)}); install your "
                "company's authority in this system, or name its file in SSL_CERT_FILE"
            )
        return f"{self.base} cannot be reached ({self._credentials.hide(plain(str(error), _MOST_WORDS))})"

    def _sentence(self, step: str, response: httpx.Response, wait: float | None = None, *, token: bool = False) -> str:
        status = 401 if token else response.status_code
        said = self._credentials.hide(plain(_words(response), _MOST_WORDS))
        forbidden = status == 400 and "permission denied" in said.lower()  # so says Request Tracker
        meaning = {
            400: "the server did not understand it",
            401: f"the token was not accepted; check {self._variable} and whether it has expired",
            403: "this account may not do that; it needs the right to comment and to attach files there",
            404: "there is no such ticket, or this account may not see it",
            413: "the file is larger than the server takes",
            415: "the server does not take such files",
            422: "the server did not take its content",
            429: f"the server asks for a pause{f' of {wait:.0f} s; try again then' if wait else ''}",
        }.get(403 if forbidden else status)
        if meaning is None:
            meaning = (
                f"the address has moved to {plain(response.headers.get('Location', 'elsewhere'), 120)}; correct it"
                if 300 <= status < 400
                else "the server is out of order; try again later"
                if status >= 500
                else "the server refused"
            )
        return f"{self.title}: {step} failed: {status}, {meaning}{f' (it says: {said})' if said else ''}"


class Speaker:
    """A system that is spoken to over one `Api`."""

    api: Api

    def close(self) -> None:
        """Let go of the connections."""
        self.api.close()


def _is_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())


def _words(response: httpx.Response) -> str:
    """Return what the server says of its refusal, in the forms that these systems use."""
    try:
        tree = response.json()
    except ValueError:
        return ""
    found: list[str] = []
    if isinstance(tree, dict):
        for key in ("errorMessages", "errors", "error", "message", "description", "detail"):
            value = tree.get(key)
            if isinstance(value, str):
                found.append(value)
            elif isinstance(value, list):
                found += [str(one.get("message", one)) if isinstance(one, dict) else str(one) for one in value]
            elif isinstance(value, dict):
                found += [str(one) for one in value.values() if isinstance(one, str)]
    return "; ".join(dict.fromkeys(found))

"""The client's way to the service: addresses, the key, and errors of the service as faceml's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs, quote

from faceml.client.operations import Operations
from faceml.errors import Conflict, FacemlError, NotFound, Unavailable, WrongUse

TIMEOUT_S = 300.0  # grouping a large library takes minutes
ERRORS: dict[int, type[FacemlError]] = {404: NotFound, 409: Conflict, 429: Unavailable}


class Session(Protocol):
    """What sends requests: one of `requests`, or FastAPI's client in a test."""

    def request(self, method: str, url: str, **how: Any) -> Any: ...


class Client(Operations):
    """Asks a faceml service.

    Answers are dictionaries as JSON has them, typed (`faceml.client.shapes`); pictures are bytes. An error of the
    service is raised as faceml's own: NotFound, Conflict, WrongUse where a value does not fit or the key is wrong,
    Unavailable where it does not answer now.

    Args:
        url: of the service, without /api.
        key: FACEML_API_KEY or FACEML_API_READ_KEY of the service.
        session: sends the requests, and has time limits of its own; default: a session of `requests`.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        key: str | None = None,
        session: Session | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._url = url.rstrip("/")
        self._headers = {"X-API-Key": key} if key else {}
        self._session = session or _of_requests()
        self.headers: Mapping[str, str] = {}  # of the latest answer, such as X-Event-Id of a decision, and X-Note
        self._how = {} if session else {"timeout": timeout_s}

    @property
    def after(self) -> str | None:
        """Where the latest answer's list goes on: `after` of its next page; None: that was the last."""
        found = re.search(r'<\?([^>]*)>; rel="next"', self.headers.get("Link", ""))
        return parse_qs(found[1])["after"][0] if found else None

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
        photo: bytes | None = None,
        photos: list[bytes] | None = None,
        form: dict[str, Any] | None = None,
    ) -> Any:
        """Send a request; what it answers, as JSON says it, or bytes.

        Raises:
            NotFound, Conflict, WrongUse, Unavailable: as the service says.
        """
        asked = _without_nothing(query)
        pictures = [("photo", photo)] if photo is not None else [("photos", each) for each in photos or ()]
        try:
            answer = self._session.request(
                method,
                self._url + quote(path),
                params=asked,
                json=body,
                files=pictures or None,
                data=_without_nothing(form) or None,
                headers=self._headers,
                **self._how,
            )
        except OSError as error:  # those of requests are
            what = type(error).__name__
            raise Unavailable(f"{self._url} does not answer ({what}): start it (`make serve`)") from error
        self.headers = answer.headers
        if answer.status_code >= 400:
            raise _refused(answer)
        kind = answer.headers.get("content-type", "")
        return answer.json() if "json" in kind else answer.text if kind.startswith("text/") else answer.content


def _refused(answer: Any) -> FacemlError:
    try:
        words = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        words = f"the service answered {answer.status_code}"
    default: type[FacemlError] = Unavailable if answer.status_code >= 500 else WrongUse
    return ERRORS.get(answer.status_code, default)(words)


def _without_nothing(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: _as_text(value) for name, value in (fields or {}).items() if value is not None}


def _as_text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _of_requests() -> Session:
    import requests

    found: Any = requests.Session()
    session: Session = found
    return session

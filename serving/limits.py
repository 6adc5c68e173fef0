"""How much a client may ask for: size and shape of a body, time to send it, requests a second."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.problems import problem

KB, MB = 1_000, 1_000_000
JSON, FORM = b"application/json", b"multipart/form-data"
MARKS = (b"{", b"[", b":", b"&")  # one a level, a list, a field; in a name they are letters
MOST_ADDRESS_BYTES = 8 * KB  # path and query
MOST_CLIENTS = 10_000  # whose pace is remembered


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the service. A client's bucket holds `burst` requests and fills with `rate` a second."""

    body_bytes: int = 64 * KB  # a name of 255 letters, or all options
    body_marks: int = 2_000  # of each of MARKS; 1,000 embeddings have one a row
    many_bytes: int = 2 * MB  # three lists of 10,000 ids of faces
    vectors_bytes: int = 16 * MB  # 1,000 embeddings of 512 numbers
    upload_bytes: int = 64 * MB  # a photo
    head_s: float = 15.0  # to send the line and headers of a request
    body_s: float = 30.0  # to send its body
    quick_s: float = 30.0
    heavy_s: float = 900.0
    rate: float = 200.0  # 0: no limit
    burst: int = 400
    quick_threads: int = 10  # with the heavy ones below the 15 connections of a PostgreSQL pool
    quick_waiting: int = 500
    heavy_threads: int = 2
    heavy_waiting: int = 8


def check_address(scope: Scope) -> Response | None:
    """Refuse an address that no request needs: a query is read field by field."""
    if len(scope["path"]) + len(scope["query_string"]) <= MOST_ADDRESS_BYTES:
        return None
    most = f"{MOST_ADDRESS_BYTES // KB} KB"
    return problem(HTTPStatus.REQUEST_URI_TOO_LONG, f"path and query are longer than {most}, the most that is taken")


def media_type(scope: Scope) -> bytes:
    """What the body claims to be, `application/json` say; empty where it claims nothing."""
    sent = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return bytes(sent.partition(b";")[0].strip().lower())


class BodyLimit:
    """Refuse a body that is too large, has too many parts or comes too slowly, before it is in memory.

    Reading 15 MB of unknown fields would hold the service up for half a minute, and take 1.5 GB. So the marks that make
    levels, lists and fields are counted as the bytes come in: at a gigabyte a second, and no sooner read than refused.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_started = False

        async def noted(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        body = _Body(scope, receive, self._limits)
        try:
            body.check_announced()
            await self._app(scope, body.receive, noted)
        except _Refused as refused:
            if not has_started:
                await problem(refused.status, refused.detail)(scope, receive, send)


class _Refused(BaseException):
    """Passes every `except Exception` on its way out; never leaves `BodyLimit`."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        self.status = status
        self.detail = detail


class _Body:
    def __init__(self, scope: Scope, receive: Receive, limits: Limits) -> None:
        self._scope = scope
        self._receive = receive
        self._most = most_bytes(scope, limits)
        # A picture's bytes mean nothing; the parts of a form are counted where it is read.
        self._marks = {} if media_type(scope) == FORM else dict.fromkeys(MARKS, limits.body_marks)
        self._limit_s = limits.body_s
        self._deadline = time.monotonic() + limits.body_s
        self._seen = 0
        self._is_complete = False

    def check_announced(self) -> None:
        length = next((value for name, value in self._scope["headers"] if name == b"content-length"), b"0")
        if not length.isdigit() or int(length) > self._most:
            raise self._too_large()

    async def receive(self) -> Message:
        if self._is_complete:  # waiting for the client to go away takes as long as it takes
            return await self._receive()
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                message = await self._receive()
        except TimeoutError as error:
            late = f"the body did not arrive within {self._limit_s:.0f} s"
            raise _Refused(HTTPStatus.REQUEST_TIMEOUT, late) from error
        if message["type"] == "http.request":
            self._is_complete = not message.get("more_body", False)
            self._check(message.get("body", b""))
        return message

    def _check(self, part: bytes) -> None:
        self._seen += len(part)
        if self._seen > self._most:
            raise self._too_large()
        for mark in self._marks:
            self._marks[mark] -= part.count(mark)
            if self._marks[mark] < 0:
                more = "the body holds more levels, lists or fields than any request needs"
                raise _Refused(HTTPStatus.UNPROCESSABLE_ENTITY, more)

    def _too_large(self) -> _Refused:
        most = f"{self._most / MB:g} MB" if self._most >= MB else f"{self._most / KB:g} KB"
        detail = f"the body is larger than {most}, the most that this path takes"
        return _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


def most_bytes(scope: Scope, limits: Limits) -> int:
    """What the path takes at most; what claims to be something else than the path asks for will be refused anyway."""
    kind = media_type(scope)
    if scope["path"].endswith(("/identify", "/grid/search", "/search/upload", "/enrol")) and kind == FORM:
        return limits.upload_bytes
    if scope["path"].endswith(("/grid/decide", "/grid/suggest", "/grid/tiles")) and kind == JSON:
        return limits.many_bytes
    if scope["path"].endswith("/project") and kind == JSON:
        return limits.vectors_bytes
    return limits.body_bytes


class RateLimit:
    """A token bucket for each client's address.

    >>> limit = RateLimit(Limits(rate=2.0, burst=1))
    >>> [limit.wait_s("a", now) for now in (0.0, 0.0, 0.5)], limit.wait_s("b", 0.0)
    ([0.0, 0.5, 0.0], 0.0)
    """

    def __init__(self, limits: Limits) -> None:
        self._rate, self._burst = limits.rate, float(limits.burst)
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client → (tokens, when)

    def __call__(self, scope: Scope) -> Response | None:
        wait_s = self.wait_s(scope["client"][0] if scope.get("client") else "unknown", time.monotonic())
        if wait_s == 0.0:
            return None
        return problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"more than {self._rate:g} requests a second come from this address: wait a moment",
            headers={"Retry-After": str(max(1, round(wait_s)))},
        )

    def wait_s(self, client: str, now: float) -> float:
        """Take a token, or tell how long until there is one; 0: the client may go on."""
        if self._rate <= 0:
            return 0.0
        tokens, since = self._levels.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        is_free = tokens >= 1.0
        self._levels[client] = (tokens - 1.0 if is_free else tokens, now)
        if len(self._levels) > MOST_CLIENTS:
            self._levels.popitem(last=False)
        return 0.0 if is_free else (1.0 - tokens) / self._rate

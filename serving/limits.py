"""How much a client may ask for: size of a body, time to send it, requests a second."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.problems import problem

MB = 1_000_000
MOST_CLIENTS = 10_000  # whose pace is remembered


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the service. A client's bucket holds `burst` requests and fills with `rate` a second."""

    body_bytes: int = 16 * MB
    upload_bytes: int = 64 * MB  # a photo
    upload_paths: tuple[str, ...] = ("/identify",)
    body_s: float = 30.0  # to send it
    quick_s: float = 30.0
    heavy_s: float = 900.0
    rate: float = 200.0  # 0: no limit
    burst: int = 400
    quick_threads: int = 10  # with the heavy ones below the 15 connections of a PostgreSQL pool
    quick_waiting: int = 500
    heavy_threads: int = 2
    heavy_waiting: int = 8


class BodyLimit:
    """Refuse a body that is too large, or comes too slowly, before it is in memory."""

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

        is_upload = scope["path"].endswith(self._limits.upload_paths)
        body = _Body(receive, self._limits.upload_bytes if is_upload else self._limits.body_bytes, self._limits.body_s)
        try:
            body.check_announced(scope)
            await self._app(scope, body.receive, noted)
        except _Refused as refused:
            if not has_started:
                answer = problem(refused.status, refused.detail, headers={"Connection": "close"})
                await answer(scope, receive, send)


class _Refused(BaseException):
    """Passes every `except Exception` on its way out; never leaves `BodyLimit`."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        self.status = status
        self.detail = detail


class _Body:
    def __init__(self, receive: Receive, most: int, limit_s: float) -> None:
        self._receive = receive
        self._most = most
        self._limit_s = limit_s
        self._deadline = time.monotonic() + limit_s
        self._seen = 0
        self._is_complete = False

    def check_announced(self, scope: Scope) -> None:
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
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
            self._seen += len(message.get("body", b""))
            self._is_complete = not message.get("more_body", False)
            if self._seen > self._most:
                raise self._too_large()
        return message

    def _too_large(self) -> _Refused:
        most = f"{self._most / MB:g} MB"
        detail = f"the body is larger than {most}, the most that this path takes"
        return _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


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

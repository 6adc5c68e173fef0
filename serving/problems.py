"""Errors as problem details (RFC 9457): one table from ours to HTTP, and the few that are HTTP's own."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from faceml.errors import (
    Conflict,
    FacemlError,
    FacesChanged,
    NotEnoughData,
    NotFound,
    Unavailable,
    UnreadablePhoto,
    WrongUse,
)
from serving.methods import allowed_methods
from serving.schemas.base import Problem

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
log = logging.getLogger(__name__)


class TookTooLong(FacemlError):
    """The time limit of a request is over; what was begun goes on."""


class TooBusy(Unavailable):
    """More is waiting than will be done soon."""


STATUSES: tuple[tuple[type[FacemlError], HTTPStatus], ...] = (
    (WrongUse, HTTPStatus.UNPROCESSABLE_ENTITY),
    (UnreadablePhoto, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (NotEnoughData, HTTPStatus.CONFLICT),
    (TookTooLong, HTTPStatus.GATEWAY_TIMEOUT),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (FacemlError, HTTPStatus.INTERNAL_SERVER_ERROR),
)


def problem(
    status: int, detail: str, *, errors: list[dict[str, str]] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors)
    return Response(body.model_dump_json(exclude_none=True), int(status), dict(headers or {}), MEDIA_TYPE)


def of_error(error: FacemlError) -> Response:
    if isinstance(error, FacesChanged):
        body = Problem(title="Conflict", status=409, detail=str(error), changed_face_ids=list(error.face_ids))
        return Response(body.model_dump_json(exclude_none=True, by_alias=True), 409, media_type=MEDIA_TYPE)
    status = next(status for kind, status in STATUSES if isinstance(error, kind))
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return problem(status, str(error), headers=headers)


def of_invalid(errors: Sequence[Any]) -> Response:
    """What does not fit, by pydantic's list; never the value that was sent: it may be a name or a vector."""
    found = [{"at": ".".join(map(str, item["loc"])), "message": str(item["msg"])} for item in errors[:20]]
    where = "; ".join(f"{item['at']}: {item['message']}" for item in found[:3])
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"the request does not fit: {where}", errors=found)


def install(app: FastAPI) -> None:
    """Let every error of the app's routes leave as a problem."""

    @app.exception_handler(FacemlError)
    async def _ours(_: Request, error: FacemlError) -> Response:
        return of_error(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        return of_invalid(error.errors())

    @app.exception_handler(HTTPException)
    async def _https(request: Request, error: HTTPException) -> Response:
        if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return problem(error.status_code, _words(error), headers=error.headers)
        allowed = allowed_methods(request.scope)  # the framework's are those of one route of the path
        return problem(error.status_code, f"this path takes {allowed}", headers={"Allow": allowed})


class LastResort:
    """Answer to an unexpected error. The log says where it was raised, not its message: that may hold a name."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_started = False

        async def noted(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            if scope["type"] != "http":
                raise
            kind, frames = type(error).__name__, "".join(traceback.format_tb(error.__traceback__))
            log.error("unexpected %s at\n%s", kind, frames)
            if not has_started:
                words = f"unexpected {kind}: the log of the service says where"
                await problem(HTTPStatus.INTERNAL_SERVER_ERROR, words)(scope, receive, send)


def _words(error: HTTPException) -> str:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return "there is nothing at this path: /docs and /openapi.json describe what there is"
    return str(error.detail)

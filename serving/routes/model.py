"""The projection in use: what it is, and vectors through it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus

import numpy as np
from fastapi import Request
from fastapi.responses import Response
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.types import ASGIApp, Receive, Scope, Send

from faceml.errors import FacemlError, ModelMismatch, WrongUse
from faceml.services.recognise.spaces import Space
from serving.deps import API, Service, Shared, router_for
from serving.limits import JSON, KB, media_type
from serving.openapi import UNCHANGED, problems
from serving.problems import of_error, of_invalid
from serving.schemas.model import MOST_ROWS, MOST_WIDTH, ModelResponse, ProjectRequest, ProjectResponse, Row

router = router_for("model")
PATH = f"{API}/project"
FEW_BYTES = 250 * KB  # below, reading and projecting costs less than handing it to another thread
Rows = Sequence[Sequence[float] | NDArray[np.float32]]
MOST_ROW_BYTES = 40 * MOST_WIDTH  # a double has 24 letters
HEAD = re.compile(rb'\s*\{\s*"embeddings"\s*:\s*')
ROW: TypeAdapter[list[float]] = TypeAdapter(Row)


@router.get("/model", response_model=ModelResponse, responses=UNCHANGED)
async def get_model(request: Request, service: Shared) -> Response:
    """Get which projection answers are made with, and since when."""
    return await service.read(request, lambda: _model(service))


@router.post("/project", response_model=ProjectResponse, responses=problems(HTTPStatus.CONFLICT))
async def project(service: Shared, body: ProjectRequest) -> Response:
    """Project embeddings of the library's model pack; where no projection is registered they come back as they are."""
    return _answer(_projected(service.champion.current.space, body.embeddings))


class ProjectShortcut:
    """Take `POST /project` past the framework: one embedding costs 0.1 ms to project, and the usual way in 0.7 ms.

    The body goes from bytes to its schema in one step. Keys, limits and headers are the middlewares' before this one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._route = next(route for route in router.routes if getattr(route, "endpoint", None) is project)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_ours = scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST"
        if not is_ours or media_type(scope) != JSON:
            await self._app(scope, receive, send)
            return
        scope["route"] = self._route
        content = await _body(receive)
        if content is None:
            return
        answer = await _answer_to(scope["app"].state.service, content)
        await answer(scope, receive, send)


async def _answer_to(service: Service, content: bytes) -> Response:
    space = service.champion.current.space
    if len(content) <= FEW_BYTES:
        return _read_and_projected(space, content, read=_read_at_once)
    try:
        return await service.pools.heavy(lambda: _read_and_projected(space, content, read=_read_by_row))
    except FacemlError as error:  # the pool's
        return of_error(error)


def _read_and_projected(space: Space, content: bytes, *, read: Callable[[bytes], Rows]) -> Response:
    """The answer, be it an error's; one that was raised would keep the body in memory with it."""
    try:
        return _answer(_projected(space, read(content)))
    except ValidationError as error:
        return of_invalid(error.errors(include_url=False, include_input=False))
    except FacemlError as error:
        return of_error(error)


def _read_at_once(content: bytes) -> Rows:
    return ProjectRequest.model_validate_json(content).embeddings


def _read_by_row(content: bytes) -> Rows:
    """The rows of a large `ProjectRequest`: (D,) each.

    One by one, since pydantic lets no other thread run meanwhile: for a second, where there are four million numbers.

    Raises:
        ValidationError: one row does not fit.
        WrongUse: it is not what `ProjectRequest` describes.
    """
    head, _, rest = content.partition(b"[")
    tail = rest.rstrip().removesuffix(b"}").rstrip()
    rows = tail.split(b"]", MOST_ROWS + 2)
    if not HEAD.fullmatch(head) or not 2 < len(rows) < MOST_ROWS + 3 or rows.pop() or rows.pop().strip():
        raise WrongUse(f'send {{"embeddings": [[…], …]}} and nothing else, at most {MOST_ROWS} rows in one request')
    return [_row(number, text) for number, text in enumerate(rows)]


def _row(number: int, text: bytes) -> NDArray[np.float32]:
    start, _, numbers = text.partition(b"[")
    is_row = start.strip() == (b"," if number else b"") and len(numbers) <= MOST_ROW_BYTES
    if not is_row or numbers.count(b",") >= MOST_WIDTH:
        raise WrongUse(
            f"embeddings.{number}: a row is a list of at most {MOST_WIDTH} numbers, and commas part the rows"
        )
    return np.array(ROW.validate_json(b"[%b]" % numbers), np.float32)


async def _body(receive: Receive) -> bytes | None:
    """All of it; None where the client went away."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _projected(space: Space, embeddings: Rows) -> bytes:
    if len(set(map(len, embeddings))) != 1:
        raise ModelMismatch("the embeddings differ in width: send vectors of one model pack")
    rows = space.project(np.array(embeddings, np.float32))
    # By the names of ProjectResponse, which would check what is known to be right.
    return to_json({"modelVersion": space.name, "width": rows.shape[1], "embeddings": rows.tolist()})


def _answer(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _model(service: Service) -> ModelResponse:
    served, pinned = service.champion.current, service.library.repository.pack()
    head = served.space.head
    return ModelResponse(
        model_version=served.space.name,
        version=served.version,
        matcher=served.matcher.space if served.matcher else None,
        width_in=head.width_in if head else None,
        width_out=head.width_out if head else None,
        pack=pinned.name if pinned else None,
        loaded_at=served.loaded_at,
        note=served.space.note,
        registry_problem=service.champion.problem,
    )

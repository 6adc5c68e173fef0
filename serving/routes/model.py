"""The projection in use: what it is, and vectors through it."""

from __future__ import annotations

from http import HTTPStatus

import numpy as np
from fastapi import Request
from fastapi.responses import Response
from pydantic import ValidationError
from pydantic_core import to_json
from starlette.types import ASGIApp, Receive, Scope, Send

from faceml.errors import FacemlError, ModelMismatch
from faceml.services.recognise.spaces import Space
from serving.deps import API, Service, Shared, router_for, with_etag
from serving.openapi import UNCHANGED, problems
from serving.problems import of_error, of_invalid
from serving.schemas.model import ModelResponse, ProjectRequest, ProjectResponse

router = router_for("model")
PATH = f"{API}/project"
FEW_ROWS = 32  # below, a projection costs less than handing it to another thread


@router.get("/model", response_model=ModelResponse, responses=UNCHANGED)
async def get_model(request: Request, service: Shared) -> Response:
    """Get which projection answers are made with, and since when."""
    content = await service.pools.quick(lambda: _model(service).model_dump_json(by_alias=True).encode())
    return with_etag(request, content, "application/json")


@router.post("/project", response_model=ProjectResponse, responses=problems(HTTPStatus.CONFLICT))
async def project(service: Shared, body: ProjectRequest) -> Response:
    """Project embeddings of the library's model pack; where no projection is registered they come back as they are."""
    space = service.champion.current.space
    if len(body.embeddings) <= FEW_ROWS:
        content = _projected(space, body.embeddings)
    else:
        content = await service.pools.heavy(lambda: _projected(space, body.embeddings))
    return Response(content, media_type="application/json")


class ProjectShortcut:
    """Take `POST /project` past the framework: one embedding costs 0.1 ms to project, and the usual way in 0.7 ms.

    The body goes from bytes to its schema in one step. Keys, limits and headers are the middlewares' before this one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._route = next(route for route in router.routes if getattr(route, "endpoint", None) is project)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST" or not _is_json(scope):
            await self._app(scope, receive, send)
            return
        scope["route"] = self._route
        content = await _body(receive)
        if content is None:
            return
        answer = await self._answer(scope["app"].state.service, content)
        await answer(scope, receive, send)

    async def _answer(self, service: Service, content: bytes) -> Response:
        try:
            return await project(service, ProjectRequest.model_validate_json(content))
        except ValidationError as error:
            return of_invalid(error.errors(include_url=False, include_input=False))
        except FacemlError as error:
            return of_error(error)


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


def _is_json(scope: Scope) -> bool:
    return any(name == b"content-type" and value.startswith(b"application/json") for name, value in scope["headers"])


def _projected(space: Space, embeddings: list[list[float]]) -> bytes:
    if len(set(map(len, embeddings))) != 1:
        raise ModelMismatch("the embeddings differ in width: send vectors of one model pack")
    rows = space.project(np.array(embeddings, np.float32))
    # By the names of ProjectResponse, which would check what is known to be right.
    return to_json({"modelVersion": space.name, "width": rows.shape[1], "embeddings": rows.tolist()})


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

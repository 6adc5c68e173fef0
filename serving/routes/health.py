"""For who watches the service: does it run, can it answer, what does it do."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from fastapi.responses import Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from faceml import __version__
from faceml.services.operate.status import Part, check_parts
from serving.deps import Shared, router_for
from serving.schemas.model import HealthResponse, PartItem, ReadyResponse

router = router_for("health", prefix="")


@router.get("/health", response_model=HealthResponse)
async def health() -> Response:
    """Whether the service runs."""
    return _answer(HealthResponse(status="ok", version=__version__))


@router.get(
    "/ready",
    response_model=ReadyResponse,
    responses={503: {"model": ReadyResponse, "description": "A part that everything needs does not answer"}},
)
async def ready(request: Request, service: Shared) -> Response:
    """Whether each part answers; reasons are told to whoever has the key, or to everyone where no key is set."""
    parts = await service.pools.watch(lambda: check_parts(service.library, ask_queue=service.ask_queue))
    parts = (*parts, Part("registry", service.champion.problem, is_needed=False))
    is_trusted = getattr(request.state, "is_trusted", True)
    failed = [part for part in parts if part.problem]
    is_unavailable = any(part.is_needed for part in failed)
    answer = ReadyResponse(
        status="unavailable" if is_unavailable else "degraded" if failed else "ready",
        model_version=service.champion.current.space.name,
        parts=[
            PartItem.completed(part, is_ok=part.problem is None, reason=part.problem if is_trusted else None)
            for part in parts
        ],
    )
    return _answer(answer, HTTPStatus.SERVICE_UNAVAILABLE if is_unavailable else HTTPStatus.OK)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(service: Shared) -> Response:
    """Counts and times for Prometheus."""
    page = service.metrics.page(service.pools.waiting(), service.champion.current.space.name)
    return Response(page, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _answer(model: HealthResponse | ReadyResponse, status: int = HTTPStatus.OK) -> Response:
    return Response(model.model_dump_json(by_alias=True), int(status), media_type="application/json")

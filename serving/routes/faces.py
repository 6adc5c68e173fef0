"""Single faces: their picture, and what a person says about them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from fastapi.responses import Response

from faceml.services.decisions.label import assign_faces_to, reject_person, unassign_faces
from faceml.services.recognise.identify import explain_face
from faceml.services.review.thumbnails import LARGEST_PX, SMALLEST_PX, draw_thumbnail
from serving.deps import API, Shared, router_for, with_etag
from serving.openapi import UNCHANGED, problems
from serving.schemas.faces import (
    AssignFaceResponse,
    ExplainQuery,
    ExplanationResponse,
    RejectFaceResponse,
    UnassignFaceResponse,
    WhoRequest,
    name_or_id,
)

router = router_for("faces", prefix=f"{API}/faces/{{face_id}}")
REFUSED = problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


@router.get(
    "/thumbnail",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        **UNCHANGED,
        **problems(HTTPStatus.NOT_FOUND),
    },
)
async def thumbnail(
    request: Request,
    service: Shared,
    face_id: UUID,
    size: Annotated[int, Query(ge=SMALLEST_PX, le=LARGEST_PX, description="Pixels a side")] = 112,
) -> Response:
    """Get a face as a small square picture."""
    picture = await service.pools.quick(lambda: draw_thumbnail(service.library.repository, face_id, size_px=size))
    return with_etag(request, picture, "image/jpeg")


@router.get("/explanation", response_model=ExplanationResponse, responses={**UNCHANGED, **REFUSED})
async def explain(
    request: Request, service: Shared, face_id: UUID, query: Annotated[ExplainQuery, Query()]
) -> Response:
    """Say why a face is under the person it is under, and whom it is like now."""
    return await service.read(
        request,
        lambda: ExplanationResponse.of(
            explain_face(service.library, face_id, model=query.model, matcher=query.matcher)
        ),
    )


@router.post("/assign", response_model=AssignFaceResponse, responses=REFUSED)
async def assign(service: Shared, face_id: UUID, body: WhoRequest) -> Response:
    """Say who a face is; a new name makes a new person."""
    return await service.decide(
        lambda: assign_faces_to(service.library, [face_id], name_or_id(body), actor=service.actor),
        lambda report: AssignFaceResponse.completed(report, face_id=face_id),
    )


@router.post("/unassign", response_model=UnassignFaceResponse, responses=REFUSED)
async def unassign(service: Shared, face_id: UUID) -> Response:
    """Take a face from whom it is under; it stays without a name until a person gives it one."""
    return await service.decide(
        lambda: unassign_faces(service.library, [face_id], actor=service.actor),
        lambda report: UnassignFaceResponse(face_id=face_id, event_id=report.event_id),
    )


@router.post("/reject", response_model=RejectFaceResponse, responses=REFUSED)
async def reject(service: Shared, face_id: UUID, body: WhoRequest) -> Response:
    """Say that a face is *not* this person, who is never proposed for it again."""
    return await service.decide(
        lambda: reject_person(service.library, [face_id], name_or_id(body), actor=service.actor),
        lambda report: RejectFaceResponse.completed(report, face_id=face_id, taken_away=report.faces_taken_away > 0),
    )

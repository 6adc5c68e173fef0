"""One photo or video: its picture, the faces on it, and those that a person draws."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Request
from fastapi.responses import FileResponse, Response

from faceml.services.photos.drawn import correct_box, draw_face, look_at_asset, take_away, video_file
from faceml.services.review.thumbnails import draw_photo
from serving.deps import Shared, router_for, with_etag
from serving.openapi import UNCHANGED, problems
from serving.schemas import photos
from serving.schemas.base import LARGEST_ID

router = router_for("photos")
AssetId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
VIDEO_TYPES = {".mkv": "video/x-matroska", ".webm": "video/webm", ".avi": "video/x-msvideo", ".mov": "video/quicktime"}
UNKNOWN = problems(HTTPStatus.NOT_FOUND)
REFUSED = problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


@router.get("/assets/{asset_id}/view", response_model=photos.PhotoResponse, responses={**UNCHANGED, **UNKNOWN})
async def view_photo(request: Request, service: Shared, asset_id: AssetId) -> Response:
    """Get what is known of a photo: file, date, camera, its faces with their boxes, and the photos beside it."""
    return await service.read(
        request, lambda: photos.PhotoResponse.of(look_at_asset(service.library.repository, asset_id))
    )


@router.get(
    "/assets/{asset_id}/picture",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        **UNCHANGED,
        **UNKNOWN,
    },
)
async def picture(
    request: Request,
    service: Shared,
    asset_id: AssetId,
    size: Annotated[int, Query(ge=64, le=4096, description="Pixels of the longer side, at most")] = 1280,
    at_s: Annotated[float, Query(alias="atS", ge=0, le=1e6, description="Which picture of a video, in seconds")] = 0,
) -> Response:
    """Get a photo, or a picture of a video, as a JPEG, upright."""
    content = await service.pools.heavy(
        lambda: draw_photo(service.library.repository, asset_id, size_px=size, at_s=at_s)
    )
    return with_etag(request, content, "image/jpeg")


@router.get(
    "/assets/{asset_id}/video",
    response_class=Response,
    responses={
        200: {"content": {"video/*": {"schema": {"type": "string", "format": "binary"}}}},
        206: {"description": "The part that the request's `Range` names"},
        416: {"description": "The file ends before that part"},
        **UNKNOWN,
    },
)
async def play(service: Shared, asset_id: AssetId) -> Response:
    """Get a video's file, whole or by ranges, to play it."""
    file = await service.pools.quick(lambda: video_file(service.library.repository, asset_id))
    kind = VIDEO_TYPES.get(file.suffix.lower(), "video/mp4")
    return FileResponse(file, media_type=kind, headers={"Cache-Control": "private, no-cache"})


@router.post("/assets/{asset_id}/faces", response_model=photos.DrawFaceResponse, responses=REFUSED)
async def draw(service: Shared, asset_id: AssetId, body: photos.DrawFaceRequest) -> Response:
    """Draw a face where none was found, and say whose it is; detection keeps it."""
    return await service.compute(
        lambda: draw_face(service.library, asset_id, body.box.share(), body.name, actor=service.actor),
        photos.DrawFaceResponse.of,
    )


@router.post("/faces/{face_id}/box", response_model=photos.DrawFaceResponse, responses=REFUSED)
async def correct(service: Shared, face_id: UUID, body: photos.CorrectBoxRequest) -> Response:
    """Correct the box of a face. The answer's face takes its place, under whom it was."""
    return await service.compute(
        lambda: correct_box(service.library, face_id, body.box.share(), actor=service.actor), photos.DrawFaceResponse.of
    )


@router.delete("/faces/{face_id}", response_model=photos.TakenAwayResponse, responses=REFUSED)
async def take_face_away(service: Shared, face_id: UUID) -> Response:
    """Say that this is no face: one that was drawn is gone, one that was found is dismissed; undo brings it back."""
    return await service.decide(
        lambda: photos.TakenAwayResponse(
            face_id=face_id, event_id=take_away(service.library, face_id, actor=service.actor)
        ),
        lambda answer: answer,
    )

"""Photos: find their faces, list them, or say who is on one that the library does not hold."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Body, File, Path, Query, Request, UploadFile
from fastapi.responses import Response

from faceml.options import DetectOptions
from faceml.services.photos.detect import detect_in_photo
from faceml.services.photos.drawn import faces_of_photo
from faceml.services.photos.missing import forget_missing, list_missing
from faceml.services.recognise.identify import identify_photo
from faceml.services.review.browse import list_unreadable
from serving.deps import ACTOR, Shared, router_for
from serving.limits import KB
from serving.openapi import PAGED, UNCHANGED, problems
from serving.routes.clusters import JOB
from serving.schemas import faces
from serving.schemas.base import LARGEST_ID, PhotosPage
from serving.schemas.persons import EraseQuery

router = router_for("detection")
AssetId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
UNKNOWN = problems(HTTPStatus.NOT_FOUND)
ONE_PHOTO: Any = {"max_files": 1, "max_fields": 10, "max_part_size": 1 * KB}  # each file may take one on disk


@router.post(
    "/detect/{asset_id}",
    response_model=faces.DetectFacesResponse,
    responses={**JOB, **UNKNOWN, **problems(HTTPStatus.CONFLICT)},
)
async def detect(
    service: Shared,
    asset_id: AssetId,
    body: Annotated[faces.DetectFacesRequest, Body(default_factory=faces.DetectFacesRequest)],
) -> Response:
    """Detect faces in a photo of the library, looked at before or not."""
    given = body.model_dump(exclude={"queue"})
    options = DetectOptions.of(given)
    if body.queue:
        return await service.enqueue("detect_faces_job", asset_ids=[str(asset_id)], **given)
    return await service.run(
        lambda: faces.DetectFacesResponse.on_photo(asset_id, detect_in_photo(service.library, asset_id, options))
    )


@router.get("/assets/missing", response_model=faces.MissingPhotosResponse, responses=UNCHANGED)
async def list_missing_photos(request: Request, service: Shared) -> Response:
    """List photos whose files were gone when their folder was last ingested; their faces are in no other answer."""
    return await service.read(
        request, lambda: faces.MissingPhotosResponse.listing(list_missing(service.library.repository))
    )


@router.delete("/assets/missing", response_model=faces.ForgetMissingResponse, responses=problems(HTTPStatus.CONFLICT))
async def forget_missing_photos(service: Shared, query: Annotated[EraseQuery, Query()]) -> Response:
    """Forget missing photos and their faces for good; without `confirm=true` the answer says what that would take."""
    return await service.run(
        lambda: faces.ForgetMissingResponse.of(forget_missing(service.library, is_confirmed=query.confirm, actor=ACTOR))
    )


@router.get("/assets/{asset_id}", response_model=faces.FaceInstanceListResponse, responses={**UNCHANGED, **UNKNOWN})
async def list_faces_of_asset(request: Request, service: Shared, asset_id: AssetId) -> Response:
    """Get all detected faces of a photo, from left to right."""
    return await service.read(
        request, lambda: faces.FaceInstanceListResponse.of(faces_of_photo(service.library.repository, asset_id))
    )


@router.get("/unreadable", response_model=faces.UnreadableListResponse, responses=PAGED)
async def list_unreadable_photos(request: Request, service: Shared, query: Annotated[PhotosPage, Query()]) -> Response:
    """List the photos that could not be read when they were looked at last, with the reason."""
    return await service.page(
        request,
        lambda: list_unreadable(service.library.repository, **query.given()),
        faces.UnreadableListResponse.of,
    )


@router.post(
    "/identify",
    response_model=faces.IdentifyResponse,
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    form_limits=ONE_PHOTO,
)
async def identify(
    service: Shared,
    photo: Annotated[UploadFile, File(description="JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP or GIF")],
    query: Annotated[faces.IdentifyQuery, Query()],
) -> Response:
    """Say who is on an uploaded photo; nothing of it is kept."""
    served = service.champion.current
    return await service.run(
        lambda: faces.IdentifyResponse.of(
            identify_photo(
                service.library,
                photo.file.read(),  # only when its turn has come: until then a large one waits on disk
                way=served.way(service.library, query.matcher),
                **query.model_dump(exclude={"matcher"}),
            )
        )
    )

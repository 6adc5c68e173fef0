"""Photos by who is on them or by how their faces look, who is with whom, and events."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import File, Query, Request, UploadFile
from fastapi.responses import Response

from faceml.services.photos.follow import list_bursts
from faceml.services.recognise.spaces import MOST_FOUND, search_faces, search_photos
from faceml.services.review.browse import list_events, list_together, photos_with
from serving.deps import Shared, router_for
from serving.openapi import PAGED, UNCHANGED, problems
from serving.routes.detection import ONE_PHOTO
from serving.schemas import search
from serving.schemas.base import PhotosPage

router = router_for("search")
REFUSED = problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


@router.get("/search/photos", response_model=search.PhotosWithResponse, responses={**PAGED, **REFUSED})
async def list_photos_with(
    request: Request, service: Shared, query: Annotated[search.PhotosWithQuery, Query()]
) -> Response:
    """List photos on which all of some people are, the newest first."""
    return await service.page(
        request,
        lambda: photos_with(service.library.repository, query.person_id, **query.given()),
        search.PhotosWithResponse.of,
    )


@router.get("/search/together", response_model=search.TogetherResponse, responses={**UNCHANGED, **REFUSED})
async def list_who_is_together(
    request: Request, service: Shared, query: Annotated[search.TogetherQuery, Query()]
) -> Response:
    """List who is on photos with whom, most photos first."""
    return await service.read(
        request,
        lambda: search.TogetherResponse.listing(
            list_together(service.library.repository, query.person_id, limit=query.limit)
        ),
    )


@router.get("/search/events", response_model=search.EventsResponse, responses=PAGED)
async def list_days(request: Request, service: Shared, query: Annotated[PhotosPage, Query()]) -> Response:
    """List days, the folders that photos of them lie in, and who is on these."""
    return await service.page(
        request, lambda: list_events(service.library.repository, **query.given()), search.EventsResponse.listing
    )


@router.get("/search/bursts", response_model=search.BurstsResponse, responses=UNCHANGED)
async def list_photos_in_a_row(
    request: Request, service: Shared, query: Annotated[search.BurstsQuery, Query()]
) -> Response:
    """List photos with faces that were taken in a row, or are copies of each other; the largest bursts first."""
    return await service.read(
        request, lambda: search.BurstsResponse.listing(list_bursts(service.library.repository, limit=query.limit))
    )


@router.post("/search/faces", response_model=search.AlikeResponse, responses=REFUSED)
async def search_for_faces(service: Shared, body: search.SearchRequest) -> Response:
    """Find the faces most like any of some in the library, named or not."""
    return await service.run(
        lambda: search.AlikeResponse.listing(search_faces(service.library, body.face_ids, limit=body.limit))
    )


@router.post("/search/photos", response_model=search.AlikeResponse, responses=REFUSED)
async def search_for_photos(service: Shared, body: search.SearchRequest) -> Response:
    """Find the photos with faces like all of some in the library, or as many of them as can be."""
    return await service.run(
        lambda: search.AlikeResponse.listing(
            search_photos(service.library, body.face_ids, limit=body.limit), is_by_photo=True
        )
    )


@router.post("/search/upload", response_model=search.AlikeResponse, responses=REFUSED, form_limits=ONE_PHOTO)
async def search_by_upload(
    service: Shared,
    photo: Annotated[UploadFile, File(description="JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP or GIF")],
    limit: Annotated[int, Query(ge=1, le=MOST_FOUND)] = 20,
    by_photo: Annotated[bool, Query(alias="byPhoto", description="Photos with faces like all of them")] = False,
) -> Response:
    """Find faces like those on an uploaded photo, named or not, or photos with faces like all of them."""
    find = search_photos if by_photo else search_faces
    return await service.run(
        lambda: search.AlikeResponse.listing(
            find(service.library, photo=photo.file.read(), limit=limit), is_by_photo=by_photo
        )
    )

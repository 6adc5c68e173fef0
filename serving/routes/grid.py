"""The face grid: places, pages, groups, pictures, and what a person decides about many faces at once."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Body, File, Query, Request, UploadFile
from fastapi.responses import Response

from faceml.errors import WrongUse
from faceml.services.decisions.people import choose_cover
from faceml.services.decisions.undo import decided_since, history, redo
from faceml.services.photos.drawn import embed_photo
from faceml.storage.grid.face_query import FaceQuery
from serving.deps import EVENT_HEADER, Service, Shared, router_for
from serving.openapi import UNCHANGED, problems
from serving.routes.detection import ONE_PHOTO
from serving.schemas import grid, persons, photos
from serving.schemas import grid_decisions as told

router = router_for("grid")
REFUSED = problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


@router.get("/places", response_model=grid.PlacesResponse, responses=UNCHANGED)
async def list_places(request: Request, service: Shared) -> Response:
    """List where faces are to be found, with counts: to name, unconfirmed, unknown, people and so on."""
    faces = service.grid()
    return await service.read(
        request, lambda: grid.PlacesResponse.listing(faces.places(), faces.table.revision, _latest(service))
    )


def _latest(service: Service) -> int:
    with service.library.repository.read() as unit:
        return unit.events.newest_id()


@router.get("/grid", response_model=grid.GridResponse, responses=UNCHANGED)
async def list_grid(request: Request, service: Shared, query: Annotated[grid.GridQuery, Query()]) -> Response:
    """List faces, in whichever order: any page, however deep, takes milliseconds."""
    return await service.read(
        request,
        lambda: grid.GridResponse.of(service.grid().page(query.query(), offset=query.offset, limit=query.limit)),
    )


@router.get("/grid/groups", response_model=grid.GroupsResponse, responses=UNCHANGED)
async def list_groups(request: Request, service: Shared, query: Annotated[grid.GroupQuery, Query()]) -> Response:
    """List faces put together: clusters with whom they resemble, people, or days."""
    return await service.read(
        request,
        lambda: grid.GroupsResponse.of(
            service.grid().groups(query.query(), by=query.by, sort=query.order, offset=query.offset, limit=query.limit)
        ),
    )


@router.get("/grid/histogram", response_model=grid.HistogramResponse, responses=UNCHANGED)
async def count_in_bins(request: Request, service: Shared, query: Annotated[grid.HistogramQuery, Query()]) -> Response:
    """Count faces by similarity, quality or size."""

    def work() -> grid.HistogramResponse:
        counts, edges, without = service.grid().histogram(query.query(), query.of, bins=query.bins)
        parts = zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
        bins = [grid.Bin(low=start, high=end, faces=faces) for start, end, faces in parts]
        return grid.HistogramResponse(bins=bins, faces=int(counts.sum()), without=without)

    return await service.read(request, work)


@router.get("/grid/timeline", response_model=grid.TimelineResponse, responses=UNCHANGED)
async def count_by_day(request: Request, service: Shared, query: Annotated[grid.FaceFilter, Query()]) -> Response:
    """Count faces by the day on which their photo was taken."""

    def work() -> grid.TimelineResponse:
        days, without = service.grid().timeline(query.query())
        items = [grid.DayItem(day=day, faces=faces) for day, faces in days.items()]
        return grid.TimelineResponse(days=items, without=without)

    return await service.read(request, work)


@router.post(
    "/grid/thumbnails",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def thumbnails(service: Shared, body: told.ThumbnailsRequest) -> Response:
    """Get many faces as small square pictures: of each the length in four bytes (little-endian), then a JPEG."""
    content = await service.pools.quick(lambda: _joined(service.pictures(body.face_ids, body.size), body.face_ids))
    return Response(content, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def _joined(pictures: dict[UUID, bytes], face_ids: Sequence[UUID]) -> bytes:
    parts = (pictures.get(face_id, b"") for face_id in face_ids)
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


@router.post("/grid/decide", response_model=told.GridDecisionResponse, responses=REFUSED)
async def decide(service: Shared, body: told.GridDecisionRequest) -> Response:
    """Decide about many faces at once: one decision, which one undo takes back. Faces that changed since `revision` are
    left alone, and the answer is 409 with their ids."""

    def work() -> told.GridDecisionResponse:
        done = service.grid().decide(
            body.action,
            _faces_of(body),
            leaving_out=body.except_ids,
            left_out=body.left_out_ids,
            who=body.person_id or body.name,
            dismissed_as=body.dismissed_as,
            revision=None if body.force else body.revision,
            actor=service.actor,
        )
        return told.GridDecisionResponse.of(done, getattr(service.library.index_follower, "problem", None))

    answer = await service.pools.quick(work)
    headers = {EVENT_HEADER: str(answer.event_id)}
    return Response(answer.model_dump_json(by_alias=True), headers=headers, media_type="application/json")


def _faces_of(body: told.FacesOrQuery) -> list[UUID] | FaceQuery:
    if (body.face_ids is None) == (body.query is None):
        raise WrongUse("give faceIds or a query: one of both")
    return body.query.query() if body.query is not None else body.face_ids or []


@router.get("/changes", response_model=told.ChangesResponse, responses=UNCHANGED)
async def list_changes(request: Request, service: Shared, query: Annotated[told.ChangesQuery, Query()]) -> Response:
    """List what was decided since an event, here or anywhere else."""

    def work() -> told.ChangesResponse:
        revision = service.grid().table.revision
        return told.ChangesResponse.of_since(decided_since(service.library.repository, query.since), revision)

    return await service.read(request, work)


@router.get("/history", response_model=told.HistoryResponse, responses=UNCHANGED)
async def list_history(request: Request, service: Shared, query: Annotated[told.HistoryQuery, Query()]) -> Response:
    """List the latest decisions, newest first."""
    return await service.read(
        request, lambda: told.HistoryResponse.listing(history(service.library.repository, limit=query.limit))
    )


@router.post("/redo", response_model=persons.UndoResponse, responses=REFUSED)
async def redo_decision(
    service: Shared, body: Annotated[told.RedoRequest, Body(default_factory=told.RedoRequest)]
) -> Response:
    """Make a decision again that was taken back; without `eventId` the latest."""
    return await service.decide(
        lambda: redo(service.library, body.event_id, actor=service.actor), persons.UndoResponse.of
    )


@router.get("/persons/names", response_model=told.NamesResponse, responses=UNCHANGED)
async def list_names(request: Request, service: Shared) -> Response:
    """List the names of all people who are not hidden, to complete what somebody types."""
    return await service.read(request, lambda: told.NamesResponse.of(service.grid().names()))


@router.post("/persons/{person_id}/cover", response_model=told.CoverResponse, responses=REFUSED)
async def choose_picture(service: Shared, person_id: UUID, body: told.CoverRequest) -> Response:
    """Choose the face that is a person's picture."""
    return await service.decide(
        lambda: choose_cover(service.library, person_id, body.face_id, actor=service.actor),
        told.CoverResponse.of,
    )


@router.post("/grid/suggest", response_model=told.SuggestResponse, responses=REFUSED)
async def suggest_for_faces(service: Shared, body: told.SuggestRequest) -> Response:
    """Suggest whom some faces show together."""

    def work() -> told.SuggestResponse:
        found = service.grid().suggest(_faces_of(body))
        items = [
            told.LikelyCandidate(
                person_id=who.person_id,
                person_name=who.person_name,
                similarity=round(who.similarity, 4),
                is_likely=is_likely,
            )
            for who, is_likely in found
        ]
        return told.SuggestResponse(suggestions=items)

    return await service.run(work)


@router.post("/grid/search", response_model=photos.SearchResponse, responses=REFUSED, form_limits=ONE_PHOTO)
async def search_by_photo(
    service: Shared,
    photo: Annotated[UploadFile, File(description="JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP or GIF")],
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response:
    """Find the faces most like those on an uploaded photo, named or not; nothing of it is kept."""

    def work() -> photos.SearchResponse:
        vectors = embed_photo(service.library, photo.file.read())
        found = service.grid().like(vectors, limit=limit) if len(vectors) else []
        return photos.SearchResponse.listing(found, [] if len(vectors) else ["no face was found on this photo"])

    return await service.run(work)


@router.post("/grid/like", response_model=photos.SearchResponse, responses=REFUSED)
async def search_by_face(service: Shared, body: photos.LikeFaceRequest) -> Response:
    """Find the faces most like one of the library, named or not."""
    return await service.run(
        lambda: photos.SearchResponse.listing(service.grid().like_face(body.face_id, limit=body.limit), [])
    )

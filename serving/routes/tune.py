"""The linked views of the face grid, and what other options would do: previews, and doing it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from faceml.options import AssignOptions, ClusterOptions, DetectOptions
from serving.deps import EVENT_HEADER, Shared, router_for
from serving.openapi import UNCHANGED, problems
from serving.schemas import grid_decisions as told
from serving.schemas import tune

router = router_for("tune")
REFUSED = problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


@router.get("/grid/map", response_model=tune.MapResponse, responses=UNCHANGED)
async def map_faces(service: Shared, query: Annotated[tune.MapQuery, Query()]) -> Response:
    """Get faces as points on a plane, near each other where they look alike; no vector leaves the library."""
    return await service.run(lambda: tune.MapResponse.of(service.maps().of(query.query(), most=query.most)))


@router.post("/grid/tiles", response_model=tune.TilesResponse)
async def list_tiles(service: Shared, body: tune.TilesRequest) -> Response:
    """Get these faces as the grid shows them, in this order; those that are gone are left out."""
    return await service.run(lambda: tune.TilesResponse.listing(service.grid().live.tiles(body.face_ids)))


@router.get("/tune", response_model=tune.TuneStartResponse, responses={**UNCHANGED, **REFUSED})
async def begin_tuning(request: Request, service: Shared) -> Response:
    """Get what to begin with: the threshold in use, and what tells people apart."""
    return await service.read(request, lambda: tune.TuneStartResponse.of(service.tuner().start()))


@router.post("/tune/detection", response_model=tune.DetectionEffectResponse)
async def preview_detection(service: Shared, body: tune.TuneDetectionRequest) -> Response:
    """Count the faces that these bounds would keep; nothing is changed."""
    options = DetectOptions.of(body.model_dump())
    return await service.run(
        lambda: tune.DetectionEffectResponse.of(
            service.tuner().detection(options, quality_threshold=body.quality_threshold)
        )
    )


@router.post("/tune/detection/apply", response_model=told.GridDecisionResponse, responses=REFUSED)
async def apply_detection(service: Shared, body: tune.TuneDetectionRequest) -> Response:
    """Dismiss the faces below these bounds that nobody decided about: one decision, which one undo takes back."""
    options = DetectOptions.of(body.model_dump())

    def work() -> told.GridDecisionResponse:
        from faceml.services.cluster import tune as steps

        done = steps.apply_detection(service.grid(), service.library, options, actor=service.actor)
        return told.GridDecisionResponse.of(done)

    answer = await service.pools.heavy(work)
    headers = {EVENT_HEADER: str(answer.event_id)}
    return Response(answer.model_dump_json(by_alias=True), headers=headers, media_type="application/json")


@router.post("/tune/grouping", response_model=tune.GroupingEffectResponse, responses=REFUSED)
async def preview_grouping(service: Shared, body: tune.TuneGroupingRequest) -> Response:
    """Group the faces that nobody named as these options would, or a sample of them; nothing is changed."""
    options = ClusterOptions.of(body.model_dump())
    return await service.run(lambda: tune.GroupingEffectResponse.of(service.tuner().grouping(options)))


@router.post("/tune/grouping/apply", response_model=tune.AppliedResponse, responses=REFUSED)
async def apply_grouping(service: Shared, body: tune.TuneGroupingRequest) -> Response:
    """Group the faces that nobody named, recorded as a run."""
    from faceml.services.cluster import tune as steps

    options = ClusterOptions.of(body.model_dump())
    return await service.run(lambda: tune.AppliedResponse.of(steps.apply_grouping(service.library, options)))


@router.post("/tune/recognition", response_model=tune.RecognitionEffectResponse, responses=REFUSED)
async def preview_recognition(service: Shared, body: tune.TuneRecognitionRequest) -> Response:
    """Match faces as these options would; nothing is changed."""
    options = AssignOptions.of(body.model_dump())
    return await service.run(
        lambda: tune.RecognitionEffectResponse.of(service.tuner().recognition(options, again=body.again))
    )


@router.post("/tune/recognition/apply", response_model=tune.AppliedResponse, responses=REFUSED)
async def apply_recognition(service: Shared, body: tune.TuneRecognitionRequest) -> Response:
    """Put faces under whom they match, recorded as a run."""
    from faceml.services.cluster import tune as steps

    options = AssignOptions.of(body.model_dump())
    return await service.run(
        lambda: tune.AppliedResponse.of(steps.apply_recognition(service.library, options, again=body.again))
    )

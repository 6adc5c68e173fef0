"""Work in the background, and training, which is mostly done there."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Body, Path, Request
from fastapi.responses import Response

from faceml.options import TrainOptions
from serving.deps import Shared, router_for
from serving.openapi import UNCHANGED, problems
from serving.routes.clusters import JOB
from serving.schemas.runs import (
    FitMatcherRequest,
    FitMatcherResponse,
    JobResponse,
    TrainFaceMatchingRequest,
    TrainFaceMatchingResponse,
)

router = router_for("jobs")
JobId = Annotated[str, Path(pattern=r"^[A-Za-z0-9\-]{1,80}$")]


@router.post(
    "/train",
    response_model=TrainFaceMatchingResponse,
    responses={**JOB, **problems(HTTPStatus.CONFLICT)},
)
async def train(
    service: Shared, body: Annotated[TrainFaceMatchingRequest, Body(default_factory=TrainFaceMatchingRequest)]
) -> Response:
    """Train the projection on the labels that people gave."""
    options = TrainOptions.of(body.model_dump(exclude={"queue"}))
    if body.queue:
        return await service.enqueue("train_matching_job", **options.parameters())
    from faceml.services.learn.train import train_matching

    return await service.run(lambda: TrainFaceMatchingResponse.of(train_matching(service.library, options)))


@router.post("/fit-matcher", response_model=FitMatcherResponse, responses={**JOB, **problems(HTTPStatus.CONFLICT)})
async def fit_matcher(
    service: Shared, body: Annotated[FitMatcherRequest, Body(default_factory=FitMatcherRequest)]
) -> Response:
    """Fit a matcher on the library and its labels; it is the challenger until it is promoted."""
    if body.queue:
        return await service.enqueue("fit_matcher_job")
    from faceml.services.learn.fit_matcher import fit_library_matcher

    return await service.run(lambda: FitMatcherResponse.of(fit_library_matcher(service.library)))


@router.get("/jobs/{job_id}", response_model=JobResponse, responses={**UNCHANGED, **problems(HTTPStatus.NOT_FOUND)})
async def get_job(request: Request, service: Shared, job_id: JobId) -> Response:
    """Get the state, progress, result or error of a job."""
    return await service.read(request, lambda: JobResponse.of(service.queue().get(job_id)))

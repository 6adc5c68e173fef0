"""What a person looks at before they decide: questions with yes or no, what a split would make, who stands for whom."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Body, Query
from fastapi.responses import Response

from faceml.errors import NotEnoughData
from faceml.services.decisions.people import choose_exemplars
from faceml.services.decisions.split import preview_split
from faceml.services.review.review import Answer, answer, ask, rounds
from serving.deps import EVENT_HEADER, Service, Shared, router_for
from serving.openapi import problems
from serving.schemas import review
from serving.schemas.base import ClusterId

router = router_for("review")
UNKNOWN = problems(HTTPStatus.NOT_FOUND)
REFUSED = problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


@router.get("/review", response_model=review.ReviewResponse)
async def list_questions(service: Shared, query: Annotated[review.ReviewQuery, Query()]) -> Response:
    """List what is worth a question that a person answers with yes or no, the most useful first."""
    return await service.run(lambda: _questions(service, query))


def _questions(service: Service, query: review.ReviewQuery) -> review.ReviewResponse:
    topic = review.topic_of(query.topic)
    try:
        found = ask(service.library, topic, limit=query.limit, round_=query.round)
    except NotEnoughData:  # nobody is named yet, or no face was detected
        found = []
    repository = service.library.repository
    with repository.read() as unit:
        ids = {id_ for question in found for side in (question.one, question.other) for id_ in side.face_ids}
        photos = unit.faces.photo_of(sorted(ids))
    return review.ReviewResponse.listing(query.topic, rounds(repository, topic), found, photos)


@router.post("/review/answer", response_model=review.AnswerResponse, responses=REFUSED)
async def answer_question(service: Shared, body: review.AnswerRequest) -> Response:
    """Answer a question; a no is remembered, so that the same is not asked again."""

    def work() -> Answer:
        return answer(service.library, body.question(), is_yes=body.is_yes, name=body.name, actor=service.actor)

    answered = await service.pools.quick(work)
    content = review.AnswerResponse.of(answered).model_dump_json(by_alias=True)
    headers = {EVENT_HEADER: str(answered.event_ids[-1])}
    return Response(content, headers=headers, media_type="application/json")


@router.get("/clusters/{cluster_id}/split", response_model=review.SplitPreviewResponse, responses=UNKNOWN)
async def preview_of_split(
    service: Shared, cluster_id: ClusterId, query: Annotated[review.SplitPreviewQuery, Query()]
) -> Response:
    """Show the parts that a split would make; nothing is changed."""
    size = query.min_cluster_size
    return await service.run(
        lambda: review.SplitPreviewResponse.of(preview_split(service.library, cluster_id, min_cluster_size=size))
    )


@router.post("/persons/{person_id}/exemplars", response_model=review.ExemplarsResponse, responses=REFUSED)
async def set_exemplars(
    service: Shared,
    person_id: UUID,
    body: Annotated[review.ExemplarsRequest, Body(default_factory=review.ExemplarsRequest)],
) -> Response:
    """Choose the faces that a person is recognised by."""
    return await service.decide(
        lambda: choose_exemplars(service.library, person_id, body.face_ids, actor=service.actor),
        review.ExemplarsResponse.of,
    )

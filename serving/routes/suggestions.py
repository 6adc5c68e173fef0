"""What is worth a person's time next."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Query
from fastapi.responses import Response

from faceml.errors import WrongUse
from faceml.library import Library
from serving.deps import Shared, router_for
from serving.openapi import problems
from serving.schemas.suggestions import (
    IntruderItem,
    MergeItem,
    SplitItem,
    SuggestionQuery,
    SuggestionsResponse,
    UncertainItem,
    candidates,
)

router = router_for("suggestions")


@router.get(
    "/suggestions",
    response_model=SuggestionsResponse,
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def suggest(service: Shared, query: Annotated[SuggestionQuery, Query()]) -> Response:
    """Suggest what to decide next: merges, splits, close calls, names of a cluster, faces that do not belong."""
    return await service.run(lambda: _suggestions(service.library, query))


def _suggestions(library: Library, query: SuggestionQuery) -> SuggestionsResponse:
    from faceml.services.review import faces as suggest_faces
    from faceml.services.review import groups as suggest

    answer = SuggestionsResponse(kind=query.kind)
    match query.kind:
        case "merges":
            answer.merges = [
                MergeItem.of(item) for item in suggest.suggest_merges(library.repository, limit=query.limit)
            ]
        case "splits":
            answer.splits = [
                SplitItem.of(item) for item in suggest.suggest_splits(library.repository, limit=query.limit)
            ]
        case "uncertain":
            uncertain = suggest_faces.suggest_uncertain(library, limit=query.limit)
            answer.uncertain = [UncertainItem.of(item) for item in uncertain]
        case "names":
            if query.cluster_id is None:
                raise WrongUse("kind=names asks whom a cluster resembles: give its clusterId")
            answer.names = candidates(suggest.suggest_names(library.repository, query.cluster_id, limit=query.limit))
        case "intruders":
            if query.person_id is None:
                raise WrongUse("kind=intruders asks who does not belong to a person: give their personId")
            intruders = suggest_faces.suggest_intruders(library.repository, query.person_id, limit=query.limit)
            answer.intruders = [IntruderItem.of(item) for item in intruders]
    return answer

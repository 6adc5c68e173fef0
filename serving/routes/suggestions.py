"""What is worth a person's time next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import Response

from faceml.errors import WrongUse
from faceml.library import Library
from serving.deps import NOTE_HEADER, Shared, router_for
from serving.openapi import problems
from serving.schemas.suggestions import SuggestionQuery, SuggestionsResponse

router = router_for("suggestions")


@router.get(
    "/suggestions",
    response_model=SuggestionsResponse,
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def suggest(service: Shared, query: Annotated[SuggestionQuery, Query()]) -> Response:
    """Suggest what to decide next: merges, splits, close calls, names of a cluster, faces that do not belong.

    The header `X-Note` says where groups were not looked through.
    """
    notes: list[str] = []
    answer = await service.run(lambda: _suggestions(service.library, query, notes.append))
    if notes:
        answer.headers[NOTE_HEADER] = f"{notes[0]}: thorough=true"
    return answer


def _suggestions(library: Library, query: SuggestionQuery, on_note: Callable[[str], None]) -> SuggestionsResponse:
    return SuggestionsResponse.model_validate({"kind": query.kind, query.kind: _found(library, query, on_note)})


def _found(library: Library, query: SuggestionQuery, on_note: Callable[[str], None]) -> Sequence[Any]:
    from faceml.services.review import faces, groups

    limit = query.limit
    match query.kind:
        case "merges":
            return groups.suggest_merges(library, limit=limit, thorough=query.thorough, on_note=on_note)
        case "splits":
            return groups.suggest_splits(library, limit=limit, thorough=query.thorough, on_note=on_note)
        case "uncertain":
            return faces.suggest_uncertain(library, limit=limit, matcher=query.matcher)
        case "names":
            if query.cluster_id is None:
                raise WrongUse("kind=names asks whom a cluster resembles: give its clusterId")
            return groups.suggest_names(library, query.cluster_id, limit=limit, matcher=query.matcher)
        case "intruders":
            if query.person_id is None:
                raise WrongUse("kind=intruders asks who does not belong to a person: give their personId")
            return faces.suggest_intruders(library, query.person_id, limit=limit)

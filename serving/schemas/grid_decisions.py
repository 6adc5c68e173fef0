"""What the face grid is told, and what it tells of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from faceml.records import Dismissal
from faceml.services.decisions.bulk import Action
from faceml.services.decisions.undo import HistoryLine, Since
from faceml.services.review.grid import Decided
from faceml.services.review.thumbnails import LARGEST_PX, SMALLEST_PX
from faceml.storage.grid.face_tiles import PersonName
from serving.schemas.base import LARGEST_EVENT, WHOLE, Flag, Name, RequestModel, ResponseModel
from serving.schemas.grid import MOST_FACES, Candidate, FaceFilterBody


class ThumbnailsRequest(RequestModel):
    face_ids: Annotated[list[UUID], Field(max_length=200)]
    size: Annotated[int, Field(strict=True, ge=SMALLEST_PX, le=LARGEST_PX, description="Pixels a side"), WHOLE] = 128


class FacesOrQuery(RequestModel):
    """Some faces, or all that a query means: one of both."""

    face_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_FACES)] | None = None
    query: FaceFilterBody | None = None


class GridDecisionRequest(FacesOrQuery):
    action: Action
    except_ids: Annotated[tuple[UUID, ...], Field(max_length=MOST_FACES, description="Of a query's faces")] = ()
    left_out_ids: Annotated[
        tuple[UUID, ...],
        Field(
            max_length=MOST_FACES, description="Of a name: looked at and taken out; it is not proposed for them again"
        ),
    ] = ()
    name: Name | None = None
    person_id: UUID | None = None
    dismissed_as: Dismissal = Dismissal.STRANGER
    revision: Annotated[str, Field(strict=True, max_length=40, description="At which the faces were seen")] | None = (
        None
    )
    force: Annotated[Flag, Field(description="Whatever changed since")] = False


class GridDecisionResponse(ResponseModel):
    event_id: int
    faces_changed: int
    person_id: UUID | None
    person_name: str | None
    revision: str = Field(description="to send with the next decision")
    notes: list[str]

    @classmethod
    def of(cls, found: Decided, index_problem: str | None = None, /) -> Self:
        report = found.report
        left = f"{report.faces_skipped} of them were left as they are: it does not apply to them" * bool(
            report.faces_skipped
        )
        behind = f"stored; the index is behind: {index_problem}" * bool(index_problem)
        return cls(
            event_id=report.event_id,
            faces_changed=report.faces,
            person_id=report.person_id,
            person_name=report.person_name,
            revision=found.revision,
            notes=[note for note in (left, behind) if note],
        )


class ChangesQuery(RequestModel):
    since: Annotated[int, Field(ge=0, le=LARGEST_EVENT, description="An event's id")] = 0


class ChangesResponse(ResponseModel):
    latest_event: int
    revision: str
    face_ids: list[UUID] | None = Field(description="null: too many to name")
    texts: list[str]

    @classmethod
    def of_since(cls, found: Since, revision: str) -> Self:
        ids = None if found.face_ids is None else list(found.face_ids)
        return cls.completed(found, face_ids=ids, texts=list(found.texts), revision=revision)


class NameItem(ResponseModel):
    person_id: UUID
    name: str
    faces: int


class NamesResponse(ResponseModel):
    names: list[NameItem]

    @classmethod
    def of(cls, found: Sequence[PersonName], /) -> Self:
        return cls(names=[NameItem.of(name) for name in found])


class CoverRequest(RequestModel):
    face_id: UUID


class CoverResponse(ResponseModel):
    person_id: UUID
    person_name: str
    face_id: UUID
    event_id: int


class SuggestRequest(FacesOrQuery):
    pass


class LikelyCandidate(Candidate):
    is_likely: bool


class SuggestResponse(ResponseModel):
    suggestions: list[LikelyCandidate]


class HistoryQuery(RequestModel):
    limit: Annotated[int, Field(ge=1, le=1_000)] = 20


class HistoryItem(ResponseModel):
    event_id: int
    at: datetime
    actor: str
    kind: str
    text: str
    undone_by: int | None


class HistoryResponse(ResponseModel):
    events: list[HistoryItem]

    @classmethod
    def listing(cls, lines: Sequence[HistoryLine]) -> Self:
        return cls(events=[HistoryItem.of(line) for line in lines])


class RedoRequest(RequestModel):
    """Without `eventId` the decision that was taken back last is made again."""

    event_id: Annotated[int, Field(strict=True, ge=1, le=LARGEST_EVENT), WHOLE] | None = None

"""People, and decisions about them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from faceml.records import PersonStatus
from faceml.services.review.browse import PersonDetails
from serving.schemas.base import LARGEST_EVENT, WHOLE, ListResponse, Name, Page, RequestModel, ResponseModel
from serving.schemas.faces import FaceInstance, with_names


class PersonQuery(Page):
    status: Annotated[PersonStatus | None, Field(description="Filter by status")] = None


class PersonItem(ResponseModel):
    id: UUID
    name: str
    status: PersonStatus
    face_count: int
    prototype_count: int
    created_at: datetime
    updated_at: datetime


class PersonListResponse(ListResponse[PersonItem]):
    """A page of people, most faces first."""


class PersonDetailResponse(PersonItem):
    """One person, with a page of their faces, best quality first."""

    also_called: list[str]
    has_centroid: bool
    exemplar_face_ids: list[UUID]
    faces: list[FaceInstance]
    page: int
    page_size: int

    @classmethod
    def of_details(cls, found: PersonDetails, page: Page) -> Self:
        start = (page.page - 1) * page.page_size
        names = {found.person.id: found.person.name}
        return cls.completed(
            found.person,
            also_called=found.also_called,
            has_centroid=found.has_centroid,
            exemplar_face_ids=found.exemplars,
            faces=with_names(found.faces[start : start + page.page_size], names),
            page=page.page,
            page_size=page.page_size,
        )


class MergePersonsRequest(RequestModel):
    into_person_id: UUID


class MergePersonsResponse(ResponseModel):
    source_person_id: UUID
    target_person_id: UUID
    faces_moved: int


class RenamePersonRequest(RequestModel):
    name: Name


class RenamePersonResponse(ResponseModel):
    person_id: UUID
    former_name: str
    name: str
    event_id: int


class PersonStatusResponse(ResponseModel):
    person_id: UUID
    person_name: str
    status: PersonStatus
    event_id: int


class EraseQuery(RequestModel):
    confirm: Annotated[bool, Field(description="Without it nothing is erased")] = False


class ErasePersonResponse(ResponseModel):
    person_id: UUID
    people_erased: int
    faces_erased: int
    embeddings_erased: int
    prototypes_erased: int
    events_redacted: int
    index_backlog: int
    not_gone_yet: Annotated[
        list[str], Field(description="Where copies may be left, and why; every later command tries again")
    ]


class UndoRequest(RequestModel):
    """Without `eventId` the latest decision that stands is taken back."""

    event_id: Annotated[int, Field(strict=True, ge=1, le=LARGEST_EVENT), WHOLE] | None = None


class UndoResponse(ResponseModel):
    event_id: int
    undone_event_id: int
    kind: str
    is_redo: bool
    faces_restored: int
    faces_left: int

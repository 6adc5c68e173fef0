"""People, and decisions about them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from faceml.records import PersonStatus
from faceml.services.review.browse import PersonDetails
from serving.schemas.base import LARGEST_EVENT, WHOLE, Answer, Name, Page, Question, count, example
from serving.schemas.faces import FACE, PERSON, FaceInstance, with_names

OTHER = "9a7c1d64-2b1e-4c55-8f0e-6d3f2a1b0c9d"
JOHN = {
    "id": PERSON,
    "name": "John Doe",
    "status": "active",
    "faceCount": 42,
    "prototypeCount": 3,
    "createdAt": "2025-12-01T10:00:00Z",
    "updatedAt": "2025-12-23T15:30:00Z",
}


class PersonQuery(Page):
    status: Annotated[PersonStatus | None, Field(description="Filter by status")] = None


class PersonItem(Answer):
    id: UUID
    name: str
    status: PersonStatus
    face_count: int
    prototype_count: int
    created_at: datetime
    updated_at: datetime


class PersonListResponse(Answer):
    model_config = example(items=[JOHN], total=15, page=1, pageSize=20)

    items: list[PersonItem]
    total: int
    page: int
    page_size: int


class PersonDetailResponse(PersonItem):
    """One person, with a page of their faces, best quality first."""

    model_config = example(
        **JOHN, alsoCalled=["Johnny"], hasCentroid=True, exemplarFaceIds=[FACE], faces=[], page=1, pageSize=20
    )

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


class MergePersonsRequest(Question):
    model_config = example(intoPersonId=OTHER)

    into_person_id: UUID


class MergePersonsResponse(Answer):
    model_config = example(sourcePersonId=PERSON, targetPersonId=OTHER, facesMoved=28)

    source_person_id: UUID
    target_person_id: UUID
    faces_moved: int


class RenamePersonRequest(Question):
    model_config = example(name="John Doe")

    name: Name


class RenamePersonResponse(Answer):
    model_config = example(personId=PERSON, formerName="J. Doe", name="John Doe", eventId=10)

    person_id: UUID
    former_name: str
    name: str
    event_id: int


class PersonStatusResponse(Answer):
    model_config = example(personId=PERSON, personName="John Doe", status="hidden", eventId=11)

    person_id: UUID
    person_name: str
    status: PersonStatus
    event_id: int


class EraseQuery(Question):
    confirm: Annotated[bool, Field(description="Without it nothing is erased")] = False


class ErasePersonResponse(Answer):
    model_config = example(
        personId=PERSON,
        peopleErased=1,
        facesErased=42,
        embeddingsErased=42,
        prototypesErased=4,
        eventsRedacted=6,
        indexBacklog=0,
    )

    person_id: UUID
    people_erased: int
    faces_erased: int
    embeddings_erased: int
    prototypes_erased: int
    events_redacted: int
    index_backlog: int


class UndoRequest(Question):
    """Without `eventId` the latest decision that stands is taken back."""

    model_config = example(eventId=7)

    event_id: Annotated[int, count(1, LARGEST_EVENT), WHOLE] | None = None


class UndoResponse(Answer):
    model_config = example(eventId=12, undoneEventId=7, kind="label", isRedo=False, facesRestored=15, facesLeft=0)

    event_id: int
    undone_event_id: int
    kind: str
    is_redo: bool
    faces_restored: int
    faces_left: int

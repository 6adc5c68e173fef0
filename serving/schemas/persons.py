"""People, and decisions about them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from faceml.decisions.about_people import Kin
from faceml.records import PersonStatus
from faceml.services.exchange.import_labels import EnrolReport
from faceml.services.review.browse import PersonDetails
from faceml.storage.enrolment import EnrolledPicture
from faceml.vision.quality import Refusal
from serving.schemas.base import AFTER, LARGEST_EVENT, WHOLE, ListResponse, Name, Page, RequestModel, ResponseModel
from serving.schemas.faces import FaceInstance, with_names
from serving.schemas.photos import ShareBox

PartialDate = Annotated[str, Field(description="1950, 1950-05 or 1950-05-17", max_length=20)]


class PersonQuery(Page):
    after: Annotated[
        str | None,
        Field(pattern=r"^[0-9]{1,9}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description=AFTER),
    ] = None
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


class RelativeItem(ResponseModel):
    person_id: UUID
    name: str
    kin: Kin = Field(description="what they are to the person")


class RelatePersonRequest(RequestModel):
    """Null takes it back."""

    other_person_id: UUID
    kin: Kin | None


class RelatePersonResponse(ResponseModel):
    person_id: UUID
    person_name: str
    other_id: UUID
    other_name: str
    kin: Kin | None
    event_id: int


class PersonDetailResponse(PersonItem):
    """One person, with a page of their faces, best quality first."""

    also_called: list[str]
    has_centroid: bool
    exemplar_face_ids: list[UUID]
    born: PartialDate | None
    died: PartialDate | None
    note: str | None
    aliases: list[str]
    relatives: list[RelativeItem]
    ages: dict[UUID, int] = Field(description="by face of this page: in years, where both dates are known")
    faces: list[FaceInstance]
    page: int
    page_size: int

    @classmethod
    def of_details(cls, found: PersonDetails, page: Page) -> Self:
        names = {found.person.id: found.person.name}
        return cls.completed(
            found.person,
            also_called=found.also_called,
            has_centroid=found.has_centroid,
            exemplar_face_ids=found.exemplars,
            born=found.about.born,
            died=found.about.died,
            note=found.about.note,
            aliases=found.about.aliases,
            relatives=[RelativeItem.of(one) for one in found.relatives],
            ages=dict(found.ages),
            faces=with_names(found.faces, names),
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


class DescribePersonRequest(RequestModel):
    """What is left out stays as it is; null or empty is no longer known."""

    born: PartialDate | None = None
    died: PartialDate | None = None
    note: Annotated[str, Field(strict=True, description="10,000 characters at most")] | None = None
    aliases: Annotated[list[Name], Field(max_length=50)] | None = None

    def said(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in self.model_fields_set}
        empty = {"aliases": ()}
        return {name: empty.get(name, "") if value is None else value for name, value in given.items()}


class DescribePersonResponse(ResponseModel):
    person_id: UUID
    person_name: str
    born: PartialDate | None
    died: PartialDate | None
    note: str | None
    aliases: list[str]
    names_taken_back: Annotated[
        int, Field(description="that a machine had given to faces on photos from before the birth, or long after death")
    ]
    event_id: int | None


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
    pictures_erased: int = Field(description="of the library's own, by which they were enrolled")


class EnrolledItem(ResponseModel):
    """A picture as it was sent, or why it is refused: then nothing of it is kept."""

    name: str = Field(description="of the file, as it was sent")
    face_id: UUID | None = Field(description="under the person now")
    asset_id: int | None
    refused: Refusal | None
    reason: str | None = Field(description="of the refusal, with the fix")
    faces: list[ShareBox] = Field(description="from left to right: `face=1` is the first")

    @classmethod
    def of(cls, found: EnrolledPicture, /) -> Self:
        seen = found.seen
        faces = [
            ShareBox(x=box.x / seen.width, y=box.y / seen.height, width=box.w / seen.width, height=box.h / seen.height)
            for box in seen.boxes
        ]
        return cls.completed(found, refused=seen.refused, reason=seen.reason, faces=faces)


class EnrolResponse(ResponseModel):
    person_id: UUID | None = Field(description="null: somebody new, of whom every picture was refused")
    person_name: str | None
    enrolled: int
    refused: int
    prototypes_created: int
    event_id: int | None
    pictures: list[EnrolledItem]

    @classmethod
    def of(cls, found: EnrolReport, /) -> Self:
        return cls.completed(found, pictures=[EnrolledItem.of(picture) for picture in found.pictures])


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

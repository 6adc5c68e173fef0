"""The face grid: what is asked for, and what is shown (docs/decisions/0044-one-protocol-for-page-and-widget.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from faceml.records import AssignedBy, Dismissal
from faceml.services.decisions.bulk import Action
from faceml.services.decisions.undo import HistoryLine, Since
from faceml.services.photos import drawn
from faceml.services.pictures.thumbnails import LARGEST_PX, SMALLEST_PX
from faceml.services.recognise.gallery import Resemblance
from faceml.services.review.grid import Decided, FaceGroup
from faceml.storage.face_query import FaceQuery, Place, Quantity, Sort
from faceml.storage.face_tiles import By, GridPage, GroupSort, PersonName, PlaceCount, Tile
from serving.schemas.base import LARGEST_EVENT, WHOLE, ClusterId, Flag, Name, RequestModel, ResponseModel

MOST_FACES = 10_000  # named one by one in a request
Share = Annotated[float, Field(ge=-1, le=1)]
Offset = Annotated[int, Field(ge=0, le=100_000_000)]


class FaceFilter(RequestModel):
    """Which faces; every part that is given has to hold."""

    place: Place = Place.ALL
    cluster_id: ClusterId | None = None
    person_id: UUID | None = None
    since: Annotated[date | None, Field(description="First day, by the clock of where a photo was taken")] = None
    until: Annotated[date | None, Field(description="Last day")] = None
    day: date | None = None
    folder: Annotated[str, Field(max_length=4096, description="In which photos lie, or below it")] | None = None
    min_quality: Share | None = None
    max_quality: Share | None = None
    min_size: Annotated[int, Field(ge=0, le=100_000, description="Pixels of the box's shorter side")] | None = None
    min_similarity: Annotated[Share | None, Field(description="Of the assignment")] = None
    max_similarity: Share | None = None
    assigned_by: AssignedBy | None = None
    text: Annotated[str, Field(max_length=255, description="Part of a person's name")] | None = None
    sort: Annotated[Sort, Field(description="`fit`: the most typical of a group first")] = Sort.FIT
    descending: Annotated[bool, Field(description="The order turned round")] = False

    def query(self) -> FaceQuery:
        return FaceQuery(**{field.name: getattr(self, field.name) for field in fields(FaceQuery)})


class GridQuery(FaceFilter):
    offset: Offset = 0
    limit: Annotated[int, Field(ge=1, le=1_000)] = 200


class GroupQuery(FaceFilter):
    by: By = By.CLUSTER
    order: Annotated[GroupSort, Field(description="Of the groups")] = GroupSort.SIZE
    offset: Offset = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 60


class HistogramQuery(FaceFilter):
    of: Quantity = Quantity.SIMILARITY
    bins: Annotated[int, Field(ge=1, le=1_000)] = 50


class PlaceItem(ResponseModel):
    place: Place
    label: str
    faces: int
    groups: int


LABELS = {
    Place.TO_NAME: "To name",
    Place.UNCONFIRMED: "Unconfirmed",
    Place.UNKNOWN: "Unknown",
    Place.PEOPLE: "People",
    Place.IGNORED: "Ignored",
    Place.HIDDEN: "Hidden",
    Place.MISSING: "Missing photos",
    Place.ALL: "All faces",
}


class PlacesResponse(ResponseModel):
    places: list[PlaceItem]
    latest_event: int
    revision: str

    @classmethod
    def listing(cls, places: Sequence[PlaceCount], revision: str, latest_event: int) -> Self:
        items = [PlaceItem.completed(found, label=LABELS[found.place]) for found in places]
        return cls(places=items, latest_event=latest_event, revision=revision)


class TileItem(ResponseModel):
    face_id: UUID
    asset_id: int
    person_id: UUID | None
    person_name: str | None
    cluster_id: str | None
    similarity: float | None = Field(description="of the assignment; null where no machine made it")
    quality: float
    size: int = Field(description="pixels of the box's shorter side")
    taken_at: int | None = Field(description="seconds since 1970 by the clock of where the photo was taken")
    state: str = Field(description="open, confirmed, recognised or dismissed")
    is_odd: bool = Field(description="less like the others of its group than one person's faces are")


class GridResponse(ResponseModel):
    total: int
    offset: int
    revision: str
    faces: list[TileItem]

    @classmethod
    def of(cls, found: GridPage, /) -> Self:
        return cls.completed(found, faces=[TileItem.of(tile) for tile in found.faces])


class Candidate(ResponseModel):
    person_id: UUID
    person_name: str
    similarity: float

    @classmethod
    def of(cls, found: Resemblance, /) -> Self:
        return cls.completed(found, similarity=round(found.similarity, 4))


class GroupItem(ResponseModel):
    key: str
    label: str
    faces: int
    to_confirm: int = Field(description="of them, named by a machine alone")
    cover: list[UUID]
    cohesion: float | None
    is_mixed: bool
    suggestion: Candidate | None
    cluster_id: str | None
    person_id: UUID | None
    day: date | None

    @classmethod
    def of(cls, found: FaceGroup, /) -> Self:
        return cls.completed(
            found,
            cover=list(found.cover),
            cohesion=None if found.cohesion is None else round(found.cohesion, 4),
            suggestion=Candidate.of(found.suggestion) if found.suggestion else None,
        )


class GroupsResponse(ResponseModel):
    total: int
    groups: list[GroupItem]

    @classmethod
    def of(cls, found: Any, /) -> Self:
        return cls(total=found.total, groups=[GroupItem.of(group) for group in found.groups])


class Bin(ResponseModel):
    low: float
    high: float
    faces: int


class HistogramResponse(ResponseModel):
    bins: list[Bin]
    faces: int
    without: int = Field(description="faces that have no such value")


class DayItem(ResponseModel):
    day: date
    faces: int


class TimelineResponse(ResponseModel):
    days: list[DayItem]
    without: int = Field(description="faces of photos of which nobody knows the day")


class ThumbnailsRequest(RequestModel):
    face_ids: Annotated[list[UUID], Field(max_length=200)]
    size: Annotated[int, Field(ge=SMALLEST_PX, le=LARGEST_PX, description="Pixels a side")] = 128


class FacesOrQuery(RequestModel):
    """Some faces, or all that a query means: one of both."""

    face_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_FACES)] | None = None
    query: FaceFilter | None = None


class GridDecisionRequest(FacesOrQuery):
    action: Action
    except_ids: Annotated[tuple[UUID, ...], Field(max_length=MOST_FACES, description="Of a query's faces")] = ()
    name: Name | None = None
    person_id: UUID | None = None
    dismissed_as: Dismissal = Dismissal.STRANGER
    revision: Annotated[str, Field(max_length=40, description="At which the faces were seen")] | None = None
    force: Annotated[Flag, Field(description="Whatever changed since")] = False


class GridDecisionResponse(ResponseModel):
    event_id: int
    faces_changed: int
    person_id: UUID | None
    person_name: str | None
    revision: str = Field(description="to send with the next decision")
    notes: list[str]

    @classmethod
    def of(cls, found: Decided, /) -> Self:
        report = found.report
        left = f"{report.faces_skipped} of them were left as they are: it does not apply to them"
        return cls(
            event_id=report.event_id,
            faces_changed=report.faces,
            person_id=report.person_id,
            person_name=report.person_name,
            revision=found.revision,
            notes=[left] if report.faces_skipped else [],
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


Part = Annotated[float, Field(ge=0, le=1)]


class ShareBox(ResponseModel):
    """Shares (0 to 1) of the upright photo's width and height."""

    model_config = ConfigDict(extra="forbid")

    x: Part
    y: Part
    width: Part
    height: Part

    def share(self) -> drawn.Share:
        return drawn.Share(self.x, self.y, self.width, self.height)


class ShownFaceItem(ResponseModel):
    face_id: UUID
    box: ShareBox
    person_id: UUID | None
    person_name: str | None
    cluster_id: str | None
    state: str
    is_drawn: bool


class PhotoResponse(ResponseModel):
    asset_id: int
    name: str
    folder: str
    taken_at: datetime | None
    camera: str | None
    width: int
    height: int
    previous: int | None
    next: int | None
    faces: list[ShownFaceItem]


class DrawFaceRequest(RequestModel):
    box: ShareBox
    name: Name | None = None


class CorrectBoxRequest(RequestModel):
    box: ShareBox


class DrawFaceResponse(ResponseModel):
    face_id: UUID
    event_id: int
    person_id: UUID | None
    person_name: str | None


class TakenAwayResponse(ResponseModel):
    face_id: UUID
    event_id: int


class LikeFaceRequest(RequestModel):
    face_id: UUID
    limit: Annotated[int, Field(ge=1, le=1_000)] = 100


class SimilarItem(TileItem):
    likeness: float = Field(description="cosine to the face that was asked for")


class SearchResponse(ResponseModel):
    faces: list[SimilarItem]
    notes: list[str]

    @classmethod
    def listing(cls, found: Sequence[tuple[Tile, float]], notes: list[str]) -> Self:
        faces = [SimilarItem.completed(tile, likeness=round(likeness, 4)) for tile, likeness in found]
        return cls(faces=faces, notes=notes)

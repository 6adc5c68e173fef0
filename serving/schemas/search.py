"""Photos by who is on them or by how their faces look, who is with whom, and events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from faceml.path_text import path_text
from faceml.services.photos.follow import Burst
from faceml.services.recognise.spaces import MOST_FOUND, Alike
from faceml.services.review.browse import Companions, EventsPage
from serving.schemas.base import WHOLE, ListResponse, PhotosPage, RequestModel, ResponseModel


class PhotosWithQuery(PhotosPage):
    person_id: Annotated[list[UUID], Field(min_length=1, max_length=50, description="All of them are on it")]


class PhotoItem(ResponseModel):
    asset_id: int
    path: str
    taken: datetime | None = Field(description="by the clock of where it was taken")


class PhotosWithResponse(ListResponse[PhotoItem]):
    """A page of photos, the newest first."""


class TogetherQuery(RequestModel):
    person_id: Annotated[UUID | None, Field(description="Only pairs with this person")] = None
    limit: Annotated[int, Field(ge=1, le=1_000)] = 20


class PairItem(ResponseModel):
    person_id: UUID
    person_name: str
    other_id: UUID
    other_name: str
    photos: int
    first: date | None = Field(description="day of the first photo that shows both, by the clock of where")
    last: date | None


class TogetherResponse(ResponseModel):
    pairs: list[PairItem]

    @classmethod
    def listing(cls, pairs: Sequence[Companions]) -> Self:
        items = [
            PairItem.completed(
                pair,
                person_id=pair.one.id,
                person_name=pair.one.name,
                other_id=pair.other.id,
                other_name=pair.other.name,
            )
            for pair in pairs
        ]
        return cls(pairs=items)


class EventItem(ResponseModel):
    day: date
    folder: str
    photos: int
    people: list[str] = Field(description="names, those on most photos first")


class EventsResponse(ListResponse[EventItem]):
    """A page of days and the folders that photos of them lie in, the newest first."""

    @classmethod
    def listing(cls, found: EventsPage) -> Self:
        items = [EventItem.completed(event, folder=path_text(event.folder)) for event in found.items]
        return cls.completed(found, items=items)


class BurstsQuery(RequestModel):
    limit: Annotated[int, Field(ge=1, le=1_000)] = 20


class BurstItem(ResponseModel):
    photos: list[PhotoItem] = Field(description="in order of time")


class BurstsResponse(ResponseModel):
    bursts: list[BurstItem]

    @classmethod
    def listing(cls, found: Sequence[Burst]) -> Self:
        return cls(
            bursts=[
                BurstItem(photos=[PhotoItem.completed(photo, path=path_text(photo.path)) for photo in burst.photos])
                for burst in found
            ]
        )


class SearchRequest(RequestModel):
    face_ids: Annotated[list[UUID], Field(min_length=1, max_length=100)]
    limit: Annotated[int, Field(strict=True, ge=1, le=MOST_FOUND), WHOLE] = 20


class AlikeFaceItem(ResponseModel):
    face_id: UUID
    asset_id: int
    path: str
    person_id: UUID | None
    person_name: str | None
    similarity: float = Field(description="cosine to the nearest face asked about")


class AlikePhotoItem(ResponseModel):
    asset_id: int
    path: str
    faces: int = Field(description="how many of the faces asked about it has one like")
    similarity: float = Field(description="mean cosine over the faces asked about, 0 for one it has none like")


class AlikeResponse(ResponseModel):
    """Faces, or photos; the other list is empty."""

    asked: int
    compared_in: str
    faces: list[AlikeFaceItem]
    photos: list[AlikePhotoItem]

    @classmethod
    def listing(cls, found: Alike, *, is_by_photo: bool = False) -> Self:
        kind: Any = AlikePhotoItem if is_by_photo else AlikeFaceItem
        items = [kind.completed(item, path=path_text(item.path)) for item in found.found]
        faces, photos = ([], items) if is_by_photo else (items, [])
        return cls(asked=found.asked, compared_in=found.compared_in, faces=faces, photos=photos)

"""A photo with its faces, those drawn on it, and faces like others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from faceml.services.photos import drawn
from faceml.storage.grid.face_tiles import Tile
from serving.schemas.base import WHOLE, Name, RequestModel, ResponseModel
from serving.schemas.grid import TileItem

Part = Annotated[float, Field(strict=True, ge=0, le=1)]


class ShareBox(ResponseModel):
    """Shares (0 to 1) of the upright photo's width and height."""

    model_config = ConfigDict(extra="forbid")

    x: Part
    y: Part
    width: Part
    height: Part

    def share(self) -> drawn.Share:
        return drawn.Share(self.x, self.y, self.width, self.height)


class SpanItem(ResponseModel):
    """Seconds from the video's first picture."""

    first_s: float
    last_s: float
    frame_s: float = Field(description="of the picture that the box is of")


class ShownFaceItem(ResponseModel):
    face_id: UUID
    box: ShareBox
    person_id: UUID | None
    person_name: str | None
    cluster_id: str | None
    state: str
    is_drawn: bool
    age: int | None = Field(description="in years, of the person it is under, on the day of the photo")
    span: SpanItem | None = Field(description="of a video: when the face is seen")


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
    duration_s: float | None = Field(description="of a video, 0 where its file does not say; null: a photo")


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
    limit: Annotated[int, Field(strict=True, ge=1, le=1_000), WHOLE] = 100


class SimilarItem(TileItem):
    likeness: float = Field(description="cosine to the face that was asked for")


class SearchResponse(ResponseModel):
    faces: list[SimilarItem]
    notes: list[str]

    @classmethod
    def listing(cls, found: Sequence[tuple[Tile, float]], notes: list[str]) -> Self:
        faces = [SimilarItem.completed(tile, likeness=round(likeness, 4)) for tile, likeness in found]
        return cls(faces=faces, notes=notes)

"""One whole photo with the boxes of its faces, for people who want to see where a face comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from faceml.errors import NotFound, UnreadablePhoto
from faceml.records import Face
from faceml.services.pictures.thumbnails import encode_jpeg
from faceml.storage.sql.repository import Repository

LARGEST_SIDE_PX = 1280


@dataclass(frozen=True, slots=True)
class FaceBox:
    """Where a face is, as shares (0 to 1) of the photo's width and height."""

    face_id: UUID
    x: float
    y: float
    w: float
    h: float
    person_name: str | None


@dataclass(frozen=True, slots=True)
class PhotoView:
    file_name: str
    jpeg: bytes
    width: int  # of the JPEG, pixels
    height: int
    boxes: tuple[FaceBox, ...]


def look_at_photo(
    repository: Repository, face_id: UUID, *, pixelate: Callable[[Face], bool] | None = None
) -> PhotoView:
    """The photo that a face is on, at most 1,280 pixels a side.

    Args:
        pixelate: which faces to make unrecognisable.
    Raises:
        NotFound: no such face, or its photo cannot be read now.
    """
    from PIL import Image

    from faceml.plots.contact_sheet import pixelated
    from faceml.vision.image import read_photo

    with repository.read() as unit:
        asset = unit.assets.by_ids([unit.faces.get(face_id).asset_id])[0]
        faces = unit.faces.in_assets([asset.id])
        names = unit.people.names([face.person_id for face in faces if face.person_id])
    try:
        pixels = read_photo(asset.path)
    except UnreadablePhoto as error:
        raise NotFound(f"the photo {asset.path} cannot be shown: {error}") from error
    height, width = pixels.shape[:2]
    for face in filter(pixelate, faces) if pixelate else ():
        box = face.bbox
        part = pixels[box.y : box.y + box.h, box.x : box.x + box.w]
        part[:] = pixelated(part)
    image = Image.fromarray(pixels)
    image.thumbnail((LARGEST_SIDE_PX, LARGEST_SIDE_PX))
    boxes = (
        FaceBox(face.id, face.bbox.x / width, face.bbox.y / height, face.bbox.w / width, face.bbox.h / height,
                names.get(face.person_id) if face.person_id else None)
        for face in faces
    )  # fmt: skip
    import numpy as np

    return PhotoView(asset.path.name, encode_jpeg(np.asarray(image)), *image.size, tuple(boxes))

"""One face as a small picture."""

from __future__ import annotations

import io
from uuid import UUID

from faceml.errors import NotFound, UnreadablePhoto, WrongUse
from faceml.wiring import Library

SMALLEST_PX, LARGEST_PX = 16, 512
JPEG_QUALITY = 88


def draw_thumbnail(library: Library, face_id: UUID, *, size_px: int = 112) -> bytes:
    """A square JPEG of a face with some of its surroundings; no EXIF.

    Args:
        size_px: side, 16 to 512.
    Raises:
        NotFound: there is no such face, or its photo cannot be read now.
        WrongUse: a size outside its range.
    """
    from PIL import Image

    from faceml.vision.crops import face_thumbnail
    from faceml.vision.image import read_photo

    if not SMALLEST_PX <= size_px <= LARGEST_PX:
        raise WrongUse(f"size={size_px}: a thumbnail has {SMALLEST_PX} to {LARGEST_PX} pixels a side")
    with library.repository.read() as unit:
        face = unit.faces.get(face_id)
        asset = unit.assets.by_ids([face.asset_id])[0]
    try:
        photo = read_photo(asset.path)
    except UnreadablePhoto as error:
        raise NotFound(f"the photo of face {face_id} (asset {asset.id}) cannot be read now: {error}") from error
    content = io.BytesIO()
    Image.fromarray(face_thumbnail(photo, face.bbox, size_px=size_px)).save(content, "JPEG", quality=JPEG_QUALITY)
    return content.getvalue()

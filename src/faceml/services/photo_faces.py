"""The faces of one photo, as they are stored or after looking again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from faceml.errors import NotFound, UnreadablePhoto
from faceml.records import Face
from faceml.services.detect import detect_in_assets
from faceml.wiring import Library


@dataclass(frozen=True, slots=True)
class NamedFaces:
    faces: tuple[Face, ...]
    names: Mapping[UUID, str]  # of the people they are under


def faces_of_photo(library: Library, asset_id: int) -> NamedFaces:
    """Raises NotFound where the library has no such photo."""
    with library.repository.read() as unit:
        if not unit.assets.by_ids([asset_id]):
            raise NotFound(f"asset {asset_id} is not in this library: `faceml ingest DIR` takes photos in")
        faces = sorted(unit.faces.in_assets([asset_id]), key=lambda face: (face.bbox.x, face.bbox.y, face.id))
        return NamedFaces(tuple(faces), unit.people.names(sorted({face.person_id for face in faces if face.person_id})))


def detect_in_photo(
    library: Library, asset_id: int, *, min_confidence: float = 0.5, min_face_size: int = 20
) -> tuple[Face, ...]:
    """Look at one photo, again if need be; its faces, known and new.

    Raises:
        NotFound: the library has no such photo.
        UnreadablePhoto: its file cannot be read; the reason is kept with the photo.
    """
    report = detect_in_assets(library, [asset_id], min_confidence=min_confidence, min_face_size=min_face_size)
    if report.reasons:
        raise UnreadablePhoto(f"asset {asset_id}: {report.reasons[0][0]}")
    return faces_of_photo(library, asset_id).faces

"""A photo with the faces on it, and faces that a person draws where detection found none, or not well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from faceml.decisions.about_faces import GONE, Draw, Redraw
from faceml.errors import NotFound, UnreadablePhoto, WrongUse
from faceml.library import Library
from faceml.path_text import name_text, path_text
from faceml.records import Asset, AssignedBy, BBox, Dismissal, Face, FoundFace, Span
from faceml.services.decisions.decide import counted_as, decide, deciding
from faceml.services.decisions.label import dismiss_faces
from faceml.services.photos.missing import check_faces_on, is_as_known
from faceml.storage.sql.repository import Repository, UnitOfWork
from faceml.vision.overlap import SAME_FACE_IOU, SAME_PLACE_IOU, pair_boxes
from faceml.vision.taken_at import read_camera

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceml.vision.model_packs import FacePack

SMALLEST_PX = 8  # a side of a drawn box
UNSEEN = 0.5  # the confidence of a face that the detector does not see at all
SURROUNDINGS = 1.0  # shown to the detector on each side of a drawn box, as a share of its longer side
LEAST_CONFIDENCE = 0.1  # with which the detector may agree to what a person has seen
LEAST_OVERLAP = 0.3
# Where the points of an upright face are in its box, as shares: the mean of what detectors find.
POINTS = np.array([[0.31, 0.40], [0.69, 0.40], [0.50, 0.60], [0.35, 0.77], [0.65, 0.77]])


@dataclass(frozen=True, slots=True)
class Share:
    """A box as shares (0 to 1) of an upright photo's width and height."""

    x: float
    y: float
    width: float
    height: float

    def in_pixels(self, width: int, height: int) -> BBox:
        """Raises WrongUse where nothing of it, or next to nothing, is on the photo."""
        left, top = max(0, round(self.x * width)), max(0, round(self.y * height))
        right, bottom = min(width, round((self.x + self.width) * width)), round((self.y + self.height) * height)
        bottom = min(height, bottom)
        if right - left < SMALLEST_PX or bottom - top < SMALLEST_PX:
            raise WrongUse(f"the box has {right - left}×{bottom - top} pixels: draw one of {SMALLEST_PX}×{SMALLEST_PX}")
        return BBox(left, top, right - left, bottom - top)


@dataclass(frozen=True, slots=True)
class ShownFace:
    face_id: UUID
    box: Share
    person_id: UUID | None
    person_name: str | None
    cluster_id: str | None
    state: str  # open, confirmed, recognised or dismissed
    is_drawn: bool
    age: int | None  # of whom it is under, in years
    span: Span | None  # when it is seen, of a video


@dataclass(frozen=True, slots=True)
class PhotoSheet:
    asset_id: int
    name: str
    folder: str
    taken_at: datetime | None
    camera: str | None
    width: int  # upright pixels; 0 where nobody looked at it yet
    height: int
    previous: int | None
    next: int | None
    faces: tuple[ShownFace, ...]  # from left to right, of a video in order of time
    duration_s: float | None  # of a video, 0 where its file does not say; None: a photo


@dataclass(frozen=True, slots=True)
class DrawReport:
    face_id: UUID
    event_id: int
    person_id: UUID | None
    person_name: str | None


def look_at_asset(repository: Repository, asset_id: int) -> PhotoSheet:
    """Raises NotFound where the library has no such photo."""
    with repository.read() as unit:
        asset = find_asset(unit, asset_id)
        faces = sorted(unit.faces.in_assets([asset_id]), key=_order)
        ids = [face.id for face in faces]
        states, drawn = unit.faces.states(ids), unit.drawn.among(ids)
        names = unit.people.names(sorted({face.person_id for face in faces if face.person_id}))
        times = unit.lives.times(ids)
        previous, following = unit.assets.neighbours(asset_id)
    width, height = asset.width or 0, asset.height or 0
    shown = [
        ShownFace(
            face.id,
            Share(face.bbox.x / width, face.bbox.y / height, face.bbox.w / width, face.bbox.h / height),
            face.person_id,
            names.get(face.person_id) if face.person_id else None,
            face.cluster_id,
            _state(face, states[face.id].dismissed_as),
            face.id in drawn,
            times.age(face.id, face.person_id),
            face.span,
        )
        for face in faces
        if width and height and not (face.id in drawn and states[face.id].dismissed_as is GONE.dismissed_as)
    ]
    return PhotoSheet(
        asset_id,
        name_text(asset.path),
        path_text(asset.path.parent),
        asset.taken_at,
        read_camera(asset.path),
        width,
        height,
        previous,
        following,
        tuple(shown),
        asset.duration_s,
    )


def _order(face: Face) -> tuple[float, int, int, UUID]:
    return (face.span.first_s if face.span else 0.0, face.bbox.x, face.bbox.y, face.id)


def _state(face: Face, dismissed_as: Dismissal | None) -> str:
    if dismissed_as is not None:
        return "dismissed"
    if face.person_id is None:
        return "open"
    return "confirmed" if face.assigned_by is AssignedBy.MANUAL else "recognised"


@dataclass(frozen=True, slots=True)
class NamedFaces:
    faces: tuple[Face, ...]
    names: Mapping[UUID, str]  # of the people they are under


def faces_of_photo(repository: Repository, asset_id: int) -> NamedFaces:
    """Raises NotFound where the library has no such photo."""
    with repository.read() as unit:
        find_asset(unit, asset_id)
        faces = sorted(unit.faces.in_assets([asset_id]), key=_order)
        return NamedFaces(tuple(faces), unit.people.names(sorted({face.person_id for face in faces if face.person_id})))


def draw_face(library: Library, asset_id: int, box: Share, name: str | None = None, *, actor: str) -> DrawReport:
    """Say that there is a face here, and whose; detection keeps it, also on edited photos, until this is undone.

    Raises:
        NotFound: there is no such photo, or its file cannot be read now.
        Conflict: a face with just this box is there.
        WrongUse: the box is too small, or the name is no name.
    """
    asset, found = _embedded(library, asset_id, box)
    pack = library.packs.load().contract.name
    with deciding(library) as unit:
        unit.assets.lock([asset.id])
        face_id = unit.drawn.drawable(asset.id, found.bbox) or unit.drawn.add_gone(asset.id, found, pack=pack)
        if name is None:
            return DrawReport(face_id, decide(unit, Draw(), [face_id], actor=actor), None, None)
        person = unit.people.named(name) or unit.people.add(name)
        few = len(unit.prototypes.exemplar_faces([person.id])[person.id]) < 1
        exemplars = frozenset({face_id}) if few else frozenset()
        decision = Draw(counted_as(unit, person.id), exemplars, person_id=person.id)
        return DrawReport(face_id, decide(unit, decision, [face_id], actor=actor), person.id, person.name)


def correct_box(library: Library, face_id: UUID, box: Share, *, actor: str) -> DrawReport:
    """Say that a face's box is another one. A new face with that box takes its place, under whom it was.

    Raises:
        NotFound: there is no such face, or its photo cannot be read now. Conflict, WrongUse: as `draw_face`.
    """
    with library.repository.read() as unit:
        asset_id = unit.faces.get(face_id).asset_id
    asset, found = _embedded(library, asset_id, box)
    pack = library.packs.load().contract.name
    with deciding(library) as unit:
        face, states = unit.faces.get(face_id), unit.faces.states([face_id])
        unit.assets.lock([asset.id])
        drawn = unit.drawn.drawable(asset.id, found.bbox) or unit.drawn.add_gone(asset.id, found, pack=pack)
        unit.drawn.keep_box(face_id)
        event_id = decide(
            unit,
            Redraw(face_id, drawn, person_id=face.person_id),
            [face_id, drawn],
            actor=actor,
            becoming={drawn: states[face_id]},
        )
        names = unit.people.names([face.person_id] if face.person_id else [])
    return DrawReport(drawn, event_id, face.person_id, names.get(face.person_id) if face.person_id else None)


def take_away(library: Library, face_id: UUID, *, actor: str) -> int:
    """Say that this is no face; one that was drawn is in no list any more. Returns the event's id.

    Raises:
        NotFound: there is no such face.
    """
    return dismiss_faces(library, [face_id], Dismissal.NOT_A_FACE, actor=actor).event_id


def _embedded(library: Library, asset_id: int, box: Share) -> tuple[Asset, FoundFace]:
    from faceml.vision.image import read_photo

    with library.repository.read() as unit:
        asset = find_asset(unit, asset_id)
    if asset.is_video:
        raise WrongUse(
            f"asset {asset_id} is a video: boxes are drawn on photos, so export a still of it and draw there"
        )
    try:
        check_faces_on(asset)
        pixels = read_photo(asset.path)
    except UnreadablePhoto as error:
        raise NotFound(f"the photo of asset {asset_id} cannot be read now: {error}") from error
    bbox = box.in_pixels(pixels.shape[1], pixels.shape[0])
    return asset, face_in_box(pixels, bbox, library.packs.load())


def face_in_box(image: NDArray[np.uint8], bbox: BBox, pack: FacePack) -> FoundFace:
    """The face that a person sees in a box: at the points that the detector finds there, or where they usually are.

    Args:
        image: (H, W, 3) RGB, upright.
    """
    from faceml.vision.crops import align_faces
    from faceml.vision.detection import quality_score
    from faceml.vision.quality import measure_faces

    kps, confidence = _points(image, bbox, pack)
    crops = align_faces(image, kps[None])
    (embedding,), (measures,) = pack.embed(crops), measure_faces(crops, kps[None])
    return FoundFace(bbox, kps, confidence, quality_score(bbox.w, bbox.h, confidence), embedding, measures)


def _points(image: NDArray[np.uint8], bbox: BBox, pack: FacePack) -> tuple[NDArray[np.float32], float]:
    margin = round(SURROUNDINGS * max(bbox.w, bbox.h))
    left, top = max(0, bbox.x - margin), max(0, bbox.y - margin)
    part = np.ascontiguousarray(image[top : bbox.y + bbox.h + margin, left : bbox.x + bbox.w + margin])
    found = pack.detect(part, min_confidence=LEAST_CONFIDENCE, min_face_size=SMALLEST_PX)
    shift = np.array([left, top], np.float32)
    for corners, score, kps in zip(found.boxes, found.scores, found.kps, strict=True):
        (x1, y1), (x2, y2) = corners[:2] + shift, corners[2:] + shift
        seen = BBox(round(float(x1)), round(float(y1)), round(float(x2 - x1)), round(float(y2 - y1)))
        if seen.iou(bbox) >= LEAST_OVERLAP:
            return (kps + shift).astype(np.float32), float(score)
    return (POINTS * [bbox.w, bbox.h] + [bbox.x, bbox.y]).astype(np.float32), UNSEEN


def not_there_yet(found: Sequence[FoundFace], here: Sequence[Face], drawn: Set[UUID]) -> tuple[FoundFace, ...]:
    """What detection found and the library does not have: boxes that a person drew are looser than a detector's."""
    boxes = [face.bbox for face in found]
    same = pair_boxes(boxes, [face.bbox for face in here], min_iou=SAME_FACE_IOU)
    free = [face for row, face in enumerate(found) if row not in same]
    by_hand = [face.bbox for row, face in enumerate(here) if face.id in drawn and row not in same.values()]
    loosely = pair_boxes([face.bbox for face in free], by_hand, min_iou=SAME_PLACE_IOU)
    return tuple(face for row, face in enumerate(free) if row not in loosely)


def video_file(repository: Repository, asset_id: int) -> Path:
    """Where a video lies, to play it.

    Raises:
        NotFound: the library has no such video, or its file is not the one that it knows.
    """
    with repository.read() as unit:
        asset = find_asset(unit, asset_id)
    if not asset.is_video:
        raise NotFound(f"asset {asset_id} is a photo, not a video: ask for its picture")
    with suppress(OSError):
        if is_as_known(asset):
            return asset.path
    raise NotFound(f"the video of asset {asset_id} is gone or was changed: `faceml ingest` its folder")


def find_asset(unit: UnitOfWork, asset_id: int) -> Asset:
    """Raises NotFound where the library has no such photo."""
    if not (found := unit.assets.by_ids([asset_id])):
        raise NotFound(f"asset {asset_id} is not in this library: `faceml ingest DIR` takes photos in")
    return found[0]

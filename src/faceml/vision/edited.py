"""Which face of an edited photo is which face of the photo before: by its look, and by where an edit moved it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from faceml.errors import UnreadablePhoto
from faceml.records import BBox, FoundFace, PhotoFaces
from faceml.vision.crops import align_faces
from faceml.vision.detection import pixel_boxes, quality_score
from faceml.vision.image import read_photo
from faceml.vision.overlap import SAME_FACE_IOU, SAME_PLACE_IOU, pair_boxes
from faceml.vision.quality import measure_faces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceml.vision.model_packs import FacePack

# The eight ways to lay a picture down (EXIF 2.32, tag 0x0112), each about the picture's centre.
TURNS = np.array(
    [
        [[x, 0], [0, y]] if is_straight else [[0, x], [y, 0]]
        for is_straight in (True, False)
        for x in (1, -1)
        for y in (1, -1)
    ]
)
MIRRORED_POINTS = [1, 0, 2, 4, 3]  # in a mirror the left eye is a right one
SAME_SHAPE = 0.02  # sides may be rounded: resized pictures have nearly the same shape


@dataclass(frozen=True, slots=True, eq=False)
class FormerFace:
    """A face as it was found in the photo before the edit."""

    bbox: BBox
    kps: NDArray[np.float32] | None  # (5, 2)
    detection_confidence: float
    embedding: NDArray[np.float32]  # (D,) unit vector
    photo_size: tuple[int, int]  # width and height of that photo, upright pixels


@dataclass(frozen=True, slots=True)
class Followed:
    """What was found on an edited photo."""

    known: Mapping[UUID, FoundFace]  # faces of its former content, as they are now
    new: tuple[FoundFace, ...]


def follow(former: Mapping[UUID, FormerFace], photo: PhotoFaces, path: Path, pack: FacePack) -> Followed:
    """Find the faces of a photo's former content on the edited one, which is read again where one is not among `photo`.

    What was found at the place of such a face is that face.
    """
    ids, faces, threshold = list(former), list(former.values()), pack.contract.match_threshold
    pairs = pair_by_look(faces, photo.faces, (photo.width, photo.height), match_threshold=threshold)
    rest = [row for row in range(len(ids)) if row not in pairs]
    turned: dict[int, FoundFace] = {}
    if rest:
        with suppress(UnreadablePhoto):  # gone since: what was found is found
            wanted = [faces[row] for row in rest]
            turned = look_where_turned(read_photo(path), wanted, pack, match_threshold=threshold)
    known = {ids[row]: photo.faces[number] for row, number in pairs.items()}
    known |= {ids[rest[number]]: face for number, face in turned.items()}
    free = [face for number, face in enumerate(photo.faces) if number not in pairs.values()]
    again = pair_boxes([face.bbox for face in free], [face.bbox for face in turned.values()], min_iou=SAME_PLACE_IOU)
    return Followed(known, tuple(face for number, face in enumerate(free) if number not in again))


def same_picture(match_threshold: float) -> float:
    """The similarity from which on two faces are one, seen twice: half-way from "the same person" to "the same".

    Brightened, cropped, resized, mirrored, greyed or blurred, 95 of 100 faces stay above 0.83 (both packs at hand,
    match thresholds 0.25 and 0.36); two photos of one person seldom get there.
    """
    return (1 + match_threshold) / 2


def pair_by_look(
    former: Sequence[FormerFace], found: Sequence[FoundFace], size: tuple[int, int], *, match_threshold: float
) -> dict[int, int]:
    """Pair faces that look the same, or that look like one person and lie at the same place.

    Greedy, the most similar first; of those equally similar the ones that overlap more.

    Args:
        size: width and height of the edited photo.
    Returns:
        row of `former` → row of `found`.
    """
    if not former or not found:
        return {}
    similar = np.stack([face.embedding for face in former]) @ np.stack([face.embedding for face in found]).T
    overlap = np.array([[_scaled(one, size).iou(other.bbox) for other in found] for one in former])
    is_same = (similar >= same_picture(match_threshold)) | ((overlap >= SAME_FACE_IOU) & (similar >= match_threshold))
    pairs: dict[int, int] = {}
    rows = sorted(
        zip(*np.nonzero(is_same), strict=True),
        key=lambda pair: (-round(float(similar[pair]), 1), -overlap[pair], -similar[pair]),
    )
    for row, number in rows:
        if row not in pairs and number not in pairs.values():
            pairs[int(row)] = int(number)
    return pairs


def look_where_turned(
    image: NDArray[np.uint8], former: Sequence[FormerFace], pack: FacePack, *, match_threshold: float
) -> dict[int, FoundFace]:
    """Look for faces where they must be if the whole picture was turned, mirrored or resized.

    Detectors expect upright faces: on a picture that lies on its side they find none, or take its points for others. So
    each face is cut out where the turn puts its points, and is there if it still looks the same.

    Args:
        image: (H, W, 3) RGB, the edited photo, upright.
    Returns:
        Row of `former` → the face as it is in the edited photo.
    """
    size = (image.shape[1], image.shape[0])
    tries = [
        (row, _Move(turn, face.photo_size, size))
        for row, face in enumerate(former)
        for turn in TURNS
        if face.kps is not None and _Move(turn, face.photo_size, size).keeps_shape
    ]
    if not tries:
        return {}
    kps = np.stack([move.points(former[row].kps) for row, move in tries])
    crops = align_faces(image, kps)
    embeddings = pack.embed(crops)
    found: dict[int, FoundFace] = {}
    likeness = [float(embeddings[number] @ former[row].embedding) for number, (row, _) in enumerate(tries)]
    for number in sorted(range(len(tries)), key=lambda number: -likeness[number]):
        row, move = tries[number]
        if likeness[number] >= same_picture(match_threshold) and row not in found:
            (measures,) = measure_faces(crops[number : number + 1], kps[number : number + 1])
            found[row] = replace(_as_found(former[row], move, kps[number], embeddings[number]), measures=measures)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Move:
    """From one picture to the same, turned and resized as a whole."""

    turn: NDArray[np.int_]  # (2, 2), one of TURNS
    before: tuple[int, int]  # width and height
    after: tuple[int, int]

    @property
    def keeps_shape(self) -> bool:
        """Whether the turned picture has the shape of the one there is."""
        width, height = np.abs(self.turn) @ self.before
        return bool(abs(np.log(width / height * self.after[1] / self.after[0])) < SAME_SHAPE)

    def place(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """(N, 2) pixels of the picture before → after."""
        from_centre = places / np.array(self.before) - 0.5
        return np.asarray((from_centre @ self.turn.T + 0.5) * np.array(self.after))

    def points(self, kps: NDArray[Any] | None) -> NDArray[np.float32]:
        """A face's (5, 2) points: which is left and which right too."""
        moved = self.place(np.asarray(kps))
        return (moved[MIRRORED_POINTS] if np.linalg.det(self.turn) < 0 else moved).astype(np.float32)


def _as_found(face: FormerFace, move: _Move, kps: NDArray[np.float32], embedding: NDArray[np.float32]) -> FoundFace:
    box = face.bbox
    corners = move.place(np.array([[box.x, box.y], [box.x + box.w, box.y + box.h]]))
    sides = np.concatenate([corners.min(axis=0), corners.max(axis=0)])[None].astype(np.float32)
    (bbox,) = pixel_boxes(sides, width=move.after[0], height=move.after[1])
    quality = quality_score(bbox.w, bbox.h, face.detection_confidence)
    return FoundFace(bbox, kps, face.detection_confidence, quality, embedding)


def _scaled(face: FormerFace, size: tuple[int, int]) -> BBox:
    """Its box where the whole picture was resized to this width and height."""
    x, y = size[0] / face.photo_size[0], size[1] / face.photo_size[1]
    box = face.bbox
    return BBox(round(box.x * x), round(box.y * y), round(box.w * x), round(box.h * y))

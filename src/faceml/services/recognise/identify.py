"""Who is on a photo that the library does not hold; nothing of it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.identity.assignment import match_people
from faceml.library import Library
from faceml.options import AssignOptions, DetectOptions
from faceml.records import BBox, FoundFace, Prototypes
from faceml.services.recognise.calibrate import resolve_threshold
from faceml.services.recognise.spaces import Space, open_space


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like a face is to somebody's nearest prototype."""

    person_id: UUID
    person_name: str
    similarity: float  # cosine


@dataclass(frozen=True, slots=True)
class IdentifiedFace:
    bbox: BBox
    detection_confidence: float
    quality_score: float
    best: Likeness | None  # the nearest person, however far; None where nobody is labelled
    runner_up: Likeness | None  # the nearest other person
    is_known: bool  # `best` reaches the threshold


@dataclass(frozen=True, slots=True)
class Identification:
    faces: tuple[IdentifiedFace, ...]  # surest detection first
    width: int  # of the photo, upright pixels
    height: int
    threshold: float
    model_version: str  # of the vectors that were compared


def identify_photo(
    library: Library,
    photo: bytes,
    *,
    space: Space | None = None,
    threshold: float | str = AssignOptions.threshold,
    min_confidence: float = DetectOptions.min_confidence,
    min_face_size: int = DetectOptions.min_face_size,
) -> Identification:
    """Find the faces of a photo, and the person each is most like.

    Args:
        photo: a file's content, JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP or GIF.
        space: where faces are compared; None is the champion's.
        threshold: cosine similarity, 0 to 1, below which a face is a stranger's; "auto" calibrates it.
    Raises:
        UnreadablePhoto: it is no picture, damaged, or too large.
        WrongUse: a parameter outside its range.
        NotEnoughData: "auto" without enough labels.
    """
    from faceml.vision.image import decode_photo
    from faceml.vision.stream import find_faces_in

    DetectOptions(min_confidence=min_confidence, min_face_size=min_face_size)  # refuses what is out of range
    space = space or open_space(library)
    least = resolve_threshold(library, threshold, space)
    image = decode_photo(photo)
    found = find_faces_in(image, library.packs.load(), min_confidence=min_confidence, min_face_size=min_face_size)
    with library.repository.read() as unit:
        prototypes = space.prototypes(unit)
        names = unit.people.names(sorted(set(prototypes.person_ids)))
    height, width = image.shape[:2]
    if not found:
        return Identification((), width, height, least, space.name)
    vectors = space.project(np.stack([face.embedding for face in found]))
    return Identification(_compare(found, vectors, prototypes, names, least), width, height, least, space.name)


def _compare(
    found: tuple[FoundFace, ...],
    vectors: NDArray[np.float32],
    prototypes: Prototypes,
    names: dict[UUID, str],
    threshold: float,
) -> tuple[IdentifiedFace, ...]:
    people = sorted(names)
    row = {person_id: number for number, person_id in enumerate(people)}
    matches = match_people(
        vectors,
        prototypes.vectors.reshape(len(prototypes.person_ids), vectors.shape[1]),
        [row[person_id] for person_id in prototypes.person_ids],
        min_similarity=threshold,
    )

    def likeness(number: int, similarity: float) -> Likeness | None:
        return Likeness(people[number], names[people[number]], float(similarity)) if number >= 0 else None

    return tuple(
        IdentifiedFace(
            face.bbox,
            face.detection_confidence,
            face.quality_score,
            likeness(int(matches.candidate_rows[i]), matches.similarities[i]),
            likeness(int(matches.runner_up_rows[i]), matches.runner_up_similarities[i]),
            bool(matches.person_rows[i] >= 0),
        )
        for i, face in enumerate(found)
    )

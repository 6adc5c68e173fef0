"""Who a face is, and why: of a photo that the library does not hold and keeps nothing of, or of a face in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np

from faceml.errors import NotFound
from faceml.identity.assignment import NOBODY
from faceml.library import Library
from faceml.options import AssignOptions, DetectOptions
from faceml.records import BBox
from faceml.services.recognise.calibrate import resolve_threshold
from faceml.services.recognise.gallery import Resemblance, read_gallery, resemblances
from faceml.services.recognise.spaces import Space, open_space


@dataclass(frozen=True, slots=True)
class IdentifiedFace:
    bbox: BBox
    detection_confidence: float
    quality_score: float
    best: Resemblance | None  # the nearest person, however far; None where nobody is labelled
    runner_up: Resemblance | None  # the nearest other person
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
        UnreadablePhoto: it is not a picture, is damaged, or is too large.
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
        gallery, names = read_gallery(unit, space), unit.people.names()
    height, width = image.shape[:2]
    if not found:
        return Identification((), width, height, least, space.name)
    vectors = space.project(np.stack([face.embedding for face in found]))
    matches = gallery.match(vectors, min_similarity=least)
    alike = resemblances(gallery, names, matches)
    faces = tuple(
        IdentifiedFace(face.bbox, face.detection_confidence, face.quality_score, *nearest, is_known)
        for face, nearest, is_known in zip(found, alike, (matches.person_rows != NOBODY).tolist(), strict=True)
    )
    return Identification(faces, width, height, least, space.name)


NEAREST = 5


@dataclass(frozen=True, slots=True)
class NearPrototype:
    person_name: str
    role: str  # centroid or exemplar
    similarity: float  # cosine
    face_id: UUID | None  # the exemplar's face


@dataclass(frozen=True, slots=True)
class Explanation:
    face_id: UUID
    person_name: str | None
    assigned_by: str | None  # manual or prototype
    similarity: float | None  # at the time of assignment
    threshold: float | None  # that it reached then; None where a person assigned it
    runner_up_name: str | None  # the nearest other person at the time
    runner_up_similarity: float | None
    model_version: str | None  # whose vectors assigned it; None where a person did
    ruled_out: tuple[str, ...]  # people that a person said it is not
    compared_in: str  # the space that `nearest` was computed in
    nearest: tuple[NearPrototype, ...]  # now, best first
    note: str | None


def explain_face(library: Library, face_id: UUID, *, model: str | int | None = None) -> Explanation:
    """The evidence for a face as it stands now.

    Args:
        model: whose vectors are compared, see `open_space`; None: those that assigned the face, or the champion's.
    Raises:
        NotFound: no such face, or its vector is lost; or no such model.
        ModelMismatch, Unavailable: of the model.
    """
    with library.repository.read() as unit:
        face = unit.faces.states([unit.faces.get(face_id).id])[face_id]
    space = open_space(library, model) if model is not None else _space_of(library, face.model_version)
    with library.repository.read() as unit:
        vector = space.project(unit.vectors.of([face_id]).vectors)
        prototypes = space.prototypes(unit)
        names = unit.people.names()
        ruled_out = sorted(names[person] for _, person in unit.faces.rejections([face_id]))
    if not len(vector):
        raise NotFound(f"the vector of face {face_id} is lost: `faceml faces find-orphans --fix` detects it again")
    similarities = prototypes.vectors @ vector[0] if prototypes.person_ids else np.empty(0, np.float32)
    people = [names[person_id] for person_id in prototypes.person_ids]
    return Explanation(
        face_id=face_id,
        person_name=names.get(face.person_id) if face.person_id else None,
        assigned_by=face.assigned_by,
        similarity=face.similarity,
        threshold=face.threshold,
        runner_up_name=names.get(face.runner_up_id) if face.runner_up_id else None,
        runner_up_similarity=face.runner_up_similarity,
        model_version=face.model_version,
        ruled_out=tuple(ruled_out),
        compared_in=space.name,
        note=space.note,
        nearest=tuple(
            NearPrototype(people[row], prototypes.roles[row], float(similarities[row]), prototypes.face_ids[row])
            for row in np.argsort(-similarities, kind="stable")[:NEAREST]
        ),
    )


def _space_of(library: Library, model_version: str | None) -> Space:
    """Where a face was assigned; the champion's space where a person did, or that version is gone."""
    if model_version is None:
        return open_space(library)
    try:
        return open_space(library, model_version)
    except NotFound:
        space = open_space(library)
        return replace(space, note=f"{model_version}, which assigned this face, is gone; compared in {space.name}")

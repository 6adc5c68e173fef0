"""Who a face is, and why: of a photo that the library does not hold and keeps nothing of, or of a face in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotFound
from faceml.identity.assignment import NOBODY
from faceml.library import Library
from faceml.options import AssignOptions, DetectOptions
from faceml.progress import told
from faceml.records import BBox, Prototypes
from faceml.services.recognise.gallery import MatcherWay, PlainWay, Resemblance, Way, open_way, resemblances
from faceml.services.recognise.matching import ScoreParts
from faceml.storage.registry.records import CHAMPION, MATCHER


@dataclass(frozen=True, slots=True)
class IdentifiedFace:
    bbox: BBox
    detection_confidence: float
    quality_score: float
    best: Resemblance | None  # who it is; of a stranger the nearest person, however far, None where nobody is labelled
    runner_up: Resemblance | None  # the nearest other person
    is_known: bool  # `best` reaches the threshold, and is no other face of the photo


@dataclass(frozen=True, slots=True)
class Identification:
    faces: tuple[IdentifiedFace, ...]  # surest detection first
    width: int  # of the photo, upright pixels
    height: int
    threshold: float  # a cosine, or a score of a matcher
    model_version: str  # what compared them: "raw", "face-projection/3" or "face-matcher/3"
    notes: tuple[str, ...]  # what the numbers mean


@told
def identify_photo(
    library: Library,
    photo: bytes | Path,
    *,
    way: Way | None = None,
    threshold: float | str = AssignOptions.threshold,
    min_confidence: float = DetectOptions.min_confidence,
    min_face_size: int = DetectOptions.min_face_size,
    detection_size: str | int = DetectOptions.detection_size,
) -> Identification:
    """Find the faces of a photo, and the person each is most like.

    Args:
        photo: a file, or its content: JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP or GIF.
        way: how people are told apart; None is the champion's. A matcher finds each person once on the photo.
        threshold: cosine similarity, 0 to 1, below which a face is a stranger's; "auto" calibrates it.
    Raises:
        UnreadablePhoto: it is not a picture, is damaged, or is too large.
        WrongUse: a parameter outside its range.
        NotEnoughData: "auto" without enough labels.
    """
    from faceml.vision.image import load_photo
    from faceml.vision.stream import find_faces_in
    from faceml.vision.taken_at import read_taken_at

    options = DetectOptions(
        min_confidence=min_confidence, min_face_size=min_face_size, detection_size=str(detection_size)
    )
    way = way or open_way(library)
    least = way.threshold(threshold)
    read, taken = load_photo(photo), read_taken_at(photo)
    found = find_faces_in(
        read,
        library.packs.load(),
        min_confidence=options.min_confidence,
        min_face_size=options.min_face_size,
        size_px=options.size_px,
    )
    height, width = read.pixels.shape[:2]
    notes = (*least.notes, read.note) if read.note else least.notes
    if not found:
        return Identification((), width, height, least.value, way.name, notes)
    with library.repository.read() as unit:
        known = way.read(unit, taken=taken.date() if taken else None)
        matches = known.match(np.stack([face.embedding for face in found]), least.value)
        rows = {*matches.candidate_rows.tolist(), *matches.runner_up_rows.tolist()} - {NOBODY}
        names = unit.people.names([known.people[row] for row in rows])
    alike = resemblances(known, names, matches)
    faces = tuple(
        IdentifiedFace(
            face.bbox,
            face.detection_confidence,
            face.quality_score,
            *(nearest if is_known else _nearest_first(*nearest)),
            is_known,
        )
        for face, nearest, is_known in zip(found, alike, (matches.person_rows != NOBODY).tolist(), strict=True)
    )
    return Identification(faces, width, height, least.value, way.name, notes)


def _nearest_first(
    best: Resemblance | None, other: Resemblance | None
) -> tuple[Resemblance | None, Resemblance | None]:
    """Of a face whose nearest person is another face of the photo, that person before whom it was left with."""
    if other is not None and (best is None or other.similarity > best.similarity):
        return other, best
    return best, other


NEAREST = 5


@dataclass(frozen=True, slots=True)
class NearPrototype:
    person_name: str
    role: str  # centroid or exemplar
    similarity: float  # cosine
    face_id: UUID | None  # the exemplar's face


@dataclass(frozen=True, slots=True)
class PersonScore:
    """A face's score with one person, and the parts that add up to it."""

    person_name: str
    score: float
    nearest: float  # half the highest cosine to a labelled face of theirs
    centre: float  # half the cosine to their centroid
    face: float  # 0 or below: what it takes off that this face is near many
    person: float  # likewise that this person is
    group: float  # what the other faces of its group add, or take off

    def rounded(self, digits: int) -> PersonScore:
        """To so many digits that still add up: where they would not, the part that was rounded most gives way.

        >>> PersonScore("Ada", 0.3331, 0.1111, 0.1111, 0.1109, 0.0, 0.0).rounded(2)
        PersonScore(person_name='Ada', score=0.33, nearest=0.11, centre=0.11, face=0.11, person=0.0, group=0.0)
        """
        exact = np.array([getattr(self, name) for name in PARTS]) * 10**digits
        parts, score = np.floor(exact).astype(int), round(self.score * 10**digits)
        parts[np.argsort(parts - exact, kind="stable")[: score - int(parts.sum())]] += 1
        return PersonScore(self.person_name, score / 10**digits, *(int(part) / 10**digits for part in parts))


PARTS = ("nearest", "centre", "face", "person", "group")


@dataclass(frozen=True, slots=True)
class Explanation:
    face_id: UUID
    person_name: str | None
    assigned_by: str | None  # manual or prototype
    similarity: float | None  # at the time of assignment; a score where a matcher assigned it
    threshold: float | None  # that it reached then; None where a person assigned it
    runner_up_name: str | None  # the nearest other person at the time
    runner_up_similarity: float | None
    model_version: str | None  # what assigned it; None where a person did
    ruled_out: tuple[str, ...]  # people that a person said it is not
    taken_on: date | None  # the photo, by the clock of where
    age: int | None  # of whom it is under, in years
    cannot_be: tuple[str, ...]  # people who cannot be on a photo of that day, and why; the nearest
    compared_in: str  # the space, or the matcher, of the figures below
    nearest: tuple[NearPrototype, ...]  # now, best first; empty where a matcher compares
    scores: tuple[PersonScore, ...]  # now, best first; empty where no matcher compares
    note: str | None


def explain_face(
    library: Library, face_id: UUID, *, model: str | int | None = None, matcher: str | int | None = None
) -> Explanation:
    """The evidence for a face as it stands now.

    Args:
        model: how to compare, see `open_way`; None for both: as what assigned the face did, or the champion.
        matcher: likewise.
    Raises:
        NotFound: no such face, or its vector is lost; or no such model or matcher.
        WrongUse, ModelMismatch, Unavailable: of the model or matcher.
    """
    with library.repository.read() as unit:
        face = unit.faces.states([unit.faces.get(face_id).id])[face_id]
    way, note = _way_of(library, face.model_version, model, matcher)
    with library.repository.read() as unit:
        names = unit.people.names()
        ruled_out = sorted(names[person] for _, person in unit.faces.rejections([face_id]))
        taken, lifetimes = unit.lives.days([face_id]).get(face_id), unit.lives.lifetimes()
        vector = unit.vectors.of([face_id]).vectors
        if not len(vector):
            raise NotFound(f"the vector of face {face_id} is lost: `faceml faces find-orphans --fix` detects it again")
        nearest: tuple[NearPrototype, ...] = ()
        scores: tuple[PersonScore, ...] = ()
        if isinstance(way, MatcherWay):
            scores = _scores(way.matching.explain(unit, face_id), names)
        else:
            nearest = _nearest(way.space.project(vector)[0], way.space.prototypes(unit), names)
    mine = lifetimes.get(face.person_id) if face.person_id else None
    vetoes = {names[id_]: why for id_, life in lifetimes.items() if id_ in names and (why := life.why_not(taken))}
    order = [*(item.person_name for item in nearest), *(item.person_name for item in scores)]
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
        taken_on=taken,
        age=mine.age(taken) if mine else None,
        cannot_be=tuple(f"{name} ({vetoes[name]})" for name in dict.fromkeys(order) if name in vetoes),
        compared_in=way.name,
        nearest=nearest,
        scores=scores,
        note=note,
    )


def _nearest(
    vector: NDArray[np.float32], prototypes: Prototypes, names: Mapping[UUID, str]
) -> tuple[NearPrototype, ...]:
    similarities = prototypes.vectors @ vector if prototypes.person_ids else np.empty(0, np.float32)
    people = [names[person_id] for person_id in prototypes.person_ids]
    return tuple(
        NearPrototype(people[row], prototypes.roles[row], float(similarities[row]), prototypes.face_ids[row])
        for row in np.argsort(-similarities, kind="stable")[:NEAREST]
    )


def _scores(found: Sequence[ScoreParts], names: Mapping[UUID, str]) -> tuple[PersonScore, ...]:
    return tuple(
        PersonScore(names[each.person_id], each.score, **{name: getattr(each, name) for name in PARTS})
        for each in [score for score in found if score.person_id in names][:NEAREST]  # but for who went meanwhile
    )


def _way_of(
    library: Library, assigned_by: str | None, model: str | int | None, matcher: str | int | None
) -> tuple[PlainWay | MatcherWay, str | None]:
    """How a face is compared, and what to know of it: as asked; else as it was assigned; else by the champion."""
    if model is not None or matcher is not None:
        way = open_way(library, CHAMPION if model is None else model, CHAMPION if matcher is None else matcher)
    elif assigned_by is None:
        way = open_way(library)
    else:
        try:
            is_matcher = assigned_by.startswith(f"{MATCHER}/")
            way = open_way(library, matcher=assigned_by) if is_matcher else open_way(library, model=assigned_by)
        except NotFound:
            way = open_way(library)
            return way, f"{assigned_by}, which assigned this face, is gone; compared in {way.name}"
    return way, way.note

"""Suggest single faces to look at: those that faceml is least sure of, and those that may be under a wrong name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from uuid import UUID

import numpy as np

from faceml.decisions.about_faces import Assign
from faceml.identity.assignment import Matches
from faceml.identity.prototypes import trimmed_centroid
from faceml.identity.suggestions import distance_to_change, likelihood, misfit
from faceml.library import Library
from faceml.records import AssignedBy, Embeddings
from faceml.services.decisions.decide import counted_as, find_person
from faceml.services.recognise.calibrate import resolve_threshold
from faceml.services.recognise.gallery import (
    MatcherWay,
    Resemblance,
    asked_about,
    matcher_in_use,
    read_gallery,
    resemblances,
    usual_score,
    usual_strangers,
    usual_threshold,
)
from faceml.services.recognise.matching import Matching
from faceml.services.recognise.spaces import Space, space_in_use
from faceml.services.review.groups import check_limit
from faceml.storage.registry.records import CHAMPION
from faceml.storage.sql.repository import UnitOfWork

DOUBT = 0.1  # an answer is uncertain where it changes with less of a similarity than that
QUALITY = 0.5  # from which on a face is good enough to ask about
PROBABLY = 0.5  # how likely the best person of a face left without a name is right, for it to be asked about first
MOST_FACES = 50_000  # scored; the best where there are more
FIRST_COMPARED = 40_000_000  # similarities of a page: half a second's work, and more while too few faces are found
MOST_COMPARED = 200_000_000  # likewise with a matcher, whose faces say together how many are somebody's
FEWEST_FACES = 1_000
MOST_SAMPLED = 5_000  # of these, faces that tell how scores fall


@dataclass(frozen=True, slots=True)
class Expected:
    """Of the faces without a name that are probably one person's."""

    faces: int
    right: float  # how many of them are expected to be theirs


@dataclass(frozen=True, slots=True)
class UncertainFace:
    face_id: UUID
    nearest: Resemblance  # whether or not the face is assigned to them
    runner_up: Resemblance | None
    distance: float  # by how much the similarity has to change for the answer to become another
    threshold: float  # that the answer was weighed with
    likelihood: float | None = None  # that `nearest` is right, 0 to 1; None where no matcher tells
    expected: Expected | None = None  # where the face is probably `nearest`, though it is left without a name

    @property
    def is_match(self) -> bool:
        return self.nearest.similarity >= self.threshold


@dataclass(frozen=True, slots=True)
class Intruder:
    face_id: UUID
    similarity: float  # to the centre of the person's faces
    misfit: float  # by how much more it looks like somebody else's than theirs
    nearest: Resemblance | None  # the other person whom it resembles most


def suggest_uncertain(
    library: Library,
    *,
    limit: int = 20,
    threshold: float | str | None = None,
    min_quality: float = QUALITY,
    matcher: str | int = CHAMPION,
) -> list[UncertainFace]:
    """Faces that no person decided about and that are worth a question, the best worth first.

    With a matcher these are first the faces that it leaves without a name though its best person is probably right,
    person by person, those with the most right ones expected first. Then, and without a matcher from the start, come
    the faces whose answer is the closest call.

    Args:
        limit: how many at most.
        threshold: a cosine similarity or "auto"; None takes the best known, see `usual_threshold` and `usual_score`.
        min_quality: 0 to 1; a face too poor to recognise is not worth a question.
        matcher: see `matcher_in_use`.
    Raises:
        NotFound: there is no such matcher.
    """
    asked = _worth_asking(library, limit, threshold, min_quality, matcher)
    return [*asked.probable, *asked.close][:limit]


def suggest_probable(library: Library, *, limit: int = 20) -> list[UncertainFace]:
    """The first part of `suggest_uncertain`: faces without a name that are probably their best person's."""
    if matcher_in_use(library, CHAMPION) is None:
        check_limit(limit)
        return []
    return _worth_asking(library, limit).probable[:limit]


def suggest_close_calls(library: Library, *, limit: int = 20) -> list[UncertainFace]:
    """The second part of `suggest_uncertain`."""
    return _worth_asking(library, limit).close[:limit]


def suggest_intruders(library: Library, name_or_id: str | UUID, *, limit: int = 20) -> list[Intruder]:
    """Faces under a person that look as if they were not theirs, the worst first; often there are no such faces.

    A face that was put under the person a second time, by hand, is believed: the question was asked and answered.

    Raises:
        NotFound: nobody has this name or id.
    """
    check_limit(limit)
    space = space_in_use(library)
    with library.repository.read() as unit:
        person = find_person(unit, name_or_id)
        faces = space.embeddings(unit.groups.of(person.id))
        if not faces.face_ids:
            return []
        gallery = read_gallery(library, unit, space, faces.face_ids)
        matches = gallery.without(person.id).match(faces.vectors, faces.face_ids)
        fit = faces.vectors @ trimmed_centroid(faces.vectors)
        scores = misfit(fit, matches.similarities)
        suspects = [int(row) for row in np.argsort(-scores, kind="stable") if scores[row] > 0]
        believed = _confirmed(unit, [faces.face_ids[row] for row in suspects], counted_as(unit, person.id))
        alike = resemblances(gallery, unit.people.names(), matches)
    return [
        Intruder(faces.face_ids[row], float(fit[row]), float(scores[row]), alike[row][0])
        for row in suspects
        if faces.face_ids[row] not in believed
    ][:limit]


@dataclass(frozen=True, slots=True)
class _WorthAsking:
    probable: list[UncertainFace]  # person by person; empty without a matcher
    close: list[UncertainFace]  # the closest call first


def _worth_asking(
    library: Library,
    limit: int,
    threshold: float | str | None = None,
    min_quality: float = QUALITY,
    matcher: str | int = CHAMPION,
) -> _WorthAsking:
    check_limit(limit)
    if (matching := matcher_in_use(library, matcher)) is not None:
        value = usual_score(library, matching) if threshold is None else matching.threshold(threshold).value
        found = _scored(library, matching, value, min_quality)
        return _WorthAsking(_person_by_person(found), sorted(_close_calls(found), key=_closeness(library)))
    space = space_in_use(library)
    value = usual_threshold(library, space) if threshold is None else resolve_threshold(library, threshold, space)
    key = _closeness(library)
    with library.repository.read() as unit:
        return _WorthAsking([], nsmallest(limit, _uncertain(library, unit, space, value, min_quality, limit), key=key))


def _closeness(library: Library) -> Callable[[UncertainFace], tuple[bool, float, UUID]]:
    """The key of the closest calls first, those between two relatives before all: nobody else can tell them apart."""
    with library.repository.read() as unit:
        kin = {frozenset(pair) for pair in unit.lives.relatives()}

    def key(face: UncertainFace) -> tuple[bool, float, UUID]:
        between = {one.person_id for one in (face.nearest, face.runner_up) if one}
        return frozenset(between) not in kin, face.distance, face.face_id

    return key


def _scored(library: Library, matching: Matching, threshold: float, min_quality: float) -> list[UncertainFace]:
    """Every face that no person decided about and that has a best person."""
    with library.repository.read() as unit:
        most = _most_compared(len(matching.matcher.groups), MOST_COMPARED)
        faces = unit.vectors.undecided(limit=most, min_quality=min_quality)
        known, names = MatcherWay(matching).read(unit, faces.face_ids), unit.people.names()
    if not faces.face_ids:
        return []
    matches = known.match(faces.vectors, threshold)
    distances = distance_to_change(matches.similarities, matches.runner_up_similarities, threshold=threshold)
    chances = _chances(library, matching, faces, matches)
    return [
        UncertainFace(face_id, nearest, runner_up, max(0.0, distance), threshold, chance)
        for face_id, (nearest, runner_up), distance, chance in zip(
            faces.face_ids, resemblances(known, names, matches), distances.tolist(), chances, strict=True
        )
        if nearest is not None
    ]


def _chances(library: Library, matching: Matching, faces: Embeddings, matches: Matches) -> list[float | None]:
    """How likely each face's best person is right; None where the labels are too few to tell.

    Labelled faces are scored each by itself, so what tells how scores fall is scored without photos and groups, too.
    """
    sample = np.sort(np.random.default_rng(0).permutation(len(faces.face_ids))[:MOST_SAMPLED])
    alone = matching.matcher.match(faces.vectors[sample], groups=matching.groups(faces.face_ids)[sample])
    labelled = usual_strangers(library, matching)
    known = np.isfinite(labelled.genuine)
    found = likelihood(
        np.maximum(labelled.genuine, labelled.impostor)[known],
        (labelled.genuine > labelled.impostor)[known],
        alone.similarities,
        threshold=usual_score(library, matching),
    )
    return [None] * len(faces.face_ids) if found is None else list(found.of(matches.similarities).tolist())


def _person_by_person(found: Sequence[UncertainFace]) -> list[UncertainFace]:
    """Faces that are probably their best person's though they are left without a name."""
    of_person: dict[UUID, list[UncertainFace]] = defaultdict(list)
    for face in found:
        if _is_probable(face):
            of_person[face.nearest.person_id].append(face)
    groups = []
    for faces in of_person.values():
        expected = Expected(len(faces), sum(face.likelihood or 0.0 for face in faces))
        groups.append([replace(face, expected=expected) for face in faces])
    groups.sort(key=lambda faces: (-sum(face.likelihood or 0.0 for face in faces), faces[0].nearest.person_id))
    return [face for faces in groups for face in sorted(faces, key=lambda one: (-(one.likelihood or 0.0), one.face_id))]


def _close_calls(found: Sequence[UncertainFace]) -> list[UncertainFace]:
    return [face for face in found if face.distance < DOUBT and not _is_probable(face)]


def _is_probable(face: UncertainFace) -> bool:
    return not face.is_match and face.likelihood is not None and face.likelihood >= PROBABLY


def _uncertain(
    library: Library, unit: UnitOfWork, space: Space, threshold: float, min_quality: float, limit: int
) -> list[UncertainFace]:
    """Close calls among the best faces, and among twice as many while they are fewer than `limit`."""
    everybody, names = read_gallery(library, unit, space), unit.people.names()
    most = _most_compared(len(everybody.prototypes), FIRST_COMPARED)
    while everybody.people:
        faces = unit.vectors.undecided(limit=most, min_quality=min_quality)
        gallery = asked_about(unit, everybody, faces.face_ids)
        matches = gallery.match(space.project(faces.vectors), faces.face_ids)
        distances = distance_to_change(matches.similarities, matches.runner_up_similarities, threshold=threshold)
        alike = resemblances(gallery, names, matches)
        found = [
            UncertainFace(faces.face_ids[row], nearest, runner_up, float(distances[row]), threshold)
            for row in np.flatnonzero(distances < DOUBT).tolist()
            for nearest, runner_up in [alike[row]]
            if nearest is not None
        ]
        if len(found) >= limit or len(faces.face_ids) < most or most == MOST_FACES:
            return found
        most = min(2 * most, MOST_FACES)
    return []


def _most_compared(with_: int, pairs: int) -> int:
    """How many faces are compared with so many others: that many pairs, however large a library is."""
    return max(FEWEST_FACES, min(MOST_FACES, pairs // max(1, with_)))


def _confirmed(unit: UnitOfWork, face_ids: Sequence[UUID], counted: frozenset[UUID]) -> set[UUID]:
    """Faces that a person put under somebody under whom a person had put them before."""
    undos = unit.events.undos()
    return {
        face_id
        for face_id, steps in unit.events.histories(face_ids).items()
        if any(
            isinstance(step.event.decision, Assign)
            and undos.stands(step.event.id)
            and step.before.assigned_by is AssignedBy.MANUAL
            and {step.before.person_id, step.after.person_id} <= counted
            for step in steps
        )
    }

"""How faces are told apart, whom they are compared with, and what a comparison says in its people's words.

way = open_way(library, options.model, options.matcher)
threshold = way.threshold(options.threshold)
with library.repository.read() as unit:
    known = way.read(unit, faces.face_ids)
matches = known.match(faces.vectors, threshold.value)  # the pack's own vectors; known.people are who matched
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import cast
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.decisions.states import FaceState
from faceml.errors import NotEnoughData, Unavailable
from faceml.identity.assignment import NOBODY, Matches
from faceml.identity.gallery import Gallery
from faceml.identity.strangers import FEWEST_PROBES, OpenSetScores
from faceml.library import Library
from faceml.options import AUTO, check_one_way
from faceml.records import AssignedBy
from faceml.services.recognise.calibrate import DOCUMENTED, resolve_threshold, threshold_note
from faceml.services.recognise.matching import Matching, open_matcher
from faceml.services.recognise.spaces import RAW, Space, open_space, space_in_use
from faceml.storage.cache_files import KeptThreshold, ThresholdFile
from faceml.storage.registry.records import CHAMPION
from faceml.storage.sql.repository import UnitOfWork

MAY_CHANGE = 0.01  # of the labels, before a threshold that is kept is read off anew
MOST_KEPT_BYTES = 256 * 2**20  # of prototypes: 32,000 people with four of 512 numbers each

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Threshold:
    value: float  # a cosine, or a score of a matcher
    notes: tuple[str, ...]  # what the number means


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The people as they are at this moment, for the faces that were asked about."""

    people: tuple[UUID, ...]  # the row numbers of a match stand for them
    match: Callable[[NDArray[np.float32], float], Matches]  # of the pack's own vectors (P, D), at a threshold


@dataclass(frozen=True, slots=True, eq=False)
class PlainWay:
    """Cosines to people's prototypes in one space."""

    library: Library
    space: Space

    @property
    def name(self) -> str:
        """What an assignment made so carries as its model_version: "raw" or "face-projection/3"."""
        return self.space.name

    @property
    def note(self) -> str | None:
        return self.space.note

    def threshold(self, asked: float | str) -> Threshold:
        """Raises as `resolve_threshold`."""
        value = resolve_threshold(self.library, asked, self.space)
        notes = (self.note, threshold_note(self.library, asked, self.space))
        return Threshold(value, tuple(note for note in notes if note))

    def read(self, unit: UnitOfWork, face_ids: Sequence[UUID] = (), *, taken: date | None = None) -> Known:
        """
        Args:
            face_ids: (P,) who will be asked about; empty: all faces of a photo that the library does not hold.
            taken: the day of that photo.
        """
        gallery = read_gallery(self.library, unit, self.space, face_ids, taken=taken)

        def match(vectors: NDArray[np.float32], least: float) -> Matches:
            return gallery.match(self.space.project(vectors), face_ids, min_similarity=least)

        return Known(gallery.people, match)


@dataclass(frozen=True, slots=True, eq=False)
class MatcherWay:
    """Scores of a matcher fitted on the library; each person once a photo, labels first."""

    matching: Matching

    @property
    def name(self) -> str:
        """Likewise: "face-matcher/3"."""
        return self.matching.name

    @property
    def note(self) -> str:
        return f"numbers are scores of {self.name}: a cosine less half of how near the face and the person are to all"

    def threshold(self, asked: float | str) -> Threshold:
        """Raises as `Matching.threshold`."""
        found = self.matching.threshold(asked)
        return Threshold(found.value, (self.note, *([found.note] if found.note else [])))

    def read(self, unit: UnitOfWork, face_ids: Sequence[UUID] = (), *, taken: date | None = None) -> Known:
        """As of a `PlainWay`."""
        photo_of, there = (unit.films.shared_photo(face_ids), unit.faces.people_on_photos()) if face_ids else ({}, [])
        rejections, times = unit.faces.rejections(face_ids), unit.lives.times(face_ids, day=taken)

        def match(vectors: NDArray[np.float32], least: float) -> Matches:
            photos = [photo_of[face_id] for face_id in face_ids] or [0] * len(vectors)
            return self.matching.match(
                vectors,
                face_ids,
                min_similarity=least,
                photos=photos,
                taken=there,
                rejections=rejections,
                times=times,
            )

        return Known(self.matching.people, match)


Way = PlainWay | MatcherWay


def open_way(library: Library, model: str | int = CHAMPION, matcher: str | int = CHAMPION) -> Way:
    """The way of a `--model` and a `--matcher` option (docs/decisions/0029-matcher-before-head.md).

    A champion among matchers goes before one among projections; who names vectors is answered with those.

    Raises:
        WrongUse: a projection and a matcher are both asked for, or one of them is something else.
        NotFound: there is no such version.
        ModelMismatch: the version was made for another pack.
        Unavailable: the registry does not answer and never did.
    """
    check_one_way(model, matcher)
    if str(model) == CHAMPION or str(matcher) != CHAMPION:
        matching = open_matcher(library, matcher)
        if matching is not None:
            return MatcherWay(matching)
    return PlainWay(library, open_space(library, model))


def usual_threshold(library: Library, space: Space = Space(RAW)) -> float:
    """The best threshold known in a space: calibrated where there are labels enough, else the recommended one.

    Where a sample of the labels is asked, the answer is kept in the cache until a hundredth of them changed: one label
    moves it by far less than the drawing of a sample does (docs/decisions/0064-a-threshold-that-is-kept.md).

    Raises:
        NotEnoughData: no face was detected yet.
    """
    file = ThresholdFile(library.settings.cache_folder, f"{space.name} {space.checksum}")
    with library.repository.read() as unit:
        pinned, former = unit.contract.pinned(), file.read()
        if former and unit.contract.is_nearly(former.labels, MAY_CHANGE):
            return former.value
        labels = unit.contract.labels()
    try:
        found = resolve_threshold(library, AUTO, space)
    except NotEnoughData:
        if pinned is None:
            raise
        return space.threshold(pinned.match_threshold)
    if labels and labels.faces > FEWEST_PROBES:
        file.write(KeptThreshold(labels, found))
    return found


def usual_score(library: Library, matching: Matching) -> float:
    """The best threshold known for a matcher: that of "auto", else the one recommended for the pack, carried over."""
    try:
        return matching.threshold(AUTO).value
    except NotEnoughData:
        pinned = library.repository.pack()
        return matching.threshold(pinned.match_threshold if pinned else DOCUMENTED).value


def usual_strangers(library: Library, matching: Matching) -> OpenSetScores:
    """What labelled faces score as strangers; of very many it is kept as `usual_threshold` is, but in this process."""
    whose, former = (id(library.repository), matching.name), library.strangers.key
    with library.repository.read() as unit:
        labels = unit.contract.labels()
        if former and former[0] == whose and former[1] and former[1].faces > FEWEST_PROBES:
            labels = former[1] if unit.contract.is_nearly(former[1], MAY_CHANGE) else labels
    return cast(OpenSetScores, library.strangers.of((whose, labels), matching.strangers))


def likely_from(library: Library) -> float:
    """From which similarity on a name that `suggest_names` suggests is a likely one."""
    if (matching := matcher_in_use(library)) is not None:
        return usual_score(library, matching)
    pinned = library.repository.pack()
    return space_in_use(library).threshold(pinned.match_threshold) if pinned else 1.0


def matcher_in_use(library: Library, matcher: str | int = CHAMPION) -> Matching | None:
    """What suggestions are made with: the champion, or as asked, see `open_matcher`; None: plain cosines.

    Without anything asked for, a registry that never answered is no reason to suggest nothing.
    """
    try:
        return open_matcher(library, matcher)
    except Unavailable as error:
        if str(matcher) != CHAMPION:
            raise
        log.warning("%s; suggestions are made by plain cosines", error)
        return None


@dataclass(frozen=True, slots=True)
class Resemblance:
    person_id: UUID
    person_name: str
    similarity: float  # cosine of a face, or a cluster's centroid, and the person's nearest prototype; or a score

    def __str__(self) -> str:
        return f"{self.person_name} {self.similarity:.2f}"


def read_gallery(
    library: Library, unit: UnitOfWork, space: Space, face_ids: Sequence[UUID] = (), *, taken: date | None = None
) -> Gallery:
    """All active people as they lie in a space, and who is ruled out for these faces, at this transaction's moment.

    The people are kept for the next who asks, until anybody writes labels: reading them takes longer than comparing.
    """
    now = (id(library.repository), space.name, space.checksum, unit.contract.labels_version())
    everybody: Gallery = library.people.of(
        now, lambda: Gallery.of(space.prototypes(unit)), is_kept=lambda made: made.prototypes.nbytes <= MOST_KEPT_BYTES
    )
    return asked_about(unit, everybody, face_ids, taken=taken)


def asked_about(unit: UnitOfWork, gallery: Gallery, face_ids: Sequence[UUID], *, taken: date | None = None) -> Gallery:
    """The same people for other faces: who is ruled out for these, by a person or by the day of the photo."""
    rejections, times = tuple(unit.faces.rejections(face_ids)), unit.lives.times(face_ids, day=taken)
    return replace(gallery, rejections=rejections, times=times)


def resemblances(
    gallery: Gallery | Known, names: Mapping[UUID, str], matches: Matches
) -> list[tuple[Resemblance | None, Resemblance | None]]:
    """The person whom each face resembles most, and the next; None where there is nobody."""

    people = gallery.people

    def named(row: int, similarity: float) -> Resemblance | None:
        # Who went since the people were read is nobody to speak of.
        name = names.get(people[row]) if row != NOBODY else None
        return None if name is None else Resemblance(people[row], name, similarity)

    best = map(named, matches.candidate_rows.tolist(), matches.similarities.tolist())
    runners_up = map(named, matches.runner_up_rows.tolist(), matches.runner_up_similarities.tolist())
    return list(zip(best, runners_up, strict=True))


def assigned_state(
    people: Sequence[UUID], matches: Matches, row: int, *, cluster_id: str | None, model_version: str, threshold: float
) -> FaceState:
    """A face under the candidate of its match, as a machine put it there, with the evidence."""
    runner_up = int(matches.runner_up_rows[row])
    return FaceState(
        person_id=people[int(matches.candidate_rows[row])],
        assigned_by=AssignedBy.PROTOTYPE,
        cluster_id=cluster_id,
        similarity=float(matches.similarities[row]),
        runner_up_id=people[runner_up] if runner_up != NOBODY else None,
        runner_up_similarity=float(matches.runner_up_similarities[row]) if runner_up != NOBODY else None,
        model_version=model_version,
        threshold=threshold,
    )


def note_of_changed(count: int) -> tuple[str, ...]:
    """What to say, in the log too, of faces that a run left alone because they changed while it computed."""
    if not count:
        return ()
    note = f"{count} faces were changed or removed while this ran, and left as they are now"
    log.info(note)
    return (note,)

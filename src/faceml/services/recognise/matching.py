"""A fitted matcher on the library as it is now: whom faces are compared with where a matcher is used.

Whoever matches faces asks `open_matcher` first; None means: the plain way, cosines to prototypes, as `read_gallery`
has it. A `Matching` answers as a `Gallery` does, and takes raw vectors of the pack: its head is its own.

    matching = open_matcher(library, options.matcher)
    threshold = matching.threshold(options.threshold)  # a number stays a cosine: its note says what it is here
    matches = matching.match(vectors, face_ids, min_similarity=threshold.value, photos=…, taken=…, rejections=…)
    matching.people[matches.candidate_rows[0]]  # as with a gallery; `matching.name` is the model_version
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.errors import ModelMismatch, ModelUnavailable, NotEnoughData, WrongUse
from faceml.identity.assignment import Matches
from faceml.identity.cohort import IN_NO_GROUP
from faceml.identity.lifetimes import ANY_TIME, Times
from faceml.identity.matcher import Matcher, enrol
from faceml.identity.matcher_file import UNKNOWN, MatcherRecord, MatcherSettings, unpack_ids
from faceml.identity.smoothing import smoothed
from faceml.identity.strangers import USUAL_FMR, OpenSetScores, draw_probes
from faceml.library import Library
from faceml.once import Latest
from faceml.options import AUTO, AssignOptions
from faceml.storage.registry.records import CHALLENGER, CHAMPION, MATCHER, RegisteredModel
from faceml.storage.sql.repository import UnitOfWork

PLAIN = "plain"  # cosines to prototypes, no matcher
AUTO_FMR = USUAL_FMR  # share of strangers that may pass "auto"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MatcherThreshold:
    value: float  # a score
    note: str | None  # where it was given as a cosine: what it became


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """What a face's score with one person is made of; the score is their sum."""

    person_id: UUID
    nearest: float  # half the highest cosine to a labelled face of theirs
    centre: float  # half the cosine to their centroid
    face: float  # what it takes off that this face is near everybody
    person: float  # what it takes off that this person is
    group: float  # what the other faces of its tight group add, or take off

    @property
    def score(self) -> float:
        return self.nearest + self.centre + self.face + self.person + self.group


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """A matcher with the labels of now."""

    name: str  # "face-matcher/3", which an assignment made with it carries as model_version
    people: tuple[UUID, ...]  # (K,) ascending; the row numbers of a match stand for them
    labelled: dict[UUID, None]  # (L,) faces that people are known by, in the matcher's order
    record: MatcherRecord
    matcher: Matcher
    _strangers: Latest[OpenSetScores] = field(default_factory=Latest, repr=False)

    def groups(self, face_ids: Sequence[UUID]) -> NDArray[np.int64]:
        """(P,) group of the library each face was in when the matcher was fitted; -1: in no group, or not there."""
        return _groups(self.record, self.record.rows_of(face_ids))

    def tight(self, face_ids: Sequence[UUID]) -> NDArray[np.int64]:
        """(P,) likewise, and -1 for a face that fits its group loosely."""
        rows = self.record.rows_of(face_ids)
        is_tight = np.append(self.record.is_tight, False)[rows]
        return np.where(is_tight, _groups(self.record, rows), IN_NO_GROUP)

    def match(
        self,
        vectors: NDArray[np.float32],
        face_ids: Sequence[UUID] = (),
        *,
        min_similarity: float = -np.inf,
        photos: Sequence[int] | NDArray[np.int64] | None = None,
        taken: Sequence[tuple[int, UUID]] = (),
        rejections: Sequence[tuple[UUID, UUID]] = (),
        times: Times = ANY_TIME,
    ) -> Matches:
        """Each face's best person and the next, by score; a group of which several faces are asked speaks as one.

        Args:
            vectors: (P, D) unit rows of the pack, raw.
            face_ids: (P,) who they are, where they are faces of the library.
            min_similarity: score, see `threshold`; below it a face is unknown.
            photos: (P,) which photo each face is on; each person is then found once a photo. None: not looked at.
            taken: (photo, person) of every face that a person labelled, see `Faces.people_on_photos`.
            rejections: (face, person): a person said that this face is not them, see `Faces.rejections`.
            times: who cannot be on a photo of its day.
        """
        row = {person_id: number for number, person_id in enumerate(self.people)}
        face = {face_id: number for number, face_id in enumerate(face_ids)} if rejections else {}
        return self.matcher.match(
            np.asarray(vectors, np.float32),
            groups=self.groups(face_ids) if face_ids else None,
            tight=self.tight(face_ids) if face_ids else None,
            ruled_out=[(face[one], row[other]) for one, other in rejections if one in face and other in row],
            vetoes=times.vetoes(face_ids, len(vectors), self.people),
            photos=photos,
            taken=[(photo, row[person_id]) for photo, person_id in taken if person_id in row],
            min_score=min_similarity,
        )

    def threshold(self, asked: float | str) -> MatcherThreshold:
        """The score of a `--threshold` option: "auto", or a cosine of the plain way, carried over.

        Raises:
            WrongUse: it is neither "auto" nor a number in its range.
            NotEnoughData: "auto", and too few labels when it was fitted.
        """
        if asked != AUTO:
            cosine = float(AssignOptions(threshold=asked).threshold)
            score = self.record.carried.of(cosine)
            return MatcherThreshold(score, f"{cosine:g} in cosines is {score:.2f} here: as many strangers reach it")
        if AUTO_FMR not in self.record.thresholds:
            raise NotEnoughData(
                f"{self.name} was fitted on too few labels to tell which score one stranger in {1 / AUTO_FMR:,.0f} "
                "reaches: label more and fit again (`faceml faces fit-matcher`), or give a threshold as a number"
            )
        return MatcherThreshold(self.record.thresholds[AUTO_FMR].value, None)

    def strangers(self, fmr: float = AUTO_FMR) -> OpenSetScores:
        """Labelled faces as strangers, as many as this rate needs; kept for the next who asks."""
        probes = draw_probes(len(self.matcher.known), fmr)
        return self._strangers.of(len(probes), lambda: self.matcher.as_strangers(probes))

    def explain(self, unit: UnitOfWork, face_id: UUID) -> tuple[ScoreParts, ...]:
        """What the face's score with each person is made of, now, the highest first; empty where its vector is lost.

        The faces of its tight group that nobody labelled have their say, as where all of them are asked at once.
        """
        found = unit.vectors.of([face_id, *self._mates(face_id)])
        if face_id not in found.face_ids:
            return ()
        scores = self.matcher.scores(found.vectors, self.groups(found.face_ids))
        total = scores.total
        group = smoothed(total, self.tight(found.face_ids))[0] - total[0]
        return tuple(
            ScoreParts(
                person_id=self.people[row],
                nearest=float(scores.nearest[0, row]),
                centre=float(scores.centre[0, row]),
                face=float(scores.face[0]),
                person=float(scores.person[row]),
                group=float(group[row]),
            )
            for row in np.argsort(-(total[0] + group), kind="stable")
        )

    def _mates(self, face_id: UUID) -> list[UUID]:
        """The other faces of its tight group that nobody labelled."""
        group = int(self.tight([face_id])[0])
        if group == IN_NO_GROUP:
            return []
        rows = np.flatnonzero((self.record.groups == group) & self.record.is_tight)
        return [id_ for id_ in unpack_ids(self.record.face_ids[rows]) if id_ != face_id and id_ not in self.labelled]


def open_matcher(library: Library, selector: str | int = CHAMPION) -> Matching | None:
    """The matcher of a `--matcher` option, kept between calls and renewed when labels or faces changed.

    Args:
        selector: "champion"; "plain"; "challenger"; a version's number, or its name as an assignment carries it,
            "face-matcher/3".
    Returns:
        None where matching is plain: it was asked for; there is no champion, or it is another pack's or library's; or
        nobody is labelled.
    Raises:
        WrongUse: the selector is something else.
        NotFound: there is no such version.
        ModelMismatch: the version was fitted for another pack.
        Unavailable: the registry does not answer and never did; or the version's file cannot be had.
        ModelUnavailable: the file is damaged, or another faceml's.
    """
    model = find_matcher(library, selector)
    return matching_of(library, model) if model else None


def find_matcher(library: Library, selector: str | int = CHAMPION) -> RegisteredModel | None:
    """Which version `open_matcher` opens. Raises as it does."""
    text = str(selector).removeprefix(f"{MATCHER}/")
    if text == PLAIN:
        return None
    if text == CHAMPION:
        model = library.matchers.state().champion
        if model is not None and (mismatch := model.mismatch(library.repository.pack())):
            log.warning("%s; faces are matched by plain cosines", mismatch)
            return None
        return model
    if text != CHALLENGER and not text.isdecimal():
        raise WrongUse(
            f"there is no matcher {selector!r}: write champion, challenger, plain, or the number of a version"
        )
    model = library.matchers.get(text)
    if mismatch := model.mismatch(library.repository.pack()):
        raise ModelMismatch(f"{mismatch}: choose another version, or plain")
    return model


def matching_of(library: Library, model: RegisteredModel) -> Matching | None:
    """A version with the labels of now; None where nobody is labelled. Asks no registry for what is kept."""
    with library.repository.read() as unit:
        now = (id(library.repository), model.space, model.checksum, unit.contract.labels_version())
    kept: Matching | None = library.matching.of(now, lambda: _enrol(library, model))
    return kept


def _enrol(library: Library, model: RegisteredModel) -> Matching | None:
    record = library.matchers.load(model).artefact
    settings = record.settings
    if settings != MatcherSettings(floor=settings.floor, seed=settings.seed):
        raise ModelUnavailable(f"{model.space} was fitted with settings of another faceml: fit again, or use plain")
    with library.repository.read() as unit:
        faces, owners = unit.vectors.labelled_by_a_person(active_only=True)
        cohort = unit.vectors.of(unpack_ids(record.face_ids[record.cohort]))
    if not owners:
        return None
    if not cohort.face_ids and (record.rows_of(faces.face_ids) == UNKNOWN).all():
        log.warning("%s was fitted on another library; faces are matched by plain cosines: fit one here", model.space)
        return None
    people = tuple(sorted(set(owners)))
    number = {person_id: row for row, person_id in enumerate(people)}
    matcher = enrol(
        faces.vectors,
        [number[owner] for owner in owners],
        _groups(record, record.rows_of(faces.face_ids)),
        cohort.vectors if cohort.face_ids else np.empty((0, faces.vectors.shape[1]), np.float32),
        _groups(record, record.rows_of(cohort.face_ids)),
        floor=settings.floor,
        head=record.head,
    )
    return Matching(
        name=model.space,
        people=people,
        labelled=dict.fromkeys(faces.face_ids),
        record=record,
        matcher=matcher,
    )


def _groups(record: MatcherRecord, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """(P,) group of each row; -1 where the row is -1."""
    marks = np.append(record.groups, IN_NO_GROUP)
    return np.asarray(marks[rows], np.int64)

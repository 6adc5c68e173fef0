"""A matcher fitted on a library: how well a face matches a person, beside how near both are to everybody (DESIGN D14).

The score of face x and person p, in units of cosine:

    c(x, p) = ½ · highest cosine of x to a labelled face of p + ½ · cosine of x to p's centroid
    s(x, p) = c(x, p) − ½ r(x) − ½ r(p)

r(p), a person's nearness, is the mean of the 30 highest c(u, p) over the cohort u: one face of each group of the
library and every face in no group. r(x), a face's nearness, is the mean of its 30 highest cosines to the cohort. This
is the symmetric form of what speaker recognition calls adaptive score normalisation (Matejka et al. 2017, "Analysis of
score normalization in multilingual speaker recognition"), without its division by the spread, which is unsteady at
rates of one in a thousand. A cohort face that shows p plainly is not counted for p, nor one of x's own group or of x's
best person for x: where six people hold most of a library, those would otherwise be punished for being frequent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import NotEnoughData
from faceml.identity.assignment import NOBODY, Matches
from faceml.identity.cohort import IN_NO_GROUP, NEIGHBOURS, Cohort, choose_cohort, mean_of_highest
from faceml.identity.hdbscan.distances import blocks, rows_at_once
from faceml.identity.lifetimes import Vetoes
from faceml.identity.once_a_photo import Photos
from faceml.identity.projection import Head, project
from faceml.identity.prototypes import ZERO_NORM, KnownFaces
from faceml.identity.smoothing import in_pieces, smoothed
from faceml.identity.strangers import OpenSetScores, draw_probes, highest_comparisons

NEARNESS_WEIGHT = 0.5  # of a face's nearness, and of a person's; flat from 0.25 to 0.7
FLOOR_MARGIN = 0.10  # above the pack's threshold a cohort face is its best person's, and a group is tight
BLOCK_SCORES = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """(P, K) scores of P faces and K people, and the parts they are made of: score = the sum of the parts."""

    nearest: NDArray[np.float32]  # (P, K) half the highest cosine to a labelled face
    centre: NDArray[np.float32]  # (P, K) half the cosine to the centroid
    face: NDArray[np.float32]  # (P,) what the face's nearness to everybody takes off, negative
    person: NDArray[np.float32]  # (K,) what the person's takes off, negative

    @property
    def total(self) -> NDArray[np.float32]:
        return self.nearest + self.centre + self.face[:, None] + self.person


@dataclass(frozen=True, slots=True, eq=False)
class Matcher:
    """People as they are recognised in one library: L labelled faces of K people, and the cohort."""

    known: KnownFaces
    groups: NDArray[np.int64]  # (L,) group of the library each labelled face is in, -1: in no group
    cohort: Cohort
    person_nearness: NDArray[np.float32]  # (K,) cosine
    head: Head | None = None  # what all these vectors went through, and faces asked about go through first

    @property
    def person_rows(self) -> NDArray[np.intp]:
        """(L,) whose each labelled face is, ascending."""
        return self.known.people

    @property
    def centroids(self) -> NDArray[np.float32]:
        """(K, D) unit rows."""
        return self.known.centroids

    def scores(self, faces: NDArray[np.float32], groups: ArrayLike) -> Scores:
        """
        Args:
            faces: (P, D) unit rows of the pack.
            groups: (P,) group of the library each is in, -1: in no group.
        """
        return self._scores(_through(self.head, faces), groups)

    def _scores(self, faces: NDArray[np.float32], groups: ArrayLike) -> Scores:
        nearest, centre = self.known.likeness(faces)
        near = self.cohort.nearness(faces, groups, (nearest + centre).argmax(axis=1))
        weight = np.float32(-NEARNESS_WEIGHT)
        return Scores(nearest, centre, weight * near, weight * self.person_nearness)

    def match(
        self,
        faces: NDArray[np.float32],
        *,
        groups: ArrayLike | None = None,
        tight: ArrayLike | None = None,
        ruled_out: ArrayLike = (),
        vetoes: Vetoes | None = None,
        photos: ArrayLike | None = None,
        taken: ArrayLike = (),
        min_score: float = -np.inf,
    ) -> Matches:
        """Each face's best person and the next, by score; with photos, each person once a photo.

        Memory beyond the inputs is about 50 MB and 300 bytes a face.

        Args:
            faces: (P, D) unit rows.
            groups: (P,) group of the library each is in, -1 or None: in no group.
            tight: (P,) likewise, groups whose faces are surely one person's: their scores are mixed, see `smoothed`.
            ruled_out: (R, 2) pairs (face row, person row), never proposed; nor who `vetoes` rules out.
            photos: (P,) which photo each face is on, any numbers; without them photos are not looked at.
            taken: (T, 2) pairs (photo number, person row): who is labelled on which photo.
            min_score: a face below it is unknown.
        """
        marks = _given(groups, len(faces))
        on_photo = Photos.of(photos, taken)
        width = min(len(self.centroids), max(2, on_photo.longest + 1))
        people = np.full((len(faces), width), NOBODY)
        scores = np.full((len(faces), width), -np.inf, np.float32)
        bans = np.asarray(ruled_out, np.intp).reshape(-1, 2)
        bans = bans[np.argsort(bans[:, 0], kind="stable")]
        for rows, piece in in_pieces(_given(tight, len(faces)), self._rows_at_once):
            block = smoothed(self.scores(faces[rows], marks[rows]).total, piece)
            place = np.argsort(rows)
            _ban(block, place, rows[place], bans)
            if vetoes is not None:
                vetoes.blank(block, rows, np.arange(len(self.centroids)))
            people[rows], scores[rows] = _highest(block, width)
        people[~np.isfinite(scores)] = NOBODY
        return on_photo.settle(people, scores, min_score)

    @property
    def _rows_at_once(self) -> int:
        return rows_at_once(max(len(self.known), len(self.cohort.vectors)), BLOCK_SCORES)

    def as_strangers(self, probes: NDArray[np.intp] | None = None) -> OpenSetScores:
        """What each labelled face scores without its person, as a stranger's face would, and without itself.

        Its own group, its own person and its best other person are left out of everybody, as for any face.

        Args:
            probes: (P,) rows that are asked about, ascending; None: as many as a rate of 1e-3 needs, see `draw_probes`.
        """
        ends, asked = [], draw_probes(len(self.known)) if probes is None else probes

        def scores() -> Iterator[tuple[slice, NDArray[np.float32]]]:
            for part, found, near in self.against_others(asked):
                ends.append(near)
                yield part, found

        found = highest_comparisons(scores(), asked, self._genuine(asked), people=len(self.centroids))
        typical = float(np.median(np.concatenate(ends)) + np.median(self.person_nearness))
        return replace(found, highest=1 - NEARNESS_WEIGHT * typical)

    def against_others(
        self, rows: NDArray[np.intp]
    ) -> Iterator[tuple[slice, NDArray[np.float32], NDArray[np.float32]]]:
        """Labelled faces `rows` as strangers, block by block: which of `rows`, (B, K) scores, -inf for the own person,
        and (B,) how near each is to everybody.
        """
        for part in blocks(len(rows), self._rows_at_once):
            faces, own = self.known.vectors(rows[part]), self.person_rows[rows[part]]
            nearest, centre = self.known.likeness(faces)
            likeness = nearest + centre
            likeness[np.arange(len(own)), own] = -np.inf
            near = self.cohort.nearness(faces, self.groups[rows[part]], likeness.argmax(axis=1), own)
            yield part, likeness - NEARNESS_WEIGHT * (near[:, None] + self.person_nearness), near

    def _genuine(self, probes: NDArray[np.intp]) -> NDArray[np.float32]:
        """(P,) labelled faces against their own person made without them; -inf for a person's only face."""
        genuine = np.full(len(probes), -np.inf, np.float32)
        near = np.empty(len(probes), np.float32)
        for part in blocks(len(near), self._rows_at_once):  # one product for many people
            rows = probes[part]
            near[part] = self.cohort.nearness(self.known.vectors(rows), self.groups[rows], self.person_rows[rows])
        ends = np.searchsorted(self.person_rows[probes], np.arange(len(self.centroids) + 1))
        for person in np.flatnonzero(np.diff(ends)).tolist():
            theirs = self.known.rows_of(person)
            faces, asked = self.known.vectors(theirs), probes[ends[person] : ends[person + 1]] - theirs.start
            total = faces.sum(axis=0, dtype=np.float64)
            for part in blocks(len(asked), self._rows_at_once) if len(faces) > 1 else ():
                rows = asked[part]
                picked = faces if len(rows) == len(faces) else faces[rows]  # times itself is half the work
                cosines = picked @ faces.T
                cosines[np.arange(len(rows)), rows] = -np.inf
                others = total - picked
                norms = np.maximum(np.linalg.norm(others, axis=1), ZERO_NORM)
                centre = np.einsum("nd,nd->n", picked, others) / norms
                here = slice(ends[person] + part.start, ends[person] + part.stop)
                likeness = (cosines.max(axis=1) + centre) / 2
                genuine[here] = likeness - NEARNESS_WEIGHT * (near[here] + self.person_nearness[person])
        return genuine


def fit_matcher(
    labelled: NDArray[np.float32],
    person_rows: ArrayLike,
    labelled_groups: ArrayLike,
    library: NDArray[np.float32],
    library_groups: ArrayLike,
    *,
    floor: float,
    head: Head | None = None,
    seed: int = 0,
) -> Matcher:
    """
    Args:
        labelled: (L, D) unit rows, faces that a person labelled.
        person_rows: (L,) who each is: every number from 0 to the highest at least once.
        labelled_groups: (L,) group of the library each is in, -1: in no group.
        library: (N, D) unit rows, faces that nobody labelled.
        library_groups: (N,) likewise.
        floor: c(u, p) from which a face of the cohort counts as its best person's, see `FLOOR_MARGIN`.
        head: what all vectors go through first, such as `faceml.training.whitening.library_head`.
    Raises:
        NotEnoughData: nobody is labelled.
    """
    groups = np.asarray(library_groups, np.int64)
    rows = choose_cohort(groups, seed=seed)
    return enrol(labelled, person_rows, labelled_groups, library[rows], groups[rows], floor=floor, head=head)


def enrol(
    labelled: NDArray[np.float32],
    person_rows: ArrayLike,
    labelled_groups: ArrayLike,
    cohort: NDArray[np.float32],
    cohort_groups: ArrayLike,
    *,
    floor: float,
    head: Head | None = None,
) -> Matcher:
    """The matcher of a cohort that was chosen before; arguments and errors as of `fit_matcher`.

    Args:
        cohort: (U, D) unit rows, see `choose_cohort`.
        cohort_groups: (U,) group of the library each is in, -1: in no group.
    """
    owners = np.asarray(person_rows, np.intp)
    if not len(owners):
        raise NotEnoughData("nobody is labelled yet, so there is nobody to match: label some clusters first")
    order = np.argsort(owners, kind="stable")
    known = KnownFaces.of(_through(head, labelled[order]), owners[order])
    everybody = _through(head, cohort)
    shown, near = _near_people(everybody, known, floor)
    return Matcher(
        known=known,
        groups=np.asarray(labelled_groups, np.int64)[order],
        cohort=Cohort(everybody, np.asarray(cohort_groups, np.int64), shown),
        person_nearness=near,
        head=head,
    )


def _near_people(
    cohort: NDArray[np.float32], known: KnownFaces, floor: float
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """(U,) the person each cohort face plainly shows, -1 nobody; (K,) how near each person is to the others."""
    shown = np.full(len(cohort), NOBODY)
    highest = np.full((0, len(known.centroids)), -np.inf, np.float32)
    for part in blocks(len(cohort), max(NEIGHBOURS, rows_at_once(len(known), BLOCK_SCORES))):
        nearest, centre = known.likeness(cohort[part])
        likeness = nearest + centre
        best = likeness.argmax(axis=1)
        rows = np.flatnonzero(likeness.max(axis=1) >= floor)
        shown[rows + part.start] = best[rows]
        likeness[rows, best[rows]] = -np.inf
        highest = np.concatenate((highest, likeness))
        if len(highest) > NEIGHBOURS:
            highest = np.partition(highest, len(highest) - NEIGHBOURS, axis=0)[-NEIGHBOURS:]
    return shown, mean_of_highest(highest.T)


def _through(head: Head | None, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return project(head, vectors) if head is not None and len(vectors) else np.asarray(vectors, np.float32)


def _given(groups: ArrayLike | None, count: int) -> NDArray[np.int64]:
    return np.full(count, IN_NO_GROUP) if groups is None else np.asarray(groups, np.int64)


def _ban(block: NDArray[np.float32], place: NDArray[np.intp], rows: NDArray[np.intp], bans: NDArray[np.intp]) -> None:
    """Blank ruled-out people; `rows` are the block's faces, ascending, and `place` where in the block each is."""
    if len(bans):
        found = np.searchsorted(rows, bans[:, 0])
        is_here = np.append(rows, NOBODY)[found] == bans[:, 0]
        block[place[found[is_here]], bans[is_here, 1]] = -np.inf


def _highest(block: NDArray[np.float32], count: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """(P, count) columns of the highest of each row, descending, of equals the lower column, and their values."""
    columns = np.sort(np.argpartition(-block, count - 1, axis=1)[:, :count], axis=1)
    values = np.take_along_axis(block, columns, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    highest: NDArray[np.float32] = np.take_along_axis(values, order, axis=1)
    return np.take_along_axis(columns, order, axis=1), highest

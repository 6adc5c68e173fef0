"""Are new photos of known people named, and strangers not? Ways of matching, asked the same questions.

A draw labels some photos of the people it knows and asks about their other photos and about strangers' photos. All
faces but the labelled ones are the library, as they are when `faceml faces assign` looks at it; some strangers are
never asked about. A decision is wrong where a known person's face is not given to them, or a stranger's to anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import NotEnoughData
from faceml.identity.assignment import NOBODY, Matches, match_people
from faceml.identity.calibration import calibrate, calibrate_scores
from faceml.identity.cluster_labels import drop_loose
from faceml.identity.clustering import cluster_embeddings
from faceml.identity.cohort import IN_NO_GROUP, choose_cohort
from faceml.identity.matcher import FLOOR_MARGIN, enrol
from faceml.identity.projection import Head, project
from faceml.identity.prototypes import centroids, choose_exemplars
from faceml.metrics.identification import Answers, Estimate, dir_at_far
from faceml.training.whitening import library_head

STRANGER = -1
KNOWN_SHARE = 0.5  # of the people with enough photos
LIBRARY_ONLY = 0.2  # of the strangers: their faces are in the library and never asked about
FEWEST_PHOTOS = 3  # of a known person
FMR = 1e-3  # what `--threshold auto` asks for
RESAMPLES = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class Album:
    """N faces of whom the truth is known, grouped without it."""

    vectors: NDArray[np.float32]  # (N, D) unit rows
    people: NDArray[np.int64]  # (N,) who each is; -1: somebody in the background, never asked about
    photos: NDArray[np.int64]  # (N,) which photo each is on
    quality: NDArray[np.float64]  # (N,) 0 to 1
    match_threshold: float  # the pack's recommended cosine
    groups: NDArray[np.int64]  # (N,) of the documented clustering, -1: in no group
    tight: NDArray[np.int64]  # (N,) the same without the faces that fit their group loosely

    @classmethod
    def of(
        cls,
        vectors: NDArray[np.float32],
        people: ArrayLike,
        photos: ArrayLike,
        quality: ArrayLike,
        *,
        match_threshold: float,
    ) -> Album:
        groups = cluster_embeddings(vectors, min_cluster_size=3, min_samples=2)
        tight = drop_loose(vectors, groups, min_cohesion=match_threshold + FLOOR_MARGIN)
        return cls(
            vectors,
            np.asarray(people, np.int64),
            np.asarray(photos, np.int64),
            np.asarray(quality, np.float64),
            match_threshold,
            groups,
            tight,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """Who is known by which faces, and who is asked about: rows of an album."""

    labelled: NDArray[np.intp]  # (L,)
    owners: NDArray[np.intp]  # (L,) number of the known person, 0 to K - 1
    library: NDArray[np.intp]  # (M,) all other faces
    is_asked: NDArray[np.bool_]  # (M,)
    truth: NDArray[np.intp]  # (M,) number of the known person, -1: a stranger
    is_new: NDArray[np.bool_] | None = None  # (N,) who came after a way was fitted: only ranks count; None: no face

    def was_there(self, album: Album) -> NDArray[np.bool_]:
        """(N,) the faces of the album that a way may be fitted on."""
        return np.ones(len(album.people), bool) if self.is_new is None else ~self.is_new

    def to_learn_from(self, album: Album) -> NDArray[np.intp]:
        """Labelled rows that a way may be fitted on."""
        return self.labelled[self.was_there(album)[self.labelled]]


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """What one way said of the A faces that a draw asks about."""

    people: NDArray[np.int64]  # (A,) whose face it is, in the album's numbers
    truth: NDArray[np.intp]  # (A,) number of the known person, -1: a stranger
    candidate: NDArray[np.intp]  # (A,) best person, -1: nobody
    scores: NDArray[np.float32]  # (A,)
    threshold: float  # NaN where only ranks are compared: nobody is named

    @property
    def named(self) -> NDArray[np.intp]:
        """(A,) who each face is given to, -1: nobody."""
        return np.where(self.scores >= self.threshold, self.candidate, NOBODY)

    @property
    def is_wrong(self) -> NDArray[np.bool_]:
        wrong: NDArray[np.bool_] = self.named != self.truth
        return wrong


Way = Callable[[Album, Draw], Decisions]
Learn = Callable[[Album, Draw], Head]  # from what `was_there` and `to_learn_from` allow


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares, 0 to 1, over all decisions of all draws."""

    wrong: float  # of all decisions
    precision: float  # of the faces given to somebody, those given to the right person; 1 where nobody was named
    recall: float  # of the known people's faces, those given to them
    strangers_named: float
    dir_1: float  # of the known people's faces, those ranked right where 1 % of strangers would be named; mean of draws
    dir_01: float  # 0.1 %


def draw(album: Album, *, labels: int, seed: int) -> Draw:
    """Label `labels` photos each of half of the people who have more, at least `FEWEST_PHOTOS`.

    Raises:
        NotEnoughData: nobody has so many photos.
    """
    rng = np.random.default_rng(seed)
    people, counts = np.unique(album.people[album.people >= 0], return_counts=True)
    known = rng.permutation(people[counts >= max(labels + 1, FEWEST_PHOTOS)])
    known = known[: round(KNOWN_SHARE * len(known))]
    if not len(known):
        raise NotEnoughData(f"nobody has more than {labels} photos to label: ask for fewer labels")
    strangers = rng.permutation(np.setdiff1d(people, known))
    asked = np.concatenate((known, strangers[round(LIBRARY_ONLY * len(strangers)) :]))
    chosen = [rng.choice(np.flatnonzero(album.people == person), labels, replace=False) for person in known]
    return of_labels(album, np.concatenate(chosen), known, asked)


def of_labels(album: Album, labelled: NDArray[np.intp], known: NDArray[np.int64], asked: NDArray[np.int64]) -> Draw:
    """The draw in which the faces `labelled` are known, all of people in `known`, and people in `asked` asked about."""
    number = {person: row for row, person in enumerate(known.tolist())}
    library = np.setdiff1d(np.arange(len(album.people)), labelled)
    return Draw(
        labelled=labelled,
        owners=np.array([number[person] for person in album.people[labelled].tolist()], np.intp),
        library=library,
        is_asked=np.isin(album.people[library], asked),
        truth=np.array([number.get(person, STRANGER) for person in album.people[library].tolist()], np.intp),
    )


def plain(album: Album, asked: Draw) -> Decisions:
    """Cosine to the nearest prototype, at the threshold read off the labels, or the pack's where they are too few."""
    return _by_prototypes(album, asked, album.match_threshold)


def head_way(learn: Learn) -> Way:
    """As plain on the vectors that a head makes of all faces; it learns anew from the labels of each draw.

    A head's cosines are not the pack's, so where the labels are too few for a threshold there is no other one: the way
    raises `NotEnoughData`.
    """
    last: tuple[Album, NDArray[np.intp], Head] | None = None  # the next draw may leave the same labels to learn from

    def decide(album: Album, asked: Draw) -> Decisions:
        nonlocal last
        rows = asked.to_learn_from(album)
        if last is None or last[0] is not album or not np.array_equal(last[1], rows):
            last = (album, rows, learn(album, asked))
        return _by_prototypes(replace(album, vectors=project(last[2], album.vectors)), asked, None)

    return decide


def _by_prototypes(album: Album, asked: Draw, otherwise: float | None) -> Decisions:
    vectors, owners = album.vectors[asked.labelled], asked.owners
    exemplars = np.concatenate(
        [
            rows[choose_exemplars(vectors[rows], album.quality[asked.labelled][rows])]
            for rows in (np.flatnonzero(owners == person) for person in range(int(owners.max()) + 1))
        ]
    )
    threshold = np.nan
    try:
        if asked.is_new is None:
            threshold = calibrate(vectors, owners, fmr=FMR, exemplar_rows=exemplars).threshold
    except NotEnoughData:
        if otherwise is None:
            raise
        threshold = otherwise
    people = np.concatenate((np.arange(int(owners.max()) + 1), owners[exemplars]))
    prototypes = np.concatenate((centroids(vectors, owners), vectors[exemplars]))
    rows = asked.library[asked.is_asked]
    found = match_people(album.vectors[rows], prototypes, people, min_similarity=threshold)
    return _decisions(album, asked, found, threshold)


def fitted(album: Album, asked: Draw) -> Decisions:
    """A matcher fitted on the library and these labels, at the threshold read off them."""
    was_there = asked.was_there(album)
    groups, tight = (np.where(was_there, marks, IN_NO_GROUP) for marks in (album.groups, album.tight))
    library = asked.library[was_there[asked.library]]
    cohort = library[choose_cohort(groups[library])]
    matcher = enrol(
        album.vectors[asked.labelled],
        asked.owners,
        groups[asked.labelled],
        album.vectors[cohort],
        groups[cohort],
        floor=album.match_threshold + FLOOR_MARGIN,
        head=library_head(album.vectors, groups, among=np.flatnonzero(was_there)),
    )
    threshold = np.nan
    if asked.is_new is None:
        threshold = calibrate_scores(matcher.as_strangers(), matcher.person_rows, fmr=FMR).threshold
    rows = _with_company(asked, album.photos, tight)
    found = matcher.match(
        album.vectors[rows],
        groups=groups[rows],
        tight=tight[rows],
        photos=album.photos[rows],
        taken=np.column_stack((album.photos[asked.labelled], asked.owners)),
    )
    return _decisions(album, asked, found, threshold)


def _with_company(asked: Draw, photos: NDArray[np.int64], tight: NDArray[np.int64]) -> NDArray[np.intp]:
    """Rows of the faces asked about, and after them those of the library that have a say: who shares a photo with
    them, and the tight groups of all these."""
    library, is_in = asked.library, asked.is_asked
    is_in = is_in | np.isin(photos[library], photos[library[is_in]])
    marks = tight[library]
    is_in |= (marks != IN_NO_GROUP) & np.isin(marks, marks[is_in])
    return np.concatenate((library[asked.is_asked], library[is_in & ~asked.is_asked]))


WAYS: Mapping[str, Way] = {"plain": plain, "matcher": fitted}


def figures(draws: Sequence[Decisions]) -> Figures:
    """What one way is worth, over all draws."""
    named = np.concatenate([found.named for found in draws])
    truth = np.concatenate([found.truth for found in draws])
    is_right, is_known, is_named = named == truth, truth != STRANGER, named != NOBODY
    return Figures(
        wrong=float((~is_right).mean()),
        precision=float(is_right[is_named].mean()) if is_named.any() else 1.0,
        recall=float(is_right[is_known].mean()),
        strangers_named=float(is_named[~is_known].mean()),
        dir_1=float(np.mean([_dir(found, 0.01) for found in draws])),
        dir_01=float(np.mean([_dir(found, 0.001) for found in draws])),
    )


def cut(
    before: Sequence[Decisions], after: Sequence[Decisions], *, confidence: float = 0.95, seed: int = 0
) -> Estimate:
    """By which share wrong decisions became fewer, 1: all; the interval draws people, the same ones for both ways.

    Raises:
        NotEnoughData: `before` has none.
    """
    people, codes = np.unique(np.concatenate([found.people for found in before]), return_inverse=True)
    wrong = np.stack(
        [
            np.bincount(codes, np.concatenate([found.is_wrong for found in draws]), minlength=len(people))
            for draws in (before, after)
        ]
    )
    if not wrong[0].any():
        raise NotEnoughData("every decision was right before: there is nothing to cut")
    times = np.random.default_rng(seed).multinomial(len(people), np.full(len(people), 1 / len(people)), RESAMPLES)
    drawn = times @ wrong.T
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = np.nanquantile(1 - drawn[:, 1] / drawn[:, 0], ((1 - confidence) / 2, (1 + confidence) / 2))
    return Estimate(float(1 - wrong[1].sum() / wrong[0].sum()), float(low), float(high))


def _decisions(album: Album, asked: Draw, found: Matches, threshold: float) -> Decisions:
    """Of matches whose first rows are the faces asked about."""
    rows = asked.is_asked
    count = int(rows.sum())
    return Decisions(
        people=album.people[asked.library][rows],
        truth=asked.truth[rows],
        candidate=found.candidate_rows[:count],
        scores=found.similarities[:count],
        threshold=threshold,
    )


def _dir(found: Decisions, far: float) -> float:
    return dir_at_far(Answers(found.scores, found.candidate == found.truth, found.truth != STRANGER), far)

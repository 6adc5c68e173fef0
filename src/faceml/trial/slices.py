"""Are all people served alike? Recall, false matches and DIR by slices of a library, with intervals over people.

A slice is a part of the faces asked about: of one quality, of some years, of a group that somebody wrote down, or of
people who look alike to the pack (a pseudo-group: nobody says what they have in common). The questions are the gate's
(`faceml.trial.questions`): each photo of a labelled person once as if it were new, each person once as a stranger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import WrongUse
from faceml.identity.assignment import NOBODY
from faceml.identity.prototypes import centroids
from faceml.metrics.identification import Estimate, rate_interval
from faceml.trial.comparison import CONFIDENCE, LEAST_PEOPLE
from faceml.trial.questions import questions
from faceml.trial.recognition import STRANGER, Album, Decisions, Way

RECALL, FALSE_MATCHES, DIR_1 = MEASURES = ("recall", "false_matches", "dir@1e-2")
FAR = 1e-2  # of DIR: of all strangers' faces, whatever their slice: a library has one threshold
LEAST_STRANGERS = 1_000  # faces, for ten of them to pass at that rate
PARTS = 3  # of quality and of years, about equally many faces each
PSEUDO_GROUPS = 4
MOST_VALUES = 12  # of a column; of more, numbers are parted and texts refused
UNKNOWN = ""  # name of the slice of faces that are in no slice of an axis


@dataclass(frozen=True, slots=True)
class Slice:
    """What was measured of one part of the faces; a measure is left out where less than ten people speak for it."""

    axis: str  # "quality"
    name: str  # "0.61 to 0.74"
    faces: int  # of known people, asked about as new
    people: int  # whose these are
    measured: Mapping[str, Estimate]  # intervals hold for all slices of the axis together (Bonferroni)
    apart: tuple[str, ...]  # measures whose interval leaves out what all faces together have
    missing: Mapping[str, str]  # measure → why there is no figure


@dataclass(frozen=True, slots=True)
class Sliced:
    """The whole, and its slices by axis."""

    whole: Slice
    slices: tuple[Slice, ...]

    def rows(self) -> list[dict[str, str]]:
        """One row a slice, for a table: figures with their intervals, * where they are apart from the whole."""
        return [_row(part) for part in (self.whole, *self.slices)]


def measure_slices(album: Album, way: Way, axes: Mapping[str, Sequence[str]], *, seed: int = 0) -> Sliced:
    """Ask the gate's questions, and part the answers.

    Args:
        axes: name of an axis → (N,) the slice each face is in; "": in no slice of this axis.
    Raises:
        NotEnoughData: fewer than ten people have two labelled faces.
    """
    asked, found = [], []
    for questions_ in questions(album, seed=seed):
        asked.append(questions_.library[questions_.is_asked])
        found.append(way(album, questions_))
    answers = _Answers.of(found, np.concatenate(asked))
    everything = np.ones(len(answers.rows), bool)
    whole = _slice(answers, "all", "all faces", everything, CONFIDENCE, None)
    parts = [part for axis, names in axes.items() for part in _along(answers, axis, np.asarray(names, str), whole)]
    return Sliced(whole, tuple(parts))


def by_number(values: ArrayLike, *, parts: int = PARTS, digits: int = 2) -> list[str]:
    """(N,) "from to": parts of about equally many faces; "" where a value is NaN.

    >>> by_number([0.1, 0.2, 0.3, 0.9, np.nan], parts=2)
    ['0.10 to 0.20', '0.10 to 0.20', '0.30 to 0.90', '0.30 to 0.90', '']
    """
    numbers = np.asarray(values, np.float64)
    known = np.isfinite(numbers)
    if not known.any():
        return [UNKNOWN] * len(numbers)
    edges = np.unique(np.quantile(numbers[known], np.arange(1, parts) / parts, method="inverted_cdf"))
    part = np.searchsorted(edges, numbers)
    names = {}
    for number in np.unique(part[known]).tolist():
        low, high = numbers[known & (part == number)].min(), numbers[known & (part == number)].max()
        names[number] = f"{low:.{digits}f} to {high:.{digits}f}" if low < high else f"{low:.{digits}f}"
    return [names[number] if is_known else UNKNOWN for number, is_known in zip(part.tolist(), known, strict=True)]


def by_value(name: str, cells: Sequence[str]) -> list[str]:
    """(N,) the slices of a column: its values, or parts of its numbers where these are many.

    Raises:
        WrongUse: more texts than are slices.
    """
    if len({cell for cell in cells if cell}) <= MOST_VALUES:
        return list(cells)
    try:
        return by_number([float(cell) if cell else np.nan for cell in cells])
    except ValueError as error:
        raise WrongUse(f"the column {name} has more than {MOST_VALUES} texts: group them") from error


def pseudo_groups(album: Album, *, groups: int = PSEUDO_GROUPS, seed: int = 0) -> list[str]:
    """(N,) groups of people who look alike to the pack: k-means of their centroids; "" for faces of nobody labelled.

    Named by size, the largest "A": what they have in common nobody said, it may be age, light or camera.
    """
    from sklearn.cluster import KMeans

    rows = np.flatnonzero(album.people >= 0)
    names = np.full(len(album.people), UNKNOWN, dtype="<U1")
    people, owners = np.unique(album.people[rows], return_inverse=True)
    if len(people) < groups * LEAST_PEOPLE:
        return [str(name) for name in names]
    found = KMeans(groups, n_init=4, random_state=seed).fit_predict(centroids(album.vectors[rows], owners))
    rank = np.argsort(np.argsort(-np.bincount(found, minlength=groups), kind="stable"))
    names[rows] = np.array(list("ABCDEFGHIJ"))[rank[found]][owners]
    return [str(name) for name in names]


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """All decisions, whichever fold asked."""

    rows: NDArray[np.intp]  # of the album
    people: NDArray[np.int64]
    is_known: NDArray[np.bool_]  # their person was labelled; else they are a stranger's
    is_named: NDArray[np.bool_]
    is_right: NDArray[np.bool_]
    is_ranked: NDArray[np.bool_]  # right at the threshold that names `FAR` of the fold's strangers

    @classmethod
    def of(cls, found: Sequence[Decisions], rows: NDArray[np.intp]) -> _Answers:
        truth, named = (np.concatenate([getattr(one, name) for one in found]) for name in ("truth", "named"))
        return cls(
            rows=rows,
            people=np.concatenate([one.people for one in found]),
            is_known=truth != STRANGER,
            is_named=named != NOBODY,
            is_right=named == truth,
            is_ranked=np.concatenate([_ranked(one) for one in found]),
        )


def _ranked(found: Decisions) -> NDArray[np.bool_]:
    strangers = np.sort(found.scores[found.truth == STRANGER])[::-1]
    passing = int(FAR * len(strangers))
    refused = strangers[passing] if passing < len(strangers) else -np.inf
    is_right = (found.truth != STRANGER) & (found.candidate == found.truth)
    return np.asarray(is_right & (found.scores > refused), bool)


def _along(answers: _Answers, axis: str, names: NDArray[np.str_], whole: Slice) -> Iterator[Slice]:
    of = names[answers.rows]
    values = sorted((str(name) for name in np.unique(of) if name != UNKNOWN), key=_place)
    level = 1 - (1 - CONFIDENCE) / max(1, len(values))
    for value in values:
        yield _slice(answers, axis, value, of == value, level, whole)


def _place(name: str) -> tuple[float, str]:
    """Numbers in their order, and texts after them."""
    try:
        return float(name.partition(" ")[0]), name
    except ValueError:
        return np.inf, name


def _slice(
    answers: _Answers, axis: str, name: str, is_in: NDArray[np.bool_], confidence: float, whole: Slice | None
) -> Slice:
    known, strangers = is_in & answers.is_known, is_in & ~answers.is_known
    measured, missing = {}, {}
    for measure, is_hit, rows in (
        (RECALL, answers.is_right, known),
        (FALSE_MATCHES, answers.is_named, strangers),
        (DIR_1, answers.is_ranked, known),
    ):
        people = len(np.unique(answers.people[rows]))
        if people < LEAST_PEOPLE:
            missing[measure] = f"{people} people; {LEAST_PEOPLE} are needed"
        elif measure == DIR_1 and (count := int((~answers.is_known).sum())) < LEAST_STRANGERS:
            missing[measure] = f"{count} faces of strangers in all; {LEAST_STRANGERS} are needed"
        else:
            measured[measure] = rate_interval(is_hit[rows], answers.people[rows], confidence=confidence)
    usual = whole.measured if whole else {}
    apart = [m for m, figure in measured.items() if m in usual and not figure.low <= usual[m].value <= figure.high]
    faces, people = int(known.sum()), len(np.unique(answers.people[known]))
    return Slice(axis, name, faces, people, measured, tuple(apart), missing)


def _row(part: Slice) -> dict[str, str]:
    figures = {}
    for measure in MEASURES:
        found = part.measured.get(measure)
        mark = " *" if measure in part.apart else ""
        figures[measure] = f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f}){mark}" if found else "too few"
    return {"by": part.axis, "slice": part.name, "people": str(part.people), "faces": str(part.faces), **figures}

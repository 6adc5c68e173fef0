"""What a person is recognised by: a centroid of their faces and a few exemplars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import NotEnoughData, WrongUse

ZERO_NORM = 1e-6  # a mean of unit vectors this short has no direction
# Of the median face's similarity to the centroid: 99 % of right faces reach 0.56, 99.9 % of strangers stay below 0.47
# (two packs).
LEAST_FIT = 0.5
SUMMED = 1_000_000  # numbers summed at a time
TRIM_ROUNDS = 20  # concentration steps; faces of one person settle within five


def centroid(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """The unit vector along the mean of a person's faces (specification, chapter Person Recognition).

    Args:
        vectors: (N, D) unit rows, N >= 1.
    Returns:
        (D,) unit vector.
    Raises:
        NotEnoughData: no face, or faces that cancel out so that their mean has no direction.

    >>> centroid(np.array([[1.0, 0.0], [0.0, 1.0]])).round(3).tolist()
    [0.7070000171661377, 0.7070000171661377]
    """
    if len(vectors) == 0:
        raise NotEnoughData("0 faces have no centroid: label at least one")
    middle: NDArray[np.float32] = _unit(np.asarray(vectors, np.float64).mean(axis=0, keepdims=True))[0]
    return middle


def centroids(vectors: NDArray[np.floating], person_rows: ArrayLike) -> NDArray[np.float32]:
    """The centroid of every person at once.

    Args:
        vectors: (N, D) unit rows.
        person_rows: (N,) whose face each is: every number from 0 to the highest at least once.
    Returns:
        (highest + 1, D) unit rows.
    Raises:
        NotEnoughData: a person without a face, or whose faces cancel out.
    """
    owners = np.asarray(person_rows, np.intp)
    sizes = np.bincount(owners)
    if (sizes == 0).any() or len(sizes) == 0:
        raise NotEnoughData(
            f"person row {int(np.argmin(sizes)) if len(sizes) else 0} has no face: number people 0, 1, …"
        )
    return _unit(sums_of_people(vectors, owners) / sizes[:, None])


def sums_of_people(vectors: NDArray[np.floating], person_rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """(highest + 1, D) sum of every person's rows; memory beyond it is 12 MB, or more for a person with more.

    Args:
        vectors: (N, D) rows.
        person_rows: (N,) whose each is: every number from 0 to the highest at least once.
    """
    ends = np.cumsum(np.bincount(person_rows))
    order = np.argsort(person_rows, kind="stable")
    sums = np.empty((len(ends), vectors.shape[1]))
    first, start = 0, 0
    while first < len(ends):
        last = max(first + 1, int(np.searchsorted(ends, start + SUMMED // max(1, vectors.shape[1]), side="right")))
        starts = np.append(0, ends[first : last - 1] - start)
        rows = order[start : ends[last - 1]]
        np.add.reduceat(np.asarray(vectors[rows], np.float64), starts, axis=0, out=sums[first:last])
        first, start = last, int(ends[last - 1])
    return sums


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Columns of people, several for some, laid out so that each person's highest costs little beside a product.

    First comes one column of every person, then a second of everybody who has two, and so on, those with most columns
    first: so the highest are maxima of whole blocks. A maximum for each person in turn (`np.maximum.reduceat`) takes
    as long as the product of 2,000 people with four columns of 512 numbers.
    """

    order: NDArray[np.intp]  # (L,) which column comes where
    _of_people: NDArray[np.intp]  # (K,) where among the first K each person is
    _rounds: tuple[int, ...]  # how many people have one column, two columns, ...

    @classmethod
    def of(cls, people: NDArray[np.intp]) -> Columns:
        """
        Args:
            people: (L,) whose each column is: every number from 0 to the highest at least once.
        """
        sizes = np.bincount(people)
        places = np.argsort(np.argsort(-sizes, kind="stable"))
        nth = np.empty(len(people), np.intp)
        nth[np.argsort(people, kind="stable")] = np.arange(len(people)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return cls(np.lexsort((places[people], nth)), places, tuple(np.bincount(nth).tolist()))

    def highest(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """(P, K) each person's highest of (P, L) scores, columns in `order`; they are overwritten."""
        people = start = len(self._of_people)
        highest = scores[:, :people]
        for count in self._rounds[1:]:
            np.maximum(highest[:, :count], scores[:, start : start + count], out=highest[:, :count])
            start += count
        return highest.take(self._of_people, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class KnownFaces:
    """L labelled faces of K people."""

    people: NDArray[np.intp]  # (L,) whose each face is, ascending
    centroids: NDArray[np.float32]  # (K, D) unit rows
    _rows: NDArray[np.float32]  # (L, D) unit rows, as they are laid out
    _places: NDArray[np.intp]  # (L,) where among them each face is
    _columns: Columns

    @classmethod
    def of(cls, faces: NDArray[np.float32], people: NDArray[np.intp]) -> KnownFaces:
        """
        Args:
            faces: (L, D) unit rows.
            people: (L,) whose each is, ascending: every number from 0 to the highest at least once.
        Raises:
            NotEnoughData: a person without a face, or whose faces cancel out.
        """
        middles, columns = centroids(faces, people), Columns.of(people)
        return cls(people, middles, faces[columns.order], np.argsort(columns.order), columns)

    def __len__(self) -> int:
        return len(self.people)

    def vectors(self, rows: slice | NDArray[np.intp]) -> NDArray[np.float32]:
        """(R, D) faces by their rows."""
        return self._rows[self._places[rows]]

    def rows_of(self, person: int) -> slice:
        return slice(*np.searchsorted(self.people, (person, person + 1)).tolist())

    def likeness(self, faces: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(P, K) halves of the highest cosine to a person's labelled faces, and of the cosine to their centroid.

        Args:
            faces: (P, D) unit rows.
        """
        half = np.float32(0.5)
        return half * self._columns.highest(faces @ self._rows.T), half * (faces @ self.centroids.T)


def trimmed_centroid(vectors: NDArray[np.floating], *, trim: float = 0.2) -> NDArray[np.float32]:
    """The centroid without the share `trim` of faces that fit it least, so that a few wrong faces do not pull it.

    Keep the closest faces, take their centroid, repeat until the same faces stay (the concentration steps of Rousseeuw
    and Van Driessen 1999, "A fast algorithm for the minimum covariance determinant estimator"). It holds while the
    wrong faces are fewer than `trim`. Where no face is wrong it costs a little: the odd faces it drops are often right.

    Args:
        vectors: (N, D) unit rows; below 3 faces, or where `trim` is less than one face, it is the plain centroid.
        trim: share left out, 0 to below 0.5.

    >>> faces = np.array([[1.0, 0.0]] * 4 + [[0.0, 1.0]])
    >>> trimmed_centroid(faces).tolist()
    [1.0, 0.0]
    """
    if not 0 <= trim < 0.5:
        raise WrongUse(f"trim {trim} is out of range: leave out a share of 0 to below 0.5")
    keep = len(vectors) - int(trim * len(vectors) + 1e-9)
    middle = centroid(vectors)
    if len(vectors) < 3 or keep == len(vectors):
        return middle
    kept = np.empty(0, np.intp)
    for _ in range(TRIM_ROUNDS):
        closest = np.sort(np.argsort(-(vectors @ middle), kind="stable")[:keep])
        if np.array_equal(closest, kept):
            break
        kept = closest
        middle = centroid(vectors[kept])
    return middle


def choose_exemplars(vectors: NDArray[np.floating], quality: ArrayLike, *, count: int = 3) -> NDArray[np.intp]:
    """The faces that stand for a person: of top quality, yet different from each other.

    The first is the face of best quality. Each next one is, among the better half by quality (at least twice `count`),
    the face least like those already chosen, so that burst shots of one moment do not take all places. The trade:
    diversity reaches more of a person's photos, but the least alike is also where a wrongly labelled face would be, and
    a wrong exemplar draws in everybody it truly shows. So a face that fits the trimmed centroid less than half as well
    as the median face does is never chosen, whatever its quality: rather fewer exemplars. Ties go to the lower row.

    Args:
        vectors: (N, D) unit rows of one person.
        quality: (N,) quality scores, higher is better.
        count: how many at most.
    Returns:
        (E,) row numbers in the order chosen, 1 <= E <= min(count, N).

    >>> faces = np.array([[1.0, 0.0], [1.0, 0.0], [0.8, 0.6]])
    >>> choose_exemplars(faces, [0.9, 0.8, 0.7], count=2).tolist()
    [0, 2]
    """
    scores = np.asarray(quality, np.float64)
    if scores.shape != (len(vectors),) or count < 1:
        raise WrongUse(f"{len(vectors)} faces, quality of shape {scores.shape}, count {count}: pass one quality a face")
    if len(vectors) == 0:
        raise NotEnoughData("0 faces to choose exemplars from: label at least one")
    eligible = _eligible(vectors, scores, count)
    chosen = [0]
    likeness = vectors[eligible] @ vectors[eligible[0]]
    while len(chosen) < min(count, len(eligible)):
        likeness[chosen] = np.inf
        chosen.append(int(np.argmin(likeness)))
        likeness = np.maximum(likeness, vectors[eligible] @ vectors[eligible[chosen[-1]]])
    return eligible[chosen]


def _eligible(vectors: NDArray[np.floating], quality: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """The better half, or twice `count`, of the faces that fit the person, best quality first."""
    fit = vectors @ trimmed_centroid(vectors)
    fitting = np.flatnonzero(fit >= LEAST_FIT * np.median(fit))
    best_first: NDArray[np.intp] = fitting[np.argsort(-quality[fitting], kind="stable")]
    return best_first[: max(2 * count, (len(quality) + 1) // 2)]


def _unit(means: NDArray[np.float64]) -> NDArray[np.float32]:
    norms = np.linalg.norm(means, axis=1)
    short = np.flatnonzero(~(norms > ZERO_NORM))
    if len(short):
        raise NotEnoughData(
            f"the faces of person row {short[0]} cancel out (mean of length 0): check that person's labels"
        )
    return np.asarray(means / norms[:, None], np.float32)

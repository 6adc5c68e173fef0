"""Everybody: the faces of a library that a face or a person is compared with to see how near they are to all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

NEIGHBOURS = 30  # flat from 20 to 200
MOST_IN_COHORT = 2_000  # drawn at random beyond: about as many as where the 30 neighbours were measured
ITSELF = 1 - 1e-4  # a cosine this high is the face itself, or a copy
IN_NO_GROUP = -1


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """The faces that stand for everybody: U of them."""

    vectors: NDArray[np.float32]  # (U, D) unit rows
    groups: NDArray[np.int64]  # (U,) group of the library each is in; -1: in no group
    person_rows: NDArray[np.intp]  # (U,) whom it plainly shows; -1: nobody known

    def nearness(self, faces: NDArray[np.float32], groups: ArrayLike, *barred: NDArray[np.intp]) -> NDArray[np.float32]:
        """(P,) how near each face is to everybody.

        Args:
            faces: (P, D) unit rows.
            groups: (P,) the face's own group, left out of everybody.
            barred: (P,) people whose cohort faces are left out too, such as the face's best one.
        """
        cosines = faces @ self.vectors.T
        cosines[cosines > ITSELF] = -np.inf
        for marks, own in ((self.groups, np.asarray(groups)), *((self.person_rows, people) for people in barred)):
            cosines[_cells(marks, own)] = -np.inf
        return mean_of_highest(cosines)


def _cells(marks: NDArray[np.integer], own: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the cells where the column's mark is the row's own; -1 marks nothing."""
    order = np.argsort(marks, kind="stable")
    first, last = (np.searchsorted(marks[order], own, side=side) for side in ("left", "right"))
    counts = np.where(own < 0, 0, last - first)
    rows = np.repeat(np.arange(len(own)), counts)
    nth = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, order[np.repeat(first, counts) + nth]


def choose_cohort(groups: ArrayLike, *, most: int = MOST_IN_COHORT, seed: int = 0) -> NDArray[np.intp]:
    """Rows of one face of each group, and of the faces in no group; `most` of them, drawn at random, ascending.

    >>> choose_cohort([0, -1, 1, -1]).tolist()
    [0, 1, 2, 3]
    """
    order = np.random.default_rng(seed).permutation(len(np.asarray(groups)))
    shuffled = np.asarray(groups, np.int64)[order]
    first = np.unique(shuffled, return_index=True)[1]
    chosen = np.union1d(first[shuffled[first] != IN_NO_GROUP], np.flatnonzero(shuffled == IN_NO_GROUP))
    rows: NDArray[np.intp] = np.sort(order[chosen[:most]])
    return rows


def mean_of_highest(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """(P,) mean of the `NEIGHBOURS` highest of each row that are finite; 0 where there is none."""
    count = min(NEIGHBOURS, scores.shape[1])
    if not count:
        return np.zeros(len(scores), np.float32)
    highest = np.partition(scores, scores.shape[1] - count, axis=1)[:, -count:]
    is_counted = np.isfinite(highest)
    sums = np.where(is_counted, highest, 0).sum(axis=1)
    return np.asarray(sums / np.maximum(is_counted.sum(axis=1), 1), np.float32)

"""A tight group's faces have a say in each other's scores: photos of one person taken together speak as one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.identity.cohort import IN_NO_GROUP

GROUP_WEIGHT = 0.4  # of the mean over a face's tight group; flat from 0.2 to 0.6


def smoothed(scores: NDArray[np.float32], groups: ArrayLike, *, weight: float = GROUP_WEIGHT) -> NDArray[np.float32]:
    """Mix each face's scores with the mean of its tight group's: a group of one person's photos speaks as one.

    Args:
        scores: (P, K).
        groups: (P,) tight group each face is in, -1: in no group.
    """
    marks = np.asarray(groups, np.int64)
    rows = np.flatnonzero(marks != IN_NO_GROUP)
    answer = scores.copy()
    if len(rows):
        rows = rows[np.argsort(marks[rows], kind="stable")]
        _, starts, sizes = np.unique(marks[rows], return_index=True, return_counts=True)
        means = np.add.reduceat(scores[rows], starts, axis=0) / sizes[:, None].astype(np.float32)
        answer[rows] = (1 - weight) * scores[rows] + weight * np.repeat(means, sizes, axis=0)
    return answer


def in_pieces(groups: NDArray[np.int64], most: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.int64]]]:
    """Rows in blocks of at most `most`, a group in one block, and their groups; a larger group comes in pieces."""
    alone = groups.max(initial=IN_NO_GROUP) + 1 + np.arange(len(groups))  # each is a group of its own
    marks = np.where(groups == IN_NO_GROUP, alone, groups)
    order = np.argsort(marks, kind="stable")
    _, starts, sizes = np.unique(marks[order], return_index=True, return_counts=True)
    begin = stop = 0
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        if stop > begin and start + size - begin > most:
            yield order[begin:stop], groups[order[begin:stop]]
            begin = start
        stop = start + size
        while stop - begin > most:
            yield order[begin : begin + most], groups[order[begin : begin + most]]
            begin += most
    if stop > begin:
        yield order[begin:stop], groups[order[begin:stop]]

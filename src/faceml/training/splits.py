"""Who is trained on, who validates, and who is held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

VALIDATION_SHARE = 0.2
NEVER = -1


@dataclass(frozen=True, slots=True)
class Split:
    """Row numbers, ascending; every person with two faces or more has one on either side."""

    training: NDArray[np.intp]
    validation: NDArray[np.intp]


def split_faces(people: ArrayLike, *, seed: int, share: float = VALIDATION_SHARE) -> Split:
    """Keep `share` of each person's faces for validation, at least one where the person has two or more.

    Args:
        people: (N,) who each face is.

    >>> split_faces([7] * 10, seed=0).validation.size
    2
    """
    codes = np.unique(np.asarray(people), return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    sizes = np.bincount(codes)
    rank = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = np.where(sizes > 1, np.maximum(1, np.round(share * sizes)), 0)
    is_validation = np.zeros(len(codes), bool)
    is_validation[order] = rank < np.repeat(kept, sizes)
    return Split(np.flatnonzero(~is_validation), np.flatnonzero(is_validation))


def identity_folds(people: ArrayLike, *, count: int, seed: int, most_faces: int | None = None) -> NDArray[np.intp]:
    """Deal people out into folds, so that no person is in two; -1 where a person is never held out.

    People are dealt out from the one with most faces down, so folds hold about as many; people with one face follow.
    With `most_faces`, people drawn at random are held out until about so many faces are.

    Args:
        people: (N,) who each face is.
        count: of folds, 2 or more.
    Returns:
        (N,) 0 to count - 1, or -1.
    """
    codes = np.unique(np.asarray(people), return_inverse=True)[1]
    sizes = np.bincount(codes)
    drawn = np.random.default_rng(seed).permutation(len(sizes))
    if most_faces is not None:
        drawn = drawn[np.cumsum(sizes[drawn]) <= most_faces]
    dealt = drawn[np.argsort(-sizes[drawn], kind="stable")]
    fold_of = np.full(len(sizes), NEVER)
    turn = np.arange(len(dealt))
    # There and back again: 0 1 2 2 1 0, or the first fold would get the largest of each round.
    fold_of[dealt] = np.where(turn // count % 2, count - 1 - turn % count, turn % count)
    return fold_of[codes]

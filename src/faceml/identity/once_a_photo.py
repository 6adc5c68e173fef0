"""One photo rarely shows a person twice: the best way over all to give a photo's faces to different people.

The faces of a photo and the people are a bipartite graph with the scores as weights; its best matching is found by
Kuhn's and Munkres's method ("Hungarian"), in SciPy's form (Crouse 2016). Labels on the photo come first. Mirrors and
collages exist, so a face that loses its person this way is left to a person to look at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.identity.assignment import NOBODY, Matches

MOST_CANDIDATES = 32  # people considered a face; a photo of more faces is settled among these
FORBIDDEN = -1e6


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """Which faces share a photo, and who is labelled there already."""

    faces: tuple[NDArray[np.intp], ...]  # rows of the faces of each photo that shows several, or a labelled person
    taken: tuple[NDArray[np.intp], ...]  # people labelled on that photo

    @classmethod
    def of(cls, photos: ArrayLike | None, taken: ArrayLike = ()) -> Photos:
        """
        Args:
            photos: (P,) which photo each face is on, any numbers; None: each on its own.
            taken: (T, 2) pairs (photo, person).
        """
        if photos is None:
            return cls((), ())
        numbers = np.asarray(photos, np.int64)
        pairs = np.asarray(taken, np.int64).reshape(-1, 2)
        pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
        order = np.argsort(numbers, kind="stable")
        shown, starts, sizes = np.unique(numbers[order], return_index=True, return_counts=True)
        first, last = np.searchsorted(pairs[:, 0], shown), np.searchsorted(pairs[:, 0], shown, side="right")
        kept = np.flatnonzero((sizes > 1) | (last > first)).tolist()
        return cls(
            tuple(order[starts[row] : starts[row] + sizes[row]] for row in kept),
            tuple(pairs[first[row] : last[row], 1] for row in kept),
        )

    @property
    def longest(self) -> int:
        """How many people a face of a photo may have to do without, up to `MOST_CANDIDATES`."""
        counts = (len(faces) + len(taken) for faces, taken in zip(self.faces, self.taken, strict=True))
        return min(max(counts, default=0), MOST_CANDIDATES)

    def settle(self, people: NDArray[np.intp], scores: NDArray[np.float32], min_score: float) -> Matches:
        """Give every face its best person, each person once a photo.

        Args:
            people: (P, M) candidates of each face, best first, -1 where there are no more.
            scores: (P, M) theirs.
            min_score: a face below it is unknown.
        """
        found, best = people[:, 0].copy(), scores[:, 0].copy()
        for photo in self._contested(found):
            rows = self.faces[photo]
            found[rows], best[rows] = _settle_photo(people[rows], scores[rows], self.taken[photo])
        is_other = (people != found[:, None]) & (people != NOBODY)
        second = is_other.argmax(axis=1)
        rows = np.arange(len(people))
        has_second = is_other[rows, second]
        return Matches(
            person_rows=np.where((best >= min_score) & (found != NOBODY), found, NOBODY),
            candidate_rows=found,
            similarities=best,
            runner_up_rows=np.where(has_second, people[rows, second], NOBODY),
            runner_up_similarities=np.where(has_second, scores[rows, second], -np.inf).astype(np.float32),
        )

    def _contested(self, best: NDArray[np.intp]) -> list[int]:
        """Photos where two faces have the same best person, or one has somebody labelled there: of the others the
        best people are the best matching."""
        if not self.faces:
            return []
        numbers = np.arange(len(self.faces))
        of_face = np.repeat(numbers, [len(faces) for faces in self.faces])
        of_label = np.repeat(numbers, [len(taken) for taken in self.taken])
        wanted, labelled = best[np.concatenate(self.faces)], np.concatenate(self.taken)
        is_somebody = wanted != NOBODY
        width = int(max(wanted.max(), labelled.max(initial=NOBODY))) + 1
        keys = of_face[is_somebody] * width + wanted[is_somebody]
        keys = np.concatenate((keys, np.unique(of_label * width + labelled)))
        found, counts = np.unique(keys, return_counts=True)
        contested: list[int] = np.unique(found[counts > 1] // max(width, 1)).tolist()
        return contested


def _settle_photo(
    people: NDArray[np.intp], scores: NDArray[np.float32], taken: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """(F,) person and score of a photo's faces; -1 and -inf for a face that is left without one."""
    from scipy.optimize import linear_sum_assignment

    found, best = np.full(len(people), NOBODY), np.full(len(people), -np.inf, np.float32)
    choices = np.setdiff1d(people, [NOBODY, *taken])
    if not len(choices):
        return found, best
    weights = np.full((len(people), len(choices)), FORBIDDEN)
    is_open = np.isin(people, choices)
    row = np.broadcast_to(np.arange(len(people))[:, None], people.shape)[is_open]
    weights[row, np.searchsorted(choices, people[is_open])] = scores[is_open]
    faces, columns = linear_sum_assignment(weights, maximize=True)
    is_given = weights[faces, columns] > FORBIDDEN
    found[faces[is_given]] = choices[columns[is_given]]
    best[faces[is_given]] = weights[faces[is_given], columns[is_given]]
    return found, best


def likeness_of_photos(
    similarities: NDArray[np.float32], photos: ArrayLike, *, least: float
) -> tuple[NDArray[np.int64], NDArray[np.intp], NDArray[np.float32]]:
    """Which photos show faces like several, each face of a photo like one of them at most.

    Args:
        similarities: (P, F) cosine of each face asked about and each face found.
        photos: (F,) which photo each found face is on.
        least: cosine below which two faces are not alike.
    Returns:
        (M,) photos, how many of the P each has a face like, and the mean of the P cosines, 0 for one it has none like;
        those with most first, then the most alike.

    >>> found = likeness_of_photos(np.array([[0.9, 0.8, 0.7], [0.8, 0.1, 0.6]], np.float32), [1, 2, 1], least=0.5)
    >>> found[0].tolist(), found[1].tolist(), [round(mean, 2) for mean in found[2].tolist()]
    ([1, 2], [2, 1], [0.75, 0.4])
    """
    from scipy.optimize import linear_sum_assignment

    asked, numbers = len(similarities), np.asarray(photos, np.int64)
    shown, photo_of = np.unique(numbers, return_inverse=True)
    alike = np.where(similarities >= least, similarities, 0)
    counts, means = np.zeros(len(shown), np.intp), np.zeros(len(shown), np.float32)
    order = np.argsort(photo_of, kind="stable")
    for photo, faces in enumerate(np.split(order, np.cumsum(np.bincount(photo_of))[:-1]) if len(order) else ()):
        pairs = linear_sum_assignment(alike[:, faces], maximize=True)
        best = alike[:, faces][pairs]
        counts[photo], means[photo] = np.count_nonzero(best), best.sum() / asked
    order = np.lexsort((shown, -means, -counts))
    order = order[counts[order] > 0]
    return shown[order], counts[order], means[order]

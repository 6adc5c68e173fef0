"""The supervised half of dual mode, and what it leaves for clustering (DESIGN D7). The caller chooses the clusterer.

One photo rarely shows a person twice. So of several faces of one photo that match one person only the nearest is
assigned, and the others go to review: neither assigned nor clustered, since mirrors and collages exist and only a
person can tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import WrongUse
from faceml.identity.assignment import NOBODY, Matches


@dataclass(frozen=True, slots=True)
class DualMode:
    """What becomes of N faces; each is assigned, or in `review_rows`, or in `unknown_rows`."""

    person_rows: NDArray[np.intp]  # (N,) person assigned; -1: nobody
    unknown_rows: NDArray[np.intp]  # (U,) ascending; to be clustered
    review_rows: NDArray[np.intp]  # (V,) ascending; match a person whom the photo already shows
    matches: Matches  # the evidence, for every face


def dual_mode(matches: Matches, *, photo_rows: ArrayLike | None = None, taken: ArrayLike | None = None) -> DualMode:
    """Assign the faces that match a known person; leave the rest for clustering.

    Args:
        matches: of N faces that nobody has labelled.
        photo_rows: (N,) which photo each face is on, any numbers; without them photos are not looked at.
        taken: (T, 2) pairs (photo number, person row): who is already labelled on which photo.

    >>> from faceml.identity.assignment import match_people
    >>> faces = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    >>> found = dual_mode(match_people(faces, faces[:1], [4], min_similarity=0.7), photo_rows=[1, 1, 1])
    >>> found.person_rows.tolist(), found.review_rows.tolist(), found.unknown_rows.tolist()
    ([4, -1, -1], [1], [2])
    """
    count = len(matches.person_rows)
    in_review = np.zeros(count, bool)
    if photo_rows is not None:
        photos = np.asarray(photo_rows, np.int64)
        if photos.shape != (count,):
            raise WrongUse(f"{count} faces but photo rows of shape {photos.shape}: pass one photo a face")
        in_review = _second_of_a_photo(
            matches, photos, np.asarray(() if taken is None else taken, np.int64).reshape(-1, 2)
        )
    is_matched = matches.person_rows != NOBODY
    return DualMode(
        person_rows=np.where(in_review, NOBODY, matches.person_rows),
        unknown_rows=np.flatnonzero(~is_matched),
        review_rows=np.flatnonzero(in_review),
        matches=matches,
    )


def _second_of_a_photo(matches: Matches, photos: NDArray[np.int64], taken: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N,) faces whose person the photo shows already: by a label, or by a nearer face (ties: the lower row)."""
    faces = np.flatnonzero(matches.person_rows != NOBODY)
    # A label outranks every similarity, so it stands in as a face at infinity before all others.
    photo = np.concatenate((taken[:, 0], photos[faces]))
    person = np.concatenate((taken[:, 1], matches.person_rows[faces]))
    nearness = np.concatenate((np.full(len(taken), np.inf), matches.similarities[faces]))
    order = np.lexsort((-nearness, person, photo))
    is_repeat = np.zeros(len(order), bool)
    is_repeat[1:] = (np.diff(photo[order]) == 0) & (np.diff(person[order]) == 0)
    later = order[is_repeat] - len(taken)
    second = np.zeros(len(photos), bool)
    second[faces[later[later >= 0]]] = True
    return second

"""The supervised half of dual mode, and what it leaves for clustering (DESIGN D7). The caller chooses the clusterer.

One photo rarely shows a person twice. So of several faces of one photo that match one person only the nearest is
assigned, and the others go to review: neither assigned nor clustered, since mirrors and collages exist and only a
person can tell. A matcher looked at the photos already; there a face goes to review whose own best person reaches the
threshold, but was found in another face of the photo, or is labelled there.
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


def dual_mode(
    matches: Matches,
    *,
    photo_rows: ArrayLike | None = None,
    taken: ArrayLike | None = None,
    min_similarity: float = np.inf,
) -> DualMode:
    """Assign the faces that match a known person; leave the rest for clustering.

    Args:
        matches: of N faces that nobody has labelled.
        photo_rows: (N,) which photo each face is on, any numbers; without them photos are not looked at.
        taken: (T, 2) pairs (photo number, person row): who is already labelled on which photo.
        min_similarity: what the matches had to reach, where they are a matcher's.

    >>> from faceml.identity.assignment import match_people
    >>> faces = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    >>> found = dual_mode(match_people(faces, faces[:1], [4], min_similarity=0.7), photo_rows=[1, 1, 1])
    >>> found.person_rows.tolist(), found.review_rows.tolist(), found.unknown_rows.tolist()
    ([4, -1, -1], [1], [2])
    """
    count = len(matches.person_rows)
    nearest = matches.runner_up_similarities  # nearer than the candidate where the photo gave that person away
    in_review = (nearest >= min_similarity) & (nearest > matches.similarities)
    if photo_rows is not None:
        photos = np.asarray(photo_rows, np.int64)
        if photos.shape != (count,):
            raise WrongUse(f"{count} faces but photo rows of shape {photos.shape}: pass one photo a face")
        pairs = np.asarray(() if taken is None else taken, np.int64).reshape(-1, 2)
        in_review |= _second_of_a_photo(matches, photos, pairs)
    return DualMode(
        person_rows=np.where(in_review, NOBODY, matches.person_rows),
        unknown_rows=np.flatnonzero((matches.person_rows == NOBODY) & ~in_review),
        review_rows=np.flatnonzero(in_review),
    )


def _second_of_a_photo(matches: Matches, photos: NDArray[np.int64], taken: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N,) faces whose person the photo shows already: by a label, or by a nearer face (ties: the lower row)."""
    second = np.zeros(len(photos), bool)
    seen = set(map(tuple, taken.tolist()))
    faces = np.flatnonzero(matches.person_rows != NOBODY)
    for row in faces[np.argsort(-matches.similarities[faces], kind="stable")].tolist():
        person_on_photo = (int(photos[row]), int(matches.person_rows[row]))
        second[row] = person_on_photo in seen
        seen.add(person_on_photo)
    return second

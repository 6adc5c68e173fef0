"""What numbers mean to a matcher: the score that a share of strangers reaches, and the score of a cosine."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData
from faceml.identity.calibration import calibrate_scores
from faceml.identity.gallery import Gallery
from faceml.identity.matcher import Matcher
from faceml.identity.strangers import OpenSetScores
from faceml.identity.threshold_map import ThresholdMap, equal_rates
from faceml.metrics.identification import Estimate
from faceml.records import Prototypes

FMRS = (1e-2, 1e-3)
MOST_COMPARED = 2_000_000  # comparisons by which thresholds are carried over, some of the faces beyond


def read_thresholds(matcher: Matcher, strangers: OpenSetScores) -> tuple[dict[float, Estimate], tuple[str, ...]]:
    """Score by the share of strangers that may pass; and what could not be told.

    Args:
        strangers: `matcher.as_strangers()`, of a sample where very many are labelled.
    """
    found, notes = {}, []
    for fmr in FMRS:
        try:
            read_off = calibrate_scores(strangers, matcher.person_rows, fmr=fmr)
            found[fmr] = Estimate(read_off.threshold, read_off.estimate.low, read_off.estimate.high)
        except NotEnoughData as error:
            notes.append(str(error))
    return found, tuple(notes)


def carry_over(matcher: Matcher, labelled: NDArray[np.float32], gallery: Gallery, *, highest: float) -> ThresholdMap:
    """How cosines to prototypes carry over to scores, from comparisons of labelled faces with other people.

    Where these are too few to tell shares of strangers, a score lies below its cosine by what the nearness of a usual
    face and person takes off.

    Args:
        labelled: (L, D) unit rows of the pack, the matcher's labelled faces in its order.
        gallery: the matcher's people in its order, not all of them need prototypes.
        highest: score of a usual face that equals its person, see `OpenSetScores`.
    """
    people = len(gallery.people)
    rows = np.random.default_rng(0).permutation(len(labelled))
    rows = np.sort(rows[: max(1, MOST_COMPARED // people)])
    cosines, scores = [], []
    for part, found, _ in matcher.against_others(rows):
        plain = _nearest(labelled[rows[part]], gallery, people)
        is_both = np.isfinite(found) & np.isfinite(plain)
        cosines.append(plain[is_both])
        scores.append(found[is_both])
    shift = 1 - highest
    shifted = ThresholdMap((-1.0, 1.0), (-1.0 - shift, 1.0 - shift), raw_scale=1.0, here_scale=1.0)
    return equal_rates(np.concatenate(cosines), np.concatenate(scores)) or shifted


def of_people(people: Sequence[UUID], found: Prototypes) -> Gallery:
    """Those of `people` that are enrolled, with their place there as row."""
    number = {person_id: row for row, person_id in enumerate(people)}
    kept = [row for row, person_id in enumerate(found.person_ids) if person_id in number]
    rows = np.array([number[found.person_ids[row]] for row in kept], np.intp)
    return Gallery(tuple(people), found.vectors[kept], rows, ())


def _nearest(faces: NDArray[np.float32], gallery: Gallery, people: int) -> NDArray[np.float32]:
    """(P, people) cosine to each person's nearest prototype; -inf where there is none."""
    best = np.full((len(faces), people), -np.inf, np.float32)
    shown, starts = np.unique(gallery.person_rows, return_index=True)  # prototypes are in order of person
    if len(shown):
        best[:, shown] = np.maximum.reduceat(faces @ gallery.prototypes.T, starts, axis=1)
    return best

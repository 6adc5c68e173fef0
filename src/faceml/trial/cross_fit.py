"""Heads trained once a fold, each without the people it is then asked about."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData
from faceml.identity.calibration import calibrate
from faceml.identity.projection import Head, project
from faceml.training.splits import NEVER
from faceml.trial.measures import Projected

Learn = Callable[[NDArray[np.intp]], Head]  # rows that may be learnt from → a head


def cross_fit(
    vectors: NDArray[np.float32], people: NDArray[np.intp], folds: NDArray[np.intp], learn: Learn
) -> Projected:
    """Project every face by a head that has never seen its person.

    Args:
        vectors: (N, D) unit rows.
        people: (N,) who each is.
        folds: (N,) where its person is held out, see `identity_folds`; -1: nowhere, its row stays zero.
    """
    parts: list[tuple[NDArray[np.intp], NDArray[np.float32]]] = []
    thresholds: list[float | None] = []
    for fold in range(int(folds.max(initial=NEVER)) + 1):
        held_out, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        head = learn(others)
        parts.append((held_out, project(head, vectors[held_out])))
        thresholds.append(_threshold(project(head, vectors[others]), people[others]))
    if not parts:
        raise NotEnoughData("nobody is held out: label more people")
    # Discriminants are as many as there are people, so folds may differ in width; zeros change no cosine.
    projected = np.zeros((len(vectors), max(rows.shape[1] for _, rows in parts)), np.float32)
    for held_out, rows in parts:
        projected[held_out, : rows.shape[1]] = rows
    return Projected(projected, tuple(thresholds))


def _threshold(vectors: NDArray[np.float32], people: NDArray[np.intp]) -> float | None:
    """What `--threshold auto` would find with these people labelled; None where they are too few for it."""
    try:
        return calibrate(vectors, np.unique(people, return_inverse=True)[1], resamples=50).threshold
    except NotEnoughData:
        return None

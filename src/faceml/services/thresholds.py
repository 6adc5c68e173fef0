"""Where a threshold falls: labelled faces against their own person and against all others, in one space."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData, NotFound
from faceml.identity.calibration import OpenSetScores, score_open_set
from faceml.services.calibrate import DEFAULT_FMR, DOCUMENTED, calibrate_library
from faceml.services.spaces import Space, open_space
from faceml.storage.registry_records import CHAMPION
from faceml.wiring import Library

LEAST_PEOPLE = 2


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdView:
    """What a threshold in one space lets in and leaves out, on the faces that people labelled."""

    space: str
    genuine: NDArray[np.float32]  # similarity to the own person's other faces
    impostor: NDArray[np.float32]  # similarity to the nearest other person
    threshold: float
    source: str  # of the threshold, in words


def view_thresholds(
    library: Library, models: Sequence[str | int] = (CHAMPION,), *, fmr: float = DEFAULT_FMR
) -> tuple[ThresholdView, ...]:
    """The threshold of each space amid the scores it was read off; none where fewer than two people are labelled.

    A projection that learned from these labels tells them apart better than faces of people it never saw. A model that
    is not there is passed over, and so is one that turns out to be the same space again.

    Raises:
        ModelMismatch, Unavailable: of a model.
    """
    with library.repository.read() as unit:
        faces, person_ids = unit.vectors.labelled_by_a_person()
    people = np.unique([str(person_id) for person_id in person_ids], return_inverse=True)[1]
    if len(np.unique(people)) < LEAST_PEOPLE:
        return ()
    views: dict[str, ThresholdView] = {}
    for model in models:
        with suppress(NotFound):
            space = open_space(library, model)
            if space.name not in views:
                views[space.name] = _view(library, space, score_open_set(space.project(faces.vectors), people), fmr)
    return tuple(views.values())


def _view(library: Library, space: Space, scores: OpenSetScores, fmr: float) -> ThresholdView:
    try:
        found = calibrate_library(library, fmr=fmr, model=space)
        labels = found.calibration
        note = f"; {found.note}" if found.note else ""
        threshold, source = found.threshold, f"calibrated on {labels.faces} labels of {labels.people} people{note}"
    except NotEnoughData:
        threshold, source = DOCUMENTED, "documented for raw embeddings; too few labels to calibrate one"
    has_mate = np.isfinite(scores.genuine)
    return ThresholdView(space.name, scores.genuine[has_mate], scores.impostor, threshold, source)

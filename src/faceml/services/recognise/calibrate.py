"""Read the assignment threshold off the library's own labels, and show where it falls (DESIGN D7)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData, NotFound
from faceml.identity.calibration import Calibration, OpenSetScores, calibrate, score_open_set
from faceml.library import Library
from faceml.options import AUTO, AssignOptions
from faceml.records import PrototypeRole
from faceml.services.recognise.spaces import RAW, Space, open_space
from faceml.storage.registry.records import CHAMPION
from faceml.storage.sql.repository import Repository

DEFAULT_FMR = 1e-3
LEARNED_FROM = "read off labels that the projection may have learned from: strangers may pass more often than asked"
DOCUMENTED = 0.6  # the specification's, for raw vectors


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    threshold: float  # in the space
    calibration: Calibration  # on the labels; of raw vectors where the threshold was carried over
    pack: str
    documented: float  # the specification's threshold, for raw vectors
    model_version: str  # the space it holds in
    note: str | None


def calibrate_library(
    library: Library, *, fmr: float = DEFAULT_FMR, model: str | int | Space = CHAMPION
) -> CalibrationReport:
    """The similarity at which at most the share `fmr` of strangers' faces is expected to get somebody's name.

    Only labels that a person gave take part, not what faceml assigned by itself. Of a projection the threshold is that
    of raw vectors, carried over at equal rates of false matches among people held out of its training.

    Args:
        model: the space it is for, see `open_space`; a threshold of one space says nothing in another.
    Raises:
        NotEnoughData: too few labels; the message names what is needed.
    """
    space = model if isinstance(model, Space) else open_space(library, model)
    if space.thresholds is None:
        found = _calibrate(library.repository, space, fmr)
        note = space.note if space.is_raw else LEARNED_FROM
        return replace(found, note=note)
    found = _calibrate(library.repository, Space(RAW), fmr)
    threshold = space.thresholds.of(found.threshold)
    note = f"as many strangers reach {threshold:.3f} here as reach {found.threshold:.3f} in raw embeddings"
    return replace(found, threshold=threshold, model_version=space.name, note=note)


def _calibrate(repository: Repository, space: Space, fmr: float) -> CalibrationReport:
    with repository.read() as unit:
        faces, person_ids = unit.vectors.labelled_by_a_person()
        prototypes = unit.prototypes.all()
        pinned = unit.contract.pinned()
    if pinned is None or not person_ids:
        raise NotEnoughData("nobody is labelled yet, so there is nothing to calibrate on: label some clusters first")
    people = {person_id: row for row, person_id in enumerate(sorted(set(person_ids)))}
    exemplars = {
        face_id
        for face_id, role in zip(prototypes.face_ids, prototypes.roles, strict=True)
        if role is PrototypeRole.EXEMPLAR
    }
    found = calibrate(
        space.project(faces.vectors),
        np.array([people[person_id] for person_id in person_ids]),
        fmr=fmr,
        exemplar_rows=np.array([row for row, id_ in enumerate(faces.face_ids) if id_ in exemplars], dtype=np.intp),
    )
    return CalibrationReport(found.threshold, found, pinned.name, DOCUMENTED, space.name, None)


def threshold_note(library: Library, threshold: float | str, space: Space) -> str | None:
    """What to know of a threshold given as a number, where vectors are not the raw ones it was documented for."""
    if space.is_raw or threshold == AUTO:
        return None if space.is_raw or space.thresholds else f"the threshold of {space.name} was {LEARNED_FROM}"
    note = f"the threshold {threshold} was used as given, but cosines of {space.name} are not those of raw vectors"
    if space.thresholds is not None:
        note += f": {space.thresholds.of(float(threshold)):.3f} is as strict here as {threshold} there"
    with suppress(NotEnoughData):
        note += f"; auto would use {calibrate_library(library, model=space).threshold:.3f}"
    return note


def resolve_threshold(library: Library, threshold: float | str, space: Space) -> float:
    """A number as it is given, or calibrated in this space where it is "auto".

    Raises:
        WrongUse: it is no threshold.
        NotEnoughData: "auto" without enough labels.
    """
    if threshold == AUTO:
        return calibrate_library(library, model=space).threshold
    return float(AssignOptions(threshold=threshold).threshold)


def usual_threshold(library: Library) -> float:
    """The best threshold known for raw vectors: calibrated where there are labels enough, else the recommended one.

    Raises:
        NotEnoughData: no face was detected yet.
    """
    try:
        return calibrate_library(library, model=RAW).calibration.threshold
    except NotEnoughData:
        pinned = library.repository.pack()
        if pinned is None:
            raise
        return pinned.match_threshold


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

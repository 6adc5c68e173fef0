"""Read the assignment threshold off the library's own labels, and show where it falls (DESIGN D7)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData, NotFound
from faceml.identity.calibration import Calibration, advice, calibrate_scores, is_enough, rate_strangers, score_labels
from faceml.identity.prototypes import centroids
from faceml.identity.strangers import USUAL_FMR, OpenSetScores, StrangerRates, against_others, score_open_set
from faceml.library import Library
from faceml.options import AUTO, AssignOptions, check_one_way
from faceml.progress import Progress, silent, told
from faceml.services.recognise.matching import Matching, open_matcher
from faceml.services.recognise.spaces import RAW, Space, open_space
from faceml.storage.registry.records import CHAMPION

DEFAULT_FMR = USUAL_FMR
LEARNED_FROM = "read off labels that the projection may have learned from: strangers may pass more often than asked"
MOVED = 0.005  # of a threshold: more is worth telling
DOCUMENTED = 0.6  # the specification's, for raw vectors


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    threshold: float  # in the space, or a score of the matcher
    calibration: Calibration  # on the labels; of raw vectors where the threshold was carried over
    pack: str
    documented: float  # the specification's threshold, for raw vectors
    model_version: str  # the space it holds in, or the matcher
    note: str | None
    strangers: StrangerRates | None = None  # by who they are; None: not asked
    advice: str | None = None  # what to do where relatives come closer than other strangers


@told
def calibrate_library(
    library: Library, *, fmr: float = DEFAULT_FMR, model: str | int = CHAMPION, matcher: str | int = CHAMPION
) -> CalibrationReport:
    """The similarity at which at most the share `fmr` of strangers' faces is expected to get somebody's name.

    Only labels that a person gave take part, not what faceml assigned by itself. Of a projection the threshold is that
    of raw vectors, carried over at equal rates of false matches among people held out of its training. A matcher needs
    no second face of anybody.

    Args:
        model: the space it is for, see `open_space`; a threshold of one space says nothing in another.
        matcher: see `open_matcher`; a champion only counts where no other model is asked for.
    Raises:
        NotEnoughData: too few labels; the message names what is needed.
        WrongUse: a projection and a matcher are both asked for.
        NotFound, ModelMismatch, Unavailable: of the model or matcher.
    """
    check_one_way(model, matcher)
    is_other_model = str(model) != CHAMPION and str(matcher) == CHAMPION
    if (matching := None if is_other_model else open_matcher(library, matcher)) is not None:
        return _of_matcher(library, matching, fmr)
    space = open_space(library, model)
    labels = _read(library)
    found = _read_off(library, space, fmr, labels)
    vectors, owners = _measured(space).project(labels.vectors), labels.owners
    parts_of = partial(against_others, vectors, owners, exemplar_rows=labels.exemplars)
    photos, middles = _photos(library, labels.face_ids), centroids(vectors, owners)
    threshold = found.calibration.threshold
    rates = rate_strangers(found.scores, parts_of, owners, photos, middles, threshold=threshold)
    what_helps = advice(rates, found.calibration, is_plain=True)
    return replace(_in_space(library, space, fmr, labels), strangers=rates, advice=what_helps)


@dataclass(frozen=True, slots=True)
class ThresholdInUse:
    value: float
    model_version: str  # the space it holds in
    words: str  # where it is from, and which strangers pass it


def threshold_in_use(library: Library, *, fmr: float = DEFAULT_FMR) -> ThresholdInUse:
    """The threshold of the champion's space: calibrated; the documented one, carried over, where labels are too few.

    Raises:
        ModelMismatch, Unavailable: of the model.
    """
    try:
        found = calibrate_library(library, fmr=fmr, matcher="plain")
    except NotEnoughData as error:
        space = open_space(library)
        words = f"not calibrated, the documented threshold is used: {error}"
        return ThresholdInUse(space.threshold(DOCUMENTED), space.name, words)
    return ThresholdInUse(found.threshold, found.model_version, f"strangers' faces that get a name: {found.strangers}")


def _in_space(
    library: Library, space: Space, fmr: float = DEFAULT_FMR, labels: _Labels | None = None
) -> CalibrationReport:
    read_off = _read_off(library, space, fmr, labels)
    found, pack = read_off.calibration, read_off.pack
    threshold, note = found.threshold, space.note if space.is_raw else LEARNED_FROM
    if space.thresholds is not None:
        threshold = space.thresholds.of(found.threshold)
        note = f"as many strangers reach {threshold:.3f} here as reach {found.threshold:.3f} in raw embeddings"
    return CalibrationReport(threshold, found, pack, DOCUMENTED, space.name, note)


def _of_matcher(library: Library, matching: Matching, fmr: float) -> CalibrationReport:
    matcher, strangers = matching.matcher, matching.strangers(fmr)
    owners = matcher.person_rows
    found = calibrate_scores(strangers, owners, fmr=fmr)
    kept = matching.record.thresholds.get(fmr)
    threshold = kept.value if kept else found.threshold
    note = f"a score, not a cosine: {matching.threshold(DOCUMENTED).note}"
    if abs(threshold - found.threshold) > MOVED:
        note += f"; read off when it was fitted, now it would be {found.threshold:.3f}: `faceml faces fit-matcher`"
    photos, middles, parts_of = _photos(library, tuple(matching.labelled)), matcher.centroids, matcher.against_others
    rates = rate_strangers(strangers, parts_of, owners, photos, middles, threshold=threshold, is_once_a_photo=True)
    what_helps, pack = advice(rates, found, is_plain=False), matching.record.pack
    return CalibrationReport(threshold, found, pack, DOCUMENTED, matching.name, note, rates, what_helps)


@dataclass(frozen=True, slots=True, eq=False)
class _Labels:
    """The faces that people labelled, in order of person."""

    face_ids: tuple[UUID, ...]  # (L,)
    vectors: NDArray[np.float32]  # (L, D) raw
    owners: NDArray[np.intp]  # (L,) number of the person
    exemplars: NDArray[np.intp]  # rows of those that are exemplars
    pack: str
    version: int  # of the labels


def _read(library: Library) -> _Labels:
    with library.repository.read() as unit:
        version, pinned = unit.contract.labels_version(), unit.contract.pinned()
        faces, person_ids = unit.vectors.labelled_by_a_person()
        exemplars = set(unit.prototypes.all().face_ids)
    if pinned is None or not person_ids:
        raise NotEnoughData("nobody is labelled yet, so there is nothing to calibrate on: label some clusters first")
    people = {person_id: row for row, person_id in enumerate(sorted(set(person_ids)))}
    return _Labels(
        face_ids=faces.face_ids,
        vectors=faces.vectors,
        owners=np.array([people[person_id] for person_id in person_ids], np.intp),
        exemplars=np.array([row for row, id_ in enumerate(faces.face_ids) if id_ in exemplars], np.intp),
        pack=pinned.name,
        version=version,
    )


def _photos(library: Library, face_ids: Sequence[UUID]) -> list[int]:
    with library.repository.read() as unit:
        photo = unit.faces.photo_of(face_ids)
    return [photo[id_] for id_ in face_ids]


@dataclass(frozen=True, slots=True, eq=False)
class _ReadOff:
    """What the labels say at a rate, in the space where they are measured."""

    calibration: Calibration
    scores: OpenSetScores
    pack: str


def _measured(space: Space) -> Space:
    """Where labels are compared; one that learned from them and can carry a threshold over is no such place."""
    return Space(RAW) if space.thresholds else space


def _read_off(library: Library, space: Space, fmr: float, labels: _Labels | None = None) -> _ReadOff:
    """Kept for the next who asks, until anybody writes labels."""
    measured = _measured(space)
    with library.repository.read() as unit:
        version = labels.version if labels else unit.contract.labels_version()
    now = (id(library.repository), measured.name, measured.checksum, fmr, version)
    kept: _ReadOff = library.thresholds.of(now, lambda: _calibrate(labels or _read(library), measured, fmr))
    return kept


def _calibrate(labels: _Labels, space: Space, fmr: float) -> _ReadOff:
    vectors = space.project(labels.vectors)
    try:
        scores = score_labels(vectors, labels.owners, fmr=fmr, exemplar_rows=labels.exemplars)
        return _ReadOff(calibrate_scores(scores, labels.owners, fmr=fmr), scores, labels.pack)
    except NotEnoughData as error:
        if not is_enough(int(labels.owners.max()) + 1, len(labels.owners), fmr):
            raise
        raise NotEnoughData(
            f"{error}; or fit a matcher, which needs no second face of anybody (`faceml faces fit-matcher`)"
        ) from error


def threshold_note(library: Library, threshold: float | str, space: Space) -> str | None:
    """What to know of a threshold given as a number, where vectors are not the raw ones it was documented for."""
    if space.is_raw or threshold == AUTO:
        return None if space.is_raw or space.thresholds else f"the threshold of {space.name} was {LEARNED_FROM}"
    note = f"the threshold {threshold} was used as given, but cosines of {space.name} are not those of raw vectors"
    if space.thresholds is not None:
        note += f": {space.thresholds.of(float(threshold)):.3f} is as strict here as {threshold} there"
    with suppress(NotEnoughData):
        note += f"; auto would use {_in_space(library, space).threshold:.3f}"
    return note


def resolve_threshold(library: Library, threshold: float | str, space: Space) -> float:
    """The threshold as a number: as it was given, or, of "auto", calibrated in this space.

    Raises:
        WrongUse: it is neither "auto" nor a number in its range.
        NotEnoughData: "auto" without enough labels.
    """
    if threshold == AUTO:
        return _in_space(library, space).threshold
    return float(AssignOptions(threshold=threshold).threshold)


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdView:
    """What a threshold in one space lets in and leaves out, on the faces that people labelled."""

    space: str
    genuine: NDArray[np.float32]  # similarity to the own person's other faces
    impostor: NDArray[np.float32]  # similarity to the nearest other person
    threshold: float
    source: str  # of the threshold, in words


def view_thresholds(
    library: Library,
    models: Sequence[str | int] = (CHAMPION,),
    *,
    fmr: float = DEFAULT_FMR,
    on_progress: Progress = silent,
) -> tuple[ThresholdView, ...]:
    """The threshold of each space amid the scores it was read off; empty where fewer than two people are labelled.

    A projection that learned from these labels tells them apart better than faces of people it never saw. A model that
    does not exist is left out, and so is one that turns out to be the same space again.

    Raises:
        ModelMismatch, Unavailable: of a model.
    """
    try:
        labels = _read(library)
    except NotEnoughData:
        return ()
    if labels.owners.max() == 0:  # one person
        return ()
    views: dict[str, ThresholdView] = {}
    for number, model in enumerate(models):
        on_progress(number, len(models))
        with suppress(NotFound):
            space = open_space(library, model)
            if space.name not in views:
                views[space.name] = _view(library, space, labels, fmr)
    on_progress(len(models), len(models))
    return tuple(views.values())


def _view(library: Library, space: Space, labels: _Labels, fmr: float) -> ThresholdView:
    scores = score_open_set(space.project(labels.vectors), labels.owners)
    try:
        found = _in_space(library, space, fmr, labels)
        known = found.calibration
        note = f"; {found.note}" if found.note else ""
        threshold, source = found.threshold, f"calibrated on {known.faces} labels of {known.people} people{note}"
    except NotEnoughData:
        threshold, source = DOCUMENTED, "documented for raw embeddings; too few labels to calibrate one"
    has_mate = np.isfinite(scores.genuine)
    return ThresholdView(space.name, scores.genuine[has_mate], scores.impostor, threshold, source)

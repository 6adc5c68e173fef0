"""Fit a matcher on the library as it is grouped and labelled now, and register it as challenger."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData, Unavailable, WrongUse
from faceml.identity.cluster_labels import drop_loose
from faceml.identity.cohort import IN_NO_GROUP, choose_cohort
from faceml.identity.matcher import FLOOR_MARGIN, enrol
from faceml.identity.matcher_file import MatcherRecord, MatcherSettings, pack_ids
from faceml.identity.matcher_thresholds import carry_over, of_people, read_thresholds
from faceml.library import Library
from faceml.progress import told
from faceml.records import Embeddings, LibraryFaces, PackContract
from faceml.services.cluster.grouping import UNKNOWN, UNLABELLED, Note, group_faces, log, one_at_a_time
from faceml.services.learn.promote import MATCHER, count_tries, judge, promote
from faceml.services.operate.status import library_snapshot
from faceml.storage.registry.records import ModelCard, RegisteredModel
from faceml.training.whitening import library_head
from faceml.trial.comparison import RAW, Comparison, Verdict
from faceml.trial.gate import compare_ways
from faceml.trial.model_page import describe
from faceml.trial.recognition import STRANGER, Album, fitted, plain

CANDIDATE = "matcher"  # its name in a comparison
PURPOSE = "everybody"  # of the kept neighbour graph
LEAST_PEOPLE = 2
MEASURED = ("people", "labelled_faces", "library_faces", "groups", "cohort", "seconds")  # of the report, for the run
REFIT_SHARE, REFIT_LABELS = 0.1, 20  # labels that came or went since the newest matcher: the less of both is enough


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What a gate is asked: does a matcher pay on these labels?"""

    album: Album  # the library; people are numbers of those who are labelled, -1: nobody says who it is
    tries: int  # matchers registered on the same labels since the last promotion, this one included


Measure = Callable[[Question], Comparison | None]


@dataclass(frozen=True, slots=True)
class FitReport:
    version: int  # of `face-matcher`, now its challenger
    run_id: str
    people: int
    labelled_faces: int
    library_faces: int  # all that took part
    groups: int
    cohort: int  # faces that stand for everybody
    is_whitened: bool
    thresholds: Mapping[str, float]  # score by the share of strangers expected to pass, "0.01" and "0.001"
    notes: tuple[str, ...]  # what could not be told
    comparison: Comparison | None  # what the gate measured
    verdict: Verdict
    seconds: float
    status: str = "completed"


def by_the_gate(asked: Question) -> Comparison:
    """What the matcher and plain cosines are worth on photos held out, see `faceml.trial.gate`."""
    return compare_ways(asked.album, {RAW: plain, CANDIDATE: fitted}, tries=asked.tries)


@told
@one_at_a_time
def fit_library_matcher(library: Library, *, measure: Measure = by_the_gate, on_note: Note = log.info) -> FitReport:
    """Fit a matcher on all faces and on the labels that people gave; seconds.

    Nothing that answers changes: the new version is the challenger until `faceml models promote --kind matcher`.

    Args:
        measure: whether it pays; what it says goes with the version, and the gate reads it there.
        on_note: told what a large grouping will take.
    Raises:
        NotEnoughData: fewer than two people are labelled.
        WrongUse: more faces than the memory can hold.
        Unavailable: MLflow cannot be reached; at the start, before any work.
    """
    started = time.monotonic()
    snapshot = library_snapshot(library.repository)
    faces, contract = _read(library)
    settings = MatcherSettings(floor=min(contract.match_threshold + FLOOR_MARGIN, 1.0))
    with library.tracking.run("fit-matcher", parameters=asdict(settings), library=snapshot) as run:
        if run.id is None:
            raise WrongUse("a matcher is registered under its MLflow run, and this spool has no run: open one")
        album = _album(library, faces, contract, settings.floor, on_note)
        record, notes = _fit(library, faces, album, contract, settings)
        comparison = measure(Question(album, count_tries(library.matchers.state(), record.snapshot)))
        count = int((album.people != STRANGER).sum())
        registered = _register(library, record, comparison, faces=count, run_id=run.id)
        verdict = judge(library, registered.version, kind=MATCHER)
        library.matchers.describe(registered, describe(verdict, comparison))
        run.metrics(comparison.metrics() if comparison else {})
        run.tags(verdict.as_tags())
        report = FitReport(
            version=registered.version,
            run_id=run.id,
            people=len(record.person_ids),
            labelled_faces=count,
            library_faces=len(record.face_ids),
            groups=len(np.unique(record.groups[record.groups != IN_NO_GROUP])),
            cohort=len(record.cohort),
            is_whitened=record.head is not None,
            thresholds={f"{fmr:g}": found.value for fmr, found in record.thresholds.items()},
            notes=notes,
            comparison=comparison,
            verdict=verdict,
            seconds=time.monotonic() - started,
        )
        run.metrics({name: getattr(report, name) for name in MEASURED})
    return report


@dataclass(frozen=True, slots=True)
class RefitReport:
    fitted: FitReport | None  # None: it was not due, or could not be
    promoted: bool
    words: str  # what happened and why, in one line


def refit_matcher(
    library: Library, *, actor: str, always: bool = False, measure: Measure = by_the_gate, on_note: Note = log.info
) -> RefitReport:
    """Fit a matcher where labels changed enough since this library's newest one, and use it if the gate lets it in.

    A library that cannot have one yet keeps what it has, and so does a registry whose champion is another library's.

    Args:
        always: fit although the labels are much as they were.
        measure: as of `fit_library_matcher`, as is `on_note`.
    Raises:
        ModelUnavailable: a registered version's file is damaged.
    """
    try:
        if not always and (why := _not_due(library)):
            return RefitReport(None, False, why)
        fitted = fit_library_matcher(library, measure=measure, on_note=on_note)
    except (NotEnoughData, Unavailable, WrongUse) as error:
        return RefitReport(None, False, f"not fitted: {error}")
    said = " · ".join(fitted.verdict.reasons)
    if not fitted.verdict.promotes:
        return RefitReport(fitted, False, f"version {fitted.version} refused: {said}")
    champion = library.matchers.state().champion
    if champion is not None and not _knows(library, champion):
        command = f"faceml models promote {fitted.version} --kind matcher"
        why = f"{champion.space} is another library's champion: `{command}` replaces it"
        return RefitReport(fitted, False, f"version {fitted.version} let in, not promoted: {why}")
    promote(library, fitted.version, actor=actor, reason="the gate let it in", kind=MATCHER)
    return RefitReport(fitted, True, f"version {fitted.version} promoted: {said}")


def refit_if_due(library: Library, *, actor: str, on_note: Note = log.info) -> RefitReport | None:
    """`refit_matcher` after many labels or groups changed; None: no matcher is this library's, or it is not due."""
    try:
        if _newest(library) is None or _not_due(library):
            return None
    except Unavailable as error:
        log.warning("%s; matchers are left as they are", error)
        return None
    on_note("Labels changed enough since the newest matcher was fitted: fitting another")
    return refit_matcher(library, actor=actor, on_note=on_note)


def is_due(before: int, now: int) -> bool:
    """Whether labels changed enough to fit again: by a tenth, or by 20, whichever is less.

    >>> is_due(40, 43), is_due(40, 44), is_due(1000, 1019), is_due(1000, 980)
    (False, True, False, True)
    """
    return abs(now - before) >= max(1, min(REFIT_LABELS, math.ceil(REFIT_SHARE * before)))


def _not_due(library: Library) -> str | None:
    """Why not, in words; None: it is."""
    newest = _newest(library)
    if newest is None or newest.card is None:
        return None
    with library.repository.read() as unit:
        now = len(unit.vectors.labelled_by_a_person(active_only=True)[1])
    if is_due(newest.card.faces, now):
        return None
    return f"not due: {now} labelled faces, {newest.card.faces} when {newest.space} was fitted"


def _newest(library: Library) -> RegisteredModel | None:
    """The last matcher that was fitted on this library's vectors."""
    pinned = library.repository.pack()
    fitting = (model for model in reversed(library.matchers.state().versions) if not model.mismatch(pinned))
    return next((model for model in fitting if model.card is not None and _knows(library, model)), None)


def _knows(library: Library, model: RegisteredModel) -> bool:
    """Whether a version was fitted on this library: a registry may serve several."""
    with library.repository.read() as unit:
        faces, _ = unit.vectors.labelled_by_a_person()
    return bool((library.matchers.load(model).artefact.rows_of(faces.face_ids) >= 0).any())


def _read(library: Library) -> tuple[LibraryFaces, PackContract]:
    with library.repository.read() as unit:
        faces, contract = unit.vectors.everybody(), unit.contract.pinned()
    people = len(set(faces.labels) - {None})
    if contract is None or people < LEAST_PEOPLE:
        raise NotEnoughData(
            f"{people} people are labelled; a matcher tells two or more apart: label some clusters first"
        )
    return faces, contract


def _album(library: Library, faces: LibraryFaces, contract: PackContract, floor: float, on_note: Note) -> Album:
    """The library, grouped, with people by number: their place in `faces.people`."""
    number = {person_id: row for row, person_id in enumerate(faces.people)}
    groups = group_faces(
        library,
        Embeddings(faces.face_ids, faces.vectors),
        purpose=PURPOSE,
        min_cluster_size=3,
        min_samples=2,
        begun_by=(UNLABELLED, UNKNOWN),
        on_note=on_note,
    ).labels
    return Album(
        vectors=faces.vectors,
        people=np.array([number[label] if label else STRANGER for label in faces.labels], np.int64),
        photos=faces.photos,
        quality=faces.quality,
        match_threshold=contract.match_threshold,
        groups=groups,
        tight=drop_loose(faces.vectors, groups, min_cohesion=floor),
    )


def _fit(
    library: Library, faces: LibraryFaces, album: Album, contract: PackContract, settings: MatcherSettings
) -> tuple[MatcherRecord, tuple[str, ...]]:
    """The record, and what could not be told."""
    labelled, others = _labelled(album), np.flatnonzero(album.people == STRANGER)
    cohort = others[choose_cohort(album.groups[others], most=settings.most_in_cohort, seed=settings.seed)]
    matcher = enrol(
        album.vectors[labelled],
        album.people[labelled],
        album.groups[labelled],
        album.vectors[cohort],
        album.groups[cohort],
        floor=settings.floor,
        head=library_head(album.vectors, album.groups, seed=settings.seed),
    )
    strangers = matcher.as_strangers()
    thresholds, notes = read_thresholds(matcher, strangers)
    with library.repository.read() as unit:
        gallery = of_people(faces.people, unit.prototypes.all())
    record = MatcherRecord(
        pack=contract.name,
        fingerprint=contract.fingerprint,
        snapshot=faces.label_hash,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        settings=settings,
        face_ids=pack_ids(faces.face_ids),
        groups=album.groups.astype(np.int32),
        is_tight=album.tight != IN_NO_GROUP,
        cohort=cohort.astype(np.int32),
        person_ids=pack_ids(faces.people),
        person_nearness=matcher.person_nearness,
        head=matcher.head,
        thresholds=thresholds,
        carried=carry_over(matcher, album.vectors[labelled], gallery, highest=strangers.highest),
    )
    return record, notes


def _labelled(album: Album) -> NDArray[np.intp]:
    """(L,) rows of the labelled faces, in order of person, as a matcher has them."""
    rows = np.flatnonzero(album.people != STRANGER)
    return rows[np.argsort(album.people[rows], kind="stable")]


def _register(
    library: Library, record: MatcherRecord, comparison: Comparison | None, *, faces: int, run_id: str
) -> RegisteredModel:
    card = ModelCard(
        kind="whitened" if record.head else "not whitened",
        pack=record.pack,
        fingerprint=record.fingerprint,
        snapshot=record.snapshot,
        people=len(record.person_ids),
        faces=faces,
        candidate=CANDIDATE,
    )
    text = comparison.to_json() if comparison else None
    return library.matchers.register(record, card, comparison=text, run_id=run_id)

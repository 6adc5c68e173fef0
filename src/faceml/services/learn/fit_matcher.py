"""Fit a matcher on the library as it is grouped and labelled now, and register it as challenger."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData, WrongUse
from faceml.identity.calibration import OpenSetScores, calibrate_scores
from faceml.identity.cluster_labels import drop_loose
from faceml.identity.cohort import IN_NO_GROUP, choose_cohort
from faceml.identity.gallery import Gallery
from faceml.identity.matcher import FLOOR_MARGIN, Matcher, enrol
from faceml.identity.matcher_file import MatcherRecord, MatcherSettings, pack_ids
from faceml.identity.projection import Head
from faceml.identity.threshold_map import ThresholdMap, equal_rates
from faceml.library import Library
from faceml.metrics.identification import Estimate
from faceml.records import Embeddings, LibraryFaces, PackContract
from faceml.services.cluster.grouping import Note, group_faces, log, one_at_a_time
from faceml.services.learn.promote import MATCHER, comparison_metrics, count_tries, judge
from faceml.services.operate.status import library_snapshot
from faceml.storage.registry.records import ModelCard, RegisteredModel
from faceml.training.whitening import library_whitening
from faceml.trial.comparison import RAW, Comparison, Verdict
from faceml.trial.gate import compare_ways
from faceml.trial.recognition import STRANGER, WORTH_WHITENING, Album, fitted, plain

CANDIDATE = "matcher"  # its name in a comparison
PURPOSE = "everybody"  # of the kept neighbour graph
FMRS = (1e-2, 1e-3)
LEAST_PEOPLE = 2
MEASURED = ("people", "labelled_faces", "library_faces", "groups", "cohort", "seconds")  # of the report, for the run
MOST_WHITENED = 10_000  # faces whose scatter is looked at, drawn at random beyond: 512 numbers are told by fewer
MOST_COMPARED = 2_000_000  # comparisons by which thresholds are carried over, some of the faces beyond


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
        run.metrics(comparison_metrics(comparison))
        run.tags({"verdict": "promotes" if verdict.promotes else "refuses"})
        run.tags({"verdict.reasons": " · ".join(verdict.reasons)})
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
    """The library, grouped, with people by number: their place in `_people`."""
    number = {person_id: row for row, person_id in enumerate(_people(faces))}
    groups = group_faces(
        library,
        Embeddings(faces.face_ids, faces.vectors),
        purpose=PURPOSE,
        min_cluster_size=3,
        min_samples=2,
        on_note=on_note,
    )
    return Album(
        vectors=faces.vectors,
        people=np.array([number[label] if label else STRANGER for label in faces.labels], np.int64),
        photos=faces.photos,
        quality=faces.quality,
        match_threshold=contract.match_threshold,
        groups=groups,
        tight=drop_loose(faces.vectors, groups, min_cohesion=floor),
    )


def _people(faces: LibraryFaces) -> list[UUID]:
    return sorted({label for label in faces.labels if label})


def _fit(
    library: Library, faces: LibraryFaces, album: Album, contract: PackContract, settings: MatcherSettings
) -> tuple[MatcherRecord, tuple[str, ...]]:
    """The record, and what could not be told."""
    people = _people(faces)
    labelled, others = _labelled(album), np.flatnonzero(album.people == STRANGER)
    cohort = others[choose_cohort(album.groups[others], most=settings.most_in_cohort, seed=settings.seed)]
    matcher = enrol(
        album.vectors[labelled],
        album.people[labelled],
        album.groups[labelled],
        album.vectors[cohort],
        album.groups[cohort],
        floor=settings.floor,
        head=_whitening(album, settings.seed),
    )
    strangers = matcher.as_strangers()
    thresholds, notes = _thresholds(matcher, strangers)
    record = MatcherRecord(
        pack=contract.name,
        fingerprint=contract.fingerprint,
        snapshot=_snapshot(faces),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        settings=settings,
        face_ids=pack_ids(faces.face_ids),
        groups=album.groups.astype(np.int32),
        is_tight=album.tight != IN_NO_GROUP,
        cohort=cohort.astype(np.int32),
        person_ids=pack_ids(people),
        person_nearness=matcher.person_nearness,
        head=matcher.head,
        thresholds=thresholds,
        carried=_carried(library, album, people, matcher, strangers.highest),
    )
    return record, notes


def _labelled(album: Album) -> NDArray[np.intp]:
    """(L,) rows of the labelled faces, in order of person, as a matcher has them."""
    rows = np.flatnonzero(album.people != STRANGER)
    return rows[np.argsort(album.people[rows], kind="stable")]


def _snapshot(faces: LibraryFaces) -> str:
    """Hash of who is labelled as whom; what a machine assigned changes nothing."""
    digest = hashlib.sha256()
    for face_id, label in zip(faces.face_ids, faces.labels, strict=True):
        if label:
            digest.update(face_id.bytes + label.bytes)
    return digest.hexdigest()[:16]


def _whitening(album: Album, seed: int) -> Head | None:
    count = len(album.vectors)
    if count < WORTH_WHITENING:
        return None
    rows = np.sort(np.random.default_rng(seed).permutation(count)[:MOST_WHITENED])
    return library_whitening(album.vectors[rows], album.groups[rows], seed=seed)


def _thresholds(matcher: Matcher, strangers: OpenSetScores) -> tuple[dict[float, Estimate], tuple[str, ...]]:
    found, notes = {}, []
    for fmr in FMRS:
        try:
            read_off = calibrate_scores(strangers, matcher.person_rows, fmr=fmr)
            found[fmr] = Estimate(read_off.threshold, read_off.estimate.low, read_off.estimate.high)
        except NotEnoughData as error:
            notes.append(str(error))
    return found, tuple(notes)


def _carried(library: Library, album: Album, people: Sequence[UUID], matcher: Matcher, highest: float) -> ThresholdMap:
    """How cosines to prototypes carry over to scores, from comparisons of labelled faces with other people.

    Where these are too few to tell shares of strangers, a score lies below its cosine by what the nearness of a usual
    face and person takes off.
    """
    rows = np.random.default_rng(0).permutation(len(matcher.references))
    rows = np.sort(rows[: max(1, MOST_COMPARED // len(people))])
    faces = album.vectors[_labelled(album)[rows]]
    gallery = _prototypes(library, people)
    cosines, scores = [], []
    for part, found, _ in matcher.against_others(rows):
        plain = _nearest(faces[part], gallery, len(people))
        is_both = np.isfinite(found) & np.isfinite(plain)
        cosines.append(plain[is_both])
        scores.append(found[is_both])
    shift = 1 - highest
    shifted = ThresholdMap((-1.0, 1.0), (-1.0 - shift, 1.0 - shift), raw_scale=1.0, here_scale=1.0)
    return equal_rates(np.concatenate(cosines), np.concatenate(scores)) or shifted


def _prototypes(library: Library, people: Sequence[UUID]) -> Gallery:
    """Those of `people` that are enrolled, with their place there as row."""
    number = {person_id: row for row, person_id in enumerate(people)}
    with library.repository.read() as unit:
        found = unit.prototypes.all()
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

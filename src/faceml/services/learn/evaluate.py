"""Measure a library against labels that are known: the clusters, and the names people were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotFound
from faceml.identity.assignment import NOBODY
from faceml.identity.matcher import NEARNESS_WEIGHT
from faceml.library import Library
from faceml.metrics.agreement import Report, agreement
from faceml.names import folded
from faceml.options import AUTO
from faceml.path_text import composed
from faceml.progress import told
from faceml.records import AssignedBy, LibraryFaces
from faceml.services.learn.promote import MATCHER, PROJECTION, show_model, verdict_lines
from faceml.services.learn.search import options_in_use, read_stored
from faceml.services.recognise.calibrate import DEFAULT_FMR, DOCUMENTED, ThresholdView, view_thresholds
from faceml.services.recognise.gallery import Way
from faceml.services.recognise.matching import Matching, open_matcher
from faceml.storage.known_labels import (
    KnownFace,
    KnownLabel,
    Table,
    match_known_labels,
    read_known_labels,
    read_table,
)
from faceml.storage.registry.records import CHALLENGER, CHAMPION
from faceml.storage.sql.repository import Repository
from faceml.trial.comparison import RAW, WRONG, Comparison
from faceml.trial.model_page import describe
from faceml.trial.search import way_of
from faceml.trial.slices import Sliced, by_number, by_value, measure_slices, pseudo_groups


@dataclass(frozen=True, slots=True)
class Recognition:
    """Faces that faceml had to name by itself: labelled by no person."""

    faces: int
    right: int
    wrong: int  # another name, or a name for a stranger
    unknown: int  # left without a name although the person is in the library
    strangers: int  # whose person is not in the library
    strangers_named: int  # part of `wrong`

    @property
    def right_share(self) -> float:
        known = self.faces - self.strangers
        return self.right / known if known else float("nan")


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    labels: int
    faces_found: int  # labels whose face was detected
    clusters: Report | None  # by cluster alone; None where no labelled face was found
    people: Report | None  # by person, else by cluster: what a person sees
    recognition: Recognition
    again: Recognition | None = None  # what faces that no person named would be called now, where that was asked
    again_by: str | None = None  # which way names them: "raw", "face-projection/3", "face-matcher/2"


@told
def evaluate_labels(repository: Repository, labels: Path, *, photos: Path | None = None) -> EvaluationReport:
    """Compare clusters and names with a CSV of known labels (see `read_known_labels`).

    Args:
        photos: only labels of photos below this folder.
    Raises:
        FileNotReadable, NotEnoughData.
    """
    known_labels = _labels_below(labels, photos)
    with repository.read() as unit:
        known = match_known_labels(unit, known_labels)
        names = unit.people.names()
    return EvaluationReport(
        labels=len(known_labels),
        faces_found=len(known),
        clusters=_agreement(known, [item.face.cluster_id for item in known]),
        people=_agreement(known, [str(item.face.person_id or item.face.cluster_id or "") or None for item in known]),
        recognition=_recognition(known, names, {item.face.id: item.face.person_id for item in known}),
    )


def recognise_again(
    library: Library, labels: Path, way: Way, *, threshold: float | str, photos: Path | None = None
) -> Recognition:
    """What `evaluate_labels` would find had this way named all faces that no person labelled; nothing is changed.

    Raises:
        FileNotReadable: the file of labels.
        WrongUse, NotEnoughData: of the threshold, see `Way.threshold`.
    """
    least = way.threshold(threshold).value
    with library.repository.read() as unit:
        known, names = match_known_labels(unit, _labels_below(labels, photos)), unit.people.names()
        everybody = unit.vectors.everybody()
        rows = [row for row, label in enumerate(everybody.labels) if label is None]
        face_ids = [everybody.face_ids[row] for row in rows]
        people = way.read(unit, face_ids)
    found = people.match(everybody.vectors[rows], least).person_rows.tolist()
    given = {id_: people.people[row] for id_, row in zip(face_ids, found, strict=True) if row != NOBODY}
    return _recognition(known, names, given)


def _labels_below(labels: Path, photos: Path | None) -> list[KnownLabel]:
    folder = composed(photos.expanduser().resolve()) if photos else None
    return [
        label
        for label in read_known_labels(labels)
        if folder is None or Path(composed(label.path)).is_relative_to(folder)
    ]


def _agreement(known: Sequence[KnownFace], groups: Sequence[str | None]) -> Report | None:
    return agreement([item.person for item in known], groups) if known else None


def _recognition(
    known: Sequence[KnownFace], names: Mapping[UUID, str], given_to: Mapping[UUID, UUID | None]
) -> Recognition:
    enrolled = {folded(name) for name in names.values()}
    asked = [item for item in known if item.face.assigned_by is not AssignedBy.MANUAL]
    right = wrong = unknown = strangers = strangers_named = 0
    for item in asked:
        person_id = given_to.get(item.face.id)
        given = names.get(person_id) if person_id else None
        is_stranger = folded(item.person) not in enrolled
        strangers += is_stranger
        if given is None:
            unknown += not is_stranger
        elif folded(given) == folded(item.person):
            right += 1
        else:
            wrong += 1
            strangers_named += is_stranger
    return Recognition(len(asked), right, wrong, unknown, strangers, strangers_named)


FACE_COLUMNS, PERSON_COLUMNS = ("face_id",), ("person", "person_name")


def slice_library(library: Library, *, groups: Path | None = None) -> Sliced:
    """How parts of the library are served by the way its commands use now: by quality, year, likeness and own groups.

    Args:
        groups: CSV with `face_id`, or with `person`, and a column for each way to group these.
    Raises:
        NotEnoughData: fewer than ten people have two labelled faces.
        FileNotReadable: the CSV lacks these columns.
        WrongUse: one of them has more than 12 texts.
    """
    stored, faces, facts, names = read_stored(library)
    axes = {
        "quality": by_number(faces.quality),
        "year": by_number(np.where(facts.years > 0, facts.years, np.nan), digits=0),
        "likeness": pseudo_groups(stored.album),
        **(_own_groups(read_table(groups), faces, names) if groups else {}),
    }
    stored = stored.of(np.arange(len(faces.face_ids)))  # grouped, as a matcher wants it
    way = way_of(stored, {**options_in_use(library), "assign.threshold": AUTO, "detect.min_confidence": 0.0})
    return measure_slices(stored.album, way, axes)


def write_page(library: Library, sliced: Sliced) -> str | None:
    """Put the slices on the page of the version in use; its name, or None where plain cosines of raw vectors are."""
    for kind, registry in ((MATCHER, library.matchers), (PROJECTION, library.registry)):
        name = "matcher" if kind == MATCHER else "model"
        champion = registry.state().champion if options_in_use(library)[f"assign.{name}"] == CHAMPION else None
        if champion is not None:
            sheet = show_model(library, champion.version, kind=kind)
            registry.describe(champion, describe(sheet.verdict, sheet.comparison, sliced))
            return champion.space
    return None


def _own_groups(table: Table, faces: LibraryFaces, names: Mapping[UUID, str]) -> dict[str, list[str]]:
    """Each other column as an axis; a cell left empty is in no slice."""
    by_face, by_person = table.first_of(*FACE_COLUMNS), table.first_of(*PERSON_COLUMNS)
    key = by_face or by_person
    columns = [name for name in table.columns if name not in (key, *PERSON_COLUMNS)]
    if key is None or not columns:
        raise table.lacking("face_id or person, and a column for each way to group these")
    of = {row[key] if by_face else folded(row[key]): row for _, row in table.rows}
    if by_face:
        keys = [str(face_id) for face_id in faces.face_ids]
    else:
        keys = [folded(names.get(label, "")) if label else "" for label in faces.labels]
    return {name: by_value(name, [of.get(k, {}).get(name, "") for k in keys]) for name in columns}


SHORT_ID = 8


@dataclass(frozen=True, slots=True, eq=False)
class MatcherView:
    """What a matcher learnt from this library and its labels."""

    lines: tuple[str, ...]  # what it is worth on photos held out, and what the gate says
    people: tuple[dict[str, Any], ...]  # one row a person, nearest to everybody first
    views: tuple[ThresholdView, ...]  # plain cosines, then its scores

    @property
    def scores(self) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32], float]]:
        """By way: labelled faces against their own person, against the nearest other one, and the threshold."""
        return {
            view.space.replace(RAW, "plain cosines"): (view.genuine, view.impostor, view.threshold)
            for view in self.views
        }

    @property
    def nearness(self) -> dict[str, float]:
        """How near each person is to everybody, nearest first."""
        return {row["person"]: row["nearness"] for row in self.people}


def view_matcher(
    library: Library, selector: str | int = CHALLENGER, *, fmr: float = DEFAULT_FMR, with_names: bool = False
) -> MatcherView | None:
    """What there is to see of a version; of the champion where there is no such challenger.

    Args:
        fmr: share of strangers' faces that may pass the thresholds shown.
        with_names: people by name; else by the first letters of their id.
    Returns:
        None where no matcher is registered, or none that was fitted on this library.
    """
    for chosen in (selector, CHAMPION):
        with suppress(NotFound):
            matching = open_matcher(library, chosen)
            if matching is not None:
                break
    else:
        return None
    sheet = show_model(library, matching.name.rpartition("/")[2], kind=MATCHER)
    worth = _worth(sheet.comparison, str(sheet.model.card.candidate)) if sheet.model.card and sheet.comparison else ()
    plain = view_thresholds(library, [RAW], fmr=fmr)
    return MatcherView(
        lines=(*worth, *verdict_lines(replace(sheet, comparison=None)), *sheet.facts),
        people=_people_by_nearness(library, matching, with_names),
        views=(*plain, _scores(matching, fmr)) if plain else (),
    )


def _worth(comparison: Comparison, candidate: str) -> tuple[str, ...]:
    gain = comparison.gain(candidate, RAW, WRONG)
    if gain is None:
        return ()
    before, after = (comparison.measured[name][WRONG].value for name in (RAW, candidate))
    return (
        f"On this library's own photos, held out, {before:.1%} of decisions are wrong by plain cosines and {after:.1%} "
        f"with the matcher: a gain of {100 * gain.value:+.1f} points, interval {100 * gain.low:+.1f} to "
        f"{100 * gain.high:+.1f}",
    )


def _people_by_nearness(library: Library, matching: Matching, with_names: bool) -> tuple[dict[str, Any], ...]:
    with library.repository.read() as unit:
        names = unit.people.names(matching.people)
    near, labelled = matching.matcher.person_nearness, np.bincount(matching.matcher.person_rows).tolist()
    return tuple(
        {
            "person": names[person_id] if with_names else str(person_id)[:SHORT_ID],
            "labelled": labelled[row],
            "nearness": float(near[row]),
            "takes_off": float(near[row]) * NEARNESS_WEIGHT,
        }
        for row, person_id in sorted(enumerate(matching.people), key=lambda item: -near[item[0]])
    )


def _scores(matching: Matching, fmr: float) -> ThresholdView:
    strangers, found = matching.strangers(fmr), matching.record.thresholds
    if fmr in found:
        threshold, source = found[fmr].value, "read off the labels"
    else:
        threshold, source = (
            matching.record.carried.of(DOCUMENTED),
            f"as many strangers reach it as {DOCUMENTED} plainly",
        )
    own = strangers.genuine
    return ThresholdView(matching.name, own[np.isfinite(own)], strangers.impostor, threshold, source)

"""Measure a library against labels that are known: the clusters, and the names people were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from faceml.identity.assignment import NOBODY
from faceml.library import Library
from faceml.metrics.agreement import Report, agreement
from faceml.records import AssignedBy
from faceml.services.photos.known_labels import KnownFace, KnownLabel, match_known_labels, read_known_labels
from faceml.services.recognise.gallery import open_way
from faceml.storage.sql.people import fold_name
from faceml.storage.sql.repository import Repository


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
    library: Library, labels: Path, *, matcher: str | int, threshold: float | str, photos: Path | None = None
) -> Recognition:
    """What `evaluate_labels` would find had a matcher named all faces that no person labelled; nothing is changed.

    Raises:
        FileNotReadable, and as `open_way` and `Matching.threshold` do.
    """
    way = open_way(library, matcher=matcher)
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
    folder = photos.expanduser().resolve() if photos else None
    return [label for label in read_known_labels(labels) if folder is None or label.path.is_relative_to(folder)]


def _agreement(known: Sequence[KnownFace], groups: Sequence[str | None]) -> Report | None:
    return agreement([item.person for item in known], groups) if known else None


def _recognition(
    known: Sequence[KnownFace], names: Mapping[UUID, str], given_to: Mapping[UUID, UUID | None]
) -> Recognition:
    enrolled = {fold_name(name) for name in names.values()}
    asked = [item for item in known if item.face.assigned_by is not AssignedBy.MANUAL]
    right = wrong = unknown = strangers = strangers_named = 0
    for item in asked:
        person_id = given_to.get(item.face.id)
        given = names.get(person_id) if person_id else None
        is_stranger = fold_name(item.person) not in enrolled
        strangers += is_stranger
        if given is None:
            unknown += not is_stranger
        elif fold_name(given) == fold_name(item.person):
            right += 1
        else:
            wrong += 1
            strangers_named += is_stranger
    return Recognition(len(asked), right, wrong, unknown, strangers, strangers_named)

"""Measure a library against labels that are known: the clusters, and the names people were given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from faceml.metrics.agreement import Report, agreement
from faceml.records import AssignedBy
from faceml.services.photos.known_labels import KnownFace, match_known_labels, read_known_labels
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
    known_labels = [
        label
        for label in read_known_labels(labels)
        if photos is None or label.path.is_relative_to(photos.expanduser().resolve())
    ]
    with repository.read() as unit:
        known = match_known_labels(unit, known_labels)
        names = unit.people.names()
    return EvaluationReport(
        labels=len(known_labels),
        faces_found=len(known),
        clusters=_agreement(known, [item.face.cluster_id for item in known]),
        people=_agreement(known, [str(item.face.person_id or item.face.cluster_id or "") or None for item in known]),
        recognition=_recognition(known, names),
    )


def _agreement(known: Sequence[KnownFace], groups: Sequence[str | None]) -> Report | None:
    return agreement([item.person for item in known], groups) if known else None


def _recognition(known: Sequence[KnownFace], names: dict[UUID, str]) -> Recognition:
    enrolled = {fold_name(name) for name in names.values()}
    asked = [item for item in known if item.face.assigned_by is not AssignedBy.MANUAL]
    right = wrong = unknown = strangers = strangers_named = 0
    for item in asked:
        given = names.get(item.face.person_id) if item.face.person_id else None
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

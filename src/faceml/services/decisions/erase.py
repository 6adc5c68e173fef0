"""Forget a person for good: the one decision that cannot be taken back (docs/decisions/0012-erasing-a-person.md)."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from faceml.decisions.decision import Erase
from faceml.errors import Conflict, Unavailable
from faceml.library import Library
from faceml.records import Face, PersonStatus
from faceml.services.decisions.decide import counted_as, deciding
from faceml.services.index.drain import drain_outbox
from faceml.storage.cache_files import ThumbnailFiles
from faceml.storage.sql.repository import UnitOfWork

log = logging.getLogger(__name__)
DERIVED_CACHES = ("spaces", "graphs", "thumbnails")  # below the cache folder, made again when needed


@dataclass(frozen=True, slots=True)
class EraseReport:
    person_id: UUID
    people_erased: int  # the person, and all who were merged into them
    faces_erased: int  # with vector, crop and history; the photos stay
    embeddings_erased: int
    prototypes_erased: int
    events_redacted: int  # decisions that named them
    index_backlog: int = 0  # points that wait for the index, the erased ones among them


@dataclass(frozen=True, slots=True)
class _Traces:
    """All that is known of a person."""

    people: Sequence[UUID]
    faces: Sequence[Face]
    events: Sequence[int]
    report: EraseReport


def erase_person(library: Library, person_id: UUID, *, is_confirmed: bool, actor: str) -> EraseReport:
    """Erase a person: faces, vectors, prototypes, points of the index, and their name wherever decisions hold it.

    Who was merged into them is erased too. Where their faces are on the photos stays known as bare boxes, so that
    detection does not take them in again. What lies outside the library is not reached: photos, executed notebooks,
    exports, backups, and models trained on their faces.

    Raises:
        NotFound: the person is not in the library.
        Conflict: they are merged into another, or it is not confirmed: then nothing is erased, and the message says
            what would be.
    """
    with deciding(library) as unit:
        found = _traces(unit, person_id)
        if not is_confirmed:
            raise Conflict(_warning(found.report))
        face_ids = [face.id for face in found.faces]
        unit.erasure.keep_blank([(face.asset_id, face.bbox) for face in found.faces])
        unit.outbox.push(face_ids)
        unit.outbox.push(unit.prototypes.remove_centroids(found.people))
        unit.faces.remove(face_ids)
        unit.erasure.redact(found.events)
        unit.erasure.remove_people(found.people)
        unit.events.append(Erase(len(face_ids), person_id=person_id), actor=actor)
    ThumbnailFiles(library.settings.cache_folder).forget(face_ids)
    _forget_derived(library)
    return replace(found.report, index_backlog=drain_outbox(library).backlog)


def _traces(unit: UnitOfWork, person_id: UUID) -> _Traces:
    person = unit.people.get(person_id)
    if person.status is PersonStatus.MERGED:
        raise Conflict(f"person {person_id} is merged into another: erase {unit.people.survivor(person_id).id} instead")
    people = sorted(counted_as(unit, person_id))
    faces = [face for id_ in people for face in unit.faces.of_person(id_)]
    events = unit.erasure.events_about(people)
    report = EraseReport(
        person_id=person_id,
        people_erased=len(people),
        faces_erased=len(faces),
        embeddings_erased=unit.erasure.count_embeddings([face.id for face in faces]),
        prototypes_erased=unit.erasure.count_prototypes(people),
        events_redacted=len(events),
    )
    return _Traces(people, faces, events, report)


def _warning(report: EraseReport) -> str:
    return (
        f"erasing person {report.person_id} takes {report.faces_erased} faces, {report.embeddings_erased} vectors, "
        f"{report.prototypes_erased} prototypes and the content of {report.events_redacted} decisions, for good: "
        "confirm it (--yes, or confirm=true)"
    )


def _forget_derived(library: Library) -> None:
    """Deleted rows and points linger in files until these are written anew, and caches hold copies of vectors."""
    for name in DERIVED_CACHES:
        shutil.rmtree(library.settings.cache_folder / name, ignore_errors=True)
    try:
        library.repository.compact()
        if not library.settings.qdrant_url:
            _renew_index(library)
    except Unavailable as error:  # the person is erased; only what the files still held of them may linger
        log.warning("%s; erased, but deleted rows and points stay in the files until they are written over", error)


def _renew_index(library: Library) -> None:
    from faceml.storage.index.edge_index import forget_edge

    with library.repository.begin() as unit:
        unit.erasure.renew_index()
    forget_edge(library.settings.index_folder)

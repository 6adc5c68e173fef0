"""Forget a person for good: the one decision that cannot be taken back (docs/decisions/0012-erasing-a-person.md)."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass, replace
from uuid import UUID

from faceml.decisions.decision import Erase
from faceml.errors import Conflict, Unavailable
from faceml.library import Library
from faceml.services.decisions.decide import counted_as, deciding, refuse_merged
from faceml.services.index.drain import drain_outbox

log = logging.getLogger(__name__)
CACHES = ("graphs", "thumbnails")  # made again when needed


@dataclass(frozen=True, slots=True)
class EraseReport:
    person_id: UUID
    people_erased: int  # the person, and all who were merged into them
    faces_erased: int  # with vector, crop and history; the photos stay
    embeddings_erased: int
    prototypes_erased: int
    events_redacted: int  # decisions that named them
    index_backlog: int = 0  # points that wait for the index, the erased ones among them


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
        refuse_merged(unit, unit.people.get(person_id), "erase")
        people = sorted(counted_as(unit, person_id))
        faces = [face for id_ in people for face in unit.faces.of_person(id_)]
        face_ids = [face.id for face in faces]
        events = unit.erasure.events_about(people)
        report = EraseReport(
            person_id=person_id,
            people_erased=len(people),
            faces_erased=len(faces),
            embeddings_erased=len(unit.vectors.of(face_ids).face_ids),
            prototypes_erased=sum(unit.people.summary(id_).prototype_count for id_ in people),
            events_redacted=len(events),
        )
        if not is_confirmed:
            raise Conflict(_warning(report))
        unit.erasure.keep_blank([(face.asset_id, face.bbox) for face in faces])
        unit.outbox.push(face_ids)
        unit.outbox.push(unit.prototypes.remove_centroids(people))
        unit.faces.remove(face_ids)
        unit.erasure.redact(events)
        for id_ in people:
            unit.people.remove(id_)
        unit.events.append(Erase(len(face_ids), person_id=person_id), actor=actor)
    _forget_derived(library)
    return replace(report, index_backlog=drain_outbox(library).backlog)


def _warning(report: EraseReport) -> str:
    return (
        f"erasing person {report.person_id} takes {report.faces_erased} faces, {report.embeddings_erased} vectors, "
        f"{report.prototypes_erased} prototypes and the content of {report.events_redacted} decisions, for good: "
        "confirm it (--yes, or confirm=true)"
    )


def _forget_derived(library: Library) -> None:
    """Deleted rows and points linger in files until these are written anew, and caches hold copies of vectors."""
    for name in CACHES:
        shutil.rmtree(library.settings.cache_folder / name, ignore_errors=True)
    try:
        library.repository.compact()
        if not library.settings.qdrant_url:
            from faceml.storage.index.edge_index import forget_edge

            with library.repository.begin() as unit:
                unit.outbox.push_all()
            forget_edge(library.settings.index_folder)
    except Unavailable as error:  # the person is erased; only what the files still held of them may linger
        log.warning("%s; erased, but deleted rows and points stay in the files until they are written over", error)

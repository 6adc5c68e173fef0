"""Forget a person for good: the one decision that cannot be taken back (docs/decisions/0012-erasing-a-person.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from faceml.decisions.decision import Erase
from faceml.errors import Conflict, NotFound
from faceml.library import Library
from faceml.services.decisions.decide import (
    as_uuid,
    counted_as,
    deciding,
    find_person,
    refresh_centroids,
    refuse_merged,
)
from faceml.services.index.drain import drain_outbox
from faceml.storage.forgetting import complete_erasures, open_erasures
from faceml.storage.sql.repository import UnitOfWork

COMPLETED = "; what an erasure before had left in files is being cleaned up"
PATIENCE_S = 5.0  # for others that read the database or hold the index: after that it is a later command's work


@dataclass(frozen=True, slots=True)
class EraseReport:
    person_id: UUID
    people_erased: int  # the person, and all who were merged into them
    faces_erased: int  # with vector, crop and history; the photos stay
    embeddings_erased: int
    prototypes_erased: int
    events_redacted: int  # decisions that named them
    index_backlog: int = 0  # points that wait for the index, the erased ones among them
    not_gone_yet: tuple[str, ...] = ()  # where copies may be left, and why; every later command tries again


def erase_person(library: Library, name_or_id: str | UUID, *, is_confirmed: bool, actor: str) -> EraseReport:
    """Erase a person: faces, vectors, prototypes, points of the index, and their name wherever decisions hold it.

    Who was merged into them is erased too; so is a name that the log alone still holds, its label being undone. Where
    their faces are on the photos stays known as bare boxes, so that detection does not take them in again. What lies
    outside the library is not reached: photos, executed notebooks, exports, backups, models trained on their faces.

    Once it is committed it is completed, here or, where this process is killed or others hold the files, by whatever
    writes to the library or drains its outbox next, on each machine in that one's own folder.

    Raises:
        NotFound: the person is not in the library.
        Conflict: they are merged into another, or it is not confirmed: then nothing is erased, and the message says
            what would be.
    """
    were_open = open_erasures(library.settings, library.repository)
    with deciding(library) as unit:
        try:
            person_id, people = _whom(unit, as_uuid(name_or_id) or str(name_or_id))
        except NotFound as error:
            raise NotFound(f"{error}{COMPLETED if were_open else ''}") from error
        faces = [face for id_ in people for face in unit.faces.of_person(id_, with_missing=True)]
        face_ids = [face.id for face in faces]
        unit.assets.lock(sorted({face.asset_id for face in faces}))  # detection looks at no photo of theirs meanwhile
        mentions = unit.erasure.mentions(people, face_ids)
        there = unit.people.existing(people)
        report = EraseReport(
            person_id=person_id,
            people_erased=len(people),
            faces_erased=len(faces),
            embeddings_erased=len(unit.vectors.of(face_ids).face_ids),
            prototypes_erased=sum(unit.people.summary(id_).prototype_count for id_ in there),
            events_redacted=len(mentions),
        )
        if not is_confirmed:
            raise Conflict(_warning(report))
        unit.erasure.keep_blank([(face.asset_id, face.bbox) for face in faces])
        unit.outbox.push(face_ids)
        unit.outbox.push(unit.prototypes.remove_centroids(people))
        unit.faces.remove(face_ids)
        unit.erasure.redact(mentions)
        for id_ in people:
            unit.people.remove(id_)
        # A machine may have had one of the faces under somebody else, whose centroid is then partly, or all, theirs.
        refresh_centroids(unit, sorted(unit.prototypes.people_with_centroid()))
        unit.events.append(Erase(len(face_ids), person_id=person_id), actor=actor)
    left = complete_erasures(library.settings, library.repository, wait_s=PATIENCE_S)
    drained = drain_outbox(library)
    waits = (f"the index waits: {drained.reason}",) if drained.reason else ()
    return replace(report, index_backlog=drained.backlog, not_gone_yet=(*left, *waits))


def _whom(unit: UnitOfWork, name_or_id: str | UUID) -> tuple[UUID, list[UUID]]:
    """The person, and with them all who are erased. Raises NotFound, Conflict."""
    try:
        person = unit.people.get(name_or_id) if isinstance(name_or_id, UUID) else find_person(unit, name_or_id)
    except NotFound:
        if gone := sorted(unit.erasure.gone(name_or_id)):
            return gone[0], gone
        raise
    refuse_merged(unit, person, "erase")
    return person.id, sorted(counted_as(unit, person.id))


def _warning(report: EraseReport) -> str:
    return (
        f"erasing person {report.person_id} takes {report.faces_erased} faces, {report.embeddings_erased} vectors, "
        f"{report.prototypes_erased} prototypes and the content of {report.events_redacted} decisions, for good: "
        "confirm it (--yes, or confirm=true)"
    )

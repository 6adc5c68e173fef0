"""Put a name to faces (specification, `POST /clusters/{cluster_id}/label`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from faceml.errors import Conflict, NotFound
from faceml.records import AssignedBy, Face, Person
from faceml.services.decide import best_exemplars, counted_as, decide, deciding
from faceml.services.replay import Word
from faceml.storage.repository import UnitOfWork
from faceml.wiring import Library


@dataclass(frozen=True, slots=True)
class LabelReport:
    person_id: UUID
    person_name: str
    faces_labeled: int
    prototypes_created: int
    event_id: int


def label_cluster(
    library: Library, cluster_id: str, name: str, *, face_ids: Collection[UUID] | None = None, actor: str
) -> LabelReport:
    """Say who a cluster is: all its faces go under the person, who is created where the name is new.

    A face that someone said is *not* this person is left out. The name of a merged person means whom they became; a
    hidden person stays hidden.

    Args:
        face_ids: only these of its faces; those that somebody decided about meanwhile are passed by.
    Raises:
        NotFound: no face is in such a cluster.
        Conflict: none of `face_ids` is open any more.
        WrongUse: the name is empty or too long.
    """
    with deciding(library) as unit:
        faces = unit.faces.in_cluster(cluster_id)
        if not faces:
            raise NotFound(f"cluster {cluster_id!r} has no faces: `faceml faces clusters` lists the ones there are")
        if face_ids is not None:
            faces = _still_open(unit, cluster_id, faces, face_ids)
        person = unit.people.named(name) or unit.people.add(name)
        return label_faces(unit, person, faces, kind="label", actor=actor, details={"cluster_id": cluster_id})


def _still_open(unit: UnitOfWork, cluster_id: str, faces: Sequence[Face], wanted: Collection[UUID]) -> list[Face]:
    chosen = [face for face in faces if face.id in wanted and face.assigned_by is not AssignedBy.MANUAL]
    if not chosen:
        names = unit.people.names(sorted({face.person_id for face in faces if face.person_id}))
        who = ", ".join(sorted(names.values())) or "somebody else"
        raise Conflict(f"these faces of {cluster_id} were decided meanwhile ({who}): look again, nothing was changed")
    return chosen


def label_faces(
    unit: UnitOfWork, person: Person, faces: Sequence[Face], *, kind: str, actor: str, details: dict[str, str]
) -> LabelReport:
    """Put faces under a person by a person's word; the best three become exemplars."""
    unit.events.lock()
    ids = [face.id for face in faces]
    ruled_out = {face_id for face_id, person_id in unit.faces.rejections(ids) if person_id == person.id}
    chosen = [face_id for face_id in ids if face_id not in ruled_out]
    exemplars = best_exemplars(unit, chosen)
    created = exemplars - unit.prototypes.exemplar_faces([person.id])[person.id]
    word = Word(kind, person.id, counted_as(unit, person.id), exemplars)
    event_id = decide(unit, word, chosen, actor=actor, details=details)
    return LabelReport(person.id, person.name, len(chosen), len(created), event_id)

"""Put a name to faces (specification, `POST /clusters/{cluster_id}/label`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from faceml.errors import NotFound
from faceml.records import Face, Person
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


def label_cluster(library: Library, cluster_id: str, name: str, *, actor: str) -> LabelReport:
    """Say who a cluster is: all its faces go under the person, who is created where the name is new.

    A face that someone said is *not* this person is left out. The name of a merged person means whom they became; a
    hidden person stays hidden.

    Raises:
        NotFound: no face is in such a cluster.
        WrongUse: the name is empty or too long.
    """
    with deciding(library) as unit:
        faces = unit.faces.in_cluster(cluster_id)
        if not faces:
            raise NotFound(f"cluster {cluster_id!r} has no faces: `faceml faces clusters` lists the ones there are")
        person = unit.people.named(name) or unit.people.add(name)
        return label_faces(unit, person, faces, kind="label", actor=actor, details={"cluster_id": cluster_id})


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

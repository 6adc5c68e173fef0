"""Write a person's decision down and carry it out, in one transaction (DESIGN D4)."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from heapq import nlargest
from uuid import UUID

from faceml.decisions.about_faces import Draw, Naming
from faceml.decisions.about_people import StatusChange
from faceml.decisions.decision import Decision
from faceml.decisions.log import Effects
from faceml.decisions.replay import Undos, follow_merges, replay, survivor, void
from faceml.decisions.states import FREE, Change, FaceState, Labelling
from faceml.errors import Conflict, NotFound, WrongUse
from faceml.library import Library
from faceml.names import fold_name
from faceml.records import AssignedBy, Embeddings, Face, Person, PersonStatus
from faceml.services.index.drain import update_index
from faceml.storage.sql.events import Entry
from faceml.storage.sql.repository import UnitOfWork

NOBODY = UUID(int=0)
EXEMPLARS = 3  # a person has by labelling (specification, `POST /clusters/{cluster_id}/label`)
LOOKED_AT = 1_000  # faces among which exemplars are chosen


@dataclass(frozen=True, slots=True)
class Written:
    changes: tuple[Change, ...]  # faces that are different now
    effects: Effects


@contextmanager
def deciding(library: Library) -> Iterator[UnitOfWork]:
    """One decision's transaction, alone among those that write labels; the index follows once it is committed."""
    with _collecting_later(), library.repository.begin() as unit:
        unit.events.lock()
        yield unit
    update_index(library)


@contextmanager
def _collecting_later() -> Iterator[None]:
    """What a decision about thousands of faces makes lives until its end: looking for garbage among it again and again
    took a sixth of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def decide(
    unit: UnitOfWork,
    decision: Decision,
    face_ids: Sequence[UUID],
    *,
    actor: str,
    parts: Mapping[UUID, str | None] | None = None,
    becoming: Mapping[UUID, FaceState] | None = None,
) -> int:
    """Carry out what a person says about faces, log each face's before and after, and refresh what follows from it.

    The caller holds the lock of `deciding`.

    Args:
        parts: the part that a split puts each face in.
        becoming: what a decision that does not say it itself makes of each face.
    Returns:
        The event's id, by which it can be taken back.
    """
    return decide_all(unit, [(decision, face_ids)], actor=actor, parts=parts, becoming=becoming)[0]


def decide_all(
    unit: UnitOfWork,
    decisions: Sequence[tuple[Decision, Sequence[UUID]]],
    *,
    actor: str,
    parts: Mapping[UUID, str | None] | None = None,
    becoming: Mapping[UUID, FaceState] | None = None,
) -> list[int]:
    """Several decisions as `decide` carries out each, in as many questions to the database as for one.

    Args:
        decisions: with the faces of each; no face and no person is in two of them.
    """
    before = labellings(unit, [id_ for _, face_ids in decisions for id_ in face_ids])
    about = [(decision, [id_ for id_ in dict.fromkeys(face_ids) if id_ in before]) for decision, face_ids in decisions]
    logged = {id_: replace(old.state, cluster_id=(parts or {}).get(id_)) for id_, old in before.items()}
    logged |= becoming or {}
    after = {
        id_: decision.of_face(id_, before[id_], logged[id_]).at_home for decision, face_ids in about for id_ in face_ids
    }
    created = _introductions(unit, [decision for decision, _ in decisions])
    lost = set(write_labellings(unit, before, after).effects.centroids_lost)
    entries = []
    for decision, face_ids in reversed(about):  # who is left without faces is so since the last that took some
        without = tuple(sorted(lost & {id_ for face in face_ids if (id_ := before[face].state.person_id)}))
        lost -= set(without)
        # Faces that stay as they are have been spoken of too: it counts when an earlier decision is taken back.
        changes = [Change(id_, before[id_].state, after[id_].state) for id_ in face_ids]
        entries.append(Entry(decision, changes, Effects(created.get(decision.person_id or NOBODY), without)))
    return unit.events.append_all(entries[::-1], actor=actor)


def settle(unit: UnitOfWork, face_ids: Sequence[UUID], undos: Undos, *, gone: Collection[UUID] = ()) -> Written:
    """Give faces what the decisions that stand say about them, all merges followed.

    Args:
        gone: people about to be removed.
    """
    before = labellings(unit, face_ids)
    histories = unit.events.histories(list(before))
    merged, people = unit.people.merged(), set(unit.people.names()) - set(gone)
    is_void = partial(void, merged=merged, people=people)
    said = {id_: replay(id_, histories.get(id_, ()), now, undos.stands, is_void) for id_, now in before.items()}
    after = {id_: follow_merges(said[id_], merged, people, now.state).at_home for id_, now in before.items()}
    return write_labellings(unit, before, after | _freed(unit, after))


def _freed(unit: UnitOfWork, after: Mapping[UUID, Labelling]) -> dict[UUID, Labelling]:
    """Without names that a machine gave to faces on photos from before somebody's birth, or long after their death."""
    automatic = ((id_, one.state) for id_, one in after.items() if one.state.assigned_by is AssignedBy.PROTOTYPE)
    named = [(id_, state.person_id) for id_, state in automatic if state.person_id is not None]
    return {id_: Labelling(FREE, False, after[id_].ruled_out) for id_, _ in unit.lives.impossible(named)}


def labellings(unit: UnitOfWork, face_ids: Sequence[UUID]) -> dict[UUID, Labelling]:
    """How these faces are labelled now; those that do not exist are left out."""
    states = unit.faces.states(list(dict.fromkeys(face_ids)))
    exemplars = unit.prototypes.exemplar_people(list(states))
    ruled_out = unit.people.ruled_out(list(states))
    nobody: frozenset[UUID] = frozenset()
    return {
        id_: Labelling(state, id_ in exemplars and exemplars[id_] == state.person_id, ruled_out.get(id_, nobody))
        for id_, state in states.items()
    }


def write_labellings(unit: UnitOfWork, before: Mapping[UUID, Labelling], after: Mapping[UUID, Labelling]) -> Written:
    """Bring states, exemplars, rejections, centroids and outbox from one labelling of faces to another."""
    different = [id_ for id_ in after if after[id_] != before[id_]]
    was = {id_: before[id_].state for id_ in different}
    unit.faces.set_decided([(id_, after[id_].state) for id_ in different if after[id_].state != was[id_]], was)
    unit.people.allow([(id_, person) for id_ in different for person in before[id_].ruled_out - after[id_].ruled_out])
    ruled_out = [(id_, person) for id_ in different for person in after[id_].ruled_out - before[id_].ruled_out]
    unit.people.rule_out(ruled_out)
    _write_exemplars(unit, different, after)
    unit.outbox.push(different)
    people = {labelling[id_].state.person_id for id_ in different for labelling in (before, after)}
    lost = tuple(refresh_centroids(unit, sorted(id_ for id_ in people if id_ is not None)))
    changes = tuple(Change(id_, before[id_].state, after[id_].state) for id_ in different)
    return Written(changes, Effects(centroids_lost=lost))


def refresh_centroids(unit: UnitOfWork, person_ids: Sequence[UUID], *, create: bool = False) -> list[UUID]:
    """Recompute the centroids these people have, or all of theirs with `create`.

    Faces on missing photos count only where a person has no others: such a centroid is used by nothing.

    Returns:
        People who lost theirs, being left without faces.
    """
    from faceml.identity.prototypes import centroid

    having = unit.prototypes.people_with_centroid(person_ids)
    fresh = {}
    for person_id in person_ids if create else sorted(having):
        theirs = unit.faces.of_person(person_id) or unit.faces.of_person(person_id, with_missing=True)
        faces = unit.vectors.of([face.id for face in theirs])
        if faces.face_ids:
            fresh[person_id] = centroid(faces.vectors)
    lost = sorted(having - set(fresh))
    unit.outbox.push(unit.prototypes.set_centroids(fresh))
    unit.outbox.push(unit.prototypes.remove_centroids(lost))
    return lost


def best_exemplars(unit: UnitOfWork, quality: Mapping[UUID, float], *, count: int = EXEMPLARS) -> frozenset[UUID]:
    """The best `count` of the faces whose quality this is, yet different; fewer where there are fewer.

    Of very many faces the `LOOKED_AT` best are compared; of equals the first given.
    """
    if count <= 0:
        return frozenset()
    best = nlargest(LOOKED_AT, quality, key=quality.__getitem__) if len(quality) > LOOKED_AT else list(quality)
    return exemplars_among(unit.vectors.of(best), quality, count=count)


def exemplars_among(
    embeddings: Embeddings, quality: Mapping[UUID, float], *, count: int = EXEMPLARS
) -> frozenset[UUID]:
    """As `best_exemplars`, of faces that are read already."""
    import numpy as np

    from faceml.identity.prototypes import choose_exemplars

    if not embeddings.face_ids:
        return frozenset()
    scores = np.array([quality[face_id] for face_id in embeddings.face_ids])
    rows = choose_exemplars(embeddings.vectors, scores, count=count)
    return frozenset(embeddings.face_ids[row] for row in rows)


def counted_as(unit: UnitOfWork, person_id: UUID) -> frozenset[UUID]:
    """The person and all who were merged into them so far."""
    merged = unit.people.merged()
    return frozenset({person_id, *(id_ for id_ in merged if survivor(id_, merged) == person_id)})


def moving_faces(unit: UnitOfWork, decision: Decision) -> list[UUID]:
    """Faces that a merge may move: of the people it concerns, of whom they became, and ruled out for them.

    So may hiding, where it is taken back: a merge that was redone before it then stands.
    """
    if not isinstance(decision, StatusChange):
        return []
    merged = unit.people.merged()
    people = decision.concerns | {survivor(person_id, merged) for person_id in decision.concerns}
    theirs = (unit.faces.of_person(person_id, with_missing=True) for person_id in sorted(people))
    faces = [face.id for of_one in theirs for face in of_one]
    return [*faces, *sorted(unit.people.faces_ruled_out(sorted({*people, *merged})))]


def find_person(unit: UnitOfWork, name_or_id: str | UUID) -> Person:
    """The person of this id or name; who was merged answers with whom they became. Raises NotFound."""
    person_id = as_uuid(name_or_id)
    found = unit.people.survivor(person_id) if person_id else unit.people.named(str(name_or_id))
    if found is None:
        names = {fold_name(name): name for name in unit.people.active_names()}
        meant = get_close_matches(fold_name(str(name_or_id)), names, n=1)
        nearest = f"did you mean {names[meant[0]]!r}? " if meant else ""
        raise NotFound(f"nobody here is called {name_or_id!r}: {nearest}`faceml people list` shows who is")
    return found


def as_uuid(text: str | UUID) -> UUID | None:
    if isinstance(text, UUID):
        return text
    try:
        return UUID(text)
    except ValueError:
        return None


def known_faces(unit: UnitOfWork, face_ids: Sequence[UUID]) -> list[Face]:
    """These faces, each once, in the order asked.

    Raises:
        WrongUse: the list is empty.
        NotFound: one is not in the library.
    """
    if not face_ids:
        raise WrongUse("no face ids: name one or more (`faceml people show` lists some)")
    found = {face.id: face for face in unit.faces.by_ids(face_ids)}
    return [found.get(face_id) or unit.faces.get(face_id) for face_id in dict.fromkeys(face_ids)]


def refuse_merged(unit: UnitOfWork, person: Person, verb: str) -> None:
    """Raises Conflict where somebody is merged into another, who is the one to `verb`."""
    if person.status is PersonStatus.MERGED:
        into = unit.people.survivor(person.id)
        raise Conflict(f"{person.name!r} is merged into {into.name!r}: {verb} {into.id} instead")


def faces_of_cluster(unit: UnitOfWork, cluster_id: str) -> list[Face]:
    """A cluster's faces, named or not, best quality first. Raises NotFound where there is no such cluster."""
    faces = unit.faces.in_cluster(cluster_id)
    if not faces:
        raise no_such_cluster(cluster_id)
    return faces


def no_such_cluster(cluster_id: str) -> NotFound:
    return NotFound(f"cluster {cluster_id!r} has no faces: `faceml faces clusters` lists the ones there are")


def _introductions(unit: UnitOfWork, decisions: Sequence[Decision]) -> dict[UUID, str]:
    """Names of people whom these decisions are the first to speak of: taken back, they go again."""
    naming = (decision.person_id for decision in decisions if isinstance(decision, Naming | Draw))
    people = {person_id for person_id in naming if person_id is not None}
    return unit.people.names(sorted(people - unit.events.spoken_of(sorted(people))))


def _write_exemplars(unit: UnitOfWork, face_ids: Sequence[UUID], after: Mapping[UUID, Labelling]) -> None:
    present = unit.prototypes.exemplar_people(face_ids)
    wanted = {id_: after[id_].state.person_id if after[id_].is_exemplar else None for id_ in face_ids}
    changed = [id_ for id_ in face_ids if wanted[id_] != present.get(id_)]
    unit.prototypes.remove_exemplars([id_ for id_ in changed if id_ in present])
    unit.prototypes.put_exemplars({id_: person_id for id_ in changed if (person_id := wanted[id_]) is not None})

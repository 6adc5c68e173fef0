"""A slow, obvious model of people's decisions: everything is worked out anew from the list of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from faceml.library import Library
from faceml.records import AssignedBy

NOBODY = UUID(int=0)  # a person said that a face has no name


@dataclass
class Decision:
    event_id: int
    kind: str
    person: UUID | None = None
    faces: tuple[UUID, ...] = ()
    same: frozenset[UUID] = frozenset()  # the person and whoever was merged into them when it was decided
    into: UUID | None = None
    name: str = ""  # the person's new one
    swaps: tuple[UUID, str] | None = None  # whose record took which name in exchange
    parts: dict[UUID, str | None] = field(default_factory=dict)
    dismissed_as: str = ""
    shown: dict[UUID, UUID] = field(default_factory=dict)  # by face, whom it was under
    counted: dict[UUID, frozenset[UUID]] = field(default_factory=dict)  # by person, as `same`
    new_person: str | None = None  # the name of the person who came with it
    stands: bool = True


@dataclass
class Truth:
    """What must be true of the library, if these decisions stand."""

    person: dict[UUID, UUID]  # by face, of those that a person decided about; NOBODY where they said so
    ruled_out: set[tuple[UUID, UUID]]
    dismissed: dict[UUID, str]  # by face, of those that nobody is to be asked about; they are under NOBODY
    part: dict[UUID, str]  # by face, of those in a part of a split
    names: dict[UUID, str]
    status: dict[UUID, str]
    merged: dict[UUID, UUID]  # whom a person was merged into

    def never(self) -> set[tuple[UUID, UUID]]:
        """(face, person) pairs that no machine may put together, merges followed."""
        pairs = set()
        for face, person in self.ruled_out:
            while person in self.merged:
                person = self.merged[person]
            pairs.add((face, person))
        return pairs


def truth(decisions: Iterable[Decision]) -> Truth:
    said: dict[UUID, UUID] = {}
    ruled_out: set[tuple[UUID, UUID]] = set()
    dismissed: dict[UUID, str] = {}
    part: dict[UUID, str] = {}
    born: dict[UUID, str] = {}
    needed: set[UUID] = set()
    names: dict[UUID, str] = {}
    status: dict[UUID, str] = {}
    merged: dict[UUID, UUID] = {}
    for decision in decisions:
        who = decision.person
        if decision.new_person is not None and who is not None:
            born[who] = decision.new_person
        if not decision.stands:
            continue
        if who is not None and decision.kind != "unassign":
            needed.add(who)
        needed |= set(decision.counted)
        if decision.kind == "confirm_each":
            for face, person in decision.shown.items():
                said[face] = person
                dismissed.pop(face, None)
                ruled_out -= {(face, one) for one in decision.counted[person]}
        elif decision.kind == "reject_each":
            for face, person in decision.shown.items():
                ruled_out.add((face, person))
                if said.get(face) in decision.counted[person]:
                    del said[face]
                    part.pop(face, None)
        elif decision.kind == "restore":
            for face in decision.faces:
                if dismissed.pop(face, None):
                    del said[face]
        if decision.kind in ("label", "assign", "confirm", "unassign"):
            for face in decision.faces:
                dismissed.pop(face, None)
        if decision.kind in ("label", "assign", "confirm"):
            for face in decision.faces:
                if decision.kind != "confirm" or said.get(face) not in decision.same:
                    said[face] = who
                ruled_out -= {(face, person) for person in decision.same}
        elif decision.kind == "unassign":
            said.update(dict.fromkeys(decision.faces, NOBODY))
        elif decision.kind == "dismiss":
            for face in decision.faces:
                said[face], dismissed[face] = NOBODY, decision.dismissed_as
                part.pop(face, None)
        elif decision.kind == "reject":
            for face in decision.faces:
                ruled_out.add((face, who))
                if said.get(face) in decision.same:
                    del said[face]
                    part.pop(face, None)
        elif decision.kind == "split":
            for face, name in decision.parts.items():
                part.pop(face, None)
                if name and face not in dismissed:
                    part[face] = name
        elif decision.kind == "merge":
            merged[who] = decision.into
            status[who] = "merged"
            needed.add(decision.into)
        elif decision.kind in ("hide", "unhide"):
            status[who] = "hidden" if decision.kind == "hide" else "active"
            merged.pop(who, None)
        elif decision.kind == "rename":
            names[who] = decision.name
            if decision.swaps:
                names[decision.swaps[0]] = decision.swaps[1]
                needed.add(decision.swaps[0])
    people = {person for person in born if person in needed}
    person: dict[UUID, UUID] = {}
    for face, who in said.items():
        became = who
        while became in merged:
            became = merged[became]
            if (face, became) in ruled_out:
                break
        else:
            person[face] = became
            continue
        part.pop(face, None)
    return Truth(
        person,
        ruled_out,
        dismissed,
        part,
        {id_: names.get(id_, born[id_]) for id_ in people},
        {id_: status.get(id_, "active") for id_ in people},
        merged,
    )


def snapshot(library: Library, *, similarity: str = "similarity") -> dict[str, Any]:
    """Everything about labels that SQL holds, but for times."""
    tables = {
        "faces": f"SELECT id, person_id, assigned_by, cluster_id, {similarity}, model_version, dismissed_as "
        "FROM face_instances",
        "exemplars": "SELECT person_id, face_instance_id FROM person_prototypes WHERE role = 'exemplar'",
        "rejections": "SELECT face_instance_id, person_id FROM face_rejections",
        "people": "SELECT id, name, folded_name, status, merged_into_id FROM persons",
    }
    with closing(sqlite3.connect(library.settings.home / "faceml.db")) as database:
        return {name: sorted(map(repr, database.execute(query))) for name, query in tables.items()}


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return [
        f"{table}: {sign} {row}"
        for table in one
        for sign, rows in (("-", set(one[table]) - set(other[table])), ("+", set(other[table]) - set(one[table])))
        for row in sorted(rows)
    ]


def check(library: Library, expected: Truth) -> None:
    """What every decision of a person must still be, whatever machines did since."""
    with library.repository.read() as unit:
        ids = [face_id for face_id, _, _ in unit.faces.labels()]
        states = unit.faces.states(ids)
        ruled_out = {(id_, person) for id_, people in unit.people.ruled_out(ids).items() for person in people}
        people = {id_: unit.people.get(id_) for id_ in unit.people.names()}
        exemplars = unit.prototypes.exemplar_people(ids)
    assert {id_: person.name for id_, person in people.items()} == expected.names
    assert {id_: person.status for id_, person in people.items()} == expected.status
    assert ruled_out == expected.ruled_out
    never = expected.never()
    by_hand = {id_: s.person_id or NOBODY for id_, s in states.items() if s.assigned_by is AssignedBy.MANUAL}
    assert by_hand == expected.person
    assert {id_: s.dismissed_as for id_, s in states.items() if s.dismissed_as} == expected.dismissed
    assert all(states[id_].cluster_id is None for id_ in expected.dismissed)
    for id_, state in states.items():
        if id_ in expected.part:
            assert state.cluster_id == expected.part[id_]
        elif state.cluster_id is not None:
            assert "_sub_" not in state.cluster_id
        if state.assigned_by is AssignedBy.PROTOTYPE:
            assert (id_, state.person_id) not in never
            assert people[state.person_id].status != "merged"
    for face_id, person_id in exemplars.items():
        assert states[face_id].person_id == person_id
        assert states[face_id].assigned_by is AssignedBy.MANUAL

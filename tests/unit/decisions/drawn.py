"""Decisions that hypothesis draws: about one face, `FACE`, and three people."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from faceml.decisions.about_faces import (
    Assign,
    ChooseExemplars,
    Confirm,
    DifferentPeople,
    Dismiss,
    Draw,
    Label,
    LabelSome,
    Redraw,
    Reject,
    RejectEach,
    Restore,
    Split,
    Unassign,
)
from faceml.decisions.about_people import ChooseCover, Describe, Hide, Kin, Merge, Relate, Rename, Unhide
from faceml.decisions.decision import Decision, Erase, Erased, Forget, Redo, Undo
from faceml.decisions.states import FaceState
from faceml.records import AssignedBy, Dismissal

FACE, OTHER_FACE = UUID(int=100), UUID(int=101)
PEOPLE = tuple(UUID(int=number) for number in (1, 2, 3))

person = st.sampled_from(PEOPLE)
faces = st.frozensets(st.sampled_from([FACE, OTHER_FACE]))
name = st.text(max_size=20)
side = st.lists(st.uuids(), max_size=3).map(tuple)
group = st.one_of(st.uuids(), st.from_regex(r"clu_[a-z0-9_]{1,12}", fullmatch=True))


def about(kind: type[Decision], **fields: Any) -> st.SearchStrategy[Any]:
    """A decision on somebody, who may be merged with others by then."""
    return st.tuples(person, st.frozensets(person)).flatmap(
        lambda drawn: st.builds(kind, st.just(drawn[0]), st.just(drawn[1] | {drawn[0]}), **fields)
    )


counted = st.dictionaries(person, st.frozensets(person), min_size=1).map(
    lambda drawn: {id_: people | {id_} for id_, people in drawn.items()}
)
ABOUT_FACES: dict[type[Decision], st.SearchStrategy[Any]] = {
    Label: about(Label, exemplars=faces, cluster_id=st.none() | name),
    LabelSome: about(LabelSome, exemplars=faces, cluster_id=st.none() | name, left_out=faces),
    Assign: about(Assign, exemplars=faces, imported_from=st.none() | name),
    Unassign: st.builds(Unassign, person_id=st.none() | person),
    Reject: about(Reject),
    Confirm: st.builds(Confirm, counted),
    RejectEach: st.builds(RejectEach, counted, st.dictionaries(person, faces)),
    Restore: st.builds(Restore),
    Dismiss: st.builds(Dismiss, st.sampled_from(Dismissal)),
    ChooseExemplars: about(ChooseExemplars, exemplars=faces),
    Split: st.builds(Split, name, st.integers(2, 9)),
    DifferentPeople: st.builds(DifferentPeople, st.tuples(group, group), st.tuples(side, side)),
}
ABOUT_BOXES: dict[type[Decision], st.SearchStrategy[Any]] = {  # the first of a face, and of the next one
    Draw: st.builds(Draw, faces, faces, person_id=st.none() | person),
    Redraw: st.builds(Redraw, st.uuids(), st.uuids(), person_id=st.none() | person),
}
date = st.none() | st.sampled_from(["1950", "1950-05", "1950-05-17"])
ABOUT_PEOPLE: dict[type[Decision], st.SearchStrategy[Any]] = {
    Merge: st.builds(Merge, person, person),
    Rename: st.builds(
        lambda names: Rename(next(iter(names)), names),
        st.dictionaries(person, st.tuples(name, name), min_size=1, max_size=2),
    ),
    Describe: st.builds(
        Describe,
        person,
        st.fixed_dictionaries({}, optional={"born": date, "died": date, "note": date, "aliases": st.tuples(name)}),
    ),
    Relate: st.builds(Relate, person, person, st.none() | st.sampled_from([kin.value for kin in Kin])).filter(
        lambda said: said.person_id != said.other
    ),
    ChooseCover: st.builds(ChooseCover, person, st.sampled_from([FACE, OTHER_FACE])),
    Hide: st.builds(Hide, person),
    Unhide: st.builds(Unhide, person),
}
ABOUT_DECISIONS: dict[type[Decision], st.SearchStrategy[Any]] = {
    Undo: st.builds(Undo, person_id=st.none() | person),
    Redo: st.builds(Redo, person_id=st.none() | person),
    Erase: st.builds(Erase, st.integers(0, 9), st.none() | st.frozensets(person), person_id=person),
    Forget: st.builds(Forget, st.integers(0, 9), st.integers(0, 9)),
    Erased: st.builds(Erased, name, person_id=st.none() | person),
}
EVERY_KIND = {**ABOUT_FACES, **ABOUT_BOXES, **ABOUT_PEOPLE, **ABOUT_DECISIONS}

about_faces = st.one_of(list(ABOUT_FACES.values()))
about_people = st.one_of(list(ABOUT_PEOPLE.values()))
states = st.builds(
    FaceState,
    person_id=st.none() | person,
    assigned_by=st.none() | st.sampled_from(AssignedBy),
    cluster_id=st.none() | name,
    similarity=st.none() | st.floats(-1, 1),
    runner_up_id=st.none() | person,
    dismissed_as=st.none() | st.sampled_from(Dismissal),
    threshold=st.none() | st.floats(-1, 1),
)

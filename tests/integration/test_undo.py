"""Every decision can be taken back at any time, in any order, and be made again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from faceml.decisions.decision import Unknown
from faceml.decisions.states import Change
from faceml.errors import Conflict, NotFound, WrongUse
from faceml.library import Library
from faceml.records import AssignedBy
from faceml.services.decisions.label import assign_faces_to, label_cluster, reject_person, unassign_faces
from faceml.services.decisions.people import choose_exemplars, hide_person, merge_people, rename_person
from faceml.services.decisions.split import split_cluster
from faceml.services.decisions.undo import history, redo, undo
from faceml.services.index.repair import find_orphans
from faceml.services.recognise.assign import assign_faces
from faceml.services.review.browse import find, list_people, show_person
from tests.integration.decisions import differences, snapshot

ME = "ada"


@pytest.fixture
def library(two_people: Library) -> Library:
    return two_people


def person_of(library: Library, face_id: UUID) -> str | None:
    with library.repository.read() as unit:
        person_id = unit.faces.get(face_id).person_id
        return unit.people.get(person_id).name if person_id else None


Decide = Callable[[Library, list[UUID]], object]
EVERY_DECISION: dict[str, Decide] = {
    "label": lambda library, faces: label_cluster(library, "clu_1", "Bea", actor=ME),
    "label all but one": lambda library, faces: label_cluster(
        library, "clu_1", "Bea", face_ids=faces[5:8], left_out=faces[4:5], actor=ME
    ),
    "label as somebody known, all but two": lambda library, faces: label_cluster(
        library, "clu_1", "Ada", face_ids=faces[6:8], left_out=faces[4:6], actor=ME
    ),
    "label as somebody known": lambda library, faces: label_cluster(library, "clu_1", "Ada", actor=ME),
    "assign": lambda library, faces: assign_faces_to(library, faces[3:8], "Cleo", actor=ME),
    "assign to a known person": lambda library, faces: assign_faces_to(library, faces[4:6], "Dora", actor=ME),
    "unassign": lambda library, faces: unassign_faces(library, faces[:3], actor=ME),
    "reject": lambda library, faces: reject_person(library, faces[:3], "Ada", actor=ME),
    "merge": lambda library, faces: merge_people(library, named(library, "Ada"), named(library, "Dora"), actor=ME),
    "rename": lambda library, faces: rename_person(library, named(library, "Ada"), "Ada Lovelace", actor=ME),
    "hide": lambda library, faces: hide_person(library, named(library, "Ada"), actor=ME),
    "split": lambda library, faces: split_cluster(library, "clu_mixed", actor=ME),
    "exemplars": lambda library, faces: choose_exemplars(library, "Ada", [faces[0]], actor=ME),
}


def named(library: Library, name: str) -> UUID:
    return find(library.repository, name).id


@pytest.mark.parametrize("name", EVERY_DECISION)
def test_every_decision_undone_is_as_if_it_had_not_been_and_redone_as_if_it_had(
    library: Library, faces: list[UUID], name: str
) -> None:
    label_cluster(library, "clu_0", "Ada", actor=ME)
    assign_faces_to(library, [faces[11]], "Dora", actor=ME)
    if name == "split":
        with library.repository.begin() as unit:
            unit.faces.set_clusters([(face_id, "clu_mixed") for face_id in faces])
    before = snapshot(library)
    EVERY_DECISION[name](library, faces)
    after = snapshot(library)
    assert after != before
    undo(library, actor=ME)
    assert differences(before, snapshot(library)) == []
    redo(library, actor=ME)
    assert differences(after, snapshot(library)) == []
    found = find_orphans(library, limit=1000)
    assert (found.orphans, found.stale_points, found.stray_points) == ((), 0, 0)


def test_an_earlier_decision_can_be_undone_and_later_ones_stay(library: Library, faces: list[UUID]) -> None:
    first = label_cluster(library, "clu_0", "Ada", actor=ME)
    assign_faces_to(library, faces[:1], "Bea", actor=ME)
    report = undo(library, first.event_id, actor=ME)
    assert (report.faces_restored, report.faces_left) == (3, 1)
    assert [person_of(library, face_id) for face_id in faces[:2]] == ["Bea", None]


def test_undoing_both_in_the_wrong_order_leaves_neither(library: Library, faces: list[UUID]) -> None:
    first = assign_faces_to(library, faces[:1], "Ada", actor=ME)
    second = assign_faces_to(library, faces[:1], "Bea", actor=ME)
    undo(library, first.event_id, actor=ME)
    undo(library, second.event_id, actor=ME)
    assert person_of(library, faces[0]) is None
    assert list_people(library.repository).total == 0


def test_undoing_a_merge_brings_the_person_back_although_others_were_merged_since(
    library: Library, faces: list[UUID]
) -> None:
    ada, bea = (label_cluster(library, f"clu_{row}", name, actor=ME) for row, name in enumerate(("Ada", "Bea")))
    cleo = assign_faces_to(library, [faces[5]], "Cleo", actor=ME)
    merged = merge_people(library, ada.person_id, bea.person_id, actor=ME)
    merge_people(library, bea.person_id, cleo.person_id, actor=ME)
    assign_faces_to(library, [faces[4]], "Ada", actor=ME)
    undo(library, merged.event_id, actor=ME)
    assert show_person(library.repository, "Ada").person.face_count == 4
    assert [person_of(library, faces[row]) for row in (0, 4, 6)] == ["Ada", "Cleo", "Cleo"]


def test_undoing_a_hiding_lets_a_merge_stand_that_was_redone_before_it(library: Library, faces: list[UUID]) -> None:
    ada, bea = (label_cluster(library, f"clu_{row}", name, actor=ME) for row, name in enumerate(("Ada", "Bea")))
    merged = merge_people(library, bea.person_id, ada.person_id, actor=ME)
    undo(library, merged.event_id, actor=ME)
    hidden = hide_person(library, bea.person_id, actor=ME)
    redo(library, merged.event_id, actor=ME)
    assert person_of(library, faces[6]) == "Bea", "hidden since the merge"
    undo(library, hidden.event_id, actor=ME)
    assert person_of(library, faces[6]) == "Ada"
    redo(library, hidden.event_id, actor=ME)
    assert person_of(library, faces[6]) == "Bea"


def test_undoing_twice_is_refused_until_it_was_redone(library: Library) -> None:
    label = label_cluster(library, "clu_0", "Ada", actor=ME)
    first = undo(library, actor=ME)
    with pytest.raises(Conflict, match=f"event {label.event_id} is already undone, by event {first.event_id}"):
        undo(library, label.event_id, actor=ME)
    undo(library, first.event_id, actor=ME)  # a redo
    assert show_person(library.repository, "Ada").person.face_count == 4
    with pytest.raises(Conflict, match="is not undone"):
        redo(library, label.event_id, actor=ME)
    undo(library, label.event_id, actor=ME)
    redo(library, label.event_id, actor=ME)
    assert show_person(library.repository, "Ada").person.face_count == 4


def test_repeated_undo_and_redo_walk_back_and_forth(library: Library, faces: list[UUID]) -> None:
    states = [snapshot(library)]
    for name in ("Ada", "Bea", "Cleo"):
        assign_faces_to(library, faces[:2], name, actor=ME)
        states.append(snapshot(library))
    for state in reversed(states[:-1]):
        undo(library, actor=ME)
        assert differences(state, snapshot(library)) == []
    with pytest.raises(NotFound, match="no decision to undo"):
        undo(library, actor=ME)
    for state in states[1:]:
        redo(library, actor=ME)
        assert differences(state, snapshot(library)) == []
    with pytest.raises(NotFound, match="no undo to take back"):
        redo(library, actor=ME)


def test_a_person_first_named_by_an_undone_label_goes_with_whom_machines_put_there(
    library: Library, faces: list[UUID]
) -> None:
    label = label_cluster(library, "clu_0", "Grase Hoper", actor=ME)
    assign_faces(library)
    assert person_of(library, faces[4]) == "Grase Hoper"
    undo(library, actor=ME)
    assert list_people(library.repository).total == 0
    assert person_of(library, faces[4]) is None
    assert history(library.repository)[1].text == "labelled clu_0 (4 faces) as Grase Hoper"
    redo(library, actor=ME)
    shown = show_person(library.repository, "grase hoper").person
    assert (shown.id, shown.face_count) == (label.person_id, 6)


def test_a_person_of_whom_another_decision_speaks_stays(library: Library, faces: list[UUID]) -> None:
    label = label_cluster(library, "clu_0", "Ada", actor=ME)
    reject_person(library, [faces[9]], "Ada", actor=ME)
    undo(library, label.event_id, actor=ME)
    assert show_person(library.repository, "Ada").person.face_count == 0
    undo(library, actor=ME)
    assert list_people(library.repository).total == 0


def test_an_undone_rejection_may_be_proposed_again(library: Library, faces: list[UUID]) -> None:
    label_cluster(library, "clu_0", "Ada", actor=ME)
    reject_person(library, [faces[4]], "Ada", actor=ME)
    assign_faces(library)
    assert person_of(library, faces[4]) is None
    undo(library, actor=ME)
    assign_faces(library)
    assert person_of(library, faces[4]) == "Ada"


def test_an_automatic_name_is_not_restored_for_a_face_ruled_out_since(library: Library, faces: list[UUID]) -> None:
    label_cluster(library, "clu_0", "Ada", actor=ME)
    assign_faces(library)
    moved = assign_faces_to(library, [faces[4]], "Bea", actor=ME)
    reject_person(library, [faces[4]], "Ada", actor=ME)
    undo(library, moved.event_id, actor=ME)
    assert person_of(library, faces[4]) is None


def test_an_automatic_name_comes_back_as_automatic(library: Library, faces: list[UUID]) -> None:
    label_cluster(library, "clu_0", "Ada", actor=ME)
    assign_faces(library)
    with library.repository.read() as unit:
        before = unit.faces.states(faces)[faces[4]]
    assert before.assigned_by is AssignedBy.PROTOTYPE
    assign_faces_to(library, [faces[4]], "Bea", actor=ME)
    undo(library, actor=ME)
    with library.repository.read() as unit:
        assert unit.faces.states(faces)[faces[4]] == before


def test_a_name_that_was_taken_since_is_not_restored(library: Library) -> None:
    ada = label_cluster(library, "clu_0", "Ada", actor=ME)
    renamed = rename_person(library, ada.person_id, "Ada Lovelace", actor=ME)
    label_cluster(library, "clu_1", "ada", actor=ME)
    before = snapshot(library)
    with pytest.raises(Conflict, match="'Ada' is another person's by now"):
        undo(library, renamed.event_id, actor=ME)
    assert differences(before, snapshot(library)) == []
    undo(library, actor=ME)
    undo(library, renamed.event_id, actor=ME)
    assert show_person(library.repository, "Ada").person.id == ada.person_id


def test_an_earlier_renaming_undone_keeps_the_later_name(library: Library) -> None:
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    first = rename_person(library, ada, "Bea", actor=ME)
    second = rename_person(library, ada, "Cleo", actor=ME)
    undo(library, first.event_id, actor=ME)
    assert show_person(library.repository, ada).person.name == "Cleo"
    undo(library, second.event_id, actor=ME)
    assert show_person(library.repository, ada).person.name == "Ada"


def test_two_merges_in_a_circle_are_refused(library: Library) -> None:
    ada, bea = (
        label_cluster(library, f"clu_{row}", name, actor=ME).person_id for row, name in enumerate(("Ada", "Bea"))
    )
    merge_people(library, ada, bea, actor=ME)
    undo(library, actor=ME)
    merge_people(library, bea, ada, actor=ME)
    before = snapshot(library)
    with pytest.raises(Conflict, match="the other way round"):
        redo(library, actor=ME)
    assert differences(before, snapshot(library)) == []


def test_history_tells_everything_in_words(library: Library, faces: list[UUID]) -> None:
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    bea = assign_faces_to(library, [faces[6]], "Bea", actor="bob").person_id
    reject_person(library, [faces[0]], "Ada", actor=ME)
    unassign_faces(library, [faces[1]], actor=ME)
    choose_exemplars(library, "Ada", [faces[2]], actor=ME)
    hide_person(library, bea, actor=ME)
    undo(library, actor=ME)
    merge_people(library, bea, ada, actor=ME)
    rename_person(library, ada, "Ada Lovelace", actor=ME)
    lines = history(library.repository)
    assert [line.text for line in reversed(lines)] == [
        "labelled clu_0 (4 faces) as Ada Lovelace",
        "assigned 1 face to Bea",
        "said of 1 face: not Ada Lovelace",
        "took 1 face from Ada Lovelace",
        "chose 1 exemplars of Ada Lovelace",
        "hid Bea",
        "undid event 6: hid Bea",
        "merged Bea into Ada Lovelace (1 face)",
        "renamed Ada to Ada Lovelace",
    ]
    assert lines[-2].actor == "bob"
    assert [line.event_id for line in lines if line.undone_by] == [6]
    assert len(history(library.repository, limit=2)) == 2


@pytest.mark.parametrize("event_id", [7, 0, -1])
def test_an_event_that_is_not_there_is_refused(library: Library, event_id: int) -> None:
    label_cluster(library, "clu_0", "Ada", actor=ME)
    for take_back in (undo, redo):
        with pytest.raises(NotFound, match=f"no event {event_id}:"):
            take_back(library, event_id, actor=ME)
    assert len(history(library.repository)) == 1


@pytest.mark.parametrize("limit", [0, -1])
def test_a_history_of_no_decision_is_refused(library: Library, limit: int) -> None:
    with pytest.raises(WrongUse, match=f"limit={limit}: ask for 1 decision or more"):
        history(library.repository, limit=limit)


def test_undoing_what_a_later_word_overruled_is_refused_and_redo_makes_the_decision_stand(library: Library) -> None:
    with library.repository.read() as unit:
        faces = [face_id for face_id, _, _ in unit.faces.labels()][:2]
    decision = assign_faces_to(library, faces, "Ada", actor="ada").event_id
    first = undo(library, decision, actor="ada").event_id
    again = redo(library, actor="ada").event_id
    second = undo(library, decision, actor="ada").event_id

    with pytest.raises(Conflict, match=f"event {decision} is held back by event {second} too"):
        undo(library, again, actor="ada")
    with pytest.raises(Conflict, match="already undone"):
        undo(library, first, actor="ada")

    assert redo(library, actor="ada").is_redo
    with library.repository.read() as unit:
        assert all(face.person_id is not None for face in unit.faces.by_ids(faces))


def test_a_decision_of_a_newer_version_is_told_and_stands_and_others_are_still_undone(
    library: Library, faces: list[UUID]
) -> None:
    label = label_cluster(library, "clu_0", "Ada", actor=ME)
    with library.repository.begin() as unit:
        before = unit.faces.states(faces[:1])[faces[0]]
        after = replace(before, cluster_id="clu_new")
        unit.faces.set_decided([(faces[0], after)])
        recoloured = Unknown("recolour", {"colour": "red"}, person_id=label.person_id)
        event_id = unit.events.append(recoloured, actor=ME, changes=[Change(faces[0], before, after)])
    told = "decided something that a newer version of faceml understands (recolour, 1 face)"
    assert history(library.repository)[0].text == told
    for chosen in (None, event_id):
        with pytest.raises(Conflict, match=f"event {event_id} was decided with a newer version of faceml: update"):
            undo(library, chosen, actor=ME)
    undo(library, label.event_id, actor=ME)
    with library.repository.read() as unit:
        assert unit.faces.get(faces[0]).cluster_id == "clu_new"
        assert unit.events.get(event_id).decision == recoloured
    assert person_of(library, faces[1]) is None

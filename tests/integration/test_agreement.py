"""After whatever was decided, merged, erased and grouped, faces are as the decisions that stand have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from faceml.config import Settings
from faceml.decisions.about_faces import Split
from faceml.decisions.states import Change, FaceState
from faceml.library import Library
from faceml.options import AssignOptions, ClusterOptions
from faceml.records import AssignedBy, Dismissal
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.decisions.bulk import Action, decide_about
from faceml.services.decisions.decide import decide, deciding, find_person, settle
from faceml.services.decisions.label import (
    assign_faces_to,
    dismiss_faces,
    label_cluster,
    reject_person,
    unassign_faces,
)
from faceml.services.decisions.people import MergeReport, merge_people
from faceml.services.decisions.private import erase_person
from faceml.services.decisions.undo import undo
from faceml.services.recognise.assign import assign_faces
from tests.rest import two_people

ME = "ada"


def still_to_settle(library: Library) -> list[Change]:
    """Faces that are not as the decisions that stand have them."""
    with library.repository.begin() as unit:
        return list(settle(unit, [id_ for id_, _, _ in unit.faces.labels()], unit.events.undos()).changes)


def state_of(library: Library, face_id: UUID) -> FaceState:
    with library.repository.read() as unit:
        return unit.faces.states([face_id])[face_id]


Decide = Callable[[Library, list[UUID]], object]
ABOUT_ADA: dict[str, Decide] = {
    "unassign": lambda library, faces: unassign_faces(library, faces, actor=ME),
    "reject": lambda library, faces: reject_person(library, faces, "Ada", actor=ME),
    "reject what a machine said": lambda library, faces: decide_about(library, Action.REJECT, faces, actor=ME),
    "unassign and dismiss": lambda library, faces: (
        unassign_faces(library, faces, actor=ME),
        dismiss_faces(library, faces, Dismissal.STRANGER, actor=ME),
    ),
    "assign, reject and unassign": lambda library, faces: (
        assign_faces_to(library, faces, "Ada", actor=ME),
        reject_person(library, faces, "Ada", actor=ME),
        unassign_faces(library, assigned(library, faces, "Bea"), actor=ME),
    ),
    "split off": lambda library, faces: split_off(library, faces),
}


def assigned(library: Library, faces: list[UUID], name: str) -> list[UUID]:
    assign_faces_to(library, faces, name, actor=ME)
    return faces


def split_off(library: Library, faces: list[UUID]) -> None:
    """A person says that these of Ada's are a group of their own, and not hers."""
    with deciding(library) as unit:
        ada = find_person(unit, "Ada").id
        decide(unit, Split("person", 2, person_id=ada), faces, actor=ME, parts=dict.fromkeys(faces, "part_1"))
    reject_person(library, faces, ada, actor=ME)


@pytest.mark.parametrize("decided", ABOUT_ADA)
@pytest.mark.parametrize("by_machine", [False, True], ids=["by hand", "by a machine"])
def test_what_was_said_of_faces_that_are_no_longer_theirs_outlives_an_erasure(
    settings: Settings, decided: str, by_machine: bool
) -> None:
    """Whatever is taken back or grouped afterwards, faces are as the decisions that stand have them."""
    library, faces = two_people(settings)
    in_no_cluster(library, faces[:4])
    ada = assign_faces_to(library, faces[:2] if by_machine else faces[:4], "Ada", actor=ME).person_id
    if by_machine:
        assign_faces(library, AssignOptions(threshold=0.3))
        assert state_of(library, faces[2]).assigned_by is AssignedBy.PROTOTYPE
    ABOUT_ADA[decided](library, faces[2:4])
    said = state_of(library, faces[2])
    erase_person(library, ada, is_confirmed=True, actor=ME)
    left = state_of(library, faces[2])  # in the cluster that it was in before, where it was only rejected
    assert replace(left, cluster_id=None) == replace(said, cluster_id=None)
    assert still_to_settle(library) == []
    label_cluster(library, "clu_1", "Cleo", actor=ME)
    cluster_faces(library, ClusterOptions(min_cluster_size=2))
    assign_faces(library, AssignOptions(threshold=0.3))
    assert still_to_settle(library) == []
    undo(library, assign_faces_to(library, faces[2:4], "Dora", actor=ME).event_id, actor=ME)
    assert still_to_settle(library) == []
    if "unassign" in decided:
        assert state_of(library, faces[2]).assigned_by is AssignedBy.MANUAL, "machines leave it alone, as before"
    library.close()


def merge(library: Library, source: str, target: str) -> MergeReport:
    with library.repository.read() as unit:
        ids = [find_person(unit, name).id for name in (source, target)]
    return merge_people(library, *ids, actor=ME)


def in_no_cluster(library: Library, faces: list[UUID]) -> None:
    """Those are recognised."""
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(id_, None) for id_ in faces])


def test_machines_may_name_a_face_that_a_merge_left_to_nobody(settings: Settings) -> None:
    """It was somebody's, and said not to be the one whom that somebody is merged into."""
    library, faces = two_people(settings)
    in_no_cluster(library, faces[:4])
    assign_faces_to(library, faces[:1], "Xenia", actor=ME)
    assign_faces_to(library, faces[1:2], "Yann", actor=ME)
    assign_faces_to(library, faces[4:6], "Zoe", actor=ME)
    reject = reject_person(library, faces[:1], "Zoe", actor=ME)
    merged = merge(library, "Xenia", "Zoe")
    assert state_of(library, faces[0]) == FaceState(None, None, None)
    assign_faces(library, AssignOptions(threshold=0.3))
    assert state_of(library, faces[0]).assigned_by is AssignedBy.PROTOTYPE
    assert still_to_settle(library) == []
    undo(library, reject.event_id, actor=ME)
    assert state_of(library, faces[0]).person_id == merged.target_person_id, "it was said to be Xenia, who is Zoe"
    assert still_to_settle(library) == []
    library.close()


def test_a_face_that_a_merge_left_to_nobody_stays_in_the_part_of_its_split(settings: Settings) -> None:
    library, faces = two_people(settings)
    xenia = assign_faces_to(library, faces[:2], "Xenia", actor=ME).person_id
    assign_faces_to(library, faces[4:6], "Zoe", actor=ME)
    with deciding(library) as unit:
        part = "person_x_sub_1"
        decide(unit, Split("person_x", 2, person_id=xenia), faces[:2], actor=ME, parts=dict.fromkeys(faces[:2], part))
    reject_person(library, faces[:1], "Zoe", actor=ME)
    merge(library, "Xenia", "Zoe")
    assert state_of(library, faces[0]) == FaceState(None, None, part)
    cluster_faces(library, ClusterOptions(min_cluster_size=2))
    assign_faces_to(library, faces[:1], "Yann", actor=ME)
    assert still_to_settle(library) == []
    assert state_of(library, faces[0]).cluster_id == part
    library.close()


def test_where_machines_group_a_face_that_a_merge_left_to_nobody_it_stays(settings: Settings) -> None:
    library, faces = two_people(settings)
    label_cluster(library, "clu_0", "Xenia", actor=ME)
    assign_faces_to(library, faces[5:6], "Zoe", actor=ME)
    reject_person(library, faces[:4], "Zoe", actor=ME)
    merge(library, "Xenia", "Zoe")
    cluster_faces(library, ClusterOptions(min_cluster_size=2))
    assert state_of(library, faces[0]).cluster_id is not None
    assert still_to_settle(library) == []
    library.close()

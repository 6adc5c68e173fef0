"""People by hand: assign, reject, merge, rename, hide, split, exemplars; and the command line over them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from click.testing import CliRunner

from faceml.cli.people import people as people_commands
from faceml.config import Settings
from faceml.errors import Conflict, FacemlError, NameTaken, NotFound, WrongUse
from faceml.library import Library
from faceml.options import AssignOptions, ClusterOptions
from faceml.records import AssignedBy, Face, PersonStatus
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.decisions.label import assign_faces_to, label_cluster, reject_person, unassign_faces
from faceml.services.decisions.people import (
    choose_exemplars,
    compute_centroids,
    hide_person,
    merge_people,
    rename_person,
    unhide_person,
)
from faceml.services.decisions.split import preview_split, split_cluster
from faceml.services.decisions.undo import undo
from faceml.services.index.repair import find_orphans
from faceml.services.recognise.assign import assign_faces
from faceml.services.review.browse import find, list_people, show_person
from tests.conftest import add_faces, people_vectors
from tests.fakes import FakePack, library_with

ME = "ada"


@pytest.fixture
def library(two_people: Library) -> Library:
    return two_people


def face(library: Library, face_id: UUID) -> Face:
    with library.repository.read() as unit:
        return unit.faces.get(face_id)


def named(library: Library, name: str) -> UUID:
    return find(library.repository, name).id


def index_is_equal(library: Library) -> bool:
    found = find_orphans(library, limit=1000)
    return (found.orphans, found.stale_points, found.stray_points, found.centroids_missing) == ((), 0, 0, 0)


# --- assign, unassign, reject


def test_a_face_assigned_by_hand_makes_a_person_and_is_never_moved_by_a_machine(library: Library, faces) -> None:
    label_cluster(library, "clu_1", "Bea", actor=ME)
    report = assign_faces_to(library, [faces[10]], "Ada", actor=ME)
    assert (report.person_name, report.faces_assigned, report.prototypes_created) == ("Ada", 1, 1)
    compute_centroids(library)
    assign_faces(library, AssignOptions(threshold=0.0))
    cluster_faces(library, ClusterOptions(min_cluster_size=2))
    assert face(library, faces[10]).person_id == report.person_id
    assert index_is_equal(library)


def test_a_person_has_three_exemplars_however_many_faces_are_assigned_one_by_one(library: Library, faces) -> None:
    for face_id in faces[:6]:
        assign_faces_to(library, [face_id], "Ada", actor=ME)
    assert len(show_person(library.repository, "ada").exemplars) == 3


def test_an_unassigned_face_stays_without_a_name(library: Library, faces) -> None:
    label_cluster(library, "clu_0", "Ada", actor=ME)
    assign_faces(library)
    assert face(library, faces[4]).assigned_by is AssignedBy.PROTOTYPE
    report = unassign_faces(library, [faces[4], faces[10]], actor=ME)
    assert (report.faces_unassigned, report.faces_skipped) == (1, 1)
    assign_faces(library, AssignOptions(threshold=0.0))
    assert face(library, faces[4]).person_id is None


def test_a_rejected_person_is_never_proposed_again_but_another_one_may_be(library: Library, faces) -> None:
    label_cluster(library, "clu_0", "Ada", actor=ME)
    assign_faces_to(library, [faces[5]], "Bea", actor=ME)  # one who looks like Ada
    report = reject_person(library, [faces[0], faces[10]], "ADA", actor=ME)
    assert (report.faces_rejected, report.faces_taken_away) == (2, 1)
    assert (face(library, faces[0]).person_id, face(library, faces[0]).cluster_id) == (None, None)
    assign_faces(library)
    assert face(library, faces[0]).person_id == named(library, "Bea")
    assert index_is_equal(library)


def test_labelling_a_cluster_leaves_out_the_face_that_was_ruled_out(library: Library, faces) -> None:
    assign_faces_to(library, [faces[5]], "Ada", actor=ME)
    reject_person(library, [faces[0]], "Ada", actor=ME)
    assert label_cluster(library, "clu_0", "Ada", actor=ME).faces_labeled == 3
    assert face(library, faces[0]).person_id is None


def test_assigning_a_face_by_hand_takes_its_rejection_back(library: Library, faces) -> None:
    label_cluster(library, "clu_0", "Ada", actor=ME)
    reject_person(library, [faces[0]], "Ada", actor=ME)
    assign_faces_to(library, [faces[0]], "Ada", actor=ME)
    with library.repository.read() as unit:
        assert unit.faces.rejections([faces[0]]) == []


def test_decisions_about_nothing_are_refused(library: Library, faces) -> None:
    for refused, error in (
        (lambda: unassign_faces(library, [faces[0]], actor=ME), WrongUse),
        (lambda: assign_faces_to(library, [], "Ada", actor=ME), WrongUse),
        (lambda: assign_faces_to(library, [uuid4()], "Ada", actor=ME), NotFound),
        (lambda: assign_faces_to(library, [faces[0]], uuid4(), actor=ME), NotFound),
        (lambda: reject_person(library, [faces[0]], "Nobody", actor=ME), NotFound),
        (lambda: assign_faces_to(library, [faces[0]], " ", actor=ME), WrongUse),
    ):
        refuses(refused, error)
    with library.repository.read() as unit:
        assert (unit.events.count(), unit.people.count()) == (0, 0)


def refuses(act: Callable[[], Any], error: type[FacemlError]) -> None:
    with pytest.raises(error) as caught:
        act()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("Ada Lovelase", "did you mean 'Ada Lovelace'\\? `faceml people list`"),
        ("ada lovlace", "did you mean 'Ada Lovelace'\\?"),
        ("Grace", "called 'Grace': `faceml people list` shows who is$"),
    ],
)
def test_a_mistyped_name_is_answered_with_the_nearest_one(library: Library, typed: str, answer: str) -> None:
    with library.repository.begin() as unit:
        unit.people.add("Ada Lovelace")
    with pytest.raises(NotFound, match=answer):
        show_person(library.repository, typed)


# --- merge


@pytest.fixture
def two(library: Library) -> tuple[UUID, UUID]:
    """Ada (clu_0) and Bea (clu_1), with centroids."""
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    bea = label_cluster(library, "clu_1", "Bea", actor=ME).person_id
    compute_centroids(library)
    return ada, bea


def test_a_merge_moves_faces_exemplars_and_name_and_keeps_both_records(library: Library, two) -> None:
    ada, bea = two
    report = merge_people(library, ada, bea, actor=ME)
    assert (report.faces_moved, report.faces_left) == (4, 0)
    shown = show_person(library.repository, "ada")
    assert (shown.person.id, shown.person.face_count, len(shown.exemplars)) == (bea, 8, 6)
    assert (shown.also_called, shown.has_centroid) == (("Ada",), True)
    with library.repository.read() as unit:
        assert unit.people.get(ada).status is PersonStatus.MERGED
        assert unit.people.get(ada).merged_into_id == bea
        assert set(unit.prototypes.all().person_ids) == {bea}
        vectors, _ = unit.vectors.under_people()
        roles = list(unit.prototypes.all().roles)
        centre = unit.prototypes.all().vectors[roles.index("centroid")]
    mean = vectors.vectors.mean(axis=0)
    np.testing.assert_allclose(centre, mean / np.linalg.norm(mean), atol=1e-6)
    assert index_is_equal(library)


def test_chains_of_merges_are_followed(library: Library, two, faces) -> None:
    ada, bea = two
    cleo = assign_faces_to(library, [faces[5]], "Cleo", actor=ME).person_id
    merge_people(library, ada, bea, actor=ME)
    merge_people(library, bea, cleo, actor=ME)
    assert named(library, "ADA") == cleo
    assert assign_faces_to(library, [faces[4]], ada, actor=ME).person_id == cleo
    assert show_person(library.repository, cleo).also_called == ("Ada", "Bea")


def test_faces_ruled_out_for_the_target_stay_out_of_a_merge(library: Library, two, faces) -> None:
    ada, bea = two
    reject_person(library, [faces[0]], bea, actor=ME)
    report = merge_people(library, ada, bea, actor=ME)
    assert (report.faces_moved, report.faces_left) == (3, 1)
    assert face(library, faces[0]).person_id is None
    assign_faces(library, AssignOptions(threshold=0.0))
    assert face(library, faces[0]).person_id is None


def test_whom_a_face_is_not_it_is_not_after_a_merge_either(library: Library, two, faces) -> None:
    ada, bea = two
    reject_person(library, [faces[4]], ada, actor=ME)
    merge_people(library, ada, bea, actor=ME)
    assign_faces(library, AssignOptions(threshold=0.0))
    assert face(library, faces[4]).person_id is None
    assert face(library, faces[5]).person_id == bea


def test_merges_that_cannot_be_are_refused_with_the_fix(library: Library, two, faces) -> None:
    ada, bea = two
    with pytest.raises(WrongUse, match="into itself"):
        merge_people(library, ada, ada, actor=ME)
    with pytest.raises(NotFound):
        merge_people(library, uuid4(), ada, actor=ME)
    hide_person(library, bea, actor=ME)
    with pytest.raises(Conflict, match="people unhide"):
        merge_people(library, ada, bea, actor=ME)
    unhide_person(library, bea, actor=ME)
    cleo = assign_faces_to(library, [faces[5]], "Cleo", actor=ME).person_id
    merge_people(library, ada, bea, actor=ME)
    for source, target in ((ada, cleo), (cleo, ada), (bea, ada)):
        with pytest.raises(Conflict, match=f"'Ada' is merged into 'Bea': merge {bea} instead"):
            merge_people(library, source, target, actor=ME)


# --- rename, hide


def test_a_name_that_another_person_has_is_refused_in_whatever_case(library: Library, two) -> None:
    ada, bea = two
    with pytest.raises(NameTaken, match=f"'Bea' is another person's name .* merge {ada} {bea}"):
        rename_person(library, ada, " bEA", actor=ME)
    assert rename_person(library, ada, "ADA", actor=ME).name == "ADA"
    assert named(library, "ada") == ada


def test_the_name_of_who_was_merged_into_them_is_theirs_to_take(library: Library, two) -> None:
    ada, bea = two
    merge_people(library, ada, bea, actor=ME)
    rename_person(library, bea, "Ada", actor=ME)
    assert (named(library, "Ada"), named(library, "Bea")) == (bea, bea)
    assert show_person(library.repository, bea).person.name == "Ada"
    undo(library, actor=ME)
    assert show_person(library.repository, bea).person.name == "Bea"


def test_a_hidden_person_is_matched_and_listed_no_more_and_keeps_their_faces(library: Library, two, faces) -> None:
    ada, _ = two
    hide_person(library, ada, actor=ME)
    assign_faces(library, AssignOptions(threshold=0.0))
    assert ada not in {face(library, face_id).person_id for face_id in (faces[4], faces[5])}
    assert [item.name for item in list_people(library.repository, status=PersonStatus.ACTIVE).items] == ["Bea"]
    assert face(library, faces[0]).person_id == ada
    with pytest.raises(Conflict, match="is hidden"):
        hide_person(library, ada, actor=ME)


# --- split


@pytest.fixture
def mixed(library: Library, faces) -> str:
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(face_id, "clu_mixed") for face_id in faces])
    return "clu_mixed"


def test_a_preview_shows_the_parts_and_writes_nothing(library: Library, mixed: str, faces) -> None:
    preview = preview_split(library, mixed)
    assert {frozenset(part) for part in preview.parts} == {frozenset(faces[:6]), frozenset(faces[6:])}
    with library.repository.read() as unit:
        assert len(unit.faces.in_cluster(mixed)) == 12
        assert unit.events.count() == 0


def test_a_split_is_kept_by_clustering_anew(library: Library, mixed: str) -> None:
    report = split_cluster(library, mixed, actor=ME)
    assert report.status == "split"
    assert all(name.startswith("clu_mixed_sub_") and len(name) == 20 for name in report.new_clusters)
    cluster_faces(library, ClusterOptions(min_cluster_size=2, min_samples=1))
    with library.repository.read() as unit:
        assert [len(unit.faces.in_cluster(name)) for name in report.new_clusters] == [6, 6]
    assert index_is_equal(library)


def test_a_cluster_of_one_person_does_not_fall_apart(library: Library) -> None:
    report = split_cluster(library, "clu_0", actor=ME)
    assert (report.status, report.new_clusters, report.event_id) == ("unchanged", (), None)


def test_faces_that_fit_no_part_are_in_no_cluster(library: Library, mixed: str) -> None:
    stranger = add_faces(library, people_vectors(1, 1, seed=99), prefix="s")
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(stranger[0], mixed)])
    report = split_cluster(library, mixed, actor=ME)
    assert (len(report.new_clusters), report.faces_left_out) == (2, 1)
    assert face(library, stranger[0]).cluster_id is None


def test_splitting_parts_again_keeps_to_the_columns_length(library: Library, mixed: str, faces) -> None:
    long = "clu_mixed" + "_sub_a1b2c3" * 8
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(face_id, long) for face_id in faces])
    for name in split_cluster(library, long, actor=ME).new_clusters:
        assert name.startswith("clu_mixed_sub_")
        assert len(name) <= 100


def test_a_split_of_nothing_is_refused(library: Library) -> None:
    with pytest.raises(NotFound, match="'clu_9' has no faces"):
        split_cluster(library, "clu_9", actor=ME)
    with pytest.raises(WrongUse, match="min_cluster_size=1"):
        preview_split(library, "clu_0", min_cluster_size=1)


# --- exemplars


def test_exemplars_are_chosen_by_hand_and_anew(library: Library, two, faces) -> None:
    report = choose_exemplars(library, "ada", [faces[3]], actor=ME)
    assert report.exemplars == (faces[3],)
    assert show_person(library.repository, "ada").exemplars == (faces[3],)
    assert index_is_equal(library)
    assert len(choose_exemplars(library, "ada", actor=ME).exemplars) == 3
    with pytest.raises(WrongUse, match="is not under 'Ada'"):
        choose_exemplars(library, "ada", [faces[8]], actor=ME)


def test_an_exemplar_that_is_taken_away_is_no_prototype_in_the_index(library: Library, two, faces) -> None:
    exemplar = show_person(library.repository, "ada").exemplars[0]
    unassign_faces(library, [exemplar], actor=ME)
    with library.index.open() as index:
        payload = index.retrieve([exemplar])[0].payload
    assert payload["is_prototype"] is False
    assert payload["person_id"] is None


def test_a_person_left_without_faces_loses_the_centroid(library: Library, two, faces) -> None:
    reject_person(library, faces[:4], "Ada", actor=ME)
    assert not show_person(library.repository, "Ada").has_centroid
    undo(library, actor=ME)
    assert show_person(library.repository, "Ada").has_centroid
    assert index_is_equal(library)


# --- at the same time


def test_a_label_given_while_faces_are_clustered_stays(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    import faceml.services.cluster.cluster as service

    compute = service.group_faces

    def label_meanwhile(*args: Any, **kwargs: Any) -> Any:
        label_cluster(library, "clu_0", "Ada", actor=ME)
        return compute(*args, **kwargs)

    monkeypatch.setattr(service, "group_faces", label_meanwhile)
    cluster_faces(library, ClusterOptions(min_cluster_size=2))
    assert show_person(library.repository, "Ada").person.face_count == 4
    with library.repository.read() as unit:
        assert len(unit.faces.in_cluster("clu_0")) == 4


@pytest.mark.parametrize("decision", ["reject", "unassign", "merge", "hide"])
def test_a_decision_made_while_faces_are_matched_wins(
    library: Library, two, faces, monkeypatch: pytest.MonkeyPatch, decision: str
) -> None:
    import faceml.identity.gallery as service

    ada, bea = two
    match = service.match_people

    def decide_meanwhile(*args: Any, **kwargs: Any) -> Any:
        matches = match(*args, **kwargs)
        if decision == "reject":
            reject_person(library, [faces[4]], ada, actor=ME)
        elif decision == "unassign":
            assign_faces_to(library, [faces[4]], bea, actor=ME)
            unassign_faces(library, [faces[4]], actor=ME)
        elif decision == "merge":
            merge_people(library, ada, bea, actor=ME)
        else:
            hide_person(library, ada, actor=ME)
        return matches

    monkeypatch.setattr(service, "match_people", decide_meanwhile)
    assign_faces(library)
    assert face(library, faces[4]).person_id is None


@pytest.mark.postgres
def test_two_who_label_at_once_on_postgresql_take_turns(tmp_path: Path, postgres_url: str) -> None:
    opened = library_with(
        FakePack(), Settings(home=tmp_path / "library", model_pack="opencv-zoo", database_url=postgres_url)
    )
    ids = add_faces(opened, people_vectors(1, 4, seed=3))
    failures: list[BaseException] = []

    def say(name: str) -> None:
        try:
            for _ in range(2):
                assign_faces_to(opened, ids, name, actor=name)
                reject_person(opened, ids[:2], name, actor=name)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=say, args=(name,)) for name in ("Ada", "ada", "Bea")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with opened.repository.read() as unit:
        states = unit.faces.states(ids)
        for steps in unit.events.histories(ids).values():
            assert all(step.after == later.before for step, later in pairwise(steps))
            assert states[ids[0]].assigned_by is None
    for _ in range(12):
        undo(opened, actor=ME)
    with opened.repository.read() as unit:
        assert unit.people.count() == 0
        assert all(state.person_id is None for state in unit.faces.states(ids).values())
    opened.close()


# --- the command line


@pytest.fixture
def command(library: Library, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    from faceml.cli import show

    monkeypatch.setattr(show, "open_configured", lambda: library)

    def run(*words: object, as_json: bool = True) -> Any:
        arguments = [*map(str, words), *(["--json"] if as_json else [])]
        result = CliRunner().invoke(people_commands, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout) if as_json else result.stdout

    return run


def test_every_command_takes_names_and_ids_and_prints_json(library: Library, faces, command) -> None:
    label_cluster(library, "clu_0", "Ada", actor=ME)
    assert command("assign", "Bea", faces[6], faces[7])["faces_assigned"] == 2
    assert [item["name"] for item in command("list")["items"]] == ["Ada", "Bea"]
    assert command("rename", "bea", "Beatrice")["name"] == "Beatrice"
    assert command("reject", "beatrice", faces[6])["faces_taken_away"] == 1
    assert command("unassign", faces[7])["faces_unassigned"] == 1
    assert command("exemplars", "ada", faces[0])["exemplars"] == [str(faces[0])]
    assert command("hide", named(library, "Beatrice"))["status"] == "hidden"
    assert command("list", "--status", "hidden")["total"] == 1
    assert command("unhide", "BEATRICE")["status"] == "active"
    assert command("merge", "Beatrice", "Ada")["faces_moved"] == 0
    assert command("show", "Beatrice")["person"]["name"] == "Ada"
    assert command("split", "clu_1", "--preview")["cluster_id"] == "clu_1"
    assert command("split", "clu_1")["status"] == "unchanged"
    merge = command("history", "--limit", 1)["events"][0]
    undone = command("undo")
    assert (undone["kind"], undone["decision_id"]) == ("merge", merge["event_id"])
    redone = command("redo")
    assert (redone["is_redo"], redone["decision_id"]) == (True, merge["event_id"])
    assert [event["kind"] for event in command("history", "--limit", 3)["events"]] == ["redo", "undo", "merge"]


def test_the_commands_speak_to_people(library: Library, faces, command) -> None:
    assert "Nobody here" in command("list", as_json=False)
    assert "No decision yet" in command("history", as_json=False)
    label_cluster(library, "clu_0", "Grace Hopper", actor=ME)
    assert "Grace Hopper" in command("list", as_json=False)
    assert "Exemplars: 3; centroid: no" in command("show", "grace hopper", as_json=False)
    assert "ada labelled clu_0 (4 faces) as Grace Hopper" in command("history", as_json=False)
    assert "does not fall apart" in command("split", "clu_1", as_json=False)
    assert "Undone: label (event 1); faces restored: 4" in command("undo", as_json=False)
    assert "[undone by 2]" in command("history", as_json=False)

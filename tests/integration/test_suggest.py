"""What faceml suggests to a person, and that it takes no for an answer."""

from __future__ import annotations

import json
from uuid import UUID

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import update

from faceml.cli.main import cli
from faceml.errors import NotEnoughData, NotFound, WrongUse
from faceml.library import Library
from faceml.options import AssignOptions
from faceml.services.decisions.label import assign_faces_to, label_cluster, reject_person, unassign_faces
from faceml.services.decisions.people import compute_centroids, merge_people
from faceml.services.decisions.split import mark_different, preview_split, split_cluster
from faceml.services.decisions.undo import history, undo
from faceml.services.recognise.assign import assign_faces
from faceml.services.review import faces as faces_room
from faceml.services.review import groups
from faceml.services.review.browse import find
from faceml.services.review.faces import suggest_intruders, suggest_uncertain
from faceml.services.review.groups import suggest_merges, suggest_names, suggest_splits
from faceml.services.review.review import Topic
from faceml.services.review.review import ask as ask_a_person
from faceml.storage.sql.tables import FaceInstance
from tests.conftest import add_faces, people_vectors, unit_rows
from tests.rest import API, client_of, environment_of

ME = "ada"
FACES = 8
CLUSTERS = {"clu_a": range(4), "clu_a2": range(4, 8), "clu_bc": range(8, 24), "clu_d": range(24, 32)}


@pytest.fixture
def empty(bare_library: Library) -> Library:
    return bare_library


@pytest.fixture
def ids(empty: Library) -> list[UUID]:
    """Four people of eight faces: the first in two clusters, the next two in one, the last in its own."""
    ids = add_faces(empty, people_vectors(4, FACES, spread=0.8))
    with empty.repository.begin() as unit:
        for name, rows in CLUSTERS.items():
            unit.faces.set_clusters([(ids[row], name) for row in rows])
    return ids


@pytest.fixture
def library(empty: Library, ids: list[UUID]) -> Library:
    return empty


def merges(library: Library) -> list[set[str]]:
    return [{found.one.name, found.other.name} for found in suggest_merges(library)]


# --- names


def test_the_people_a_cluster_resembles_are_named_nearest_first(library: Library) -> None:
    label_cluster(library, "clu_a", "Alice", actor=ME)
    label_cluster(library, "clu_d", "Dora", actor=ME)
    compute_centroids(library)
    found = suggest_names(library, "clu_a2")
    assert [item.person_name for item in found] == ["Alice", "Dora"]
    assert found[0].similarity > 0.6 > 0.4 > found[1].similarity
    assert str(found[0]) == f"Alice {found[0].similarity:.2f}"
    assert len(suggest_names(library, "clu_a2", limit=1)) == 1


def test_a_person_ruled_out_for_a_cluster_is_not_named_again_also_when_it_grows(library: Library, ids) -> None:
    label_cluster(library, "clu_a", "Alice", actor=ME)
    reject_person(library, ids[4:5], "Alice", actor=ME)
    assert [item.person_name for item in suggest_names(library, "clu_a2")] == ["Alice"]
    reject_person(library, ids[4:8], "Alice", actor=ME)
    more = add_faces(library, people_vectors(4, FACES, spread=0.8)[:3], prefix="more")
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(face_id, "clu_a2") for face_id in more])
    assert suggest_names(library, "clu_a2") == []


def test_names_for_a_cluster_that_is_not_there_are_refused(library: Library) -> None:
    with pytest.raises(NotFound, match="clu_x"):
        suggest_names(library, "clu_x")
    label_cluster(library, "clu_a", "Alice", actor=ME)
    with pytest.raises(NotFound, match="without a name"):
        suggest_names(library, "clu_a")


# --- merges


def test_clusters_of_one_person_are_suggested_with_evidence(library: Library, ids) -> None:
    (found,) = suggest_merges(library)
    assert {found.one.cluster_id, found.other.cluster_id} == {"clu_a", "clu_a2"}
    assert set(found.one.sample_face_ids) | set(found.other.sample_face_ids) == set(ids[:8])
    vectors = vectors_of(library, ids)
    between = vectors[:4] @ vectors[4:8].T
    assert found.mean_similarity == pytest.approx(between.mean(), abs=1e-5)
    assert found.nearest_similarity == pytest.approx(between.max(), abs=1e-5)
    a, b = (vectors[ids.index(face_id)] for face_id in found.nearest_face_ids)
    assert a @ b == pytest.approx(between.max(), abs=1e-5)
    assert found.similarity > found.mean_similarity


def test_a_person_and_a_cluster_and_two_people_are_suggested_with_the_person_first(library: Library) -> None:
    label_cluster(library, "clu_a2", "Alice", actor=ME)
    (found,) = suggest_merges(library)
    assert (found.one.name, found.other.name) == ("Alice", "clu_a")
    assert (found.one.person_id, found.one.cluster_id) == (find(library.repository, "Alice").id, None)
    label_cluster(library, "clu_a", "Alicia", actor=ME)
    assert merges(library) == [{"Alice", "Alicia"}]


def test_limit_and_similarity_bound_what_is_suggested(library: Library) -> None:
    everything = suggest_merges(library, min_similarity=-1.0)
    assert len(everything) == 6
    assert suggest_merges(library, min_similarity=-1.0, limit=2) == everything[:2]
    assert [found.similarity for found in everything] == sorted((f.similarity for f in everything), reverse=True)
    with pytest.raises(WrongUse, match="limit=0"):
        suggest_merges(library, limit=0)


def test_the_largest_groups_are_looked_through_first_and_no_more_than_needed(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = suggest_merges(library, min_similarity=-1.0)
    split = suggest_splits(library, max_similarity=1.0)
    monkeypatch.setattr(groups, "FACES_A_ROUND", 20)  # clu_bc and clu_d in the first round
    (first,) = suggest_merges(library, min_similarity=-1.0, limit=1)
    assert {first.one.name, first.other.name} == {"clu_bc", "clu_d"}
    assert first != everything[0]
    said: list[str] = []
    assert len(suggest_merges(library, min_similarity=-1.0, on_note=said.append)) == 1
    assert said == ["found among the 2 largest of 4 groups; a thorough look takes longer"]
    thorough = suggest_merges(library, min_similarity=-1.0, thorough=True, on_note=said.append)
    assert thorough == everything, "further rounds where more is asked for"
    assert len(said) == 1
    assert merges(library) == [{"clu_a", "clu_a2"}], "and where the largest are not alike"
    monkeypatch.setattr(groups, "FACES_A_ROUND", 10)
    assert [found.cluster_id for found in suggest_splits(library, max_similarity=1.0, limit=1)] == ["clu_bc"]
    assert [found.cluster_id for found in suggest_splits(library, max_similarity=1.0)] == ["clu_bc"]
    assert suggest_splits(library, max_similarity=1.0, thorough=True) == split


def test_a_request_and_a_command_say_that_groups_were_not_looked_through(
    library: Library, ids: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(face_id, "clu_ad") for face_id in [*ids[:4], *ids[24:]]])
    monkeypatch.setattr(groups, "FACES_A_ROUND", 16)  # clu_bc alone, then clu_ad and clu_a2
    said = "found among the 1 largest of 3 groups; a thorough look takes longer"
    with client_of(library) as api:
        quick, thorough = (api.get(f"{API}/suggestions?kind=splits&thorough={asked}") for asked in ("false", "true"))
    assert (quick.headers["X-Note"], len(quick.json()["splits"])) == (f"{said}: thorough=true", 1)
    assert ("X-Note" in thorough.headers, len(thorough.json()["splits"])) == (False, 2)
    words = ["faces", "suggest", "--kind", "splits"]
    quick, thorough = (
        CliRunner().invoke(cli, given, env=environment_of(library.settings))
        for given in (words, [*words, "--thorough"])
    )
    assert (f"{said}: --thorough" in quick.stderr, "clu_ad" in quick.stdout) == (True, False)
    assert ("thorough" in thorough.stderr, "clu_ad" in thorough.stdout) == (False, True)


def test_review_looks_beyond_the_groups_whose_questions_were_put_off(
    library: Library, ids: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    with library.repository.begin() as unit:  # two clusters of the last person, and two smaller ones of the first
        unit.faces.set_clusters([(face_id, f"clu_d{row % 2}") for row, face_id in enumerate(ids[24:])])
        unit.faces.set_clusters([(face_id, None) for face_id in (ids[3], ids[7])])
    everything = ask_a_person(library, Topic.SAME_PERSON)
    assert len(everything) == 2
    monkeypatch.setattr(groups, "FACES_A_ROUND", 24)  # clu_bc, clu_d0 and clu_d1
    first = next(
        question for question in everything if "clu_d0" in {question.one.cluster_id, question.other.cluster_id}
    )
    assert ask_a_person(library, Topic.SAME_PERSON) == [first], "the smaller ones wait"
    (other,) = ask_a_person(library, Topic.SAME_PERSON, leaving_out=[first.key])
    assert {other.one.cluster_id, other.other.cluster_id} == {"clu_a", "clu_a2"}


def test_what_is_said_of_two_groups_is_of_all_their_faces(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    (whole,) = suggest_merges(library)
    monkeypatch.setattr(groups, "SAMPLED", 3)
    (sampled,) = suggest_merges(library)
    assert sampled == whole
    assert (sampled.one.faces, sampled.other.faces) == (4, 4)


def test_two_groups_kept_apart_are_not_suggested_again_until_that_is_undone(library: Library) -> None:
    report = mark_different(library, "clu_a", "clu_a2", actor=ME)
    assert merges(library) == []
    label_cluster(library, "clu_a", "Alice", actor=ME)  # the word stays with the faces
    assert merges(library) == []
    assert "said that clu_a and clu_a2 are different people" in [line.text for line in history(library.repository)]
    undo(library, report.event_id, actor=ME)
    assert merges(library) == [{"Alice", "clu_a2"}]


def test_people_are_kept_apart_by_name(library: Library) -> None:
    label_cluster(library, "clu_a", "Alice", actor=ME)
    label_cluster(library, "clu_a2", "Alicia", actor=ME)
    mark_different(library, "alice", find(library.repository, "Alicia").id, actor=ME)
    assert merges(library) == []
    assert history(library.repository)[0].text == "said that Alice and Alicia are different people"
    with pytest.raises(WrongUse, match="the same"):
        mark_different(library, "Alice", "ALICE", actor=ME)
    with pytest.raises(NotFound, match="neither a cluster"):
        mark_different(library, "Alice", "clu_x", actor=ME)


def test_who_was_ruled_out_is_not_suggested(library: Library, ids) -> None:
    label_cluster(library, "clu_a", "Alice", actor=ME)
    reject_person(library, ids[4:8], "Alice", actor=ME)
    assert merges(library) == []
    label_cluster(library, "clu_a2", "Alicia", actor=ME)
    assert merges(library) == []


def test_a_merge_taken_back_is_not_suggested_again(library: Library) -> None:
    one = label_cluster(library, "clu_a", "Alice", actor=ME).person_id
    other = label_cluster(library, "clu_a2", "Alicia", actor=ME).person_id
    merge_people(library, other, one, actor=ME)
    undo(library, actor=ME)
    assert merges(library) == []


def test_parts_of_a_split_are_not_suggested_for_merging_whoever_they_are(library: Library) -> None:
    parts = set(split_cluster(library, "clu_bc", actor=ME).new_clusters)
    assert len(parts) == 2
    pairs = [{found.one.name, found.other.name} for found in suggest_merges(library, min_similarity=-1.0)]
    assert len(pairs) == 9
    assert parts not in pairs
    first, second = sorted(parts)
    label_cluster(library, first, "Bea", actor=ME)
    pairs = [{found.one.name, found.other.name} for found in suggest_merges(library, min_similarity=-1.0)]
    assert {"Bea", "clu_a"} in pairs
    assert {"Bea", second} not in pairs


# --- splits


def test_a_cluster_of_two_people_is_suggested_with_the_parts_a_split_would_make(library: Library, ids) -> None:
    (found,) = suggest_splits(library)
    assert (found.cluster_id, found.faces) == ("clu_bc", 16)
    preview = preview_split(library, "clu_bc", min_cluster_size=found.min_cluster_size)
    assert (found.parts, found.left_out) == (preview.parts, preview.left_out)
    assert found.purity == len(found.parts[0]) / 16
    people = [{ids.index(face_id) // FACES for face_id in part} for part in found.parts]
    assert all(len(who) == 1 for who in people)
    assert found.similarity < 0.4
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(face_id, "clu_ad") for face_id in [*ids[:4], *ids[24:]]])
    both = suggest_splits(library)
    assert {split.cluster_id for split in both} == {"clu_ad", "clu_bc"}
    assert both[0].gap >= both[1].gap
    assert suggest_splits(library, limit=1) == both[:1]
    assert suggest_splits(library, max_similarity=-1.0) == []


def test_a_cluster_with_a_name_is_not_suggested_for_splitting(library: Library) -> None:
    label_cluster(library, "clu_bc", "Both", actor=ME)
    assert suggest_splits(library) == []


# --- single faces


def test_the_closest_calls_come_first_and_no_decided_face_is_asked_about(library: Library, ids) -> None:
    label_cluster(library, "clu_a", "Alice", actor=ME)
    label_cluster(library, "clu_d", "Dora", actor=ME)
    compute_centroids(library)
    vectors = vectors_of(library, ids)
    between = vectors[:4].mean(axis=0) + vectors[24:].mean(axis=0)
    torn = add_faces(library, np.stack([between]), prefix="torn")[0]
    found = suggest_uncertain(library, threshold=0.6)
    assert found[0].face_id == torn
    assert {found[0].nearest.person_name, found[0].runner_up.person_name} == {"Alice", "Dora"}
    assert found[0].is_match == (found[0].nearest.similarity >= 0.6)
    assert [face.distance for face in found] == sorted(face.distance for face in found)
    decided = set(ids[:4]) | set(ids[24:])
    assert not {face.face_id for face in found} & decided
    reject_person(library, [torn], "Alice", actor=ME)
    assert "Alice" not in {face.nearest.person_name for face in suggest_uncertain(library) if face.face_id == torn}
    assign_faces_to(library, [torn], "Dora", actor=ME)
    assert torn not in {face.face_id for face in suggest_uncertain(library)}
    assert suggest_uncertain(library, threshold=0.6, min_quality=1.0) == []


def test_a_face_assigned_by_a_narrow_margin_is_uncertain(library: Library, ids) -> None:
    label_cluster(library, "clu_a", "Alice", actor=ME)
    compute_centroids(library)
    new = add_faces(library, people_vectors(4, FACES, spread=0.8)[5:6], prefix="new")
    similarity = suggest_names(library, "clu_a2")[0].similarity
    assign_faces(library, AssignOptions(threshold=0.3))
    with library.repository.read() as unit:
        assigned = unit.faces.get(new[0])
    assert assigned.person_id is not None
    found = suggest_uncertain(library, threshold=assigned.similarity - 0.01)
    assert new[0] in {face.face_id for face in found}
    assert similarity > 0.5


def test_the_best_faces_are_asked_about_first_and_more_only_while_too_few_are_close(
    library: Library, ids: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    label_cluster(library, "clu_a", "Alice", actor=ME)
    with library.repository.begin() as unit:
        unit.vectors._session.execute(update(FaceInstance).values(quality_score=0.8))
        unit.vectors._session.execute(update(FaceInstance).where(FaceInstance.id == ids[4]).values(quality_score=0.9))
    everything = suggest_uncertain(library, threshold=0.6, limit=100)
    monkeypatch.setattr(faces_room, "FIRST_COMPARED", 0)
    monkeypatch.setattr(faces_room, "FEWEST_FACES", 1)
    assert suggest_uncertain(library, threshold=0.6, limit=1)[0] in everything
    assert suggest_uncertain(library, threshold=0.6, limit=100) == everything


def test_without_people_no_face_is_uncertain(library: Library) -> None:
    assert suggest_uncertain(library) == []


def test_who_does_not_belong_is_found_with_whom_they_resemble(library: Library, ids) -> None:
    label_cluster(library, "clu_a", "Alice", actor=ME)
    label_cluster(library, "clu_a2", "Alice", actor=ME)
    label_cluster(library, "clu_d", "Dora", actor=ME)
    compute_centroids(library)
    assert suggest_intruders(library, "Alice") == []
    assign_faces_to(library, [ids[30]], "Alice", actor=ME)
    stranger = add_faces(library, unit_rows(1, seed=99), prefix="stranger")
    assign_faces_to(library, stranger, "Alice", actor=ME)
    found = suggest_intruders(library, "alice")
    assert [face.face_id for face in found] == [ids[30], stranger[0]]
    assert found[0].nearest is not None
    assert (found[0].nearest.person_name, found[0].misfit > found[1].misfit) == ("Dora", True)
    assert suggest_intruders(library, "Alice", limit=1) == found[:1]
    assign_faces_to(library, stranger, "Alice", actor=ME)  # asked and answered: it is Alice
    unassign_faces(library, [ids[30]], actor=ME)
    assert suggest_intruders(library, "Alice") == []


# --- all of them


def test_an_empty_library_has_nothing_to_suggest_and_says_why(empty: Library) -> None:
    for ask in (
        lambda: suggest_merges(empty),
        lambda: suggest_splits(empty),
        lambda: suggest_uncertain(empty),
    ):
        with pytest.raises(NotEnoughData, match=r"nothing to|nobody is labelled"):
            ask()


def test_the_command_line_shows_every_kind_and_keeps_apart(library: Library, monkeypatch) -> None:
    monkeypatch.setenv("FACEML_HOME", str(library.settings.home))
    label_cluster(library, "clu_a", "Alice", actor=ME)
    run = CliRunner().invoke(cli, ["faces", "suggest"], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    assert "1. Alice (4 faces) + clu_a2 (4 faces): centres 0." in run.output
    assert "1. clu_bc (16 faces): into " in run.output
    assert "Who is this?" in run.output
    found = json.loads(CliRunner().invoke(cli, ["faces", "suggest", "--kind", "merges", "--json"]).output)
    assert [item["other"]["cluster_id"] for item in found["merges"]] == ["clu_a2"]
    assert CliRunner().invoke(cli, ["people", "apart", "Alice", "clu_a2"]).exit_code == 0
    run = CliRunner().invoke(cli, ["faces", "suggest", "--kind", "merges"])
    assert "nothing looks like one person twice" in run.output


def vectors_of(library: Library, face_ids: list[UUID]) -> np.ndarray:
    with library.repository.read() as unit:
        return unit.vectors.of(face_ids).vectors

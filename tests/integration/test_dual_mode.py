"""Grouping to the letter of the specification: distances, one cluster a person, ids, and what is said of mere noise."""

from __future__ import annotations

import json
from contextlib import nullcontext
from uuid import UUID

import numpy as np
import pytest
from click.testing import CliRunner

from faceml.cli.main import cli
from faceml.jobs.context import JobContext, provided
from faceml.jobs.functions import cluster_dual_job, cluster_faces_job, split_cluster_job
from faceml.library import Library
from faceml.options import ClusterOptions, DualOptions
from faceml.records import Face
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.cluster.dual import cluster_dual
from faceml.services.decisions.label import assign_faces_to, label_cluster, unassign_faces
from faceml.services.decisions.people import compute_centroids, merge_people
from faceml.services.decisions.split import split_cluster
from faceml.services.decisions.undo import undo
from faceml.services.index.repair import find_orphans
from faceml.services.review.browse import list_clusters
from tests.conftest import add_faces, people_vectors, unit_rows
from tests.fakes import WIDTH
from tests.rest import API, client_of

PEOPLE, FACES = 4, 8
ME = "me"


@pytest.fixture
def ids(bare_library: Library) -> list[UUID]:
    """Four people of eight faces, as unlike each other as real ones are (cosines about 0.6), and four strangers."""
    return add_faces(bare_library, np.vstack([people_vectors(PEOPLE, FACES, spread=0.8), unit_rows(4, seed=77)]))


@pytest.fixture
def library(bare_library: Library, ids: list[UUID]) -> Library:
    return bare_library


def by_id(library: Library) -> dict[UUID, Face]:
    with library.repository.read() as unit:
        return {face.id: face for face in unit.faces.by_ids([id_ for id_, _, _ in unit.faces.labels()])}


def listed(library: Library) -> list[tuple[str, str | None]]:
    found = list_clusters(library.repository, include_labeled=True)
    return sorted((item.cluster_id, item.person_name) for item in found.items)


# --- the documented distance


@pytest.mark.parametrize("method", ["dbscan", "agglomerative"])
def test_the_documented_distance_finds_people_by_default(library: Library, method: str) -> None:
    report = cluster_dual(library, DualOptions(unknown_method=method))
    assert (report.clusters_found, report.noise_count) == (PEOPLE, 4)
    assert report.notes == ()
    euclidean = cluster_dual(library, DualOptions(unknown_method=method, unknown_metric="euclidean"))
    assert euclidean.clusters_found == 0


def test_single_and_complete_linkage_and_denser_faces_can_be_asked_for(library: Library) -> None:
    for linkage in ("single", "complete"):
        options = DualOptions(unknown_method="agglomerative", unknown_linkage=linkage, unknown_eps=0.6)
        assert cluster_dual(library, options).clusters_found == PEOPLE
    for method in ("hdbscan", "dbscan"):
        assert cluster_dual(library, DualOptions(unknown_method=method, unknown_min_samples=20)).clusters_found == 0


def test_single_mode_takes_a_metric_and_an_epsilon(bare_library: Library) -> None:
    """Three people, one of them in two groups that are nearer than the others."""
    centres = np.eye(4, WIDTH)
    centres[3] = centres[2] + 0.4 * np.eye(1, WIDTH, 9)
    noise = 0.05 * unit_rows(4 * FACES, seed=5)
    add_faces(bare_library, np.repeat(centres, FACES, axis=0) + noise)
    assert cluster_faces(bare_library).clusters_found == PEOPLE
    assert cluster_faces(bare_library, ClusterOptions(metric="cosine")).clusters_found == PEOPLE
    assert cluster_faces(bare_library, ClusterOptions(cluster_selection_epsilon=0.6)).clusters_found == PEOPLE - 1
    together = ClusterOptions(metric="cosine", cluster_selection_epsilon=0.6**2 / 2)
    assert cluster_faces(bare_library, together).clusters_found == PEOPLE - 1


# --- nothing but noise


def test_where_every_face_is_noise_each_door_says_what_to_try(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    single = "all 36 faces are noise: try a smaller min_cluster_size (it is 20)"
    dual = "all 36 faces are noise: try a larger unknown_eps (it is 0.1)"
    monkeypatch.setenv("FACEML_HOME", str(library.settings.home))
    for words, line in (
        (["cluster", "--min-cluster-size=20"], single),
        (["cluster-dual", "--unknown-method=dbscan", "--unknown-eps=0.1"], dual),
    ):
        assert f"Note: {line}" in CliRunner().invoke(cli, ["faces", *words], catch_exceptions=False).output
    with client_of(library) as api:
        answer = api.post(f"{API}/cluster", json={"minClusterSize": 20})
        assert list(answer.json()) == ["totalFaces", "clustersFound", "noiseCount", "status"]
        assert answer.headers["X-Note"].startswith(single)
        answer = api.post(f"{API}/cluster/dual", json={"unknown_method": "agglomerative", "unknown_eps": 0.1})
        assert answer.headers["X-Note"].startswith(dual)
        assert "X-Note" not in api.post(f"{API}/cluster", json={"minClusterSize": 3}).headers
    notes: list[str] = []
    with provided(lambda: nullcontext(JobContext(library, on_note=notes.append))):
        assert cluster_faces_job(min_cluster_size=20) == {"total_faces": 36, "clusters_found": 0, "noise_count": 36}
        cluster_dual_job(unknown_method="dbscan", unknown_eps=0.1)
        cluster_faces_job(min_cluster_size=3)
    assert [note.partition(":")[0] for note in notes] == ["all 36 faces are noise"] * 2


def test_faces_of_one_person_are_all_noise_and_the_hint_says_what_then(bare_library: Library) -> None:
    add_faces(bare_library, people_vectors(1, 6))
    assert "where they all show one person" in str(cluster_faces(bare_library).note)
    assert cluster_faces(bare_library, ClusterOptions(method="linkage")).note is None


# --- one cluster a person


def test_who_was_labelled_stands_in_the_list_once_after_dual_mode_ran_again(library: Library, ids: list[UUID]) -> None:
    cluster_dual(library)
    cluster_id = str(by_id(library)[ids[0]].cluster_id)
    assert cluster_id.startswith("unknown_cluster_")
    ada = label_cluster(library, cluster_id, "Ada", actor=ME).person_id
    compute_centroids(library)
    new = add_faces(library, people_vectors(PEOPLE, FACES, spread=0.8)[:2] + 0.001, prefix="new")
    cluster_dual(library)
    assert [item for item in listed(library) if item[1]] == [(f"person_{ada}", "Ada")]
    assert all(by_id(library)[id_].cluster_id == f"person_{ada}" for id_ in [*ids[:FACES], *new])
    assert find_orphans(library).stale_points == 0
    before = by_id(library)
    cluster_dual(library)
    assert by_id(library) == before


def test_a_persons_cluster_that_somebody_split_stays_split_when_dual_mode_runs_again(
    library: Library, ids: list[UUID]
) -> None:
    """The parts hold faces that a person named: dual mode gathers a person's other faces, never these."""
    ada = assign_faces_to(library, ids[: 2 * FACES], "Ada", actor=ME).person_id  # two people under one name
    cluster_dual(library)
    split = split_cluster(library, f"person_{ada}", min_cluster_size=4, actor=ME)
    assert len(split.new_clusters) == 2
    before = by_id(library)
    cluster_dual(library)
    assert by_id(library) == before
    undo(library, split.event_id, actor=ME)
    assert {by_id(library)[id_].cluster_id for id_ in ids[: 2 * FACES]} == {f"person_{ada}"}


def test_faces_named_one_by_one_and_merged_people_are_in_one_cluster_too(library: Library, ids: list[UUID]) -> None:
    cluster_faces(library)
    ada = assign_faces_to(library, ids[:5], "Ada", actor=ME).person_id
    bea = assign_faces_to(library, ids[5:FACES], "Bea", actor=ME).person_id
    cluster_dual(library)
    merge_people(library, bea, ada, actor=ME)
    assert [item for item in listed(library) if item[1]] == [(f"person_{ada}", "Ada")]
    undo(library, actor=ME)
    assert {by_id(library)[id_].cluster_id for id_ in ids[5:FACES]} == {f"person_{bea}"}


def test_a_face_leaves_the_cluster_of_whom_it_does_not_show(library: Library, ids: list[UUID]) -> None:
    cluster_dual(library)
    former = by_id(library)[ids[0]].cluster_id
    ada = label_cluster(library, str(former), "Ada", actor=ME).person_id
    cluster_dual(library)
    bob = assign_faces_to(library, [ids[0]], "Bob", actor=ME).person_id
    unassign_faces(library, [ids[1]], actor=ME)
    found = by_id(library)
    assert [found[id_].cluster_id for id_ in ids[:3]] == [f"person_{bob}", None, f"person_{ada}"]
    for _ in range(3):  # the unassignment, Bob, and the label itself
        undo(library, actor=ME)
    found = by_id(library)
    assert {(found[id_].person_id, found[id_].cluster_id) for id_ in ids[:FACES]} == {(None, former)}


def test_the_command_for_clusters_names_them_its_own_way_after_dual_mode(library: Library) -> None:
    cluster_dual(library)
    cluster_faces(library)
    names = {face.cluster_id for face in by_id(library).values()} - {None}
    assert len(names) == PEOPLE
    assert all(str(name).startswith("clu_") and len(str(name)) == 16 for name in names)
    cluster_faces(library)
    assert {face.cluster_id for face in by_id(library).values()} - {None} == names
    cluster_dual(library)
    assert all(str(name).startswith("unknown_cluster_") for name, _ in listed(library))


# --- exemplars


def test_labelling_says_where_exemplars_are_not_the_three_of_best_quality(bare_library: Library) -> None:
    alike = people_vectors(1, 6, spread=0.01)
    alike[5] = people_vectors(1, 1, seed=1, spread=0.0)[0] + alike[0]  # another photo of them, of lower quality
    for row, vector in enumerate(alike):
        add_faces(bare_library, vector[None], quality=0.9 - row / 20, prefix=f"p{row}")
    with bare_library.repository.begin() as unit:
        ids = [id_ for id_, _, _ in unit.faces.labels()]
        unit.faces.set_clusters([(id_, "clu_1") for id_ in ids])
    assert "not the best three by quality" in str(label_cluster(bare_library, "clu_1", "Ada", actor=ME).note)
    with bare_library.repository.begin() as unit:
        unit.faces.set_clusters([(id_, "clu_2") for id_ in add_faces(bare_library, unit_rows(2, seed=8), prefix="q")])
    assert label_cluster(bare_library, "clu_2", "Bob", actor=ME).note is None


# --- one cluster taken apart, through every door


def test_a_cluster_is_split_by_the_job_and_a_second_delivery_answers_the_same(
    library: Library, ids: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(id_, "clu_mixed") for id_ in ids[: 2 * FACES]])
    notes: list[str] = []
    with provided(lambda: nullcontext(JobContext(library, on_note=notes.append))):
        first = split_cluster_job("clu_mixed", min_cluster_size=4)
        assert split_cluster_job(cluster_id="clu_mixed") == first
    assert first["status"] == "split"
    assert sorted(first["new_clusters"]) == [name for name, _ in listed(library)]
    undo(library, actor=ME)
    monkeypatch.setenv("FACEML_HOME", str(library.settings.home))
    done = CliRunner().invoke(cli, ["people", "split", "clu_mixed", "--min-cluster-size=4", "--json"])
    assert len(json.loads(done.output)["new_clusters"]) == 2
    undo(library, actor=ME)
    assert split_cluster(library, "clu_mixed", min_cluster_size=4, actor=ME).status == "split"

"""Clustering, dual mode, recognition and calibration over a real database and index, on vectors of made-up people."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from faceml.errors import NotEnoughData, WrongUse
from faceml.identity.linkage import usual_similarity
from faceml.library import Library
from faceml.options import AssignOptions, ClusterOptions, DualOptions
from faceml.records import AssignedBy, Face
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.cluster.dual import cluster_dual
from faceml.services.decisions.label import assign_faces_to, label_cluster, reject_person, unassign_faces
from faceml.services.decisions.people import compute_centroids
from faceml.services.decisions.undo import undo
from faceml.services.index.repair import find_orphans
from faceml.services.recognise.assign import assign_faces
from faceml.services.recognise.calibrate import calibrate_library
from faceml.services.recognise.identify import explain_face
from faceml.storage.sql.asset_rows import PhotoFile
from tests.conftest import add_faces, add_photo, found_face, people_vectors, unit_rows

PEOPLE, FACES = 4, 8


@pytest.fixture
def peopled(library: Library) -> Library:
    """Four people with eight faces each, nobody named, and four strangers."""
    add_faces(library, np.vstack([people_vectors(PEOPLE, FACES), unit_rows(4, seed=77)]))
    return library


def faces(library: Library) -> list[Face]:
    with library.repository.read() as unit:
        return unit.faces.by_ids([face_id for face_id, _, _ in unit.faces.labels()])


def clusters(library: Library) -> dict[UUID, str | None]:
    return {face.id: face.cluster_id for face in faces(library)}


def label_all(library: Library, count: int = PEOPLE) -> None:
    """Name the first people, in the order their faces were added."""
    names = [face.cluster_id for face in sorted(faces(library), key=lambda face: face.asset_id) if face.cluster_id]
    for number, name in enumerate(list(dict.fromkeys(names))[:count]):
        label_cluster(library, name, f"Person {number}", actor="me")


# --- single mode


def test_people_are_grouped_and_strangers_are_noise(peopled: Library) -> None:
    report = cluster_faces(peopled)
    assert (report.total_faces, report.clusters_found, report.noise_count) == (36, PEOPLE, 4)
    sizes = Counter(clusters(peopled).values())
    assert sizes.pop(None) == 4
    assert all(re.fullmatch(r"clu_[0-9a-f]{12}", name or "") for name in sizes)
    assert set(sizes.values()) == {FACES}
    assert find_orphans(peopled).stale_points == 0


def test_linkage_merges_from_the_similarity_asked_for_or_from_the_usual_one_of_the_pack(peopled: Library) -> None:
    notes: list[str] = []
    report = cluster_faces(peopled, ClusterOptions(method="linkage", min_cluster_size=2), on_note=notes.append)
    assert (report.clusters_found, report.noise_count) == (PEOPLE, 4)
    assert set(Counter(clusters(peopled).values()).values()) == {FACES, 4}

    strict = ClusterOptions(method="linkage", min_cluster_size=2, min_similarity=0.999)
    assert cluster_faces(peopled, strict, on_note=notes.append).clusters_found < PEOPLE
    contract = peopled.repository.pack()
    assert contract is not None
    usual = usual_similarity(contract.match_threshold, PEOPLE * FACES + 4)
    assert notes == [f"Groups are merged from a mean similarity of {value:.3f} on" for value in (usual, 0.999)]


def test_clusters_keep_their_ids_from_run_to_run_and_when_they_grow(peopled: Library) -> None:
    cluster_faces(peopled)
    before = clusters(peopled)
    cluster_faces(peopled)
    assert clusters(peopled) == before
    add_faces(peopled, people_vectors(PEOPLE, FACES)[:3] + 0.01, prefix="new")
    cluster_faces(peopled)
    after = clusters(peopled)
    assert {face_id: after[face_id] for face_id in before} == before
    assert len(set(after.values())) == PEOPLE + 1


def test_named_faces_take_no_part_and_keep_their_cluster(peopled: Library) -> None:
    cluster_faces(peopled)
    label_all(peopled, 1)
    named = {face.id: face.cluster_id for face in faces(peopled) if face.person_id}
    report = cluster_faces(peopled, ClusterOptions(min_cluster_size=3))
    assert report.total_faces == 36 - FACES
    assert {face.id: face.cluster_id for face in faces(peopled) if face.person_id} == named


def test_poor_faces_and_faces_beyond_the_limit_stay_as_they_are(peopled: Library) -> None:
    poor = add_faces(peopled, people_vectors(1, 5, seed=50), quality=0.3, prefix="poor")
    report = cluster_faces(peopled)
    assert report.total_faces == 36
    assert all(clusters(peopled)[face_id] is None for face_id in poor)
    assert cluster_faces(peopled, ClusterOptions(max_faces=10)).faces_left_out == 26
    assert cluster_faces(peopled, ClusterOptions(quality_threshold=0.2)).total_faces == 41


def test_a_loose_cluster_is_dropped_where_cohesion_is_asked_for(library: Library) -> None:
    add_faces(library, np.vstack([people_vectors(2, 8), unit_rows(40, seed=5)]))
    options = ClusterOptions(min_cluster_size=3, min_samples=2, min_cohesion=0.6)
    assert cluster_faces(library, options).clusters_found == 2


def test_only_photos_of_the_month_are_grouped_and_the_others_keep_their_clusters(peopled: Library) -> None:
    cluster_faces(peopled)
    before = clusters(peopled)
    with peopled.repository.begin() as unit:
        photos = [(f"month{row}.jpg", datetime(2025, 12, 31, 23, 59, tzinfo=UTC)) for row in range(6)]
        photos += [(f"later{row}.jpg", datetime(2026, 1, 1, tzinfo=UTC)) for row in range(6)]
        unit.assets.add([PhotoFile(Path("/photos") / name, name.ljust(64, "0"), 1, 1, at) for name, at in photos])
        known = unit.assets.at_paths([Path("/photos") / name for name, _ in photos])
        rows = [known[Path("/photos") / name].asset_id for name, _ in photos]
        vectors = people_vectors(2, 6, seed=60)
        ids = unit.faces.add([(row, found_face(v)) for row, v in zip(rows, vectors, strict=True)], pack="opencv-zoo")
    report = cluster_faces(peopled, ClusterOptions(time_bucket="2025-12", min_cluster_size=3))
    assert report.total_faces == 6
    after = clusters(peopled)
    assert {id_: after[id_] for id_ in before} == before
    assert all(after[face_id] is None for face_id in ids[6:])


def test_a_month_is_bounded_by_its_first_instant_and_the_next_ones() -> None:
    february = ClusterOptions(time_bucket="2024-02")
    assert february.month == (datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC))
    with pytest.raises(WrongUse, match="YYYY-MM"):
        ClusterOptions(time_bucket="February")


# --- recognition


def test_new_faces_go_to_their_person_and_strangers_stay_unknown(peopled: Library) -> None:
    cluster_faces(peopled)
    label_all(peopled)
    compute_centroids(peopled)
    new = add_faces(peopled, people_vectors(PEOPLE, FACES)[::FACES] + 0.005, prefix="new")
    report = assign_faces(peopled)
    assert (report.processed, report.assigned, report.people_matched) == (8, 4, 4)
    assigned = {face.id: face for face in faces(peopled) if face.assigned_by is AssignedBy.PROTOTYPE}
    assert set(assigned) == set(new)
    assert all(face.similarity > 0.6 and face.model_version == "raw" for face in assigned.values())
    assert find_orphans(peopled).stale_points == 0


def test_a_person_ruled_out_is_never_proposed_and_no_decision_is_overwritten(peopled: Library) -> None:
    cluster_faces(peopled)
    label_all(peopled)
    compute_centroids(peopled)
    new = add_faces(peopled, people_vectors(PEOPLE, FACES)[:2] + 0.005, prefix="new")
    assign_faces(peopled)
    person = next(face.person_id for face in faces(peopled) if face.id == new[0])
    reject_person(peopled, [new[0]], person, actor="me")
    unassign_faces(peopled, [new[1]], actor="me")
    assign_faces(peopled, AssignOptions(threshold=0.0))
    cluster_dual(peopled, DualOptions(person_threshold=0.0))
    after = {face.id: face for face in faces(peopled)}
    assert after[new[0]].person_id != person
    assert after[new[1]].person_id is None
    assert "Person" in explain_face(peopled, new[0]).ruled_out[0]


def test_an_assignment_explains_itself(peopled: Library) -> None:
    cluster_faces(peopled)
    label_all(peopled)
    compute_centroids(peopled)
    (new,) = add_faces(peopled, people_vectors(PEOPLE, FACES)[:1] + 0.005, prefix="new")
    assign_faces(peopled, AssignOptions(threshold=0.55))
    why = explain_face(peopled, new)
    own = [item for item in why.nearest if item.person_name == why.person_name]
    next_one = next(item for item in why.nearest if item.person_name != why.person_name)
    assert (why.assigned_by, why.threshold, why.model_version) == ("prototype", 0.55, "raw")
    assert why.similarity == pytest.approx(own[0].similarity, abs=1e-6)
    assert why.runner_up_name == next_one.person_name
    assert why.runner_up_similarity == pytest.approx(next_one.similarity, abs=1e-6)

    cluster_dual(peopled, DualOptions(person_threshold=0.65))  # assigns it anew, under person_{uuid}
    cluster_dual(peopled, DualOptions(person_threshold=0.6))  # leaves it where it is, by the word that put it there
    assert explain_face(peopled, new).threshold == 0.65
    person = next(face.person_id for face in faces(peopled) if face.id == new)
    rejected = reject_person(peopled, [new], person, actor="me")
    assert explain_face(peopled, new).threshold is None
    undo(peopled, rejected.event_id, actor="me")
    assert explain_face(peopled, new).threshold == 0.65

    by_hand = next(face.id for face in faces(peopled) if face.assigned_by is AssignedBy.MANUAL)
    assert explain_face(peopled, by_hand).threshold is None


def test_without_anybody_named_nobody_is_recognised(peopled: Library) -> None:
    report = assign_faces(peopled)
    assert (report.assigned, report.status) == (0, "no_prototypes")


# --- dual mode


def test_dual_mode_assigns_the_known_and_groups_the_unknown(peopled: Library) -> None:
    cluster_faces(peopled)
    label_all(peopled, 2)
    new = add_faces(peopled, people_vectors(PEOPLE, FACES)[: 2 * FACES : 4] + 0.005, prefix="new")
    report = cluster_dual(peopled)
    assert (report.faces_processed, report.assigned_to_persons, report.persons_matched) == (24, 4, 2)
    assert (report.unlabeled_faces, report.clusters_found, report.noise_count) == (20, 2, 4)
    by_id = {face.id: face for face in faces(peopled)}
    assert all(by_id[face_id].cluster_id == f"person_{by_id[face_id].person_id}" for face_id in new)
    unknown = {name for name in clusters(peopled).values() if name and name.startswith("unknown_cluster_")}
    assert unknown == {"unknown_cluster_1", "unknown_cluster_2"}
    manual = [face for face in faces(peopled) if face.assigned_by is AssignedBy.MANUAL]
    assert len(manual) == 2 * FACES
    assert find_orphans(peopled).stale_points == 0


def test_unknown_clusters_keep_their_numbers_and_a_number_is_never_used_again(peopled: Library) -> None:
    cluster_dual(peopled)
    before = clusters(peopled)
    cluster_dual(peopled)
    assert clusters(peopled) == before
    label_cluster(peopled, "unknown_cluster_1", "Ada", actor="me")
    add_faces(peopled, people_vectors(1, 6, seed=300), prefix="more")
    cluster_dual(peopled)
    names = {name for name in clusters(peopled).values() if name and name.startswith("unknown_")}
    assert "unknown_cluster_5" in names
    assert {name for name in before.values() if name} - names == {"unknown_cluster_1"}  # Ada's is person_{uuid} now


@pytest.mark.parametrize("method", ["hdbscan", "dbscan", "agglomerative", "linkage"])
def test_every_method_finds_the_unknown_people(peopled: Library, method: str) -> None:
    report = cluster_dual(peopled, DualOptions(unknown_method=method, unknown_eps=0.7))
    assert (report.clusters_found, report.noise_count) == (PEOPLE, 4)


def test_a_stricter_run_gives_back_what_only_faceml_assigned(peopled: Library) -> None:
    cluster_faces(peopled)
    label_all(peopled, 2)
    add_faces(peopled, people_vectors(PEOPLE, FACES)[: 2 * FACES : 4] + 0.005, prefix="new")
    assert cluster_dual(peopled, DualOptions(person_threshold=0.5)).assigned_to_persons == 4
    assert cluster_dual(peopled, DualOptions(person_threshold=1.0)).assigned_to_persons == 0
    assert sum(face.assigned_by is AssignedBy.MANUAL for face in faces(peopled)) == 2 * FACES


def test_a_person_is_on_a_photo_once_where_that_is_asked_for(peopled: Library) -> None:
    cluster_faces(peopled)
    label_all(peopled, 1)
    person_face = next(face for face in faces(peopled) if face.person_id)
    with peopled.repository.begin() as unit:
        vector = unit.vectors.of([person_face.id]).vectors[0]
        photo = add_photo(unit, "mirror.jpg")
        rows = [(photo, found_face(vector, x=10)), (photo, found_face(vector + 0.02 * unit_rows(1, seed=9)[0], x=300))]
        unit.outbox.push(unit.faces.add(rows, pack="opencv-zoo"))
    report = cluster_dual(peopled, DualOptions(one_face_a_photo=True))
    assert (report.assigned_to_persons, report.in_review) == (1, 1)
    assert cluster_dual(peopled).assigned_to_persons == 2


# --- calibration


def test_auto_needs_enough_labels_and_says_how_many(peopled: Library) -> None:
    cluster_faces(peopled)
    label_all(peopled)
    with pytest.raises(NotEnoughData, match="label more"):
        assign_faces(peopled, AssignOptions(threshold="auto"))
    with pytest.raises(WrongUse, match="threshold='soon' is not a number from 0 to 1 or auto"):
        assign_faces(peopled, AssignOptions(threshold="soon"))


def test_auto_finds_a_threshold_between_people_and_strangers(library: Library) -> None:
    people, faces_each = 30, 5
    vectors = people_vectors(people, faces_each + 1, spread=0.8).reshape(people, faces_each + 1, -1)
    ids = add_faces(library, vectors[:, :faces_each].reshape(people * faces_each, -1))
    later = replace(library, index_follower=lambda: None)
    for person in range(people):
        first = person * faces_each
        assign_faces_to(later, ids[first : first + faces_each], f"Person {person}", actor="me")
    compute_centroids(library)
    known = add_faces(library, vectors[:, -1], prefix="known")
    strangers = add_faces(library, unit_rows(60, seed=123), prefix="stranger")
    report = calibrate_library(library)
    assert report.calibration.people == people
    assigned = assign_faces(library, AssignOptions(threshold="auto"))
    assert assigned.threshold == pytest.approx(report.calibration.threshold)
    named = {face.id for face in faces(library) if face.assigned_by is AssignedBy.PROTOTYPE}
    assert len(named & set(known)) >= 0.9 * people
    assert not named & set(strangers)


def test_dual_mode_has_nothing_to_do_where_a_person_decided_about_every_face(library: Library) -> None:
    add_faces(library, people_vectors(PEOPLE, FACES))
    cluster_faces(library)
    label_all(library)
    assert cluster_dual(library).faces_processed == 0

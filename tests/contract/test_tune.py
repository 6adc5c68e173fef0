"""The map of faces, and what other options would do: over REST, on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from fastapi.testclient import TestClient

from faceml.config import Settings
from faceml.identity.projection import Head
from faceml.library import Library
from faceml.options import AssignOptions, ClusterOptions, DualOptions
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.cluster.dual import cluster_dual
from faceml.services.cluster.tune import Tuner
from faceml.services.decisions.label import dismiss_faces, label_cluster
from faceml.services.decisions.private import erase_person
from faceml.services.learn.experiments import list_experiments
from faceml.services.recognise.assign import assign_faces
from faceml.tracking.experiment import Experiment
from tests.conftest import WIDTH, add_faces, add_photo, found_face, people_vectors
from tests.fakes import FakePack, library_with
from tests.heads import card_for, register
from tests.rest import API, client_of

PEOPLE, FACES = 4, 8
BOTH = pytest.mark.parametrize(
    "library", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
BLIND = Head(np.zeros(WIDTH, np.float32), np.eye(2, WIDTH, dtype=np.float32), ())  # sees two numbers of each vector


@pytest.fixture
def library(request: pytest.FixtureRequest, tmp_path: Path, empty_mlflow: Path) -> Iterator[Library]:
    """Four people with eight faces each; six of each in the clusters clu_0 to clu_3, two in none."""
    urls = (
        {}
        if getattr(request, "param", "sqlite") == "sqlite"
        else {"database_url": str(request.getfixturevalue("postgres_url"))}
    )
    (tmp_path / "mlruns").mkdir()
    shutil.copy(empty_mlflow, tmp_path / "mlruns" / "mlflow.db")
    tracking = f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}"
    settings = Settings(home=tmp_path / "library", model_pack="opencv-zoo", tracking_uri=tracking, **urls)
    opened = library_with(FakePack(), settings)
    ids = add_faces(opened, people_vectors(PEOPLE, FACES, seed=3))
    with opened.repository.begin() as unit:
        unit.faces.set_clusters([(id_, f"clu_{row // FACES}") for row, id_ in enumerate(ids) if row % FACES < 6])
    yield opened
    opened.close()


@pytest.fixture
def api(library: Library) -> Iterator[TestClient]:
    with client_of(library) as client:
        yield client


def faces_of(library: Library) -> list[UUID]:
    """In order of person."""
    with library.repository.read() as unit:
        photos = unit.faces.photo_of([face_id for face_id, _, _ in unit.faces.labels()])
    return sorted(photos, key=photos.__getitem__)


def state(library: Library) -> dict[UUID, tuple[Any, Any]]:
    with library.repository.read() as unit:
        return {face_id: (person_id, cluster_id) for face_id, person_id, cluster_id in unit.faces.labels()}


def get(api: TestClient, path: str, **parameters: Any) -> Any:
    answer = api.get(f"{API}/{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(api: TestClient, path: str, **body: Any) -> Any:
    answer = api.post(f"{API}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def runs(library: Library, kind: str) -> Sequence[Experiment]:
    return list_experiments(library, kind=kind)


def seen(library: Library) -> None:
    """As detection ends: whoever looks at all faces is told."""
    with library.repository.begin() as unit:
        unit.events.lock()


def places(found: Any) -> dict[UUID, np.ndarray[Any, Any]]:
    parts = zip(found["faceIds"], found["x"], found["y"], strict=True)
    return {UUID(face_id): np.array([x, y]) for face_id, x, y in parts}


# --- the map


@BOTH
def test_faces_that_look_alike_lie_together_and_stay_where_they_are(api: TestClient, library: Library) -> None:
    label_cluster(library, "clu_0", "Ada", actor="ada")
    found, ids = get(api, "grid/map"), faces_of(library)
    at = places(found)
    assert set(at) == set(ids)
    assert found["total"] == len(ids)
    people = [np.array([at[face_id] for face_id in ids[row : row + FACES]]) for row in range(0, len(ids), FACES)]
    spread = np.mean([np.linalg.norm(group - group.mean(axis=0), axis=1).mean() for group in people])
    apart = min(np.linalg.norm(one.mean(axis=0) - other.mean(axis=0)) for one, other in combinations(people, 2))
    assert apart > 2 * spread
    assert [(group["label"], group["isPerson"], group["faces"]) for group in found["largest"][:1]] == [("Ada", True, 6)]
    assert sorted(group["faces"] for group in found["largest"]) == [6, 6, 6, 6]
    named = places(get(api, "grid/map", place="people"))
    assert len(named) == 6
    assert all((named[face_id] == at[face_id]).all() for face_id in named)


def test_a_map_of_many_faces_is_of_some_drawn_by_chance(api: TestClient) -> None:
    found = get(api, "grid/map", most=10)
    assert (found["total"], len(found["faceIds"])) == (PEOPLE * FACES, 10)
    assert places(found).keys() <= places(get(api, "grid/map")).keys()


def test_a_new_face_lies_with_those_it_resembles(api: TestClient, library: Library) -> None:
    before = places(get(api, "grid/map"))
    (new,) = add_faces(library, people_vectors(PEOPLE, FACES, seed=3)[:1] + 0.001, prefix="new")
    seen(library)
    after = places(get(api, "grid/map"))
    assert all((after[face_id] == before[face_id]).all() for face_id in before)
    nearest = min(before, key=lambda face_id: float(np.linalg.norm(before[face_id] - after[new])))
    assert nearest in faces_of(library)[:FACES]


def test_nothing_of_somebody_erased_is_kept_for_the_map(api: TestClient, library: Library) -> None:
    person = label_cluster(library, "clu_0", "Ada", actor="ada").person_id
    get(api, "grid/map")
    erase_person(library, person, actor="ada", is_confirmed=True)
    found = places(get(api, "grid/map"))
    assert len(found) == PEOPLE * FACES - 6
    assert found.keys() == set(faces_of(library))


def test_an_empty_library_has_an_empty_map(tmp_path: Path) -> None:
    empty = library_with(FakePack(), Settings(home=tmp_path / "library", model_pack="opencv-zoo"))
    with client_of(empty) as api:
        assert get(api, "grid/map")["faceIds"] == []
    empty.close()


def test_tiles_come_in_the_order_asked_without_those_that_are_gone(api: TestClient, library: Library) -> None:
    ids = [str(face_id) for face_id in faces_of(library)[:3]][::-1]
    gone = "00000000-0000-4000-8000-000000000000"
    assert [tile["faceId"] for tile in post(api, "grid/tiles", faceIds=[ids[0], gone, *ids[1:]])["faces"]] == ids


# --- detection


@BOTH
def test_bounds_of_detection_are_counted_and_applied_and_taken_back(api: TestClient, library: Library) -> None:
    with library.repository.begin() as unit:
        rows = [(add_photo(unit, f"s{size}.jpg"), found_face(people_vectors(1, 1)[0], size=size)) for size in (18, 30)]
        small = unit.faces.add(rows, pack="opencv-zoo")
    seen(library)
    label_cluster(library, "clu_0", "Ada", actor="ada")
    bounds = {"minConfidence": 0.5, "minFaceSize": 40}
    found = post(api, "tune/detection", **bounds)
    assert (found["faces"], found["kept"], found["small"], found["unsure"]) == (34, 32, 2, 0)
    assert (found["undecided"], found["good"]) == (2, 32)
    dropped = [example["faceId"] for example in found["examples"] if example["change"] == "dropped"]
    assert dropped == [str(small[1]), str(small[0])]  # nearest to the bound first
    everything = post(api, "tune/detection", minConfidence=0.99, minFaceSize=1)
    assert (everything["kept"], everything["unsure"], everything["undecided"]) == (0, 34, 28)  # Ada's are decided
    assert post(api, "tune/detection", **bounds)["faces"] == 34
    refused = api.post(f"{API}/tune/detection/apply", json={"minConfidence": 0, "minFaceSize": 1})
    assert refused.status_code == 409
    assert "nothing to dismiss" in refused.json()["detail"]


# --- grouping


@pytest.mark.parametrize("options", [{}, {"min_cluster_size": 9}, {"method": "linkage", "min_cluster_size": 2}])
def test_a_preview_of_grouping_is_what_clustering_does(api: TestClient, library: Library, options: Any) -> None:
    before = state(library)
    found = post(api, "tune/grouping", **options)
    assert state(library) == before
    assert (found["before"]["clusters"], found["before"]["grouped"]) == (PEOPLE, 6 * PEOPLE)
    assert (found["faces"], found["facesInAll"]) == (PEOPLE * FACES, PEOPLE * FACES)
    cluster_faces(library, ClusterOptions(**options))
    after = state(library)
    clusters = [cluster_id for _, cluster_id in after.values() if cluster_id]
    assert (found["after"]["clusters"], found["after"]["grouped"]) == (len(set(clusters)), len(clusters))
    moves = [(before[id_][1], after[id_][1]) for id_ in before]
    assert found["joined"] == sum(not old and bool(new) for old, new in moves)
    assert found["left"] == sum(bool(old) and not new for old, new in moves)
    assert found["moved"] == sum(bool(old) and bool(new) and old != new for old, new in moves)
    assert {example["change"] for example in found["examples"]} <= {"joined", "left", "moved"}


def test_a_preview_of_grouping_leaves_out_what_clustering_does(api: TestClient, library: Library) -> None:
    ids = faces_of(library)
    label_cluster(library, "clu_0", "Ada", actor="ada")
    dismiss_faces(library, ids[-1:], "stranger", actor="ada")
    add_faces(library, people_vectors(1, 3, seed=8), quality=0.2, prefix="poor")
    seen(library)
    found = post(api, "tune/grouping")
    assert found["facesInAll"] == cluster_faces(library, ClusterOptions()).total_faces == PEOPLE * FACES - 7
    refused = api.post(f"{API}/tune/grouping", json={"qualityThreshold": 1})
    assert refused.status_code == 409
    assert "no face waits to be grouped" in refused.json()["detail"]


# --- recognition


def test_a_preview_of_recognition_is_what_assigning_does(api: TestClient, library: Library) -> None:
    for person in range(3):
        label_cluster(library, f"clu_{person}", f"Person {person}", actor="ada")
    found = post(api, "tune/recognition", similarityThreshold=0.3)
    assert (found["faces"], found["before"], found["after"], found["joined"]) == (2 * PEOPLE, 0, 6, 6)
    assert sum(part["faces"] for part in found["bins"]) == 2 * PEOPLE
    assert {example["name"] for example in found["examples"]} <= {f"Person {number}" for number in range(3)}
    assert all(example["otherId"] for example in found["examples"])
    assert found["falseMatches"]["faces"] == 18
    assert post(api, "tune/recognition", similarityThreshold=0.99)["after"] == 0
    assert all(person is None or cluster for person, cluster in state(library).values())  # nothing is assigned yet
    assert assign_faces(library, AssignOptions(threshold=0.3)).assigned == 6


@BOTH
def test_a_preview_of_recognising_again_is_what_dual_mode_does(api: TestClient, library: Library) -> None:
    for person in range(2):
        label_cluster(library, f"clu_{person}", f"Person {person}", actor="ada")
    assign_faces(library, AssignOptions(threshold=0.3))
    stricter = post(api, "tune/recognition", similarityThreshold=0.99, again=True)
    assert (stricter["before"], stricter["after"], stricter["left"]) == (4, 0, 4)
    assert len([example for example in stricter["examples"] if example["change"] == "left"]) == 4
    assert cluster_dual(library, DualOptions(person_threshold=0.99)).assigned_to_persons == 0
    found = post(api, "tune/recognition", similarityThreshold=0.3, again=True)
    assert found["joined"] == cluster_dual(library).assigned_to_persons == 4


def test_what_is_tried_is_compared_in_the_champions_space(library: Library) -> None:
    raw = Tuner(library).grouping(ClusterOptions())
    assert (raw.model_version, raw.left) == ("raw", 0)
    register(library, BLIND, card=card_for(library))
    library.registry.set_alias("champion", 1)
    tuner = Tuner(library)
    found = tuner.grouping(ClusterOptions())
    report = cluster_faces(library, ClusterOptions())
    assert found.model_version == report.model_version == "face-projection/1"
    assert found.after.clusters == report.clusters_found
    assert found.after != raw.after
    assert tuner.start().model_version == "face-projection/1"


def test_applying_is_recorded_as_a_run_and_dismissing_can_be_taken_back(api: TestClient, library: Library) -> None:
    label_cluster(library, "clu_0", "Ada", actor="ada")
    done = post(api, "tune/detection/apply", minConfidence=0.99, minFaceSize=20)
    assert done["facesChanged"] == PEOPLE * FACES - 6  # all but Ada's, about which somebody decided
    (run,) = runs(library, "tune")
    assert (run.parameters["min_confidence"], run.metrics["faces_dismissed"]) == ("0.99", PEOPLE * FACES - 6)
    assert post(api, "undo", eventId=done["eventId"])["facesRestored"] == PEOPLE * FACES - 6
    figures = post(api, "tune/recognition/apply", similarityThreshold=0.3)["figures"]
    assert (figures["assigned"], runs(library, "assign")[0].metrics["assigned"]) == (2, 2)
    figures = post(api, "tune/grouping/apply", minClusterSize=4)["figures"]
    (run,) = runs(library, "cluster")
    assert (run.parameters["min_cluster_size"], run.parameters["model"]) == ("4", "raw")
    assert run.metrics["clusters_found"] == figures["clusters_found"] == PEOPLE - 1
    figures = post(api, "tune/recognition/apply", similarityThreshold=0.3, again=True)["figures"]
    assert runs(library, "cluster")[0].parameters["mode"] == "dual"
    assert figures["assigned_to_persons"] == 2


def test_a_key_that_may_only_read_previews_but_applies_nothing(library: Library) -> None:
    from dataclasses import replace

    settings = replace(library.settings, api_key="full", api_read_key="reader")
    with client_of(replace(library, settings=settings), Authorization="Bearer reader") as api:
        post(api, "tune/grouping")
        assert api.post(f"{API}/tune/grouping/apply", json={}).status_code == 403


def test_nothing_can_be_tuned_before_a_face_is_found(tmp_path: Path) -> None:
    empty = library_with(FakePack(), Settings(home=tmp_path / "library", model_pack="opencv-zoo"))
    with client_of(empty) as api:
        answer = api.get(f"{API}/tune")
        assert answer.status_code == 409
        assert "detect some first" in answer.json()["detail"]
    empty.close()

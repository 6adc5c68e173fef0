"""What the REST API does, the same on SQLite with Edge and on PostgreSQL with a Qdrant server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from faceml.config import Settings
from faceml.library import Library
from faceml.services.index.repair import find_orphans
from tests.rest import API, client_of, two_people


@pytest.fixture(params=["sqlite+edge", pytest.param("postgres+server", marks=pytest.mark.postgres)])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "sqlite+edge":
        urls = {}
    else:
        urls = {
            "database_url": str(request.getfixturevalue("postgres_library_url")),
            "qdrant_url": str(request.getfixturevalue("qdrant_over_http")),
        }
    tracking = f"sqlite:///{tmp_path / 'mlflow.db'}"
    return Settings(home=tmp_path / "library", model_pack="opencv-zoo", tracking_uri=tracking, **urls)


@pytest.fixture
def people(stores: Settings) -> Iterator[tuple[Library, list[UUID]]]:
    library, ids = two_people(stores)
    yield library, ids
    library.close()


@pytest.fixture
def api(people: tuple[Library, list[UUID]]) -> Iterator[TestClient]:
    with client_of(people[0]) as client:
        yield client


@pytest.fixture
def faces(people: tuple[Library, list[UUID]]) -> list[UUID]:
    return people[1]


def label(api: TestClient, cluster: str, name: str) -> str:
    answer = api.post(f"{API}/clusters/{cluster}/label", json={"name": name})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["personId"])


def test_clusters_are_listed_in_pages_and_leave_the_list_when_they_are_named(api: TestClient) -> None:
    first = api.get(f"{API}/clusters?pageSize=1").json()
    second = api.get(f"{API}/clusters?page=2&pageSize=1").json()
    assert (first["total"], second["total"], first["pageSize"], second["page"]) == (2, 2, 1, 2)
    assert {first["items"][0]["clusterId"], second["items"][0]["clusterId"]} == {"clu_0", "clu_1"}
    ada = label(api, "clu_0", "Ada")
    assert [item["clusterId"] for item in api.get(f"{API}/clusters").json()["items"]] == ["clu_1"]
    every = api.get(f"{API}/clusters?include_labeled=true").json()["items"]
    assert {item["clusterId"]: item["personId"] for item in every} == {"clu_0": ada, "clu_1": None}


def test_decisions_change_faces_and_index_and_can_be_undone_by_the_event_of_the_answer(
    api: TestClient, people: tuple[Library, list[UUID]]
) -> None:
    library, faces = people
    ada, bea = label(api, "clu_0", "Ada"), label(api, "clu_1", "Bea")
    merged = api.post(f"{API}/persons/{ada}/merge", json={"intoPersonId": bea})
    assert merged.json() == {"sourcePersonId": ada, "targetPersonId": bea, "facesMoved": 4}
    assert api.get(f"{API}/persons/{ada}").json()["id"] == bea  # who was merged answers with whom they became
    undone = api.post(f"{API}/undo", json={"eventId": int(merged.headers["X-Event-Id"])})
    assert undone.json()["kind"] == "merge"
    assert api.get(f"{API}/persons?status=active").json()["total"] == 2
    api.post(f"{API}/faces/{faces[4]}/assign", json={"personId": ada})
    rejected = api.post(f"{API}/faces/{faces[0]}/reject", json={"name": "ada"}).json()
    assert rejected["takenAway"] is True
    assert api.post(f"{API}/faces/{faces[4]}/unassign").status_code == 200
    assert api.get(f"{API}/persons/{ada}").json()["faceCount"] == 3
    found = find_orphans(library, limit=1000)
    assert (found.orphans, found.stale_points, found.stray_points) == ((), 0, 0)


def test_people_are_renamed_hidden_and_brought_back(api: TestClient) -> None:
    ada = label(api, "clu_0", "Ada")
    label(api, "clu_1", "Bea")
    assert api.post(f"{API}/persons/{ada}/rename", json={"name": "Ida"}).json()["formerName"] == "Ada"
    taken = api.post(f"{API}/persons/{ada}/rename", json={"name": "BEA"})
    assert (taken.status_code, taken.headers["Content-Type"]) == (409, "application/problem+json")
    assert api.post(f"{API}/persons/{ada}/hide").json()["status"] == "hidden"
    assert api.post(f"{API}/persons/{ada}/hide").status_code == 409
    assert api.get(f"{API}/persons?status=hidden").json()["items"][0]["name"] == "Ida"
    assert api.post(f"{API}/persons/{ada}/unhide").json()["status"] == "active"


def test_what_is_not_there_is_said_in_one_line(api: TestClient) -> None:
    for method, path in (
        ("GET", "/clusters/nobody"),
        ("GET", f"/persons/{uuid4()}"),
        ("GET", "/assets/999999"),
        ("POST", "/detect/999999"),
        ("GET", f"/faces/{uuid4()}/thumbnail"),
        ("POST", f"/faces/{uuid4()}/unassign"),
        ("DELETE", f"/persons/{uuid4()}?confirm=true"),
        ("POST", "/undo"),
        ("GET", "/nothing"),
    ):
        answer = api.request(method, API + path)
        problem = answer.json()
        assert (answer.status_code, problem["status"], problem["title"]) == (404, 404, "Not Found"), path
        assert problem["detail"]
        assert "\n" not in problem["detail"]


def test_a_list_that_did_not_change_is_not_sent_again(api: TestClient) -> None:
    first = api.get(f"{API}/clusters")
    again = api.get(f"{API}/clusters", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    label(api, "clu_0", "Ada")
    assert api.get(f"{API}/clusters", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_clustering_answers_with_the_numbers_of_the_run(api: TestClient) -> None:
    found = api.post(f"{API}/cluster", json={"minClusterSize": 3, "minSamples": 2}).json()
    assert (found["totalFaces"], found["status"]) == (12, "completed")
    assert found["clustersFound"] == 2
    label(api, api.get(f"{API}/clusters").json()["items"][0]["clusterId"], "Ada")
    dual = api.post(f"{API}/cluster/dual", json={"personThreshold": 0.5, "unknownMinClusterSize": 3}).json()
    assert (dual["total_faces"], dual["unsupervised"]["unlabeled_faces"], dual["status"]) == (6, 6, "completed")


def test_both_spellings_are_understood_and_no_other(api: TestClient) -> None:
    for body in ({"min_cluster_size": 2}, {"minClusterSize": 2}, {}):
        assert api.post(f"{API}/clusters/clu_0/split", json=body).status_code == 200
    for path, body in (
        ("/cluster", {"minclustersize": 5}),
        ("/cluster", {"qualityThreshold": "0.5"}),
        ("/cluster/dual", {"unknown_method": "kmeans"}),
        ("/clusters/clu_0/label", {"name": " "}),
        ("/clusters/clu_0/label", {"name": "a\0b"}),
        ("/clusters/clu_0/label", {"name": "x" * 256}),
        ("/clusters/clu_0/split", {"minClusterSize": 1}),
    ):
        assert api.post(API + path, json=body).status_code == 422, (path, body)
    assert api.get(f"{API}/clusters?pagesize=3").status_code == 422
    for body in ({"person_threshold": 0.5}, {"personThreshold": 0.5}):
        assert api.post(f"{API}/cluster/dual", json=body).status_code == 200


def test_an_erased_person_is_gone_from_every_answer_and_cannot_come_back(
    api: TestClient, people: tuple[Library, list[UUID]]
) -> None:
    library, faces = people
    ada = label(api, "clu_0", "Ada")
    event = int(api.post(f"{API}/faces/{faces[4]}/assign", json={"personId": ada}).headers["X-Event-Id"])
    label(api, "clu_1", "Bea")
    unconfirmed = api.delete(f"{API}/persons/{ada}")
    assert unconfirmed.status_code == 409
    assert "takes 5 faces, 5 vectors" in unconfirmed.json()["detail"]
    erased = api.delete(f"{API}/persons/{ada}?confirm=true").json()
    assert (erased["facesErased"], erased["embeddingsErased"], erased["prototypesErased"]) == (5, 5, 3)
    assert (erased["eventsRedacted"], erased["indexBacklog"]) == (2, 0)
    assert api.get(f"{API}/persons/{ada}").status_code == 404
    assert [item["name"] for item in api.get(f"{API}/persons").json()["items"]] == ["Bea"]
    assert api.post(f"{API}/undo", json={"eventId": event}).status_code == 409
    with library.index.open() as index:
        assert index.retrieve(faces[:5]) == []
    assert api.post(f"{API}/undo").json()["kind"] == "label"  # Bea's: the erasure is passed by
    found = find_orphans(library, limit=1000)
    assert (found.faces_checked, found.orphans, found.stale_points, found.stray_points) == (7, (), 0, 0)


def test_suggestions_of_every_kind(api: TestClient) -> None:
    ada = label(api, "clu_0", "Ada")
    for query in ("merges", "splits", "uncertain", "names&clusterId=clu_1", f"intruders&personId={ada}"):
        answer = api.get(f"{API}/suggestions?kind={query}")
        assert answer.status_code == 200, answer.text
    assert api.get(f"{API}/suggestions?kind=names&clusterId=clu_1").json()["names"][0]["personId"] == ada
    assert api.get(f"{API}/suggestions?kind=names").status_code == 422


def test_without_a_projection_vectors_come_back_as_they_are_and_the_answer_says_so(api: TestClient) -> None:
    answer = api.post(f"{API}/project", json={"embeddings": [[0.6, 0.8]]}).json()
    assert answer == {"modelVersion": "raw", "width": 2, "embeddings": [[pytest.approx(0.6), pytest.approx(0.8)]]}
    assert api.get(f"{API}/model").json()["modelVersion"] == "raw"
    assert api.post(f"{API}/project", json={"embeddings": [[0.6, 0.8], [1.0]]}).status_code == 409
    for body in ({"embeddings": []}, {"embeddings": [["a"]]}, {"vectors": [[1.0]]}, {}):
        assert api.post(f"{API}/project", json=body).status_code == 422


def test_the_service_says_how_it_is(api: TestClient) -> None:
    assert api.get("/health").json()["status"] == "ok"
    ready = api.get("/ready").json()
    assert (ready["status"], ready["modelVersion"]) == ("ready", "raw")
    assert {part["name"] for part in ready["parts"]} == {"database", "index", "registry"}
    api.get(f"{API}/clusters/clu_0")
    metrics = api.get("/metrics").text
    assert 'faceml_requests_total{method="GET",route="/api/v1/faces/clusters/{cluster_id}",status="200"} 1.0' in metrics
    assert "clu_0" not in metrics

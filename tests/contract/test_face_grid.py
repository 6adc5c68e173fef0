"""The face grid over REST, on SQLite with Edge and on PostgreSQL with a Qdrant server."""

from __future__ import annotations

import io
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from faceml.config import Settings
from faceml.library import Library
from faceml.options import AssignOptions
from faceml.records import Dismissal
from faceml.services.decisions.label import assign_faces_to, dismiss_faces, label_cluster
from faceml.services.decisions.people import hide_person
from faceml.services.photos.detect import backfill_faces
from faceml.services.photos.ingest import ingest_folder
from faceml.services.photos.missing import forget_missing
from faceml.services.recognise.assign import assign_faces
from tests.conftest import add_faces, people_vectors
from tests.fakes import FakePack, library_with
from tests.rest import API, client_of

PEOPLE, FACES = 4, 6


@pytest.fixture(params=["sqlite+edge", pytest.param("postgres", marks=pytest.mark.postgres)])
def library(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Library]:
    """Four people with six faces each; four of each in the clusters clu_0 to clu_3, two in none."""
    urls = {} if request.param == "sqlite+edge" else {"database_url": str(request.getfixturevalue("postgres_url"))}
    tracking = f"sqlite:///{tmp_path / 'mlflow.db'}"
    settings = Settings(home=tmp_path / "library", model_pack="opencv-zoo", tracking_uri=tracking, **urls)
    opened = library_with(FakePack(), settings)
    ids = add_faces(opened, people_vectors(PEOPLE, FACES, seed=3))
    with opened.repository.begin() as unit:
        unit.faces.set_clusters([(id_, f"clu_{row // FACES}") for row, id_ in enumerate(ids) if row % FACES < 4])
    yield opened
    opened.close()


@pytest.fixture
def faces(library: Library) -> list[UUID]:
    """In order of person."""
    with library.repository.read() as unit:
        photos = unit.faces.photo_of([face_id for face_id, _, _ in unit.faces.labels()])
    return sorted(photos, key=photos.__getitem__)


@pytest.fixture
def api(library: Library) -> Iterator[TestClient]:
    with client_of(library) as client:
        yield client


def get(api: TestClient, path: str, **parameters: Any) -> Any:
    answer = api.get(f"{API}/{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def decide(api: TestClient, action: str, **body: Any) -> Any:
    answer = api.post(f"{API}/grid/decide", json={"action": action, **body})
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Event-Id"] == str(answer.json()["eventId"])
    return answer.json()


def counts(api: TestClient) -> dict[str, int]:
    return {place["place"]: place["faces"] for place in get(api, "places")["places"] if place["faces"]}


def shown(api: TestClient, **query: Any) -> set[UUID]:
    return {UUID(tile["faceId"]) for tile in get(api, "grid", **query)["faces"]}


def recognise(library: Library) -> None:
    """The two faces of each named person that are in no cluster."""
    assert assign_faces(library, AssignOptions(threshold=0.3)).assigned == 2 * PEOPLE


def name_all(library: Library) -> None:
    for person in range(PEOPLE):
        label_cluster(library, f"clu_{person}", f"Person {person}", actor="ada")


def test_every_face_is_in_its_place(api: TestClient, library: Library, faces: list[UUID]) -> None:
    assert counts(api) == {"to_name": 16, "unknown": 8, "all": 24}
    label_cluster(library, "clu_0", "Ada", actor="ada")
    bea = label_cluster(library, "clu_1", "Bea", actor="ada")
    hide_person(library, bea.person_id, actor="ada")
    dismiss_faces(library, faces[22:], Dismissal.STRANGER, actor="ada")
    assert counts(api) == {"to_name": 8, "unknown": 6, "people": 4, "hidden": 4, "ignored": 2, "all": 24}
    assert shown(api, place="ignored") == set(faces[22:])
    with library.repository.begin() as unit:
        unit.events.lock()
        unit.assets.set_missing([unit.faces.get(faces[0]).asset_id], missing=True)
    assert counts(api)["people"] == 3
    assert shown(api, place="missing") == {faces[0]}
    forget_missing(library, is_confirmed=True, actor="ada")
    assert counts(api)["all"] == 23


def test_pages_are_parts_of_one_order(api: TestClient, library: Library) -> None:
    name_all(library)
    for sort in ("fit", "similarity", "quality", "newest", "oldest", "size", "person"):
        whole = get(api, "grid", sort=sort, limit=1000)
        pages = [get(api, "grid", sort=sort, limit=7, offset=offset)["faces"] for offset in range(0, 24, 7)]
        assert [tile for page in pages for tile in page] == whole["faces"]
        turned = get(api, "grid", sort=sort, limit=1000, descending=True)["faces"]
        assert [tile["faceId"] for tile in turned] == [tile["faceId"] for tile in reversed(whole["faces"])]


def test_the_faces_of_a_group_that_do_not_fit_come_last_and_are_marked(
    api: TestClient, library: Library, faces: list[UUID]
) -> None:
    assign_faces_to(library, [*faces[:4], faces[6]], "Ada", actor="ada")
    ada = get(api, "persons/names")["names"][0]["personId"]
    tiles = get(api, "grid", personId=ada)["faces"]
    assert [tile["isOdd"] for tile in tiles] == [False] * 4 + [True]
    assert tiles[-1]["faceId"] == str(faces[6])


def test_filters_are_what_they_say(api: TestClient, library: Library, faces: list[UUID]) -> None:
    name_all(library)
    recognise(library)
    assert len(shown(api, assignedBy="prototype")) == 8
    assert shown(api, place="people", text="person 2") == set(faces[12:18])
    assert shown(api, clusterId="clu_9") == set()
    assert shown(api, personId=str(uuid4())) == set()
    similar = [tile["similarity"] for tile in get(api, "grid", place="unconfirmed", sort="similarity")["faces"]]
    assert similar == sorted(similar, reverse=True)
    least = (similar[3] + similar[4]) / 2
    assert len(shown(api, place="unconfirmed", minSimilarity=least)) == 4
    assert len(shown(api, place="unconfirmed", maxSimilarity=least)) == 4
    assert shown(api, folder="/photos") == set(faces)
    assert shown(api, folder="/phot") == set()
    assert shown(api, minQuality=0.95) == set()
    assert shown(api, minConfidence=0.9) == set(faces)
    assert shown(api, minSharpness=0.01) == set()  # none of these was measured
    assert api.get(f"{API}/grid", params={"maxYaw": 200}).status_code == 422
    counted = get(api, "grid/histogram", place="all", of="similarity", bins=4)
    assert (counted["faces"], counted["without"]) == (8, 16)
    assert get(api, "grid/timeline") == {"days": [], "without": 24}


def test_clusters_say_whom_they_resemble_and_people_how_many_wait(api: TestClient, library: Library) -> None:
    label_cluster(library, "clu_0", "Ada", actor="ada")
    (mine, *others) = get(api, "grid/groups", place="to_name")["groups"]
    assert (mine["faces"], len(mine["cover"]), mine["isMixed"]) == (4, 4, False)
    assert mine["suggestion"]["personName"] == "Ada"
    assert len(others) == 2
    name_all(library)
    recognise(library)
    people = get(api, "grid/groups", place="people", by="person", order="name")["groups"]
    assert [(group["label"], group["faces"], group["toConfirm"]) for group in people] == [
        (f"Person {number}", 6, 2) for number in range(PEOPLE)
    ]


def test_recognised_faces_of_all_people_are_confirmed_by_one_decision_that_one_undo_takes_back(
    api: TestClient, library: Library, faces: list[UUID]
) -> None:
    name_all(library)
    recognise(library)
    before = get(api, "grid", sort="quality", limit=1000)["faces"]
    done = decide(api, "confirm", query={"place": "unconfirmed"}, exceptIds=[str(faces[4])])
    assert (done["facesChanged"], done["notes"]) == (7, [])
    assert counts(api)["unconfirmed"] == 1
    assert {tile["state"] for tile in get(api, "grid", place="people")["faces"]} == {"confirmed", "recognised"}
    assert get(api, "history", limit=1)["events"][0]["text"] == "confirmed 7 faces of 4 people"
    api.post(f"{API}/undo", json={"eventId": done["eventId"]})
    assert get(api, "grid", sort="quality", limit=1000)["faces"] == before
    api.post(f"{API}/redo")
    assert counts(api)["unconfirmed"] == 1


def test_a_name_is_not_proposed_again_for_a_face_that_was_taken_out(
    api: TestClient, library: Library, faces: list[UUID]
) -> None:
    body = {"faceIds": [str(id_) for id_ in faces[:3]], "leftOutIds": [str(faces[3])], "name": "Ada"}
    named = decide(api, "name", **body)
    assert named["facesChanged"] == 3
    asked = api.post(f"{API}/grid/suggest", json={"faceIds": [str(faces[3])]}).json()
    assert named["personId"] not in [who["personId"] for who in asked["suggestions"]]
    with library.repository.read() as unit:
        assert unit.faces.get(faces[3]).cluster_id == "clu_0", "it stays in its group"
        assert unit.faces.rejections([faces[3]]) == [(faces[3], UUID(named["personId"]))]
    undone = api.post(f"{API}/undo", json={"eventId": named["eventId"]})
    assert undone.status_code == 200
    with library.repository.read() as unit:
        assert unit.faces.rejections([faces[3]]) == []


def test_faces_are_taken_from_several_people_at_once(api: TestClient, library: Library, faces: list[UUID]) -> None:
    name_all(library)
    recognise(library)
    chosen = [str(faces[row]) for row in (4, 10, 16)]
    done = decide(api, "reject", faceIds=chosen)
    assert done["facesChanged"] == 3
    assert shown(api, place="unknown") == {faces[4], faces[10], faces[16]}
    assign_faces(library, AssignOptions(threshold=0.3))
    assert {faces[4], faces[10], faces[16]} <= shown(api, place="unknown"), "nobody proposes them again"
    with library.repository.read() as unit:
        assert len(unit.faces.rejections([UUID(id_) for id_ in chosen])) == 3
    api.post(f"{API}/undo", json={"eventId": done["eventId"]})
    with library.repository.read() as unit:
        assert unit.faces.rejections([UUID(id_) for id_ in chosen]) == []
    assert counts(api)["unconfirmed"] == 8


def test_a_person_s_picture_is_chosen_and_the_choice_undone(
    api: TestClient, library: Library, faces: list[UUID]
) -> None:
    name_all(library)

    def cover() -> str:
        (group,) = get(api, "grid/groups", place="people", by="person", text="Person 1")["groups"]
        return str(group["cover"][0])

    ada = get(api, "persons/names")["names"][1]["personId"]
    before = cover()
    other = next(str(face) for face in faces[6:10] if str(face) != before)
    chosen = api.post(f"{API}/persons/{ada}/cover", json={"faceId": other})
    assert (chosen.status_code, cover()) == (200, other)
    hide_person(library, UUID(ada), actor="ada")
    api.post(f"{API}/undo")
    assert cover() == other, "hiding somebody and bringing them back leaves their picture"
    api.post(f"{API}/undo", json={"eventId": chosen.json()["eventId"]})
    assert cover() == before
    refused = api.post(f"{API}/persons/{ada}/cover", json={"faceId": str(faces[0])})
    assert refused.status_code == 422


def test_ignored_faces_come_back(api: TestClient, library: Library, faces: list[UUID]) -> None:
    decide(api, "dismiss", faceIds=[str(face) for face in faces[:4]], dismissedAs="not_a_face")
    assert counts(api)["ignored"] == 4
    restored = decide(api, "restore", faceIds=[str(face) for face in faces[:3]])
    assert (counts(api)["ignored"], counts(api)["unknown"]) == (1, 11)
    api.post(f"{API}/undo", json={"eventId": restored["eventId"]})
    assert counts(api)["ignored"] == 4


def test_faces_that_somebody_else_decided_about_are_left_alone(
    api: TestClient, library: Library, faces: list[UUID]
) -> None:
    seen = get(api, "grid")["revision"]
    mine = decide(api, "name", faceIds=[str(faces[0])], name="Ada", revision=seen)
    assign_faces_to(library, [faces[1]], "Bea", actor="somebody else")
    body = {"action": "name", "faceIds": [str(face) for face in faces[:3]], "name": "Cleo"}
    refused = api.post(f"{API}/grid/decide", json={**body, "revision": mine["revision"]})
    assert (refused.status_code, refused.json()["changedFaceIds"]) == (409, [str(faces[1])])
    assert "Cleo" not in [name["name"] for name in get(api, "persons/names")["names"]]
    unknown = api.post(f"{API}/grid/decide", json={**body, "revision": "of another service"})
    assert len(unknown.json()["changedFaceIds"]) == 3
    assert decide(api, "name", faceIds=body["faceIds"], name="Cleo", force=True)["facesChanged"] == 3


def test_what_others_decide_shows_with_the_next_question(api: TestClient, library: Library, faces: list[UUID]) -> None:
    start = get(api, "places")
    assert get(api, "changes", since=start["latestEvent"])["texts"] == []
    assign_faces_to(library, faces[:2], "Bea", actor="somebody else")
    told = get(api, "changes", since=start["latestEvent"])
    assert told["texts"] == ["somebody else assigned 2 faces to Bea"]
    assert {UUID(id_) for id_ in told["faceIds"]} == set(faces[:2])
    assert told["revision"] != start["revision"]


def test_suggestions_are_of_the_faces_together(api: TestClient, library: Library, faces: list[UUID]) -> None:
    label_cluster(library, "clu_0", "Ada", actor="ada")
    label_cluster(library, "clu_1", "Bea", actor="ada")
    found = api.post(f"{API}/grid/suggest", json={"faceIds": [str(face) for face in faces[4:6]]}).json()
    assert [(who["personName"], who["isLikely"]) for who in found["suggestions"]] == [("Ada", True), ("Bea", False)]


def test_pictures_come_many_at_once(tmp_path: Path) -> None:
    from tests.synthetic import synthetic_library

    library = synthetic_library(tmp_path / "library", people=2, faces=4)
    with client_of(library) as api:
        ids = [tile["faceId"] for tile in get(api, "grid")["faces"]]
        answer = api.post(f"{API}/grid/thumbnails", json={"faceIds": [*ids, str(uuid4())], "size": 200})
    content, sizes = answer.content, []
    while content:
        (length,) = struct.unpack("<I", content[:4])
        if length:
            sizes.append(Image.open(io.BytesIO(content[4 : 4 + length])).size)
        content = content[4 + length :]
    assert sizes == [(256, 256)] * 8
    library.close()


def test_a_key_that_may_only_read_looks_and_decides_nothing(api: TestClient, library: Library) -> None:
    from dataclasses import replace

    guarded = replace(library, settings=replace(library.settings, api_key="full", api_read_key="read"))
    with client_of(guarded, **{"X-API-Key": "read"}) as reader:
        face = get(reader, "grid")["faces"][0]["faceId"]
        assert reader.post(f"{API}/grid/suggest", json={"faceIds": [face]}).status_code == 200
        assert reader.post(f"{API}/grid/thumbnails", json={"faceIds": [face]}).status_code == 200
        refused = reader.post(f"{API}/grid/decide", json={"action": "unassign", "faceIds": [face]})
        assert refused.status_code == 403


def test_a_photo_is_shown_searched_with_and_drawn_on(
    astronaut: tuple[Library, Path],
) -> None:
    library, photos = astronaut
    with client_of(library) as api:
        portrait = next(tile for tile in get(api, "grid")["faces"])
        sheet = get(api, f"assets/{portrait['assetId']}/view")
        assert (sheet["name"], len(sheet["faces"])) == ("astronaut.jpg", 1)
        picture = api.get(f"{API}/assets/{portrait['assetId']}/picture", params={"size": 256})
        assert Image.open(io.BytesIO(picture.content)).size == (256, 256)
        with (photos / "astronaut.jpg").open("rb") as photo:
            found = api.post(f"{API}/grid/search", files={"photo": photo}).json()
        assert [(face["faceId"], face["likeness"] > 0.99) for face in found["faces"]] == [(portrait["faceId"], True)]
        like = api.post(f"{API}/grid/like", json={"faceId": portrait["faceId"]}).json()
        assert [face["faceId"] for face in like["faces"]] == [portrait["faceId"]]
        box = {"x": 0.6, "y": 0.5, "width": 0.1, "height": 0.1}
        drawn = api.post(f"{API}/assets/{sheet['assetId']}/faces", json={"box": box, "name": "Ada"}).json()
        moved = api.post(f"{API}/faces/{drawn['faceId']}/box", json={"box": {**box, "x": 0.7}}).json()
        (ada,) = [face for face in get(api, f"assets/{sheet['assetId']}/view")["faces"] if face["personName"]]
        assert (ada["faceId"], ada["personName"], ada["isDrawn"]) == (moved["faceId"], "Ada", True)
        assert ada["box"]["x"] == pytest.approx(0.7, abs=0.002)
        gone = api.delete(f"{API}/faces/{ada['faceId']}").json()
        assert len(get(api, f"assets/{sheet['assetId']}/view")["faces"]) == 1
        api.post(f"{API}/undo", json={"eventId": gone["eventId"]})
        assert len(get(api, f"assets/{sheet['assetId']}/view")["faces"]) == 2


@pytest.fixture
def astronaut(tmp_path: Path, photo_folder: Path, opencv_zoo: Any) -> Iterator[tuple[Library, Path]]:
    """The portrait of an astronaut, with the real models."""
    settings = Settings(
        home=tmp_path / "library", model_pack="opencv-zoo", tracking_uri=f"sqlite:///{tmp_path / 'm.db'}"
    )
    library = library_with(opencv_zoo, settings)
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(photo_folder / "astronaut.jpg", photos)
    ingest_folder(library.repository, photos)
    backfill_faces(library)
    yield library, photos
    library.close()

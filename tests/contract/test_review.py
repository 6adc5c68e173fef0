"""What the face grid asks a person, over REST: questions and their answers, what a split would make, exemplars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from faceml.library import Library
from faceml.options import AssignOptions
from faceml.services.decisions.label import assign_faces_to
from faceml.services.decisions.undo import history
from faceml.services.recognise.assign import assign_faces
from faceml.services.review.browse import show_person
from tests.rest import API, client_of
from tests.synthetic import copy_of, synthetic_library

PEOPLE, FACES = 6, 8


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clusters of eight faces; half of the first three are named: their other halves ask to be joined to them."""
    home = tmp_path_factory.mktemp("made") / "library"
    synthetic_library(home, people=PEOPLE, faces=FACES, known=3).close()
    return home


@pytest.fixture
def library(made_once: Path, tmp_path: Path) -> Iterator[Library]:
    opened = copy_of(made_once, tmp_path / "library")
    yield opened
    opened.close()


@pytest.fixture
def api(library: Library) -> Iterator[TestClient]:
    with client_of(library) as client:
        yield client


def questions(api: TestClient, topic: str, **given: Any) -> Any:
    answer = api.get(f"{API}/review", params={"topic": topic, **given})
    assert answer.status_code == 200, answer.text
    return answer.json()["questions"]


def keys(api: TestClient, topic: str) -> set[str]:
    return {question["key"] for question in questions(api, topic)}


def say(api: TestClient, topic: str, question: Any, is_yes: bool, **given: Any) -> Any:
    """Answer as the front end does: with the question as it came."""
    body = {"topic": topic, "one": question["one"], "other": question["other"], "isYes": is_yes, **given}
    return api.post(f"{API}/review/answer", json=body)


def done(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Event-Id"] == str(answer.json()["eventIds"][-1])
    return answer.json()


def faces_of(library: Library, cluster_id: str, *, is_open: bool = False) -> list[UUID]:
    with library.repository.read() as unit:
        found = unit.faces.in_cluster(cluster_id)
        return [face.id for face in found if face.person_id is None or not is_open]


def move(library: Library, face_ids: list[UUID], cluster_id: str | None) -> None:
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(face_id, cluster_id) for face_id in face_ids])


def test_yes_names_the_cluster_and_no_is_remembered_until_it_is_undone(api: TestClient, library: Library) -> None:
    first, second, _ = questions(api, "same_person")
    photos = api.get(f"{API}/review").json()["photos"]
    assert set(photos) >= {*first["one"]["faceIds"], *first["other"]["faceIds"]}
    assert (first["text"], first["needsName"]) == ("Same person?", False)
    done(say(api, "same_person", first, True))
    assert show_person(library.repository, first["one"]["title"]).person.face_count == FACES
    denied = done(say(api, "same_person", second, False))
    assert denied["text"].endswith("are different people")
    assert len(keys(api, "same_person")) == 1
    assert keys(api, "same_person").isdisjoint({first["key"], second["key"]})
    assert api.post(f"{API}/undo", json={"eventId": denied["eventIds"][0]}).status_code == 200
    assert second["key"] in keys(api, "same_person")


def test_two_people_that_are_one_are_merged(api: TestClient, library: Library) -> None:
    assign_faces_to(library, faces_of(library, "clu_00000", is_open=True), "Ida", actor="ada")
    (question,) = [item for item in questions(api, "same_person") if item["other"]["personId"]]
    done(say(api, "same_person", question, True))
    assert show_person(library.repository, "Ida").person.face_count == FACES


def test_two_clusters_without_a_name_need_one(api: TestClient, library: Library) -> None:
    move(library, faces_of(library, "clu_00004")[:4], "clu_other")
    (question,) = [item for item in questions(api, "same_person") if item["needsName"]]
    refused = say(api, "same_person", question, True)
    assert (refused.status_code, "type who it is" in refused.json()["detail"]) == (422, True)
    answered = done(say(api, "same_person", question, True, name="Eve"))
    assert show_person(library.repository, "Eve").person.face_count == FACES
    for event_id in reversed(answered["eventIds"]):
        assert api.post(f"{API}/undo", json={"eventId": event_id}).status_code == 200
    with library.repository.read() as unit:
        assert "Eve" not in unit.people.names().values()


def test_a_wrong_face_in_a_person_is_asked_about_and_taken_out(api: TestClient, library: Library) -> None:
    wrong = faces_of(library, "clu_00001")[0]
    assign_faces_to(library, [wrong], "Person 00000", actor="ada")
    (question,) = questions(api, "intruders")
    assert (question["one"]["faceIds"], question["text"]) == (
        [str(wrong)],
        "Does this face belong to Person 00000?",
    )
    done(say(api, "intruders", question, False))
    assert questions(api, "intruders") == []
    assert wrong not in [face.id for face in show_person(library.repository, "Person 00000").faces]


def test_confirmed_and_refused_faces_are_no_questions_any_more(api: TestClient, library: Library) -> None:
    move(library, [id_ for person in range(3) for id_ in faces_of(library, f"clu_0000{person}", is_open=True)], None)
    assign_faces(library, AssignOptions(threshold=0.3))
    before = questions(api, "recognised", limit=100)
    assert len(before) == 12
    done(say(api, "recognised", before[0], True))
    done(say(api, "recognised", before[1], False))
    left = {question["key"] for question in questions(api, "recognised", limit=100)}
    assert left == {question["key"] for question in before[2:]}
    refused = UUID(before[1]["one"]["faceIds"][0])
    with library.repository.read() as unit:
        assert unit.faces.get(refused).person_id is None
        assert unit.faces.rejections([refused]) == [(refused, UUID(before[1]["other"]["personId"]))]


def test_a_question_that_somebody_else_answered_changes_nothing(api: TestClient, library: Library) -> None:
    question = questions(api, "same_person")[0]
    assign_faces_to(library, faces_of(library, question["other"]["clusterId"], is_open=True), "Zoe", actor="bob")
    before = len(history(library.repository))
    assert say(api, "same_person", question, False).status_code == 404
    assert say(api, "intruders", {"one": {}, "other": {}}, True).status_code == 422
    assert len(history(library.repository)) == before


def test_a_split_is_shown_before_it_is_done(api: TestClient, library: Library) -> None:
    move(library, faces_of(library, "clu_00003"), "clu_00004")
    before = len(history(library.repository))
    shown = api.get(f"{API}/clusters/clu_00004/split").json()
    assert [len(part) for part in shown["parts"]] == [FACES, FACES]
    assert len(api.get(f"{API}/clusters/clu_00005/split", params={"minClusterSize": 4}).json()["parts"]) == 1
    assert api.get(f"{API}/clusters/clu_gone/split").status_code == 404
    assert len(history(library.repository)) == before


def test_exemplars_are_chosen_and_the_choice_undone(api: TestClient, library: Library) -> None:
    ada = show_person(library.repository, "Person 00000")
    chosen = str(ada.faces[-1].id)
    found = api.post(f"{API}/persons/{ada.person.id}/exemplars", json={"faceIds": [chosen]})
    assert (found.status_code, found.json()["exemplars"]) == (200, [chosen])
    assert show_person(library.repository, "Person 00000").exemplars == (UUID(chosen),)
    assert api.post(f"{API}/undo", json={"eventId": found.json()["eventId"]}).status_code == 200
    assert set(show_person(library.repository, "Person 00000").exemplars) == set(ada.exemplars)
    assert len(api.post(f"{API}/persons/{ada.person.id}/exemplars").json()["exemplars"]) == 3
    stranger = str(faces_of(library, "clu_00005")[0])
    assert api.post(f"{API}/persons/{ada.person.id}/exemplars", json={"faceIds": [stranger]}).status_code == 422


def test_nobody_known_is_no_question(tmp_path: Path) -> None:
    nobody = synthetic_library(tmp_path / "library", people=2, faces=3)
    with client_of(nobody) as api:
        assert all(questions(api, topic) == [] for topic in ("probable", "intruders", "close_calls", "recognised"))
    nobody.close()

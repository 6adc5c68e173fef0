"""Review, people, tuning, and the widget that holds them, without a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from faceml.errors import NotFound, WrongUse
from faceml.library import Library
from faceml.options import AssignOptions
from faceml.services.decisions.label import assign_faces_to
from faceml.services.decisions.undo import history
from faceml.services.recognise.assign import assign_faces
from faceml.services.review.browse import show_person
from faceml.services.review.review import Topic, answer, ask
from faceml.widgets.labeler import Labeler
from faceml.widgets.people import People
from faceml.widgets.reviewer import Reviewer
from faceml.widgets.screen import Input
from faceml.widgets.views import Workbench, open_workbench
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


def faces_of(library: Library, cluster_id: str) -> list[UUID]:
    with library.repository.read() as unit:
        return [face.id for face in unit.faces.in_cluster(cluster_id)]


def open_faces(library: Library, cluster_id: str) -> list[UUID]:
    with library.repository.read() as unit:
        return [face.id for face in unit.faces.in_cluster(cluster_id) if face.person_id is None]


def free(library: Library, face_ids: list[UUID]) -> None:
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(face_id, None) for face_id in face_ids])


# --- review


def test_yes_names_the_cluster_and_no_is_remembered(library: Library) -> None:
    view = Reviewer(library, actor="ada")
    assert view.screen().title == "Same person?"
    question = view.question
    assert question is not None
    view.handle(Input(key="y"))
    assert show_person(library.repository, question.one.title).person.face_count == FACES
    denied = view.question
    assert denied is not None
    assert denied.key != question.key
    view.handle(Input(key="n"))
    keys = {item.key for item in ask(library, Topic.SAME_PERSON)}
    assert keys.isdisjoint({question.key, denied.key})
    assert len(keys) == 1
    view.handle(Input(key="u"))
    assert denied.key in {item.key for item in ask(library, Topic.SAME_PERSON)}
    assert view.question == denied


def test_answers_count_in_the_next_batch(library: Library) -> None:
    """A recognised face that is confirmed is a question no more, and neither is one that was refused."""
    free(library, [face_id for person in range(3) for face_id in open_faces(library, f"clu_0000{person}")])
    assign_faces(library, AssignOptions(threshold=0.3))
    view = Reviewer(library, actor="ada")
    for _ in range(3):
        view.handle(Input(key="ArrowDown"))
    assert view.question is not None
    assert view.question.topic is Topic.RECOGNISED
    before = [item.key for item in ask(library, Topic.RECOGNISED, limit=100)]
    assert len(before) == 12
    yes = view.question
    view.handle(Input(key="y"))
    no = view.question
    view.handle(Input(key="n"))
    left = {item.key for item in ask(library, Topic.RECOGNISED, limit=100)}
    assert left == set(before) - {yes.key, no.key}
    with library.repository.read() as unit:
        assert unit.faces.get(no.one.face_ids[0]).person_id is None
        rejected = unit.faces.rejections([no.one.face_ids[0]])
    assert rejected == [(no.one.face_ids[0], no.other.person_id)]


def test_a_face_that_was_skipped_comes_last(library: Library) -> None:
    view = Reviewer(library, actor="ada")
    first = view.question
    assert first is not None
    seen = []
    while view.question is not None and view.question.topic is Topic.SAME_PERSON:
        seen.append(view.question.key)
        view.handle(Input(key="ArrowRight"))
    assert first.key not in seen[1:]
    view.handle(Input(key="g"))
    assert view.question == first
    assert len(history(library.repository)) == 3, "only the labels of the fixture"


def test_a_wrong_face_in_a_person_is_asked_about_and_taken_out(library: Library) -> None:
    wrong = faces_of(library, "clu_00001")[0]
    assign_faces_to(library, [wrong], "Person 00000", actor="ada")
    questions = ask(library, Topic.INTRUDERS)
    assert [item.one.face_ids for item in questions] == [(wrong,)]
    assert questions[0].text == "Does this face belong to Person 00000?"
    answer(library, questions[0], is_yes=False, actor="ada")
    assert ask(library, Topic.INTRUDERS) == []
    assert wrong not in [face.id for face in show_person(library.repository, "Person 00000").faces]


def test_two_clusters_without_a_name_need_one(library: Library) -> None:
    faces = faces_of(library, "clu_00004")
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(face_id, "clu_other") for face_id in faces[:4]])
    view = Reviewer(library, actor="ada")
    while view.question is not None and not view.question.needs_name:
        view.handle(Input(key="ArrowRight"))
    view.handle(Input(key="y"))
    assert view.screen().entry is not None
    with pytest.raises(WrongUse, match="type who it is"):
        view.handle(Input(key="Enter"))
    view.handle(Input(key="Enter", text="Eve"))
    assert show_person(library.repository, "Eve").person.face_count == FACES
    view.handle(Input(key="u"))
    with pytest.raises(NotFound):
        show_person(library.repository, "Eve")


def test_a_question_whose_person_is_gone_makes_room_for_the_next(library: Library) -> None:
    view = Reviewer(library, actor="ada")
    first = view.question
    assert first is not None
    assert first.other.cluster_id is not None
    assign_faces_to(library, open_faces(library, first.other.cluster_id), "Zoe", actor="bob")
    with pytest.raises(NotFound):
        view.handle(Input(key="n"))
    assert view.question != first


# --- people


def test_people_are_renamed_merged_hidden_and_every_line_of_the_history_can_be_taken_back(library: Library) -> None:
    view = People(library, actor="ada")
    assert view.screen().title == "Person 00000"
    view.handle(Input(key="e"))
    entry = view.screen().entry
    assert entry is not None
    assert (entry.text, entry.completes) == ("Person 00000", False)
    view.handle(Input(key="Enter", text="Ada"))
    view.handle(Input(key="m"))
    view.handle(Input(key="Enter", text="person 00001"))
    assert view.screen().title == "Person 00001"
    assert "also called Ada" in view.screen().facts
    merge = next(row for row in view.screen().history if row.text.startswith("merged Ada"))
    assert merge.button == "Undo"
    view.handle(Input(action="history", row=merge.id))
    assert show_person(library.repository, "Ada").person.face_count == 4
    struck = next(row for row in view.screen().history if row.id == merge.id)
    assert (struck.is_struck, struck.button) == (True, "Redo")
    view.handle(Input(action="history", row=merge.id))
    assert show_person(library.repository, "Ada").person.name == "Person 00001"
    view.handle(Input(key="u"))
    view.handle(Input(key="h"))
    assert "hidden" in view.screen().facts
    view.handle(Input(key="h"))
    assert "hidden" not in view.screen().facts


def test_chosen_faces_are_taken_away_refused_dismissed_or_made_exemplars(library: Library) -> None:
    view = People(library, actor="ada")
    faces = [face.id for face in show_person(library.repository, "Person 00000").faces]
    with pytest.raises(WrongUse, match="no face is chosen"):
        view.handle(Input(key="t"))
    for key, face_id in zip("ntf", faces, strict=False):
        view.handle(Input(key=key, chosen=frozenset({face_id})))
    with library.repository.read() as unit:
        states = unit.faces.states(faces)
        assert unit.faces.rejections(faces) == [(faces[0], show_person(library.repository, "Person 00000").person.id)]
    assert [states[face_id].person_id is None for face_id in faces] == [True, True, True, False]
    assert [states[face_id].dismissed_as for face_id in faces] == [None, None, "not_a_face", None]
    view.handle(Input(key="k", chosen=frozenset({faces[3]})))
    assert show_person(library.repository, "Person 00000").exemplars == (faces[3],)


def test_how_a_face_was_found_is_told(library: Library) -> None:
    free(library, open_faces(library, "clu_00000"))
    assign_faces(library, AssignOptions(threshold=0.3))
    view = People(library, actor="ada")
    labels = [tile.label for sheet in view.screen().sheets for tile in sheet.tiles]
    assert sum(label.endswith("named by a person") for label in labels) == 4
    assert sum("recognised by raw, similarity 0." in label for label in labels) == 4


def test_the_entry_finds_anybody_and_arrows_walk_the_list(library: Library) -> None:
    view = People(library, actor="ada")
    view.handle(Input(key="Enter", text="PERSON 00002"))
    assert view.screen().title == "Person 00002"
    with pytest.raises(NotFound, match="end of the list"):
        view.handle(Input(key="ArrowRight"))
    view.handle(Input(key="ArrowLeft"))
    assert view.screen().title == "Person 00001"
    with pytest.raises(NotFound, match="nobody here is called"):
        view.handle(Input(key="Enter", text="Zoe"))


# --- the widget


@pytest.fixture
def sent(library: Library, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[dict[str, Any]]]:
    """A workbench, and what it tells its front end."""
    bench = open_workbench(library, actor="ada")
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(bench, "send", lambda message, buffers: messages.append({**message, "buffers": buffers}))
    return bench, messages


def test_a_picture_goes_to_the_front_end_once(sent: tuple[Any, list[dict[str, Any]]]) -> None:
    bench, messages = sent
    bench._on_message(bench, {"kind": "ready"}, [])
    pictures = [face_id for message in messages for face_id in message["pictures"]]
    assert len(pictures) == len(set(pictures)) == FACES
    assert all(data.startswith(b"\xff\xd8") for message in messages for data in message["buffers"])
    assert messages[0]["names"] == ["Person 00000", "Person 00001", "Person 00002"]
    count = len(messages)
    bench._on_message(bench, {"kind": "input", "key": "PageDown", "number": 1}, [])
    assert [message["pictures"] for message in messages[count:]] == [[]]
    assert "names" not in messages[-1]


def test_an_error_is_told_where_the_person_looks(sent: tuple[Any, list[dict[str, Any]]]) -> None:
    bench, messages = sent
    bench._on_message(bench, {"kind": "input", "key": "Enter", "number": 1}, [])
    screens = [message for message in messages if message["kind"] == "screen"]
    assert screens[-1]["screen"]["notice"]["kind"] == "problem"
    assert screens[-1]["number"] == 1


def test_tabs_turn_by_key_and_show_what_was_done_in_another(library: Library) -> None:
    bench = Workbench({"Name": lambda: Labeler(library, actor="ada"), "People": lambda: People(library, actor="ada")})
    bench.handle(Input(key="Alt+2"))
    assert [tab.is_chosen for tab in bench.screen().tabs] == [False, True]
    bench.handle(Input(key="Alt+1"))
    bench.handle(Input(key="Enter", text="Dora"))
    bench.handle(Input(action="tab People"))
    assert "Dora" in [row.text for row in bench.screen().rows]


def test_nothing_of_a_face_is_in_the_state_that_a_notebook_saves(
    library: Library, sent: tuple[Any, list[dict[str, Any]]]
) -> None:
    bench, _ = sent
    bench._on_message(bench, {"kind": "ready"}, [])
    state = json.dumps(bench.get_state(), default=repr)
    with library.repository.read() as unit:
        ids = [str(face_id) for face_id, _, _ in unit.faces.labels()]
        names = list(unit.people.names().values())
    assert not [text for text in (*ids, *names, "JFIF") if text in state]

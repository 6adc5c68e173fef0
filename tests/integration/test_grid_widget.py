"""The face grid in a notebook: requests come as messages, and the same service answers them."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faceml.config import Settings
from faceml.library import Library
from faceml.widgets.grid import Answer, Call, FaceGrid
from serving.notebook import InProcess, label_faces
from tests.rest import two_people

PATIENCE_S = 60


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened, _ = two_people(Settings(home=tmp_path / "library", model_pack="opencv-zoo"))
    yield opened
    opened.close()


@pytest.fixture
def api(library: Library) -> Iterator[InProcess]:
    """With a key in the environment, which nobody in this process needs."""
    opened = InProcess(replace(library, settings=replace(library.settings, api_key="a key")), actor="ada")
    yield opened
    opened.close()


def ask(api: InProcess, method: str, path: str, **more: Any) -> Any:
    answer = api.answer(Call(1, method, path, **more))
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def test_a_decision_is_the_notebooks_users(api: InProcess, library: Library) -> None:
    shown = ask(api, "GET", "/grid", query={"place": "to_name", "clusterId": "clu_0"})
    ids = [face["faceId"] for face in shown["faces"]]
    named = ask(api, "POST", "/grid/decide", body={"action": "name", "faceIds": ids, "name": "Bob"})
    assert named["facesChanged"] == len(ids) == 4
    with library.repository.read() as unit:
        assert [(event.actor, event.id) for event in unit.events.latest(1)] == [("ada", named["eventId"])]


def test_pictures_and_refusals_come_back_as_they_do_over_http(api: InProcess) -> None:
    faces = ask(api, "GET", "/grid", query={"place": "all", "limit": "3"})["faces"]
    body = {"faceIds": [face["faceId"] for face in faces], "size": 112}
    pictures = api.answer(Call(2, "POST", "/grid/thumbnails", body=body))
    assert pictures.headers["content-type"] == "application/octet-stream"
    assert pictures.body == bytes(12)  # of photos that are nowhere there are none
    refused = api.answer(Call(3, "POST", "/grid/decide", body={"action": "fly"}))
    assert refused.status == 422
    assert json.loads(refused.body)["detail"]


def test_a_photo_is_uploaded_as_a_form(api: InProcess) -> None:
    files = {"files": [{"field": "photo", "name": "a.jpg", "type": "image/jpeg"}]}
    answer = api.answer(Call(4, "POST", "/grid/search", body=files, buffers=(b"no photo",)))
    assert answer.status == 422
    assert "picture" in json.loads(answer.body)["detail"]


class Recorded(FaceGrid):
    """Keeps what it would send to the browser."""

    def __init__(self, answer: Any) -> None:
        self.sent: queue.Queue[tuple[Any, Any]] = queue.Queue()
        super().__init__(answer)

    def send(self, content: Any, buffers: Any = None) -> None:
        self.sent.put((content, buffers))


def test_an_answer_goes_to_the_request_that_asked_for_it() -> None:
    grid = Recorded(lambda call: Answer(200, {"x-path": call.path}, call.path.encode()))
    for number, path in enumerate(["/places", "/grid"]):
        grid._on_message(grid, {"id": number, "method": "GET", "path": path, "query": {}, "body": None}, [])
    told = [grid.sent.get(timeout=PATIENCE_S) for _ in range(2)]
    grid.close()
    assert {content["id"]: buffers for content, buffers in told} == {0: [b"/places"], 1: [b"/grid"]}


def test_a_fault_is_told_and_the_next_request_is_answered() -> None:
    def answer(call: Call) -> Answer:
        if call.path == "/fault":
            raise RuntimeError("secret")
        return Answer(200, {}, b"")

    grid = Recorded(answer)
    statuses = []
    for path in ("/fault", "/places"):
        grid._on_message(grid, {"id": 1, "method": "GET", "path": path, "query": {}, "body": None}, [])
        content, buffers = grid.sent.get(timeout=PATIENCE_S)
        statuses.append(content["status"])
        assert b"secret" not in buffers[0]
    grid.close()
    assert statuses == [500, 200]


def test_nothing_of_a_face_is_in_the_state_that_a_notebook_saves(library: Library) -> None:
    grid = label_faces(library, actor="ada")
    state = {name: value for name, value in grid.get_state().items() if name not in ("_esm", "_css")}
    grid.close()
    assert not any("face" in str(value).lower() for name, value in state.items() if not name.startswith("_")), state

"""The owner's address is told of recognised faces, and nothing waits or fails by it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import UUID

import pytest

from faceml.library import Library
from faceml.options import AssignOptions, DualOptions
from faceml.services.cluster.dual import cluster_dual
from faceml.services.decisions.label import label_cluster
from faceml.services.recognise.assign import assign_faces

ALL = AssignOptions(threshold=0.3)


class Listener(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.told: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class Taker(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def telling(library: Library, url: str, sends: str = "ids") -> Library:
    return replace(library, settings=replace(library.settings, webhook_url=url, webhook_sends=sends))


def wait_for_webhooks() -> None:
    for thread in threading.enumerate():
        if thread.name == "webhook":
            thread.join()


def test_an_owner_is_told_ids_once_and_names_where_they_ask(two_people: Library, faces: list[UUID], listener) -> None:
    ada = label_cluster(two_people, "clu_0", "Ada", actor="ada").person_id
    assign_faces(telling(two_people, listener.url), ALL)
    wait_for_webhooks()
    (told,) = listener.told
    assert (told["event"], told["count"], told["modelVersion"]) == ("recognised", 2, "raw")
    assert told["faces"] == [{"faceId": str(id_), "personId": str(ada)} for id_ in sorted(faces[4:6])]
    assign_faces(telling(two_people, listener.url), ALL)  # nobody new
    label_cluster(two_people, "clu_1", "Bea", actor="ada")
    cluster_dual(telling(two_people, listener.url, "names"), DualOptions(person_threshold=0.3))
    wait_for_webhooks()
    assert [{face["personName"] for face in told["faces"]} for told in listener.told[1:]] == [{"Bea"}]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "file:///etc/hostname", "nonsense", "http://[::1"])
def test_a_webhook_that_is_away_or_none_fails_nothing(two_people: Library, faces, caplog, url: str) -> None:
    label_cluster(two_people, "clu_0", "Ada", actor="ada")
    with caplog.at_level(logging.WARNING):
        assert assign_faces(telling(two_people, url), ALL).assigned == 2
        wait_for_webhooks()
    assert "the webhook did not take" in caplog.text
    assert "Ada" not in caplog.text


def test_nobody_is_told_unless_an_address_is_set(two_people: Library, faces) -> None:
    label_cluster(two_people, "clu_0", "Ada", actor="ada")
    assign_faces(two_people, ALL)
    assert not [thread for thread in threading.enumerate() if thread.name == "webhook"]

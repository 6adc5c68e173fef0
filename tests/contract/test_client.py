"""`faceml.client` is what the API describes, and talks to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from faceml.client import Client
from faceml.config import Settings
from faceml.errors import Conflict, NotFound, Unavailable, WrongUse
from serving.app import create_app
from serving.typed_client import FOLDER, sources
from tests.ports import free_port
from tests.rest import LOCAL, client_of, served, two_people


@pytest.fixture
def session(settings: Settings) -> Iterator[TestClient]:
    library, _ = two_people(settings)
    with client_of(library) as session:
        yield session
    library.close()


@pytest.fixture
def client(session: TestClient) -> Client:
    return Client(LOCAL, session=session)


def test_what_is_committed_is_what_the_api_describes() -> None:
    """Else run `python -m serving.typed_client`."""
    for name, text in sources().items():
        assert _without_imports((FOLDER / name).read_text()) == _without_imports(text), name


def _without_imports(text: str) -> str:
    """Which ruff has put in order."""
    return ast.dump(
        ast.Module([n for n in ast.parse(text).body if not isinstance(n, (ast.Import, ast.ImportFrom))], [])
    )


def test_every_operation_has_a_method() -> None:
    described = create_app(Settings()).openapi()
    operations = {operation["operationId"] for item in described["paths"].values() for operation in item.values()}
    assert len(operations) > 40
    assert {name for name in operations if not callable(getattr(Client, name, None))} == set()


def test_a_cluster_is_listed_named_and_the_name_taken_back(client: Client) -> None:
    clusters = client.list_face_clusters(page_size=10, include_labeled=False)
    assert clusters["total"] == 2
    cluster_id = clusters["items"][0]["clusterId"]
    done = client.label(cluster_id, name="Ada")
    event_id = int(client.headers["X-Event-Id"])
    assert done["facesLabeled"] == 4
    assert [person["name"] for person in client.list_persons()["items"]] == ["Ada"]
    assert client.list_face_clusters(include_labeled=False)["total"] == 1
    assert client.list_face_clusters(include_labeled=True)["total"] == 2
    client.undo_decision(event_id=event_id)
    assert client.list_face_clusters()["total"] == 2


def test_errors_of_the_service_are_faceml_s_own(client: Client) -> None:
    with pytest.raises(NotFound, match="clu_nowhere"):
        client.get_cluster("clu_nowhere")
    with pytest.raises(NotFound):
        client.thumbnail("00000000-0000-0000-0000-000000000000")
    with pytest.raises(WrongUse, match="page"):
        client.list_persons(page=0)
    with pytest.raises(WrongUse, match="min_cluster_size=1 is not"):
        client.cluster(min_cluster_size=1)
    for cluster_id, name in (("clu_0", "Ada"), ("clu_1", "Bob")):
        client.label(cluster_id, name=name)
    ada = client.list_persons()["items"][0]["id"]
    with pytest.raises(Conflict):
        client.rename(ada, name="Bob")
    with pytest.raises(Unavailable, match=r"does not answer .*make serve"):
        Client(f"http://127.0.0.1:{free_port()}").health()


@pytest.mark.nightly
def test_over_a_real_connection_with_a_key(settings: Settings, tmp_path: Path) -> None:
    library, _ = two_people(settings)
    library.close()
    with served(tmp_path, FACEML_API_KEY="secret", FACEML_MODEL_PACK="opencv-zoo") as server:
        assert Client(server.url).health()["status"] == "ok"
        with pytest.raises(WrongUse):
            Client(server.url, key="wrong").list_persons()
        client = Client(server.url, key="secret")
        assert client.list_face_clusters()["total"] == 2
        assert "faceml" in client.metrics()


def test_pictures_are_sent_as_a_form(client: Client) -> None:
    with pytest.raises(WrongUse, match="a name, or by a personId"):
        client.enrol_person([b"x", b"y"])
    with pytest.raises(WrongUse, match="of one picture"):
        client.enrol_person([b"x", b"y"], name="Ada", face=2)

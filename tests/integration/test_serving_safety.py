"""Who may ask, how much, and what the service never gives away."""

from __future__ import annotations

import io
import logging
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from faceml.config import Settings
from faceml.errors import WrongUse
from faceml.library import Library
from serving.app import create_app
from serving.limits import Limits
from serving.security import check_binding
from tests.fakes import LoadedPack
from tests.rest import API, LOCAL, UNLIMITED, client_of, served, two_people

FULL, READ = "full-key-é", "read-key"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "library", model_pack="opencv-zoo", tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}"
    )


@pytest.fixture
def library(settings: Settings) -> Iterator[Library]:
    opened, _ = two_people(settings)
    yield opened
    opened.close()


@pytest.fixture
def keyed(settings: Settings) -> Iterator[TestClient]:
    """A client of a service that asks for keys, under a name of the network."""
    library, _ = two_people(replace(settings, api_key=FULL, api_read_key=READ, api_origins="https://photos.example"))
    app = create_app(library=library, limits=UNLIMITED)
    with TestClient(app, base_url="http://faces.example") as client:
        yield client
    library.close()


def bearer(key: str) -> dict[str, bytes]:
    return {"Authorization": f"Bearer {key}".encode()}


# --- keys


def test_without_a_key_nothing_is_told_but_that_the_service_runs(keyed: TestClient) -> None:
    for path in (f"{API}/clusters", "/metrics", "/openapi.json", "/nothing", f"{API}/model"):
        for headers in ({}, bearer("wrong"), {"X-API-Key": ""}, {"Authorization": "Basic abc"}):
            answer = keyed.get(path, headers=headers)
            assert (answer.status_code, answer.json()["status"]) == (401, 401), (path, headers)
    assert keyed.get("/health").status_code == 200
    assert all(part["reason"] is None for part in keyed.get("/ready").json()["parts"])


def test_the_read_key_reads_and_the_full_key_does_everything(keyed: TestClient) -> None:
    assert keyed.get(f"{API}/clusters", headers={"X-API-Key": READ}).status_code == 200
    assert keyed.post(f"{API}/project", json={"embeddings": [[1.0]]}, headers=bearer(READ)).status_code == 200
    body = {"name": "Ada"}
    assert keyed.post(f"{API}/clusters/clu_0/label", json=body, headers=bearer(READ)).status_code == 403
    assert keyed.delete(f"{API}/persons/{UUID(int=1)}?confirm=true", headers=bearer(READ)).status_code == 403
    assert keyed.post(f"{API}/clusters/clu_0/label", json=body, headers=bearer(FULL)).status_code == 200


def test_a_key_is_asked_for_before_a_body_is_read(keyed: TestClient) -> None:
    assert keyed.post(f"{API}/identify", content=b"x" * 1000).status_code == 401


def test_keys_are_compared_in_constant_time() -> None:
    source = Path(sys.modules["serving.security"].__file__ or "").read_text()
    assert source.count("hmac.compare_digest") == 2
    assert "== self." not in source


def test_a_service_that_others_reach_needs_a_key(settings: Settings, tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.168.1.5", "faces.example"):
        with pytest.raises(WrongUse, match="FACEML_API_KEY"):
            check_binding(host, settings)
        check_binding(host, replace(settings, api_key="k"))
    check_binding("127.0.0.1", settings)
    with pytest.raises(WrongUse, match="FACEML_API_READ_KEY"):
        create_app(replace(settings, api_read_key="k"))
    done = subprocess.run(
        [sys.executable, "-m", "serving", "--host", "0.0.0.0"], capture_output=True, text=True, cwd=Path.cwd()
    )
    assert done.returncode == 2
    assert "FACEML_API_KEY" in done.stderr


# --- other web pages


def test_a_page_of_another_site_can_neither_write_nor_read(library: Library) -> None:
    with client_of(library) as api:
        foreign = {"Origin": "https://evil.example"}
        assert api.post(f"{API}/undo", headers=foreign).status_code == 403
        assert "Access-Control-Allow-Origin" not in api.get(f"{API}/clusters", headers=foreign).headers
        assert api.get(f"{API}/clusters", headers={"Host": "evil.example"}).status_code == 403  # DNS rebinding
        assert api.post(f"{API}/undo", headers={"Origin": LOCAL}).status_code == 404
        plain = api.post(f"{API}/clusters/clu_0/label", content='{"name": "x"}', headers={"Content-Type": "text/plain"})
        assert plain.status_code == 422


def test_without_a_key_another_machine_gets_no_answer_whatever_name_it_uses(library: Library) -> None:
    app = create_app(library=library, limits=UNLIMITED)
    with TestClient(app, base_url=LOCAL, client=("192.168.1.7", 50_000)) as far:
        assert far.get(f"{API}/clusters").status_code == 403


def test_only_named_origins_may_call(keyed: TestClient) -> None:
    ours = {"Origin": "https://photos.example", **bearer(READ)}
    assert keyed.get(f"{API}/clusters", headers=ours).headers["Access-Control-Allow-Origin"] == "https://photos.example"
    preflight = {"Origin": "https://photos.example", "Access-Control-Request-Method": "POST"}
    assert keyed.options(f"{API}/cluster", headers=preflight).status_code == 200
    preflight["Origin"] = "https://evil.example"
    assert keyed.options(f"{API}/cluster", headers=preflight).status_code == 400


def test_every_answer_carries_the_headers(library: Library) -> None:
    with client_of(library) as api:
        for path in ("/health", f"{API}/clusters", "/nothing", f"{API}/clusters/a b"):
            headers = api.get(path).headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert headers["Cache-Control"] in ("no-store", "private, no-cache")


# --- how much


def test_large_bodies_are_refused_whether_or_not_they_say_so(library: Library) -> None:
    with client_of(library, replace(UNLIMITED, body_bytes=10_000, upload_bytes=50_000)) as api:
        large = api.post(f"{API}/project", content=b"[" * 10_001, headers={"Content-Type": "application/json"})
        assert (large.status_code, large.json()["status"]) == (413, 413)
        parts = (b"x" * 5_000 for _ in range(4))
        assert api.post(f"{API}/cluster", content=parts).status_code == 413
        assert api.post(f"{API}/identify", files={"photo": b"x" * 60_000}).status_code == 413
        deep = api.post(f"{API}/cluster", content="[" * 9_999, headers={"Content-Type": "application/json"})
        assert deep.status_code in (400, 422)


def test_photos_that_are_none_or_unfold_beyond_measure_are_refused(library: Library, opencv_zoo: object) -> None:
    library = replace(library, packs=LoadedPack(opencv_zoo))
    with client_of(library) as api:
        for content, words in (
            (b"%!PS-Adobe-3.0 EPSF-3.0", "not a picture"),
            (b"GIF89a", "not a picture"),
            (bomb(30_000, 30_000), "pixels"),
            (picture("JPEG")[:200], "the file is"),
            (b"", "not a picture"),
        ):
            answer = api.post(f"{API}/identify", files={"photo": ("../../etc/passwd", content)})
            assert answer.status_code == 422, answer.text
            assert words in answer.json()["detail"]


def picture(kind: str) -> bytes:
    content = io.BytesIO()
    Image.effect_noise((64, 64), 50).convert("RGB").save(content, kind)
    return content.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that claims to be very large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    pixels = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_who_asks_too_often_is_asked_to_wait(library: Library) -> None:
    with client_of(library, Limits(rate=0.001, burst=3)) as api:
        statuses = [api.get("/health").status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        assert int(api.get("/health").headers["Retry-After"]) >= 1


def test_work_that_takes_too_long_is_answered_meanwhile_and_too_much_of_it_is_refused(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()
    monkeypatch.setattr("serving.routes.clusters.show_cluster", lambda *_: may_end.wait(60))
    tight = replace(UNLIMITED, quick_s=0.2, quick_threads=1, quick_waiting=0)
    with client_of(library, tight) as api:
        assert api.get(f"{API}/clusters/clu_0").status_code == 504, "while the work still goes on"
        refused = api.get(f"{API}/clusters/clu_0")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert api.get("/health").status_code == 200
        may_end.set()


def test_a_body_that_trickles_in_is_cut_off(tmp_path: Path, library: Library) -> None:
    import asyncio

    from serving.limits import BodyLimit

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        while (await receive()).get("more_body"):
            pass

    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        await asyncio.sleep(0.06)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    guarded = BodyLimit(app, replace(UNLIMITED, body_s=0.2))
    asyncio.run(guarded({"type": "http", "path": "/x", "method": "POST", "headers": []}, receive, send))
    assert sent[0]["status"] == 408


# --- what is kept to itself


def test_an_unforeseen_error_tells_its_kind_only(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    name = "John Doe"

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(name)

    monkeypatch.setattr("serving.routes.clusters.list_clusters", fail)
    with caplog.at_level(logging.DEBUG), client_of(library) as api:
        answer = api.get(f"{API}/clusters")
    assert answer.status_code == 500
    assert "RuntimeError" in answer.json()["detail"]
    assert "RuntimeError" in caplog.text
    assert "test_serving_safety.py" in caplog.text  # where it rose
    assert "John" not in answer.text + caplog.text


def test_values_that_do_not_fit_are_not_repeated(library: Library) -> None:
    with client_of(library) as api:
        answer = api.post(f"{API}/clusters/clu_0/label", json={"name": 5, "secret": "John Doe"})
        assert answer.status_code == 422
        assert "John" not in answer.text


def test_no_path_of_a_client_is_opened(library: Library) -> None:
    with client_of(library) as api:
        for path in ("/clusters/..%2F..%2Fetc%2Fpasswd", "/assets/..%2Fx", "/faces/..%2Fx/thumbnail", "/jobs/..%2Fx"):
            assert api.get(API + path).status_code in (404, 422)


def test_the_server_names_no_version_of_its_own_and_survives_garbage(tmp_path: Path, library: Library) -> None:
    library.close()
    with served(tmp_path, FACEML_MODEL_PACK="opencv-zoo") as server:
        answer = server.ask("GET", "/health")
        assert "server" not in answer.headers
        port = int(server.url.rpartition(":")[2])
        for garbage in (b"\x00\xff" * 100 + b"\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(garbage)
                connection.recv(1000)
        assert server.ask("GET", "/health").status_code == 200

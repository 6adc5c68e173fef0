"""Who may ask, how much, and what the service never gives away."""

from __future__ import annotations

import base64
import io
import logging
import os
import re
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


def test_without_a_key_nobody_is_answered_through_a_proxy(library: Library) -> None:
    with client_of(library) as api:
        for named in ("192.168.1.7", "127.0.0.1, 192.168.1.7", "unknown"):
            assert api.get(f"{API}/clusters", headers={"X-Forwarded-For": named}).status_code == 403, named
        assert api.get(f"{API}/clusters", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 200


# --- what paths take


def test_head_is_get_without_the_body_wherever_there_is_get(library: Library) -> None:
    with client_of(library) as api:
        paths = [path for path, item in api.get("/openapi.json").json()["paths"].items() if "get" in item]
        for path in (*paths, "/openapi.json", "/docs", "/docs/start.js", "/nothing"):
            asked = re.sub(r"\{\w+\}", "clu_0", path)
            whole, head = api.get(asked), api.head(asked)
            assert (head.status_code, head.content) == (whole.status_code, b""), path
            if path not in ("/metrics", "/ready"):  # their numbers move
                assert head.headers["Content-Length"] == str(len(whole.content)), path
            assert head.headers.get("ETag") == whole.headers.get("ETag")
        known = {"If-None-Match": api.head(f"{API}/clusters").headers["ETag"]}
        assert api.head(f"{API}/clusters", headers=known).status_code == 304


def test_a_path_says_what_it_takes(library: Library) -> None:
    with client_of(library) as api:
        for path, taken in (
            ("/persons/x", "DELETE, GET, HEAD, OPTIONS, PATCH"),
            ("/project", "OPTIONS, POST"),
            ("/clusters", "GET, HEAD, OPTIONS"),
        ):
            asked, refused = api.options(API + path), api.put(API + path)
            assert (asked.status_code, asked.headers["Allow"], asked.content) == (204, taken, b"")
            assert (refused.status_code, refused.headers["Allow"]) == (405, taken)
            assert taken in refused.json()["detail"]
        assert api.options("/nothing").status_code == 404


# --- the page


def test_a_browser_asks_for_the_key_of_the_page_and_only_the_page_takes_it_so(keyed: TestClient) -> None:
    for path in ("/docs", "/docs/swagger-ui.css"):
        asked = keyed.get(path)
        assert (asked.status_code, asked.headers["WWW-Authenticate"]) == (401, 'Basic realm="faceml", charset="UTF-8"')
    for path in ("/docs", "/docs/swagger-ui-bundle.js", "/docs/start.js", "/docs/favicon.png", "/openapi.json"):
        for key in (FULL, READ):
            assert keyed.get(path, headers=basic(key)).status_code == 200, path
            assert keyed.get(path, headers=bearer(key)).status_code == 200, path
        assert keyed.get(path, headers=basic("wrong")).status_code == 401, path
        assert keyed.get(path, headers={"Authorization": "Basic !"}).status_code == 401, path
    for path in (f"{API}/clusters", "/metrics", "/docsy"):
        assert keyed.get(path, headers=basic(FULL)).status_code == 401, path
    assert keyed.post(f"{API}/undo", headers=basic(FULL)).status_code == 401


def test_the_page_loads_nothing_from_another_site_and_runs_nothing_that_is_written_in_it(library: Library) -> None:
    with client_of(library) as api:
        answer = api.get("/docs")
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"https?:|<script>|<style|\son\w+=", answer.text)
        assert api.get("/docs/nothing.js").status_code == 404
        assert api.get("/docs/..%2F__init__.py").status_code == 404


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"anybody:{key}".encode()).decode()}


# --- how much


def test_large_bodies_are_refused_whether_or_not_they_say_so(library: Library) -> None:
    with client_of(library, replace(UNLIMITED, body_bytes=10_000, vectors_bytes=20_000, upload_bytes=50_000)) as api:
        large = api.post(f"{API}/project", content=b" " * 20_001, headers={"Content-Type": "application/json"})
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
            (b"", "the file is empty"),
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
    monkeypatch.setattr("serving.routes.clusters.show_cluster", lambda *_, **__: may_end.wait(60))
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


def test_a_port_in_use_is_said_and_nothing_of_serving_before(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "serving", "--port", str(port)]
        own = {"FACEML_HOME": str(tmp_path / "library"), "FACEML_MODEL_PACK": "opencv-zoo"}
        done = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(f"faceml: port {port} of 127.0.0.1 is in use: ")
    assert "--port" in line


def test_a_forwarded_address_counts_only_where_a_proxy_is_named(tmp_path: Path) -> None:
    for words in ((), ("--proxy", "127.0.0.1")):
        with served(tmp_path, "--rate", "0.5", *words, FACEML_API_KEY=FULL, FACEML_MODEL_PACK="opencv-zoo") as server:
            asked = [server.ask("GET", "/health", headers={"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(8)]
            refused = [answer.status_code for answer in asked].count(429)
            assert (refused == 0) if words else (refused >= 6), words


def test_the_server_names_no_version_of_its_own_and_survives_garbage(tmp_path: Path, library: Library) -> None:
    library.close()
    with served(tmp_path, FACEML_MODEL_PACK="opencv-zoo") as server:
        answer = server.ask("GET", "/health")
        assert "server" not in answer.headers
        port = int(server.url.rpartition(":")[2])
        for garbage in (b"\x00\xff" * 100 + b"\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                connection.sendall(garbage)
                connection.recv(1000)
        assert server.ask("GET", "/health").status_code == 200

"""`/label`: behind the key, and the only place from which a browser's password opens the API."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from faceml.config import Settings
from serving.app import create_app
from tests.conftest import REPO
from tests.rest import API, UNLIMITED, client_of, two_people

KEY, READ = "full-key-é", "read-key"
OURS = {"X-Faceml-Page": "1"}


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    home = tmp_path_factory.mktemp("label") / "library"
    settings = Settings(home=home, model_pack="opencv-zoo", tracking_uri=f"sqlite:///{home.parent / 'mlflow.db'}")
    library, _ = two_people(settings)
    guarded = replace(settings, api_key=KEY, api_read_key=READ, api_origins="https://photos.example")
    with TestClient(create_app(guarded, library=library, limits=UNLIMITED), base_url="http://faces.example") as client:
        yield client
    library.close()


def password(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"me:{key}".encode()).decode()}


def test_a_browser_is_asked_for_the_key_before_it_sees_the_page(keyed: TestClient) -> None:
    for path in ("/label", "/label/grid.js", "/label/start.js"):
        refused = keyed.get(path)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Basic ")
        assert keyed.get(path, headers=password(KEY)).status_code == 200
    assert keyed.get("/label/nothing.js", headers=password(KEY)).status_code == 404


def test_the_page_loads_its_own_files_and_may_load_no_others(keyed: TestClient) -> None:
    page = keyed.get("/label", headers=password(KEY))
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    for name, kind in (("grid.js", "text/javascript"), ("grid.css", "text/css"), ("start.js", "text/javascript")):
        assert f"label/{name}" in page.text or name == "grid.js"
        assert keyed.get(f"/label/{name}", headers=password(KEY)).headers["content-type"].startswith(kind)
    script = keyed.get("/label/grid.js", headers=password(KEY)).text
    assert not any(word in script for word in ("eval(", "new Function", "https://cdn"))


def test_the_password_opens_the_api_to_our_page_and_to_no_other(keyed: TestClient) -> None:
    assert keyed.get(f"{API}/clusters", headers=password(KEY)).status_code == 401
    assert keyed.get(f"{API}/clusters", headers=password(KEY) | OURS).status_code == 200
    assert keyed.get(f"{API}/clusters", headers=password("wrong") | OURS).status_code == 401
    asked = {"Origin": "https://photos.example", "Access-Control-Request-Method": "GET"}
    preflight = keyed.options(f"{API}/clusters", headers=asked | {"Access-Control-Request-Headers": "x-faceml-page"})
    assert "x-faceml-page" not in preflight.headers.get("access-control-allow-headers", "").lower()


def test_the_read_keys_password_reads_and_decides_nothing(keyed: TestClient) -> None:
    assert keyed.get(f"{API}/clusters", headers=password(READ) | OURS).status_code == 200
    named = keyed.post(f"{API}/clusters/clu_0/label", json={"name": "Ada"}, headers=password(READ) | OURS)
    assert named.status_code == 403


def test_a_page_of_another_site_decides_nothing_even_with_the_password(keyed: TestClient) -> None:
    headers = password(KEY) | OURS | {"Origin": "https://elsewhere.example"}
    assert keyed.post(f"{API}/clusters/clu_0/label", json={"name": "Ada"}, headers=headers).status_code == 403


def test_without_a_key_the_page_is_this_machines_alone(tmp_path: Path) -> None:
    library, _ = two_people(Settings(home=tmp_path / "library", model_pack="opencv-zoo"))
    with client_of(library) as client:
        assert client.get("/label").status_code == 200
        assert client.get("/label", headers={"Host": "evil.example"}).status_code == 403
    library.close()


def test_faceml_label_serves_the_page_until_it_is_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "faceml", "label", "--port", "0", "--no-browser"]
    environment = {**os.environ, "PYTHONPATH": f"{REPO / 'src'}:{REPO}", "FACEML_HOME": str(tmp_path / "library")}
    environment["FACEML_MODEL_PACK"] = "opencv-zoo"
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said = next(line for line in process.stderr if line.startswith("Name faces at "))
            url = said.removeprefix("Name faces at ").strip()
            assert url.startswith("http://127.0.0.1:")
            assert "label/start.js" in httpx.get(url, timeout=60).text
        finally:
            process.send_signal(signal.SIGINT)
    assert process.returncode == 0

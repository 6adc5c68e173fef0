"""The REST API as tests use it: in process, and in a process of its own."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import uvicorn
from fastapi.testclient import TestClient

from faceml.config import Settings
from faceml.library import Library
from serving.app import create_app
from serving.limits import Limits
from tests.conftest import REPO, add_faces, people_vectors
from tests.fakes import FakePack, library_with
from tests.polling import until
from tests.ports import free_port

API = "/api/v1/faces"
HERE = ("127.0.0.1", 50_000)
LOCAL = "http://127.0.0.1:8000"
UNLIMITED = Limits(rate=0)


@contextmanager
def client_of(library: Library, limits: Limits = UNLIMITED, **headers: str) -> Iterator[TestClient]:
    """A client of an app that runs in this process, as if it came from this machine."""
    app = create_app(library=library, limits=limits)
    with TestClient(app, base_url=LOCAL, headers=headers, client=HERE) as client:
        yield client


@contextmanager
def served_here(library: Library) -> Iterator[str]:
    """The service's address; it runs in this process, in a thread of its own."""
    port = free_port()
    app = create_app(library=library, limits=UNLIMITED)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def two_people(settings: Settings) -> tuple[Library, list[UUID]]:
    """A library without photos: two people with six faces each, four of them in the clusters clu_0 and clu_1."""
    library = library_with(FakePack(), settings)
    ids = add_faces(library, people_vectors(2, 6, seed=3))
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(id_, f"clu_{row // 6}") for row, id_ in enumerate(ids) if row % 6 < 4])
    return library, ids


@dataclass(frozen=True, slots=True)
class Served:
    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def ask(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        return httpx.request(method, self.url + path, timeout=60, **kwargs)


@contextmanager
def served(folder: Path, *arguments: str, open_files: int = 0, **environment: str) -> Iterator[Served]:
    """`python -m serving` on a free port, asked to end with the block, as `make serve` runs it.

    Args:
        open_files: as `ulimit -n` sets it; 0 leaves it as it is.
    """
    port = free_port()
    log = folder / "serving.log"
    own = {"PYTHONPATH": f"{REPO / 'src'}:{REPO}", "FACEML_HOME": str(folder / "library"), "LOG_LEVEL": "INFO"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "serving", "--port", str(port), *arguments],
            cwd=folder,
            env={**os.environ, **own, **environment},
            preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (open_files,) * 2)) if open_files else None,
            stdout=output,
            stderr=output,
        )
    server = Served(f"http://127.0.0.1:{port}", process, log)
    try:
        until(lambda: process.poll() is not None or answers(server.url + "/health"))
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30).status_code == 200
    except httpx.HTTPError:
        return False


def environment_of(settings: Settings) -> Mapping[str, str]:
    """The variables by which another process opens the same library."""
    return {
        "FACEML_HOME": str(settings.home),
        "FACEML_MODEL_PACK": settings.model_pack,
        "DATABASE_URL": settings.database_url,
        "QDRANT_URL": settings.qdrant_url,
        "REDIS_URL": settings.redis_url,
        "MLFLOW_TRACKING_URI": settings.tracking_uri,
    }

"""Two runs that rewrite clusters take turns; nobody's label waits for them."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from faceml.config import Settings
from faceml.errors import LibraryBusy
from faceml.library import Library
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.cluster.dual import cluster_dual
from faceml.services.decisions.label import label_cluster
from tests.conftest import add_faces, people_vectors
from tests.fakes import library_with
from tests.polling import until

HOLD = """
import sys
from faceml.config import Settings
from faceml.library import Library
from faceml.wiring import open_library
from pathlib import Path
library = open_library(Settings(home=Path(sys.argv[1]), database_url=sys.argv[2]))
with library.repository.exclusive("cluster_faces"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def either_library(settings: Settings, database_url: str, opencv_zoo: Any) -> Iterator[Library]:
    library = library_with(opencv_zoo, replace(settings, database_url=database_url))
    yield library
    library.close()


@pytest.fixture
def holder(either_library: Library) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the library."""
    settings = either_library.settings
    with either_library.repository.read():
        pass  # the database is made by one of us
    words = [sys.executable, "-c", HOLD, str(settings.home), settings.database_url]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait(120)


def test_who_waits_too_long_is_told_who_holds_the_library(
    either_library: Library, holder: subprocess.Popen[str]
) -> None:
    with (
        pytest.raises(LibraryBusy, match=rf"^cluster_faces \(pid {holder.pid} on .+ has held this library"),
        either_library.repository.exclusive("cluster_dual", wait_s=0.1),
    ):
        pass


def test_the_second_run_waits_for_the_first_and_says_so(
    either_library: Library, holder: subprocess.Popen[str], caplog: pytest.LogCaptureFixture
) -> None:
    add_faces(either_library, people_vectors(2, 6))
    done = threading.Event()

    def run() -> None:
        cluster_dual(either_library)
        done.set()

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: "waiting for it to end" in caplog.text)
    assert f"cluster_faces (pid {holder.pid}" in caplog.text
    assert not done.is_set()
    assert holder.stdin is not None
    holder.stdin.close()
    thread.join(60)
    assert done.is_set()


def test_a_label_does_not_wait_for_a_run(either_library: Library) -> None:
    ids = add_faces(either_library, people_vectors(2, 6))
    cluster_faces(either_library)
    with either_library.repository.read() as unit:
        cluster = unit.faces.states(ids)[ids[0]].cluster_id
    assert cluster is not None
    with either_library.repository.exclusive("cluster_faces"):
        assert label_cluster(either_library, cluster, "Ada", actor="test").faces_labeled == 6


def test_a_killed_holder_holds_nothing(either_library: Library, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait(120)
    with either_library.repository.exclusive("cluster_dual", wait_s=30):
        pass


def test_a_run_that_fails_lets_go(either_library: Library) -> None:
    with pytest.raises(RuntimeError), either_library.repository.exclusive("cluster_faces"):
        raise RuntimeError
    with either_library.repository.exclusive("cluster_dual", wait_s=0):
        pass

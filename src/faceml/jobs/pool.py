"""Worker processes of one machine: started, started again when one crashes, and stopped together, by RQ's pool."""

from __future__ import annotations

import logging
import os
import signal
import threading
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import Any

from rq.serializers import JSONSerializer
from rq.worker_pool import WorkerData, WorkerPool

from faceml.config import Settings
from faceml.errors import FacemlError
from faceml.jobs.own import OwnJob
from faceml.jobs.queue import JobQueue
from faceml.jobs.worker import run_worker, worker_prefix

LONGEST_PAUSE_S = 30.0  # between two starts of workers that keep crashing
STEADY_AFTER_S = 60.0  # a worker that lasted this long is started again at once
STOP_WITHIN_S = 30.0  # then a worker is killed; its job is given to another one
log = logging.getLogger(__name__)


class FaceWorkerPool(WorkerPool):
    """Keeps `count` workers running until SIGTERM or Ctrl-C, or until the queue is empty (burst).

    RQ's pool forks, which CUDA forbids, and knows neither growing pauses nor the job of a worker that died.
    """

    def __init__(self, settings: Settings, queue: JobQueue, *, count: int) -> None:
        super().__init__([queue.rq], queue.connection, num_workers=count, serializer=JSONSerializer, job_class=OwnJob)
        self._settings = settings
        self._jobs = queue
        self._last_start = self._pause_s = 0.0
        self._kill_at = float("inf")

    def get_worker_process(
        self,
        name: str,  # noqa: ARG002  a worker is named after its process
        burst: bool,
        _sleep: float = 0,
        logging_level: str = "INFO",  # noqa: ARG002  the settings say it
    ) -> BaseProcess:
        self._last_start = monotonic()
        return get_context("spawn").Process(target=_work, args=(self._settings, burst))

    def check_workers(self, respawn: bool = True) -> None:
        is_due = monotonic() >= self._last_start + self._pause_s
        super().check_workers(respawn=respawn and is_due)

    def handle_dead_worker(self, worker_data: WorkerData) -> None:
        super().handle_dead_worker(worker_data)
        lasted = monotonic() - self._last_start
        self._pause_s = 0.0 if lasted > STEADY_AFTER_S else min(LONGEST_PAUSE_S, max(1.0, self._pause_s * 2))
        if worker_data.process.exitcode:
            log.warning("worker %d died (exit code %s)", worker_data.pid, worker_data.process.exitcode)
            try:
                self._jobs.give_up_leases(worker_prefix(worker_data.pid))
            except FacemlError as error:
                log.warning("%s", error)  # the lease runs out by itself

    def request_stop(self, signum: int | None = None, frame: Any = None) -> None:
        self._kill_at = min(self._kill_at, monotonic() + STOP_WITHIN_S)
        super().request_stop(signum, frame)

    def stop_worker(self, worker_data: WorkerData, sig: signal.Signals = signal.SIGTERM) -> None:
        super().stop_worker(worker_data, sig)  # RQ's SIGINT would print a traceback where one is just starting

    def all_workers_have_stopped(self) -> bool:
        for data in self.worker_dict.values() if monotonic() > self._kill_at else ():
            data.process.kill()
        return bool(super().all_workers_have_stopped())


def _work(settings: Settings, is_burst: bool) -> None:
    """A worker process; it leaves when its pool is gone."""
    configure_logging(settings)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    run_worker(settings, is_burst=is_burst)


def _leave_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


def configure_logging(settings: Settings) -> None:
    """A line for each job on stderr, warnings of everything else."""
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if settings.log_level == "WARNING":
        logging.getLogger("faceml.jobs").setLevel(logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)

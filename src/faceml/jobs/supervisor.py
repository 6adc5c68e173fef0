"""Worker processes of one machine: started, started again when one crashes, and stopped together."""

from __future__ import annotations

import logging
import os
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import SpawnProcess
from time import monotonic
from typing import Any

from faceml.config import Settings
from faceml.errors import FacemlError
from faceml.jobs.queue import JobQueue
from faceml.jobs.worker import run_worker, worker_prefix

LONGEST_PAUSE_S = 30.0  # between two starts of a worker that keeps crashing
STEADY_AFTER_S = 60.0  # a worker that lasted this long starts again at once
STOP_WITHIN_S = 30.0  # then a worker is killed; its job is given to another one
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Post:
    """A place for one worker: who is there, since when, and how long to wait before the next one."""

    process: SpawnProcess | None = None
    started: float = 0.0
    pause_s: float = 0.0


class Supervisor:
    """Keeps `count` workers running until SIGTERM or Ctrl-C, or until the queue is empty (`is_burst`)."""

    def __init__(self, settings: Settings, queue: JobQueue, *, count: int, is_burst: bool = False) -> None:
        self._settings = settings
        self._queue = queue
        self._posts = [_Post() for _ in range(count)]
        self._is_burst = is_burst
        self._is_stopping = False

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._posts = [self._start(post) for post in self._posts]
        while any(post.process for post in self._posts) or not (self._is_stopping or self._is_burst):
            sentinels = [post.process.sentinel for post in self._posts if post.process]
            connection.wait(sentinels, timeout=0.5)
            self._posts = [self._look_after(post) for post in self._posts]

    def _look_after(self, post: _Post) -> _Post:
        if post.process is not None:
            if post.process.is_alive():
                return post
            return self._bury(post, post.process)
        is_due = monotonic() >= post.started + post.pause_s
        return self._start(post) if is_due and not (self._is_stopping or self._is_burst) else post

    def _start(self, post: _Post) -> _Post:
        process = get_context("spawn").Process(target=_work, args=(self._settings, self._is_burst))
        process.start()
        return replace(post, process=process, started=monotonic())

    def _bury(self, post: _Post, process: SpawnProcess) -> _Post:
        lasted = monotonic() - post.started
        pause = 0.0 if lasted > STEADY_AFTER_S else min(LONGEST_PAUSE_S, max(1.0, post.pause_s * 2))
        if process.exitcode and process.pid:
            log.warning("worker %d died (exit code %s)", process.pid, process.exitcode)
            try:
                self._queue.give_up_leases(worker_prefix(process.pid))
            except FacemlError as error:
                log.warning("%s", error)  # the lease runs out by itself
        process.close()
        return _Post(None, monotonic(), pause)

    def _stop(self, _signum: int, _frame: Any) -> None:
        self._is_stopping = True
        running = [post.process for post in self._posts if post.process]
        for process in running:
            with suppress(ValueError):  # it has just been closed
                process.terminate()
        threading.Thread(target=_kill_late, args=(running,), daemon=True).start()


def _kill_late(processes: list[SpawnProcess]) -> None:
    deadline = monotonic() + STOP_WITHIN_S
    for process in processes:
        try:
            process.join(max(0.0, deadline - monotonic()))
            process.kill()
        except (ValueError, AssertionError):  # closed: it has left in time
            continue


def _work(settings: Settings, is_burst: bool) -> None:
    """A worker process; it leaves when its supervisor is gone."""
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

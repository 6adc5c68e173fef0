"""An RQ worker that runs jobs in its own process, so that models are loaded once and not once a job.

RQ's usual worker forks for each job. That loads the models each time, or inherits them from the parent, which CUDA does
not allow and open connections do not like. What the fork was for is done otherwise here: a thread renews the job's
lease, so that the job of a worker that died soon goes to another; a signal stops a job that is cancelled; and the pool
restarts a worker that crashed. docs/decisions/0016-jobs.md has the measurements.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any

from redis.exceptions import RedisError
from rq import Queue, worker_registration
from rq.exceptions import StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import now
from rq.worker import SimpleWorker

from faceml.config import Settings
from faceml.errors import FacemlError, QueueUnavailable, Unavailable, WrongUse
from faceml.jobs.context import Assignment, JobCanceled, JobContext, WorkerStopping, provided
from faceml.jobs.functions import JOBS
from faceml.jobs.libraries import Libraries
from faceml.jobs.own import MODULE, OwnJob
from faceml.jobs.queue import JobQueue, connect_queue
from faceml.once import Once
from faceml.progress import Progress

LEASE_S = 20  # a job whose worker has been silent for this long goes to another
LOOK_AROUND_S = 5  # between two looks of an idle worker for abandoned and waiting jobs
PROGRESS_EVERY_S = 0.5
REDIS_GONE_PAUSE_S = 1.0  # before the next attempt to reach Redis; grows
LONGEST_REDIS_PAUSE_S = 5.0
log = logging.getLogger(__name__)


class FaceWorker(SimpleWorker):
    """Runs one job after another, for the libraries it can open."""

    max_connection_wait_time = LONGEST_REDIS_PAUSE_S

    def __init__(self, queue: JobQueue, libraries: Libraries, *, name: str) -> None:
        super().__init__(
            [queue.rq],
            name=name,
            connection=queue.connection,
            serializer=JSONSerializer,
            job_class=OwnJob,
            worker_ttl=LOOK_AROUND_S + 15,  # RQ waits for a job this much less 15 s at a time
            maintenance_interval=LOOK_AROUND_S,
            log_job_description=False,
        )
        self._jobs = queue
        self._libraries = libraries
        self._main_thread = threading.get_ident()
        self._is_in_job = False
        self._is_recording = False  # what became of a job: not to be interrupted
        self._interruption: BaseException | None = None

    @property
    def is_stopping(self) -> bool:
        return self._stop_requested

    # --- running a job

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        started = time.monotonic()
        self._interruption = None
        self._is_recording = True
        try:
            with self._lease(job, execution), provided(partial(self._context, job)):
                is_done = super().perform_job(job, queue, execution)
        finally:
            self._is_recording = False
        if is_done:
            log.info("%s %s: done in %.1f s", _short(job), job.id, time.monotonic() - started)
        return is_done

    def prepare_job_execution(self, job: Job, remove_from_intermediate_queue: bool = False) -> None:
        super().prepare_job_execution(job, remove_from_intermediate_queue)
        job.meta["attempts"] = int(job.meta.get("attempts", 0)) + 1
        job.save_meta()
        if _short(job) not in JOBS:
            raise WrongUse(f"this worker has no {_short(job)}: start one of the faceml that queued it")
        log.info("%s %s: started", _short(job), job.id)

    @contextmanager
    def _context(self, job: Job) -> Iterator[JobContext]:
        """What the job may use; in this block, and only there, it can be interrupted."""
        address = job.meta["library"]
        self._is_in_job = True
        try:
            if self._stopped_job_id == job.id:  # cancelled before it got here
                raise JobCanceled
            if self._stop_requested:
                raise WorkerStopping
            library = self._libraries.open(address)
            yield JobContext(library, self._progress(job), Assignment(job.id, self._jobs, address), partial(_note, job))
        finally:
            self._is_in_job = False

    def _progress(self, job: Job) -> Progress:
        last = 0.0

        def show(done: int, total: int) -> None:
            nonlocal last
            if done < total and time.monotonic() - last < PROGRESS_EVERY_S:
                return
            last = time.monotonic()
            job.meta["progress"] = [done, total]
            try:
                job.save_meta()
            except RedisError as error:  # the work goes on; only its end needs Redis
                log.debug("progress of %s not written: %s", job.id, error)

        return show

    # --- what becomes of it

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        error = exc_info[1]
        if isinstance(error, WorkerStopping | SystemExit | KeyboardInterrupt):
            self._interruption = error
            self._stop_requested = True
            return
        if isinstance(error, JobCanceled):
            log.info("%s %s: cancelled", _short(job), job.id)
            return
        is_transient = isinstance(error, Unavailable | RedisError)
        if not is_transient:
            job.retries_left = 0
        job.meta["error"] = str(error) if isinstance(error, FacemlError) else f"{type(error).__name__}: {error}"
        job.save_meta()
        again = is_transient and job.should_retry
        log.warning("%s %s: %s%s", _short(job), job.id, job.meta["error"], "; it will be tried again" if again else "")
        if not isinstance(error, FacemlError):
            log.error("unexpected in %s", job.id, exc_info=error)

    def handle_job_failure(
        self,
        job: Job,
        queue: Queue,
        started_job_registry: Any = None,
        exc_string: str = "",
        execution: Execution | None = None,
    ) -> None:
        if self._interruption is None:
            super().handle_job_failure(job, queue, started_job_registry, exc_string, execution)
            return
        with self.connection.pipeline() as pipeline:
            queue.enqueue_job(job, pipeline=pipeline, at_front=True)  # first: RQ opens the transaction here
            self.cleanup_execution(job, pipeline=pipeline, execution=execution)
            pipeline.execute()
        log.info("%s %s: back to the front of the queue", _short(job), job.id)

    # --- interrupting it

    def _install_signal_handlers(self) -> None:
        super()._install_signal_handlers()
        signal.signal(signal.SIGUSR1, self._cancel_now)

    def request_stop(self, signum: int, frame: Any) -> None:  # noqa: ARG002  # a signal handler's
        """SIGTERM or Ctrl-C: put the running job back and leave; a result that is being recorded is recorded first."""
        is_first = not self._stop_requested
        self._stop_requested = True
        if self._is_in_job:
            if is_first:
                raise WorkerStopping
        elif not self._is_recording:
            raise StopRequested

    def kill_horse(self, sig: signal.Signals = signal.SIGUSR1) -> None:  # noqa: ARG002  # RQ's signature
        """Called by RQ, from its listening thread, when the running job is cancelled."""
        signal.pthread_kill(self._main_thread, signal.SIGUSR1)

    def _cancel_now(self, _signum: int, _frame: Any) -> None:
        if self._is_in_job:
            raise JobCanceled

    # --- looking after jobs of other workers

    @contextmanager
    def _lease(self, job: Job, execution: Execution) -> Iterator[None]:
        """Renew the job's lease while the block runs."""
        is_over = threading.Event()

        def renew() -> None:
            while not is_over.wait(LEASE_S / 4):
                try:
                    self.maintain_heartbeats(job, execution)
                except RedisError as error:
                    log.warning("Redis does not answer, %s goes on: %s", job.id, error)

        thread = threading.Thread(target=renew, name="faceml-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:  # noqa: ARG002  # RQ's signature
        return LEASE_S

    def check_for_suspension(self, burst: bool) -> None:
        """Go on: `rq suspend` is meant for another program's workers in the same Redis."""

    def run_maintenance_tasks(self) -> None:
        self._jobs.requeue_abandoned()
        with self._jobs.maintaining() as is_ours:
            if is_ours:
                self._jobs.set_others_aside()
                worker_registration.clean_worker_registry(self._jobs.rq)
                self._jobs.rq.intermediate_queue.cleanup(self, self._jobs.rq)
        self.last_cleaned_at = now()  # type: ignore[assignment]  # RQ declares it by its first value, None


def run_worker(settings: Settings, *, is_burst: bool = False) -> None:
    """Work until SIGTERM or Ctrl-C; if Redis goes away, wait for it to come back.

    Args:
        is_burst: leave as soon as the queue is empty.
    """
    libraries = Libraries(settings)
    queue = Once(lambda: connect_queue(libraries.own))
    try:
        for number in count():
            if _work_once(queue, libraries, f"{worker_prefix(os.getpid())}{number}", is_burst=is_burst):
                return
            time.sleep(REDIS_GONE_PAUSE_S)
    except StopRequested:  # in a pause
        return
    finally:
        if queue.opened is not None:
            queue.opened.close()
        libraries.close()


def _work_once(queue: Once[JobQueue], libraries: Libraries, name: str, *, is_burst: bool) -> bool:
    """True where the worker was told to leave, False where it lost Redis."""
    worker: FaceWorker | None = None
    try:
        worker = FaceWorker(queue(), libraries, name=name)
        worker.work(burst=is_burst, logging_level="ERROR")
        queue().set_others_aside()
        return worker.is_stopping or (is_burst and not queue().rq.count)
    except (RedisError, QueueUnavailable) as error:
        log.warning("Redis is gone (%s); waiting for it", error)
        return worker is not None and worker.is_stopping


def worker_prefix(pid: int) -> str:
    """Names of the workers of one process begin with this."""
    return f"{socket.gethostname()}.{pid}."


def _note(job: Job, text: str) -> None:
    log.info("%s %s: %s", _short(job), job.id, text)
    job.meta["note"] = text
    try:
        job.save_meta()
    except RedisError as error:
        log.debug("note of %s not written: %s", job.id, error)


def _short(job: Job) -> str:
    return str(job.func_name).removeprefix(MODULE)

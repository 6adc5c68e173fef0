"""The queue as entry points see it: connect to it, enqueue work, look after it, cancel it."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import LockError, RedisError
from redis.retry import Retry as Reconnect
from rq import Queue, Retry, Worker
from rq.command import send_stop_job_command
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.executions import Execution
from rq.job import Job
from rq.registry import BaseRegistry
from rq.serializers import JSONSerializer

from faceml.addresses import without_password
from faceml.errors import NotFound, QueueUnavailable, WrongUse
from faceml.jobs.embedded_redis import EmbeddedRedis
from faceml.jobs.functions import JOBS
from faceml.jobs.libraries import address_of
from faceml.jobs.own import MODULE, QUEUE, NotOwn, OwnJob, take_over
from faceml.jobs.state import ENDED, STATES, JobState, job_state
from faceml.library import Library

KEPT_S = 7 * 86_400  # how long an ended job can be looked up
RETRY_AFTER_S = (5, 30, 120)  # a failure that may pass: one more try after each of these
NO_TIMEOUT = -1
ANSWER_WITHIN_S = 5.0
MAINTENANCE_S = 30.0  # the longest that one worker holds the lock for looking after the jobs of others
TAKE_OVER_EVERY_S = 3600  # between two looks for jobs in the queue that faceml used before
SET_ASIDE = "faceml:jobs:set-aside"  # ids that were in our queue and are no jobs of faceml
log = logging.getLogger(__name__)


def connect_queue(library: Library) -> JobQueue:
    """The queue that takes jobs for this library.

    Raises:
        QueueUnavailable: Redis does not answer, or there is neither a REDIS_URL nor the embedded one.
        WrongUse: REDIS_URL is not the address of a Redis.
    """
    settings, address = library.settings, partial(address_of, library)
    if settings.redis_url:
        connection = _connect(settings.redis_url)
        queue = JobQueue(connection, address=address, where=without_password(settings.redis_url))
    else:
        server = EmbeddedRedis(settings.redis_folder)
        connection = Redis(unix_socket_path=str(server.socket), retry=_once_more())
        queue = JobQueue(connection, address=address, where=str(server.socket), on_close=server.close)
    with queue.answering():
        connection.ping()
        if connection.set("faceml:jobs:taken-over", 1, nx=True, ex=TAKE_OVER_EVERY_S):
            take_over(queue.rq)
    return queue


class JobQueue:
    """The queue `default` of faceml on one Redis; may be used from several threads."""

    def __init__(
        self,
        connection: Redis,
        *,
        address: Callable[[], Mapping[str, Any]],
        where: str,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """
        Args:
            address: says which library the work is for; asked at each enqueue.
            where: the Redis, as it may be shown.
        """
        self._on_close = on_close
        self.connection = connection
        self.rq = Queue(QUEUE, connection=connection, serializer=JSONSerializer, job_class=OwnJob)
        self._address = address
        self._where = where

    def enqueue(self, name: str, **parameters: Any) -> str:
        """Queue a job for the workers, and say its id.

        Args:
            name: of a function in `faceml.jobs.functions`; its parameters are the documented ones.
        Raises:
            WrongUse: no such job, or no such parameter.
            QueueUnavailable: Redis does not answer.
        """
        if name not in JOBS:
            raise WrongUse(f"there is no job {name!r}: faceml has {', '.join(JOBS)}")
        try:
            inspect.signature(JOBS[name]).bind(**parameters)  # better refused now than in a worker
        except TypeError as error:
            raise WrongUse(f"{name}: {error}") from error
        return self.hand_out(name, parameters, address=self._address())

    def hand_out(
        self,
        name: str,
        parameters: Mapping[str, Any],
        *,
        address: Mapping[str, Any],
        job_id: str | None = None,
        parent: str | None = None,
    ) -> str:
        """Enqueue for the library of `address`; a job with a `parent` is not listed."""
        with self.answering():
            job = self.rq.enqueue_call(
                f"{MODULE}{name}",
                kwargs=dict(parameters),
                timeout=NO_TIMEOUT,
                result_ttl=KEPT_S,
                failure_ttl=KEPT_S,
                description=name,
                job_id=job_id,
                meta={"library": dict(address), "attempts": 0, **({"parent": parent} if parent else {})},
                retry=Retry(max=len(RETRY_AFTER_S), interval=list(RETRY_AFTER_S)),
            )
            return str(job.id)

    def get(self, job_id: str) -> JobState:
        """Raises NotFound: no such job, or it ended more than a week ago; QueueUnavailable."""
        with self.answering():
            return job_state(self._fetch(job_id))

    def list(self, limit: int = 50) -> Sequence[JobState]:
        """The newest jobs first; chunks of a job are not listed."""
        with self.answering():
            ended = (self.rq.finished_job_registry, self.rq.failed_job_registry, self.rq.canceled_job_registry)
            ids = dict.fromkeys(_unfinished(self.rq) + _ids_in(*ended))
            jobs = OwnJob.fetch_many(ids, self.connection, serializer=JSONSerializer)
            own = [job for job in jobs if job is not None and "parent" not in job.meta]
            return [job_state(job) for job in sorted(own, key=lambda job: job.created_at, reverse=True)[:limit]]

    def cancel(self, job_id: str) -> JobState:
        """Take a waiting job out of the queue, or stop a running one; what it stored stays.

        A running job stops within moments: `get` tells when. One that has ended is left as it is.

        Raises:
            NotFound, QueueUnavailable.
        """
        with self.answering():
            self._cancel(self._fetch(job_id))
            self.cancel_chunks(job_id)
            return job_state(self._fetch(job_id))

    def worker_count(self) -> int:
        """Workers that listen, on any machine."""
        with self.answering():
            return Worker.count(queue=self.rq)

    def cancel_chunks(self, parent: str) -> None:
        """Cancel the chunks that a job has queued for other workers."""
        for job_id in _unfinished(self.rq):
            if job_id.startswith(f"{parent}-"):
                with suppress(NotFound):
                    self._cancel(self._fetch(job_id))

    def requeue_abandoned(self) -> None:
        """Put jobs whose worker died back into the queue, and those whose pause is over."""
        with self.maintaining() as is_ours:
            if is_ours:
                # Not RQ's `clean_registries`: that looks after other programs' jobs as well.
                self.rq.finished_job_registry.cleanup()
                self.rq.started_job_registry.cleanup()
                self.rq.failed_job_registry.cleanup()
                self._requeue_waiting()

    def _requeue_waiting(self) -> None:
        waiting = self.rq.scheduled_job_registry
        for job_id in waiting.get_jobs_to_schedule():
            job = self.rq.fetch_job(job_id)
            with self.connection.pipeline() as pipeline:
                if job is not None:
                    self.rq.enqueue_job(job, pipeline=pipeline)  # first: RQ opens the transaction here
                waiting.remove(job_id, pipeline=pipeline)
                pipeline.execute()

    def set_others_aside(self) -> None:
        """Take ids of what is no job of faceml out of our queue's way; what they name stays as it is."""
        taken = self.rq.intermediate_queue.key
        ids: Any = self.connection.lrange(taken, 0, -1)
        for job_id in ids:
            try:
                OwnJob.fetch(job_id.decode(), self.connection, serializer=JSONSerializer)
            except (NotOwn, UnicodeDecodeError):
                self.connection.rpush(SET_ASIDE, job_id)
                self.connection.lrem(taken, 0, job_id)
                log.warning("%a in the queue is no job of faceml: set aside in the list %s", job_id, SET_ASIDE)
            except NoSuchJobError:  # it was deleted meanwhile
                continue

    def give_up_leases(self, worker_prefix: str) -> None:
        """Requeue at once what workers of this name were doing: they are known to be dead."""
        with self.answering():
            started = self.rq.started_job_registry
            for job_id, execution_id in started.get_job_and_execution_ids(cleanup=False):
                with suppress(ValueError):  # its record has run out
                    execution = Execution.fetch(execution_id, job_id, connection=self.connection)
                    if execution.worker_name.startswith(worker_prefix):
                        self.connection.zadd(started.key, {execution.composite_key: 0}, xx=True)
            self.requeue_abandoned()

    @contextmanager
    def maintaining(self) -> Iterator[bool]:
        """One worker at a time looks after the jobs of others; False where another is doing so."""
        lock = self.connection.lock("faceml:jobs:maintenance", timeout=MAINTENANCE_S)
        is_ours = lock.acquire(blocking=False)
        try:
            yield is_ours
        finally:
            if is_ours:
                with suppress(LockError):
                    lock.release()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Turn what the driver raises when Redis is out of reach into QueueUnavailable, with the fix."""
        try:
            yield
        except RedisError as error:
            reason = " ".join(str(error).split())
            if "auth" in reason.lower() or "password" in reason.lower():
                problem = "refuses this user or password: correct REDIS_URL"
            else:
                problem = f"does not answer ({reason}): start it (make db-up), or correct REDIS_URL"
            raise QueueUnavailable(f"Redis at {self._where} {problem}") from error

    def close(self) -> None:
        self.connection.close()
        self._on_close()

    def _fetch(self, job_id: str) -> Job:
        try:
            return OwnJob.fetch(job_id, self.connection, serializer=JSONSerializer)
        except NoSuchJobError as error:
            raise NotFound(f"there is no job {job_id!r}: `faceml jobs list` shows them") from error

    def _cancel(self, job: Job) -> None:
        state = STATES[job.get_status(refresh=False)]
        with suppress(InvalidJobOperation):  # it ended a moment ago
            if state == "started":
                send_stop_job_command(self.connection, job.id, serializer=JSONSerializer)
            elif state not in ENDED:
                job.cancel()
                self.connection.expire(job.key, KEPT_S)


def _unfinished(queue: Queue) -> list[str]:
    waiting = _texts(queue.connection.lrange(queue.key, 0, -1))
    return waiting + _ids_in(queue.started_job_registry, queue.scheduled_job_registry)


def _ids_in(*registries: BaseRegistry) -> list[str]:
    return [job_id for registry in registries for job_id in _texts(registry.connection.zrange(registry.key, 0, -1))]


def _texts(entries: Any) -> list[str]:
    """Ids of jobs, also of their executions; where RQ gives up, a byte that is no text makes the id of no job."""
    return [entry.decode(errors="replace").partition(":")[0] for entry in entries]


def _connect(url: str) -> Redis:
    try:
        return Redis.from_url(
            url, socket_connect_timeout=ANSWER_WITHIN_S, socket_timeout=ANSWER_WITHIN_S, retry=_once_more()
        )
    except ValueError as error:
        raise WrongUse(
            f"REDIS_URL={without_password(url)!r} cannot be read: write redis://user:password@host:6379/0"
        ) from error


def _once_more() -> Reconnect:
    """A stale connection is opened again; a server that is gone is reported at once."""
    return Reconnect(NoBackoff(), 1)

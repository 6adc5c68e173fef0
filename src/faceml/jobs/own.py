"""faceml's own jobs in a Redis that other programs use too: theirs are neither run, shown nor deleted.

Whoever can write to Redis can write anything there, also under our keys. So each job is read with suspicion, before RQ
imports or calls what it names: it names a function of `faceml.jobs.functions` and the library that it is for, it is
JSON, and it asks for nothing that faceml never asks for, as callbacks, webhooks and jobs to wait for.
"""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from redis import Redis
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job, parse_job_id
from rq.registry import BaseRegistry
from rq.serializers import JSONSerializer
from rq.utils import as_text

from faceml.jobs.state import STATES

QUEUE = "faceml:default"  # for people the queue `default`; RQ's own `default` is where other programs leave their jobs
COMMON_QUEUE = "default"  # where a faceml of before left its jobs, too
MODULE = "faceml.jobs.functions."
FUNCTION = re.compile(re.escape(MODULE) + r"[a-z_]+_job")
LARGEST_BYTES = 256 * 2**20  # of a job's arguments, unpacked
# What faceml's jobs have in Redis, of all that RQ knows; whatever else is written there is not even read.
FIELDS = {
    "created_at", "data", "description", "ended_at", "enqueued_at", "failure_ttl", "last_heartbeat", "meta",
    "number_of_retries", "origin", "result_ttl", "retries_left", "retry_intervals", "started_at", "status", "timeout",
    "worker_name",
}  # fmt: skip
NEVER_ASKED_FOR = {
    "success_callback_name", "failure_callback_name", "stopped_callback_name", "webhooks", "dependency_id",
    "dependency_ids", "group_id", "repeats_left", "rate_limit_key",
}  # fmt: skip


class NotOwn(NoSuchJobError):
    """Another program wrote this job, or nobody could have."""


class OwnJob(Job):
    """A job that faceml wrote; any other counts as no job, wherever RQ comes upon it."""

    def restore(self, raw_data: Mapping[Any, Any]) -> None:
        """Raises NotOwn."""
        try:
            fields = {as_text(name): value for name, value in raw_data.items()}
            data = _unpacked(fields["data"])
            if not (_is_call(json.loads(data)) and _is_note(json.loads(fields["meta"]))):
                raise NotOwn(f"{self.id} is no call of a job of faceml")
            if any(fields.get(name) for name in NEVER_ASKED_FOR):
                raise NotOwn(f"{self.id} asks for what faceml never asks for")
            super().restore({name: fields[name] for name in FIELDS & fields.keys()} | {"data": data})
            if self.origin not in (QUEUE, COMMON_QUEUE) or self._status not in STATES:
                raise NotOwn(f"{self.id} is in a queue or state that no job of faceml is in")
        except NoSuchJobError:
            raise
        except Exception as error:  # any bytes may be there, and RQ meets them with any error
            raise NotOwn(f"{self.id} cannot be read") from error

    def return_value(self, refresh: bool = False) -> dict[str, Any] | None:
        """The documented dict; None where there is none, or none that can be read."""
        try:
            answer = super().return_value(refresh)
        except (ValueError, KeyError, TypeError, AttributeError):  # not of our writing, either
            return None
        return answer if isinstance(answer, dict) else None

    @classmethod
    def fetch(cls, id: str, connection: Redis | None = None, serializer: Any = None) -> Job:
        """Raises NoSuchJobError."""
        try:
            return super().fetch(id, connection=connection, serializer=serializer)
        except ValueError as error:
            raise NotOwn(f"{id!r} is the id of no job") from error

    @classmethod
    def fetch_many(cls, job_ids: Iterable[str], connection: Redis, serializer: Any = None) -> list[Job | None]:
        """None for those that are gone, and for other programs' jobs."""
        ids = [parse_job_id(job_id) for job_id in job_ids]
        with connection.pipeline(transaction=False) as pipeline:
            for job_id in ids:
                pipeline.hgetall(cls.key_for(job_id))
            found = pipeline.execute(raise_on_error=False)
        return [cls._read(*pair, connection, serializer) for pair in zip(ids, found, strict=True)]

    @classmethod
    def _read(cls, job_id: str, fields: Any, connection: Redis, serializer: Any) -> Job | None:
        try:
            job = cls(job_id, connection=connection, serializer=serializer)
            job.restore(fields)
            return job
        except (NoSuchJobError, ValueError):
            return None


def _unpacked(data: bytes) -> bytes:
    """Raises ValueError: it unpacks to more than any call of a job."""
    inflate = zlib.decompressobj()
    try:
        plain = inflate.decompress(data, LARGEST_BYTES)
    except zlib.error:
        return data  # RQ reads what is not packed, too
    if inflate.unconsumed_tail:
        raise ValueError("too large")
    return plain


def _is_call(call: Any) -> bool:
    name, instance, args, kwargs = call
    return bool(FUNCTION.fullmatch(name)) and instance is None and args == [] and isinstance(kwargs, dict)


def _is_note(meta: Any) -> bool:
    """Whether it is what `JobQueue` and workers note with a job."""
    library = meta["library"]
    done_and_total = meta.get("progress", [0, 0])
    return (
        all(isinstance(library[name], str) for name in ("home", "database"))
        and isinstance(library["pack"], str | None)
        and isinstance(meta["attempts"], int)
        and [type(number) for number in done_and_total] == [int, int]
        and all(isinstance(meta.get(name, ""), str) for name in ("error", "note", "parent"))
    )


def take_over(queue: Queue) -> None:
    """Move what a faceml of before left in RQ's common queue into `queue`.

    A job that runs is left to its worker; one whose worker has been silent for too long is queued again.
    """
    redis: Any = queue.connection  # whose answers are bytes, here
    old = Queue(COMMON_QUEUE, connection=redis, serializer=JSONSerializer, job_class=OwnJob)
    for job in _own(redis, redis.lrange(old.key, 0, -1)):
        with redis.pipeline() as pipeline:
            pipeline.lrem(old.key, 0, job.id).hset(job.key, "origin", queue.name).rpush(queue.key, job.id).execute()
    for before, after in zip(_registries(old), _registries(queue), strict=True):
        scores = dict(redis.zrange(before.key, 0, -1, withscores=True))
        for job in _own(redis, scores):
            score = {job.id: scores[job.id.encode()]}
            with redis.pipeline() as pipeline:
                pipeline.zrem(before.key, job.id).hset(job.key, "origin", queue.name).zadd(after.key, score).execute()
    started = old.started_job_registry.key
    silent = {execution.split(b":")[0]: execution for execution in redis.zrangebyscore(started, 0, time.time())}
    for job in _own(redis, silent):
        queue.enqueue_job(job, at_front=True)
        redis.zrem(started, silent[job.id.encode()])


def _own(redis: Redis, job_ids: Iterable[bytes]) -> list[Job]:
    ids = [job_id.decode(errors="replace") for job_id in job_ids]
    jobs = OwnJob.fetch_many(ids, redis, serializer=JSONSerializer)
    return [job for job in jobs if job is not None]


def _registries(queue: Queue) -> tuple[BaseRegistry, ...]:
    return (
        queue.scheduled_job_registry,
        queue.finished_job_registry,
        queue.failed_job_registry,
        queue.canceled_job_registry,
    )

"""The queue on the Redis that the settings name, or on the embedded one."""

from __future__ import annotations

from functools import partial

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from faceml.config import without_password
from faceml.errors import WrongUse
from faceml.jobs.address import address_of
from faceml.jobs.embedded_redis import EmbeddedRedis
from faceml.jobs.queue import JobQueue
from faceml.library import Library

ANSWER_WITHIN_S = 5.0


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
    return queue


def _connect(url: str) -> Redis:
    try:
        return Redis.from_url(
            url, socket_connect_timeout=ANSWER_WITHIN_S, socket_timeout=ANSWER_WITHIN_S, retry=_once_more()
        )
    except ValueError as error:
        raise WrongUse(
            f"REDIS_URL={without_password(url)!r} cannot be read: write redis://user:password@host:6379/0"
        ) from error


def _once_more() -> Retry:
    """A connection that went stale is opened again; a server that is gone is told at once."""
    return Retry(NoBackoff(), 1)

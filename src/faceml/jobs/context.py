"""What a running job may use of the worker that runs it, and how it is stopped from outside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faceml.library import Library
from faceml.progress import Progress, silent
from faceml.wiring import open_library

if TYPE_CHECKING:
    from faceml.jobs.queue import JobQueue

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A job that the queue knows: it can hand parts of its work to other workers."""

    job_id: str
    queue: JobQueue
    address: Mapping[str, Any]  # of the library, for the parts


@dataclass(frozen=True, slots=True)
class JobContext:
    library: Library
    on_progress: Progress = silent
    assignment: Assignment | None = None  # None where the function is called without a queue
    on_note: Callable[[str], None] = log.info  # told what to know of the figures it answers with


class JobCanceled(BaseException):
    """Somebody took the job back.

    Neither this nor `WorkerStopping` is an `Exception`: a service that carries on after a broken photo must not catch
    it. Both are raised as Ctrl-C is, between two steps of Python: transactions roll back, files are closed.
    """


class WorkerStopping(BaseException):
    """The worker was told to leave; the job goes back to the front of the queue."""


Provider = Callable[[], AbstractContextManager[JobContext]]


@contextmanager
def _environment() -> Iterator[JobContext]:
    """The library of the environment, where no worker runs the function."""
    library = open_library()
    try:
        yield JobContext(library)
    finally:
        library.close()


_provider: ContextVar[Provider] = ContextVar("faceml_job_context", default=_environment)


@contextmanager
def provided(provider: Provider) -> Iterator[None]:
    """Let job functions called in this block use the context of `provider`, entered when they ask for it."""
    token = _provider.set(provider)
    try:
        yield
    finally:
        _provider.reset(token)


def job_context() -> AbstractContextManager[JobContext]:
    return _provider.get()()

"""What a running job may use of the worker that runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faceml.progress import Progress, silent
from faceml.wiring import Library, open_library

if TYPE_CHECKING:
    from faceml.jobs.queue import JobQueue


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


_current: ContextVar[Callable[[], JobContext] | None] = ContextVar("faceml_job", default=None)


@contextmanager
def provided(context: Callable[[], JobContext]) -> Iterator[None]:
    """Let the job function called in this block use `context`, made when it first asks for it."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def job_context() -> Iterator[JobContext]:
    """The worker's context; where no worker runs the function, the library of the environment."""
    provider = _current.get()
    if provider is not None:
        yield provider()
        return
    library = open_library()
    try:
        yield JobContext(library)
    finally:
        library.close()

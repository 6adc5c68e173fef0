"""What a step tells while it runs: progress as a callback, and its figures in the log for whoever asks with DEBUG."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

from faceml.option import StepOptions

P = ParamSpec("P")
R = TypeVar("R")
TEXTS = ("status", "model_version", "scored_by")  # of reports; other texts may hold names and paths


class Progress(Protocol):
    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` pieces of work are finished."""


def silent(done: int, total: int) -> None:
    """Show nothing."""


def told(step: Callable[P, R]) -> Callable[P, R]:
    """Let a step log at DEBUG what it was asked for, what it counted and how long it took; never whom or where."""
    log = logging.getLogger(step.__module__)

    @wraps(step)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if not log.isEnabledFor(logging.DEBUG):
            return step(*args, **kwargs)
        started = time.monotonic()
        log.debug("%s: started %s", step.__name__, ", ".join(_asked(args, kwargs)))
        try:
            report = step(*args, **kwargs)
        except BaseException as error:
            log.debug("%s: %s after %.2f s", step.__name__, type(error).__name__, time.monotonic() - started)
            raise
        log.debug("%s: %s; %.2f s", step.__name__, ", ".join(_figures(report)), time.monotonic() - started)
        return report

    return run


def _asked(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[str]:
    for value in (*args, *kwargs.values()):
        if isinstance(value, StepOptions):
            yield from (f"{name}={given}" for name, given in value.parameters().items())
    yield from (f"{name}={value}" for name, value in kwargs.items() if isinstance(value, int | float))


def _figures(report: object) -> Iterator[str]:
    """
    >>> list(_figures([1, 2]))
    ['2 found']
    """
    if isinstance(report, list | tuple):
        yield f"{len(report)} found"
    if is_dataclass(report):
        for field in fields(report):
            value = getattr(report, field.name)
            if isinstance(value, int | float) or (field.name in TEXTS and value):
                yield f"{field.name}={value:.6g}" if isinstance(value, float) else f"{field.name}={value}"
            elif isinstance(value, list | tuple):
                yield f"{field.name}: {len(value)}"

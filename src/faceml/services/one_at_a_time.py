"""Services that rewrite a library's clusters take turns, whoever calls them: shell, notebook, route or job."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from faceml.wiring import Library

P = ParamSpec("P")
R = TypeVar("R")


def one_at_a_time(service: Callable[Concatenate[Library, P], R]) -> Callable[Concatenate[Library, P], R]:
    """Run `service` while no other of its kind runs on the library; raises LibraryBusy after ten minutes of waiting."""

    @wraps(service)
    def run(library: Library, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with library.repository.exclusive(service.__name__):
            return service(library, *args, **kwargs)

    return run

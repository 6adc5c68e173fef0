"""Progress as a callback: a bar in a shell, a line in a notebook, nothing in a job."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` pieces of work are finished."""


def silent(done: int, total: int) -> None:
    """Show nothing."""

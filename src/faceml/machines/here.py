"""Where pieces of work are done: here, one after the other, or on other machines (`faceml.machines.on_ray`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

Piece = TypeVar("Piece")
Answer = TypeVar("Answer")


class Machines(Protocol):
    """`map`, wherever there are processors."""

    name: str

    def map(
        self,
        work: Callable[..., Answer],
        shared: tuple[Any, ...],
        pieces: Iterable[Piece],
        *,
        at_once: int = 1,
    ) -> Iterator[Answer]:
        """`work(*shared, piece)` of each piece, in the order of the pieces.

        Pieces are asked for as late as can be, so that each may hold what was learnt from answers before it.

        Args:
            work: a function of a module, or a `partial` of one, so that another machine finds it, too.
            shared: what all pieces need; taken to each machine once.
            at_once: pieces that are worth a journey.
        Raises:
            MachinesUnavailable: they are away, or went away too often.
        """

    def close(self) -> None:
        """Let go of them."""


@runtime_checkable
class ManyRows(Protocol):
    """What is shared and large: it is taken elsewhere in parts, and works with them as with one array."""

    @property
    def shared_rows(self) -> Any:
        """(N, D)"""

    def with_rows(self, rows: Any) -> Self:
        """The same with other rows in their place."""


class ThisMachine:
    """The loop that one would write."""

    name = "this machine"

    def map(
        self,
        work: Callable[..., Answer],
        shared: tuple[Any, ...],
        pieces: Iterable[Piece],
        *,
        at_once: int = 1,
    ) -> Iterator[Answer]:
        del at_once
        return (work(*shared, piece) for piece in pieces)

    def close(self) -> None:
        pass


HERE = ThisMachine()

"""Opening late, and once: a part that is not needed costs nothing, one that is away harms nobody who does not ask."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """What the first caller opens and all later ones share, from whichever thread; a failure is tried again.

    >>> number = Once(lambda: object())
    >>> number.opened is None, number() is number(), number.opened is number()
    (True, True, True)
    """

    def __init__(self, open_: Callable[[], T]) -> None:
        self._open = open_
        self._lock = RLock()
        self.opened: T | None = None

    def __call__(self) -> T:
        """Raises whatever opening raises."""
        with self._lock:
            if self.opened is None:
                self.opened = self._open()
            return self.opened

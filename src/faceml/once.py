"""Opening late, and once: a part that is not needed costs nothing, one that is away harms nobody who does not ask."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, TypeVar

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


class Latest(Generic[T]):
    """The value that belongs to a key, kept until another key is asked for; made by one thread at a time.

    >>> kept = Latest()
    >>> kept.of("a", object) is kept.of("a", object), kept.of("a", object) is kept.of("b", object)
    (True, False)
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._kept: tuple[Any, T] | None = None

    @property
    def key(self) -> Any:
        """Of the value that is kept; None where none is."""
        kept = self._kept
        return kept[0] if kept else None

    def of(self, key: Any, make: Callable[[], T], *, is_kept: Callable[[T], bool] = lambda _: True) -> T:
        """Raises whatever `make` raises; then the former value is kept.

        Args:
            is_kept: whether a value is, which may be too large for that.
        """
        with self._lock:
            if self._kept is not None and self._kept[0] == key:
                return self._kept[1]
            made = make()
            self._kept = (key, made) if is_kept(made) else None
            return made

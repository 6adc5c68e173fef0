"""How far a long cell has come: a bar with the time left where somebody sits at the notebook, and a line at its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from faceml.progress import Progress
from faceml.tracking.unattended import is_attended

SHOWN_EVERY_S = 0.2


@contextmanager
def progress(title: str, unit: str = "") -> Iterator[Progress]:
    """A callback for a service; what it is told shows below the cell.

    Args:
        title: what is being done: "Looking at photos".
        unit: of what is counted: "photos"; empty, where a step counts several things one after the other.
    """
    clock = Clock(unit)
    show, close = _bar(title) if is_attended() else (_nothing, lambda: None)

    def tell(done: int, total: int) -> None:
        if clock.told(done, total):
            show(done, total, clock.words)

    try:
        yield tell
    finally:
        close()
        if clock.total:
            print(f"{title}: {clock.end()}")  # widgets are not kept with a saved notebook, this is


class Clock:
    """Counts, and tells the time left; a step's second part, which counts anew, starts it again."""

    def __init__(self, unit: str, now: Callable[[], float] = time.monotonic) -> None:
        self._unit, self._now = unit, now
        self._started = self._begun = now()
        self._shown = -SHOWN_EVERY_S
        self._first = 0  # what was done when this part began
        self.done = self.total = 0

    def told(self, done: int, total: int) -> bool:
        """Take a count; whether it is time to show it."""
        if total != self.total or done < self.done:
            self._begun, self._first = self._now(), done
        self.done, self.total = done, total
        if self._now() - self._shown < SHOWN_EVERY_S and done < total:
            return False
        self._shown = self._now()
        return True

    @property
    def words(self) -> str:
        """
        >>> clock = Clock("photos", iter([0.0, 0.0, 0.0, 0.0, 60.0, 60.0, 60.0, 60.0]).__next__)
        >>> clock.told(0, 1_000), clock.told(250, 1_000)
        (True, True)
        >>> clock.words
        '250 of 1,000 photos, 3 min left'
        """
        if self._unit:
            counted = f"{self.done:,} of {self.total:,} {self._unit}"
        else:
            counted = f"{self.done / max(1, self.total):.0%}"
        made, passed = self.done - self._first, self._now() - self._begun
        if not made or self.done >= self.total:
            return counted
        return f"{counted}, {duration(passed / made * (self.total - self.done))} left"

    def end(self) -> str:
        counted = f"{self.done:,} {self._unit} in" if self._unit else "done in"
        return f"{counted} {duration(self._now() - self._started)}"


def duration(seconds: float) -> str:
    """
    >>> duration(0.3), duration(42), duration(200), duration(7_300)
    ('1 s', '42 s', '3 min', '2 h 2 min')
    """
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


Show = Callable[[int, int, str], None]


def _nothing(done: int, total: int, words: str) -> None:
    pass


def _bar(title: str) -> tuple[Show, Callable[[], None]]:
    """A bar of widgets, shown with the first count; what closes it takes it away."""
    from IPython.display import display
    from ipywidgets import HBox, IntProgress, Label

    bar, text = IntProgress(), Label()
    box = HBox([Label(title), bar, text])
    is_shown = False

    def show(done: int, total: int, words: str) -> None:
        nonlocal is_shown
        if not is_shown:
            display(box)
            is_shown = True
        bar.max, bar.value, text.value = max(1, total), done, words

    return show, box.close

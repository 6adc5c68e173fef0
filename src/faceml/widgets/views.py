"""The workbench that a notebook shows: one widget, a tab for each view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from faceml.library import Library
from faceml.records import Face
from faceml.services.index.drain import index_in_background
from faceml.widgets.screen import Input, Screen, Tab
from faceml.widgets.session import Session, View

if TYPE_CHECKING:
    from faceml.widgets.bench import Bench

TAB = "tab "  # begins the action that turns to a tab


class Workbench:
    """The views by their tab's label, each made when it is first turned to and refreshed whenever it is again."""

    def __init__(self, views: Mapping[str, Callable[[], View]]) -> None:
        self._makers = dict(views)
        self._views: dict[str, View] = {}
        self._turn_to(next(iter(views)))

    def handle(self, given: Input) -> None:
        """Raises FacemlError: the view cannot do it, and nothing has changed."""
        keys = {f"Alt+{number}": label for number, label in enumerate(self._makers, start=1)}
        label = keys.get(given.key) or given.action.removeprefix(TAB)
        if given.key in keys or given.action.startswith(TAB):
            self._turn_to(label)
        else:
            self._view.handle(given)

    def screen(self) -> Screen:
        tabs = tuple(
            Tab(TAB + label, label, f"Alt+{number}", label == self._chosen)
            for number, label in enumerate(self._makers, start=1)
        )
        return replace(self._view.screen(), tabs=tabs)

    def faces(self) -> Sequence[Face]:
        return self._view.faces()

    def next_faces(self) -> Sequence[Face]:
        return self._view.next_faces()

    @property
    def session(self) -> Session:
        return self._view.session

    @property
    def _view(self) -> View:
        return self._views[self._chosen]

    def _turn_to(self, label: str) -> None:
        if label in self._views:
            self._views[label].handle(Input(action="refresh"))
        else:
            self._views[label] = self._makers[label]()
        self._chosen = label


def open_workbench(library: Library, *, actor: str, pixelate: Callable[[Face], bool] | None = None) -> Bench:
    """Name clusters, answer questions, look after people: one widget with a tab each.

    Args:
        actor: who decides, for the log of decisions.
        pixelate: which faces to make unrecognisable, for pictures that may be published.
    """
    from faceml.widgets.bench import Bench
    from faceml.widgets.labeler import Labeler
    from faceml.widgets.people import People
    from faceml.widgets.reviewer import Reviewer

    library = index_in_background(library)
    views: dict[str, Callable[[], View]] = {
        "Name": lambda: Labeler(library, actor=actor, pixelate=pixelate),
        "Review": lambda: Reviewer(library, actor=actor, pixelate=pixelate),
        "People": lambda: People(library, actor=actor, pixelate=pixelate),
    }
    return Bench(library, Workbench(views), pixelate=pixelate)

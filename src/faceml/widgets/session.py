"""What every view has in common: what its person is told, and the photo they look at."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from faceml.library import Library
from faceml.records import Face
from faceml.services.pictures.thumbnails import PhotoView, look_at_photo
from faceml.services.review.browse import active_names
from faceml.widgets.screen import BACK, Box, Input, Notice, Screen, action_of

PACE_FROM_S = 20.0  # before that a pace tells nothing


class Session:
    """One person at one view of a library."""

    def __init__(self, library: Library, *, pixelate: Callable[[Face], bool] | None = None) -> None:
        self.library = library
        self._pixelate = pixelate  # which faces to make unrecognisable on the whole photo
        self.names: Sequence[str] = ()  # that the entry completes
        self.notice: Notice | None = None
        self.photo: PhotoView | None = None  # shown in place of the view
        self._asked_face: UUID | None = None  # that the photo is shown for
        self._started_s: float | None = None

    def start(self) -> None:
        """Begin an action: the last notice goes, and from the first action on the time counts."""
        self.notice = None
        self._started_s = self._started_s or time.monotonic()

    def done(self, text: str) -> None:
        problem = getattr(self.library.index_follower, "problem", None)
        self.notice = Notice(f"{text} (stored; the index is behind: {problem})" if problem else text, "done")

    def read_names(self) -> None:
        self.names = active_names(self.library.repository)

    def look(self, face_id: UUID) -> None:
        """Show the whole photo of a face.

        Raises:
            NotFound: no such face, or its photo cannot be read now.
        """
        self._asked_face = face_id
        self.photo = look_at_photo(self.library.repository, face_id, pixelate=self._pixelate)

    def photo_screen(self, photo: PhotoView, *, view: str, subject: str) -> Screen:
        boxes = tuple(
            Box(box.person_name or "", box.x, box.y, box.w, box.h, box.face_id == self._asked_face)
            for box in photo.boxes
        )
        return Screen(view, photo.file_name, subject, photo=boxes, actions=(BACK,), notice=self.notice)

    def pace(self, count: int, unit: str, *, per_s: int) -> list[str]:
        """How fast it goes, as one text; empty as long as that would tell nothing.

        Args:
            count: done so far.
            unit: "faces a minute".
            per_s: seconds in that unit's time.
        """
        spent_s = time.monotonic() - self._started_s if self._started_s else 0.0
        return [f"{per_s * count / spent_s:.0f} {unit}"] if count and spent_s >= PACE_FROM_S else []


class View(Protocol):
    """A view's state: inputs in, a screen out."""

    @property
    def session(self) -> Session: ...

    def handle(self, given: Input) -> None:
        """Raises FacemlError: it cannot be done, and nothing has changed."""

    def screen(self) -> Screen: ...

    def faces(self) -> Sequence[Face]:
        """Those whose pictures the screen needs."""
        ...

    def next_faces(self) -> Sequence[Face]:
        """Those that are likely to be shown next; called in a thread of its own."""
        ...


AnyView = TypeVar("AnyView", bound=View)


def carry_out(view: AnyView, given: Input, actions: Mapping[str, Callable[[AnyView, Input], None]]) -> None:
    """Do what a key or a button asks for; a key without a meaning on the view's screen does nothing.

    Raises:
        FacemlError: it cannot be done, and nothing has changed.
    """
    action = actions.get(action_of(given, view.screen()))
    if action:
        view.session.start()
        action(view, given)

"""The views a notebook shows: widgets at a keyboard, pictures where nobody sits at one (papermill)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from faceml.library import Library
from faceml.records import Face
from faceml.services.index.drain import index_in_background

if TYPE_CHECKING:
    from faceml.widgets.bench import Bench
    from faceml.widgets.screen import View


def open_workbench(library: Library, *, actor: str, pixelate: Callable[[Face], bool] | None = None) -> Bench:
    """Name clusters, answer questions, look after people, try settings: one widget with a tab each.

    Args:
        actor: who decides, for the log of decisions.
        pixelate: which faces to make unrecognisable, for pictures that may be published.
    """
    from faceml.widgets.bench import Bench
    from faceml.widgets.labeler import Labeler
    from faceml.widgets.people import People
    from faceml.widgets.reviewer import Reviewer
    from faceml.widgets.tuning import Tuning
    from faceml.widgets.workbench import Workbench

    library = index_in_background(library)
    views: dict[str, Callable[[], View]] = {
        "Name": lambda: Labeler(library, actor=actor, pixelate=pixelate),
        "Review": lambda: Reviewer(library, actor=actor, pixelate=pixelate),
        "People": lambda: People(library, actor=actor, pixelate=pixelate),
        "Tune": lambda: Tuning(library),
    }
    return Bench(library, Workbench(views), pixelate=pixelate)

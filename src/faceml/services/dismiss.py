"""Take faces out of clustering and recognition for good: they are none, or of strangers nobody wants to name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from faceml.records import Dismissal
from faceml.services.decide import decide, deciding, known_faces
from faceml.services.replay import Word
from faceml.wiring import Library


@dataclass(frozen=True, slots=True)
class DismissReport:
    dismissed_as: Dismissal
    faces_dismissed: int
    event_id: int


def dismiss_faces(library: Library, face_ids: Sequence[UUID], dismissed_as: Dismissal, *, actor: str) -> DismissReport:
    """Say that faces are not to be asked about again. They leave their person and cluster, and no machine groups or
    recognises them until this is undone, or a person gives them a name after all.

    Raises:
        NotFound: a face is not in the library.
        WrongUse: no face.
    """
    with deciding(library) as unit:
        ids = [face.id for face in known_faces(unit, face_ids)]
        event_id = decide(unit, Word("dismiss", dismissed_as=dismissed_as), ids, actor=actor)
    return DismissReport(dismissed_as, len(ids), event_id)

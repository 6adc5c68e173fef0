"""Boxes with labels as annotation tools have them, and what somebody decided there about a face.

A box leaves with the label that the face had. What comes back is compared with that, not with the library: only what
was changed there is a decision, and what a person decided here meanwhile is not overruled by an old label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from faceml.names import fold_name
from faceml.records import AssignedBy, BBox, Dismissal

NOBODY = "unknown"  # these tools want a label on every box


class Verdict(StrEnum):
    """What somebody said there; as a tag of a box each but `NAME` is written so."""

    NAME = "name"
    CONFIRM = "confirm"  # the name that recognition gave is right
    REJECT = "reject"  # it is wrong, and not to be proposed again
    UNASSIGN = "unassign"  # nobody's, and machines leave it alone
    STRANGER = Dismissal.STRANGER.value
    NOT_A_FACE = Dismissal.NOT_A_FACE.value


TAGS = (Verdict.NOT_A_FACE, Verdict.STRANGER, Verdict.REJECT, Verdict.UNASSIGN, Verdict.CONFIRM)  # the first counts
LABELS = (NOBODY, Verdict.STRANGER.value, Verdict.NOT_A_FACE.value)  # that are no names


@dataclass(frozen=True, slots=True)
class Share:
    """A box as shares (0 to 1) of an upright photo's width and height: corner and size."""

    x: float
    y: float
    w: float
    h: float

    def in_pixels(self, width: int, height: int) -> BBox:
        return BBox(round(self.x * width), round(self.y * height), round(self.w * width), round(self.h * height))


@dataclass(frozen=True, slots=True)
class Exported:
    """How a face was labelled when it left."""

    label: str  # a name, or NOBODY
    assigned_by: AssignedBy | None


@dataclass(frozen=True, slots=True)
class Box:
    """A face as it is written for a tool."""

    face_id: str
    share: Share
    exported: Exported
    confidence: float
    quality: float
    more: Mapping[str, Any] = field(default_factory=dict)  # whatever else is known, for tools that show it


@dataclass(frozen=True, slots=True)
class Mark:
    """A box as it comes back."""

    where: str  # for the report
    photo: Path | None
    share: Share | None  # None: it is turned, so it has no such box
    face_id: UUID | None  # None: drawn there
    label: str
    exported: Exported | None  # None: not by us
    tags: frozenset[str] = frozenset()
    is_reviewed: bool = False  # somebody handed the photo in as done

    @property
    def verdict(self) -> Verdict | None:
        """What somebody decided there; None: nothing.

        >>> ada = Exported("Ada", AssignedBy.PROTOTYPE)
        >>> [Mark("1", None, None, None, label, ada).verdict for label in ("Ada", "Eve", "unknown")]
        [None, <Verdict.NAME: 'name'>, <Verdict.UNASSIGN: 'unassign'>]
        """
        words = {tag.strip().lower().replace(" ", "_").replace("-", "_") for tag in self.tags}
        tagged = next((verdict for verdict in TAGS if verdict in words), None)
        if tagged not in (None, Verdict.CONFIRM):
            return tagged
        before = self.exported.label if self.exported else NOBODY
        if fold_name(self.label) != fold_name(before):
            if self.label == NOBODY:
                return Verdict.UNASSIGN
            return Verdict(self.label) if self.label in LABELS else Verdict.NAME
        is_guess = self.exported is not None and self.exported.assigned_by is AssignedBy.PROTOTYPE
        return Verdict.CONFIRM if is_guess and (tagged or self.is_reviewed) else None


def face_id_of(text: object) -> UUID | None:
    try:
        return UUID(str(text)) if text else None
    except ValueError:
        return None


def exported_as(label: object, assigned_by: object) -> Exported | None:
    if not isinstance(label, str):
        return None
    return Exported(label, AssignedBy(str(assigned_by)) if assigned_by in set(AssignedBy) else None)

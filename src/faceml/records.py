"""The nouns that travel between the rooms: frozen records, no behaviour beyond arithmetic on themselves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class PersonStatus(StrEnum):
    ACTIVE = "active"
    MERGED = "merged"
    HIDDEN = "hidden"


class PrototypeRole(StrEnum):
    CENTROID = "centroid"
    EXEMPLAR = "exemplar"


class AssignedBy(StrEnum):
    """Who put a face under a person; an automatic assignment never replaces a manual one (DESIGN D4)."""

    MANUAL = "manual"
    PROTOTYPE = "prototype"


class Dismissal(StrEnum):
    """Why a person took a face out of clustering and recognition for good."""

    NOT_A_FACE = "not_a_face"
    STRANGER = "stranger"  # a face, but of somebody nobody wants to name: stop asking


class AssetStatus(StrEnum):
    PENDING = "pending"
    DETECTED = "detected"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class BBox:
    """A box in pixels of the upright photo: corner (x, y), width w and height h, inside the photo."""

    x: int
    y: int
    w: int
    h: int

    def iou(self, other: BBox) -> float:
        """Intersection over union, 0 to 1.

        >>> BBox(0, 0, 10, 10).iou(BBox(5, 0, 10, 10))
        0.3333333333333333
        """
        width = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        height = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        shared = max(0, width) * max(0, height)
        union = self.w * self.h + other.w * other.h - shared
        return shared / union if union else 0.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture of a video."""

    path: Path  # of the video
    at_s: float  # seconds from its first picture


@dataclass(frozen=True, slots=True)
class Span:
    """When a face of a video is seen: seconds from the video's first picture."""

    first_s: float
    last_s: float
    frame_s: float  # of the picture that its box is of


@dataclass(frozen=True, slots=True)
class PackContract:
    """What a library is pinned to (DESIGN D1): vectors of two packs are never compared."""

    name: str
    width: int  # D, length of an embedding
    fingerprint: str  # SHA-256 of the recogniser's weights, hex
    licence: str
    match_threshold: float  # recommended cosine similarity; calibrate for one's own library


@dataclass(frozen=True, slots=True)
class LabelState:
    """By what is told whether the labels of a library are nearly what they were."""

    began: datetime | None  # the library
    faces: int  # labelled by a person
    newest: datetime  # change of any face


@dataclass(frozen=True, slots=True)
class Measures:
    """What a face's picture is worth, see `vision.quality`."""

    sharpness: float  # of the eyes, 0 to 1
    yaw: float  # degrees: towards the right edge of the photo is positive
    pitch: float  # degrees: upwards is positive
    roll: float  # degrees: the head tilted clockwise is positive
    exposure: float  # 0 (black) to 1 (white)
    occlusion: float  # a hint that eyes or mouth are hidden, 0 to 1


@dataclass(frozen=True, slots=True)
class Rating:
    """What a model of the user's own says a face's picture is worth, see `vision.quality.QualityModel`."""

    rating: float | None  # higher is better, in the model's own unit; None: it gave no number
    rated_by: str  # the model: the file's name and the beginning of its SHA-256


@dataclass(frozen=True, slots=True)
class FoundFace:
    """One face as vision sees it, before it has an id."""

    bbox: BBox
    kps: NDArray[np.float32]  # (5, 2) left eye, right eye, nose, left and right mouth corner; upright pixels
    detection_confidence: float  # 0 to 1
    quality_score: float  # 0 to 1, see vision.detection
    embedding: NDArray[np.float32]  # (D,) unit vector
    measures: Measures | None = None  # None: not measured
    id: UUID | None = None  # that it brings along, and nothing else has; None: it gets a new one
    span: Span | None = None  # None: of a photo
    rating: Rating | None = None  # None: not rated


@dataclass(frozen=True, slots=True)
class PhotoFaces:
    """All faces of one photo, or the reason why it could not be read."""

    asset_id: int
    width: int  # upright pixels; 0 when unreadable
    height: int
    faces: tuple[FoundFace, ...]
    error: str | None = None
    note: str | None = None  # what is missing, where it was read in part
    left_out: tuple[tuple[str, int], ...] = ()  # faces seen that were not wanted: why, how many
    perceptual_hash: int | None = None  # of a photo's file, see `vision.conversion`


@dataclass(frozen=True, slots=True)
class Asset:
    """One photo or video of the library: one content, wherever its file lies now."""

    id: int
    path: Path
    content_hash: str  # SHA-256, hex
    status: AssetStatus
    error: str | None
    width: int | None
    height: int | None
    taken_at: datetime | None
    note: str | None  # what is missing of a photo that was read in part
    size_bytes: int  # of its file when it was taken in
    mtime_ns: int
    detected_hash: str | None  # of the content that its faces were found in; None where nobody looked yet
    duration_s: float | None = None  # of a video, 0 where its file does not say; None: a photo

    @property
    def is_video(self) -> bool:
        return self.duration_s is not None

    @property
    def was_edited(self) -> bool:
        """Whether its faces were found in another content than it has now, and wait for a new look."""
        return self.detected_hash not in (None, self.content_hash)

    def picture(self, frame_s: float | None = None) -> Path | Frame:
        """What to read to see it, a video at a moment, without one at its begin."""
        return Frame(self.path, frame_s or 0.0) if self.is_video else self.path


@dataclass(frozen=True, slots=True)
class Face:
    id: UUID
    asset_id: int
    bbox: BBox
    detection_confidence: float
    quality_score: float
    cluster_id: str | None
    person_id: UUID | None
    assigned_by: AssignedBy | None
    similarity: float | None  # cosine to the prototype that assigned it; None where a person did
    model_version: str | None  # of the vectors that assigned it
    created_at: datetime
    span: Span | None = None  # None: of a photo

    @property
    def frame_s(self) -> float | None:
        """Of the picture of a video that its box is of; None: of a photo."""
        return self.span.frame_s if self.span else None


@dataclass(frozen=True, slots=True)
class Person:
    id: UUID
    name: str
    status: PersonStatus
    merged_into_id: UUID | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Faces and their vectors, row for row."""

    face_ids: tuple[UUID, ...]  # (N,)
    vectors: NDArray[np.float32]  # (N, D) unit rows


@dataclass(frozen=True, slots=True)
class LibraryFaces:
    """Faces of a library with what is known of each, row for row, in order of id."""

    face_ids: tuple[UUID, ...]  # (N,)
    vectors: NDArray[np.float32]  # (N, D) unit rows
    photos: NDArray[np.int64]  # (N,) id of the asset each is on
    quality: NDArray[np.float64]  # (N,) 0 to 1
    labels: tuple[UUID | None, ...]  # (N,) the active person that a person labelled it as

    @property
    def people(self) -> list[UUID]:
        """Who is labelled, ascending."""
        return sorted({label for label in self.labels if label})

    @property
    def label_hash(self) -> str:
        """Of who is labelled as whom; what a machine assigned changes nothing."""
        digest = hashlib.sha256()
        for face_id, label in zip(self.face_ids, self.labels, strict=True):
            if label:
                digest.update(face_id.bytes + label.bytes)
        return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class FaceFacts:
    """What detection and the photo say of the faces of a library, row for row as `LibraryFaces` has them."""

    confidence: NDArray[np.float64]  # (N,) of the detection, 0 to 1
    sizes_px: NDArray[np.int64]  # (N,) the box's shorter side
    years: NDArray[np.int64]  # (N,) in which the photo was taken, by the clock of where that was; 0: not known


@dataclass(frozen=True, slots=True)
class Prototypes:
    """What people are recognised by, row for row."""

    person_ids: tuple[UUID, ...]  # (K,)
    vectors: NDArray[np.float32]  # (K, D) unit rows
    roles: tuple[PrototypeRole, ...]  # (K,)
    face_ids: tuple[UUID | None, ...]  # (K,) the exemplar's face; None for a centroid

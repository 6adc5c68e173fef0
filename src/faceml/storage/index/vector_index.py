"""What faceml asks of a vector index, and nothing more; Edge and server adapters keep this promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COLLECTION = "faces"
# The specification's payload indexes (chapter Vector Storage); every payload value but these is only carried along.
PAYLOAD_INDEXES = {
    "person_id": "keyword",
    "cluster_id": "keyword",
    "is_prototype": "bool",
    "asset_id": "keyword",
    "face_instance_id": "keyword",
}

Payload = dict[str, Any]
# The specification's payload (chapter Payload Schema) with nothing set; a centroid's point has no face.
UNSET: Payload = dict.fromkeys(
    (
        "asset_id",
        "face_instance_id",
        "detection_confidence",
        "quality_score",
        "bbox",
        "person_id",
        "cluster_id",
        "is_prototype",
        "taken_at",
    )
)


class Presence(Enum):
    SET = "set"  # any value but null


Match = Mapping[str, str | bool | Presence | None]  # all must hold; None means "not set": null or absent


@dataclass(frozen=True, slots=True)
class Point:
    """One stored vector with its payload (specification, chapter Vector Storage)."""

    id: UUID
    payload: Payload
    vector: NDArray[np.float32] | None = None  # (D,) unit; None where it was not asked for


@dataclass(frozen=True, slots=True)
class Hit:
    id: UUID
    similarity: float  # cosine, -1 to 1, higher is closer
    payload: Payload


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    name: str
    width: int  # D
    points_count: int
    vectors_count: int
    distance: str  # "Cosine"
    payload_indexes: tuple[str, ...]


class VectorIndex(Protocol):
    """An open collection `faces`. Every call may raise `IndexUnavailable`."""

    def ensure_collection(self, width: int) -> None:
        """Create the collection and its payload indexes where missing; keep what is there.

        Raises:
            ModelMismatch: it exists with another width.
        """

    def info(self) -> CollectionInfo | None:
        """What is there; None where the collection does not exist yet."""

    def upsert(self, ids: Sequence[UUID], vectors: NDArray[np.float32], payloads: Sequence[Payload]) -> None:
        """Write (N, D) unit rows under their ids; an id that exists is replaced, payload and all."""

    def delete(self, ids: Sequence[UUID]) -> None:
        """Remove points; ids that are not there are ignored."""

    def retrieve(self, ids: Sequence[UUID], *, with_vectors: bool = False) -> list[Point]:
        """The points of these ids that exist, in no promised order."""

    def scroll(
        self, *, limit: int, offset: UUID | None = None, match: Match | None = None, with_vectors: bool = False
    ) -> tuple[list[Point], UUID | None]:
        """Up to `limit` points in id order from `offset` on, and where the next page starts (None: at the end)."""

    def search(self, queries: NDArray[np.float32], *, limit: int, match: Match | None = None) -> list[list[Hit]]:
        """The nearest points of each of (P, D) unit rows, best first."""


def write_points(index: VectorIndex, points: Sequence[Point]) -> None:
    """Write points that carry their vectors; a point that exists is replaced."""
    if points:
        import numpy as np

        vectors = np.stack([point.vector for point in points if point.vector is not None])
        index.upsert([point.id for point in points], vectors, [point.payload for point in points])

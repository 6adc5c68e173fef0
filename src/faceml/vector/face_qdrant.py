"""The specification's client for looking into the index by hand (its chapter "Inspect Qdrant Vectors")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from faceml.services.index.drain import drain_outbox, index_width
from faceml.storage.index.vector_index import CollectionInfo, Match, Point, Presence

if TYPE_CHECKING:
    from faceml.config import Settings
    from faceml.library import Library


def get_face_qdrant_client(settings: Settings | None = None) -> FaceQdrantClient:
    """A client for the library of these settings (default: those of the environment)."""
    from faceml.wiring import open_library  # entry points use this file; wiring comes after storage

    return FaceQdrantClient(open_library(settings))


@dataclass(frozen=True, slots=True)
class FaceQdrantClient:
    """Opens the index for each call, so that an idle notebook does not keep others out; up to date with the database.

    Every call may raise IndexUnavailable.
    """

    library: Library

    def ensure_collection(self) -> None:
        """Create the collection `faces` and its payload indexes where missing, as wide as the library's model pack."""
        width = index_width(self.library)
        with self.library.index.open() as index:
            index.ensure_collection(width)

    def get_collection_info(self) -> CollectionInfo | None:
        """None before the collection exists."""
        drain_outbox(self.library)
        return self.library.index.info()

    def scroll_faces(
        self,
        limit: int = 10,
        offset: UUID | None = None,
        *,
        match: Match | None = None,
        with_vectors: bool = False,
    ) -> tuple[list[Point], UUID | None]:
        """Up to `limit` faces in id order from `offset` on, and the next page's offset (None: at the end).

        Centroids of people, which stand in the same collection, are left out.
        """
        faces = {"face_instance_id": Presence.SET, **(match or {})}
        drain_outbox(self.library)
        with self.library.index.open() as index:
            return index.scroll(limit=limit, offset=offset, match=faces, with_vectors=with_vectors)

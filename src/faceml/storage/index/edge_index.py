"""The vector index inside the process: Qdrant Edge in a folder of the library (DESIGN D2, D3)."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import qdrant_edge as edge

from faceml.errors import IndexDamaged, IndexUnavailable
from faceml.files import attempts
from faceml.storage.index import collection_rules as rules
from faceml.storage.index.edge_info import keep_info, kept_info
from faceml.storage.index.edge_limits import NEW_FILES, NEW_INDEX, damaged, engine_errors, file_errors, require_room
from faceml.storage.index.stores import WAIT_S, folder_lock, held_by
from faceml.storage.index.vector_index import COLLECTION, PAYLOAD_INDEXES, CollectionInfo, Hit, Match, Payload, Point

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POINTS_A_BATCH = 2_000  # 512-d: some 30 MB of Python floats at a time
QUERIES_A_BATCH = 200  # one pass over the vectors a batch: 2.5 ms a query instead of 8 ms at 20,000 x 512
_INDEX_TYPES = {"keyword": edge.PayloadSchemaType.Keyword, "bool": edge.PayloadSchemaType.Bool}


@contextmanager
def open_edge(folder: Path, *, wait_s: float = WAIT_S) -> Iterator[EdgeIndex]:
    """Open the index in `folder`, alone among processes and threads, for as long as the block runs.

    A folder that is missing or empty is an index without a collection; `ensure_collection` creates it.

    Raises:
        IndexUnavailable: another holder does not let go within `wait_s`.
        IndexDamaged: the folder is not empty and cannot be read.
    """
    with folder_lock(folder, wait_s=wait_s):
        with file_errors(folder):
            index = EdgeIndex(folder, wait_s=wait_s)
        try:
            yield index
        finally:
            index.close()


def reset_edge(folder: Path, *, wait_s: float = WAIT_S) -> Path | None:
    """Move the index's folder aside, so that the next `ensure_collection` starts a new one; nothing is deleted.

    Returns:
        where the old folder is now (`<folder>.damaged-<time>`); None where there was no folder.

    Raises:
        IndexUnavailable: another process holds the index.
    """
    with folder_lock(folder, wait_s=wait_s):
        if not _has_files(folder):
            return None
        aside = folder.with_name(f"{folder.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() % 10**9:09d}")
        return folder.rename(aside)


def replace_edge(
    folder: Path, fill: Callable[[EdgeIndex], None] | None, *, is_due: Callable[[], bool], wait_s: float = WAIT_S
) -> None:
    """Put a new index in place of the old one, whose files, those moved aside as damaged too, hold deleted points.

    Nobody drains into the old one meanwhile, and until the new one is whole the old one answers.

    Args:
        fill: writes the new one's points; None: the next `ensure_collection` starts an empty one.
        is_due: asked when the index is held; it may have been replaced while we waited.
    Raises:
        IndexUnavailable: another process holds the index.
    """
    with folder_lock(folder, wait_s=wait_s):
        if not is_due():
            return
        draft = folder.with_name(f"{folder.name}.anew")
        _delete(draft)
        if fill is not None:
            index = EdgeIndex(draft, wait_s=0.0)
            try:
                fill(index)
            finally:
                index.close()
        for old in (folder, folder.with_name(f"{folder.name}.new"), *_moved_aside(folder)):
            _delete(old)
        if fill is not None:
            draft.rename(folder)


class EdgeIndex:
    """`VectorIndex` over an Edge shard; made and closed by `open_edge`, safe to share between threads meanwhile.

    Search is exact: no approximate graph is built. On write None values are dropped and the values of keyword-indexed
    keys become text (see `collection_rules`). Before `ensure_collection` everything but `info` raises
    IndexUnavailable: an index that is not there is not an empty one. A write is on disk when its call returns.
    """

    def __init__(self, folder: Path, *, wait_s: float) -> None:
        self._folder = folder
        self._shard: Any = None
        self._width = 0
        if _has_files(folder):
            require_room(folder, new_bytes=0)
            self._shard = _load(folder, wait_s=wait_s)
            self._width = _stored_width(folder)

    def close(self) -> None:
        """Write everything to disk and let the folder go; a second call does nothing."""
        shard = self._shard
        if shard is None:
            return
        try:
            with engine_errors(self._folder):
                shard.flush()
            info = self.info() if kept_info(self._folder) is None else None
        finally:
            self._shard = None
            with engine_errors(self._folder):
                shard.close()
        if info is not None:
            keep_info(self._folder, info)

    def ensure_collection(self, width: int) -> None:
        if self._shard is None:
            with file_errors(self._folder):
                _create(self._folder, width)
            self._shard, self._width = _load(self._folder, wait_s=0.0), width
        rules.check_width(self._width, width)
        with engine_errors(self._folder):
            present = self._shard.info().payload_schema
            for key in PAYLOAD_INDEXES.keys() - present.keys():
                self._shard.update(edge.UpdateOperation.create_field_index(key, _INDEX_TYPES[PAYLOAD_INDEXES[key]]))

    def info(self) -> CollectionInfo | None:
        if self._shard is None:
            return None
        with engine_errors(self._folder):
            count = self._shard.count(edge.CountRequest(exact=True))
            indexes = tuple(sorted(self._shard.info().payload_schema))
        return CollectionInfo(COLLECTION, self._width, count, count, "Cosine", indexes)

    def upsert(self, ids: Sequence[UUID], vectors: NDArray[np.float32], payloads: Sequence[Payload]) -> None:
        self._opened()
        for batch in rules.point_batches(ids, vectors, payloads, width=self._width, size=POINTS_A_BATCH):
            points = [edge.Point(*row) for row in zip(batch.ids, batch.vectors, batch.payloads, strict=True)]
            self._update(edge.UpdateOperation.upsert_points(points))
        self._flush()

    def delete(self, ids: Sequence[UUID]) -> None:
        self._update(edge.UpdateOperation.delete_points(list(ids)))
        self._flush()

    def retrieve(self, ids: Sequence[UUID], *, with_vectors: bool = False) -> list[Point]:
        shard = self._opened()
        with engine_errors(self._folder):
            return [rules.as_point(record) for record in shard.retrieve(list(ids), True, with_vectors)]

    def scroll(
        self, *, limit: int, offset: UUID | None = None, match: Match | None = None, with_vectors: bool = False
    ) -> tuple[list[Point], UUID | None]:
        shard = self._opened()
        request = edge.ScrollRequest(
            offset=offset, limit=limit, filter=_filter(match), with_payload=True, with_vector=with_vectors
        )
        with engine_errors(self._folder):
            records, next_offset = shard.scroll(request)
            return [rules.as_point(record) for record in records], next_offset

    def search(self, queries: NDArray[np.float32], *, limit: int, match: Match | None = None) -> list[list[Hit]]:
        shard, wanted, found = self._opened(), _filter(match), []
        for rows in rules.query_batches(queries, width=self._width, size=QUERIES_A_BATCH):
            nearest = [edge.Query.Nearest(row) for row in rows]
            requests = [edge.QueryRequest(limit=limit, query=q, filter=wanted, with_payload=True) for q in nearest]
            with engine_errors(self._folder):
                found += shard.query_batch(edge.QueryBatchRequest(requests))
        return [rules.as_hits(hits) for hits in found]

    def _update(self, operation: Any) -> None:
        shard = self._opened()
        require_room(self._folder, new_bytes=NEW_FILES)
        with engine_errors(self._folder):
            shard.update(operation)

    def _flush(self) -> None:
        """Once for many batches: without it a power cut could lose what the outbox no longer holds."""
        with engine_errors(self._folder):
            self._opened().flush()

    def _opened(self) -> Any:
        if self._shard is None:
            raise rules.missing_collection(str(self._folder))
        return self._shard


def _moved_aside(folder: Path) -> list[Path]:
    return sorted(folder.parent.glob(f"{folder.name}.damaged-*"))


def _delete(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _has_files(folder: Path) -> bool:
    return folder.exists() and not (folder.is_dir() and next(folder.iterdir(), None) is None)


def _create(folder: Path, width: int) -> None:
    """Build the shard beside its place and move it there whole: a process killed half-way leaves no broken index."""
    draft = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    require_room(folder, new_bytes=NEW_INDEX)
    vectors = edge.EdgeVectorParams(size=width, distance=edge.Distance.Cosine)
    with engine_errors(folder):
        edge.EdgeShard.create(str(draft), edge.EdgeConfig(vectors=vectors)).close()
    if folder.exists():
        folder.rmdir()  # empty, see _has_files; renaming onto it works on POSIX only
    draft.rename(folder)


def _load(folder: Path, *, wait_s: float) -> Any:
    for _ in attempts(wait_s):
        try:
            with engine_errors(folder):
                return edge.EdgeShard.load(str(folder))
        except IndexDamaged as error:
            # Edge's own lock: a holder outside faceml, or any holder where there is no flock.
            if "WouldBlock" not in str(error.__cause__):
                raise
    raise IndexUnavailable(held_by(folder, "unknown"))


def _stored_width(folder: Path) -> int:
    """The width of the shard's vectors, which the engine keeps in its configuration file and tells by no call."""
    try:
        return int(json.loads((folder / "edge_config.json").read_text(encoding="utf-8"))["vectors"][""]["size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(folder, f"edge_config.json: {type(error).__name__}") from error


def _filter(match: Match | None) -> Any:
    if not match:
        return None
    values, present = rules.conditions(match)
    must = [_condition(key, value) for key, value in values.items()]
    return edge.Filter(must=must, must_not=[edge.IsEmptyCondition(key) for key in present])


def _condition(key: str, value: str | bool | None) -> Any:
    if value is None:
        return edge.IsEmptyCondition(key)
    import numpy as np

    # MatchValue takes a Python bool for an integer and then matches nothing (0.9.0); numpy's bool stays one.
    wanted: Any = np.bool_(value) if isinstance(value, bool) else rules.stored_value(key, value)
    return edge.FieldCondition(key, match=edge.MatchValue(wanted))

"""What the Edge and the server adapter agree on: which rows and payload values they take, and how they refuse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from faceml.errors import IndexUnavailable, ModelMismatch, WrongUse
from faceml.storage.index.vector_index import COLLECTION, PAYLOAD_INDEXES, Hit, Match, Payload, Point, Presence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class PointBatch:
    """Some rows of an upsert, checked and ready to send."""

    ids: tuple[UUID, ...]  # (B,)
    vectors: list[list[float]]  # (B, D)
    payloads: list[Payload]  # (B,)


def point_batches(
    ids: Sequence[UUID], vectors: NDArray[np.float32], payloads: Sequence[Payload], *, width: int, size: int
) -> Iterator[PointBatch]:
    """Check all rows, then cut them into batches of `size`, so that a million points need no second copy.

    Raises:
        ModelMismatch: the rows are not `width` wide.
        WrongUse: the three differ in length, or a vector holds NaN or infinity (the engines would store it).
    """
    import numpy as np

    rows = np.asarray(vectors, dtype=np.float32)
    if not len(ids) == len(rows) == len(payloads):
        raise WrongUse(f"{len(ids)} ids, {len(rows)} vectors and {len(payloads)} payloads: pass as many of each")
    if len(rows) == 0:
        return
    check_width(width, rows.shape[-1])
    if not np.isfinite(rows.sum(dtype=np.float64)):  # one number, where isfinite(rows) is a second matrix
        raise WrongUse("a vector holds NaN or infinity: embed its face again before storing it")
    for start in range(0, len(ids), size):
        part = slice(start, start + size)
        yield PointBatch(tuple(ids[part]), rows[part].tolist(), [stored_payload(item) for item in payloads[part]])


def query_batches(queries: NDArray[np.float32], *, width: int, size: int) -> Iterator[list[list[float]]]:
    """(P, D) rows in batches of `size`, ready to send. Raises ModelMismatch: they are not `width` wide."""
    import numpy as np

    rows = np.atleast_2d(np.asarray(queries, dtype=np.float32))
    if rows.size == 0:
        return
    check_width(width, rows.shape[1])
    for start in range(0, len(rows), size):
        yield rows[start : start + size].tolist()


def as_point(record: Any) -> Point:
    """A record of either engine as a point; a server's ids are text."""
    import numpy as np

    id_ = record.id if isinstance(record.id, UUID) else UUID(str(record.id))
    return Point(id_, record.payload or {}, None if record.vector is None else np.asarray(record.vector, np.float32))


def as_hits(hits: Iterable[Any]) -> list[Hit]:
    return [Hit(UUID(str(hit.id)), hit.score, hit.payload or {}) for hit in hits]


def stored_payload(payload: Payload) -> Payload:
    """The payload as it is written: what is not set stays null, as the specification shows it.

    >>> stored_payload({"asset_id": 12, "person_id": None, "is_prototype": False})
    {'asset_id': '12', 'person_id': None, 'is_prototype': False}
    """
    return {key: None if value is None else stored_value(key, value) for key, value in payload.items()}


def stored_value(key: str, value: Any) -> Any:
    """A value as it is written and matched: text under the keyword-indexed keys, whatever it was (asset ids, UUIDs).

    >>> stored_value("asset_id", 12), stored_value("quality_score", 0.5)
    ('12', 0.5)
    """
    return str(value) if PAYLOAD_INDEXES.get(key) == "keyword" else value


def conditions(match: Match) -> tuple[dict[str, str | bool | None], list[str]]:
    """What a match asks of a point: a value, or null, under these keys; anything but null under those."""
    values = {key: value for key, value in match.items() if not isinstance(value, Presence)}
    return values, [key for key, value in match.items() if isinstance(value, Presence)]


def check_width(stored: int, asked: int) -> None:
    if stored != asked:
        raise ModelMismatch(
            f"the collection `{COLLECTION}` holds vectors of width {stored}, not {asked}: use the model pack that this "
            "library was made with (FACEML_MODEL_PACK), or another library (FACEML_HOME)"
        )


def missing_collection(place: str) -> IndexUnavailable:
    return IndexUnavailable(
        f"the collection `{COLLECTION}` does not exist in {place}: create it (`faceml faces ensure-collection`), "
        "then fill it from the database (`faceml faces find-orphans --fix`)"
    )

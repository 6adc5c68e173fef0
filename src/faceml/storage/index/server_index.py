"""The vector index on a Qdrant server (QDRANT_URL), for libraries that several machines share (DESIGN D2)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from faceml.addresses import without_password
from faceml.errors import Conflict, IndexUnavailable, WrongUse
from faceml.storage.index import collection_rules as rules
from faceml.storage.index.vector_index import COLLECTION, PAYLOAD_INDEXES, CollectionInfo, Hit, Match, Payload, Point

if TYPE_CHECKING:
    from numpy.typing import NDArray

POINTS_A_BATCH = 1_000  # 512-d: 10 MB of JSON; a server refuses bodies over 32 MB
QUERIES_A_BATCH = 100
IDS_A_BATCH = 10_000


def connect_server(url: str, *, timeout_s: float = 30.0) -> ServerIndex:
    """The index on the server at `url`, to be kept and closed by the caller; threads may share it.

    Args:
        timeout_s: no request waits for longer, be it for a host that drops packets or for 1,000 points to be written
            by a busy one; rounded up to whole seconds.

    Raises:
        IndexUnavailable: nothing answers there.
        WrongUse: not a URL.
    """
    try:
        client = QdrantClient(url=url, timeout=math.ceil(timeout_s), check_compatibility=False)
    except ValueError:
        # Not `from` the error: it quotes the URL, credentials and all.
        raise WrongUse(f"QDRANT_URL: {_place(url)!r} is not a URL; write it as http://localhost:6333") from None
    index = ServerIndex(client, place=_place(url))
    try:
        index.info()
    except Exception:
        index.close()
        raise
    return index


class ServerIndex:
    """`VectorIndex` over a QdrantClient, which `close` closes.

    A server builds an approximate graph from some 10,000 points on, so `search` may miss a neighbour there. On write
    None values are dropped and the values of keyword-indexed keys become text (see `collection_rules`). Before
    `ensure_collection` everything but `info` raises IndexUnavailable. A write is done when its call returns.

    Args:
        place: how messages name the server; no credentials.
    """

    def __init__(self, client: QdrantClient, *, place: str = "memory") -> None:
        self._client = client
        self._place = place
        self._known_width: int | None = None

    def close(self) -> None:
        self._client.close()

    def ensure_collection(self, width: int) -> None:
        if self._stored_width() is None:
            self._create(width)
        rules.check_width(self._width(), width)
        with _server_errors(self._place):
            present = self._client.get_collection(COLLECTION).payload_schema
            for key in PAYLOAD_INDEXES.keys() - present.keys():
                self._client.create_payload_index(COLLECTION, key, models.PayloadSchemaType(PAYLOAD_INDEXES[key]))

    def info(self) -> CollectionInfo | None:
        width = self._stored_width()
        if width is None:
            return None
        with _server_errors(self._place):
            count = self._client.count(COLLECTION, exact=True).count
            indexes = tuple(sorted(self._client.get_collection(COLLECTION).payload_schema))
        return CollectionInfo(COLLECTION, width, count, count, "Cosine", indexes)

    def upsert(self, ids: Sequence[UUID], vectors: NDArray[np.float32], payloads: Sequence[Payload]) -> None:
        for batch in rules.point_batches(ids, vectors, payloads, width=self._width(), size=POINTS_A_BATCH):
            points = models.Batch(ids=[str(key) for key in batch.ids], vectors=batch.vectors, payloads=batch.payloads)
            with _server_errors(self._place):
                self._client.upsert(COLLECTION, points, wait=True)

    def delete(self, ids: Sequence[UUID]) -> None:
        self._width()
        for part in _parts(ids):
            with _server_errors(self._place):
                self._client.delete(COLLECTION, models.PointIdsList(points=part), wait=True)

    def retrieve(self, ids: Sequence[UUID], *, with_vectors: bool = False) -> list[Point]:
        self._width()
        found: list[Point] = []
        for part in _parts(ids):
            with _server_errors(self._place):
                found += map(rules.as_point, self._client.retrieve(COLLECTION, part, with_vectors=with_vectors))
        return found

    def scroll(
        self, *, limit: int, offset: UUID | None = None, match: Match | None = None, with_vectors: bool = False
    ) -> tuple[list[Point], UUID | None]:
        self._width()
        with _server_errors(self._place):
            records, next_offset = self._client.scroll(
                COLLECTION,
                scroll_filter=_filter(match),
                limit=limit,
                offset=None if offset is None else str(offset),
                with_vectors=with_vectors,
            )
        return [rules.as_point(record) for record in records], None if next_offset is None else UUID(str(next_offset))

    def search(self, queries: NDArray[np.float32], *, limit: int, match: Match | None = None) -> list[list[Hit]]:
        width, wanted = self._width(), _filter(match)
        found: list[models.QueryResponse] = []
        for rows in rules.query_batches(queries, width=width, size=QUERIES_A_BATCH):
            requests = [models.QueryRequest(query=q, limit=limit, filter=wanted, with_payload=True) for q in rows]
            with _server_errors(self._place):
                found += self._client.query_batch_points(COLLECTION, requests)
        return [rules.as_hits(response.points) for response in found]

    def _create(self, width: int) -> None:
        params = models.VectorParams(size=width, distance=models.Distance.COSINE)
        with _server_errors(self._place):
            try:
                self._client.create_collection(COLLECTION, params)
            except UnexpectedResponse as error:
                # In a conflict another worker was faster: its collection is checked next.
                if error.status_code != HTTPStatus.CONFLICT:
                    raise

    def _width(self) -> int:
        """The width as it was when last asked for: it never changes while the collection exists."""
        width = self._known_width or self._stored_width()
        if width is None:
            raise rules.missing_collection(self._place)
        return width

    def _stored_width(self) -> int | None:
        self._known_width = None
        with _server_errors(self._place):
            if not self._client.collection_exists(COLLECTION):
                return None
            vectors = self._client.get_collection(COLLECTION).config.params.vectors
        if not isinstance(vectors, models.VectorParams):
            raise Conflict(
                f"the collection `{COLLECTION}` at {self._place} has named vectors, so faceml did not make it: "
                "use another Qdrant server (QDRANT_URL)"
            )
        self._known_width = vectors.size
        return vectors.size


def _place(url: str) -> str:
    """Scheme, host and port: what a message may show of a URL."""
    scheme, found, rest = without_password(url.strip()).rpartition("://")
    host = rest.rpartition("@")[2].partition("/")[0].partition("?")[0]
    return f"{scheme}{found}{host}"


@contextmanager
def _server_errors(place: str) -> Iterator[None]:
    try:
        yield
    except UnexpectedResponse as error:
        if error.status_code == HTTPStatus.NOT_FOUND:  # deleted since we looked
            raise rules.missing_collection(place) from error
        raise IndexUnavailable(
            f"Qdrant at {place} refused a call (HTTP {error.status_code} {error.reason_phrase}): see the server's log, "
            "and that QDRANT_URL is a Qdrant server without an API key"
        ) from error
    except (ApiException, QdrantException) as error:
        reason = type(getattr(error, "source", error)).__name__
        raise IndexUnavailable(
            f"Qdrant at {place} does not answer ({reason}): start it (`make db-up`) or unset QDRANT_URL "
            "to use the embedded index"
        ) from error


def _parts(ids: Sequence[UUID]) -> Iterator[list[models.ExtendedPointId]]:
    for start in range(0, len(ids), IDS_A_BATCH):
        yield [str(key) for key in ids[start : start + IDS_A_BATCH]]


def _filter(match: Match | None) -> models.Filter | None:
    if not match:
        return None
    values, present = rules.conditions(match)
    must = [_condition(key, value) for key, value in values.items()]
    return models.Filter(must=must, must_not=[_condition(key, None) for key in present])


def _condition(key: str, value: str | bool | None) -> models.Condition:
    if value is None:
        return models.IsEmptyCondition(is_empty=models.PayloadField(key=key))
    return models.FieldCondition(key=key, match=models.MatchValue(value=rules.stored_value(key, value)))

"""What the routes share, and how they answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel

from faceml.config import Settings
from faceml.jobs.functions import kept_matcher
from faceml.jobs.queue import JobQueue
from faceml.library import Library
from faceml.once import Once
from faceml.options import ClusterOptions, DualOptions
from faceml.services.cluster.tune import Tuner
from faceml.services.index.drain import index_note
from faceml.services.review.grid import FaceGrid
from faceml.services.review.sheets import FaceMaps
from faceml.services.review.thumbnails import Thumbnails
from serving.champion import Champion
from serving.limits import Limits
from serving.metrics import Metrics
from serving.pools import Pools
from serving.schemas.runs import JobQueuedResponse

if TYPE_CHECKING:
    from faceml.services.cluster.cluster import ClusterReport
    from faceml.services.cluster.dual import DualReport

API = "/api/v1/faces"
ACTOR = "api"  # who decides, in the log of decisions
EVENT_HEADER = "X-Event-Id"  # by which a decision can be undone
INDEX_HEADER = "X-Index-Note"  # that it waits for the index, and what brings that up to date
TOTAL_HEADER = "X-Total-Count"  # of a list's items, on all pages
NOTE_HEADER = "X-Note"  # what to know of an answer whose body the specification lays down

R = TypeVar("R")
Listed = TypeVar("Listed", bound="OnePage")
Grouped = TypeVar("Grouped", "ClusterReport", "DualReport")


class OnePage(Protocol):
    """A page of a list as services return it, see `faceml.storage.pages`."""

    @property
    def total(self) -> int: ...

    @property
    def next(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Service:
    settings: Settings
    library: Library
    queue: Once[JobQueue]
    limits: Limits
    pools: Pools
    champion: Champion
    metrics: Metrics
    grid: Once[FaceGrid]
    thumbnails: Mapping[int, Thumbnails]  # by side, in pixels
    maps: Once[FaceMaps]
    tuner: Once[Tuner]
    actor: str = ACTOR

    async def read(self, request: Request, work: Callable[[], BaseModel]) -> Response:
        """Answer with what `work` finds, or with 304 where the client has it already."""
        content = await self.pools.quick(lambda: _json(work()))
        return with_etag(request, content, "application/json")

    async def page(
        self, request: Request, find: Callable[[], Listed], shape: Callable[[Listed], BaseModel]
    ) -> Response:
        """As `read`; headers tell how many there are, and where the list goes on (RFC 8288)."""

        def work() -> tuple[bytes, dict[str, str]]:
            found = find()
            told = {TOTAL_HEADER: str(found.total)}
            if found.next is not None:
                query = request.url.include_query_params(after=found.next).remove_query_params("page").query
                told["Link"] = f'<?{query}>; rel="next"'
            return _json(shape(found)), told

        content, told = await self.pools.quick(work)
        return with_etag(request, content, "application/json", told)

    async def decide(
        self, act: Callable[[], R], shape: Callable[[R], BaseModel], *, is_heavy: bool = False
    ) -> Response:
        """Carry a person's decision out; the answer's headers tell how to undo it, and of an index that is behind."""

        def work() -> tuple[bytes, dict[str, str]]:
            report = act()
            told = {EVENT_HEADER: getattr(report, "event_id", None), INDEX_HEADER: index_note(self.library)}
            return _json(shape(report)), {name: str(value) for name, value in told.items() if value is not None}

        content, headers = await (self.pools.heavy if is_heavy else self.pools.quick)(work)
        return Response(content, headers=headers, media_type="application/json")

    async def compute(self, act: Callable[[], R], shape: Callable[[R], BaseModel]) -> Response:
        """Carry out a decision for which a photo is looked at."""
        return await self.decide(act, shape, is_heavy=True)

    def pictures(self, face_ids: Sequence[UUID], size_px: int) -> dict[UUID, bytes]:
        """Those of the faces' pictures that can be had, at least so large where there are such."""
        with self.library.repository.read() as unit:
            faces = unit.faces.by_ids(face_ids)
        side = next((side for side in sorted(self.thumbnails) if side >= size_px), max(self.thumbnails))
        return self.thumbnails[side].of(faces)

    async def run(self, work: Callable[[], BaseModel]) -> Response:
        """Do heavy work now."""
        return Response(await self.pools.heavy(lambda: _json(work())), media_type="application/json")

    async def group(
        self,
        act: Callable[[], Grouped],
        shape: Callable[[Grouped], BaseModel],
        options: ClusterOptions | DualOptions,
    ) -> Response:
        """Group faces now; what to know of the figures is in a header, since their body is documented."""

        def work() -> tuple[bytes, str]:
            from faceml.services.cluster.dual import notes_of

            report = act()
            return _json(shape(report)), _in_header(*notes_of(report), kept_matcher(self.library, options, actor=ACTOR))

        content, notes = await self.pools.heavy(work)
        return Response(content, headers={NOTE_HEADER: notes} if notes else None, media_type="application/json")

    def ask_queue(self) -> None:
        """Raises QueueUnavailable."""
        with self.queue().answering():
            self.queue().connection.ping()

    async def enqueue(self, job: str, **parameters: Any) -> Response:
        """Leave heavy work to the workers."""
        job_id = await self.pools.quick(lambda: self.queue().enqueue(job, **parameters))
        content = _json(JobQueuedResponse(job_id=job_id))
        return Response(content, 202, {"Location": f"{API}/jobs/{job_id}"}, "application/json")


def router_for(tag: str, *, prefix: str = API) -> APIRouter:
    return APIRouter(prefix=prefix, tags=[tag], generate_unique_id_function=lambda route: route.name)


async def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Shared = Annotated[Service, Depends(service_of)]


def with_etag(request: Request, content: bytes, media_type: str, told: Mapping[str, str] | None = None) -> Response:
    """The content with its ETag; 304 without it where the client's copy is the same.

    Args:
        told: headers that say something of the content.
    """
    told = told or {}
    tag = f'"{hashlib.sha256(content + "".join(told.values()).encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", **told}  # keep it, but ask whether it still holds
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or tag in (item.strip().removeprefix("W/") for item in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def _in_header(*notes: str | None) -> str:
    text = "; ".join(note.replace(" · ", "; ") for note in notes if note)
    return text.encode("ascii", "backslashreplace").decode()


def _json(model: BaseModel) -> bytes:
    return model.model_dump_json(by_alias=True).encode()

"""The app: `create_app` puts it together, `python -m serving` serves it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from faceml.config import Settings, read_settings
from faceml.errors import FacemlError
from faceml.jobs.queue import JobQueue, connect_queue
from faceml.library import Library
from faceml.once import Once
from faceml.services.cluster.tune import Tuner
from faceml.services.index.drain import SELDOM, drain_outbox
from faceml.services.review.grid import FaceGrid
from faceml.services.review.sheets import FaceMaps
from faceml.services.review.thumbnails import Thumbnails
from faceml.wiring import open_library
from serving import openapi, problems
from serving.champion import WATCH_EVERY_S, Champion
from serving.deps import ACTOR, EVENT_HEADER, INDEX_HEADER, NOTE_HEADER, TOTAL_HEADER, Service
from serving.limits import BodyLimit, Limits, RateLimit, check_address
from serving.methods import Methods
from serving.metrics import Metrics, Observed
from serving.pools import Pools
from serving.problems import LastResort
from serving.routes import (
    clusters,
    detection,
    faces,
    grid,
    health,
    jobs,
    label_page,
    model,
    page,
    persons,
    photos,
    review,
    search,
    suggestions,
    tune,
)
from serving.security import Gate, KeyCheck, OriginCheck, SecurityHeaders

DRAIN_EVERY_S = 5.0
THUMBNAILS_PX = (128, 256)
log = logging.getLogger(__name__)


def create_app(
    settings: Settings | None = None,
    *,
    library: Library | None = None,
    limits: Limits | None = None,
    actor: str = ACTOR,
) -> Any:
    """The REST API of one library.

    Args:
        settings: default: those of the environment.
        library: opened already; it is left open when the app ends.
        actor: who decides on the face grid, in the log of decisions.
    Raises:
        WrongUse: settings that leave writing open.
    """
    settings = settings or (library.settings if library else read_settings())
    limits, metrics = limits or Limits(), Metrics()
    app = FastAPI(
        title="faceml",
        docs_url=None,  # its pages load scripts from other sites; ours is routes/page.py
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # paths and errors are nobody else's
        lifespan=_lifespan(settings, library, limits, metrics, actor),
        middleware=_middleware(settings, limits, metrics),
    )
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]
    problems.install(app)
    named = (model, grid, tune, photos, clusters, persons, detection, faces, search, suggestions, review, jobs, health)
    for part in (*named, page, label_page):
        # Not include_router: it looks every request up in a router of routers, half a millisecond a request.
        app.router.routes.extend(part.router.routes)
    return app


def _middleware(settings: Settings, limits: Limits, metrics: Metrics) -> list[Middleware]:
    """Outermost first."""
    origins = [origin.strip() for origin in settings.api_origins.split(",") if origin.strip()]
    keys = KeyCheck.of(settings)
    cors = [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "HEAD", "POST", "PATCH", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "Content-Type", "If-None-Match"],
            expose_headers=["ETag", "Link", "Location", EVENT_HEADER, INDEX_HEADER, NOTE_HEADER, TOTAL_HEADER],
        )
    ]
    return [
        Middleware(Observed, metrics=metrics),
        Middleware(SecurityHeaders),
        Middleware(LastResort),
        *(cors if origins else []),
        Middleware(Gate, checks=(RateLimit(limits), check_address, OriginCheck(origins, keys.full is None), keys)),
        Middleware(BodyLimit, limits=limits),
        Middleware(Methods),
        Middleware(model.ProjectShortcut),
    ]


def _lifespan(settings: Settings, given: Library | None, limits: Limits, metrics: Metrics, actor: str) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        library = given or open_library(settings, on_new=log.warning)
        queue = Once(lambda: connect_queue(library))
        pools = Pools(limits)
        champion = Champion(library, on_swap=metrics.swaps.inc)
        # The index follows within DRAIN_EVERY_S, a large one later: whoever names faces does not wait for it.
        grid_ = Once(lambda: FaceGrid(replace(library, index_follower=library.index_follower or _later)))
        pictures = {side: Thumbnails(library, side_px=side) for side in THUMBNAILS_PX}
        views = Once(lambda: FaceMaps(library, grid_().live)), Once(lambda: Tuner(library, grid_().live))
        parts = (settings, library, queue, limits, pools, champion, metrics, grid_, pictures, *views)
        app.state.service = Service(*parts, actor)
        await pools.watch(champion.refresh)  # warm: the first request waits for nothing
        async with AsyncExitStack() as stack:
            if given is None:
                stack.callback(library.close)
            stack.callback(_close, queue)
            stack.callback(pools.close)
            # Not waited for: who asks first who somebody is finds everybody read, or reads them.
            stack.push_async_callback(_cancelled, asyncio.create_task(_tried(pools, lambda: _read_people(library))))
            for every_s, work in (
                (lambda: WATCH_EVERY_S, champion.refresh),
                (lambda: DRAIN_EVERY_S * (SELDOM if library.index.takes_long else 1), lambda: _drain(library, metrics)),
            ):
                stack.push_async_callback(_cancelled, asyncio.create_task(_repeat(pools, every_s, work)))
            yield

    return lifespan


def _later() -> None:
    pass


async def _repeat(pools: Pools, every_s: Callable[[], float], work: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(every_s())
        await _tried(pools, work)


async def _tried(pools: Pools, work: Callable[[], None]) -> None:
    try:
        await pools.watch(work)
    except FacemlError as error:  # a store that is away: the next round may find it
        log.info("%s", error)
    except Exception as error:
        log.error("unexpected %s while watching", type(error).__name__)


def _read_people(library: Library) -> None:
    from faceml.services.recognise.gallery import open_way

    way = open_way(library)
    with library.repository.read() as unit:
        way.read(unit)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _close(queue: Once[JobQueue]) -> None:
    if queue.opened is not None:
        queue.opened.close()


def _drain(library: Library, metrics: Metrics) -> None:
    """Bring over what an index that was away has missed, and complete what an erasure elsewhere has left here."""
    metrics.backlog.set(drain_outbox(library).backlog)


def __getattr__(name: str) -> Any:
    """`app` is made when a server asks for it, so that importing this module opens nothing."""
    if name != "app":
        raise AttributeError(name)
    app = globals()["app"] = create_app()
    return app

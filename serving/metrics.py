"""What the service does, for Prometheus and for the access log: paths as templates, never names, ids or vectors."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

access_log = logging.getLogger("serving.access")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route")
        self.requests = Counter("faceml_requests", "Answered requests", (*labels, "status"), registry=self.registry)
        self.seconds = Histogram(
            "faceml_request_seconds", "Time to answer", labels, buckets=SECONDS, registry=self.registry
        )
        self.waiting = Gauge("faceml_requests_waiting", "Requests in a pool", ("pool",), registry=self.registry)
        self.backlog = Gauge("faceml_index_backlog", "Changes that wait for the index", registry=self.registry)
        self.model = Gauge("faceml_model_in_use", "The projection in use", ("version",), registry=self.registry)
        self.swaps = Counter("faceml_model_swaps", "Changes of the projection in use", registry=self.registry)

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)

    def page(self, waiting: Mapping[str, int], model_version: str) -> bytes:
        for pool, count in waiting.items():
            self.waiting.labels(pool).set(count)
        self.model.clear()
        self.model.labels(model_version).set(1)
        return generate_latest(self.registry)


class Observed:
    """Count and time each request, and write one line about it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if route != "other" else "other"
        self._metrics.note(method, route, status, seconds)
        access_log.info("%s %s %d %.1f ms", method, route, status, seconds * 1000)

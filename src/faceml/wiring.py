"""Where the parts are put together: engines, clients and models are made here and passed in, nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from faceml.config import Settings, read_settings
from faceml.errors import ModelUnavailable
from faceml.records import PackContract

if TYPE_CHECKING:
    from faceml.jobs.queue import JobQueue
    from faceml.storage.graph_files import GraphFiles
    from faceml.storage.index.server_index import ServerIndex
    from faceml.storage.index.vector_index import VectorIndex
    from faceml.storage.registry.model_registry import ModelRegistry
    from faceml.storage.sql.repository import Repository
    from faceml.tracking import Tracking
    from faceml.vision.model_packs import FacePack

T = TypeVar("T")
INDEX_WAIT_S = 10.0


class opened_once(cached_property[T]):  # noqa: N801
    """A `cached_property` that several threads may ask for at once: Python 3.12 took its lock away."""

    def __init__(self, open_: Callable[[Any], T]) -> None:
        super().__init__(open_)
        self._lock = RLock()

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...
    def __get__(self, instance: object, owner: type[Any] | None = None) -> Self | T:
        with self._lock:
            return super().__get__(instance, owner)


class Library:
    """One library: its settings, its database, its index and its models, each opened when first needed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        # Told of every decision instead of the index following at once: an interactive view does not wait for it.
        self.index_follower: Callable[[], None] | None = None

    @opened_once
    def repository(self) -> Repository:
        """Raises DatabaseUnavailable."""
        from faceml.storage.sql.database import connect
        from faceml.storage.sql.repository import Repository

        return Repository(connect(self.settings.database))

    @opened_once
    def pack(self) -> FacePack:
        """The loaded models of the configured pack.

        Raises:
            ModelUnavailable: they are not on this machine and cannot be fetched.
            ModelMismatch: the library is pinned to another pack.
        """
        from faceml.vision.model_packs import load_pack

        settings = self.settings
        pack = load_pack(self._pack_name(), model_root=settings.model_root, cache_dir=settings.cache_folder)
        with self.repository.read() as unit:
            unit.contract.check(pack.contract)
        return pack

    def _pack_name(self) -> str:
        """The pack that was asked for; where nobody asked, the one this library is pinned to."""
        pinned = self.contract()
        is_default = self.settings.sources.get("FACEML_MODEL_PACK") == "default"
        return pinned.name if pinned and is_default else self.settings.model_pack

    def contract(self) -> PackContract | None:
        """The pack this library is pinned to; None before its first detection."""
        with self.repository.read() as unit:
            return unit.contract.pinned()

    def index_width(self) -> int:
        """D of the collection: the pinned pack's, or before the first detection the configured pack's."""
        pinned = self.contract()
        if pinned is not None:
            return pinned.width
        from faceml.vision.model_packs import read_contract

        settings = self.settings
        try:
            return read_contract(
                self._pack_name(), model_root=settings.model_root, cache_dir=settings.cache_folder
            ).width
        except ModelUnavailable:
            return self.pack.contract.width  # fetches it

    def open_index(self) -> AbstractContextManager[VectorIndex]:
        """The vector index, held for as long as the block runs: keep it short, Edge serves one process at a time.

        Raises:
            IndexUnavailable: it does not answer, or another process holds it past the wait.
        """
        if self.settings.qdrant_url:
            return self._server_index()
        from faceml.storage.index.edge_index import open_edge

        return open_edge(self.settings.index_folder)

    @contextmanager
    def _server_index(self) -> Iterator[VectorIndex]:
        if self.settings.database_url:
            yield self._server
            return
        from faceml.storage.folder_lock import folder_lock

        with folder_lock(self.settings.index_folder, wait_s=INDEX_WAIT_S):  # one drainer at a time, as with Edge
            yield self._server

    @opened_once
    def _server(self) -> ServerIndex:
        from faceml.storage.index.server_index import connect_server

        return connect_server(self.settings.qdrant_url)

    @opened_once
    def graphs(self) -> GraphFiles:
        """Neighbour graphs of former clusterings."""
        from faceml.storage.graph_files import GraphFiles

        return GraphFiles(self.settings.cache_folder / "graphs")

    @opened_once
    def tracking(self) -> Tracking:
        """Where runs are recorded; nothing is opened before the first run, which says so where it takes long."""
        from faceml.tracking import Tracking

        return Tracking(self.settings.tracking, self.settings.artifact_folder, on_note=print)

    @opened_once
    def registry(self) -> ModelRegistry:
        """Versions of the projection; reading them imports no mlflow."""
        from faceml.storage.registry.model_registry import ModelRegistry

        return ModelRegistry(self.tracking.store, self.settings.cache_folder / "models")

    @opened_once
    def jobs(self) -> JobQueue:
        """The queue of background jobs.

        Raises:
            QueueUnavailable: Redis does not answer, or there is neither a REDIS_URL nor the embedded one.
        """
        from faceml.jobs.address import address_of
        from faceml.jobs.connection import connect_queue

        return connect_queue(self.settings, address=lambda: address_of(self))

    def close(self) -> None:
        if "jobs" in self.__dict__:
            self.jobs.close()
        if "repository" in self.__dict__:
            self.repository.close()
        if "_server" in self.__dict__:
            self._server.close()


def open_library(settings: Settings | None = None) -> Library:
    """The library that the settings point at (default: those of the environment)."""
    return Library(settings or read_settings())

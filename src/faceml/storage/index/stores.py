"""Where the vector index lies, and how it is opened: in this process, or on a server (DESIGN D2)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from faceml.errors import IndexUnavailable
from faceml.files import file_lock
from faceml.once import Once

if TYPE_CHECKING:
    from faceml.config import Settings
    from faceml.storage.index.server_index import ServerIndex
    from faceml.storage.index.vector_index import CollectionInfo, VectorIndex

WAIT_S = 10.0  # for another process to let go
MANY_POINTS = 50_000  # Edge takes 0.3 s to open with these, and reads them all into memory


class IndexStore(Protocol):
    """Opens the index for a moment: Edge serves one process at a time, so hold it briefly (DESIGN D3)."""

    def open(self) -> AbstractContextManager[VectorIndex]:
        """Raises IndexUnavailable when it is down, or another process holds it past the wait."""

    def info(self) -> CollectionInfo | None:
        """What it holds, without opening it where that is known; None without a collection. Raises as `open`."""

    @property
    def takes_long(self) -> bool:
        """Whether opening it takes longer than most that is decided."""

    def close(self) -> None: ...


def index_store(settings: Settings) -> IndexStore:
    if not settings.qdrant_url:
        return EdgeStore(settings.index_folder)
    # A library on a file has one drainer at a time on a server too, as with Edge.
    return ServerStore(settings.qdrant_url, None if settings.database_url else settings.index_folder)


@dataclass(frozen=True, slots=True)
class EdgeStore:
    folder: Path
    wait_s: float = WAIT_S

    def open(self) -> AbstractContextManager[VectorIndex]:
        from faceml.storage.index.edge_index import open_edge

        return open_edge(self.folder, wait_s=self.wait_s)

    def info(self) -> CollectionInfo | None:
        from faceml.storage.index.edge_info import kept_info

        if (known := kept_info(self.folder)) is not None:
            return known
        with self.open() as index:
            return index.info()

    @property
    def takes_long(self) -> bool:
        from faceml.storage.index.edge_info import kept_points

        return kept_points(self.folder) >= MANY_POINTS

    def close(self) -> None:
        pass  # nothing is held in between


class ServerStore:
    def __init__(self, url: str, locked_folder: Path | None) -> None:
        self._locked_folder = locked_folder
        self._server = Once(lambda: _connect(url))

    @contextmanager
    def open(self) -> Iterator[VectorIndex]:
        if self._locked_folder is None:
            yield self._server()
            return
        with folder_lock(self._locked_folder, wait_s=WAIT_S):
            yield self._server()

    def info(self) -> CollectionInfo | None:
        with self.open() as index:
            return index.info()

    @property
    def takes_long(self) -> bool:
        return False

    def close(self) -> None:
        if self._server.opened is not None:
            self._server.opened.close()


def folder_lock(folder: Path, *, wait_s: float) -> AbstractContextManager[None]:
    """Hold the index in `folder`, by `<folder>.lock` beside it. Raises IndexUnavailable, at the latest after `wait_s`.

    Where there is no flock (Windows), Edge's own lock on its log, which `open_edge` waits for too, is the only guard.
    """
    return file_lock(
        folder.with_name(f"{folder.name}.lock"),
        str(os.getpid()),
        wait_s=wait_s,
        busy=lambda pid: IndexUnavailable(held_by(folder, pid or "unknown")),
        unusable=IndexUnavailable,
    )


def held_by(folder: Path, pid: str) -> str:
    holder = "another part of this process" if pid == str(os.getpid()) else f"another process (pid {pid})"
    return (
        f"the vector index {folder} is held by {holder}; wait until it is done or stop it, "
        "or set QDRANT_URL to a Qdrant server, which many processes can use at once"
    )


def _connect(url: str) -> ServerIndex:
    from faceml.storage.index.server_index import connect_server

    return connect_server(url)

"""Parts that stand in for real ones, and libraries made of them."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from faceml.config import Settings
from faceml.errors import IndexUnavailable
from faceml.library import Library
from faceml.records import PackContract
from faceml.storage.index.vector_index import CollectionInfo
from faceml.storage.sql.repository import Repository
from faceml.vision.model_packs import FacePack
from faceml.wiring import open_library

WIDTH = 128  # of the opencv-zoo pack
CONTRACT = PackContract("opencv-zoo", WIDTH, "f" * 64, "MIT", 0.36)


@dataclass(frozen=True)
class FakePack:
    """A pack that promises, and finds nothing: for libraries whose faces the test makes up."""

    contract: PackContract = CONTRACT
    provider: str = "CPUExecutionProvider"

    def detect(self, image: Any, *, min_confidence: float, min_face_size: int, size_px: int | None = None) -> Any:
        raise AssertionError("a fake pack looks at no photo")

    def embed(self, crops: Any) -> Any:
        raise AssertionError("a fake pack embeds no face")


@dataclass(frozen=True)
class LoadedPack:
    """Models that are open already, as a library's packs."""

    pack: FacePack

    def load(self) -> FacePack:
        return self.pack

    def contract(self) -> PackContract:
        return self.pack.contract


class LostIndex:
    """An index that is away for a while."""

    takes_long = False

    @contextmanager
    def open(self) -> Iterator[Any]:
        raise IndexUnavailable("the index is away for a while")
        yield

    def info(self) -> CollectionInfo | None:
        with self.open() as index:
            info: CollectionInfo | None = index.info()
            return info

    def close(self) -> None:
        pass


def library_with(pack: Any, settings: Settings) -> Library:
    """The library of these settings with models that are open already: loading them takes a second a library."""
    return replace(open_library(settings), packs=LoadedPack(pack))


class Interrupted:
    """A repository in which somebody else acts once, just before the next writing transaction begins."""

    def __init__(self, repository: Repository, act: Callable[[], object]) -> None:
        self._repository, self._act = repository, act

    def __getattr__(self, name: str) -> Any:
        return getattr(self._repository, name)

    def begin(self) -> Any:
        act, self._act = self._act, lambda: None
        act()
        return self._repository.begin()


def interrupted(library: Library, act: Callable[[], object]) -> Library:
    """The library of a run during which somebody else does something: after it read, and before it writes."""
    repository: Any = Interrupted(library.repository, act)
    return replace(library, repository=repository)


class OtherMachines:
    """Machines to which everything is taken as bytes, and which answer late: some pieces are made before."""

    name = "other machines"

    def __init__(self, *, late_by: int = 5) -> None:
        self.journeys = 0
        self._late_by = late_by

    def map(self, work: Any, shared: Any, pieces: Any, *, at_once: int = 1) -> Iterator[Any]:
        waiting: deque[Any] = deque()
        work, shared = pickle.loads(pickle.dumps((work, shared)))
        left = iter(pieces)
        while journey := list(islice(left, at_once)):
            self.journeys += 1
            waiting.append([work(*shared, piece) for piece in pickle.loads(pickle.dumps(journey))])
            if len(waiting) > self._late_by:
                yield from pickle.loads(pickle.dumps(waiting.popleft()))
        for answers in waiting:
            yield from answers

    def close(self) -> None:
        pass

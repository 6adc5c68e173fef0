"""The models in use: loaded at the start, swapped when an alias moves, kept while the registry is away."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from faceml.errors import FacemlError, Unavailable
from faceml.library import Library
from faceml.records import PackContract
from faceml.services.recognise.gallery import MatcherWay, PlainWay, Way
from faceml.services.recognise.matching import find_matcher, matching_of, open_matcher
from faceml.services.recognise.spaces import RAW, Space, open_space
from faceml.storage.registry.records import CHAMPION, RegisteredModel

WATCH_EVERY_S = 2.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """What answers are made with, replaced as a whole: a request keeps the one it began with."""

    space: Space = field(default_factory=lambda: Space(RAW))
    version: int | None = None
    matcher: RegisteredModel | None = None  # tells people apart where there is one
    loaded_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def way(self, library: Library, matcher: str = CHAMPION) -> Way:
        """How people are told apart, with the labels of now; raises as `open_matcher`."""
        if matcher != CHAMPION:
            matching = open_matcher(library, matcher)
        else:
            matching = matching_of(library, self.matcher) if self.matcher else None
        return MatcherWay(matching) if matching else PlainWay(library, self.space)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What decides which vectors are used, and who is compared how."""

    version: int | None
    checksum: str | None
    matcher: str | None  # checksum
    fingerprint: str | None  # of the pack that the library is pinned to


class Champion:
    def __init__(self, library: Library, *, on_swap: Callable[[], None] = lambda: None) -> None:
        self._library = library
        self._on_swap = on_swap
        self._loaded: _Wanted | None = None
        self.current = Served()
        self.problem: str | None = None  # why the registry, or the version it names, cannot be had now

    def refresh(self) -> None:
        """Ask the registry, and load what it names where that is not in use yet; never raises for its faults."""
        try:
            wanted = self._ask()
        except Unavailable as error:
            if self._loaded is None:
                self._load_last_seen()
            self._note(str(error))
            return
        try:
            if wanted != self._loaded:
                self._load(wanted)
        except FacemlError as error:
            self._note(str(error))
            return
        self._note(None)

    def _ask(self) -> _Wanted:
        library = self._library
        head, matcher = library.registry.ask().with_alias(CHAMPION), library.matchers.ask().with_alias(CHAMPION)
        return _wanted(head, matcher, library.repository.pack())

    def _load(self, wanted: _Wanted) -> None:
        space, matcher = open_space(self._library, CHAMPION), find_matcher(self._library, CHAMPION)
        served = Served(space, None if space.is_raw else wanted.version, matcher)
        served.way(self._library)  # its file is read now, not by the first request
        is_first = self._loaded is None
        self.current, self._loaded = served, wanted
        if not is_first:
            self._on_swap()
            log.info("in use are now %s and %s", space.name, matcher.space if matcher else "no matcher")

    def _load_last_seen(self) -> None:
        try:
            library = self._library
            self._load(_wanted(library.registry.champion(), library.matchers.champion(), library.repository.pack()))
        except FacemlError:
            log.info("no projection was seen before: raw embeddings are used until the registry answers")

    def _note(self, problem: str | None) -> None:
        if problem and problem != self.problem:
            log.warning("%s; %s stays in use", problem, self.current.space.name)
        self.problem = problem


def _wanted(champion: RegisteredModel | None, matcher: RegisteredModel | None, pinned: PackContract | None) -> _Wanted:
    return _Wanted(
        champion.version if champion else None,
        champion.checksum if champion else None,
        matcher.checksum if matcher else None,
        pinned.fingerprint if pinned else None,
    )

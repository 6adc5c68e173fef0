"""What a library holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from faceml.machines.here import HERE, Machines
from faceml.once import Latest

if TYPE_CHECKING:
    from faceml.config import Settings
    from faceml.identity.matcher_file import MatcherRecord
    from faceml.identity.projection import Head
    from faceml.storage.cache_files import GraphFiles
    from faceml.storage.index.stores import IndexStore
    from faceml.storage.registry.model_registry import ModelRegistry
    from faceml.storage.sql.repository import Repository
    from faceml.tracking import Tracking
    from faceml.vision.model_packs import Packs


@dataclass(frozen=True, slots=True)
class Library:
    """One library's parts, put together by `wiring.open_library`; each reaches for its store when it is first asked.

    A test makes one of its own parts, or takes `dataclasses.replace` to an opened one.
    """

    settings: Settings
    repository: Repository  # the truth
    index: IndexStore  # vectors to search; follows the repository
    packs: Packs  # the models that find faces
    registry: ModelRegistry[Head]  # trained projections
    matchers: ModelRegistry[MatcherRecord]  # fitted on this library
    tracking: Tracking  # runs
    graphs: GraphFiles  # neighbour graphs of former clusterings, to go on from
    machines: Machines = HERE  # that look at photos, and for neighbours
    # Told of every decision instead of the index following at once: whoever labels does not wait for it.
    index_follower: Callable[[], None] | None = None
    matching: Latest[Any] = field(default_factory=Latest, repr=False)  # kept by services.recognise.matching
    people: Latest[Any] = field(default_factory=Latest, repr=False)  # likewise by services.recognise.gallery
    thresholds: Latest[Any] = field(default_factory=Latest, repr=False)  # and by services.recognise.calibrate
    strangers: Latest[Any] = field(default_factory=Latest, repr=False)  # a matcher's, by gallery, too

    @property
    def registries(self) -> tuple[ModelRegistry[Any], ...]:
        """Of every kind of model."""
        return self.registry, self.matchers

    def close(self) -> None:
        self.repository.close()
        self.index.close()
        self.machines.close()

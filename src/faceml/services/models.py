"""What the registry holds, for a person to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from faceml.metrics.comparison import Comparison, Verdict
from faceml.services.promote import history, judge, read_comparison
from faceml.storage.registry_records import CHAMPION, RegisteredModel
from faceml.wiring import Library


@dataclass(frozen=True, slots=True)
class ModelList:
    versions: tuple[RegisteredModel, ...]  # oldest first
    champion: int | None  # None: raw embeddings are used
    history: tuple[Mapping[str, str], ...]  # of the champion, oldest first


@dataclass(frozen=True, slots=True)
class ModelSheet:
    """One version, what was measured of it, and what the gate says of it today."""

    model: RegisteredModel
    width_in: int
    width_out: int
    comparison: Comparison | None
    verdict: Verdict
    history: tuple[Mapping[str, str], ...]  # what happened to this version


def list_models(library: Library) -> ModelList:
    """All versions; none where nothing was trained yet.

    Raises:
        Unavailable.
    """
    state = library.registry.state()
    champion = state.with_alias(CHAMPION)
    return ModelList(state.versions, champion.version if champion else None, history(state))


def show_model(library: Library, selector: str | int) -> ModelSheet:
    """A version by number or alias.

    Raises:
        NotFound, Unavailable, ModelUnavailable.
    """
    registry = library.registry
    loaded = registry.load(selector)
    return ModelSheet(
        model=loaded.model,
        width_in=loaded.head.width_in,
        width_out=loaded.head.width_out,
        comparison=read_comparison(registry, loaded.model),
        verdict=judge(library, loaded.model.version),
        history=tuple(e for e in history(registry.state()) if e["version"] == str(loaded.model.version)),
    )

"""What the registry holds, for a person to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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


def verdict_lines(sheet: ModelSheet | None) -> list[str]:
    """The gate's word and its reasons, with what could not be measured."""
    if sheet is None:
        return ["Nothing is registered yet, so there is nothing to judge"]
    missing = sheet.comparison.missing if sheet.comparison else {}
    return [
        f"{sheet.model.space}: the gate {'lets it in' if sheet.verdict.promotes else 'refuses it'}",
        *(f"  - {reason}" for reason in sheet.verdict.reasons),
        *(f"  - {measure} was not measured: {why}" for measure, why in missing.items()),
    ]


def model_rows(models: ModelList) -> list[dict[str, Any]]:
    """One row a version, for a table."""
    return [
        {
            "version": model.version,
            "alias": ", ".join(model.aliases),
            "made": model.created_at.strftime("%Y-%m-%d %H:%M"),
            "kind": model.card.kind if model.card else "registered by other means",
            "pack": model.card.pack if model.card else "",
            "people": model.card.people if model.card else None,
            "faces": model.card.faces if model.card else None,
        }
        for model in models.versions
    ]


def comparison_metrics(comparison: Comparison | None) -> dict[str, float]:
    """What was measured, by candidate and measure, for a run's metrics."""
    if comparison is None:
        return {}
    return {f"{name}.{m}": f.value for name, figures in comparison.measured.items() for m, f in figures.items()}

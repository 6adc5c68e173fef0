"""`faceml models …`: the registered projections, and which of them is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from faceml.cli import show
from faceml.cli.tables import table
from faceml.config import current_actor

if TYPE_CHECKING:
    from faceml.metrics.identification import Estimate
    from faceml.services.learn.promote import ModelList, ModelSheet, PromotionReport, RollbackReport
    from faceml.storage.registry.records import RegisteredModel
    from faceml.trial.comparison import Comparison


def listing(found: ModelList) -> str:
    if not found.versions:
        return "No projection is registered: raw embeddings are used; `faceml faces train-matching` trains one"
    lines = table(("Version", "Alias", "Made", "Pack", "People", "Faces", "Kind"), map(_row, found.versions))
    used = f"version {found.champion}" if found.champion else "raw embeddings (no version is champion)"
    lines += ["", f"In use: {used}"]
    if found.history:
        lines += ["", "History:", *(f"  {_event(event)}" for event in found.history)]
    return "\n".join(lines)


def sheet(found: ModelSheet) -> str:
    model, card = found.model, found.model.card
    lines = [f"{model.space}{' (' + ', '.join(model.aliases) + ')' if model.aliases else ''}"]
    if card:
        lines += [
            f"Kind: {card.kind}, {found.width_in} to {found.width_out}",
            f"Trained on: {card.faces} faces of {card.people} people, pack {card.pack}, labels {card.snapshot}",
        ]
    lines.append(f"Made: {model.created_at:%Y-%m-%d %H:%M} UTC, MLflow run {model.run_id}")
    if found.comparison:
        lines += ["", *comparison_table(found.comparison)]
    lines += ["", f"The gate would {'let it in' if found.verdict.promotes else 'refuse it'}:"]
    lines += [f"  - {reason}" for reason in found.verdict.reasons]
    if found.history:
        lines += ["", "History:", *(f"  {_event(event)}" for event in found.history)]
    return "\n".join(lines)


def comparison_table(found: Comparison) -> list[str]:
    """What was measured on people held out: a measure a row, a candidate a column, with intervals."""
    measured = [found.measured.get(name, {}) for name in found.candidates]
    rows = [
        (f"{measure}{' *' if measure == found.primary else ''}", *(_interval(f.get(measure)) for f in measured))
        for measure in dict.fromkeys(name for figures in measured for name in figures)
    ]
    return [
        f"Held out: {found.people} people, {found.faces} faces, {found.folds} folds ({found.confidence:.0%} intervals)",
        *table(("* decides" if found.primary else "", *found.candidates), rows),
        *(f"{measure}  not measured: {why}" for measure, why in found.missing.items()),
    ]


def promotion(report: PromotionReport) -> str:
    before = f"version {report.champion_before}" if report.champion_before else "raw embeddings"
    if not report.promoted:
        head = f"Not promoted: version {report.version} does not beat what is in use ({before})"
        tail = ["--force --reason TEXT lets it in all the same"]
    else:
        head = f"Version {report.version} is the champion now; before: {before}"
        tail = ["`faceml models rollback` goes back"]
        tail += ["Let in against the gate's verdict; its history says by whom and why"] if report.forced else []
    return "\n".join([head, *(f"  - {reason}" for reason in report.reasons), *tail])


def rolled_back(report: RollbackReport) -> str:
    now = f"version {report.champion} is the champion again" if report.champion else "raw embeddings are used again"
    return f"Version {report.rolled_back} was rolled back: {now}"


def _row(model: RegisteredModel) -> tuple[object, ...]:
    card, made = model.card, f"{model.created_at:%Y-%m-%d %H:%M}"
    told = (card.pack, card.people, card.faces, card.kind) if card else (None, None, None, "registered by other means")
    return (model.version, ", ".join(model.aliases) or None, made, *told)


def _interval(found: Estimate | None) -> str | None:
    return f"{found.value:.4f} ({found.low:.4f}–{found.high:.4f})" if found else None


def _event(told: Mapping[str, str]) -> str:
    why = f": {told['why']}" if told.get("why") else ""
    return f"{told['at'][:16].replace('T', ' ')}  version {told['version']} {told['what']} by {told['by']}{why}"


@click.group()
def models() -> None:
    """List trained projections, let one in, or go back to the one before."""


@models.command("list")
@show.printed(listing)
def list_() -> object:
    """List the registered versions and what happened to the champion."""
    from faceml.services.learn.promote import list_models

    return list_models(show.open_configured())


@models.command("show")
@click.argument("version")
@show.printed(sheet)
def show_(version: str) -> object:
    """Show VERSION (a number, champion or challenger): what it is, what was measured, what the gate says."""
    from faceml.services.learn.promote import show_model

    return show_model(show.open_configured(), version)


@models.command()
@click.argument("version")
@click.option("--force", is_flag=True, help="Let it in against the gate's verdict; say why with --reason.")
@click.option("--reason", help="Why, for the history.")
@show.printed(promotion, fails=lambda report: not report.promoted)
def promote(version: str, force: bool, reason: str | None) -> object:
    """Make VERSION (a number, or challenger) the champion if it beats raw embeddings and the present champion."""
    from faceml.services.learn.promote import promote as run

    return run(show.open_configured(), version, actor=current_actor(), force=force, reason=reason)


@models.command()
@click.option("--reason", help="Why, for the history.")
@show.printed(rolled_back)
def rollback(reason: str | None) -> object:
    """Go back to the champion before this one; before the first there were raw embeddings."""
    from faceml.services.learn.promote import roll_back

    return roll_back(show.open_configured(), actor=current_actor(), reason=reason)

"""`faceml models …`: the registered projections and matchers, and which of them is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from faceml.cli import show
from faceml.cli.tables import table
from faceml.config import current_actor

if TYPE_CHECKING:
    from faceml.metrics.identification import Estimate
    from faceml.services.learn.promote import ModelList, ModelSheet, PromotionReport, RollbackReport
    from faceml.storage.registry.kinds import Kind
    from faceml.storage.registry.records import RegisteredModel
    from faceml.trial.comparison import Comparison

kind_option = click.option(
    "--kind",
    type=click.Choice(("projection", "matcher")),
    default="projection",
    show_default=True,
    help="Trained projections, or matchers fitted on the library: what those have to beat is plain cosines.",
)


def listing(found: ModelList) -> str:
    kind = _kind(found.kind)
    if not found.versions:
        return f"No {kind.noun} is registered: {kind.unused} are used; `{kind.command}` {kind.verb}s one"
    lines = table(("Version", "Alias", "Made", "Pack", "People", "Faces", "Kind"), map(_row, found.versions))
    used = f"version {found.champion}" if found.champion else f"{kind.unused} (no version is champion)"
    lines += ["", f"In use: {used}"]
    if found.history:
        lines += ["", "History:", *(f"  {_event(event)}" for event in found.history)]
    return "\n".join(lines)


def sheet(found: ModelSheet) -> str:
    model, card = found.model, found.model.card
    lines = [f"{model.space}{' (' + ', '.join(model.aliases) + ')' if model.aliases else ''}"]
    if card:
        widths = f", {found.width_in} to {found.width_out}" if found.width_in else ""
        made = "Fitted" if found.facts else "Trained"
        lines += [
            f"Kind: {card.kind}{widths}",
            f"{made} on: {card.faces} faces of {card.people} people, pack {card.pack}, labels {card.snapshot}",
        ]
    lines.append(f"Made: {model.created_at:%Y-%m-%d %H:%M} UTC, MLflow run {model.run_id}")
    lines += found.facts
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
        *(table(("* decides" if found.primary else "", *found.candidates), rows) if rows else []),
        *(f"{measures}  not measured: {why}" for measures, why in found.unmeasured()),
    ]


def promotion(report: PromotionReport) -> str:
    before = f"version {report.champion_before}" if report.champion_before else _kind(report.kind).unused
    if not report.promoted:
        head = f"Not promoted: version {report.version} does not beat what is in use ({before})"
        tail = ["--force --reason TEXT lets it in all the same"]
    else:
        head = f"Version {report.version} is the champion now; before: {before}"
        option = "" if report.kind == "projection" else f" --kind {report.kind}"
        tail = [f"`faceml models rollback{option}` goes back"]
        tail += ["Let in against the gate's verdict; its history says by whom and why"] if report.forced else []
    return "\n".join([head, *(f"  - {reason}" for reason in report.reasons), *tail])


def rolled_back(report: RollbackReport) -> str:
    unused = _kind(report.kind).unused
    now = f"version {report.champion} is the champion again" if report.champion else f"{unused} are used again"
    return f"Version {report.rolled_back} was rolled back: {now}"


def _kind(name: str) -> Kind[Any]:
    from faceml.storage.registry.kinds import MATCHERS, PROJECTIONS

    return MATCHERS if name == MATCHERS.noun else PROJECTIONS


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
@kind_option
@show.printed(listing)
def list_(kind: str) -> object:
    """List the registered versions and what happened to the champion."""
    from faceml.services.learn.promote import list_models

    return list_models(show.open_configured(), kind=kind)


@models.command("show")
@click.argument("version")
@kind_option
@show.printed(sheet)
def show_(version: str, kind: str) -> object:
    """Show VERSION (a number, champion or challenger): what it is, what was measured, what the gate says."""
    from faceml.services.learn.promote import show_model

    return show_model(show.open_configured(), version, kind=kind)


@models.command()
@click.argument("version")
@click.option("--force", is_flag=True, help="Let it in against the gate's verdict; say why with --reason.")
@click.option("--reason", help="Why, for the history.")
@kind_option
@show.printed(promotion, fails=lambda report: not report.promoted)
def promote(version: str, force: bool, reason: str | None, kind: str) -> object:
    """Make VERSION (a number, or challenger) the champion if it beats raw embeddings and the present champion."""
    from faceml.services.learn.promote import promote as run

    return run(show.open_configured(), version, actor=current_actor(), force=force, reason=reason, kind=kind)


@models.command()
@click.option("--reason", help="Why, for the history.")
@kind_option
@show.printed(rolled_back)
def rollback(reason: str | None, kind: str) -> object:
    """Go back to the champion before this one; before the first there were raw embeddings."""
    from faceml.services.learn.promote import roll_back

    return roll_back(show.open_configured(), actor=current_actor(), reason=reason, kind=kind)

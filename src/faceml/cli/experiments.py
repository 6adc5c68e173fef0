"""`faceml experiments …`: the runs in MLflow, side by side and in time."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from faceml.cli import experiment_reports, show
from faceml.cli.models import promotion
from faceml.config import current_actor

kind_option = click.option(
    "--kind", default="train", show_default=True, help="detect, cluster, train, evaluate, assign, pipeline, …"
)


def _moment(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    from faceml.options import parse_since

    return parse_since(text) if text else None


since_option = click.option(
    "--since", callback=_moment, help="Only runs begun at or after this day (YYYY-MM-DD) or moment, local time."
)
limit_option = click.option("--limit", default=50, show_default=True, help="Runs to look at, the newest.")
direction_option = click.option(
    "--lower-is-better/--higher-is-better",
    default=None,
    help="Which way is better; by default the measure's name tells (loss, eer, errors, seconds, noise: lower).",
)


@click.group()
def experiments() -> None:
    """Compare the runs that notebooks, pipelines and trainings recorded in MLflow."""


@experiments.command("list")
@click.option("--kind", help="Only this kind: detect, cluster, train, evaluate, assign, pipeline, …")
@since_option
@limit_option
@show.printed(experiment_reports.listing, listed="runs")
def list_(**asked: Any) -> object:
    """List finished runs, the newest first."""
    from faceml.services.learn.experiments import list_experiments

    return list_experiments(show.open_configured(), **asked)


@experiments.command()
@kind_option
@click.option("--by", metavar="MEASURE", help="Rank by it and mark the best; without it the newest come first.")
@direction_option
@click.option("--show", "also", multiple=True, metavar="MEASURE", help="Measures to show; may be repeated.")
@since_option
@limit_option
@click.option("--promote", is_flag=True, help="Ask the gate to let the best run's version in, as `models promote`.")
@show.as_json
def compare(promote: bool, as_json: bool, **asked: Any) -> None:
    """Compare the runs of one kind: what they measured, and the parameters, data and code in which they differ."""
    from faceml.services.learn.experiments import compare_experiments, promote_best

    library = show.open_configured()
    compared = compare_experiments(library, **asked)
    report = promote_best(library, compared, actor=current_actor()) if promote else None
    text = experiment_reports.comparison(compared, tells_how=not promote)
    best = compared.best.run_id if compared.best else None
    show.print_report(
        {**asdict(compared), "best": best, "promotion": asdict(report) if report else None},
        f"{text}\n\n{promotion(report)}" if report else text,
        as_json=as_json,
    )
    if report and not report.promoted:
        sys.exit(show.FAILED)


@experiments.command("over-time")
@click.argument("measure")
@kind_option
@direction_option
@since_option
@limit_option
@click.option("--plot", type=click.Path(path_type=Path), help="Draw it into this file too: .png, .svg or .pdf.")
@show.as_json
def over_time(measure: str, plot: Path | None, as_json: bool, **asked: Any) -> None:
    """Show how MEASURE went from run to run, the oldest first."""
    from faceml.services.learn.experiments import compare_experiments
    from faceml.tracking.experiment import history_of

    compared = compare_experiments(show.open_configured(), by=measure, **asked)
    history = history_of(compared.runs, compared.measure or measure, lower_is_better=compared.lower_is_better)
    if plot is not None:
        from faceml.plots.comparisons import over_time_plot
        from faceml.plots.style import save_figure

        save_figure(over_time_plot(history), plot)
    text = experiment_reports.history(history)
    show.print_report(history, f"{text}\n\nPlot: {plot}" if plot else text, as_json=as_json)


@experiments.command()
@click.argument("file", metavar="[SPACE.yaml]", required=False, type=click.Path(path_type=Path))
@click.option("--trials", default=60, show_default=True, help="Settings to try, those of earlier runs included.")
@click.option("--workers", default=1, show_default=True, help="Processes that try at the same time.")
@click.option("--seed", default=0, show_default=True, help="Of the order in which settings are tried.")
@click.option("--plots", type=click.Path(path_type=Path, file_okay=False), help="Draw the search into this folder.")
@click.option("--apply", "is_applied", is_flag=True, help="Let the gate make what was found this library's defaults.")
@show.as_json
def search(file: Path | None, plots: Path | None, is_applied: bool, as_json: bool, **asked: Any) -> None:
    """Search the options that suit this library best, on half of its labelled people, and judge them on the others.

    A search that was stopped goes on where it was. Without SPACE.yaml ways of telling people apart are tried.
    """
    from faceml.services.learn.search import apply_found, search_options
    from faceml.trial.search_space import USUAL, Space

    space = USUAL
    if file is not None:
        from faceml.pipelines.yaml_file import read_yaml

        space = Space.of(read_yaml(file).content)
    library = show.open_configured()
    with show.progress_bar("Trying", "settings") as on_progress:
        report = search_options(library, space, on_progress=on_progress, on_note=show.note, **asked)
    if plots is not None:
        from faceml.plots.search import draw_search
        from faceml.plots.style import save_figure

        plots.mkdir(parents=True, exist_ok=True)
        for name, figure in draw_search(report.trials, report.importance, report.objective, report.best).items():
            save_figure(figure, plots / name)
    show.print_report(report, experiment_reports.searched(report), as_json=as_json)
    if is_applied:
        step = apply_found(library, study=report.study, actor=current_actor())
        show.note(experiment_reports.own_defaults(step))


@experiments.command()
@click.argument("study", default="")
@click.option("--reason", help="Apply what the gate refused, and say why.")
@show.printed(experiment_reports.own_defaults)
def apply(study: str, reason: str | None) -> object:
    """Make what a search found this library's defaults: commands use them unless the option is given.

    STUDY is the beginning of a search's name; without it the one that was judged last.
    """
    from faceml.services.learn.search import apply_found

    return apply_found(show.open_configured(), study=study, actor=current_actor(), reason=reason)


@experiments.command()
@click.option("--revert", is_flag=True, help="Take the latest change back.")
@show.printed(experiment_reports.own_defaults)
def defaults(revert: bool) -> object:
    """Show this library's own defaults of options."""
    from faceml.config import read_settings
    from faceml.storage.own_options import own_options, revert_own_options

    home = read_settings().home
    return revert_own_options(home) if revert else own_options(home)


@experiments.command()
@click.argument("before", metavar="RUN_A")
@click.argument("after", metavar="RUN_B")
@show.printed(experiment_reports.changed)
def diff(before: str, after: str) -> object:
    """Show what changed from RUN_A to RUN_B: parameters, data, code, and what was measured.

    A run is named by the first letters of its id, 4 or more.
    """
    from faceml.services.learn.experiments import find_experiment
    from faceml.tracking.difference import difference

    library = show.open_configured()
    return difference(find_experiment(library, before), find_experiment(library, after))

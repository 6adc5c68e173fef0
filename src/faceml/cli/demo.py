"""`faceml demo`: the whole pipeline on a fresh machine, and a summary a person understands."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from faceml.addresses import sqlite_url
from faceml.cli import show
from faceml.cli.pipeline import step_progress

if TYPE_CHECKING:
    from faceml.demo.run import DemoReport
    from faceml.services.learn.evaluate import EvaluationReport, Recognition


@click.command()
@click.option("--photos", type=click.Path(path_type=Path), help="Run on your own folder instead; without truth.")
@click.option("--lfw", is_flag=True, help="Run on Labeled Faces in the Wild, which scikit-learn downloads.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Where the demo's photos and library go.",
)
def demo(photos: Path | None, lfw: bool, folder: Path) -> None:
    """Find, group, name and recognise real faces, end to end, through the notebooks."""
    from faceml.config import read_settings
    from faceml.demo.build import build_demo
    from faceml.demo.lfw import lfw_photos
    from faceml.demo.library import DemoPhotos
    from faceml.demo.run import demo_settings, run_demo
    from faceml.photo_files import photo_folder
    from faceml.pipelines.locate import find_pipeline

    if photos is not None and lfw:
        raise click.UsageError("--photos and --lfw exclude each other")
    settings = demo_settings(read_settings(), folder)
    if photos is not None:
        chosen = DemoPhotos(photo_folder(photos))
    elif lfw:
        chosen = lfw_photos(folder / "lfw")
    else:
        click.echo("Building the demo's photos from pictures in the installed packages ...")
        with show.progress_bar("Building", "photos") as on_progress:
            chosen = build_demo(folder / "photos", on_progress=on_progress)
    with step_progress() as on_step_progress:
        report = run_demo(settings, chosen, find_pipeline("demo"), on_progress=on_step_progress)
    click.echo(summary(report))


def summary(report: DemoReport) -> str:
    """What the demo found, how well, how fast, and where to look."""
    stats = report.stats
    lines = [
        "",
        f"faceml demo: done in {report.seconds:.0f} s",
        "",
        _line("Photos", f"{stats.total_photos} ({stats.photos_failed} unreadable)"),
        _line("Faces", f"{stats.total_faces}" + _found(report.first, report.later)),
        _line("People named", str(stats.active_persons)),
        _line("Clusters", f"{report.clusters}{_noise(report.first)}"),
        *_measured(report),
        *([_line("Matcher", report.matcher)] if report.matcher else []),
        *([_line("With it", _recognised(report.with_matcher))] if report.with_matcher else []),
        *([_line("Projection", report.gate)] if report.gate else []),
        _line("Seconds", " · ".join(f"{step.name} {step.seconds:.0f}" for step in report.run.steps)),
        "",
        _line("Look at", _short(report.pictures[0])),
        _line("", _short(report.pictures[1])),
        _line("", f"{_short(report.run.folder or report.home)}/*.ipynb (the executed notebooks)"),
        "",
        *([_line("Left to you", _left(report))] if report.left_to_name else []),
        *what_to_try(report.home),
    ]
    return "\n".join(lines)


def what_to_try(home: Path) -> list[str]:
    """Commands that work in this folder; a relative FACEML_HOME starts at the project's root."""
    from faceml.config import find_root

    root = find_root().folder
    home = home.relative_to(root) if home.is_relative_to(root) else home
    with_home = f"FACEML_HOME={quote(str(home))}"
    if (root / "Makefile").is_file():  # the checkout
        lab, stats, runs = f"{with_home} make lab", ".venv/bin/faceml faces stats", "make mlflow"
    else:
        laid_out = "" if (root / "notebooks").is_dir() else "faceml init . && "
        lab, stats = f"{laid_out}{with_home} jupyter lab notebooks", "faceml faces stats"
        runs = f"mlflow ui --backend-store-uri {quote(sqlite_url(Path(_short(root / 'mlruns' / 'mlflow.db'))))}"
    return [
        _line("Try next", f"{lab}      label the faces in JupyterLab"),
        _line("", f"{with_home} {stats}"),
        _line("", f"{runs}      compare the runs"),
    ]


def _measured(report: DemoReport) -> list[str]:
    if report.first is None or report.first.clusters is None:
        return [_line("Measured", "nothing: nobody has said who is who on these photos")]
    bcubed = report.first.clusters.bcubed
    lines = [_line("BCubed", f"precision {bcubed.precision:.3f}, recall {bcubed.recall:.3f}, F {bcubed.f:.3f}")]
    if report.later is not None:
        lines.append(_line("Recognised", _recognised(report.later.recognition)))
    return lines


def _recognised(asked: Recognition) -> str:
    return (
        f"{asked.right} of {asked.faces - asked.strangers} faces on the photos held back ({asked.right_share:.1%}), "
        f"{asked.wrong} wrong; {asked.strangers - asked.strangers_named} of {asked.strangers} strangers left unnamed"
    )


def _left(report: DemoReport) -> str:
    names = f"{report.left_to_name} groups to name (the demo took their names back: `faceml people history`)"
    return f"{names}, {report.left_to_confirm} recognised faces to confirm"


def _found(first: EvaluationReport | None, later: EvaluationReport | None) -> str:
    both = [report for report in (first, later) if report is not None]
    if not both:
        return ""
    found, labels = sum(report.faces_found for report in both), sum(report.labels for report in both)
    return f" ({found} of the {labels} that are on the photos, {found / labels:.1%})"


def _noise(first: EvaluationReport | None) -> str:
    return f" ({first.clusters.noise_share:.1%} of the faces in no cluster)" if first and first.clusters else ""


def _line(name: str, text: str) -> str:
    return f"{name:13} {text}"


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)

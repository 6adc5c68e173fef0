"""The library as a whole: `faceml init`, `ingest`, `label`, `evaluate`, `doctor`, `settings`, `backup`, `restore`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from faceml.cli import experiment_reports, photo_reports, reports, show
from faceml.cli.tables import table
from faceml.config import current_actor
from faceml.home import from_home
from faceml.options import AssignOptions, DetectOptions
from faceml.path_text import path_text

if TYPE_CHECKING:
    from faceml.config import ShownSetting
    from faceml.services.operate.backup import BackupReport
    from faceml.services.operate.doctor import DoctorReport
    from faceml.services.operate.restore import RestoreReport
    from faceml.services.photos.missing import MissingPhoto


def _setting(item: ShownSetting) -> str:
    return f"{item.name:20} {item.value or '-':40} ({item.source}) {item.help}"


def _examined(report: DoctorReport) -> str:
    lines = []
    for finding in report.findings:
        lines.append(f"{finding.level:5} {finding.subject:12} {finding.detail}")
        if finding.fix:
            lines.append(f"{'':18} fix: {finding.fix}")
    return "\n".join([*lines, "", *map(_setting, report.settings)])


def _missing(photos: Sequence[MissingPhoto]) -> str:
    if not photos:
        return "No photo is missing"
    rows = [(photo.path, photo.faces, f"{photo.since.astimezone():%Y-%m-%d %H:%M}") for photo in photos]
    advice = "They come back with their files (`faceml ingest`); `faceml photos forget-missing` forgets them for good"
    return "\n".join([*table(("Photo", "Faces", "Missing since"), rows), "", advice])


def _backed_up(report: BackupReport) -> str:
    champion = f", champion {report.champion}" if report.champion else ""
    lines = [
        f"Backup: {path_text(report.file)} ({report.size_bytes / 1e6:.1f} MB)",
        _held(report),
        f"Models: {report.models}{champion}",
        "Checked: restored into a temporary folder, every row the same" if report.is_checked else "Not checked",
        *(f"Left out: {reason}" for reason in report.left_out),
        f"Time: {report.seconds:.1f} s",
        "Not in it: the photos themselves, executed notebooks, MLflow's runs. Keep it safe: it holds biometric data.",
    ]
    return "\n".join(lines)


def _restored(report: RestoreReport) -> str:
    lines = [
        f"Restored into {path_text(report.home)}, as of {report.made_at}",
        _held(report),
        f"Models: {report.models}",
        *(f"Note: {note}" for note in report.notes),
        f"Time: {report.seconds:.1f} s",
    ]
    if report.index_backlog:
        lines.append(f"Waiting for the index: {report.index_backlog} points (the next command brings them over)")
    return "\n".join(lines)


def _held(report: BackupReport | RestoreReport) -> str:
    return (
        f"Photos known: {report.photos}, faces: {report.faces}, people: {report.people}, decisions: {report.decisions}"
    )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@show.track_option
@show.printed(photo_reports.ingested)
def ingest(folder: Path) -> object:
    """Take the photos below FOLDER into the library; only new, changed and moved files cost time.

    What is left out is named with the reason; a file .facemlignore (as .gitignore) leaves out more, or less.
    """
    from faceml.services.index.drain import drain_outbox
    from faceml.services.photos.ingest import ingest_folder
    from faceml.tracking.steps import ingest_run

    library, usual = show.open_configured(is_new_meant=True), DetectOptions()
    with show.recorded(library, "ingest") as record, show.progress_bar("Reading", "photos") as on_progress:
        report = ingest_folder(library.repository, folder, on_progress=on_progress)
        with library.repository.read() as unit:
            waiting = unit.assets.count_waiting(min_confidence=usual.min_confidence, min_face_size=usual.min_face_size)
        record(ingest_run(path_text(folder), report, waiting=waiting))
    drain_outbox(library)  # a search finds no face of a photo that went
    return report


@click.command()
@click.option("--port", default=8001, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--no-browser", is_flag=True, help="Only say where the page is.")
def label(port: int, no_browser: bool) -> None:
    """Name faces on a page in the browser, served on this machine alone until Ctrl-C."""
    command = [sys.executable, "-m", "serving", "--port", str(port), *([] if no_browser else ["--open"])]
    os.execv(sys.executable, command)  # in this process's place: what ends it ends the service


@click.group()
def photos() -> None:
    """Look after the library's photos."""


@photos.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@show.printed(_missing, listed="missing")
def missing(folder: Path | None) -> object:
    """List photos whose files were gone when their folder was last ingested, below FOLDER (default: all)."""
    from faceml.services.photos.missing import list_missing

    return list_missing(show.open_configured().repository, folder)


@photos.command("forget-missing")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--yes", is_flag=True, help="Forget; without it, say what that would take.")
@show.printed(fails=lambda report: bool(report.not_gone_yet))
def forget_missing(folder: Path | None, yes: bool) -> object:
    """Forget missing photos and their faces for good; below FOLDER also those that look offline. No undo."""
    from faceml.services.photos.missing import forget_missing as run

    return run(show.open_configured(), folder, is_confirmed=yes, actor=current_actor())


@photos.command()
@click.option("--limit", default=20, show_default=True, help="Bursts to list.")
@show.printed(photo_reports.bursts, listed="bursts")
def bursts(limit: int) -> object:
    """List photos with faces that were taken in a row, or are copies of each other; the largest bursts first."""
    from faceml.services.photos.follow import list_bursts

    return list_bursts(show.open_configured().repository, limit=limit)


@click.command()
@click.option(
    "--labels", type=click.Path(path_type=Path), required=True, help="CSV: path, person, and x,y,w,h where known."
)
@click.option("--photos", type=click.Path(path_type=Path), help="Only labels of photos below this folder.")
@click.option("--again", is_flag=True, help="Also who would be named now, by --model, --matcher and --threshold.")
@show.offers(AssignOptions, "threshold")
@show.model_option
@show.matcher_option
@show.printed(reports.evaluation)
def evaluate(
    labels: Path, photos: Path | None, again: bool, threshold: float | str, model: str, matcher: str
) -> object:
    """Measure clusters and names against labels that are known."""
    from faceml.services.learn.evaluate import evaluate_labels, recognise_again
    from faceml.services.recognise.gallery import open_way

    library = show.open_configured()
    report = evaluate_labels(library.repository, labels, photos=photos)
    if not again:
        return report
    way = open_way(library, model, matcher)
    named = recognise_again(library, labels, way, threshold=threshold, photos=photos)
    return replace(report, again=named, again_by=way.name)


@click.command()
@click.option("--groups", type=click.Path(path_type=Path), help="CSV: face_id or person, and columns that group these.")
@show.printed(experiment_reports.sliced)
def slices(groups: Path | None) -> object:
    """Measure whether parts of the library are served alike: by quality, year, likeness, and your own groups.

    Asked are the gate's questions: each labelled photo as if it were new, each person once as a stranger. What is
    marked * is apart from all faces together beyond the noise.
    """
    from faceml.services.learn.evaluate import slice_library

    return slice_library(show.open_configured(), groups=groups)


@click.command()
@show.printed(_examined, fails=lambda report: not report.is_well)
def doctor() -> object:
    """Look at packages, models, stores, disk and settings; each finding comes with its fix. Changes nothing."""
    from faceml.services.operate.doctor import examine

    return examine(show.open_configured())


@click.command()
@show.as_json
def settings(as_json: bool) -> None:
    """Show every setting, its value and where it came from."""
    from faceml.config import read_settings, show_settings

    found = read_settings()
    shown, root = show_settings(found), found.root
    if as_json:
        report = {item.name: {"value": item.value, "source": item.source} for item in shown}
        show.print_report({**report, "root": {"value": root.folder, "source": root.marker}}, as_json=True)
        return
    lines = [_setting(item) for item in shown]
    click.echo("\n".join([*lines, f"{'(root)':20} {root.folder!s:40} ({root.marker}) where relative paths start"]))


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--no-check", is_flag=True, help="Do not try the backup by restoring it into a temporary folder.")
@show.printed(_backed_up)
def backup(file: Path, no_check: bool) -> object:
    """Write people, decisions, faces, vectors and models to FILE; photos are not in it."""
    from faceml.services.operate.backup import back_up

    return back_up(show.open_configured(), file, check=not no_check)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@show.printed(_restored)
def restore(file: Path) -> object:
    """Bring a backup back into an empty FACEML_HOME; photos are expected at their old places."""
    from faceml.services.operate.restore import restore as run

    settings = show.open_configured().settings
    with show.progress_bar("Building the index", "points") as on_progress:
        return run(settings, file, on_progress=on_progress)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Lay out the notebooks, the pipelines and a commented .env in DIR; nothing there is overwritten."""
    from faceml.project import lay_out_project

    made = lay_out_project(from_home(folder).resolve())
    click.echo(
        f"{made.folder} holds {made.notebooks} notebooks, {made.pipelines} pipelines and a .env for your settings.\n\n"
        f"Next   cd {quote(str(made.folder))}\n"
        "       faceml demo                   see it work, on faces that come with the packages\n"
        "       jupyter lab notebooks         open the notebooks\n"
        "       faceml pipeline run nightly -p photos=~/Pictures"
    )

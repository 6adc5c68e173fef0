"""`faceml ingest`, `faceml evaluate`, `faceml doctor` and `faceml settings`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from faceml.cli import reports, show

if TYPE_CHECKING:
    from faceml.config import ShownSetting
    from faceml.services.operate.doctor import DoctorReport


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@show.as_json
def ingest(folder: Path, as_json: bool) -> None:
    """Take the photos below FOLDER into the library; only new, changed and moved files cost time."""
    from faceml.services.photos.ingest import ingest_folder

    library = show.open_configured()
    with show.progress_bar("Reading", "photos") as on_progress:
        report = ingest_folder(library.repository, folder, on_progress=on_progress)
    show.print_report(report, as_json=as_json)


@click.command()
@click.option("--labels", type=click.Path(path_type=Path), required=True, help="CSV: path, person, maybe x,y,w,h.")
@click.option("--photos", type=click.Path(path_type=Path), help="Only labels of photos below this folder.")
@show.as_json
def evaluate(labels: Path, photos: Path | None, as_json: bool) -> None:
    """Measure clusters and names against labels that are known."""
    from faceml.services.learn.evaluate import evaluate_labels

    report = evaluate_labels(show.open_configured().repository, labels, photos=photos)
    show.print_report(report, reports.evaluation(report), as_json=as_json)


@click.command()
@show.as_json
def doctor(as_json: bool) -> None:
    """Look at packages, models, stores, disk and settings; each finding comes with its fix. Changes nothing."""
    from faceml.services.operate.doctor import examine

    report = examine(show.open_configured())
    show.print_report(report, _examined(report), as_json=as_json)
    if not report.is_well:
        sys.exit(1)


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


def _setting(item: ShownSetting) -> str:
    return f"{item.name:20} {item.value or '-':40} ({item.source}) {item.help}"


def _examined(report: DoctorReport) -> str:
    lines = []
    for finding in report.findings:
        lines.append(f"{finding.level:5} {finding.subject:12} {finding.detail}")
        if finding.fix:
            lines.append(f"{'':18} fix: {finding.fix}")
    return "\n".join([*lines, "", *map(_setting, report.settings)])

"""`faceml backup` and `faceml restore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from faceml.cli import show

if TYPE_CHECKING:
    from faceml.services.operate.backup import BackupReport
    from faceml.services.operate.restore import RestoreReport


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--no-check", is_flag=True, help="Do not try the backup by restoring it into a temporary folder.")
@show.as_json
def backup(file: Path, no_check: bool, as_json: bool) -> None:
    """Write people, decisions, faces, vectors and models to FILE; photos are not in it."""
    from faceml.services.operate.backup import back_up

    report = back_up(show.open_configured(), file, check=not no_check)
    show.print_report(report, _backed_up(report), as_json=as_json)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@show.as_json
def restore(file: Path, as_json: bool) -> None:
    """Bring a backup back into an empty FACEML_HOME; photos are expected at their old places."""
    from faceml.services.operate.restore import restore as run

    settings = show.open_configured().settings
    with show.progress_bar("Building the index", "points") as on_progress:
        report = run(settings, file, on_progress=on_progress)
    show.print_report(report, _restored(report), as_json=as_json)


def _backed_up(report: BackupReport) -> str:
    champion = f", champion {report.champion}" if report.champion else ""
    lines = [
        f"Backup: {report.file} ({report.size_bytes / 1e6:.1f} MB)",
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
        f"Restored into {report.home}, as of {report.made_at}",
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

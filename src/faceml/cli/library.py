"""`faceml ingest` and `faceml settings`."""

from __future__ import annotations

from pathlib import Path

import click

from faceml.cli import show


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@show.as_json
def ingest(folder: Path, as_json: bool) -> None:
    """Take the photos below FOLDER into the library; only new, changed and moved files cost time."""
    from faceml.services.ingest import ingest_folder

    library = show.open_configured()
    with show.progress_bar("Reading", "photos") as on_progress:
        report = ingest_folder(library, folder, on_progress=on_progress)
    show.print_report(report, as_json=as_json)


@click.command()
@show.as_json
def settings(as_json: bool) -> None:
    """Show every setting, its value and where it came from."""
    from faceml.config import read_settings, show_settings

    shown = show_settings(read_settings())
    if as_json:
        show.print_report({item.name: {"value": item.value, "source": item.source} for item in shown}, as_json=True)
        return
    for item in shown:
        click.echo(f"{item.name:20} {item.value or '-':40} ({item.source}) {item.help}")

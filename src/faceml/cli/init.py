"""`faceml init`: a folder to work in, outside faceml's checkout."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Lay out the notebooks, the pipelines and a commented .env in DIR; nothing there is overwritten."""
    from faceml.project import lay_out_project

    made = lay_out_project(folder.expanduser().resolve())
    click.echo(
        f"{made.folder} holds {made.notebooks} notebooks, {made.pipelines} pipelines and a .env for your settings.\n\n"
        f"Next   cd {made.folder}\n"
        "       faceml demo                   see it work, on faces that come with the packages\n"
        "       jupyter lab notebooks         open the notebooks\n"
        "       faceml pipeline run nightly -p photos=~/Pictures"
    )

"""Faces to and from other programs: names in photos, boxes in annotation tools, vectors in Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from faceml.cli import show
from faceml.cli.photo_reports import left_out
from faceml.cli.tables import listed
from faceml.config import current_actor

if TYPE_CHECKING:
    from faceml.services.exchange.annotations import AnnotationImportReport
    from faceml.services.exchange.export import XmpExportReport
    from faceml.services.exchange.import_xmp import XmpImportReport
    from faceml.services.exchange.vectors import VectorImportReport


def _exported(report: XmpExportReport) -> str:
    lines = [
        f"Photos with names: {report.photos}",
        f"Names in sidecars: {report.faces}",
        f"Sidecars written: {report.sidecars_written} ({report.sidecars_unchanged} were up to date)",
    ]
    if report.names_removed:
        lines.append(f"Names taken out again: {report.names_removed}")
    if report.recognised_left_out:
        lines.append(f"Recognised, but confirmed by nobody: {report.recognised_left_out} left out (--recognised)")
    if report.videos_left_out:
        lines.append(f"Videos with names: {report.videos_left_out} left out (regions in XMP have no time)")
    lines += listed("Named otherwise in the sidecar, left as is (import-xmp takes such names over)", report.disputed)
    return "\n".join(lines + listed("Skipped", report.skipped))


def _imported(report: XmpImportReport) -> str:
    lines = [
        f"Photos of the library: {report.photos}, with names in XMP: {report.photos_with_names}",
        f"Names of faces: {report.names}",
        f"Faces labeled: {report.faces_labeled} (people: {report.people})",
        f"Already labeled so: {report.already_labeled}",
        f"Decided otherwise here, left as is: {report.decided_otherwise}",
        f"No face found at the place: {report.without_face}",
    ]
    if report.guesses_skipped:
        lines.append(f"Written by recognition, confirmed by nobody: {report.guesses_skipped} skipped")
    if report.without_face:
        lines.append("Where photos wait for detection, run `faceml faces backfill` and import again")
    if report.photos_not_ingested:
        lines.append(f"Photos not in the library: {report.photos_not_ingested} (`faceml ingest` takes them in)")
    return "\n".join(lines + listed("Skipped", report.skipped) + left_out(report.left_out))


@click.command("export-xmp")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--recognised", is_flag=True, help="Also names that recognition gave and nobody confirmed.")
@show.printed(_exported)
def export_xmp(folder: Path | None, recognised: bool) -> object:
    """Write names as XMP sidecars beside the photos below FOLDER (default: all); photos stay untouched."""
    from faceml.services.exchange.export import export_xmp as run

    library = show.open_configured()
    with show.progress_bar("Writing", "photos") as on_progress:
        return run(library.repository, folder, recognised=recognised, on_progress=on_progress)


@click.command("import-xmp")
@click.argument("folder", type=click.Path(path_type=Path))
@show.printed(_imported)
def import_xmp(folder: Path) -> object:
    """Label faces by the names in XMP sidecars and photos below FOLDER (digiKam, Immich, Picasa, Lightroom)."""
    from faceml.services.exchange.import_xmp import import_xmp as run

    library = show.open_configured()
    with show.progress_bar("Reading", "photos") as on_progress:
        report = run(library, folder, actor=current_actor(), on_progress=on_progress)
    show.keep_matcher(library)
    return report


@click.command("export-fiftyone")
@click.argument("folder", type=click.Path(path_type=Path))
@show.printed()
def export_fiftyone(folder: Path) -> object:
    """Write photos and faces as a dataset for FiftyOne into a new FOLDER; photos are pointed at, not copied."""
    from faceml.services.exchange.annotations import export_fiftyone as run

    return run(show.open_configured().repository, folder)


root_option = click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=Path("/"),
    show_default=True,
    help="LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT: the folder that Label Studio serves photos from.",
)


@click.command("export-label-studio")
@click.argument("folder", type=click.Path(path_type=Path))
@root_option
@show.printed()
def export_label_studio(folder: Path, root: Path) -> object:
    """Write photos and faces as tasks for Label Studio, with its labelling interface, into a new FOLDER."""
    from faceml.services.exchange.annotations import export_label_studio as run

    return run(show.open_configured().repository, folder, root=root.absolute())


def _decided(report: AnnotationImportReport) -> str:
    lines = [
        f"Boxes: {report.boxes}",
        f"Faces named: {report.faces_named}",
        f"Faces corrected: {report.faces_corrected}",
        f"Faces confirmed: {report.faces_confirmed}",
        f"Faces dismissed: {report.faces_dismissed}",
        f"Unchanged: {report.unchanged}",
        f"Decisions: {report.decisions} (`faceml people history` lists them, `faceml people undo` takes one back)",
    ]
    return "\n".join(lines + listed("Skipped", report.skipped))


@click.command("import-fiftyone")
@click.argument("folder", type=click.Path(path_type=Path))
@show.printed(_decided)
def import_fiftyone(folder: Path) -> object:
    """Take over what was corrected in FiftyOne: labels and tags of faces in a FiftyOneDataset's FOLDER."""
    from faceml.services.exchange.annotations import import_fiftyone as run

    library = show.open_configured()
    report = run(library, folder, actor=current_actor())
    show.keep_matcher(library)
    return report


@click.command("import-label-studio")
@click.argument("file", type=click.Path(path_type=Path))
@root_option
@show.printed(_decided)
def import_label_studio(file: Path, root: Path) -> object:
    """Take over what was submitted in Label Studio, from the FILE that it exports as JSON."""
    from faceml.services.exchange.annotations import import_label_studio as run

    library = show.open_configured()
    report = run(library, file, root=root.absolute(), actor=current_actor())
    show.keep_matcher(library)
    return report


def _taken_in(report: VectorImportReport) -> str:
    lines = [
        f"Photos taken in: {report.photos_taken_in}",
        f"New faces: {report.faces_added}",
        f"Looked at before, left as is: {report.photos_known}",
    ]
    if report.photos_edited:
        lines.append(f"Edited or replaced since they were looked at: {report.photos_edited} (`faceml faces backfill`)")
    if report.photos_not_ingested:
        lines.append(f"Photos not in the library: {report.photos_not_ingested} (`faceml ingest` takes them in)")
    if report.faces_left_out:
        lines.append(f"Faces of somebody who was erased, left out: {report.faces_left_out}")
    if report.index_backlog:
        lines.append(f"Waiting for the index: {report.index_backlog}")
    return "\n".join(lines)


@click.group()
def vectors() -> None:
    """Take vectors elsewhere and back, so that any engine can do the embedding."""


@vectors.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@show.printed()
def export_vectors(folder: Path) -> object:
    """Write every face with box, landmarks and vector as Parquet files into a new DIR."""
    from faceml.services.exchange.vectors import export_shards

    return export_shards(show.open_configured().repository, folder)


@vectors.command("import")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@show.printed(_taken_in)
def import_vectors(folder: Path) -> object:
    """Store the faces in DIR's Parquet files of photos that were taken in and not looked at yet."""
    from faceml.services.exchange.vectors import import_shards

    library = show.open_configured()
    with show.progress_bar("Reading", "rows") as on_progress:
        return import_shards(library, folder, on_progress=on_progress)

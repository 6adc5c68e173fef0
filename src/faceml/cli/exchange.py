"""Faces to and from other programs: `faceml faces export-xmp`, `import-xmp` and `export-fiftyone`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from faceml.cli import show
from faceml.cli.photo_reports import left_out
from faceml.cli.tables import listed
from faceml.config import current_actor

if TYPE_CHECKING:
    from faceml.services.exchange.export_xmp import XmpExportReport
    from faceml.services.exchange.import_xmp import XmpImportReport


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
    from faceml.services.exchange.export_xmp import export_xmp as run

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
    from faceml.services.exchange.export import export_fiftyone as run

    return run(show.open_configured().repository, folder)

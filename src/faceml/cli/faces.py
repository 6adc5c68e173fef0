"""`faceml faces …`: the specification's commands, chapter CLI Reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import click

from faceml.cli import completion, identity_reports, photo_reports, reports, show
from faceml.config import current_actor
from faceml.options import AssignOptions, ClusterOptions, DetectOptions, DualOptions


@click.group(cls=show.TaskGroup)
def faces() -> None:
    """Find, group, name and recognise faces."""


@faces.command("ensure-collection")
@show.printed()
def ensure_collection() -> object:
    """Ensure the Qdrant faces collection exists with proper indexes."""
    from faceml.vector.face_qdrant import FaceQdrantClient

    client = FaceQdrantClient(show.open_configured())
    client.ensure_collection()
    return client.get_collection_info()


@faces.command()
@show.takes(DetectOptions)
@show.track_option
@show.on_option
@show.printed(reports.detection, job="backfill_faces_job")
def backfill(options: DetectOptions, on: str | None) -> object:
    """Backfill face detection for existing assets without faces."""
    from faceml.services.photos.detect import backfill_faces
    from faceml.tracking.steps import detect_run

    library = show.open_configured(on=on)
    with show.recorded(library, "detect") as record, show.progress_bar("Detecting", "photos") as on_progress:
        report = backfill_faces(library, options, on_progress=on_progress)
        record(detect_run(options, report))
    return report


@faces.command()
@show.takes(ClusterOptions)
@show.track_option
@show.on_option
@show.printed(reports.clustering, job="cluster_faces_job")
def cluster(options: ClusterOptions, on: str | None) -> object:
    """Cluster unlabeled faces using HDBSCAN."""
    from faceml.services.cluster.cluster import cluster_faces
    from faceml.services.cluster.dual import key_figures
    from faceml.tracking.steps import cluster_run

    library = show.open_configured(on=on)
    with show.recorded(library, "cluster") as record, show.progress_bar("Grouping", "steps") as on_progress:
        report = cluster_faces(library, options, on_note=show.note, on_progress=on_progress)
        record(cluster_run("single", options, report.model_version, key_figures(report), report.seconds))
    if options.refit:
        show.keep_matcher(library)
    return report


@faces.command("cluster-dual")
@show.takes(DualOptions)
@show.track_option
@show.on_option
@show.printed(reports.dual, job="cluster_dual_job")
def cluster_dual(options: DualOptions, on: str | None) -> object:
    """Assign faces to known persons, then group the unknown ones."""
    from faceml.services.cluster.dual import cluster_dual as run
    from faceml.services.cluster.dual import key_figures
    from faceml.tracking.steps import cluster_run

    library = show.open_configured(on=on)
    with show.recorded(library, "cluster") as record, show.progress_bar("Grouping", "steps") as on_progress:
        report = run(library, options, on_note=show.note, on_progress=on_progress)
        record(cluster_run("dual", options, report.model_version, key_figures(report), report.seconds))
    if options.refit:
        show.keep_matcher(library)
    return report


@faces.command()
@click.option("--fmr", default=1e-3, show_default=True, help="Share of strangers' faces that may get a name.")
@show.model_option
@show.matcher_option
@show.track_option
@show.printed(reports.calibrated)
def calibrate(fmr: float, model: str, matcher: str) -> object:
    """Read the assignment threshold off the library's own labels, and say which strangers would pass."""
    from faceml.services.recognise.calibrate import calibrate_library
    from faceml.tracking.steps import calibrate_run

    library = show.open_configured()
    with show.recorded(library, "calibrate") as record:
        report = calibrate_library(library, fmr=fmr, model=model, matcher=matcher)
        record(calibrate_run(report.model_version, report.threshold, fmr=fmr))
    return report


@faces.command()
@click.argument("face_id", type=click.UUID)
@click.option("--model", help="Vectors to compare; without it those that assigned the face.")
@click.option("--matcher", help="How people are told apart; without it as when the face was assigned.")
@show.printed(identity_reports.explanation)
def explain(face_id: UUID, model: str | None, matcher: str | None) -> object:
    """Say why a face is under the person it is under: nearest prototypes, similarities, model."""
    from faceml.services.recognise.identify import explain_face

    return explain_face(show.open_configured(), face_id, model=model, matcher=matcher)


@faces.command()
@click.argument("photo", type=click.Path(path_type=Path))
@show.offers(AssignOptions, "threshold")
@show.offers(DetectOptions, "min_confidence")
@show.offers(DetectOptions, "min_face_size")
@show.offers(DetectOptions, "detection_size")
@show.model_option
@show.matcher_option
@show.printed(identity_reports.identification)
def identify(photo: Path, model: str, matcher: str, **given: Any) -> object:
    """Say who is on a photo that need not be in the library; nothing of it is kept."""
    from faceml.services.recognise.gallery import open_way
    from faceml.services.recognise.identify import identify_photo

    library = show.open_configured()
    return identify_photo(library, photo, way=open_way(library, model, matcher), **given)


@faces.command()
@show.paged("Clusters")
@click.option("--include-labeled", is_flag=True, help="Also clusters that have a name.")
@click.option("--sheet", type=click.Path(path_type=Path), help="Draw these clusters as a contact sheet (PNG).")
@show.printed(reports.cluster_page)
def clusters(include_labeled: bool, sheet: Path | None, **page: Any) -> object:
    """List clusters, largest first, and draw them."""
    from faceml.services.review.browse import list_clusters
    from faceml.services.review.sheets import draw_clusters

    library = show.open_configured()
    found = list_clusters(library.repository, include_labeled=include_labeled, **page)
    if sheet is not None:
        draw_clusters(library, found.items).save(sheet)
    return found


@faces.command()
@click.argument("cluster_id", shell_complete=completion.clusters)
@click.argument("name", shell_complete=completion.people)
@show.printed()
def label(cluster_id: str, name: str) -> object:
    """Say who a cluster is: all its faces go under the person NAME."""
    from faceml.services.decisions.label import label_cluster

    return label_cluster(show.open_configured(), cluster_id, name, actor=current_actor())


@faces.command()
@show.takes(AssignOptions)
@show.track_option
@show.printed(reports.assignment, job="assign_faces_job")
def assign(options: AssignOptions) -> object:
    """Assign new faces to known persons via prototype matching."""
    from faceml.services.recognise.assign import assign_faces
    from faceml.tracking.steps import assign_run

    library = show.open_configured()
    with show.recorded(library, "assign") as record:
        report = assign_faces(library, options)
        record(assign_run(options, report))
    return report


@faces.command()
@show.printed(job="compute_centroids_job")
def centroids() -> object:
    """Compute/update person centroid embeddings."""
    from faceml.services.decisions.people import compute_centroids

    return compute_centroids(show.open_configured())


@faces.command()
@show.printed(reports.statistics)
def stats() -> object:
    """Show face detection and recognition statistics."""
    from faceml.services.operate.status import read_stats

    return read_stats(show.open_configured())


@faces.command()
@show.paged("Photos")
@show.printed(photo_reports.unreadable_page)
def unreadable(**page: Any) -> object:
    """List the photos that could not be read when they were looked at last, with the reason."""
    from faceml.services.review.browse import list_unreadable

    return list_unreadable(show.open_configured().repository, **page)


@faces.command("find-orphans")
@click.option("--limit", default=100, show_default=True, help="Maximum faces to check.")
@click.option("--fix", is_flag=True, help="Write missing points again; detect again where no vector is stored.")
@show.as_json
def find_orphans(limit: int, fix: bool, as_json: bool) -> None:
    """Find and optionally fix orphaned faces (faces in the database without vectors in the index)."""
    from faceml.services.index import repair

    library = show.open_configured()
    with show.progress_bar("Comparing", "faces") as on_progress:
        if not fix:
            report = repair.find_orphans(library, limit=limit, on_progress=on_progress)
            show.print_report(report, reports.orphans(report, limit), as_json=as_json)
            return
        report, repaired = repair.fix_orphans(library, limit=limit, on_progress=on_progress)
    text = reports.orphans(report, limit, is_fixed=True) + "\n" + reports.repair(report, repaired)
    show.print_report({"found": report, "repaired": repaired}, text, as_json=as_json)


@faces.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--vectors", is_flag=True, help="Embeddings, with people and photos as numbers.")
@show.printed()
def export(file: Path, vectors: bool) -> object:
    """Write every face to FILE (.csv or .parquet; with --vectors .npz)."""
    repository = show.open_configured().repository
    if vectors:
        from faceml.services.exchange.vectors import export_vectors

        return export_vectors(repository, file)
    from faceml.services.exchange.export import export_faces

    return export_faces(repository, file)


@faces.command("import-labels")
@click.argument("file", type=click.Path(path_type=Path))
@show.printed(reports.imported)
def import_labels(file: Path) -> object:
    """Label faces from a CSV with person_name (or person), and face_id or path (for photos with one face)."""
    from faceml.services.exchange.import_labels import import_labels as run

    library = show.open_configured()
    report = run(library, file, actor=current_actor())
    show.keep_matcher(library)
    return report


@faces.command("photos")
@click.argument("people", nargs=-1, required=True, shell_complete=completion.people)
@show.paged("Photos")
@show.printed(photo_reports.photos_with)
def photos(people: tuple[str, ...], **page: Any) -> object:
    """List photos on which all of PEOPLE are, the newest first."""
    from faceml.services.review.browse import photos_with

    return photos_with(show.open_configured().repository, people, **page)


@faces.command()
@click.argument("face_ids", metavar="[FACE_ID]...", nargs=-1, type=click.UUID)
@click.option("--photo", type=click.Path(path_type=Path), help="Search with the faces on this file instead.")
@click.option("--photos", "is_by_photo", is_flag=True, help="List photos with faces like all of them.")
@click.option("--limit", default=20, show_default=True, help="Faces or photos to list, 1000 at most.")
@show.printed(photo_reports.alike)
def like(face_ids: tuple[UUID, ...], photo: Path | None, is_by_photo: bool, limit: int) -> object:
    """Find faces like these, named or not, or photos with faces like all of them."""
    from faceml.services.recognise.spaces import search_faces, search_photos

    search = search_photos if is_by_photo else search_faces
    return search(show.open_configured(), face_ids, photo, limit=limit)

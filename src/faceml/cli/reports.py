"""Reports as a person reads them; those of the specification are spelled as it spells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faceml.services.assign import AssignReport
    from faceml.services.browse import ClusterPage
    from faceml.services.cluster import ClusterReport
    from faceml.services.detect import DetectReport
    from faceml.services.import_labels import ImportReport
    from faceml.services.repair import OrphanReport, RepairReport
    from faceml.services.stats import StatsReport

RULE = "=" * 50
MOST_LINES = 10


def detection(report: DetectReport) -> str:
    lines = [
        f"Photos processed: {report.processed}",
        f"Faces in them: {report.total_faces}",
        f"New faces: {report.faces_added}",
        f"Photos that could not be read: {report.errors}",
        *(f"  - {count} x {reason}" for reason, count in report.reasons),
        f"Time: {report.seconds:.1f} s ({report.processed / max(report.seconds, 1e-9):.1f} photos/s)",
    ]
    if report.processed == 0:
        lines.append("No photo waits for detection: `faceml ingest DIR` takes more in")
    return "\n".join(lines + _backlog(report.index_backlog))


def clustering(report: ClusterReport) -> str:
    lines = [
        f"Total faces: {report.total_faces}",
        f"Clusters found: {report.clusters_found}",
        f"Noise (outliers): {report.noise_count}",
        f"Time: {report.seconds:.1f} s",
    ]
    if report.faces_left_out:
        lines.append(f"Left out by --max-faces or --time-bucket: {report.faces_left_out}")
    if report.total_faces and not report.clusters_found:
        lines.append("No clusters: try --min-cluster-size 3, or --quality-threshold 0.4")
    return "\n".join(lines + _backlog(report.index_backlog))


def cluster_page(page: ClusterPage) -> str:
    if not page.items:
        return "No clusters here: `faceml faces cluster` makes them"
    width = max(len(item.cluster_id) for item in page.items)
    lines = [f"{'Cluster':{width}}  Faces  Quality  Person"]
    lines += [
        f"{item.cluster_id:{width}}  {item.face_count:5}  {item.avg_quality:7.2f}  {item.person_name or '-'}"
        for item in page.items
    ]
    return "\n".join([*lines, f"Page {page.page}, {len(page.items)} of {page.total} clusters"])


def assignment(report: AssignReport) -> str:
    lines = [
        f"Faces processed: {report.processed}",
        f"Assigned: {report.assigned}",
        f"Unassigned: {report.unassigned}",
        f"Persons matched: {report.people_matched}",
        f"Threshold: {report.threshold:g}",
        f"Time: {report.seconds:.1f} s",
    ]
    if report.status == "no_prototypes":
        lines.append("Nobody is named yet, so nobody can be recognised: `faceml faces label CLUSTER NAME` comes first")
    return "\n".join(lines + _backlog(report.index_backlog))


def statistics(report: StatsReport) -> str:
    lines = [
        f"Total faces: {report.total_faces}",
        f"Assigned faces: {report.assigned_faces}",
        f"Clustered faces: {report.clustered_faces}",
        f"Total persons: {report.total_persons}",
        f"Active persons: {report.active_persons}",
        f"Merged persons: {report.merged_persons}",
        f"Total prototypes: {report.total_prototypes}",
        "",
        "Qdrant Collection: faces",
    ]
    if report.index_problem:
        lines.append(f"Not reachable: {report.index_problem}")
    else:
        lines += [f"Points: {report.points}", f"Vectors: {report.vectors}"]
    return "\n".join(
        [
            *lines,
            f"Waiting in the outbox: {report.index_backlog}",
            "",
            f"Photos: {report.total_photos} ({report.photos_waiting} waiting, {report.photos_failed} unreadable)",
            f"Model pack: {report.pack or 'none yet'}",
        ]
    )


def imported(report: ImportReport) -> str:
    lines = [
        f"Rows with a name: {report.rows}",
        f"Faces labeled: {report.faces_labeled}",
        f"Persons: {report.people}",
        f"Rows skipped: {len(report.skipped)}",
        *(f"  - {reason}" for reason in report.skipped[:MOST_LINES]),
    ]
    return "\n".join(lines + _more(len(report.skipped) - MOST_LINES))


def orphans(report: OrphanReport, limit: int, *, is_fixed: bool = False) -> str:
    lines = [
        f"Checking {limit} faces for orphaned embeddings...",
        "",
        *_title("ORPHAN DETECTION RESULTS:"),
        f"Total faces checked: {report.faces_checked}",
        f"Orphaned faces found: {len(report.orphans)}",
        f"Affected assets: {len(report.affected_assets)}",
    ]
    if report.stale_points or report.stray_points or report.centroids_missing:
        lines += [
            f"Points that differ from the database: {report.stale_points}",
            f"Points the database does not know: {report.stray_points}",
            f"Centroids without a point: {report.centroids_missing}",
        ]
    if report.orphans:
        first = report.orphans[0]
        lines += ["", "Sample orphaned faces:"]
        lines.append(f"  - Face {first.face_id} (asset_id={first.asset_id}, qdrant_point_id={first.qdrant_point_id})")
        lines += _more(len(report.orphans) - 1)
        lines += ["", "Affected assets (asset_id: orphan_count):"]
        lines += [f"  - Asset {id_}: {count} orphaned face(s)" for id_, count in report.affected_assets[:MOST_LINES]]
        lines += _more(len(report.affected_assets) - MOST_LINES)
    if not is_fixed and (report.orphans or report.stale_points or report.stray_points or report.centroids_missing):
        lines += ["", "TIP: Use --fix to re-detect faces for affected assets"]
    return "\n".join(lines)


def repair(found: OrphanReport, repaired: RepairReport) -> str:
    assets = len(found.affected_assets)
    return "\n".join(
        [
            "",
            *_title("RE-DETECTING FACES FOR AFFECTED ASSETS:"),
            f"Re-detecting faces for {assets} assets...",
            "",
            *_title("RE-DETECTION RESULTS:"),
            f"Assets processed: {assets}",
            f"Errors: {repaired.errors}",
            f"Total faces re-detected: {len(found.orphans) + repaired.faces_redetected}",
            f"  - {repaired.points_restored} points written from stored embeddings, {repaired.points_removed} removed",
            f"  - {repaired.faces_redetected} faces detected again in {repaired.assets_processed} photos",
            "",
            "NOTE: Re-run 'faces find-orphans' to verify fix",
        ]
    )


def _title(text: str) -> list[str]:
    return [RULE, text, RULE]


def _more(count: int) -> list[str]:
    return [f"  ... and {count} more"] if count > 0 else []


def _backlog(count: int) -> list[str]:
    return [f"Waiting for the vector index: {count} changes (nothing is lost)"] if count else []

"""Reports as a person reads them; those of the specification are spelled as it spells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceml.cli.photo_reports import unreadable
from faceml.cli.tables import MOST_LINES, listed, table

if TYPE_CHECKING:
    from faceml.metrics.identification import Estimate
    from faceml.services.cluster.cluster import ClusterReport
    from faceml.services.cluster.dual import DualReport
    from faceml.services.exchange.import_labels import ImportReport
    from faceml.services.index.repair import OrphanReport, RepairReport
    from faceml.services.learn.evaluate import EvaluationReport, Recognition
    from faceml.services.operate.status import StatsReport
    from faceml.services.photos.detect import DetectReport
    from faceml.services.recognise.assign import AssignReport
    from faceml.services.recognise.calibrate import CalibrationReport
    from faceml.services.review.browse import ClusterPage

RULE = "=" * 50


def detection(report: DetectReport) -> str:
    lines = [
        f"Photos processed: {report.processed}",
        f"Faces in them: {report.total_faces}",
        f"New faces: {report.faces_added}",
        *(f"Left out: {count} {reason}" for reason, count in report.left_out),
        f"Photos that could not be read: {report.errors}",
        *(f"  - {count} x {reason}" for reason, count in report.reasons),
        f"Time: {report.seconds:.1f} s ({report.processed / max(report.seconds, 1e-9):.1f} photos/s)",
        *listed("Photos read in part", report.read_in_part),
        *([f"Faces measured that were found before: {report.faces_measured}"] if report.faces_measured else []),
    ]
    lines += unreadable(report.unreadable, len(report.unreadable))
    if report.processed == 0:
        lines.append("No photo waits for detection: `faceml ingest DIR` takes more in")
    elif report.processed > report.errors and not report.total_faces:
        lines.append("No faces: where there are some, try --min-confidence 0.4, or --min-face-size 15")
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
    return "\n".join(lines + space(report.model_version, report.note) + _backlog(report.index_backlog))


def dual(report: DualReport) -> str:
    """The specification's report, chapter Dual-Mode Clustering; what it does not know stands below it."""
    lines = [
        "Dual-Mode Clustering Results:",
        "=" * 40,
        "Phase 1 (Supervised):",
        f"  - Faces processed: {report.faces_processed}",
        f"  - Assigned to persons: {report.assigned_to_persons} "
        f"({_share(report.assigned_to_persons, report.faces_processed)})",
        f"  - Persons matched: {report.persons_matched}",
        "",
        "Phase 2 (Unsupervised):",
        f"  - Unlabeled faces: {report.unlabeled_faces}",
        f"  - Clusters found: {report.clusters_found}",
        f"  - Noise (outliers): {report.noise_count} ({_share(report.noise_count, report.unlabeled_faces)})",
        "",
        "Cluster Distribution:",
        f"  - person_* clusters: {report.persons_matched} ({report.assigned_to_persons} faces)",
        f"  - unknown_cluster_* groups: {report.clusters_found} ({report.clustered_faces} faces)",
        f"  - Unassigned (noise): {report.noise_count} faces",
        "",
        f"Threshold: {report.person_threshold:.3f}",
    ]
    if report.in_review:
        lines.append(f"For review (their photo shows the person already): {report.in_review} faces")
    lines.append(f"Time: {report.seconds:.1f} s")
    return "\n".join(lines + space(report.model_version, *report.notes) + _backlog(report.index_backlog))


def calibrated(report: CalibrationReport) -> str:
    found = report.calibration
    estimate, false, own = found.estimate, found.false_matches, found.own_matches
    source = "continued from the tail of the scores" if found.is_extrapolated else "read off the scores"
    sample = f", a sample: {found.probes} of the faces" if found.probes < found.faces else ""
    return "\n".join(
        [
            f"Threshold: {report.threshold:.3f} (pack {report.pack}; documented {report.documented:g} for raw)",
            f"  asked: at most {found.fmr_asked:g} of strangers' faces get a name; {source}",
            f"  estimate {estimate.value:.3f}, {found.confidence:.0%} interval {estimate.low:.3f} to "
            f"{estimate.high:.3f}",
            f"False matches among the labels: {_rate(false)}",
            f"Own person found: {own.value:.1%} ({own.low:.1%} to {own.high:.1%})",
            f"From {found.faces} labelled faces of {found.people} people{sample}",
            *_strangers(report),
            *space(report.model_version, report.note),
        ]
    )


def _strangers(report: CalibrationReport) -> list[str]:
    found = report.strangers
    if found is None:
        return []
    lines = ["Strangers named, as the labels tell:", f"  unrelated to anybody known: {_rate(found.unrelated)}"]
    if found.relatives is None:
        lines.append("  relatives: not known; nobody labelled shares a photo with, or looks like, somebody else")
    else:
        lines.append(
            f"  relatives, or as alike: {_rate(found.relatives)}; {found.people_with_relatives} of "
            f"{report.calibration.people} people have somebody on their photos or as alike"
        )
    return [*lines, *([f"  What helps: {report.advice}"] if report.advice else [])]


def _rate(found: Estimate) -> str:
    return f"{found.value:.2%} ({found.low:.2%} to {found.high:.2%})"


def evaluation(report: EvaluationReport) -> str:
    lines = [f"Labels: {report.labels}", f"Faces found for them: {report.faces_found}"]
    for name, found in (("Clusters", report.clusters), ("People", report.people)):
        if found is None:
            continue
        lines.append(
            f"{name}: {found.clusters} for {found.people} people, {found.noise_share:.1%} of the faces in no cluster"
        )
        for measure, value in (("BCubed", found.bcubed), ("Pairwise", found.pairwise)):
            lines.append(f"  {measure}: precision {value.precision:.4f}, recall {value.recall:.4f}, F {value.f:.4f}")
        lines.append(f"  Purity {found.purity:.4f}, adjusted Rand {found.adjusted_rand:.4f}")
    lines.append(f"Named by faceml: {_named(report.recognition)}")
    if report.again:
        lines.append(f"Named now by {report.again_by}: {_named(report.again)}")
    return "\n".join(lines)


def _named(asked: Recognition) -> str:
    return (
        f"{asked.right} right, {asked.wrong} wrong, {asked.unknown} missed; "
        f"{asked.strangers_named} of {asked.strangers} strangers named"
    )


def cluster_page(page: ClusterPage) -> str:
    if not page.items:
        return "No clusters here: `faceml faces cluster` makes them"
    rows = [(item.cluster_id, item.face_count, f"{item.avg_quality:.2f}", item.person_name) for item in page.items]
    lines = table(("Cluster", "Faces", "Quality", "Person"), rows)
    return "\n".join([*lines, f"Page {page.page}, {len(rows)} of {page.total} clusters"])


def assignment(report: AssignReport) -> str:
    lines = [
        f"Faces processed: {report.processed}",
        f"Assigned: {report.assigned}",
        f"Unassigned: {report.unassigned}",
        f"Persons matched: {report.people_matched}",
        f"Threshold: {report.threshold:{'.3f' if report.model_version.startswith('face-matcher/') else 'g'}}",
        f"Time: {report.seconds:.1f} s",
    ]
    if report.status == "no_prototypes":
        lines.append("Nobody is named yet, so nobody can be recognised: `faceml faces label CLUSTER NAME` comes first")
    elif report.processed == 0:
        lines.append("Every face has a name or a cluster: `faceml faces cluster-dual` weighs those in clusters, too")
    return "\n".join(lines + space(report.model_version, *report.notes) + _backlog(report.index_backlog))


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
            *_missing(report),
            f"Model pack: {report.pack or 'chosen by the first detection'}",
            *unreadable(report.unreadable, report.photos_failed),
        ]
    )


def _missing(report: StatsReport) -> list[str]:
    if not report.photos_missing:
        return []
    return [
        f"Missing photos: {report.photos_missing} with {report.faces_missing} faces, counted nowhere above "
        "(`faceml photos missing` lists them)"
    ]


def imported(report: ImportReport) -> str:
    lines = [
        f"Rows with a name: {report.rows}",
        f"Faces labeled: {report.faces_labeled}",
        f"Persons: {report.people}",
    ]
    return "\n".join(lines + (listed("Rows skipped", report.skipped) or ["Rows skipped: 0"]))


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


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "0.0%"


def _title(text: str) -> list[str]:
    return [RULE, text, RULE]


def _more(count: int) -> list[str]:
    return [f"  ... and {count} more"] if count > 0 else []


def space(model_version: str, *notes: str | None) -> list[str]:
    """The space, where it is not the documented one, and what to know of it."""
    named = [] if model_version == "raw" else [f"Model: {model_version}"]
    return named + [f"Note: {note}" for note in notes if note]


def _backlog(count: int) -> list[str]:
    return [f"Waiting for the vector index: {count} changes (nothing is lost)"] if count else []

"""Both ways to cluster behind one name, for callers that take the mode as a parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from faceml.errors import WrongUse
from faceml.library import Library
from faceml.services.cluster.cluster import ClusterReport, cluster_faces
from faceml.services.cluster.dual import DualReport, cluster_dual
from faceml.services.cluster.grouping import silent


def cluster_in_mode(
    library: Library,
    mode: str,
    *,
    single: Mapping[str, Any],
    dual: Mapping[str, Any],
    on_note: Callable[[str], None] = silent,
) -> ClusterReport | DualReport:
    """Cluster in mode "single" (`cluster_faces`) or "dual" (`cluster_dual`), each with its own parameters.

    Raises:
        WrongUse: another mode, or a parameter outside its range.
        NotEnoughData: a threshold of "auto" without enough labels.
    """
    if mode == "single":
        return cluster_faces(library, **single, on_note=on_note)
    if mode == "dual":
        return cluster_dual(library, **dual, on_note=on_note)
    raise WrongUse(f"mode={mode!r}: write single (group faces without a name) or dual (name the known first)")


def key_figures(report: ClusterReport | DualReport) -> dict[str, int | float]:
    """What both modes report, under the same names, and what only dual mode has."""
    found: dict[str, int | float] = {"clusters_found": report.clusters_found, "noise_count": report.noise_count}
    if isinstance(report, ClusterReport):
        return {"total_faces": report.total_faces, **found}
    return {
        "total_faces": report.faces_processed,
        **found,
        "assigned_to_persons": report.assigned_to_persons,
        "persons_matched": report.persons_matched,
        "person_threshold": report.person_threshold,
        "in_review": report.in_review,
    }

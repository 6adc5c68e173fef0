"""The documented jobs under the specification's name (its chapter Background Jobs)."""

from faceml.jobs.functions import (
    assign_faces_job,
    backfill_faces_job,
    cluster_faces_job,
    compute_centroids_job,
    detect_faces_job,
)

__all__ = [
    "assign_faces_job",
    "backfill_faces_job",
    "cluster_faces_job",
    "compute_centroids_job",
    "detect_faces_job",
]

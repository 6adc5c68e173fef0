"""The documented jobs (specification, chapter Background Jobs): parse, call one service, return the documented dict.

Each may be delivered more than once: a worker can die after the work and before the answer. A second run changes
nothing that the first has done, and its answer is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from faceml.errors import WrongUse
from faceml.jobs.context import job_context
from faceml.storage.registry.records import CHAMPION

TRAIN_ANSWER = (
    "status",
    "persons_used",
    "total_faces",
    "training_faces",
    "validation_faces",
    "final_train_loss",
    "final_val_loss",
    "model_checkpoint",
    "training_time_seconds",
)


def detect_faces_job(asset_ids: Sequence[str], min_confidence: float = 0.5, min_face_size: int = 20) -> dict[str, int]:
    """Detect faces for a batch of assets."""
    from faceml.services.photos.detect import detect_in_assets

    with job_context() as job:
        report = detect_in_assets(
            job.library,
            [_asset_id(text) for text in asset_ids],
            min_confidence=min_confidence,
            min_face_size=min_face_size,
            on_progress=job.on_progress,
        )
    return {"processed": report.processed, "total_faces": report.total_faces, "errors": report.errors}


def backfill_faces_job(
    limit: int = 1000, offset: int = 0, min_confidence: float = 0.5, min_face_size: int = 20
) -> dict[str, int | str]:
    """Backfill face detection for assets without faces, in chunks that every worker takes part in."""
    from faceml.jobs.backfill import backfill_in_chunks

    with job_context() as job:
        total = backfill_in_chunks(
            job, limit=limit, offset=offset, min_confidence=min_confidence, min_face_size=min_face_size
        )
    return {"processed": total.processed, "total_faces": total.total_faces, "status": "completed"}


def cluster_faces_job(
    quality_threshold: float = 0.5,
    max_faces: int = 50_000,
    min_cluster_size: int = 5,
    min_samples: int = 3,
    time_bucket: str | None = None,
    min_cohesion: float | None = None,
    model: str | int = CHAMPION,
) -> dict[str, int]:
    """Cluster unlabeled faces using HDBSCAN."""
    from faceml.services.cluster.cluster import cluster_faces

    with job_context() as job:
        report = cluster_faces(
            job.library,
            quality_threshold=quality_threshold,
            max_faces=max_faces,
            min_cluster_size=min_cluster_size,
            min_samples=min_samples,
            time_bucket=time_bucket,
            min_cohesion=min_cohesion,
            model=model,
        )
    return {
        "total_faces": report.total_faces,
        "clusters_found": report.clusters_found,
        "noise_count": report.noise_count,
    }


def cluster_dual_job(
    person_threshold: float | str = 0.7,
    unknown_method: str = "hdbscan",
    unknown_min_cluster_size: int = 3,
    unknown_eps: float = 0.5,
    max_faces: int = 50_000,
    one_face_a_photo: bool = False,
    model: str | int = CHAMPION,
) -> dict[str, Any]:
    """Assign faces to known persons, then group the unknown ones; answers as `POST /cluster/dual` does."""
    from faceml.services.cluster.dual import cluster_dual

    with job_context() as job:
        report = cluster_dual(
            job.library,
            person_threshold=person_threshold,
            unknown_method=unknown_method,
            unknown_min_cluster_size=unknown_min_cluster_size,
            unknown_eps=unknown_eps,
            max_faces=max_faces,
            one_face_a_photo=one_face_a_photo,
            model=model,
        )
    return {
        "status": "completed",
        "supervised": {
            "faces_processed": report.faces_processed,
            "assigned_to_persons": report.assigned_to_persons,
            "persons_matched": report.persons_matched,
        },
        "unsupervised": {
            "unlabeled_faces": report.unlabeled_faces,
            "clusters_found": report.clusters_found,
            "noise_count": report.noise_count,
        },
        "total_faces": report.faces_processed,
        "execution_time_seconds": round(report.seconds, 3),
    }


def assign_faces_job(
    since: str | None = None,
    max_faces: int = 1000,
    similarity_threshold: float | str = 0.6,
    model: str | int = CHAMPION,
) -> dict[str, int | str]:
    """Assign faces to persons via prototype matching."""
    from faceml.services.recognise.assign import assign_faces, parse_since

    with job_context() as job:
        report = assign_faces(
            job.library,
            since=parse_since(since) if since else None,
            max_faces=max_faces,
            threshold=similarity_threshold,
            model=model,
        )
    return {
        "processed": report.processed,
        "assigned": report.assigned,
        "unassigned": report.unassigned,
        "status": report.status,
    }


def compute_centroids_job() -> dict[str, int]:
    """Compute person centroid embeddings."""
    from faceml.services.decisions.prototypes import compute_centroids

    with job_context() as job:
        report = compute_centroids(job.library)
    return {"persons_processed": report.persons_processed, "centroids_computed": report.centroids_computed}


def train_matching_job(
    min_faces_per_person: int = 5,
    quality_threshold: float = 0.5,
    resume: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Train the projection; answers as `POST /train` does. `options` are those of `training.options.Options`."""
    from faceml.services.learn.train import PATIENCE, Listener, train_matching
    from faceml.training.options import Options

    with job_context() as job:
        report = train_matching(
            job.library,
            Options(**{"patience": PATIENCE, **options}),
            min_faces=min_faces_per_person,
            quality_threshold=quality_threshold,
            resume=Path(resume) if resume else None,
            listener=Listener(on_progress=job.on_progress),
        )
    return {name: getattr(report, name) for name in TRAIN_ANSWER}


def pipeline_job(
    pipeline: str, parameters: Mapping[str, Any] | None = None, from_step: str | None = None
) -> dict[str, Any]:
    """Run a pipeline of notebooks on the worker's machine, where its file must lie."""
    from faceml.pipelines.definition import read_pipeline
    from faceml.pipelines.locate import find_pipeline
    from faceml.pipelines.runner import run_pipeline
    from faceml.services.operate.status import library_snapshot

    with job_context() as job:
        done = run_pipeline(
            read_pipeline(find_pipeline(pipeline)),
            parameters=parameters or {},
            home=job.library.settings.home,
            tracking=job.library.tracking,
            library=library_snapshot(job.library.repository),
            from_step=from_step,
            on_progress=lambda step, steps, _name, _cell, _cells: job.on_progress(step - 1, steps),
        )
    steps = [{"name": step.name, "status": str(step.status), "results": dict(step.results)} for step in done.steps]
    return {"status": str(done.status), "pipeline": done.pipeline, "steps": steps, "seconds": round(done.seconds, 3)}


def _asset_id(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise WrongUse(f"asset id {text!r} is no number") from error


JOBS: Mapping[str, Callable[..., dict[str, Any]]] = {
    function.__name__: function
    for function in (
        detect_faces_job,
        backfill_faces_job,
        cluster_faces_job,
        cluster_dual_job,
        assign_faces_job,
        compute_centroids_job,
        train_matching_job,
        pipeline_job,
    )
}

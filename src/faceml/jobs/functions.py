"""The documented jobs (specification, chapter Background Jobs): parse, call one service, return the documented dict.

Each may be delivered more than once: a worker can die after the work and before the answer. A second run changes
nothing that the first has done, and its answer is the same.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceml.config import current_actor
from faceml.errors import WrongUse
from faceml.jobs.context import JobContext, job_context
from faceml.options import (
    AssignOptions,
    ClusterOptions,
    DetectOptions,
    DualOptions,
    SplitOptions,
    StepOptions,
    TrainOptions,
    options_of,
)

if TYPE_CHECKING:
    from faceml.library import Library
    from faceml.services.cluster.dual import DualReport
    from faceml.services.learn.fit_matcher import FitReport

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
FIT_ANSWER = ("status", "version", "people", "labelled_faces", "library_faces", "cohort", "is_whitened", "seconds")
ASSET_ID = re.compile(r"[0-9]{1,18}")  # as many as any database's integers have
Job = Callable[..., dict[str, Any]]
log = logging.getLogger(__name__)


def takes(record: type[StepOptions], *, but: Sequence[str] = ()) -> Callable[[Job], Job]:
    """Give a job a parameter for each of a record's options, under its documented name; it gets them as one `options`.

    Args:
        but: names of options that do not apply to this job.
    """
    known = [
        inspect.Parameter(item.api_name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=item.default)
        for item in options_of(record)
        if item.name not in but
    ]

    def decorate(function: Job) -> Job:
        own = [item for item in inspect.signature(function).parameters.values() if item.name != "options"]
        required_first = sorted([*known, *own], key=lambda item: item.default is not item.empty)
        signature = inspect.Signature(required_first)

        @wraps(function)
        def job(*args: Any, **parameters: Any) -> dict[str, Any]:
            given = signature.bind(*args, **parameters).arguments
            others = {item.name: given[item.name] for item in own if item.name in given}
            return function(options=record.of(given), **others)

        vars(job)["__signature__"] = signature
        return job

    return decorate


@takes(DetectOptions, but=("limit", "offset"))
def detect_faces_job(asset_ids: Sequence[str], options: DetectOptions) -> dict[str, int]:
    """Detect faces for a batch of assets; an id of no photo is one of the errors, and stops nothing."""
    from faceml.services.photos.detect import detect_in_assets

    if isinstance(asset_ids, str) or not isinstance(asset_ids, Sequence):
        raise WrongUse(f"asset_ids={asset_ids!r} is not a list of asset ids: write ['1', '2']")
    ids = [int(text) for text in map(str, asset_ids) if ASSET_ID.fullmatch(text)]
    malformed = len(asset_ids) - len(ids)
    with job_context() as job:
        report = detect_in_assets(job.library, ids, options, on_progress=job.on_progress)
    if errors := report.errors + malformed:
        log.warning(
            "detect_faces_job: %d of %d photos are not in the library or cannot be read", errors, len(asset_ids)
        )
    return {**_answer(report, "processed", "total_faces"), "errors": errors}


@takes(DetectOptions)
def backfill_faces_job(options: DetectOptions) -> dict[str, int | str]:
    """Backfill face detection for assets without faces, in chunks that every worker takes part in."""
    from faceml.jobs.backfill import backfill_in_chunks

    with job_context() as job:
        return {**backfill_in_chunks(job, options), "status": "completed"}


@takes(ClusterOptions)
def cluster_faces_job(options: ClusterOptions) -> dict[str, int]:
    """Cluster unlabeled faces using HDBSCAN."""
    from faceml.services.cluster.cluster import cluster_faces

    with job_context() as job:
        report = cluster_faces(job.library, options, on_progress=job.on_progress)
        _note(job, report.note, kept_matcher(job.library, options, actor=current_actor()))
    return _answer(report, "total_faces", "clusters_found", "noise_count")


@takes(DualOptions)
def cluster_dual_job(options: DualOptions) -> dict[str, Any]:
    """Assign faces to known persons, then group the unknown ones; answers as `POST /cluster/dual` does."""
    from faceml.services.cluster.dual import cluster_dual

    with job_context() as job:
        report = cluster_dual(job.library, options, on_progress=job.on_progress)
        _note(job, *report.notes, kept_matcher(job.library, options, actor=current_actor()))
    return dual_answer(report)


def kept_matcher(library: Library, options: ClusterOptions | DualOptions, *, actor: str) -> str | None:
    """After faces were grouped: what became of the library's matcher; None where nothing did."""
    if not options.refit:
        return None
    from faceml.services.learn.fit_matcher import refit_if_due

    done = refit_if_due(library, actor=actor)
    return f"matcher: {done.words}" if done else None


def dual_answer(report: DualReport) -> dict[str, Any]:
    return {
        "status": "completed",
        "supervised": _answer(report, "faces_processed", "assigned_to_persons", "persons_matched"),
        "unsupervised": _answer(report, "unlabeled_faces", "clusters_found", "noise_count"),
        "total_faces": report.faces_processed,
        "execution_time_seconds": round(report.seconds, 3),
    }


@takes(SplitOptions)
def split_cluster_job(cluster_id: str, options: SplitOptions) -> dict[str, Any]:
    """Split a cluster; answers as `POST /clusters/{cluster_id}/split` does, a second time with what the first did."""
    from faceml.services.decisions.split import former_split, split_cluster

    with job_context() as job:
        report = former_split(job.library.repository, cluster_id) or split_cluster(
            job.library, cluster_id, min_cluster_size=options.min_cluster_size, actor=current_actor()
        )
    return {**_answer(report, "original_cluster_id", "status"), "new_clusters": list(report.new_clusters)}


@takes(AssignOptions)
def assign_faces_job(options: AssignOptions) -> dict[str, int | str]:
    """Assign faces to persons via prototype matching."""
    from faceml.services.recognise.assign import assign_faces

    with job_context() as job:
        report = assign_faces(job.library, options)
        _note(job, *report.notes)
    return _answer(report, "processed", "assigned", "unassigned", "status")


def compute_centroids_job() -> dict[str, int]:
    """Compute person centroid embeddings."""
    from faceml.services.decisions.people import compute_centroids

    with job_context() as job:
        report = compute_centroids(job.library)
    return _answer(report, "persons_processed", "centroids_computed")


@takes(TrainOptions)
def train_matching_job(options: TrainOptions, resume: str | None = None) -> dict[str, Any]:
    """Train the projection; answers as `POST /train` does."""
    from faceml.services.learn.train import Listener, train_matching

    with job_context() as job:
        report = train_matching(
            job.library,
            options,
            resume=Path(resume) if resume else None,
            listener=Listener(on_progress=job.on_progress),
        )
    return _answer(report, *TRAIN_ANSWER)


def fit_matcher_job() -> dict[str, Any]:
    """Fit a matcher on the library and its labels; answers as `POST /fit-matcher` does."""
    from faceml.services.learn.fit_matcher import fit_library_matcher

    with job_context() as job:
        return fit_answer(fit_library_matcher(job.library))


def fit_answer(report: FitReport) -> dict[str, Any]:
    """What was fitted, and what the gate says of it."""
    verdict = {"promotes": report.verdict.promotes, "reasons": list(report.verdict.reasons)}
    return {**_answer(report, *FIT_ANSWER), "thresholds": dict(report.thresholds), **verdict}


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


def _note(job: JobContext, *notes: str | None) -> None:
    if any(notes):
        job.on_note("; ".join(note for note in notes if note))


def _answer(report: object, *names: str) -> dict[str, Any]:
    return {name: getattr(report, name) for name in names}


JOBS: Mapping[str, Job] = {
    function.__name__: function
    for function in (
        detect_faces_job,
        backfill_faces_job,
        cluster_faces_job,
        cluster_dual_job,
        split_cluster_job,
        assign_faces_job,
        compute_centroids_job,
        train_matching_job,
        fit_matcher_job,
        pipeline_job,
    )
}

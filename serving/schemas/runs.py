"""Clustering, training, and the jobs that do them in the background."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, Field

from faceml.options import ClusterOptions, DualOptions, TrainOptions
from faceml.services.cluster.cluster import ClusterReport
from faceml.services.cluster.dual import DualReport
from serving.schemas.base import Answer, Flag, Question, SnakeQuestion, offering

if TYPE_CHECKING:
    from faceml.jobs.state import JobState
    from faceml.services.learn.train import TrainReport


@offering(ClusterOptions)
class TriggerClusteringRequest(Question):
    queue: Flag = False


class ClusteringResultResponse(Answer):
    total_faces: int
    clusters_found: int
    noise_count: int
    status: str

    @classmethod
    def of(cls, report: ClusterReport) -> Self:
        return cls(
            total_faces=report.total_faces,
            clusters_found=report.clusters_found,
            noise_count=report.noise_count,
            status="completed",
        )


@offering(DualOptions)
class DualClusterRequest(SnakeQuestion):
    queue: Flag = False


class SupervisedResult(BaseModel):
    faces_processed: int
    assigned_to_persons: int
    persons_matched: int


class UnsupervisedResult(BaseModel):
    unlabeled_faces: int
    clusters_found: int
    noise_count: int


class DualClusterResponse(BaseModel):
    status: str
    supervised: SupervisedResult
    unsupervised: UnsupervisedResult
    total_faces: int
    execution_time_seconds: float

    @classmethod
    def of(cls, report: DualReport) -> Self:
        return cls(
            status="completed",
            supervised=SupervisedResult(
                faces_processed=report.faces_processed,
                assigned_to_persons=report.assigned_to_persons,
                persons_matched=report.persons_matched,
            ),
            unsupervised=UnsupervisedResult(
                unlabeled_faces=report.unlabeled_faces,
                clusters_found=report.clusters_found,
                noise_count=report.noise_count,
            ),
            total_faces=report.faces_processed,
            execution_time_seconds=round(report.seconds, 3),
        )


@offering(TrainOptions)
class TrainFaceMatchingRequest(SnakeQuestion):
    queue: Flag = False


class TrainFaceMatchingResponse(BaseModel):
    status: str
    persons_used: int
    total_faces: int
    training_faces: int
    validation_faces: int
    final_train_loss: float
    final_val_loss: float
    model_checkpoint: str
    training_time_seconds: float

    @classmethod
    def of(cls, report: TrainReport) -> Self:
        return cls(**{name: getattr(report, name) for name in cls.model_fields})


class JobQueuedResponse(Answer):
    """The work was handed to the workers: `GET /jobs/{jobId}` follows it."""

    status: Literal["queued"] = "queued"
    job_id: str


class JobProgressItem(Answer):
    done: int
    total: int


class JobResponse(Answer):
    job_id: str
    name: str
    state: str = Field(description="queued, started, waiting (to be tried again), finished, failed, canceled")
    progress: JobProgressItem | None
    result: dict[str, Any] | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    attempts: int

    @classmethod
    def of(cls, job: JobState) -> Self:
        return cls(
            job_id=job.id,
            name=job.name,
            state=job.state,
            progress=JobProgressItem(done=job.progress.done, total=job.progress.total) if job.progress else None,
            result=job.result,
            error=job.error,
            created_at=job.created_at,
            started_at=job.started_at,
            ended_at=job.ended_at,
            attempts=job.attempts,
        )

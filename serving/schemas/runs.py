"""Clustering, training, and the jobs that do them in the background."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from faceml.jobs.functions import dual_answer, fit_answer
from faceml.options import ClusterOptions, DualOptions, TrainOptions
from faceml.services.cluster.cluster import ClusterReport
from faceml.services.cluster.dual import DualReport
from serving.schemas.base import Flag, RequestModel, ResponseModel, SnakeRequestModel, SnakeResponseModel, offering

if TYPE_CHECKING:
    from faceml.jobs.state import JobState
    from faceml.services.learn.fit_matcher import FitReport


@offering(ClusterOptions)
class TriggerClusteringRequest(RequestModel):
    queue: Flag = False


class ClusteringResultResponse(ResponseModel):
    total_faces: int
    clusters_found: int
    noise_count: int
    status: str

    @classmethod
    def of(cls, report: ClusterReport) -> Self:
        return cls.completed(report, status="completed")


@offering(DualOptions)
class DualClusterRequest(SnakeRequestModel):
    queue: Flag = False


class SupervisedResult(SnakeResponseModel):
    faces_processed: int
    assigned_to_persons: int
    persons_matched: int


class UnsupervisedResult(SnakeResponseModel):
    unlabeled_faces: int
    clusters_found: int
    noise_count: int


class DualClusterResponse(SnakeResponseModel):
    status: str
    supervised: SupervisedResult
    unsupervised: UnsupervisedResult
    total_faces: int
    execution_time_seconds: float

    @classmethod
    def of(cls, report: DualReport) -> Self:
        return cls.model_validate(dual_answer(report))


@offering(TrainOptions)
class TrainFaceMatchingRequest(SnakeRequestModel):
    queue: Flag = False


class TrainFaceMatchingResponse(SnakeResponseModel):
    status: str
    persons_used: int
    total_faces: int
    training_faces: int
    validation_faces: int
    final_train_loss: float
    final_val_loss: float
    model_checkpoint: str
    training_time_seconds: float


class FitMatcherRequest(RequestModel):
    queue: Flag = False


class FitMatcherResponse(ResponseModel):
    status: str
    version: int = Field(description="of `face-matcher`, the challenger now")
    people: int
    labelled_faces: int
    library_faces: int
    cohort: int = Field(description="faces that stand for everybody")
    is_whitened: bool
    thresholds: dict[str, float] = Field(description="score by the share of strangers expected to pass")
    promotes: bool = Field(description="whether the gate would let it in")
    reasons: list[str]
    seconds: float

    @classmethod
    def of(cls, report: FitReport) -> Self:
        return cls.model_validate(fit_answer(report))


class JobQueuedResponse(ResponseModel):
    """The work was handed to the workers: `GET /jobs/{jobId}` follows it."""

    status: Literal["queued"] = "queued"
    job_id: str


class JobProgressItem(ResponseModel):
    done: int
    total: int


class JobResponse(ResponseModel):
    job_id: str
    name: str
    state: str = Field(description="queued, started, waiting (to be tried again), finished, failed, canceled")
    progress: JobProgressItem | None
    result: dict[str, Any] | None
    note: str | None = Field(description="what to know of the result")
    error: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    attempts: int

    @classmethod
    def of(cls, job: JobState) -> Self:
        return cls.completed(job, job_id=job.id)

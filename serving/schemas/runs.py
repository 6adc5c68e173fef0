"""Clustering, training, and the jobs that do them in the background."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, Field

from faceml.jobs.functions import dual_answer
from faceml.options import ClusterOptions, DualOptions, TrainOptions
from faceml.services.cluster.cluster import ClusterReport
from faceml.services.cluster.dual import DualReport
from serving.schemas.base import Answer, Flag, Question, SnakeQuestion, example, offering

if TYPE_CHECKING:
    from faceml.jobs.state import JobState
    from faceml.services.learn.train import TrainReport


@offering(ClusterOptions)
class TriggerClusteringRequest(Question):
    model_config = example(qualityThreshold=0.5, maxFaces=50000, minClusterSize=5)

    queue: Flag = False


class ClusteringResultResponse(Answer):
    model_config = example(totalFaces=1234, clustersFound=42, noiseCount=87, status="completed")

    total_faces: int
    clusters_found: int
    noise_count: int
    status: str

    @classmethod
    def of(cls, report: ClusterReport) -> Self:
        return cls.completed(report, status="completed")


@offering(DualOptions)
class DualClusterRequest(SnakeQuestion):
    model_config = example(
        person_threshold=0.7,
        unknown_method="hdbscan",
        unknown_min_cluster_size=3,
        unknown_eps=0.5,
        max_faces=50000,
        queue=False,
    )

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
    model_config = example(
        status="completed",
        supervised={"faces_processed": 5000, "assigned_to_persons": 3200, "persons_matched": 42},
        unsupervised={"unlabeled_faces": 1800, "clusters_found": 28, "noise_count": 150},
        total_faces=5000,
        execution_time_seconds=3.5,
    )

    status: str
    supervised: SupervisedResult
    unsupervised: UnsupervisedResult
    total_faces: int
    execution_time_seconds: float

    @classmethod
    def of(cls, report: DualReport) -> Self:
        return cls.model_validate(dual_answer(report))


@offering(TrainOptions)
class TrainFaceMatchingRequest(SnakeQuestion):
    model_config = example(
        epochs=20, margin=0.2, batch_size=32, learning_rate=0.0001, min_faces_per_person=5, queue=False
    )

    queue: Flag = False


class TrainFaceMatchingResponse(BaseModel):
    model_config = example(
        status="completed",
        persons_used=15,
        total_faces=342,
        training_faces=273,
        validation_faces=69,
        final_train_loss=0.0654,
        final_val_loss=0.0612,
        model_checkpoint="models/face_projection_epoch_20.pt",
        training_time_seconds=512,
    )

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

    model_config = example(status="queued", jobId="5f0c2a7e-7f7b-4f0f-8f3b-0f2f5f1b1f5e")

    status: Literal["queued"] = "queued"
    job_id: str


class JobProgressItem(Answer):
    done: int
    total: int


class JobResponse(Answer):
    model_config = example(
        jobId="5f0c2a7e-7f7b-4f0f-8f3b-0f2f5f1b1f5e",
        name="cluster_faces_job",
        state="finished",
        progress=None,
        result={"total_faces": 1234, "clusters_found": 42, "noise_count": 87},
        error=None,
        createdAt="2025-12-23T10:30:00Z",
        startedAt="2025-12-23T10:30:01Z",
        endedAt="2025-12-23T10:30:09Z",
        attempts=1,
    )

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
        return cls.completed(job, job_id=job.id)

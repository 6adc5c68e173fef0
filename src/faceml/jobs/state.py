"""A job as its caller sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rq.job import Job, JobStatus

STATES: Mapping[JobStatus, str] = {
    JobStatus.CREATED: "queued",
    JobStatus.QUEUED: "queued",
    JobStatus.DEFERRED: "queued",
    JobStatus.READY_TO_ENQUEUE: "queued",
    JobStatus.SCHEDULED: "waiting",
    JobStatus.STARTED: "started",
    JobStatus.FINISHED: "finished",
    JobStatus.FAILED: "failed",
    JobStatus.STOPPED: "canceled",
    JobStatus.CANCELED: "canceled",
}
ENDED = ("finished", "failed", "canceled")


@dataclass(frozen=True, slots=True)
class JobProgress:
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class JobState:
    id: str
    name: str  # of the job function
    state: str  # queued, started, waiting (to be tried again), finished, failed, canceled
    progress: JobProgress | None  # None until the job has said how much there is to do
    result: dict[str, Any] | None  # the documented dict; None unless finished
    note: str | None  # what to know of the result
    error: str | None  # one line: why it failed, or why it is tried again
    created_at: datetime
    started_at: datetime | None  # of the latest attempt
    ended_at: datetime | None
    attempts: int

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED


def job_state(job: Job) -> JobState:
    state = STATES[job.get_status(refresh=False)]
    progress = job.meta.get("progress")
    return JobState(
        id=job.id,
        name=str(job.func_name).rpartition(".")[2],
        state=state,
        progress=JobProgress(*progress) if progress else None,
        result=job.return_value() if state == "finished" else None,
        note=job.meta.get("note"),
        error=_error(job, state),
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at if state in ENDED else None,
        attempts=int(job.meta.get("attempts", 0)),
    )


def _error(job: Job, state: str) -> str | None:
    was_tried = bool(job.meta.get("attempts"))
    if state in ("failed", "waiting") or (state == "queued" and was_tried):
        found: str | None = job.meta.get("error", "its worker died in the middle of it" if was_tried else None)
        return found
    return None

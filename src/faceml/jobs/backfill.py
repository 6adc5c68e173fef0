"""A backfill that many workers share: cut into chunks, handed out through the queue, added up by the job itself.

The job that was asked for is a worker, too: it looks at chunks like everybody else, so one worker alone gets through,
and hands out only as many as the others can take soon, so that other jobs are not kept waiting behind thousands. The
plan (which photos, in which chunks) is kept in Redis: when the job's worker dies, the next one goes on with it, and
counts what was done before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from time import sleep
from typing import Any

from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from faceml.jobs.context import Assignment, JobContext
from faceml.jobs.functions import detect_faces_job
from faceml.jobs.interruption import JobCanceled
from faceml.jobs.queue import KEPT_S
from faceml.jobs.state import ENDED, STATES
from faceml.options import DetectOptions
from faceml.services.photos.detect import waiting_photos

CHUNK = 64  # photos; as many as detection stores in one transaction
AHEAD = 2  # chunks in the queue for each worker that listens
LOOK_EVERY_S = 0.2  # at chunks that other workers have not finished


@dataclass(frozen=True, slots=True)
class ChunkTotal:
    processed: int
    total_faces: int


@dataclass(frozen=True, slots=True)
class Thresholds:
    min_confidence: float
    min_face_size: int

    def call(self, asset_ids: Sequence[int]) -> dict[str, Any]:
        """Parameters of `detect_faces_job`."""
        return {
            "asset_ids": [str(asset_id) for asset_id in asset_ids],
            "min_confidence": self.min_confidence,
            "min_face_size": self.min_face_size,
        }


def backfill_in_chunks(job: JobContext, options: DetectOptions) -> ChunkTotal:
    """Detect in the photos that wait; returns what all workers did together.

    Raises:
        ModelUnavailable, ModelMismatch, DatabaseUnavailable, QueueUnavailable.
    """
    thresholds = Thresholds(options.min_confidence, options.min_face_size)

    def plan() -> list[list[int]]:
        ids = [asset.id for asset in waiting_photos(job.library.repository, options)]
        return [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]

    if job.assignment is None:
        answers = [detect_faces_job(**thresholds.call(chunk)) for chunk in plan()]
    else:
        with job.assignment.queue.answering():
            shared = SharedChunks(job, job.assignment, thresholds)
            try:
                answers = shared.run(shared.recall() or shared.remember(plan()))
            except JobCanceled:
                job.assignment.queue.cancel_chunks(job.assignment.job_id)
                raise
    return ChunkTotal(
        processed=sum(answer["processed"] for answer in answers),
        total_faces=sum(answer["total_faces"] for answer in answers),
    )


class SharedChunks:
    """The chunks of one backfill: not yet begun, handed out, done."""

    def __init__(self, job: JobContext, assignment: Assignment, thresholds: Thresholds) -> None:
        self._job = job
        self._assignment = assignment
        self._queue = assignment.queue
        self._redis = assignment.queue.connection
        self._thresholds = thresholds
        self._plan_key = f"faceml:backfill:{assignment.job_id}:plan"
        self._done_key = f"faceml:backfill:{assignment.job_id}:done"

    def recall(self) -> list[list[int]]:
        """The plan of an earlier attempt; empty where there was none."""
        kept = self._redis.get(self._plan_key)
        return list(json.loads(kept)) if kept else []

    def remember(self, plan: list[list[int]]) -> list[list[int]]:
        self._redis.set(self._plan_key, json.dumps(plan), ex=KEPT_S)
        return plan

    def run(self, plan: list[list[int]]) -> list[dict[str, int]]:
        """Every chunk's answer, in order, whoever gave it."""
        done = self._recall_done()
        out = {number for number in range(len(plan)) if number not in done and self._fetch(number) is not None}
        left = [number for number in range(len(plan)) if number not in done and number not in out]
        while len(done) < len(plan):
            self._hand_out(plan, left, out)
            own = left.pop(0) if left else self._take_back(out)
            if own is not None:
                done[own] = self._run_here(own, plan[own])
            elif not self._collect(out, done):
                self._queue.requeue_abandoned()
                sleep(LOOK_EVERY_S)
            self._collect(out, done)
            self._job.on_progress(sum(len(plan[number]) for number in done), sum(map(len, plan)))
        return [done[number] for number in range(len(plan))]

    def _hand_out(self, plan: list[list[int]], left: list[int], out: set[int]) -> None:
        """Give the other workers something to do; the next chunk stays here."""
        others = self._queue.worker_count() - 1
        room = others * AHEAD - len(out)
        for _ in range(min(room, len(left) - 1)):
            number = left.pop(1)
            self._queue.hand_out(
                "detect_faces_job",
                self._thresholds.call(plan[number]),
                address=self._assignment.address,
                job_id=self._job_id(number),
                parent=self._assignment.job_id,
            )
            out.add(number)

    def _take_back(self, out: set[int]) -> int | None:
        """A chunk that no worker has begun yet: this one does it."""
        for number in sorted(out):
            if self._queue.rq.remove(self._job_id(number)):
                self._forget(number)
                out.discard(number)
                return number
        return None

    def _run_here(self, number: int, asset_ids: Sequence[int]) -> dict[str, int]:
        answer = detect_faces_job(**self._thresholds.call(asset_ids))
        self._keep(number, answer)
        return answer

    def _collect(self, out: set[int], done: dict[int, dict[str, int]]) -> bool:
        """Take in what others have finished; a chunk that failed there is tried here. True where there was any."""
        ended = 0
        for number in sorted(out):
            chunk = self._fetch(number)
            if chunk is not None and (state := STATES[chunk.get_status(refresh=False)]) not in ENDED:
                continue
            answer = chunk.return_value() if chunk is not None and state == "finished" else None
            if answer is None:
                self._forget(number)
                answer = self._run_here(number, self._asset_ids(number))
            done[number] = answer
            self._keep(number, answer)
            out.discard(number)
            ended += 1
        return ended > 0

    def _asset_ids(self, number: int) -> list[int]:
        return self.recall()[number]

    def _keep(self, number: int, answer: dict[str, int]) -> None:
        self._redis.hset(self._done_key, str(number), json.dumps(answer))
        self._redis.expire(self._done_key, KEPT_S)

    def _recall_done(self) -> dict[int, dict[str, int]]:
        kept: Any = self._redis.hgetall(self._done_key)
        return {int(number): json.loads(answer) for number, answer in kept.items()}

    def _job_id(self, number: int) -> str:
        return f"{self._assignment.job_id}-{number}"

    def _fetch(self, number: int) -> Job | None:
        try:
            return Job.fetch(self._job_id(number), self._redis, serializer=JSONSerializer)
        except NoSuchJobError:
            return None

    def _forget(self, number: int) -> None:
        job = self._fetch(number)
        if job is not None:
            job.delete()

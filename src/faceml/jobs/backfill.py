"""A backfill that many workers share: cut into chunks, queued for them, and added up by the job itself.

The job itself works on chunks, too, so that one worker alone gets through; it queues only as many as the others can
take soon, so that other jobs do not wait behind thousands. Which photos are in which chunk is kept in Redis: when the
job's worker dies, the next one goes on from there, and counts what was done before.
"""

from __future__ import annotations

import json
from time import sleep
from typing import Any

from rq.job import Job

from faceml.jobs.context import Assignment, JobCanceled, JobContext
from faceml.jobs.queue import KEPT_S
from faceml.jobs.state import ENDED, STATES
from faceml.options import DetectOptions
from faceml.services.photos.detect import backfill_faces, detect_in_assets, waiting_photos

CHUNK = 64  # photos; as many as detection stores in one transaction
AHEAD = 2  # chunks in the queue for each worker that listens
LOOK_EVERY_S = 0.2  # at chunks that other workers have not finished

Answer = dict[str, int]  # of one chunk, or of all: photos processed, and total_faces on them


def backfill_in_chunks(job: JobContext, options: DetectOptions) -> Answer:
    """Detect in the photos that wait; returns what all workers did together.

    Raises:
        ModelUnavailable, ModelMismatch, DatabaseUnavailable, QueueUnavailable.
    """
    if job.assignment is None:
        report = backfill_faces(job.library, options, on_progress=job.on_progress)
        return {"processed": report.processed, "total_faces": report.total_faces}
    with job.assignment.queue.answering():
        try:
            answers = SharedChunks(job, job.assignment, options).run()
        except JobCanceled:
            job.assignment.queue.cancel_chunks(job.assignment.job_id)
            raise
    return {name: sum(answer[name] for answer in answers) for name in ("processed", "total_faces")}


class SharedChunks:
    """The chunks of one backfill: waiting, queued for other workers, done."""

    def __init__(self, job: JobContext, assignment: Assignment, options: DetectOptions) -> None:
        self._job, self._assignment, self._options = job, assignment, options
        self._queue = assignment.queue
        self._redis = assignment.queue.connection
        self._chunks_key = f"faceml:backfill:{assignment.job_id}:plan"
        self._done_key = f"faceml:backfill:{assignment.job_id}:done"
        self._chunks = self._divided()
        done: Any = self._redis.hgetall(self._done_key)
        self._done: dict[int, Answer] = {int(number): json.loads(answer) for number, answer in done.items()}

    def run(self) -> list[Answer]:
        """Every chunk's answer, in order, whoever gave it."""
        numbers = range(len(self._chunks))
        out = {number for number in numbers if number not in self._done and self._fetch(number) is not None}
        left = [number for number in numbers if number not in self._done and number not in out]
        while len(self._done) < len(numbers):
            self._hand_out(left, out)
            own = left.pop(0) if left else self._take_back(out)
            if own is not None:
                self._run_here(own)
            elif not self._collect(out):
                self._queue.requeue_abandoned()
                sleep(LOOK_EVERY_S)
            self._collect(out)
            self._job.on_progress(sum(len(self._chunks[number]) for number in self._done), sum(map(len, self._chunks)))
        return [self._done[number] for number in numbers]

    def _hand_out(self, left: list[int], out: set[int]) -> None:
        """Give the other workers something to do; the next chunk stays here."""
        others = self._queue.worker_count() - 1
        room = others * AHEAD - len(out)
        options = self._options.parameters()
        del options["limit"], options["offset"]
        for _ in range(min(room, len(left) - 1)):
            number = left.pop(1)
            self._queue.hand_out(
                "detect_faces_job",
                {"asset_ids": self._chunks[number], **options},
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

    def _collect(self, out: set[int]) -> bool:
        """Take in what others have finished; a chunk that failed there is tried here. False if there was nothing."""
        ended = 0
        for number in sorted(out):
            chunk = self._fetch(number)
            state = STATES[chunk.get_status(refresh=False)] if chunk is not None else "failed"
            if state not in ENDED:
                continue
            answer = chunk.return_value() if chunk is not None and state == "finished" else None
            if answer is not None:
                self._keep(number, answer)
            else:
                self._forget(number)
                self._run_here(number)
            out.discard(number)
            ended += 1
        return ended > 0

    def _run_here(self, number: int) -> None:
        report = detect_in_assets(self._job.library, list(map(int, self._chunks[number])), self._options)
        self._keep(number, {"processed": report.processed, "total_faces": report.total_faces})

    def _keep(self, number: int, answer: Answer) -> None:
        self._done[number] = answer
        self._redis.hset(self._done_key, str(number), json.dumps(answer))
        self._redis.expire(self._done_key, KEPT_S)

    def _divided(self) -> list[list[str]]:
        """Asset ids by chunk: as an earlier attempt divided them, else those of the photos that wait now."""
        if kept := self._redis.get(self._chunks_key):
            return list(json.loads(kept))
        ids = [str(asset.id) for asset in waiting_photos(self._job.library.repository, self._options)]
        chunks = [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
        self._redis.set(self._chunks_key, json.dumps(chunks), ex=KEPT_S)
        return chunks

    def _job_id(self, number: int) -> str:
        return f"{self._assignment.job_id}-{number}"

    def _fetch(self, number: int) -> Job | None:
        return self._queue.rq.fetch_job(self._job_id(number))

    def _forget(self, number: int) -> None:
        if job := self._fetch(number):
            job.delete()

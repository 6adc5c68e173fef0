"""Bring the vector index up to the database: at once, or in a thread beside whoever labels (DESIGN D3)."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace

from faceml.errors import Conflict, FacemlError, IndexUnavailable, Unavailable
from faceml.library import Library
from faceml.progress import Progress, silent, told
from faceml.storage.forgetting import complete_erasures
from faceml.storage.index.vector_index import VectorIndex, write_points
from faceml.storage.sql.repository import Repository, UnitOfWork

CATCHES_UP = "the next command that reaches it brings it up to date"
BATCH = 10_000  # points a round, which is on disk before the next: 20 MB of vectors at 512-d
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DrainReport:
    points_written: int
    points_removed: int
    backlog: int  # outbox rows left
    reason: str | None = None  # why the index could not be reached


@dataclass(frozen=True, slots=True)
class _Batch:
    written: int
    removed: int
    row_ids: tuple[int, ...]  # of the outbox


def update_index(library: Library) -> None:
    """Bring the index up to a decision just committed: now, or soon in a thread where the library has a follower.

    Where opening the index takes longer than the decision, a few points wait for whoever opens it next. The decision
    stands whatever becomes of the index: what keeps that back is a line in the log and no error.
    """
    try:
        if library.index_follower is not None:
            library.index_follower()
        elif not may_wait(library):
            drain_outbox(library)
    except Exception as error:  # nothing may make a decision look as if it had failed
        reason = str(error) if isinstance(error, FacemlError) else f"unexpected {type(error).__name__}"
        log.warning("the decision is stored, but the index is behind (%s); %s", reason, CATCHES_UP)


def may_wait(library: Library) -> bool:
    """Whether what waits is little beside opening the index: who opens it next drains."""
    return library.index.takes_long and _backlog(library.repository) <= BATCH


@told
def drain_outbox(library: Library, *, on_progress: Progress = silent, log_level: int = logging.WARNING) -> DrainReport:
    """Copy the present state of every point in the outbox to the index, then forget the rows.

    An index that cannot be reached, or is another pack's, fails nothing: the outbox waits, and the report says why.
    What erasures have left in files is cleaned first.

    Args:
        log_level: of the line that says so.
    """
    complete_erasures(library.settings, library.repository)
    total = _backlog(library.repository)
    if total == 0:
        return DrainReport(0, 0, 0)
    written = removed = done = 0
    try:
        with library.index.open() as index:
            index.ensure_collection(index_width(library))
            while batch := _drain_batch(library.repository, index):
                written, removed, done = written + batch.written, removed + batch.removed, done + len(batch.row_ids)
                on_progress(done, max(total, done))
    except (IndexUnavailable, Conflict) as error:
        left = _backlog(library.repository)
        log.log(log_level, "%s; %d changes wait for the index, nothing is lost: %s", error, left, CATCHES_UP)
        return DrainReport(written, removed, left, str(error))
    return DrainReport(written, removed, _backlog(library.repository))


def index_note(library: Library) -> str | None:
    """What to tell whoever decided something, where the index is behind and could not follow; None elsewhere."""
    try:
        left = 0 if may_wait(library) else _backlog(library.repository)
    except Unavailable:  # the decision is stored; that the database is away since then is not its fault
        return None
    return f"{left} changes wait for the index, nothing is lost: {CATCHES_UP}" if left else None


def _drain_batch(repository: Repository, index: VectorIndex) -> _Batch | None:
    if repository.is_shared:
        # Nobody else may drain between reading a point and writing it: theirs would be newer, and ours overwrite it.
        with repository.begin() as unit:
            unit.outbox.lock()
            batch = _copy(unit, index)
            unit.outbox.remove(batch.row_ids)
    else:  # whoever holds the index drains alone, and a write lock would hold up people's decisions
        with repository.read() as unit:
            batch = _copy(unit, index)
        # Only now: a crash before this line repeats the batch, and repeating it changes nothing.
        if batch.row_ids:
            with repository.begin() as unit:
                unit.outbox.remove(batch.row_ids)
    return batch if batch.row_ids else None


def _copy(unit: UnitOfWork, index: VectorIndex) -> _Batch:
    pending = unit.outbox.peek(BATCH)
    points = unit.outbox.points(pending.point_ids)
    gone = list(set(pending.point_ids) - {point.id for point in points})
    write_points(index, points)
    if gone:
        index.delete(gone)
    return _Batch(len(points), len(gone), pending.row_ids)


def _backlog(repository: Repository) -> int:
    with repository.read() as unit:
        return unit.outbox.backlog()


def index_width(library: Library) -> int:
    """D of the collection: the pinned pack's; before the first detection, that of the pack that would be used."""
    return (library.repository.pack() or library.packs.contract()).width


PAUSE_S = 1.5  # without a decision: opening Edge takes 0.3 s at 50,000 faces, and whoever labels needs the processor
LONGEST_S = 20.0  # that decisions one after the other put it off
SELDOM = 20  # times as long where opening it takes seconds
RETRY_S = 15.0


class IndexFollower:
    """A thread that drains the outbox shortly after decisions.

    An index that cannot be reached is tried again later: nothing is lost, and `problem` says why to whoever labels.
    Whatever the outbox holds when the process ends, the next one drains.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self.problem: str | None = None  # why the index is behind, where the last try did not get through
        self._woken, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="faceml-index-follower", daemon=True)
        self._thread.start()

    def __call__(self) -> None:
        """A decision was committed."""
        self._woken.set()

    def close(self) -> None:
        """Drain what waits, and stop."""
        self._closed.set()
        self._woken.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._woken.wait()
            self._wait_for_a_pause()
            if not self._drain() and not self._closed.wait(RETRY_S):
                self._woken.set()

    def _wait_for_a_pause(self) -> None:
        times = SELDOM if self._library.index.takes_long else 1
        latest = time.monotonic() + LONGEST_S * times
        while self._woken.is_set() and not self._closed.is_set() and time.monotonic() < latest:
            self._woken.clear()
            self._woken.wait(PAUSE_S * times)
        self._woken.clear()

    def _drain(self) -> bool:
        try:
            report = drain_outbox(self._library, log_level=logging.INFO)
            self.problem = report.reason
            return report.backlog == 0
        except FacemlError as error:
            log.info("the index is not up to date yet: %s", error)
            self.problem = str(error)
            return False
        except Exception as error:  # the thread goes on: later decisions want to be followed, too
            self.problem = f"unexpected {type(error).__name__}"
            log.error("the index is not up to date yet: %s", self.problem)
            return False


def index_in_background(library: Library) -> Library:
    """The same library, whose index follows decisions in a thread."""
    return library if library.index_follower else replace(library, index_follower=IndexFollower(library))

"""Let the index follow decisions aside, so that whoever labels does not wait for it."""

from __future__ import annotations

import logging
import threading
import time

from faceml.errors import FacemlError
from faceml.services.drain import drain_outbox
from faceml.wiring import Library

PAUSE_S = 1.5  # without a decision: opening Edge takes 0.3 s at 50,000 faces, and whoever labels needs the processor
LONGEST_S = 20.0  # that decisions one after the other put it off
RETRY_S = 15.0
log = logging.getLogger(__name__)


class IndexFollower:
    """A thread that drains the outbox shortly after decisions.

    An index held by another process is tried again later, without a word: nothing is lost, and no one who labels can
    do anything about it. Whatever the outbox holds when the process ends, the next one drains.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
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
        latest = time.monotonic() + LONGEST_S
        while self._woken.is_set() and not self._closed.is_set() and time.monotonic() < latest:
            self._woken.clear()
            self._woken.wait(PAUSE_S)
        self._woken.clear()

    def _drain(self) -> bool:
        try:
            return drain_outbox(self._library, log_level=logging.INFO).backlog == 0
        except FacemlError as error:
            log.info("the index does not follow yet: %s", error)
            return False


def follow_aside(library: Library) -> None:
    """From now on the index follows this library's decisions in a thread."""
    if library.index_follower is None:
        library.index_follower = IndexFollower(library)

"""The libraries that a worker has open, with their models, for one job after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faceml.config import Settings
from faceml.jobs.address import check_address, settings_for
from faceml.jobs.connection import connect_queue
from faceml.library import Library
from faceml.once import Once
from faceml.wiring import open_library

OPEN_AT_MOST = 2  # each holds models in memory


class Libraries:
    def __init__(self, settings: Settings) -> None:
        self.own = open_library(settings)  # of the worker's environment
        self.queue = Once(lambda: connect_queue(self.own))
        self._open: dict[Settings, Library] = {settings: self.own}

    def open(self, address: Mapping[str, Any]) -> Library:
        """The library of a job, opened by the first job that needs it.

        Raises:
            WrongUse: it is another than this worker can open; DatabaseUnavailable.
        """
        settings = settings_for(address, self.own.settings)
        if settings not in self._open:
            self._close_beyond(OPEN_AT_MOST - 1)
            self._open[settings] = open_library(settings)
        library = self._open[settings]
        check_address(address, library)
        return library

    def close(self) -> None:
        self._close_beyond(0)
        if self.queue.opened is not None:
            self.queue.opened.close()
        self.own.close()

    def _close_beyond(self, number: int) -> None:
        """Close those opened first; the worker's own stays."""
        others = [settings for settings in self._open if self._open[settings] is not self.own]
        for settings in others[: max(0, len(others) - number)]:
            self._open.pop(settings).close()

"""Runs what is due: one at a time, missed times made up for once, and none twice after a restart.

The loop belongs to the process's main thread, where SIGTERM may unwind it: a run in progress ends its kernel, says
"stopped" in its record, and the schedule ends with it.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from faceml.files import write_whole
from faceml.pipelines.cron import Cron

STATE = "schedule.json"
LONGEST_WAIT = timedelta(seconds=30)  # then the clock is read again: machines sleep, and clocks are set
log = logging.getLogger(__name__)


class Clock(Protocol):
    """Time, as a test can turn it."""

    def now(self) -> datetime:
        """Aware."""

    def wait_until(self, moment: datetime) -> None:
        """Return then, or earlier."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now().astimezone()

    def wait_until(self, moment: datetime) -> None:
        left = min(moment - self.now(), LONGEST_WAIT).total_seconds()
        threading.Event().wait(max(0.0, left))


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    cron: Cron


@dataclass(frozen=True, slots=True)
class Due:
    entry: Entry
    at: datetime


class Schedule:
    """What is due when, and what was done; the latter survives in `<home>/schedule.json`."""

    def __init__(self, entries: Sequence[Entry], *, home: Path, clock: Clock) -> None:
        self._entries = entries
        self._file = home / STATE
        self._clock = clock
        self._handled = self._read()

    def next(self) -> Due:
        """The first that is due, be it in the past.

        Raises:
            ValueError: nothing ever is.
        """
        times = [(entry, entry.cron.next_after(self._handled[entry.name])) for entry in self._entries]
        due = [Due(entry, at) for entry, at in times if at is not None]
        return min(due, key=lambda item: item.at)

    def run_forever(self, run: Callable[[Entry], None]) -> None:
        """Wait and run until an exception that is no ordinary one ends it (SystemExit, KeyboardInterrupt)."""
        self._write()  # what is missed from now on is made up for, whenever this ends
        while True:
            due = self.next()
            if due.at > self._clock.now():
                self._clock.wait_until(due.at)
                continue
            # Everything missed until now is made up for by this run. Written down first: a run that takes the machine
            # down is not tried again and again.
            self._handled[due.entry.name] = self._clock.now()
            self._write()
            try:
                run(due.entry)
            except Exception:
                log.exception("the pipeline %s failed; the schedule goes on", due.entry.name)

    def _read(self) -> dict[str, datetime]:
        """When each was last handled; what is new, or has another cron line by now, counts from now on."""
        now = self._clock.now()
        try:
            stored = json.loads(self._file.read_text(encoding="utf-8"))
            known = {name: datetime.fromisoformat(item["handled"]) for name, item in stored.items()}
            crons = {name: item["cron"] for name, item in stored.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            known, crons = {}, {}
        return {
            entry.name: min(known[entry.name], now) if crons.get(entry.name) == entry.cron.text else now
            for entry in self._entries
        }

    def _write(self) -> None:
        plain = {
            entry.name: {"cron": entry.cron.text, "handled": self._handled[entry.name].isoformat()}
            for entry in self._entries
        }
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._file, json.dumps(plain, indent=1).encode())

"""Runs pipelines when their cron lines say so: one at a time, missed times once, nothing twice after a restart.

The loop belongs to the process's main thread, where SIGTERM may unwind it: a run in progress ends its kernel, says
"stopped" in its record, and the schedule ends with it.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from faceml.config import Settings
from faceml.errors import FacemlError, WrongUse
from faceml.files import write_whole
from faceml.pipelines.cron import next_due
from faceml.pipelines.definition import Pipeline, read_pipeline
from faceml.pipelines.history import PipelineRun, RunStatus, past_runs, run_lock
from faceml.pipelines.references import known_names
from faceml.pipelines.report import REPORT, call_webhook, check_webhook
from faceml.pipelines.runner import run_pipeline
from faceml.services.operate.status import library_snapshot
from faceml.wiring import open_library

STATE = "schedule.json"
LONGEST_WAIT = timedelta(seconds=30)  # then the clock is read again: machines sleep, and clocks are set
CORRECTION = timedelta(minutes=1)  # a clock set back by less is only put right, and no minute is due twice
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A pipeline that is run by its cron line."""

    name: str
    cron: str
    file: Path


@dataclass(frozen=True, slots=True)
class Due:
    entry: Entry
    at: datetime

    def __str__(self) -> str:
        return f"{self.entry.name}, {self.at:%Y-%m-%d %H:%M}"


@dataclass(frozen=True, slots=True)
class ScheduledPipelines:
    entries: tuple[Entry, ...]
    parameters: Mapping[str, str]  # each goes to the pipelines that know it
    webhook: str | None


def read_schedule(
    files: Sequence[Path], parameters: Mapping[str, str], *, webhook: str | None = None
) -> ScheduledPipelines:
    """Read the pipelines that have a cron line, and check that each could run with these parameters.

    Args:
        parameters: each goes to the pipelines that know it.
    Raises:
        WrongUse: no pipeline has a cron line, two share a name, one lacks a value, or no pipeline knows a parameter.
    """
    if webhook is not None:
        check_webhook(webhook)
    read = [(file.resolve(), read_pipeline(file)) for file in files]
    entries = tuple(Entry(pipeline.name, pipeline.cron, file) for file, pipeline in read if pipeline.cron is not None)
    if not entries:
        looked_at = ", ".join(str(file) for file in files) or "pipelines/*.yaml"
        raise WrongUse(f'no pipeline of {looked_at} has a cron line: add one, as in cron: "0 3 * * *"')
    names = sorted(entry.name for entry in entries)
    if len(set(names)) < len(names):
        raise WrongUse(f"two of the pipelines {', '.join(names)} share a name: rename one")
    pipelines = [pipeline for _, pipeline in read if pipeline.cron is not None]
    known = {name for pipeline in pipelines for name in pipeline.parameters}
    for name in parameters:
        if name not in known:
            raise WrongUse(f"no scheduled pipeline has a parameter {name!r}; {known_names(name, known)}")
    for pipeline in pipelines:
        pipeline.bind(_known_to(pipeline, parameters), folder=Path.cwd())
    return ScheduledPipelines(entries, parameters, webhook)


def run_schedule(
    settings: Settings, scheduled: ScheduledPipelines, *, on_note: Callable[[str], None] = log.info
) -> None:
    """Run what is due until SIGTERM or Ctrl-C; a run in progress then ends its kernel first.

    Raises:
        SystemExit: SIGTERM.
        Conflict: this library has a schedule already.
    """
    from faceml.pipelines.execution import sigterm_unwinds  # late: Jupyter's packages take a second

    with sigterm_unwinds(), run_lock(settings.home, "faceml pipeline schedule", name="schedule"):
        schedule = Schedule(scheduled.entries, home=settings.home)
        on_note(f"waiting; first is {schedule.next()}")

        def run(entry: Entry) -> None:
            on_note(f"{entry.name}: started")
            done = run_due(settings, scheduled, entry)
            if done is not None:
                page = done.folder / REPORT if done.folder else ""
                on_note(f"{entry.name}: {done.status} in {done.seconds:.0f} s, {page}")
            on_note(f"waiting; next is {schedule.next()}")

        schedule.run_forever(run)


def run_due(settings: Settings, scheduled: ScheduledPipelines, entry: Entry) -> PipelineRun | None:
    """One run with its report and webhook; a failure is recorded and logged. None where nothing was recorded."""
    library, started = open_library(settings), now()
    try:
        pipeline = read_pipeline(entry.file)  # as it is now
        done: PipelineRun | None = run_pipeline(
            pipeline,
            parameters=_known_to(pipeline, scheduled.parameters),
            home=settings.home,
            tracking=library.tracking,
            library=library_snapshot(library.repository),
            wait=True,
        )
    except FacemlError as error:
        log.error("%s", error)
        last = next(iter(past_runs(settings.home, entry.name)), None)
        is_this_one = last is not None and last.status is RunStatus.FAILED and last.started_at >= started
        done = last if is_this_one else None
    finally:
        library.close()
    if done is not None and scheduled.webhook is not None:
        call_webhook(scheduled.webhook, done)
    return done


def _known_to(pipeline: Pipeline, parameters: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if name in pipeline.parameters}


def now() -> datetime:
    """Aware, on the machine's clock."""
    return datetime.now().astimezone()


def wait_until(moment: datetime) -> None:
    """Return then, or earlier."""
    threading.Event().wait(max(0.0, min(moment - now(), LONGEST_WAIT).total_seconds()))


class Schedule:
    """What is due when; what was done is kept in `<home>/schedule.json`."""

    def __init__(
        self,
        entries: Sequence[Entry],
        *,
        home: Path,
        now: Callable[[], datetime] = now,
        wait_until: Callable[[datetime], None] = wait_until,
    ) -> None:
        """
        Args:
            now, wait_until: the clock, which a test turns by itself.
        """
        self._entries = entries
        self._file = home / STATE
        self._now, self._wait_until = now, wait_until
        self._handled = self._read()
        self._follow_clock()

    def next(self) -> Due:
        """What is due first; its time may lie in the past.

        Raises:
            ValueError: nothing ever will be.
        """
        times = [(entry, next_due(entry.cron, self._handled[entry.name])) for entry in self._entries]
        return min((Due(entry, at) for entry, at in times if at is not None), key=lambda due: due.at)

    def run_forever(self, run: Callable[[Entry], None]) -> None:
        """Wait and run until SystemExit or KeyboardInterrupt ends it; an Exception is logged, and it goes on."""
        self._write()  # from now on missed times are made up for, whenever this ends
        while True:
            self._follow_clock()
            due = self.next()
            if due.at > self._now():
                self._wait_until(due.at)
                continue
            # Everything missed until now is made up for by this run. Written down first: a run that takes the machine
            # down is not tried again and again.
            self._handled[due.entry.name] = self._now()
            self._write()
            try:
                run(due.entry)
            except Exception:
                log.exception("the pipeline %s failed; the schedule goes on", due.entry.name)

    def _follow_clock(self) -> None:
        """Whoever was handled later than it is now counts from now: the clock was set back."""
        now = self._now()
        ahead = {name: at for name, at in self._handled.items() if at - now > CORRECTION}
        if ahead:
            log.warning("the clock was set back by %s: what is due is counted from now", max(ahead.values()) - now)
            self._handled |= dict.fromkeys(ahead, now)

    def _read(self) -> dict[str, datetime]:
        """When each was last handled; one that is new, or has another cron line by now, starts to count now."""
        now = self._now()
        try:
            stored = json.loads(self._file.read_text(encoding="utf-8"))
            known = {name: datetime.fromisoformat(item["handled"]) for name, item in stored.items()}
            crons = {name: item["cron"] for name, item in stored.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            known, crons = {}, {}
        return {item.name: known[item.name] if crons.get(item.name) == item.cron else now for item in self._entries}

    def _write(self) -> None:
        plain = {
            entry.name: {"cron": entry.cron, "handled": self._handled[entry.name].isoformat()}
            for entry in self._entries
        }
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._file, json.dumps(plain, indent=1).encode())

"""Run pipelines when their cron lines say so, and report each run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from faceml.config import Settings
from faceml.errors import FacemlError, WrongUse
from faceml.pipelines.cron import parse_cron
from faceml.pipelines.definition import Pipeline, read_pipeline
from faceml.pipelines.history import PipelineRun, RunStatus, past_runs
from faceml.pipelines.references import known_names
from faceml.pipelines.report import REPORT
from faceml.pipelines.run_lock import run_lock
from faceml.pipelines.runner import run_pipeline
from faceml.pipelines.schedule import Clock, Entry, Schedule, SystemClock
from faceml.pipelines.webhook import call_webhook, check_webhook
from faceml.services.operate.status import library_snapshot
from faceml.wiring import open_library

Note = Callable[[str], None]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a schedule runs."""

    files: Mapping[str, Path]  # by the pipeline's name
    entries: tuple[Entry, ...]
    parameters: Mapping[str, str]
    webhook: str | None


def plan_schedule(files: Sequence[Path], parameters: Mapping[str, str], *, webhook: str | None = None) -> Plan:
    """Read the pipelines that have a cron line, and check that each could run with these parameters.

    Args:
        parameters: each goes to the pipelines that know it.
    Raises:
        WrongUse: none has a cron line, two share a name, one lacks a value, or nobody knows a parameter.
    """
    if webhook is not None:
        check_webhook(webhook)
    read = [(file.resolve(), read_pipeline(file)) for file in files]
    scheduled = [(file, pipeline) for file, pipeline in read if pipeline.cron is not None]
    if not scheduled:
        names = ", ".join(str(file) for file in files) or "pipelines/*.yaml"
        raise WrongUse(f'no pipeline of {names} has a cron line: add one, as in cron: "0 3 * * *"')
    pipelines = [pipeline for _, pipeline in scheduled]
    by_name = {pipeline.name: file for file, pipeline in scheduled}
    if len(by_name) < len(pipelines):
        raise WrongUse(f"two of the pipelines {', '.join(sorted(p.name for p in pipelines))} share a name: rename one")
    known = {name for pipeline in pipelines for name in pipeline.parameters}
    for name in parameters:
        if name not in known:
            raise WrongUse(f"no scheduled pipeline has a parameter {name!r}; {known_names(name, known)}")
    for pipeline in pipelines:
        pipeline.bind(_known_to(pipeline, parameters), folder=Path.cwd())
    entries = tuple(Entry(pipeline.name, parse_cron(pipeline.cron or "")) for pipeline in pipelines)
    return Plan(by_name, entries, parameters, webhook)


def run_schedule(settings: Settings, plan: Plan, *, clock: Clock | None = None, on_note: Note = log.info) -> None:
    """Run what is due until the process is told to stop; a run that is going on then ends its kernel first.

    Raises:
        SystemExit: SIGTERM.
        Conflict: this library has a schedule already.
    """
    from faceml.pipelines.kernel import sigterm_unwinds  # late: Jupyter's packages take a second

    with sigterm_unwinds(), run_lock(settings.home, "faceml pipeline schedule", name="schedule"):
        schedule = Schedule(plan.entries, home=settings.home, clock=clock or SystemClock())
        on_note(f"waiting; first is {schedule.next().entry.name}, {schedule.next().at:%Y-%m-%d %H:%M}")

        def run(entry: Entry) -> None:
            on_note(f"{entry.name}: started")
            done = run_due(settings, plan, entry)
            if done is not None:
                page = done.folder / REPORT if done.folder else ""
                on_note(f"{entry.name}: {done.status} in {done.seconds:.0f} s, {page}")
            on_note(f"waiting; next is {schedule.next().entry.name}, {schedule.next().at:%Y-%m-%d %H:%M}")

        schedule.run_forever(run)


def run_due(settings: Settings, plan: Plan, entry: Entry) -> PipelineRun | None:
    """One run with its report and webhook; one that fails is recorded and logged. None where nothing was recorded."""
    library, started = open_library(settings), datetime.now().astimezone()
    try:
        pipeline = read_pipeline(plan.files[entry.name])  # as it is now
        done: PipelineRun | None = run_pipeline(
            pipeline,
            parameters=_known_to(pipeline, plan.parameters),
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
    if done is not None and plan.webhook is not None:
        call_webhook(plan.webhook, done)
    return done


def _known_to(pipeline: Pipeline, parameters: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if name in pipeline.parameters}

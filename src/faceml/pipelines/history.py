"""Records of runs, the JSON file beside the executed notebooks that keeps them, and the lock for one run at a time."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from faceml.errors import Conflict, Unavailable
from faceml.files import file_lock, new_folder, write_whole

_FILE = "run.json"
log = logging.getLogger(__name__)


class StepStatus(StrEnum):
    PLANNED = "planned"  # a dry run goes no further
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class RunStatus(StrEnum):
    PLANNED = "planned"
    RUNNING = "running"  # also of a run that was killed
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"  # by Ctrl-C or SIGTERM


@dataclass(frozen=True, slots=True)
class StepRun:
    name: str
    status: StepStatus
    parameters: dict[str, Any] = field(default_factory=dict)  # as the notebook got them
    results: dict[str, Any] = field(default_factory=dict)  # as the notebook reported them
    seconds: float = 0.0
    notebook: Path | None = None  # the executed one
    run_id: str | None = None  # in MLflow
    note: str | None = None  # why it was skipped
    failed_cell: str | None = None
    error: str | None = None  # one line

    @property
    def numbers(self) -> dict[str, float]:
        """The results that count or measure."""
        return {name: value for name, value in self.results.items() if isinstance(value, bool | int | float)}


@dataclass(frozen=True, slots=True)
class PipelineRun:
    pipeline: str
    status: RunStatus
    started_at: datetime
    parameters: dict[str, Any]
    steps: tuple[StepRun, ...]  # those that have ended, in order
    seconds: float = 0.0
    folder: Path | None = None  # executed notebooks and this record; None for a dry run
    run_id: str | None = None  # the parent run in MLflow
    resumed_from: str | None = None  # the first step that was run again

    def step(self, name: str) -> StepRun | None:
        return next((step for step in self.steps if step.name == name), None)

    @property
    def failed_step(self) -> StepRun | None:
        return next((step for step in self.steps if step.status is StepStatus.FAILED), None)

    def taken_over(self) -> tuple[StepRun, ...]:
        """The steps taken over from the run that this one resumes."""
        if self.resumed_from is None:
            return ()
        return tuple(takewhile(lambda step: step.name != self.resumed_from, self.steps))


_RUN = TypeAdapter(PipelineRun)


def new_run_folder(home: Path, pipeline: str, started_at: datetime) -> Path:
    """Make `<home>/runs/<pipeline>-<timestamp>`; a number is added where two runs start in one second."""
    return new_folder(home.resolve() / "runs", f"{pipeline}-{started_at:%Y%m%d-%H%M%S}")


def save_run(run: PipelineRun) -> None:
    if run.folder is not None:
        write_whole(run.folder / _FILE, _RUN.dump_json(run, indent=2))


def past_runs(home: Path, pipeline: str | None = None) -> list[PipelineRun]:
    """The recorded runs of one pipeline, or of all of them, newest first."""
    runs = (_read(file) for file in (home.resolve() / "runs").glob(f"*/{_FILE}"))
    chosen = [run for run in runs if run is not None and pipeline in (None, run.pipeline)]
    return sorted(chosen, key=lambda run: (run.started_at, str(run.folder)), reverse=True)


def _read(file: Path) -> PipelineRun | None:
    try:
        run = _RUN.validate_json(file.read_bytes())
    except (OSError, ValueError):
        return None  # a broken or foreign record must not hide the others
    # The library's folder may have been moved since: notebooks are found beside the record.
    steps = tuple(replace(step, notebook=_moved(step.notebook, file.parent.parent)) for step in run.steps)
    return replace(run, steps=steps, folder=file.parent)


def _moved(notebook: Path | None, runs: Path) -> Path | None:
    return notebook and runs / notebook.parent.name / notebook.name


@contextmanager
def run_lock(home: Path, what: str, *, wait: bool = False, name: str = "run") -> Iterator[None]:
    """Hold the library's runs while the block lasts; the kernel frees the lock when its holder dies.

    Args:
        what: is shown to others who find it held.
        name: of the lock; `schedule` is held by a schedule as long as it lives.
    Raises:
        Conflict: somebody else holds it, and `wait` is false.
        Unavailable: its file cannot be written.
    """
    file = home.resolve() / "runs" / f".{name}.lock"
    new_folders = [folder for folder in (file.parent, file.parent.parent) if not folder.exists()]

    with file_lock(
        file,
        f"{what}, pid {os.getpid()}",
        wait_s=math.inf if wait else 0.0,
        busy=lambda holder: Conflict(
            f"another {name} is going on in {home} ({holder or 'just started'}): wait until it is done, or stop it"
        ),
        unusable=Unavailable,
        on_wait=lambda holder: log.info("waiting for the %s that is going on (%s)", name, holder or "just started"),
    ):
        try:
            yield
        except BaseException:
            if new_folders and os.listdir(file.parent) == [file.name]:  # nothing came of it: leave nothing behind
                file.unlink()
                with suppress(OSError):
                    for folder in new_folders:
                        folder.rmdir()
            raise

"""Keeps a run's record on disk and its MLflow runs in step: a parent, and a child for each step."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from faceml.errors import Unavailable
from faceml.files import require_room, write_whole
from faceml.pipelines.history import PipelineRun, RunStatus, StepRun, StepStatus, new_run_folder, save_run
from faceml.pipelines.notebooks import without_pictures
from faceml.pipelines.report import REPORT, render
from faceml.tracking.mlflow_store import MlflowStore, Outcome
from faceml.tracking.presentation import source
from faceml.tracking.spool import HELD, Measurement, Recorded, as_text, read_spool

_OUTCOMES = {
    RunStatus.DONE: Outcome.FINISHED,
    RunStatus.FAILED: Outcome.FAILED,
    RunStatus.STOPPED: Outcome.KILLED,
}


class RunLog:
    """The record of a run in progress.

    The record on disk is written first, so that a tracking server that goes away never costs what was done. Once it
    has not answered it is left alone.
    """

    def __init__(
        self, planned: PipelineRun, store: MlflowStore, *, home: Path, library: Mapping[str, Any] | None
    ) -> None:
        """Open the parent run; raises Unavailable before anything is run or written."""
        require_room(home)
        self._store = store
        self._answers = True
        self._started = time.monotonic()
        resumed = {"resumed_from": planned.resumed_from} if planned.resumed_from else {}
        holds = {f"{HELD}{name}": value for name, value in (library or {}).items()}
        tags = {"kind": "pipeline", **resumed, **holds}
        run_id = store.open_run(planned.pipeline, parent=None, tags=tags)
        folder = new_run_folder(home, planned.pipeline, planned.started_at)
        self.folder = folder
        self.run = replace(planned, status=RunStatus.RUNNING, run_id=run_id, folder=folder)
        save_run(self.run)

    def open_step(self, name: str) -> tuple[str, Path]:
        """The child run of a step and the spool its notebook writes to."""
        tags = {"pipeline": self.run.pipeline, "step": name}
        run_id = self._store.open_run(name, parent=self.run.run_id, tags=tags)
        spool = self.folder / f"{name}.spool"
        spool.mkdir()
        return run_id, spool

    def add(self, step: StepRun) -> StepRun:
        """Record a step without an MLflow run: it did not start."""
        self.run = replace(self.run, steps=(*self.run.steps, step), seconds=self._seconds())
        save_run(self.run)
        return step

    def close_step(self, step: StepRun, spool: Path, outcome: Outcome) -> StepRun:
        """Record a step that ended, and log what its notebook left; raises Unavailable only for one that is done."""
        self.add(step)
        recorded = _with_notebook(read_spool(spool), step)
        if self._send(step.run_id, recorded, outcome, forgiving=step.status is not StepStatus.DONE):
            shutil.rmtree(spool)
        return step

    def close(self, status: RunStatus) -> PipelineRun:
        self.run = replace(self.run, status=status, seconds=self._seconds())
        save_run(self.run)
        write_whole(self.folder / REPORT, render(self.run).encode())
        self._send(self.run.run_id, _summary(self.run), _OUTCOMES[status], forgiving=status is not RunStatus.DONE)
        return self.run

    def _seconds(self) -> float:
        return round(time.monotonic() - self._started, 2)

    def _send(self, run_id: str | None, recorded: Recorded, outcome: Outcome, *, forgiving: bool) -> bool:
        """Log and close an MLflow run; whether that worked. Forgiving: another error is on its way to the user."""
        if not self._answers or run_id is None:
            return False
        try:
            self._store.log(run_id, recorded)
            self._store.close_run(run_id, outcome)
        except Unavailable:
            self._answers = False
            if not forgiving:
                raise
            return False
        return True


def _with_notebook(recorded: Recorded, step: StepRun) -> Recorded:
    """Add what the runner knows of a step: its parameters, results, time, error and executed notebook."""
    measured = {measurement.name for measurement in recorded.metrics}
    numbers = {name: value for name, value in {**step.numbers, "seconds": step.seconds}.items() if name not in measured}
    if recorded.artifacts is not None:
        _add_files(recorded.artifacts, step, pictures_allowed=recorded.pictures_allowed)
    return replace(
        recorded,
        parameters={name: as_text(value) for name, value in step.parameters.items()} | recorded.parameters,
        metrics=(*recorded.metrics, *_now(numbers)),
        tags=recorded.tags | _failure(step) | (source(step.notebook.name) if step.notebook else {}),
    )


def _add_files(artifacts: Path, step: StepRun, *, pictures_allowed: bool) -> None:
    (artifacts / "results.json").write_text(json.dumps(step.results, indent=2), encoding="utf-8")
    if step.notebook is not None and step.notebook.exists():
        folder = artifacts / "notebook"
        folder.mkdir(exist_ok=True)
        publish = shutil.copyfile if pictures_allowed else without_pictures
        publish(step.notebook, folder / step.notebook.name)


def _summary(run: PipelineRun) -> Recorded:
    """What the parent run shows: every step's status, and its numbers as `step.number`."""
    numbers: dict[str, float] = {"seconds": run.seconds}
    tags: dict[str, str] = {}
    for step in run.steps:
        tags[f"step.{step.name}"] = f"{step.status}: {step.note}" if step.note else step.status.value
        numbers[f"{step.name}.seconds"] = step.seconds
        numbers |= {f"{step.name}.{name}": value for name, value in step.numbers.items()}
    if failed := run.failed_step:
        tags |= {"failed_step": failed.name, **_failure(failed)}
    parameters = {name: as_text(value) for name, value in run.parameters.items()}
    return Recorded(parameters, _now(numbers), tags, pictures_allowed=False, artifacts=None)


def _failure(step: StepRun) -> dict[str, str]:
    tags = {"failed_cell": step.failed_cell, "error": step.error}
    return {name: text for name, text in tags.items() if text}


def _now(numbers: Mapping[str, float]) -> tuple[Measurement, ...]:
    at_ms = int(time.time() * 1000)
    return tuple(Measurement(name, float(value), 0, at_ms) for name, value in numbers.items())

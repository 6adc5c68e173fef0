"""Records of runs, and the JSON file beside the executed notebooks that keeps them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from faceml.files import write_whole

_FILE = "run.json"


class StepStatus(StrEnum):
    PLANNED = "planned"  # a dry run goes no further
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class RunStatus(StrEnum):
    PLANNED = "planned"
    RUNNING = "running"  # also what a run says that was killed
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"  # by Ctrl-C or SIGTERM


@dataclass(frozen=True, slots=True)
class StepRun:
    """What became of one step."""

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
    """What became of one run of a pipeline."""

    pipeline: str
    status: RunStatus
    started_at: datetime
    parameters: dict[str, Any]
    steps: tuple[StepRun, ...]  # those that have ended, in order
    seconds: float = 0.0
    folder: Path | None = None  # executed notebooks and this record; None for a dry run
    run_id: str | None = None  # the parent run in MLflow
    resumed_from: str | None = None  # the first step that was run anew

    def step(self, name: str) -> StepRun | None:
        return next((step for step in self.steps if step.name == name), None)

    @property
    def failed_step(self) -> StepRun | None:
        return next((step for step in self.steps if step.status is StepStatus.FAILED), None)

    def taken_over(self) -> tuple[StepRun, ...]:
        """The steps of the run that this one resumes; none where it started anew."""
        if self.resumed_from is None:
            return ()
        return tuple(takewhile(lambda step: step.name != self.resumed_from, self.steps))


_RUN = TypeAdapter(PipelineRun)


def new_run_folder(home: Path, pipeline: str, started_at: datetime) -> Path:
    """Make `<home>/runs/<pipeline>-<timestamp>`; a number is added where two runs start in one second."""
    stem = f"{pipeline}-{started_at:%Y%m%d-%H%M%S}"
    for number in count(1):
        folder = home.resolve() / "runs" / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
    raise AssertionError("count() does not end")


def save_run(run: PipelineRun) -> None:
    """Write the record into its folder."""
    if run.folder is not None:
        write_whole(run.folder / _FILE, json.dumps(run_as_json(run), indent=2).encode())


def run_as_json(run: PipelineRun) -> dict[str, Any]:
    """The record in JSON's own types; `--json` prints it, too."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(run), default=str))
    return plain


def past_runs(home: Path, pipeline: str | None = None) -> list[PipelineRun]:
    """All recorded runs of a pipeline (of all: None), the newest first."""
    runs = (_read(file) for file in (home.resolve() / "runs").glob(f"*/{_FILE}"))
    chosen = [run for run in runs if run is not None and pipeline in (None, run.pipeline)]
    return sorted(chosen, key=lambda run: (run.started_at, str(run.folder)), reverse=True)


def _read(file: Path) -> PipelineRun | None:
    try:
        run = _RUN.validate_json(file.read_bytes())
    except (OSError, ValueError):
        return None  # a broken or foreign record hides no other run
    # The library's folder may have been moved since: notebooks are found beside the record.
    steps = tuple(replace(step, notebook=_moved(step.notebook, file.parent.parent)) for step in run.steps)
    return replace(run, steps=steps, folder=file.parent)


def _moved(notebook: Path | None, runs: Path) -> Path | None:
    return notebook and runs / notebook.parent.name / notebook.name

"""Runs a pipeline's notebooks, a kernel for each step, each recorded as an MLflow run.

A step costs about 1.2 s before its own imports (kernel start, papermill, shutdown); mlflow is imported here, once, and
never in a step's kernel (see `faceml.tracking`). After every step the run's record is written, so that a run that was
stopped, even by SIGKILL, is resumed with `from_step`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from faceml.errors import PipelineFailed, Unavailable, WrongUse
from faceml.pipelines.definition import Pipeline, Step
from faceml.pipelines.history import PipelineRun, RunStatus, StepRun, StepStatus, past_runs, run_lock
from faceml.pipelines.notebooks import count_cells, read_results
from faceml.pipelines.references import Reference, StepWasSkipped, fill, known_names
from faceml.pipelines.run_log import RunLog
from faceml.tracking.mlflow_store import Outcome
from faceml.tracking.session import RUN_ID_VARIABLE, SPOOL_VARIABLE, Tracking

OnProgress = Callable[[int, int, str, int, int], None]


def run_pipeline(
    pipeline: Pipeline,
    *,
    parameters: Mapping[str, Any],
    home: Path,
    tracking: Tracking,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    library: Mapping[str, Any] | None = None,
    from_step: str | None = None,
    dry_run: bool = False,
    wait: bool = False,
    on_progress: OnProgress = lambda *_: None,
) -> PipelineRun:
    """Run a pipeline's steps in order; the first that fails stops it.

    Args:
        parameters: values over the pipeline's defaults, typed or as text (`-p name=value`).
        home: the library's folder; executed notebooks go to `<home>/runs/<pipeline>-<timestamp>/NN_step.ipynb`.
        folder: where kernels run and relative paths start; default: the current folder.
        environment: variables for the kernels, over this process's own; FACEML_HOME is always `home`.
        library: what the library holds, for the tags of the parent run.
        from_step: take the results of the steps before it, and the parameters, from this pipeline's last run.
        dry_run: check and fill in everything, run and write nothing.
        wait: until another run in this library is done.
        on_progress: called with (step, steps, step name, cell, cells), from 1; cell 0 is the kernel's start.
    Raises:
        WrongUse: unknown, missing, ill-typed or out-of-range parameters; a `from_step` that cannot be resumed at.
        PipelineFailed: names pipeline, step, cell, error and the executed notebook, in one line.
        Unavailable: MLflow does not answer.
        Conflict: another run is going on in this library.
    """
    folder = (folder or Path.cwd()).resolve()
    kept: dict[str, Any] = {}
    earlier: tuple[StepRun, ...] = ()
    if from_step:
        last = _last_run(pipeline, home)
        kept = {name: value for name, value in last.parameters.items() if name in pipeline.parameters}
        earlier = _earlier_steps(pipeline, from_step, last)
    values = pipeline.bind({**kept, **parameters}, folder=folder)
    started_at = datetime.now().astimezone()
    planned = PipelineRun(pipeline.name, RunStatus.PLANNED, started_at, values, earlier, resumed_from=from_step)
    if dry_run:
        return replace(planned, steps=(*earlier, *(_planned(step, values) for step in pipeline.steps[len(earlier) :])))
    from faceml.pipelines.execution import sigterm_unwinds  # late: Jupyter's packages take a second

    with sigterm_unwinds(), run_lock(home, pipeline.name, wait=wait):
        log = RunLog(planned, tracking.store, home=home, library=library)
        variables = {
            **os.environ,
            **(environment or {}),
            "FACEML_HOME": str(home.resolve()),
            "MLFLOW_TRACKING_URI": tracking.store.uri,
        }
        return _Runner(pipeline, folder, variables, log, on_progress).run()


@dataclass(frozen=True)
class _Runner:
    _pipeline: Pipeline
    _folder: Path
    _variables: Mapping[str, str]
    _log: RunLog
    _on_progress: OnProgress

    def run(self) -> PipelineRun:
        steps = self._pipeline.steps
        try:
            for number in range(len(self._log.run.steps), len(steps)):
                ended = self._run_step(number, steps[number])
                if ended.status is StepStatus.FAILED:
                    raise PipelineFailed(self._failure(ended))
            return self._log.close(RunStatus.DONE)
        except Unavailable as error:
            self._log.close(RunStatus.FAILED)
            raise Unavailable(f"{error}; {self._what_is_done()}") from error
        except Exception:
            self._log.close(RunStatus.FAILED)
            raise
        except BaseException:  # Ctrl-C, SIGTERM
            self._log.close(RunStatus.STOPPED)
            raise

    def _run_step(self, number: int, step: Step) -> StepRun:
        try:
            if reason := self._reason_to_skip(step):
                return self._log.add(StepRun(step.name, StepStatus.SKIPPED, note=f"nothing new ({reason})"))
            values = self._values(step)
        except LookupError as error:
            return self._log.add(StepRun(step.name, StepStatus.FAILED, error=str(error.args[0])))
        run_id, spool = self._log.open_step(step.name)
        notebook = self._log.folder / f"{number + 1:02d}_{step.name}.ipynb"
        begun = StepRun(step.name, StepStatus.FAILED, values, notebook=notebook, run_id=run_id, error="stopped")
        started = time.monotonic()
        try:
            ended = self._execute(number, step, begun, spool)
        except BaseException:
            stopped = replace(begun, seconds=_since(started))
            self._log.close_step(stopped, spool, Outcome.KILLED)
            raise
        outcome = Outcome.FINISHED if ended.status is StepStatus.DONE else Outcome.FAILED
        return self._log.close_step(replace(ended, seconds=_since(started)), spool, outcome)

    def _execute(self, number: int, step: Step, begun: StepRun, spool: Path) -> StepRun:
        from faceml.pipelines.execution import NotebookFailed, execute_notebook

        cells = count_cells(step.notebook, with_parameters=bool(begun.parameters))
        notebook = begun.notebook or self._log.folder

        def tell(cell: int) -> None:
            self._on_progress(number + 1, len(self._pipeline.steps), step.name, cell, cells)

        tell(0)
        try:
            execute_notebook(
                step.notebook,
                notebook,
                parameters=begun.parameters,
                environment={**self._variables, RUN_ID_VARIABLE: begun.run_id or "", SPOOL_VARIABLE: str(spool)},
                folder=self._folder,
                on_cell=tell,
            )
        except NotebookFailed as failure:
            return replace(begun, results=read_results(notebook), failed_cell=failure.cell, error=failure.error)
        return replace(begun, status=StepStatus.DONE, results=read_results(notebook), error=None)

    def _lookup(self, reference: Reference) -> Any:
        """The value a reference names; LookupError says why it has no value."""
        if reference.step is None:
            return self._log.run.parameters[reference.name]
        step = self._log.run.step(reference.step)
        if step is None or step.status is StepStatus.SKIPPED:
            raise StepWasSkipped(reference.step)
        if reference.name not in step.results:
            hint = known_names(reference.name, step.results)
            raise LookupError(f"the step {reference.step} reported no {reference.name!r}; {hint}")
        return step.results[reference.name]

    def _reason_to_skip(self, step: Step) -> str | None:
        if step.when is None:
            return None
        try:
            value = self._lookup(step.when)
        except StepWasSkipped:
            return f"the step {step.when.step} was skipped"
        return None if value else f"{step.when} is {value!r}"

    def _values(self, step: Step) -> dict[str, Any]:
        values = {}
        for name, value in step.parameters.items():
            try:
                values[name] = fill(value, self._lookup)
            except StepWasSkipped:
                continue  # the notebook's own default stands
        return values

    def _what_is_done(self) -> str:
        done = len(self._log.run.steps)
        rest = self._pipeline.steps[done:]
        return f"go on with --from {rest[0].name}" if rest else "every step is done, but not all is recorded there"

    def _failure(self, step: StepRun) -> str:
        where = f", {step.failed_cell}" if step.failed_cell else ""
        kept = f"see {step.notebook}, then" if step.notebook else "correct it, then"
        return (
            f"The pipeline {self._pipeline.name} stopped at the step {step.name}{where}: {step.error}; {kept} go on"
            f" with --from {step.name}"
        )


def _planned(step: Step, values: Mapping[str, Any]) -> StepRun:
    note = f"when ${{{step.when}}}" if step.when else None
    return StepRun(step.name, StepStatus.PLANNED, step.parameters_with(values), note=note)


def _last_run(pipeline: Pipeline, home: Path) -> PipelineRun:
    runs = past_runs(home, pipeline.name)
    if not runs:
        raise WrongUse(f"The pipeline {pipeline.name} has no earlier run in {home}; run it without --from")
    return runs[0]


def _earlier_steps(pipeline: Pipeline, from_step: str, last: PipelineRun) -> tuple[StepRun, ...]:
    names = [step.name for step in pipeline.steps]
    if from_step not in names:
        raise WrongUse(f"The pipeline {pipeline.name} has no step {from_step!r}; {known_names(from_step, names)}")
    earlier = []
    for name in names[: names.index(from_step)]:
        step = last.step(name)
        if step is None or step.status not in {StepStatus.DONE, StepStatus.SKIPPED}:
            state = "failed" if step else "is missing"
            raise WrongUse(f"The step {name} {state} in the last run ({last.folder}); use --from {name}")
        earlier.append(step)
    return tuple(earlier)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 2)

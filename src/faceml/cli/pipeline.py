"""`faceml pipeline …`: run notebooks in order, by papermill."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from faceml.cli import show
from faceml.errors import WrongUse
from faceml.path_text import path_text
from faceml.pipelines.locate import find_pipeline, pipeline_files

if TYPE_CHECKING:
    from pathlib import Path

    from faceml.pipelines.definition import Pipeline
    from faceml.pipelines.history import PipelineRun
    from faceml.pipelines.runner import OnProgress


def _read_parameters(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    for text in given:
        if text.find("=") < 1:
            raise WrongUse(f"-p {text!r} is not NAME=VALUE")
    pairs = (text.split("=", 1) for text in given)
    return {name: path_text(value) for name, value in pairs}  # what is not UTF-8 is a path: a notebook takes it as text


parameters_option = click.option(
    *("-p", "--parameter", "parameters"),
    multiple=True,
    callback=_read_parameters,
    metavar="NAME=VALUE",
    help="Set a parameter.",
)


@click.group()
def pipeline() -> None:
    """Run pipelines of notebooks."""


def _pipeline_names(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    return [file.stem for file in pipeline_files() if file.stem.startswith(incomplete)]


@pipeline.command()
@click.argument("file", shell_complete=_pipeline_names)
@parameters_option
@click.option("--from", "from_step", metavar="STEP", help="Go on from this step of the last run.")
@click.option("--dry-run", is_flag=True, help="Check everything, run nothing.")
@show.queue_option
@show.as_json
def run(
    file: str, parameters: dict[str, str], from_step: str | None, dry_run: bool, queue: bool, as_json: bool
) -> None:
    """Run the pipeline FILE (pipelines/demo.yaml, or just demo)."""
    from faceml.pipelines.definition import read_pipeline
    from faceml.pipelines.runner import run_pipeline
    from faceml.services.operate.status import library_snapshot

    path = find_pipeline(file)
    definition = read_pipeline(path)
    library = show.open_configured()
    if queue and not dry_run:
        queued = {"pipeline": str(path.resolve()), "parameters": parameters, "from_step": from_step}
        show.enqueue("pipeline_job", queued, as_json=as_json)
        return
    with step_progress() as on_progress:
        done = run_pipeline(
            definition,
            parameters=parameters,
            home=library.settings.home,
            tracking=library.tracking,
            library=library_snapshot(library.repository),
            from_step=from_step,
            dry_run=dry_run,
            on_progress=on_progress,
        )
    show.print_report(done, _summary(done), as_json=as_json)


@pipeline.command("list")
@show.printed(lambda pipelines: "\n".join(map(_line, pipelines)), listed="pipelines")
def list_() -> object:
    """List the pipelines there are, and when each is due."""
    return [_listed(file) for file in pipeline_files()]


@pipeline.command("show")
@click.argument("file", shell_complete=_pipeline_names)
@show.as_json
def show_(file: str, as_json: bool) -> None:
    """Show the parameters and steps of the pipeline FILE."""
    from faceml.pipelines.definition import read_pipeline

    path = find_pipeline(file).resolve()
    definition = read_pipeline(path)
    show.print_report(_plain(path, definition), _described(path, definition), as_json=as_json)


@pipeline.command()
@click.argument("name", required=False)
@click.option("--limit", default=20, show_default=True, help="Runs at most, the newest first.")
@show.printed(
    lambda runs: "\n".join(map(_past, runs)) or "No runs yet: `faceml pipeline run NAME` makes one", listed="runs"
)
def history(name: str | None, limit: int) -> object:
    """List this library's runs, of the pipeline NAME or of all."""
    from faceml.pipelines.history import past_runs

    return past_runs(show.open_configured().settings.home, name)[:limit]


@pipeline.command()
@click.argument("files", nargs=-1, shell_complete=_pipeline_names)
@parameters_option
@click.option("--webhook", metavar="URL", help="POST counts and outcomes of each run there, as JSON.")
def schedule(files: tuple[str, ...], parameters: dict[str, str], webhook: str | None) -> None:
    """Run pipelines by their cron lines until stopped (default: all that have one); what was missed runs once."""
    from faceml.pipelines.schedule import read_schedule, run_schedule

    chosen = [find_pipeline(file) for file in files] or pipeline_files()
    settings = show.open_configured().settings
    scheduled = read_schedule(chosen, parameters, webhook=webhook)
    try:
        run_schedule(settings, scheduled, on_note=_note)
    except SystemExit:
        _note("stopped")


def _note(note: str) -> None:
    click.echo(f"{datetime.now():%Y-%m-%d %H:%M:%S} {note}", err=True)


@contextmanager
def step_progress() -> Iterator[OnProgress]:
    """One line on stderr, rewritten in a terminal: which step and cell is running."""
    is_terminal = sys.stderr.isatty()
    last: list[tuple[int, str]] = []

    def show_step(step: int, steps: int, name: str, cell: int, cells: int) -> None:
        if is_terminal:
            click.echo(f"\r\x1b[K[{step}/{steps}] {name}: cell {cell} of {cells}", nl=False, err=True)
        elif (step, name) not in last:
            last.append((step, name))
            click.echo(f"[{step}/{steps}] {name}", err=True)

    try:
        yield show_step
    finally:
        if is_terminal:
            click.echo("\r\x1b[K", nl=False, err=True)


def _summary(run: PipelineRun) -> str:
    lines = [f"Pipeline {run.pipeline}: {run.status} in {run.seconds:.0f} s"]
    taken_over = run.taken_over()
    for step in run.steps:
        results = ", ".join(f"{name} {value}" for name, value in step.results.items())
        before = " (in the run before)" if step in taken_over else ""
        lines.append(f"  {step.name:15} {step.status:8} {step.seconds:5.1f} s  {step.note or results}{before}")
    if run.folder is not None:
        lines += [f"Executed notebooks: {run.folder}", f"Report: {run.folder / 'report.html'}"]
    return "\n".join(lines)


def _listed(file: Path) -> dict[str, Any]:
    from faceml.pipelines.cron import next_due
    from faceml.pipelines.definition import read_pipeline

    try:
        found = read_pipeline(file)
    except WrongUse as error:
        return {"name": file.stem, "file": file, "problem": str(error)}
    due = next_due(found.cron, datetime.now().astimezone()) if found.cron else None
    return {"name": found.name, "file": file, "description": found.description, "cron": found.cron, "next": due}


def _line(listed: dict[str, Any]) -> str:
    if "problem" in listed:
        return f"{listed['name']:12} cannot be read: {listed['problem']}"
    due = f" (cron {listed['cron']}, next {listed['next']:%Y-%m-%d %H:%M})" if listed["next"] else ""
    return f"{listed['name']:12} {listed['description']}{due}"


def _plain(path: Path, found: Pipeline) -> dict[str, Any]:
    parameters = [
        {"name": name, "type": item.type, "default": item.default, "required": item.required, "help": item.help}
        for name, item in found.parameters.items()
    ]
    return {"path": path, **found.model_dump(), "parameters": parameters}


def _described(path: Path, found: Pipeline) -> str:
    lines = [f"{found.name}: {found.description}", f"File: {path}"]
    if found.cron:
        lines.append(f"Cron: {found.cron}")
    lines += ["", "Parameters:"] if found.parameters else []
    width = max((len(parameter.type) for parameter in found.parameters.values()), default=0)
    for name, parameter in found.parameters.items():
        value = "required" if parameter.required else f"default {parameter.default!r}"
        lines.append(f"  {name:18} {parameter.type:{width}} {value:18} {parameter.help}")
    lines += ["", "Steps:"]
    for step in found.steps:
        when = f", when ${{{step.when}}}" if step.when else ""
        lines.append(f"  {step.name:18} {step.notebook.name}{when}")
    return "\n".join(lines)


def _past(run: PipelineRun) -> str:
    failed = next((f" at {step.name}: {step.error}" for step in run.steps if step.error), "")
    return (
        f"{run.started_at:%Y-%m-%d %H:%M} {run.pipeline:12} {run.status:8} {run.seconds:6.0f} s  {run.folder}{failed}"
    )

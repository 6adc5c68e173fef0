"""`faceml pipeline …`: run notebooks in order, by papermill."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from faceml.cli import show
from faceml.cli.jobs import enqueue
from faceml.errors import WrongUse

if TYPE_CHECKING:
    from faceml.pipelines.history import PipelineRun
    from faceml.pipelines.runner import OnProgress


@click.group()
def pipeline() -> None:
    """Run pipelines of notebooks."""


@pipeline.command()
@click.argument("file")
@click.option("-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="Set a parameter.")
@click.option("--from", "from_step", metavar="STEP", help="Go on from this step of the last run.")
@click.option("--dry-run", is_flag=True, help="Check everything, run nothing.")
@show.queue_option
@show.as_json
def run(
    file: str, parameters: tuple[str, ...], from_step: str | None, dry_run: bool, queue: bool, as_json: bool
) -> None:
    """Run the pipeline FILE (pipelines/demo.yaml, or just demo)."""
    from faceml.pipelines.definition import read_pipeline
    from faceml.pipelines.locate import find_pipeline
    from faceml.pipelines.runner import run_pipeline
    from faceml.services.snapshot import library_snapshot

    path = find_pipeline(file)
    definition = read_pipeline(path)
    library = show.open_configured()
    if queue and not dry_run:
        values = dict(_parameter(item) for item in parameters)
        queued = {"pipeline": str(path.resolve()), "parameters": values, "from_step": from_step}
        enqueue(library, "pipeline_job", queued, as_json=as_json)
        return
    with step_progress() as on_progress:
        done = run_pipeline(
            definition,
            parameters=dict(_parameter(item) for item in parameters),
            home=library.settings.home,
            tracking=library.tracking,
            library=library_snapshot(library),
            from_step=from_step,
            dry_run=dry_run,
            on_progress=on_progress,
        )
    show.print_report(done, _summary(done), as_json=as_json)


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


def _parameter(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise WrongUse(f"-p {text!r} is not NAME=VALUE")
    return name, value


def _summary(run: PipelineRun) -> str:
    lines = [f"Pipeline {run.pipeline}: {run.status} in {run.seconds:.0f} s"]
    for step in run.steps:
        results = ", ".join(f"{name} {value}" for name, value in step.results.items())
        lines.append(f"  {step.name:15} {step.status:8} {step.seconds:5.1f} s  {step.note or results}")
    if run.folder is not None:
        lines.append(f"Executed notebooks: {run.folder}")
    return "\n".join(lines)

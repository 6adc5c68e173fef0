"""`faceml worker` and `faceml jobs …`: background jobs from the shell."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from faceml.cli import show
from faceml.plots.report_table import in_words

if TYPE_CHECKING:
    from faceml.jobs.state import JobState

LOOK_EVERY_S = 0.5


def job_text(state: JobState) -> str:
    lines = [f"Job: {state.id}", f"Name: {state.name}", f"State: {state.state}"]
    if state.progress:
        lines.append(f"Progress: {state.progress.done} of {state.progress.total}")
    if state.attempts > 1:
        lines.append(f"Attempts: {state.attempts}")
    if state.error:
        lines.append(f"Error: {state.error}")
    lines += [f"{in_words(name)}: {value}" for name, value in (state.result or {}).items()]
    return "\n".join([*lines, *([f"Note: {state.note}"] if state.note else [])])


def _row(state: JobState) -> str:
    progress = f"{state.progress.done}/{state.progress.total}" if state.progress else ""
    created = state.created_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return f"{state.id}  {created}  {state.name:22} {state.state:9} {progress:13} {state.error or ''}".rstrip()


@click.command()
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Processes on this machine.")
@click.option("--burst", is_flag=True, help="Leave as soon as the queue is empty.")
def worker(workers: int, burst: bool) -> None:
    """Run background jobs of the queue 'default' until Ctrl-C or SIGTERM.

    A job that runs then goes back to the front of the queue; what it stored stays.
    """
    from faceml.config import read_settings
    from faceml.jobs.pool import FaceWorkerPool, configure_logging
    from faceml.jobs.queue import connect_queue
    from faceml.wiring import open_library

    settings = read_settings()
    configure_logging(settings)
    queue = connect_queue(open_library(settings))
    try:
        pool = FaceWorkerPool(settings, queue, count=workers)
        click.echo(f"{workers} worker{'s' if workers > 1 else ''} on the queue 'default'; Ctrl-C stops", err=True)
        pool.start(burst=burst, logging_level="ERROR")
    finally:
        queue.close()


@click.group()
def jobs() -> None:
    """Follow background jobs."""


@jobs.command("list")
@click.option("--limit", default=20, show_default=True, help="Jobs at most, newest first.")
@show.printed(lambda states: "\n".join(map(_row, states)) or "No jobs. `--queue` hands one out.", listed="jobs")
def list_jobs(limit: int) -> object:
    """List jobs, newest first."""
    return show.open_queue().list(limit)


@jobs.command("show")
@click.argument("job_id")
@click.option("--follow", is_flag=True, help="Wait until it has ended, showing its progress.")
@show.printed(job_text)
def show_job(job_id: str, follow: bool) -> object:
    """Show one job: state, progress, result or error."""
    queue = show.open_queue()
    state = queue.get(job_id)
    with show.progress_bar("Job", "steps") as on_progress:
        while follow and not state.has_ended:
            if state.progress:
                on_progress(state.progress.done, state.progress.total)
            time.sleep(LOOK_EVERY_S)
            state = queue.get(job_id)
    return state


@jobs.command()
@click.argument("job_id")
@show.printed(lambda state: f"Job {state.id} is {'being stopped' if state.state == 'started' else state.state}")
def cancel(job_id: str) -> object:
    """Take a job out of the queue, or stop it; what it stored stays."""
    return show.open_queue().cancel(job_id)
